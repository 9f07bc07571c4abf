"""How many cameras this machine carries: one curve for each activity, and one for the peer where it is asked for."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from panops.bench.film_shelf import Film
from panops.bench.measure import LoadSettings
from panops.bench.record import percentiles_ms, record_run
from panops.bench.search import Limit, find_limit
from panops.bench.tally import CameraTally, RunTally, Surroundings
from panops.bench.verdict import Verdict, judge
from panops.domain.errors import PanopsError
from panops.pipeline.latency import LatencyHistogram

# Who else uses so many of the machine's cores makes the limit that of a busy machine, as a share.
BUSY_SHARE = 0.1

Measure = Callable[[LoadSettings, Sequence[Film]], RunTally]


@dataclass(frozen=True, slots=True)
class CapacitySettings:
    """How the limit is looked for.

    Attributes:
        load: The load; its `cameras` and `seconds` are those of a short run, and the first one's.
        confirm_s: How long the run is that confirms, s.
        most: Never more cameras than these.
    """

    load: LoadSettings
    confirm_s: float = 60.0
    most: int = 400


@dataclass(frozen=True, slots=True)
class Run:
    """One run on the way to the limit.

    Attributes:
        tally: What came of it.
        verdict: Whether the cameras were held.
        confirms: Whether it is a longer run.
        failed: Whether it came to no end, and the tally is empty; the verdict says why.
    """

    tally: RunTally
    verdict: Verdict
    confirms: bool
    failed: bool = False

    @property
    def held(self) -> bool:
        """Whether the cameras were held."""
        return self.verdict.held

    @property
    def p95_ms(self) -> float:
        """Time from capture to the end of a check that 95 of 100 keep within, ms."""
        return percentiles_ms(self.tally.check_latency)["p95"]

    @property
    def woken_p95_ms(self) -> float:
        """The same of what had been slept through, ms; NaN where nothing was."""
        return percentiles_ms(self.tally.woken_latency)["p95"]

    @property
    def disturbed(self) -> bool:
        """Whether others used much of the machine meanwhile."""
        around = self.tally.surroundings
        return around.others + around.stolen > BUSY_SHARE * around.machine

    def record(self) -> dict[str, Any]:
        """For JSON: what a curve needs."""
        row = record_run(self.tally, 1.0)
        return {
            "cameras": row["cameras"],
            "held": self.held,
            **({} if self.held else {"why": self.verdict.words}),
            "confirms": self.confirms,
            "cores": row["cpu"]["cores"],
            "ms_a_camera_s": row["cpu"]["ms_a_camera_s"],
            "check_p95_ms": row["check_latency_ms"].get("p95"),
            "woken_check_p95_ms": row.get("woken_latency_ms", {}).get("p95"),
            "asleep": row.get("asleep", 0.0),
            "relief": row.get("relief", 0.0),
            "done_share": row["checks"]["done_share"],
            "dropped_share": row["dropped"]["share"],
            "memory_mib": row["memory_mib"]["all"],
            "others_cores": row["machine_cores"]["others"],
        }


@dataclass(frozen=True, slots=True)
class CapacityCurve:
    """Who was measured on which films, and what was found.

    Attributes:
        name: Who.
        activity: Share of the checks that was to pass the gate; None for people's own recordings.
        films: What the cameras showed.
        load: The load.
        limit: The limit, with every run.
    """

    name: str
    activity: float | None
    films: Sequence[Film]
    load: LoadSettings
    limit: Limit[Run]

    @property
    def moved_share(self) -> float:
        """Share of the checks that pass the gate, as measured on the films."""
        return sum(film.figures.share.moved for film in self.films) / len(self.films)

    def record(self) -> dict[str, Any]:
        """For JSON."""
        rate_fps = self.load.shape.rate_fps
        confirmed = self.limit.confirmed
        return {
            "name": self.name,
            "activity": self.activity,
            "moved_share": round(self.moved_share, 3),
            "films": [film.record() for film in self.films],
            "limit": {"cameras": self.limit.cameras, "reached_the_end": self.limit.reached_the_end},
            "confirmed_by": None if confirmed is None else record_run(confirmed.tally, rate_fps),
            "runs": [run.record() for _, run in self.limit.runs],
        }


def find_capacity(
    name: str,
    activity: float | None,
    films: Sequence[Film],
    settings: CapacitySettings,
    measure: Measure,
    each: Callable[[Run], None] = lambda _: None,
) -> CapacityCurve:
    """Find a limit.

    Args:
        name: Who is measured.
        activity: For the record; None for recordings.
        films: What the cameras show.
        settings: How it is looked for.
        measure: Makes a run.
        each: Told each run.

    Returns:
        The curve. A run that failed counts as one that did not hold.

    Raises:
        PanopsError: Every run failed, so nothing was measured.
    """
    rate_fps = settings.load.shape.rate_fps

    def run(cameras: int, confirms: bool) -> Run:
        load = replace(settings.load, cameras=cameras, seconds=settings.confirm_s if confirms else settings.load.seconds)
        try:
            tally = measure(load, films)
            done = Run(tally, judge(tally, rate_fps), confirms)
        except PanopsError as error:
            done = Run(_nothing(name, load), Verdict(False, f"not held: the run failed: {error}"), confirms, failed=True)
        each(done)
        return done

    limit = find_limit(run, min(settings.load.cameras, settings.most), settings.most)
    if all(run.failed for _, run in limit.runs):
        raise PanopsError(f"{name} could not be measured; the last run: {limit.runs[-1][1].verdict.words}")
    return CapacityCurve(name, activity, films, settings.load, limit)


def _nothing(name: str, load: LoadSettings) -> RunTally:
    """What came of a run that came to no end: all was due, and nothing is known to be done."""
    due = load.seconds * min(load.shape.rate_fps, load.shape.check_fps)
    cameras = [CameraTally(f"cam-{number:03}", 0, 0, due, 0, 0, up=False) for number in range(1, load.cameras + 1)]
    return RunTally(name, load.seconds, cameras, LatencyHistogram(), Surroundings(os.cpu_count() or 1), {}, {})
