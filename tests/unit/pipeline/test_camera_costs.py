"""What is known of cameras' costs: never from a young measurement, never from a camera that is not live."""

from __future__ import annotations

import pytest

from panops.pipeline.balance import CameraLoad
from panops.pipeline.camera_costs import CameraCosts
from panops.pipeline.live import CameraState, CameraStatus


def told(cost_cores: float, over_s: float = 100.0, state: CameraState = CameraState.LIVE, **more: object) -> CameraStatus:
    return CameraStatus("a", state, cost_cores=cost_cores, cost_over_s=over_s, **more)  # type: ignore[arg-type]  # the fields by name


def test_a_young_measurement_does_not_count() -> None:
    costs = CameraCosts()
    for at_s in range(60):
        costs.note(told(0.9, over_s=at_s), at_s)
    assert costs.known == {}
    assert costs.loads({"a": 3, "b": 0}, 60) == {"a": CameraLoad(3), "b": CameraLoad(0)}
    costs.note(told(0.1, over_s=60), 60)
    assert costs.known == {"a": 0.1}
    assert costs.load_cores({"a": 0, "b": 1}) == 0.1


def test_it_follows_over_minutes() -> None:
    costs = CameraCosts()
    costs.note(told(0.1), 0)
    for at_s in range(1, 20):
        costs.note(told(0.9), at_s)
    assert 0.1 < costs.known["a"] < 0.25
    for at_s in range(20, 2000):
        costs.note(told(0.9), at_s)
    assert costs.known["a"] == pytest.approx(0.9, abs=0.01)


def test_a_camera_that_is_away_or_moved_costs_what_it_did() -> None:
    costs = CameraCosts()
    costs.note(told(0.2), 0)
    for at_s in range(1, 600):
        costs.note(told(0.0, state=CameraState.UNREACHABLE), at_s)
    costs.note(told(5.0, over_s=2), 601)  # it came up in another shard: a first word, and nothing yet to go by
    assert costs.known == {"a": 0.2}
    costs.note(told(0.3, over_s=65), 665)
    assert 0.2 < costs.known["a"] < 0.26  # the ten minutes without a word do not make this one count for all
    costs.forget("a")
    assert costs.known == {}


@pytest.mark.parametrize("what", [{"tracks": 2}, {"has_open_events": True}])
def test_what_went_on_a_moment_ago_goes_on(what: dict[str, object]) -> None:
    costs = CameraCosts()
    costs.note(told(0.1, over_s=1, **what), 100)
    costs.note(told(0.1, over_s=2), 101)
    assert [costs.loads({"a": 0}, at_s)["a"].busy for at_s in (101, 119, 121)] == [True, True, False]
