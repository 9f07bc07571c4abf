"""Runs that were never made, for tests of what is said of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from panops.bench.film_scene import FilmFigures
from panops.bench.film_shape import FilmShape
from panops.bench.film_shelf import Film
from panops.bench.gate_share import GateShare
from panops.bench.tally import ApiTally, CameraTally, RunTally, Surroundings
from panops.pipeline.latency import LatencyHistogram

SHAPE = FilmShape()
ZONE = ((0.1, 0.4), (0.9, 0.4), (0.9, 1.0))


def film(name: str = "yard", moved: float = 0.25) -> Film:
    """A film that lies nowhere."""
    return Film(name, Path("nowhere.mp4"), SHAPE, FilmFigures(GateShare(moved, moved + 0.1), 350.0, ZONE, ZONE[:2]))


def camera(number: int = 1, share: float = 1.0, dropped: Mapping[str, int] | None = None, **more: Any) -> CameraTally:
    """A camera over 20 s at 5 checks a second."""
    told = CameraTally(f"cam-{number:03}", 100, 100, 100.0, round(100 * share), 30, dropped or {})
    return replace(told, **more)


def latency(*seconds: float) -> LatencyHistogram:
    """So many durations."""
    histogram = LatencyHistogram()
    for one in seconds:
        histogram.add(one)
    return histogram


def run(cameras: int = 4, share: float = 1.0, **more: Any) -> RunTally:
    """A run of the product over 20 s; each camera costs 10 ms a second in its shard."""
    told = RunTally(
        "panops",
        20.0,
        [camera(number, share, {"superseded": round(100 * (1 - share))} if share < 1 else None) for number in range(1, cameras + 1)],
        latency(*[0.02] * 90, *[0.2] * 10),
        Surroundings(2, load_server=0.01, bench=0.02),
        {"supervisor": 0.04, "shard 0": 0.01 * cameras},
        {"supervisor": 100 * 2**20, "shard 0": (150 + 3 * cameras) * 2**20},
        event_latency=latency(0.1, 0.3),
        stages_s={"decode": 3.0, "detect": 1.0},
        events=2,
        api=ApiTally(40, 0, 0.01, 0.02, 0.03),
    )
    return replace(told, **more)
