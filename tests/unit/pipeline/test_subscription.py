"""Viewers' feeds: latest picture wins, notices are kept, wishes add up."""

from __future__ import annotations

import asyncio

from panops.pipeline.live import EventNotice, Preview
from panops.pipeline.subscription import FeedHub


def picture(camera: str, number: int, size: str = "s") -> Preview:
    return Preview(camera, float(number), size, bytes([number]))  # type: ignore[arg-type]


def test_latest_picture_wins_and_notices_are_kept() -> None:
    async def run() -> None:
        hub = FeedHub(lambda: None)
        feed = hub.subscribe()
        feed.watch(["a", "b"], 5, "s")
        for number in range(10):
            hub.publish(picture("a", number))
            hub.publish(EventNotice(f"a-1-{number}", "a", "r", "begin"))
        hub.publish(picture("b", 1))
        hub.publish(picture("c", 1))
        hub.publish(picture("a", 99, "l"))
        messages = await feed.next()
        assert [m.event_id for m in messages if isinstance(m, EventNotice)] == [f"a-1-{n}" for n in range(10)]
        assert {(m.camera_id, m.time_s) for m in messages if isinstance(m, Preview)} == {("a", 9.0), ("b", 1.0)}
        waiting = asyncio.create_task(feed.next())
        await asyncio.sleep(0)
        assert not waiting.done()
        feed.close()
        feed.close()
        assert await waiting == []

    asyncio.run(run())


def test_wishes_are_the_highest_of_all_viewers_and_vanish_with_them() -> None:
    async def run() -> None:
        changes: list[int] = []
        hub = FeedHub(lambda: changes.append(1))
        first, second = hub.subscribe(), hub.subscribe()
        first.watch(["a"], 5, "s")
        second.watch(["a", "b"], 10, "s")
        assert hub.wishes() == {("a", "s"): 10, ("b", "s"): 10}
        second.watch(["a"], 12, "l")
        assert hub.wishes() == {("a", "s"): 5, ("a", "l"): 12}
        first.close()
        second.close()
        assert hub.wishes() == {}
        assert len(changes) == 5

    asyncio.run(run())
