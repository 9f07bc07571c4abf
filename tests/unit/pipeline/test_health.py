"""What a camera costs, from its first picture on."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from version_site import ScriptedDetector, boxes, loop_of

from panops.ingest.camera_feed import FeedStatus
from panops.pipeline.health import HealthMeter
from panops.pipeline.live import CameraStatus

# A second of connecting and of the first picture, far dearer than all that follow; then 0.1 cores.
CONNECTING_CPU_S = 0.9


class Camera:
    """A camera whose CPU time and pictures go on as the test says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_s = 1000.0
        self.cpu_s = 0.0
        self.meter = HealthMeter()
        self.loop = loop_of(ScriptedDetector(("person",), lambda frame: boxes()), followed=(True,))
        monkeypatch.setattr(time, "monotonic", lambda: self.now_s)

    def second(self, cores: float, pictures: int = 5) -> CameraStatus:
        """A second goes by; what the meter says then."""
        self.now_s += 1.0
        self.cpu_s += cores
        self.loop.counters.decoded += pictures
        return self.meter.status(self.loop, FeedStatus(state="live", cpu_s=self.cpu_s), "net", 0)


def test_the_first_seconds_are_no_measure(monkeypatch: pytest.MonkeyPatch) -> None:
    camera = Camera(monkeypatch)
    told = [camera.second(0.0, 0), camera.second(CONNECTING_CPU_S, 0), camera.second(CONNECTING_CPU_S, 1)]
    assert [(status.cost_cores, status.cost_over_s) for status in told] == [(0.0, 0.0)] * 3
    after = [camera.second(0.1) for _ in range(10)]
    assert [status.cost_cores for status in after] == pytest.approx([0.1] * 10)
    assert [status.cost_over_s for status in after] == pytest.approx(range(1, 11))


def test_at_first_the_mean_of_all_then_of_the_last_half_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    camera = Camera(monkeypatch)
    camera.second(0.0, 1)
    # One dear second among nine does not count more because it came first.
    first = camera.second(1.0)
    assert first.cost_cores == 1.0
    assert [camera.second(0.0) for _ in range(9)][-1].cost_cores == pytest.approx(0.1)
    steady = [camera.second(0.2) for _ in range(200)][-1]
    assert steady.cost_cores == pytest.approx(0.2, abs=0.001)
    rush = [camera.second(0.8) for _ in range(30)][-1]
    assert 0.5 < rush.cost_cores < 0.65  # two thirds of the way in half a minute
    assert rush.cost_over_s == 240
