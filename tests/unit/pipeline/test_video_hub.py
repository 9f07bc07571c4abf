"""Viewers of live video: one copy for all, a quick start, nothing that grows, a limit."""

from __future__ import annotations

import asyncio

import pytest

from panops.pipeline import video_hub
from panops.pipeline.video import StreamName, TooManyViewersError, VideoMessage, VideoPiece, VideoRefused, VideoStart, video_to_wire
from panops.pipeline.video_hub import MOST_VIEWERS, VideoHub

pytestmark = pytest.mark.anyio
START = VideoStart('video/mp4; codecs="avc1.64001f"', (640, 360), b"start")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def piece(number: int, *, key: bool = False, size: int = 10) -> VideoPiece:
    return VideoPiece(key, number / 10, 1000 + number / 10, bytes(size))


class Site:
    def __init__(self) -> None:
        self.changes = 0
        self.hub = VideoHub(self._changed, lambda camera_id: 1 if camera_id == "far" else 0)

    def _changed(self) -> None:
        self.changes += 1

    def say(self, *messages: VideoMessage, camera: str = "gate", stream: StreamName = "sub") -> None:
        for message in messages:
            self.hub.take(*video_to_wire(camera, stream, message))


async def test_one_copy_serves_all_and_who_comes_later_begins_at_once() -> None:
    site = Site()
    first = site.hub.open("gate", "sub")
    site.say(START, piece(0, key=True), piece(1), piece(2, key=True), piece(3))
    second = site.hub.open("gate", "sub")
    assert site.hub.wanted(0) == [["gate", "sub", 1]]
    assert site.hub.wanted(1) == []
    assert [*await first.next()] == [START, piece(0, key=True), piece(1), piece(2, key=True), piece(3)]
    assert [*await second.next()] == [START, piece(2, key=True), piece(3)], "the group of pictures that is under way"
    first.close()
    site.say(piece(4))
    assert [*await second.next()] == [piece(4)]
    assert site.changes == 1
    second.close()
    second.close()
    assert await second.next() == []
    assert (site.hub.wanted(0), site.changes) == ([], 2)
    third = site.hub.open("gate", "sub")
    assert site.hub.wanted(0) == [["gate", "sub", 2]], "it begins anew"
    site.say(piece(5, key=True))
    site.say(START, piece(6, key=True))
    assert [*await third.next()] == [START, piece(6, key=True)], "what was on its way for those before is not for this one"


async def test_a_slow_viewer_goes_on_with_the_next_keyframe_and_nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    site, now = Site(), [0.0]
    monkeypatch.setattr(video_hub, "monotonic", lambda: now[0])
    slow, quick = site.hub.open("gate", "sub"), site.hub.open("gate", "sub")
    site.say(START, piece(0, key=True), piece(1))
    await quick.next()
    now[0] = 3.0
    site.say(piece(2), piece(3), piece(4, key=True), piece(5))
    assert [*await slow.next()] == [START, piece(4, key=True), piece(5)]
    assert slow.skipped == 4
    assert [*await quick.next()] == [piece(2), piece(3), piece(4, key=True), piece(5)]
    assert quick.skipped == 0
    site.say(piece(6))
    now[0] = 6.0
    site.say(piece(7))
    waiting = asyncio.ensure_future(slow.next())
    await asyncio.sleep(0)
    assert not waiting.done(), "there is nothing left for it, which is not the end"
    site.say(piece(8, key=True))
    assert [*await waiting] == [piece(8, key=True)]


async def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(video_hub, "_MOST_BYTES", 100)
    site = Site()
    viewer = site.hub.open("gate", "sub")
    site.say(START, piece(0, key=True, size=60), piece(1, size=60), piece(2, size=60))
    late = site.hub.open("gate", "sub")
    assert [*await late.next()] == [START], "a group too long is not begun in its middle"
    assert [*await viewer.next()] == [START], "and what waits is no more than the bound and one picture"
    site.say(piece(3, key=True))
    assert [*await late.next()] == [piece(3, key=True)]


async def test_what_is_refused_is_told_and_a_new_beginning_clears_what_waits() -> None:
    site = Site()
    viewer = site.hub.open("gate", "sub")
    site.say(START, piece(0, key=True), VideoRefused("the camera is not live"))
    assert [*await viewer.next()] == [VideoRefused("the camera is not live")]
    site.say(START, piece(1, key=True))
    other = VideoStart("video/mp4", (1280, 720), b"other")
    site.say(other, piece(2, key=True))
    assert [*await viewer.next()] == [other, piece(2, key=True)]
    site.hub.gone(0, "process 0 ended")
    assert [*await viewer.next()] == [VideoRefused("process 0 ended")]
    site.hub.gone(1, "process 1 ended")
    assert not viewer._wake.is_set()


def test_there_is_a_limit_for_each_process() -> None:
    site = Site()
    viewers = [site.hub.open("gate", "sub" if number % 2 else "main") for number in range(MOST_VIEWERS)]
    with pytest.raises(TooManyViewersError, match="16 watch"):
        site.hub.open("yard", "sub")
    site.hub.open("far", "sub")
    viewers[0].close()
    site.hub.open("yard", "sub")
