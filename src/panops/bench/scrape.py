"""What the product says of itself at one moment, from the text of its `/metrics`."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from panops.pipeline.latency import LatencyHistogram

Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class CameraCounts:
    """One camera's counters so far. They are told together about once a second: they fit each other, and not quite the moment of reading.

    Attributes:
        up: Whether it is live.
        asleep: Whether only its keyframes are looked at.
        packets: Pictures received.
        checks: Looks that were taken or begun.
        analysed: Looks that the detector saw.
        woken: How often it was woken.
        reconnects: How often its connection was made again.
        dropped: Pictures or looks given up, by cause.
    """

    up: bool = False
    asleep: bool = False
    packets: int = 0
    checks: int = 0
    analysed: int = 0
    woken: int = 0
    reconnects: int = 0
    dropped: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Scrape:
    """Everything at one moment.

    Attributes:
        cameras: By camera id.
        stages_s: CPU time of the shards by stage so far, s.
        check_latency: From capture to the end of a check.
        event_latency: From capture to the stored event.
        woken_latency: As `check_latency`, of what had been slept through.
        woken_event_latency: As `event_latency`, of what had been slept through.
        events: Events stored so far.
        restarts: Shards that ended unexpectedly.
        relief: How much is given up for want of time, the shard with most, 0..1.
    """

    cameras: Mapping[str, CameraCounts]
    stages_s: Mapping[str, float]
    check_latency: LatencyHistogram
    event_latency: LatencyHistogram
    woken_latency: LatencyHistogram
    woken_event_latency: LatencyHistogram
    events: int
    restarts: int
    relief: float


_FIELDS = {
    "panops_packets_received_total": "packets",
    "panops_checks_total": "checks",
    "panops_frames_analysed_total": "analysed",
    "panops_camera_woken_total": "woken",
    "panops_reconnects_total": "reconnects",
}
_FLAGS = {"panops_camera_up": "up", "panops_camera_asleep": "asleep"}


def read_scrape(text: str) -> Scrape:
    """Read the Prometheus text; what it does not tell counts as 0.

    Raises:
        ValueError: It is no such text.
    """
    samples = [(one.name, one.labels, one.value) for family in text_string_to_metric_families(text) for one in family.samples]
    counts: dict[str, dict[str, int]] = {}
    dropped: dict[str, Counter[str]] = {}
    stages_s: dict[str, float] = {}
    single: Counter[str] = Counter()
    relief = 0.0
    for name, labels, value in samples:
        camera = labels.get("camera", "")
        if name in _FIELDS or name in _FLAGS:
            counts.setdefault(camera, {})[_FIELDS.get(name) or _FLAGS[name]] = int(value)
        elif name == "panops_frames_dropped_total":
            dropped.setdefault(camera, Counter())[labels["cause"]] += int(value)
        elif name == "panops_stage_cpu_seconds_total":
            stages_s[labels["stage"]] = value
        elif name == "panops_relief":
            relief = max(relief, value)
        elif not labels and math.isfinite(value):  # some gauges have no end, such as the room for recordings
            single[name] += int(value)
    cameras = {camera: _camera(values, dropped.get(camera, Counter())) for camera, values in counts.items()}
    return Scrape(
        cameras,
        stages_s,
        _histogram(samples, "panops_check_latency_seconds"),
        _histogram(samples, "panops_event_latency_seconds"),
        _histogram(samples, "panops_woken_latency_seconds"),
        _histogram(samples, "panops_woken_event_latency_seconds"),
        single["panops_events_stored_total"],
        single["panops_shard_restarts_total"],
        relief,
    )


def _camera(values: Mapping[str, int], dropped: Counter[str]) -> CameraCounts:
    told: dict[str, Any] = {name: bool(values.get(name, 0)) for name in _FLAGS.values()}
    told |= {name: values.get(name, 0) for name in _FIELDS.values()}
    return CameraCounts(**told, dropped=dropped)


def _histogram(samples: Sequence[tuple[str, Labels, float]], name: str) -> LatencyHistogram:
    """The histogram as it was counted: Prometheus adds each bucket to the next."""
    reached = sorted((float(labels["le"]), int(value)) for found, labels, value in samples if found == f"{name}_bucket")
    if not reached:
        return LatencyHistogram()
    totals = [0, *(count for _, count in reached)]
    sum_s = next((value for found, _, value in samples if found == f"{name}_sum"), 0.0)
    return LatencyHistogram([after - before for before, after in pairwise(totals)], sum_s)
