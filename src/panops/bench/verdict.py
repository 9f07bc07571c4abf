"""Whether the cameras were held: the one question of a run, answered in words."""

from __future__ import annotations

from dataclasses import dataclass

from panops.bench.tally import EDGE_S, ENOUGH, RunTally

# More than this share of the checks given up is not held, however evenly it is spread.
MOST_DROPPED = 0.01


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer.

    Attributes:
        held: Whether every camera was there all the time and got at least 98 % of its checks, and at most 1 % of all were given up.
        words: Why, or why not.
    """

    held: bool
    words: str


def judge(run: RunTally, rate_fps: float) -> Verdict:
    """Say whether a run held its cameras.

    Args:
        run: The run.
        rate_fps: Pictures a second that each camera sends.
    """
    count = len(run.cameras)
    down = [camera.camera_id for camera in run.cameras if not camera.up]
    slack = EDGE_S * rate_fps
    behind = [one.camera_id for one in run.cameras if one.offered - one.received > slack + (1 - ENOUGH) * one.offered]
    again = [camera.camera_id for camera in run.cameras if camera.reconnects]
    unread = [camera.camera_id for camera in run.cameras if camera.unsent]
    short = [camera for camera in run.cameras if not camera.got_enough]
    faults = []
    if run.restarts:
        faults.append(f"{_many(run.restarts, 'process', 'processes')} ended unexpectedly")
    if down:
        faults.append(f"{len(down)} of {_many(count, 'camera', 'cameras')} were not live ({_some(down)})")
    if again:
        faults.append(f"the connection of {_many(len(again), 'camera', 'cameras')} broke and was made again ({_some(again)})")
    if unread:
        faults.append(
            f"pictures of {_many(len(unread), 'camera', 'cameras')} were given up by the sender, for nobody read them ({_some(unread)})"
        )
    if behind:
        faults.append(f"pictures of {_many(len(behind), 'camera', 'cameras')} piled up unread ({_some(behind)})")
    if any(camera.up for camera in short):
        worst = min(short, key=lambda camera: camera.share)
        faults.append(
            f"{len(short)} of {_many(count, 'camera', 'cameras')} got less than {100 * ENOUGH:.0f} % of their checks; "
            f"the worst, {worst.camera_id}, got {100 * worst.share:.0f} %"
        )
    if run.dropped_share > MOST_DROPPED:
        cause, _ = run.dropped.most_common(1)[0]
        faults.append(f"{100 * run.dropped_share:.1f} % of the checks were given up, most as {cause!r}")
    times = _many(run.moved, "time", "times")
    moved = f"; cameras went to another process {times}, and those seconds count neither way" if run.moved else ""
    if faults or not count:
        return Verdict(False, "not held: " + ("; ".join(faults) or "there were no cameras") + moved)
    asleep = f", {run.sleep_words}" if run.sleep_words else ""
    each = "the camera got" if count == 1 else f"each of the {count} cameras got"
    return Verdict(True, f"held: {each} at least {100 * ENOUGH:.0f} % of its checks{asleep}{moved}")


def _many(count: int, one: str, more: str) -> str:
    return f"{count} {one if count == 1 else more}"


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
