"""Events of cameras that see nothing: when they begin, that they begin once, and when they end."""

from __future__ import annotations

from typing import Any

import pytest

from panops.config.schema import CameraConfig
from panops.domain.events import CAMERA_HEALTH, Event, EventPhase, Severity
from panops.motion.view import ViewFinding, ViewKind
from panops.pipeline.health_events import HealthEvents
from panops.pipeline.live import CameraState
from panops.testing.fake_clock import FakeClock


class Camera:
    """A camera's health events, and a clock that the test moves."""

    def __init__(self, **health: Any) -> None:
        self.clock = FakeClock(1000.0)
        config = CameraConfig.model_validate({"source": "rtsp://camera/1", "health": health})
        self.events = HealthEvents("gate", config, 7, self.clock)
        self.finding: ViewFinding | None = None
        self.told: list[Event] = []

    def seconds(self, count: int, state: CameraState, last_frame_s: float | None = None) -> list[tuple[str, EventPhase]]:
        """So many seconds go by in a state; kinds and phases of what was told."""
        told = []
        for _ in range(count):
            self.clock.now_s += 1.0
            told += self.events.update(state, self.finding, last_frame_s)
        self.told += told
        return [(event.incident.kind, event.phase) for event in told]


@pytest.mark.parametrize("state", ["unreachable", "unauthorized", "unsupported", "corrupt", "stalled", "starting"])
def test_a_camera_without_pictures_is_blind_after_half_a_minute(state: str) -> None:
    camera = Camera()
    camera.seconds(5, CameraState.LIVE)
    assert camera.seconds(30, CameraState(state), last_frame_s=1005.0) == []
    assert camera.seconds(2, CameraState(state), last_frame_s=1005.0) == [("camera_blind", EventPhase.BEGIN)]
    (event,) = camera.told
    assert (event.event_id, event.rule_id, event.severity) == ("gate-7-h0", CAMERA_HEALTH, Severity.WARNING)
    assert event.incident.started_at_s == 1005.0  # with its last picture
    assert event.incident.details == {"state": state}


def test_a_short_gap_is_no_blindness_and_a_blink_does_not_end_one() -> None:
    camera = Camera()
    for _ in range(5):
        assert camera.seconds(25, CameraState.UNREACHABLE) + camera.seconds(3, CameraState.LIVE) == []
    camera.seconds(31, CameraState.UNREACHABLE)
    assert camera.seconds(3, CameraState.LIVE) + camera.seconds(20, CameraState.UNREACHABLE) == []
    assert camera.seconds(7, CameraState.LIVE) == [("camera_blind", EventPhase.END)]


def test_an_event_that_goes_on_for_an_hour_is_heard_of_once_a_minute() -> None:
    camera = Camera()
    told = camera.seconds(3631, CameraState.UNREACHABLE)
    assert told[0][1] is EventPhase.BEGIN
    assert 55 <= len(told) <= 62
    assert {event.event_id for event in camera.told} == {"gate-7-h0"}


def test_another_reason_is_told_at_once() -> None:
    camera = Camera()
    camera.seconds(31, CameraState.UNREACHABLE)
    assert camera.seconds(1, CameraState.UNAUTHORIZED) == [("camera_blind", EventPhase.UPDATE)]
    assert camera.told[-1].incident.details == {"state": "unauthorized"}


@pytest.mark.parametrize("state", ["ended", "error", "disabled", "live"])
def test_a_film_at_its_end_and_a_model_that_fails_are_no_blind_camera(state: str) -> None:
    assert Camera().seconds(100, CameraState(state)) == []


def test_a_frozen_camera_is_told_at_once_and_ends_when_it_lives() -> None:
    camera = Camera()
    assert camera.seconds(2, CameraState.FROZEN) == [("camera_frozen", EventPhase.BEGIN)]
    assert camera.told[0].incident.started_at_s == 1001.0 - 60.0
    assert camera.seconds(5, CameraState.STALLED) == []
    assert camera.seconds(1, CameraState.LIVE) == [("camera_frozen", EventPhase.END)]


@pytest.mark.parametrize("kind", list(ViewKind))
def test_what_is_wrong_with_the_view_is_told_and_ends(kind: ViewKind) -> None:
    camera = Camera()
    camera.finding = ViewFinding(kind, 990.0, 0.9, (0.05, 0.0))
    assert camera.seconds(3, CameraState.LIVE) == [(f"camera_{kind}", EventPhase.BEGIN)]
    incident = camera.told[0].incident
    assert (incident.started_at_s, incident.score) == (990.0, 0.9)
    assert incident.details == {"share": 0.9, "shift_right": 0.05, "shift_down": 0.0}
    camera.finding = None
    assert camera.seconds(3, CameraState.STALLED) == []  # nobody knows
    assert camera.seconds(1, CameraState.LIVE) == [(f"camera_{kind}", EventPhase.END)]


def test_one_finding_takes_the_place_of_another() -> None:
    camera = Camera()
    camera.finding = ViewFinding(ViewKind.MOVED, 990.0, 1.0)
    camera.seconds(1, CameraState.LIVE)
    camera.finding = ViewFinding(ViewKind.COVERED, 995.0, 1.0)
    assert camera.seconds(1, CameraState.LIVE) == [("camera_moved", EventPhase.END), ("camera_covered", EventPhase.BEGIN)]


def test_at_the_end_everything_ends_and_nothing_begins_any_more() -> None:
    camera = Camera()
    camera.finding = ViewFinding(ViewKind.COVERED, 990.0, 1.0)
    camera.seconds(31, CameraState.STALLED)
    assert {(event.incident.kind, event.phase) for event in camera.events.finish()} == {
        ("camera_covered", EventPhase.END),
        ("camera_blind", EventPhase.END),
    }
    assert camera.events.finish() == []
    assert camera.seconds(40, CameraState.STALLED) == []


@pytest.mark.parametrize(("health", "state"), [({"enabled": False}, "stalled"), ({"blind_s": 0}, "stalled"), ({"frozen": False}, "frozen")])
def test_each_can_be_switched_off(health: dict[str, Any], state: str) -> None:
    assert Camera(**health).seconds(100, CameraState(state)) == []


def test_a_clock_that_is_set_back_silences_nobody() -> None:
    camera = Camera()
    camera.seconds(31, CameraState.STALLED)
    camera.clock.now_s -= 500
    camera.finding = ViewFinding(ViewKind.COVERED, 400.0, 1.0)
    assert ("camera_covered", EventPhase.BEGIN) in camera.seconds(3, CameraState.LIVE)
