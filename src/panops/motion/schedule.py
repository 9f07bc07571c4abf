"""When to look at a camera's picture, and when a look is worth the detector."""

from __future__ import annotations

import math

# After the last motion the detector goes on for so long: what stopped moving is still there.
HOLD_S = 2.0
# A frame may come by so much of a period early and still be its check: timestamps jitter.
EARLY_SHARE = 0.25


class CheckSchedule:
    """One camera's rhythm. Time is cut into periods of `1 / check_fps` from the first frame on, and the first frame of each is a check.

    Periods stand still, so late frames never add up to a drift, and after a pause there is one check and no burst. `due` may be called by
    one thread and `wants_detector` by another: they share nothing but the new beginning when time goes back, which asks for the detector.

    Args:
        check_fps: Checks a second.
        refresh_s: The detector runs at least this often; 0 means at every check.
        hold_s: For how long after the last motion it runs at every check, s.

    Raises:
        ValueError: `check_fps` is not positive.
    """

    def __init__(self, check_fps: float, refresh_s: float, hold_s: float = HOLD_S) -> None:
        """Begin at the first frame that comes."""
        if not check_fps > 0:
            raise ValueError(f"expected check_fps above 0, got {check_fps}")
        self._check_fps = check_fps
        self._refresh_s = refresh_s
        self._hold_s = hold_s
        self._start_s: float | None = None
        self._period = -1
        self._passed_period = -1
        self._newest_s = -math.inf
        self._moved_s = -math.inf
        self._detected_s = -math.inf
        self._spacing_s = 0.0
        self._due_s = -math.inf
        self.given_up = 0
        """Checks that would have been due at the full rate, but not at the one that `slow_down` left."""

    def slow_down(self, check_fps: float) -> None:
        """Leave at most so many checks a second from now on; the full rate or more: as many as there should be. Any thread."""
        # Checks stay on the beat of the full rate: half a period less lets the nearest one count.
        self._spacing_s = 0.0 if check_fps >= self._check_fps else 1.0 / check_fps - 0.5 / self._check_fps

    def pass_over(self, time_s: float) -> None:
        """A frame is not even decoded: the check that it would have been is given up, unless a later frame of its period makes it."""
        if self._start_s is None or time_s < self._newest_s:
            return
        self._newest_s = time_s
        period = self._period_of(time_s)
        if period > max(self._period, self._passed_period):
            self._passed_period = period
            self.given_up += 1

    def due(self, time_s: float, *, at_once: bool = False) -> bool:
        """Whether the frame captured at `time_s` is to be looked at, with `at_once` however short ago the last look was.

        Ask once a frame, in order.

        A time more than a period older than the newest one (a file that begins again, a camera whose clock was set) begins anew.
        """
        if self._start_s is None or time_s < self._newest_s - 1.0 / self._check_fps:
            self._start_s, self._period, self._passed_period, self._newest_s = time_s, 0, -1, time_s
            self._moved_s = self._detected_s = -math.inf
            self._due_s = time_s
            return True
        self._newest_s = max(self._newest_s, time_s)
        period = self._period_of(time_s)
        if period <= self._period:
            return False
        self._period = period
        given_up_before = period == self._passed_period
        if time_s - self._due_s < self._spacing_s and not at_once:
            self.given_up += not given_up_before
            return False
        self.given_up -= given_up_before
        self._due_s = time_s
        return True

    def _period_of(self, time_s: float) -> int:
        assert self._start_s is not None, "checked by the callers"  # noqa: S101  # for the type checker
        return math.floor((time_s - self._start_s) * self._check_fps + EARLY_SHARE)

    def wants_detector(self, moved: bool, tracked: int, time_s: float) -> bool:
        """Whether the check at `time_s` runs the detector; True is taken as done.

        Args:
            moved: What the motion gate says.
            tracked: How many objects the tracker follows now, lost ones too.
            time_s: The frame's capture time, s.

        Returns:
            True while something moves and for `hold_s` afterwards, while anything is tracked, and whenever the last run is `refresh_s` ago
            (at the first check, too).
        """
        if moved:
            self._moved_s = time_s
        wanted = (
            moved
            or tracked > 0
            or time_s - self._moved_s <= self._hold_s
            or time_s - self._detected_s >= self._refresh_s - 0.5 * EARLY_SHARE / self._check_fps
        )
        if wanted:
            self._detected_s = time_s
        return wanted
