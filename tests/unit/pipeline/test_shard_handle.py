"""A shard's supervision outlives everything that can go wrong with it; with real processes."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from panops.domain.errors import StorageLocked
from panops.pipeline.link import pack
from panops.pipeline.shard_handle import HandleSettings, ShardHandle
from panops.storage.database import Database
from panops.storage.home import Home

SETTINGS = HandleSettings(silence_s=10, first_wait_s=0.1, longest_wait_s=0.3, drain_s=10)


class Site:
    """Greets shards of an empty site, badly if it is told to."""

    def __init__(self, folder: Path) -> None:
        self.home = Home(folder).create()
        Database.at(folder).open().close()
        self.bad_greetings = 0
        self.slow_s = 0.0
        self.bad_messages = 0
        self.exits: list[str] = []
        self.messages: list[str] = []
        self.handle = ShardHandle(0, self.greet, self.take, lambda _, reason: self.exits.append(reason), lambda _: None, SETTINGS)

    async def greet(self) -> list[dict[str, Any]]:
        await asyncio.sleep(self.slow_s)
        if self.bad_greetings:
            self.bad_greetings -= 1
            raise StorageLocked("another process holds the database")
        return [{"type": "boot", "index": 0, "home": str(self.home.path), "default_model": "motion"}]

    def take(self, _index: int, message: dict[str, Any], _tail: bytes) -> None:
        self.messages.append(message["type"])
        if self.bad_messages:
            self.bad_messages -= 1
            raise KeyError("not understood")

    async def until(self, condition: Any, timeout_s: float = 20.0) -> None:
        async with asyncio.timeout(timeout_s):
            while not condition():
                await asyncio.sleep(0.02)


def test_a_greeting_that_fails_is_tried_again(tmp_path: Path) -> None:
    async def run() -> None:
        site = Site(tmp_path)
        site.bad_greetings = 2
        site.handle.start()
        await site.until(lambda: "status" in site.messages)
        assert len(site.exits) == 2
        assert "another process holds the database" in site.exits[0]
        await site.handle.stop()
        assert site.handle.pid is None

    asyncio.run(run())


def test_orders_before_the_greeting_are_not_sent(tmp_path: Path) -> None:
    async def run() -> None:
        site = Site(tmp_path)
        site.slow_s = 0.8
        site.handle.start()
        await site.until(lambda: site.handle.pid is not None)
        assert not site.handle.send({"type": "watch", "wishes": []})
        await site.until(lambda: "status" in site.messages)
        assert site.handle.send({"type": "watch", "wishes": []})
        assert site.handle.send({"type": "nonsense"})
        assert site.handle.send({"type": "assign"})
        site.messages.clear()
        await site.until(lambda: site.messages.count("status") >= 2)
        assert site.exits == []
        await site.handle.stop()

    asyncio.run(run())


def test_a_message_that_cannot_be_handled_does_not_end_supervision(tmp_path: Path) -> None:
    async def run() -> None:
        site = Site(tmp_path)
        site.bad_messages = 2
        site.handle.start()
        await site.until(lambda: site.messages.count("status") >= 2)
        os.kill(site.handle.pid or 0, signal.SIGKILL)
        await site.until(lambda: len(site.exits) == 1)
        assert "signal 9" in site.exits[0]
        site.messages.clear()
        await site.until(lambda: "status" in site.messages)
        await site.handle.stop()

    asyncio.run(run())


def test_questions_are_answered(tmp_path: Path) -> None:
    async def run() -> None:
        site = Site(tmp_path)
        assert await site.handle.ask({"type": "drop", "camera": "a"}, {"type": "dropped"}, 5.0) is None
        site.handle.start()
        await site.until(lambda: site.handle.ready)
        expected = {"type": "dropped", "camera": "a", "epoch": 3}
        assert await site.handle.ask({"type": "drop", "camera": "a", "epoch": 3}, expected, 10.0) == expected
        assert await site.handle.ask({"type": "drop", "camera": "a", "epoch": 4}, expected, 0.5) is None
        asking = asyncio.create_task(site.handle.ask({"type": "nonsense"}, expected, 60.0))
        await asyncio.sleep(0.1)
        os.kill(site.handle.pid or 0, signal.SIGKILL)
        assert await asking == {}
        assert len(site.exits) == 1  # told before the answer, so that who asks knows of it
        await site.handle.stop()

    asyncio.run(run())


def test_starts_that_fail_are_counted_until_one_does_not(tmp_path: Path) -> None:
    async def run() -> None:
        site = Site(tmp_path)
        site.bad_greetings = 2
        site.handle.start()
        await site.until(lambda: site.handle.failed_starts == 2)
        await site.until(lambda: site.handle.ready)
        assert site.handle.failed_starts == 0
        os.kill(site.handle.pid or 0, signal.SIGKILL)
        await site.until(lambda: len(site.exits) == 3)
        # It ran: cameras that killed it would only kill the others.
        assert site.handle.failed_starts == 0
        assert not site.handle.ready
        await site.handle.stop()

    asyncio.run(run())


def test_a_silent_process_is_killed_and_started_again(tmp_path: Path) -> None:
    async def run() -> None:
        site = Site(tmp_path)
        site.handle._settings = HandleSettings(silence_s=2.5, first_wait_s=0.1, drain_s=5)
        site.handle.start()
        await site.until(lambda: "status" in site.messages)
        os.kill(site.handle.pid or 0, signal.SIGSTOP)
        await site.until(lambda: bool(site.exits))
        assert "signal 9" in site.exits[0]
        await site.handle.stop()

    asyncio.run(run())


def test_a_process_that_starts_slowly_is_waited_for(tmp_path: Path) -> None:
    async def run() -> None:
        site = Site(tmp_path)
        site.handle._settings = HandleSettings(start_s=20.0, silence_s=0.1)
        reader = asyncio.StreamReader()
        asyncio.get_running_loop().call_later(0.5, reader.feed_data, pack({"type": "ready"}))
        assert await site.handle._listen(reader) == "it did not say how it is for 0 s"
        assert site.messages == ["ready"]
        site.handle._settings = HandleSettings(start_s=0.1, silence_s=20.0)
        assert await site.handle._listen(asyncio.StreamReader()) == "it did not start within 0 s"

    asyncio.run(run())


def test_a_supervisor_that_slept_itself_does_not_blame_its_shards(tmp_path: Path) -> None:
    async def run() -> None:
        site = Site(tmp_path)
        site.handle._settings = HandleSettings(start_s=0.3, silence_s=0.3)
        ours, theirs = socket.socketpair()
        reader, writer = await asyncio.open_connection(sock=ours)
        loop = asyncio.get_running_loop()
        for at_s in (0.1, 1.2):
            # The whole process stands still, as after SIGSTOP; the shard goes on meanwhile.
            loop.call_later(at_s, time.sleep, 1.0)
            threading.Timer(at_s + 0.6, theirs.sendall, [pack({"type": "preview"}, bytes(600_000)) + pack({"type": "status"})]).start()
        reason = await site.handle._listen(reader)
        writer.close()
        theirs.shutdown(socket.SHUT_RDWR)
        theirs.close()
        assert "did not say how it is" in reason
        assert site.messages == ["preview", "status"] * 2

    asyncio.run(run())


def test_a_shard_that_hangs_is_ended_though_its_video_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("panops.pipeline.shard_handle._CATCH_UP_S", 0.3)

    async def run() -> None:
        site = Site(tmp_path)
        site.handle._settings = HandleSettings(start_s=20.0, silence_s=0.3)
        reader = asyncio.StreamReader()
        reader.feed_data(pack({"type": "ready"}))
        ended = asyncio.create_task(site.handle._listen(reader))
        async with asyncio.timeout(15):
            while not ended.done():
                reader.feed_data(pack({"type": "video"}, bytes(100)))
                await asyncio.sleep(0.02)
        assert ended.result() == "it did not say how it is for 0 s"
        assert site.messages.count("video") > 5, "they are passed on meanwhile"

    asyncio.run(run())
