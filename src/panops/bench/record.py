"""Results as JSON: compact, with units in the names, and everything that a reader needs to judge them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from panops.bench.measure import LoadSettings
from panops.bench.tally import RunTally
from panops.bench.verdict import judge
from panops.pipeline.latency import LatencyHistogram

_MIB = 2**20


def record_load(settings: LoadSettings) -> dict[str, Any]:
    """The load, for JSON."""
    told = asdict(settings)
    shape = told.pop("shape")
    return {**told, "film_seconds": shape.pop("seconds"), **shape}


def record_run(run: RunTally, rate_fps: float) -> dict[str, Any]:
    """A run, for JSON; what a run does not have is left out."""
    verdict = judge(run, rate_fps)
    count, worst = len(run.cameras), run.worst
    told: dict[str, Any] = {
        "name": run.name,
        "held": verdict.held,
        "verdict": verdict.words,
        "seconds": _short(run.seconds),
        "cameras": count,
        "pictures": {
            "offered_per_s": _short(sum(camera.offered for camera in run.cameras) / run.seconds),
            "received_per_s": _short(sum(camera.received for camera in run.cameras) / run.seconds),
        },
        "checks": {
            "due": round(sum(camera.due for camera in run.cameras)),
            "done": sum(camera.done for camera in run.cameras),
            "done_share": _short(run.done_share),
            "cameras_held": sum(camera.held for camera in run.cameras),
            "worst_share": _short(worst.share if worst else 0.0),
            "detector_per_s": _short(sum(camera.detector for camera in run.cameras) / run.seconds),
            "detector_share": _short(run.detector_share),
        },
        "dropped": {"share": _short(run.dropped_share), **dict(run.dropped.most_common())},
        "check_latency_ms": record_latency(run.check_latency),
        "cpu": {
            "cores": _short(run.all_cores),
            "ms_a_camera_s": _short(run.cpu_ms_a_camera_s),
            "cores_by_process": {name: _short(value) for name, value in run.cores.items()},
        },
        "memory_mib": {
            "all": _short(run.all_memory_bytes / _MIB),
            "a_camera": _short(run.all_memory_bytes / _MIB / max(1, count)),
            "by_process": {name: _short(value / _MIB) for name, value in run.memory_bytes.items()},
        },
        "machine_cores": {name: _short(value) for name, value in asdict(run.surroundings).items()},
    }
    if run.stages_s:
        told["cpu"]["ms_a_camera_s_by_stage"] = {stage: _short(value) for stage, value in stage_ms(run).items()}
    if run.api is not None:
        told |= _of_the_product(run)
    return told


def _of_the_product(run: RunTally) -> dict[str, Any]:
    api = run.api
    assert api is not None, "checked by the caller"  # noqa: S101  # for the type checker
    answers = {"p50": 1000 * api.p50_s, "p95": 1000 * api.p95_s, "slowest": 1000 * api.slowest_s}
    return {
        "event_latency_ms": record_latency(run.event_latency),
        "woken_latency_ms": record_latency(run.woken_latency),
        "woken_event_latency_ms": record_latency(run.woken_event_latency),
        "events": run.events,
        "api_ms": {**{name: _short(value) for name, value in answers.items()}, "requests": api.requests, "failed": api.failed},
        "asleep": _short(run.asleep),
        "woken_checks": run.woken_latency.count,
        "relief": _short(run.relief),
        "cameras_moved": run.moved,
        "restarts": run.restarts,
    }


def stage_ms(run: RunTally) -> dict[str, float]:
    """CPU time of each stage, ms a camera-second: the stages' shares of what the kernel saw the shards use, and the supervisor."""
    shards = sum(value for name, value in run.cores.items() if name != "supervisor")
    told = sum(run.stages_s.values())
    # A stage's time is told up to a second late, so only its share is taken.
    scale = 1000 * shards / told / max(1, len(run.cameras)) if told > 0 else 0.0
    stages = {stage: value * scale for stage, value in sorted(run.stages_s.items(), key=lambda item: -item[1])}
    return {**stages, "supervisor": 1000 * run.cores.get("supervisor", 0.0) / max(1, len(run.cameras))}


def record_latency(latency: LatencyHistogram) -> dict[str, Any]:
    """Percentiles in ms, and of how many; empty where nothing was counted."""
    if not latency.count:
        return {"count": 0}
    return {**{name: _short(value) for name, value in percentiles_ms(latency).items()}, "count": latency.count}


def percentiles_ms(latency: LatencyHistogram) -> Mapping[str, float]:
    """p50, p95 and p99, ms; NaN where nothing was counted."""
    return {f"p{share}": 1000 * latency.quantile_s(share / 100) for share in (50, 95, 99)}


def _short(value: float) -> float | None:
    """Four figures; more say nothing, and are hard to read."""
    if not math.isfinite(value):
        return None
    return float(f"{value:.4g}")
