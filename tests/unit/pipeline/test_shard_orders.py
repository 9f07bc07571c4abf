"""What a shard process answers to its orders, over a real socket pair."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from panops.pipeline.link import Message, ShardLink, pack, read_message
from panops.pipeline.shard import Shard
from panops.pipeline.shard_process import _obey
from panops.storage.database import Database
from panops.storage.home import Home


def first_answer(folder: Path, order: Message, monkeypatch: pytest.MonkeyPatch) -> Message:
    """What a shard whose cameras cannot be tidied up answers to an order."""

    async def run() -> Message:
        ours, theirs = socket.socketpair()
        reader, writer = await asyncio.open_connection(sock=ours)
        database, link = Database.at(folder).open(), ShardLink(theirs)
        shard = Shard(0, Home(folder).create(), database, "motion", link)

        def broken(camera_id: str) -> None:
            raise RuntimeError(f"the events of {camera_id} cannot be ended")

        monkeypatch.setattr(shard, "drop", broken)
        writer.write(pack(order) + pack({"type": "drain"}))
        try:
            await asyncio.to_thread(_obey, shard, link)
            async with asyncio.timeout(2):
                message, _ = await read_message(reader)
            return message
        finally:
            link.close()
            writer.close()
            database.close()

    return asyncio.run(run())


def test_a_camera_that_could_not_be_tidied_up_is_let_go_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = first_answer(tmp_path, {"type": "drop", "camera": "a", "epoch": 3}, monkeypatch)
    assert found == {"type": "dropped", "camera": "a", "epoch": 3}
