"""What a capacity report says in words: the result in a sentence, and what a buyer should take from it."""

from __future__ import annotations

from collections.abc import Sequence

from panops.bench.capacity import CapacityCurve, Run
from panops.bench.capacity_charts import name_of, reached
from panops.bench.record import percentiles_ms

_MIB = 2**20
# What people notice: an alarm that comes within half a second is at once.
AT_ONCE_MS = 500.0
# A limit is where nothing more fits; who plans a site leaves so much of it free.
_PLANNED_SHARE = 0.75


def headline(curves: Sequence[CapacityCurve]) -> str:
    """The result in a sentence."""
    shape = curves[0].load.shape
    width, height = shape.size_wh
    load = f"{width}x{height} H.264 cameras at {shape.rate_fps:g} pictures a second, {shape.check_fps:g} of them checked"
    return f"Of {load}: {'; '.join(f'{name_of(curve)}: {_limit(curve)}' for curve in curves)}."


def advice(curves: Sequence[CapacityCurve]) -> list[str]:
    """What a buyer should take from the curves, in plain words."""
    told = []
    ours = [curve for curve in curves if curve.limit.confirmed is not None and curve.name == curves[0].name]
    limited = [curve for curve in ours if not curve.limit.reached_the_end]
    told += [
        f"Where {_share(curve)}, it held all {curve.limit.cameras} that were tried: the limit lies higher."
        for curve in ours
        if curve.limit.reached_the_end
    ]
    if limited:
        busiest = min(limited, key=lambda curve: curve.limit.cameras)
        planned = max(1, int(busiest.limit.cameras * _PLANNED_SHARE))
        told.append(
            f"Plan with about {planned} cameras where {_share(busiest)}, three quarters of the limit: a busier hour, other programs "
            "and the machine's own upkeep need room, too."
        )
    if len(limited) > 1:
        quietest = max(limited, key=lambda curve: curve.limit.cameras)
        told.append(
            "How busy cameras are decides more than how many there are: "
            + ", ".join(f"{curve.limit.cameras} where {_share(curve)}" for curve in limited)
            + f". A car park at night is like the {quietest.limit.cameras}, a shop's entrance at noon like the {busiest.limit.cameras}."
        )
    for curve in ours[:1]:
        told += _of_the_limit(curve)
    peers = [curve for curve in curves if curve.name != curves[0].name and curve.limit.confirmed is not None]
    for peer in peers:
        beside = next((curve for curve in ours if curve.activity == peer.activity), None)
        if beside is not None:
            told.append(_compared(beside, peer))
    told.append(
        "Cameras should send a small sub-stream for detection, with a keyframe every second or two: decoding grows with the picture, and a "
        "camera that sends 25 pictures a second costs its decoding 25 times a second."
    )
    told.append(
        "Above the limit panops goes on: it gives checks up, and counts every one by camera and cause; the page and /metrics tell them."
    )
    return told


def _of_the_limit(curve: CapacityCurve) -> list[str]:
    confirmed = curve.limit.confirmed
    assert confirmed is not None, "chosen by the caller"  # noqa: S101  # for the type checker
    tally = confirmed.tally
    used, there = tally.all_cores, tally.surroundings.machine
    memory_mib = tally.all_memory_bytes / _MIB
    told = [
        f"At its limit, where {_share(curve)}, {curve.name} used {used:.2f} of {there} cores and {memory_mib:,.0f} MiB of memory: for each "
        f"camera {tally.cpu_ms_a_camera_s:.1f} ms of one core a second, and {memory_mib / len(tally.cameras):.0f} MiB."
    ]
    if tally.event_latency.count:
        p95_ms = percentiles_ms(tally.event_latency)["p95"]
        soon = "at once for people" if p95_ms <= AT_ONCE_MS else "later than at once; fewer cameras make it sooner"
        told.append(
            f"There an alarm of a camera that was awake was stored within {p95_ms:.0f} ms of the picture that told of it, 95 times of 100: "
            f"{soon}."
        )
    if tally.event_latency.count or tally.woken_event_latency.count:
        told.append(_of_the_woken(curve, confirmed))
    return told


def _of_the_woken(curve: CapacityCurve, run: Run) -> str:
    """What sleep does to alarms, for they are in a histogram of their own."""
    later = (
        "Alarms of a camera that slept come later, by up to the time between two keyframes, here "
        f"{curve.load.shape.gop_s:g} s: it wakes at a keyframe and looks at what it slept through"
    )
    woken = run.tally.woken_event_latency
    if woken.count:
        later += f"; {woken.count} such alarms were stored within {percentiles_ms(woken)['p95']:.0f} ms, 95 times of 100"
    elif not run.tally.woken_latency.count:
        later += "; in this run none was woken"
    return later + "."


def _compared(ours: CapacityCurve, peer: CapacityCurve) -> str:
    mine, theirs = ours.limit.confirmed, peer.limit.confirmed
    assert mine is not None and theirs is not None, "chosen by the caller"  # noqa: S101, PT018  # for the type checker
    times = theirs.tally.cpu_ms_a_camera_s / max(mine.tally.cpu_ms_a_camera_s, 1e-9)
    return (
        f"The usual loop of OpenCV, onnxruntime and a tracker ({peer.name}) held {peer.limit.cameras} of the same cameras, for "
        f"{times:.1f} times the CPU time of each. It runs a different detector, at every check, and stores nothing; see below."
    )


def _limit(curve: CapacityCurve) -> str:
    count = curve.limit.cameras
    if count == 0:
        return "not even one was held"
    more = "at least " if curve.limit.reached_the_end else ""
    words = curve.limit.confirmed.tally.sleep_words if curve.limit.confirmed else ""
    slept = f" ({words})" if words else ""
    return f"{more}{count} {'camera' if count == 1 else 'cameras'} held{slept}"


def _share(curve: CapacityCurve) -> str:
    if curve.activity is None:
        return f"{100 * curve.moved_share:.0f} % of the checks of your recordings move"
    asked = "nothing moves" if curve.activity == 0 else f"{100 * curve.activity:.0f} % of the checks move"
    return asked + reached(curve.activity, curve.moved_share)
