"""Whether a camera sleeps: only its keyframes are decoded while nothing happens, which costs a tenth."""

from __future__ import annotations

import math
from typing import Literal

SleepMode = Literal["always", "auto", "never"]

# Nothing moved and nothing was tracked for so long: the camera may sleep.
REST_S = 8.0
# While looks are being given up: a camera that is kept awake costs three times as much, and others pay for it.
HURRIED_REST_S = 3.0
# A stream in which nearly every picture is a keyframe has nothing to skip.
SHORTEST_INTERVAL_S = 0.4
# With keyframes rarer than this a camera is not put to sleep by itself: somebody would be seen that late.
LONGEST_INTERVAL_S = 5.0
# A keyframe that has not come after so many intervals is overdue: encoders stretch them while nothing moves, or stop making any.
_OVERDUE = 2.0


class SleepSchedule:
    """One camera's sleep. Asked by the decode worker; `allowed` may be set by any thread.

    Args:
        mode: `always`: whenever nothing happens; `auto`: then, and only while the machine has too much to do; `never`.
        rest_s: How long nothing must have happened, s.

    Attributes:
        asleep: Whether it sleeps.
        woken: How often it was woken.
        allowed: Whether a camera in mode `auto` may sleep now.
        hurried: Whether so much is to do that looks are given up: then a camera falls asleep sooner.
    """

    def __init__(self, mode: SleepMode, rest_s: float = REST_S) -> None:
        """Begin awake."""
        self.asleep = False
        self.woken = 0
        self.allowed = mode == "always"
        self.hurried = False
        self.mode = mode
        self._rest_s = rest_s
        self._active_s = -math.inf

    def note(self, time_s: float, *, active: bool) -> None:
        """A look at `time_s` (capture time, s), and whether anything went on: motion, tracks, events, somebody who watches."""
        if active or time_s < self._active_s or self._active_s == -math.inf:
            self._active_s = time_s

    def may_sleep(self, time_s: float, keyframe_interval_s: float | None) -> bool:
        """Whether an awake camera should fall asleep now.

        Args:
            time_s: Capture time of the newest look, s.
            keyframe_interval_s: Time between its keyframes, s; None while it is not known: such a camera stays awake.
        """
        if self.mode == "never" or keyframe_interval_s is None or keyframe_interval_s < SHORTEST_INTERVAL_S:
            return False
        if self.mode == "auto" and (not self.allowed or keyframe_interval_s > LONGEST_INTERVAL_S):
            return False
        return time_s - self._active_s >= (min(self._rest_s, HURRIED_REST_S) if self.hurried else self._rest_s)

    def must_wake(self, keyframe_interval_s: float | None) -> bool:
        """Whether a sleeping camera should wake though nothing happened: it may not sleep any more, or its keyframes have become rare.

        Args:
            keyframe_interval_s: Time between its keyframes, s, or since the last one where that is longer; None while it is not known.
        """
        if self.mode == "auto":
            return not self.allowed or keyframe_interval_s is None or keyframe_interval_s > LONGEST_INTERVAL_S
        return self.mode == "never"

    def misses_keyframes(self, waited_s: float, keyframe_interval_s: float | None) -> bool:
        """Whether the keyframe that a sleeping camera waits for is overdue: nothing is seen meanwhile, so it has to wake.

        Args:
            waited_s: Time since the last one came, s.
            keyframe_interval_s: Time between keyframes before, s.
        """
        return self.asleep and waited_s > max(LONGEST_INTERVAL_S, _OVERDUE * (keyframe_interval_s or 0.0))

    def fall_asleep(self) -> None:
        """From now on only keyframes are looked at."""
        self.asleep = True

    def wake(self, time_s: float) -> None:
        """Be awake, and stay so for a while. Times as in `note`."""
        self.asleep = False
        self.woken += 1
        self._active_s = time_s


def advice(mode: SleepMode, keyframe_interval_s: float | None) -> str:
    """What is to be said of a camera's keyframes; empty where they are as they should be.

    Args:
        mode: The camera's mode.
        keyframe_interval_s: Time between its keyframes, s, or None while it is not known.
    """
    if mode == "never" or keyframe_interval_s is None or keyframe_interval_s <= LONGEST_INTERVAL_S:
        return ""
    how = "so it is not put to sleep" if mode == "auto" else "so that long may pass until a sleeping camera notices somebody"
    remedy = "set the camera's keyframe interval (GOP, I-frame interval) to 1 to 2 s"
    return f"its keyframes are {keyframe_interval_s:.0f} s apart, {how}: {remedy}"
