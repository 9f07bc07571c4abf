"""Which connection is watched: that of the camera, the one that is recorded, or one that is made for the viewers and ended after them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from panops.config.schema import CameraConfig
from panops.ingest.camera_feed import CameraFeed
from panops.pipeline import video_sources
from panops.pipeline.shard_recording import ShardRecording
from panops.pipeline.video_sources import MOST_MADE, VideoSources
from panops.testing.fake_clock import FakeClock


class Connection:
    """A connection that is made here."""

    def __init__(self) -> None:
        self.did: list[str] = []

    def start(self) -> None:
        self.did.append("start")

    def stop(self, timeout_s: float) -> bool:
        self.did.append("stop")
        return timeout_s > 0


class Shard:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.clock = FakeClock()
        self.made: list[Connection] = []
        self.recorded: dict[str, CameraFeed] = {}
        self.looked_at = cast("CameraFeed", object())
        self.cameras: dict[str, Any] = {"gate": self.camera("rtsp://camera.example/main"), "yard": self.camera("")}
        monkeypatch.setattr(video_sources, "second_connection", self.connect)
        recording = cast("ShardRecording", SimpleNamespace(own=self.recorded.get))
        self.sources = VideoSources(self.cameras.get, recording, self.clock)

    def camera(self, main: str) -> Any:
        config = CameraConfig.model_validate({"source": "rtsp://camera.example/sub", **({"record_source": main} if main else {})})
        return SimpleNamespace(feed=self.looked_at, loop=SimpleNamespace(config=config))

    def connect(self, camera_id: str, config: CameraConfig, clock: object) -> Connection | None:
        assert clock is self.clock
        assert config is self.cameras[camera_id].loop.config
        if not config.record_source.get_secret_value():
            return None
        self.made.append(Connection())
        return self.made[-1]


@pytest.fixture
def shard(monkeypatch: pytest.MonkeyPatch) -> Shard:
    return Shard(monkeypatch)


def test_the_stream_that_is_looked_at_needs_no_connection(shard: Shard) -> None:
    assert shard.sources.feed("gate", "sub") is shard.looked_at
    assert shard.sources.feed("nobody", "sub") == "the camera does not run"
    assert shard.sources.feed("yard", "main") == "the camera has no main stream of its own: set `record_source`"
    assert shard.made == []


def test_a_main_stream_that_is_recorded_is_not_connected_to_twice(shard: Shard) -> None:
    shard.recorded["gate"] = recorded = cast("CameraFeed", object())
    assert shard.sources.feed("gate", "main") is recorded
    assert shard.made == []


def test_one_that_is_only_watched_is_connected_to_meanwhile(shard: Shard) -> None:
    made = shard.sources.feed("gate", "main")
    assert made is shard.sources.feed("gate", "main")
    shard.sources.keep({"gate"})
    shard.sources.keep(())
    shard.clock.now_s += 4.0
    shard.sources.keep({"gate"})
    shard.clock.now_s += 60.0
    shard.sources.keep(())
    assert shard.made[0].did == ["start"], "somebody came back in time"
    shard.clock.now_s += 5.0
    shard.sources.keep(())
    assert shard.made[0].did == ["start", "stop"]
    assert not shard.sources.any_open


def test_it_ends_with_its_camera_and_its_settings(shard: Shard) -> None:
    shard.sources.feed("gate", "main")
    shard.cameras["gate"] = shard.camera("rtsp://camera.example/other")
    shard.sources.feed("gate", "main")
    assert [one.did for one in shard.made] == [["start", "stop"], ["start"]]
    del shard.cameras["gate"]
    assert shard.sources.feed("gate", "main") == "the camera does not run"
    assert shard.made[1].did == ["start", "stop"]
    shard.cameras["gate"] = shard.camera("rtsp://camera.example/other")
    shard.sources.feed("gate", "main")
    shard.sources.close()
    assert shard.made[2].did == ["start", "stop"]


def test_there_is_a_limit_of_connections_and_the_one_that_is_longest_left_gives_way(shard: Shard) -> None:
    names = [f"camera-{number}" for number in range(MOST_MADE + 2)]
    shard.cameras |= {name: shard.camera("rtsp://camera.example/main") for name in names}
    for name in names[:MOST_MADE]:
        shard.sources.feed(name, "main")
    shard.sources.keep(names[:MOST_MADE])
    assert shard.sources.feed(names[-1], "main") == "16 main streams are watched already; this is shown as pictures"
    shard.sources.keep([name for name in names[:MOST_MADE] if name != names[7]])
    shard.clock.now_s += 1.0
    shard.sources.keep([names[0]])
    for name in names[MOST_MADE:]:
        assert not isinstance(shard.sources.feed(name, "main"), str)
    assert shard.made[7].did == ["start", "stop"], "it was left before the others"
    assert shard.made[0].did == ["start"], "it is watched"
    assert sum(one.did == ["start"] for one in shard.made) == MOST_MADE
