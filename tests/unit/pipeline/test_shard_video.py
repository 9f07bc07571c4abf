"""A shard's live video: copied from the ring, from a keyframe on, and never in the way of what comes in."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from panops.ingest.camera_feed import CameraFeed
from panops.ingest.packet_ring import PacketRing
from panops.pipeline.link import Message
from panops.pipeline.shard_video import ShardVideo
from panops.pipeline.stage_meter import StageMeter
from panops.pipeline.video import StreamName, VideoMessage, VideoPiece, VideoRefused, VideoStart, video_from_wire
from panops.pipeline.video_sources import VideoSources
from panops.testing.films import make_film
from tests.unit.ingest.recorded_packets import later, load


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_film(tmp_path_factory.mktemp("film") / "film.mp4")


@dataclass
class Sources:
    """One camera's connection, as the shard has it."""

    feed_: CameraFeed | str
    kept: list[set[str]] = field(default_factory=list)
    any_open: bool = False

    def feed(self, camera_id: str, stream: StreamName) -> CameraFeed | str:
        assert (camera_id, stream) == ("gate", "sub")
        return self.feed_

    def keep(self, watched: set[str]) -> None:
        self.kept.append(watched)

    def close(self) -> None:
        self.kept.append(set())


class Shard:
    def __init__(self, film: Path) -> None:
        self.info, self.packets = load(film, 1000.0)
        self.sent: list[VideoMessage] = []
        self.takes = True
        self.sources = Sources(self.connection())
        self.video = ShardVideo(cast("VideoSources", self.sources), self.send, StageMeter())
        self.video._thread = cast("object", self)  # type: ignore[assignment]  # rounds are made by hand here

    def connection(self) -> CameraFeed:
        """The parts of a connection that are read; the ring is a real one."""
        status = SimpleNamespace(state="live", message="")
        return cast("CameraFeed", SimpleNamespace(ring=PacketRing(60.0, 10**9), info=self.info, status=status))

    def send(self, message: Message, tail: bytes) -> bool:
        if self.takes:
            self.sent.append(video_from_wire(message, tail))
        return self.takes

    def come(self, first: int, last: int, epoch: int = 0) -> None:
        assert isinstance(self.sources.feed_, CameraFeed | SimpleNamespace)
        for packet in later(self.packets[first:last], 0.0, epoch):
            self.sources.feed_.ring.append(packet)

    def round(self) -> list[VideoMessage]:
        self.sent.clear()
        self.video.run_once()
        return list(self.sent)


def keys(messages: list[VideoMessage]) -> list[bool]:
    return [one.is_keyframe for one in messages if isinstance(one, VideoPiece)]


def test_a_viewer_begins_with_the_group_under_way_and_then_gets_each_picture(film: Path) -> None:
    shard = Shard(film)
    shard.come(0, 15)
    assert shard.round() == [], "nobody watches"
    shard.video.watch([["gate", "sub", 1]])
    begun = shard.round()
    assert isinstance(begun[0], VideoStart)
    assert keys(begun) == [True, False, False, False, False]
    shard.come(15, 17)
    assert keys(shard.round()) == [False, False]
    assert shard.round() == []
    shard.video.watch([["gate", "sub", 2]])
    assert isinstance(shard.round()[0], VideoStart), "another number begins anew"
    shard.video.watch([])
    shard.come(17, 18)
    assert shard.round() == []
    assert shard.sources.feed_.ring.listener is None, "nobody is told of packets any more"  # type: ignore[union-attr]


def test_what_the_supervisor_does_not_take_is_left_out_up_to_the_next_keyframe(film: Path) -> None:
    shard = Shard(film)
    shard.come(0, 12)
    shard.video.watch([["gate", "sub", 1]])
    shard.round()
    shard.takes = False
    shard.come(12, 13)
    shard.round()
    shard.takes = True
    shard.come(13, 22)
    assert keys(shard.round()) == [True, False], "the pictures 13 to 19 build on one that was lost"


def test_a_new_epoch_and_a_new_connection_begin_with_their_own_parameters(film: Path) -> None:
    shard = Shard(film)
    shard.come(0, 5)
    shard.video.watch([["gate", "sub", 1]])
    shard.round()
    shard.come(10, 12, epoch=1)
    begun = shard.round()
    assert isinstance(begun[0], VideoStart)
    assert keys(begun) == [True, False]
    shard.sources.feed_ = shard.connection()
    assert shard.round() == []
    shard.come(20, 21, epoch=0)
    assert isinstance(shard.round()[0], VideoStart)


def test_why_there_is_none_is_told_once(film: Path, tmp_path: Path) -> None:
    shard = Shard(film)
    shard.sources.feed_ = "the camera does not run"
    shard.video.watch([["gate", "sub", 1]])
    assert shard.round() == [VideoRefused("the camera does not run")]
    assert shard.round() == []
    shard.sources.feed_ = shard.connection()
    silent: Any = shard.sources.feed_.status
    silent.state, silent.message = "unreachable", "nothing answers"
    assert shard.round() == [VideoRefused("nothing answers")]
    shard.info, shard.packets = load(make_film(tmp_path / "film.avi", "mjpeg", pix_fmt="yuvj420p"))
    shard.sources.feed_ = shard.connection()
    shard.come(0, 3)
    assert shard.round() == [VideoRefused("its codec, mjpeg, is shown as pictures: expected H.264 or H.265")]


def test_the_thread_is_woken_by_packets_and_ends_when_nobody_watches(film: Path) -> None:
    shard = Shard(film)
    shard.video._thread = None
    shard.come(0, 10)
    shard.video.watch([["gate", "sub", 1]])
    deadline_s = time.monotonic() + 20
    while len(shard.sent) < 11 and time.monotonic() < deadline_s:
        time.sleep(0.01)
    shard.come(10, 12)
    while len(shard.sent) < 13 and time.monotonic() < deadline_s:
        time.sleep(0.01)
    assert keys(shard.sent)[-2:] == [True, False]
    thread = cast("threading.Thread", getattr(shard.video, "_thread"))  # noqa: B009 - mypy holds it for what it was set to above
    shard.video.watch([])
    thread.join(20)
    assert not thread.is_alive()
    shard.video.close()
