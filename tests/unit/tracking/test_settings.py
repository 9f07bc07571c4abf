from __future__ import annotations

import dataclasses

import pytest

from panops.tracking.settings import TrackerSettings


@pytest.mark.parametrize(
    "values",
    [
        {"low_score": 0.5, "high_score": 0.4},
        {"high_score": 1.2},
        {"confirm_hits": 0},
        {"lost_s": -1.0},
        {"gap_s": float("inf")},
        {"expand": float("nan")},
        {"reference_fps": 0.0},
        {"velocity_noise": 0.0},
        {"gate_low": 0.0},
        {"duplicate_iou": 0.0},
    ],
    ids=lambda values: ", ".join(f"{name}={value}" for name, value in values.items()),
)
def test_values_out_of_range_are_refused(values: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="expected"):
        TrackerSettings(**values)  # type: ignore[arg-type]  # the table mixes types


def test_a_policy_does_not_change() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        TrackerSettings().lost_s = 2.0  # type: ignore[misc]  # that is the point


def test_full_rate_asks_more_of_matches_and_new_tracks() -> None:
    default, full = TrackerSettings(), TrackerSettings.full_rate()
    assert full.high_score > default.high_score
    assert full.gate_high > default.gate_high
    assert full.gate_low > default.gate_low
