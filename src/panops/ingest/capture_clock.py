"""When the pictures of a live stream were taken.

A picture cannot arrive before it is taken, and the network only ever adds delay; so the smallest distance seen lately between arrival and
presentation time is the best guess of the stream's origin (a minimum filter, as used for one-way delays in NTP, RFC 5905 section 10). One
late packet does not move it, and a camera whose clock drifts is followed slowly. What stays late by more than half a second for a couple of
seconds is believed: the way has become longer, or the camera's time stamps are not the time (24 pictures a second stamped as 25).
"""

from __future__ import annotations

from collections import deque

# A larger change of UTC against the monotonic clock is somebody (or NTP) setting the clock.
_WALL_STEP_S = 1.0
# A delay is believed that no picture undercuts in two spans of time, and that does not shrink from the first to the second, as one does
# that is being made up for. What comes at once counts once: a file's piece of some seconds (HLS), or what a network held back.
_LATE_S, _SPAN_S, _SHRINKS_S, _FEWEST, _AT_ONCE_S = 0.5, 1.0, 0.2, 4, 0.01


class CaptureClock:
    """UTC capture times of one live stream.

    Args:
        window_s: A small delay that lasts longer than this is believed to be the camera's new normal (its clock drifts).
        slew: How fast the origin follows later arrivals, s per s. Real crystals drift by less than 0.0002.
    """

    def __init__(self, window_s: float = 30.0, slew: float = 0.002) -> None:
        self._window_s = window_s
        self._slew = slew
        # Arrival minus presentation time, monotonic clock, s: the estimate, and the smallest of each half window.
        self._origin_s: float | None = None
        self._halves: deque[tuple[float, float]] = deque()
        self._late = _Lateness()
        self._wall_s: float | None = None
        self._last_arrival_s = 0.0
        self._last_pts_s = 0.0
        self._last_s = float("-inf")

    def prime(self, origin_s: float) -> None:
        """Tell a first estimate: the smallest arrival minus presentation time of packets that came in one burst."""
        self._origin_s = origin_s

    def captured_at_s(self, pts_s: float, arrival_s: float, utc_s: float) -> float:
        """When a picture was taken.

        Args:
            pts_s: Its repaired presentation time, s.
            arrival_s: When it arrived, on the monotonic clock, s.
            utc_s: The UTC time of the same moment, s.

        Returns:
            UTC, s: never later than `utc_s` (but for the microsecond that keeps pictures of one burst apart), and later than the
            picture before it where that one's presentation is earlier, unless this machine's clock was set back by more than a second.
        """
        self._follow(arrival_s - pts_s, arrival_s)
        assert self._origin_s is not None, "set by _follow"  # noqa: S101  # for the type checker
        captured_s = pts_s + self._origin_s + self._wall(utc_s - arrival_s, arrival_s)
        captured_s = min(captured_s, utc_s)
        if pts_s > self._last_pts_s and captured_s <= self._last_s:
            captured_s = self._last_s + 1e-6
        self._last_arrival_s = arrival_s
        if captured_s > self._last_s:
            self._last_s, self._last_pts_s = captured_s, pts_s
        return captured_s

    def _follow(self, distance_s: float, arrival_s: float) -> None:
        half_s = self._window_s / 2
        if not self._halves or arrival_s - self._halves[-1][0] >= half_s:
            self._halves.append((arrival_s, distance_s))
            while len(self._halves) > 3:
                self._halves.popleft()
        else:
            began_s, smallest_s = self._halves[-1]
            self._halves[-1] = (began_s, min(smallest_s, distance_s))
        if self._origin_s is None or distance_s < self._origin_s:
            # The picture came sooner than thought possible: the estimate was too late.
            self._origin_s = distance_s
            self._late.forget()
            return
        self._origin_s += self._late.lasting_s(distance_s - self._origin_s, arrival_s)
        # Only what two whole half windows agree on may push the origin back.
        if len(self._halves) == 3:
            target_s = min(smallest_s for _, smallest_s in self._halves)
            room_s = self._slew * max(0.0, arrival_s - self._last_arrival_s)
            self._origin_s += min(max(0.0, target_s - self._origin_s), room_s)

    def _wall(self, wall_s: float, arrival_s: float) -> float:
        """UTC minus monotonic time: a clock that was set is believed at once, forward or back; small corrections are made up slowly."""
        if self._wall_s is None or abs(wall_s - self._wall_s) > _WALL_STEP_S:
            if self._wall_s is not None and wall_s < self._wall_s:
                # Capture times go back with the clock: held fast, they would stand still until it has caught up.
                self._last_s = float("-inf")
            self._wall_s = wall_s
            return wall_s
        room_s = 0.05 * max(0.0, arrival_s - self._last_arrival_s)
        self._wall_s += min(max(wall_s - self._wall_s, -room_s), room_s)
        return self._wall_s


class _Lateness:
    """Tells a delay that lasts from one that passes."""

    def __init__(self) -> None:
        self._began_s: float | None = None  # when the older span began; None while pictures come in time
        self._arrivals = 0
        self._last_arrival_s = 0.0
        self._older_s = self._newer_s = float("inf")  # the smallest delay of each span

    def forget(self) -> None:
        """A picture came in time."""
        self._began_s = None

    def lasting_s(self, delay_s: float, arrival_s: float) -> float:
        """How much of a picture's delay has turned out to be lasting, s; 0 while that is not known. Then it begins anew."""
        if delay_s <= _LATE_S:
            self._began_s = None
            return 0.0
        if self._began_s is None:
            self._begin(arrival_s, float("inf"), 1)
        self._arrivals += arrival_s - self._last_arrival_s > _AT_ONCE_S
        self._last_arrival_s = arrival_s
        past_s = arrival_s - (self._began_s or 0.0)
        if past_s < _SPAN_S:
            self._older_s = min(self._older_s, delay_s)
        else:
            self._newer_s = min(self._newer_s, delay_s)
        if past_s < 2 * _SPAN_S or self._arrivals < _FEWEST:
            return 0.0
        if self._newer_s < self._older_s - _SHRINKS_S:
            self._begin(arrival_s - _SPAN_S, self._newer_s, self._arrivals)
            return 0.0
        lasting_s = min(self._older_s, self._newer_s)
        self._began_s = None
        return lasting_s

    def _begin(self, began_s: float, older_s: float, arrivals: int) -> None:
        self._began_s, self._older_s, self._newer_s, self._arrivals = began_s, older_s, float("inf"), arrivals
        self._last_arrival_s = began_s if arrivals == 1 else self._last_arrival_s
