"""Whoever reads rests at least as long as it computed, up to a bound."""

from __future__ import annotations

import pytest

from panops.ingest.pace import rest_s


@pytest.mark.parametrize(
    ("took_s", "used_s", "rest"),
    [(0.0, 0.0, 0.02), (0.005, 0.005, 0.015), (0.015, 0.015, 0.015), (0.05, 0.05, 0.05), (0.05, 0.0, 0.0), (3.0, 3.0, 0.1)],
)
def test_rests(took_s: float, used_s: float, rest: float) -> None:
    assert rest_s(0.02, took_s, used_s) == pytest.approx(rest)
