"""The wire between supervisor and shard, over a real socket pair."""

from __future__ import annotations

import asyncio
import socket
import time

import pytest

from panops.pipeline.link import LinkClosedError, ShardLink, pack, read_message


def test_messages_arrive_whole_and_in_order() -> None:
    ours, theirs = socket.socketpair()
    link = ShardLink(theirs)
    tail = bytes(range(256)) * 4000

    async def talk() -> list[tuple[dict[str, object], bytes]]:
        reader, writer = await asyncio.open_connection(sock=ours)
        writer.write(pack({"type": "boot"}, b"xyz"))
        await writer.drain()
        assert await asyncio.to_thread(link.receive) == ({"type": "boot"}, b"xyz")
        for number in range(50):
            assert link.send({"n": number}, tail if number % 7 == 0 else b"")
        got = [await read_message(reader) for _ in range(50)]
        link.close()
        with pytest.raises(LinkClosedError):
            await read_message(reader)
        writer.close()
        await writer.wait_closed()
        return got

    got = asyncio.run(talk())
    assert [message["n"] for message, _ in got] == list(range(50))
    assert all(body == (tail if message["n"] % 7 == 0 else b"") for message, body in got)


def test_previews_are_dropped_when_nobody_reads_and_the_rest_is_kept() -> None:
    ours, theirs = socket.socketpair()
    link = ShardLink(theirs)
    taken = sum(link.send({"type": "preview"}, b"x" * 200_000, droppable=True) for _ in range(200))
    assert 64 <= taken < 200
    assert link.send({"type": "event"})
    ours.close()
    link.close()


def test_small_pictures_of_video_do_not_take_the_room_of_events() -> None:
    ours, theirs = socket.socketpair()
    link = ShardLink(theirs)
    taken = sum(link.send({"type": "video"}, b"x", video=True) for _ in range(20_000))
    assert 1000 <= taken < 5000, "what lies in the socket's own buffer comes on top"
    assert link.send({"type": "event"})
    ours.close()
    link.close()


def test_the_death_of_either_side_is_seen() -> None:
    ours, theirs = socket.socketpair()
    link = ShardLink(theirs)
    ours.close()
    with pytest.raises(LinkClosedError, match="supervisor is gone"):
        link.receive()
    deadline = time.monotonic() + 5
    while link.send({"type": "status"}, b"x" * 100_000) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not link.send({"type": "status"})
    link.close()
    link.close()


def test_nonsense_is_refused() -> None:
    ours, theirs = socket.socketpair()
    link = ShardLink(theirs)
    ours.sendall(b"\xff" * 8)
    with pytest.raises(LinkClosedError, match="cannot be right"):
        link.receive()
    ours.close()
    link.close()
