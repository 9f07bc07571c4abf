"""One measurement: cameras on offer, the product (or a peer) on them, and what came of it between two moments."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from panops.bench.film_shape import FilmShape
from panops.bench.film_shelf import Film
from panops.bench.offer import Offer, Source
from panops.bench.processes import Reading, others_cores, read_usage
from panops.bench.product import Product
from panops.bench.product_api import ApiProbe
from panops.bench.scrape import CameraCounts, Scrape
from panops.bench.site import site_of
from panops.bench.tally import ApiTally, CameraTally, RunTally, Surroundings, usage_between

Told = Callable[[str], None]

# Counted as checks before they were given up: these were begun and never finished.
UNFINISHED = ("superseded", "stale", "analysis_error", "detector_error", "tracker_refused")
# How long all cameras may take to come up: a start, and so much for each, s.
_LIVE_S, _LIVE_EACH_S = 60.0, 1.0
# As often as a Prometheus server asks, s.
_SCRAPE_EVERY_S = 5.0


@dataclass(frozen=True, slots=True)
class LoadSettings:
    """What is asked of whoever is measured.

    Attributes:
        cameras: How many.
        shape: Of the films: size, rate, keyframes, and how many checks a second are wanted.
        seconds: How long it is measured, s.
        warm_up_s: How long everything runs before, once all cameras are live, s.
        source: Whether the cameras are RTSP cameras or files.
        model: The product's detector; its own choice where it is empty.
        sleep: The cameras' `sleep`; the product's own choice where it is empty.
    """

    cameras: int
    shape: FilmShape
    seconds: float = 30.0
    warm_up_s: float = 10.0
    source: Source = "rtsp"
    model: str = ""
    sleep: str = ""


@dataclass(frozen=True, slots=True)
class _Mark:
    """Everything at one moment."""

    at_s: float
    scrape: Scrape
    sent: Mapping[str, int]
    product: Reading
    around: Reading


def measure_product(settings: LoadSettings, films: Sequence[Film], models: Path | None = None, told: Told = lambda _: None) -> RunTally:
    """Run the product on the cameras and count.

    Args:
        settings: The load.
        films: What the cameras show, in turns.
        models: The folder of installed models; None for those that come along.
        told: Told what is being done, for a progress line.

    Returns:
        What came of it.

    Raises:
        PanopsError: The product or the load server did not start, or ended.
    """
    count = settings.cameras
    with Offer(films, count, settings.source) as offer:
        told(f"{count} cameras: starting panops")
        with Product(site_of(offer, settings.shape.check_fps, settings.model, settings.sleep), models) as product:
            live = product.wait_until_live(count, _LIVE_S + _LIVE_EACH_S * count)
            told(f"{count} cameras: {live} live, warming up")
            time.sleep(settings.warm_up_s)
            probe = ApiProbe(product.address, product.api.cookie)
            try:
                before = _mark(product, offer)
                scrapes = _watch(product, settings, told)
                after = _mark(product, offer)
            finally:
                api = probe.stop()
            told(f"{count} cameras: stopping panops")
    return _tally(settings, before, after, [before.scrape, *scrapes, after.scrape], api)


def _watch(product: Product, settings: LoadSettings, told: Told) -> list[Scrape]:
    """Let the time pass that is measured; what the product said of itself meanwhile."""
    began_s = time.monotonic()
    scrapes: list[Scrape] = []
    while (left_s := began_s + settings.seconds - time.monotonic()) > 0:
        told(f"{settings.cameras} cameras: measuring, {left_s:.0f} s left")
        time.sleep(min(1.0, left_s))
        if time.monotonic() - began_s > _SCRAPE_EVERY_S * (len(scrapes) + 1):
            scrapes.append(product.scrape())
    return scrapes


def _mark(product: Product, offer: Offer) -> _Mark:
    pids = product.pids()
    around = {"load server": offer.pid, "bench": os.getpid()}
    scrape = product.scrape()
    # All within a few milliseconds of each other.
    return _Mark(time.monotonic(), scrape, offer.sent(), read_usage(pids), read_usage({name: pid for name, pid in around.items() if pid}))


def _tally(settings: LoadSettings, before: _Mark, after: _Mark, scrapes: Sequence[Scrape], api: ApiTally) -> RunTally:
    seconds = after.at_s - before.at_s
    cores, memory_bytes = usage_between(before.product.processes, after.product.processes, seconds)
    then, now = before.scrape, after.scrape
    cameras = [
        camera_tally(
            camera_id,
            settings.shape,
            then.cameras.get(camera_id, CameraCounts()),
            counts,
            sent_between(before.sent, after.sent, camera_id),
            slept=any(scrape.cameras.get(camera_id, counts).asleep for scrape in scrapes),
        )
        for camera_id, counts in sorted(now.cameras.items())
    ]
    return RunTally(
        "panops",
        seconds,
        cameras,
        now.check_latency.since(then.check_latency),
        surroundings(before.around, after.around, seconds, cores),
        cores,
        memory_bytes,
        event_latency=now.event_latency.since(then.event_latency),
        woken_latency=now.woken_latency.since(then.woken_latency),
        stages_s={stage: used_s - then.stages_s.get(stage, 0.0) for stage, used_s in now.stages_s.items()},
        events=now.events - then.events,
        api=api,
        asleep=sum(camera.asleep for scrape in scrapes for camera in scrape.cameras.values()) / len(scrapes),
        relief=max(scrape.relief for scrape in scrapes),
        restarts=now.restarts,
    )


def camera_tally(
    camera_id: str, shape: FilmShape, then: CameraCounts, now: CameraCounts, offered: int | None, *, slept: bool = False
) -> CameraTally:
    """What came of a camera between two readings of its counters.

    The counters of a camera are read together, but up to a second before the moment of the reading; so what is due is worked out from the
    pictures that the camera itself counted in between, not from the clock.

    Args:
        camera_id: The camera.
        shape: Its film's rate and keyframes, and the checks that are wanted.
        then: Its counters at the first reading.
        now: Its counters at the second one.
        offered: Pictures that were sent in between; None where nobody counted, as with files.
        slept: Whether it was seen asleep.
    """
    received = now.packets - then.packets
    dropped = Counter({cause: count - then.dropped.get(cause, 0) for cause, count in now.dropped.items()})
    dropped = +dropped
    done = now.checks - then.checks - sum(dropped[cause] for cause in UNFINISHED)
    due = received * min(1.0, shape.check_fps / shape.rate_fps)
    slept = slept or now.woken > then.woken
    if slept:
        # Of a camera that slept nobody outside can say how long; every check that it gave up is told, and its keyframes are always due.
        due = max(min(due, done + sum(dropped.values())), received / shape.group)
    detector = now.analysed - then.analysed
    return CameraTally(camera_id, received if offered is None else offered, received, due, done, detector, dropped, slept, now.up)


def sent_between(before: Mapping[str, int], after: Mapping[str, int], camera_id: str) -> int | None:
    """Pictures that a camera sent between two counts; None where nobody counts."""
    return after.get(camera_id, 0) - before.get(camera_id, 0) if after else None


def surroundings(before: Reading, after: Reading, seconds: float, measured: Mapping[str, float]) -> Surroundings:
    """What else the machine did between two readings.

    Args:
        before: Of the load server and the bench.
        after: The same, later.
        seconds: Between the two.
        measured: Cores of whoever was measured, by process.
    """
    cores, _ = usage_between(before.processes, after.processes, seconds)
    return Surroundings(
        os.cpu_count() or 1,
        cores.get("load server", 0.0),
        cores.get("bench", 0.0),
        others_cores(before, after, seconds, [*cores.values(), *measured.values()]),
        max(0.0, after.stolen_s - before.stolen_s) / seconds,
    )
