"""One measurement: cameras on offer, the product (or a peer) on them, and what came of it between two moments."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from panops.bench.film_shape import FilmShape
from panops.bench.film_shelf import Film
from panops.bench.increase import CameraIncrease, camera_increase, latency_increase, stages_increase
from panops.bench.offer import Offer, Source
from panops.bench.processes import Reading, others_cores, read_usage
from panops.bench.product import Product
from panops.bench.product_api import ApiProbe
from panops.bench.scrape import Scrape
from panops.bench.site import site_of
from panops.bench.tally import ApiTally, CameraTally, RunTally, Surroundings, checks_due, pictures_due, usage_between
from panops.testing.load_cameras import Offered

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
    sent: Mapping[str, Offered]
    product: Reading
    around: Reading


@dataclass(frozen=True, slots=True)
class _Look:
    """What is read on the way."""

    at_s: float
    scrape: Scrape
    product: Reading


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
                looks = _watch(product, settings, told)
                after = _mark(product, offer)
            finally:
                api = probe.stop()
            told(f"{count} cameras: stopping panops")
    return _tally(settings, list(offer.films), before, looks, after, api)


def _watch(product: Product, settings: LoadSettings, told: Told) -> list[_Look]:
    """Let the time pass that is measured; what the product said of itself meanwhile."""
    began_s = time.monotonic()
    looks: list[_Look] = []
    while (left_s := began_s + settings.seconds - time.monotonic()) > 0:
        told(f"{settings.cameras} cameras: measuring, {left_s:.0f} s left")
        time.sleep(min(1.0, left_s))
        if time.monotonic() - began_s > _SCRAPE_EVERY_S * (len(looks) + 1):
            scrape = product.scrape()
            looks.append(_Look(time.monotonic(), scrape, read_usage(product.pids(), memory=False)))
    return looks


def _mark(product: Product, offer: Offer) -> _Mark:
    pids = product.pids()
    around = {"load server": offer.pid, "bench": os.getpid()}
    scrape = product.scrape()
    # All within a few milliseconds of each other.
    return _Mark(time.monotonic(), scrape, offer.counts(), read_usage(pids), read_usage({name: pid for name, pid in around.items() if pid}))


def _tally(
    settings: LoadSettings, camera_ids: Sequence[str], before: _Mark, looks: Sequence[_Look], after: _Mark, api: ApiTally
) -> RunTally:
    seconds = after.at_s - before.at_s
    between = [look.product.processes for look in looks]
    cores, memory_bytes = usage_between(before.product.processes, after.product.processes, seconds, between)
    marked: list[_Mark | _Look] = [before, *looks, after]
    scrapes = [mark.scrape for mark in marked]
    then, now = before.scrape, after.scrape
    cameras = []
    for camera_id in camera_ids:
        known = [scrape.cameras.get(camera_id) for scrape in scrapes]
        increase = camera_increase([(mark.at_s, counts) for mark, counts in zip(marked, known, strict=True)])
        up = known[-1] is not None and known[-1].up
        slept = any(counts is not None and counts.asleep for counts in known)
        sent = sent_between(before.sent, after.sent, camera_id, seconds, settings.shape.rate_fps)
        cameras.append(camera_tally(camera_id, settings.shape, increase, sent, seconds, up=up, slept=slept))
    return RunTally(
        "panops",
        seconds,
        cameras,
        latency_increase([scrape.check_latency for scrape in scrapes]),
        surroundings(before.around, after.around, seconds, cores),
        cores,
        memory_bytes,
        event_latency=latency_increase([scrape.event_latency for scrape in scrapes]),
        woken_latency=latency_increase([scrape.woken_latency for scrape in scrapes]),
        woken_event_latency=latency_increase([scrape.woken_event_latency for scrape in scrapes]),
        stages_s=stages_increase([scrape.stages_s for scrape in scrapes]),
        events=now.events - then.events,
        api=api,
        asleep=sum(camera.asleep for scrape in scrapes for camera in scrape.cameras.values()) / len(scrapes),
        relief=max(scrape.relief for scrape in scrapes),
        restarts=now.restarts,
    )


def camera_tally(
    camera_id: str, shape: FilmShape, grown: CameraIncrease, sent: Offered, seconds: float, *, up: bool, slept: bool = False
) -> CameraTally:
    """What came of a camera.

    The counters of a camera are read together, but up to a second before the moment of the reading; see `pictures_due`.

    Args:
        camera_id: The camera.
        shape: Its film's rate and keyframes, and the checks that are wanted.
        grown: What its counters grew by.
        sent: Pictures that were sent, and those that nobody read.
        seconds: How long it was measured, s.
        up: Whether it was live at the end.
        slept: Whether it was seen asleep.
    """
    counts = grown.counts
    # What is given up in this time may have been begun before it.
    done = max(0, counts.checks - sum(counts.dropped[cause] for cause in UNFINISHED))
    due = checks_due(counts.packets, grown.seconds, shape.rate_fps, shape.check_fps)
    slept = slept or counts.woken > 0
    if slept:
        # Of a camera that slept nobody outside can say how long; every check that it gave up is told, and its keyframes are always due.
        keyframes = pictures_due(counts.packets, grown.seconds, shape.rate_fps) / shape.group
        due = max(min(due, done + sum(counts.dropped.values())), keyframes)
    offered = round(sent.sent * grown.seconds / seconds)
    return CameraTally(
        camera_id,
        offered,
        counts.packets,
        max(0.0, due),
        done,
        counts.analysed,
        counts.dropped,
        slept,
        up,
        reconnects=counts.reconnects,
        unsent=sent.unsent,
        moved=grown.moved,
    )


def sent_between(before: Mapping[str, Offered], after: Mapping[str, Offered], camera_id: str, seconds: float, rate_fps: float) -> Offered:
    """Pictures that a camera sent between two counts, and those that nobody read; where nobody counts, those that its rate asks for."""
    if not after:
        return Offered(sent=round(seconds * rate_fps))
    then, now = before.get(camera_id, Offered()), after.get(camera_id, Offered())
    return Offered(now.viewers, now.due - then.due, now.sent - then.sent, now.unsent - then.unsent)


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
