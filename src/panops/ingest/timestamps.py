"""Makes the times of a stream usable: presentation times that grow and do not jump.

Cameras leave timestamps out, send them twice, late or negative, wrap their counters, and jump when their clock is set. `TimestampRepair`
works on decode times, which never go back in a sound stream, and keeps each picture's distance between decode and presentation time,
so that B-frames stay in their places.
"""

from __future__ import annotations

# Counters in streams that are known to wrap: MPEG's 33 bits and RTP's 32 bits, both at 90 kHz.
_WRAPS_S = (2**33 / 90000, 2**32 / 90000)
_FALLBACK_STEP_S = 0.04
# A repeated or slightly late time is moved this far past the one before it.
_NUDGE_S = 0.001
_LONGEST_REORDER_S, _LONGEST_REORDER_STEPS = 5.0, 4
_REORDER_ROOM_S = 0.25


class TimestampRepair:
    """Repairs one stream's times, one packet after the other in the order of decoding.

    Args:
        rate_fps: The stream's nominal rate, for steps that have to be guessed; None when it is not known.
        max_gap_s: A step longer than this is a jump of the camera's clock, unless the arrival times show the same gap.
        reorders: Whether the stream has B-frames; then a packet without a decode time is not judged by its presentation time.

    Attributes:
        repaired: How many packets had a time that was missing or had to be changed.
    """

    def __init__(self, rate_fps: float | None = None, max_gap_s: float = 5.0, *, reorders: bool = False) -> None:
        self.repaired = 0
        self._reorders = reorders
        self._step_s = 1.0 / rate_fps if rate_fps and 0.01 <= rate_fps <= 1000 else _FALLBACK_STEP_S
        # Pictures that come seconds apart are also shown seconds after their decoding.
        self._longest_reorder_s = max(_LONGEST_REORDER_S, _LONGEST_REORDER_STEPS * self._step_s)
        self._max_gap_s = max_gap_s
        self._usual_step_s = min(1.0, max_gap_s)
        # Repaired decode time minus raw decode time; None until a raw time is known.
        self._offset_s: float | None = None
        self._last_s: float | None = None
        self._last_raw_s: float | None = None
        self._last_arrival_s: float | None = None
        self._highest_pts_s = float("-inf")
        self._behind = 0
        self._splice = False

    def splice(self) -> None:
        """What comes next begins its own time (a file played again, the next file): let it follow one step after the last picture."""
        self._splice = True

    def repair(self, pts_s: float | None, dts_s: float | None, arrival_s: float | None = None) -> tuple[float, float]:
        """Repair one packet's times.

        Args:
            pts_s: Its presentation time as the stream says it, s, or None.
            dts_s: Its decode time, s, or None.
            arrival_s: When it came, on a monotonic clock, s; None for a file.

        Returns:
            Presentation and decode time, s from the stream's first picture. Decode times strictly increase, presentation is never before
            decode; without B-frames both are the same.
        """
        if dts_s == pts_s and dts_s is not None and self._offset_s is not None and self._last_raw_s is not None and not self._splice:
            # The usual case, in few steps: no B-frames, and a step like the one before.
            delta_s, placed_s = dts_s - self._last_raw_s, dts_s + self._offset_s
            if 0.0 < delta_s <= self._usual_step_s and self._last_s is not None and placed_s > self._last_s:
                self._behind = 0
                self._step_s += 0.1 * (delta_s - self._step_s)
                self._last_raw_s, self._last_s, self._last_arrival_s = dts_s, placed_s, arrival_s
                self._highest_pts_s = max(self._highest_pts_s, placed_s)
                return placed_s, placed_s
        if dts_s is None and pts_s is not None and self._reorders:
            decode_s = self._place_unordered(pts_s)
            self._last_raw_s = decode_s - (self._offset_s or 0.0)
        else:
            raw_s = dts_s if dts_s is not None else pts_s
            reorder_s = 0.0
            if pts_s is not None and dts_s is not None and 0.0 < pts_s - dts_s <= self._longest_reorder_s:
                reorder_s = pts_s - dts_s
            decode_s = self._place(raw_s, reorder_s, arrival_s)
            self._last_raw_s = raw_s if raw_s is not None else self._last_raw_s
        shown_s = decode_s
        if pts_s is not None and self._offset_s is not None and 0.0 < pts_s + self._offset_s - decode_s <= self._longest_reorder_s:
            shown_s = pts_s + self._offset_s
        self._last_s, self._last_arrival_s = decode_s, arrival_s
        self._highest_pts_s = max(self._highest_pts_s, shown_s)
        return shown_s, decode_s

    def _place_unordered(self, pts_s: float) -> float:
        """A decode time for a packet that has none in a stream with B-frames (a Matroska file's first ones): just after the one before."""
        if self._last_s is None:
            self._offset_s = -pts_s
            return -_REORDER_ROOM_S
        if self._splice:
            self._splice = False
            self._offset_s = self._highest_pts_s + self._step_s - pts_s
        self.repaired += 1
        return self._last_s + _NUDGE_S

    def _place(self, raw_s: float | None, reorder_s: float, arrival_s: float | None) -> float:
        if self._last_s is None:
            # The first picture is shown at 0, so with B-frames its decoding comes before.
            self._anchor(raw_s, 0.0 - reorder_s)
            self.repaired += raw_s is None
            return 0.0 - reorder_s
        if self._splice:
            self._splice = False
            return self._anchor(raw_s, max(self._last_s, self._highest_pts_s - reorder_s) + self._step_s)
        if raw_s is None or self._offset_s is None or self._last_raw_s is None:
            self.repaired += 1
            return self._anchor_missing(raw_s)
        raw_s = self._unwrapped(raw_s)
        delta_s = raw_s - self._last_raw_s
        if abs(delta_s) > self._max_gap_s and not self._is_gap(delta_s, arrival_s):
            self.repaired += 1
            return self._anchor(raw_s, self._last_s + self._elapsed_s(arrival_s))
        return self._follow(raw_s, delta_s, arrival_s)

    def _follow(self, raw_s: float, delta_s: float, arrival_s: float | None) -> float:
        """A step of ordinary length, forward or a little back."""
        assert self._offset_s is not None and self._last_s is not None, "checked by the caller"  # noqa: S101, PT018  # for the type checker
        placed_s = raw_s + self._offset_s
        if placed_s > self._last_s:
            self._behind = 0
            if 0.0 < delta_s <= 1.0:
                self._step_s += 0.1 * (delta_s - self._step_s)
            return placed_s
        self.repaired += 1
        self._behind += 1
        if self._behind > 1:
            # Not one late packet but a clock that was set back, or one that stands still: go on from here.
            return self._anchor(raw_s, self._last_s + (self._step_s if delta_s > 0 else self._elapsed_s(arrival_s)))
        return self._last_s + min(_NUDGE_S, self._step_s / 4)

    def _anchor(self, raw_s: float | None, placed_s: float) -> float:
        """Let raw time `raw_s` be `placed_s` from now on."""
        self._offset_s = None if raw_s is None else placed_s - raw_s
        return placed_s

    def _anchor_missing(self, raw_s: float | None) -> float:
        """No time in this packet, or in none before it."""
        assert self._last_s is not None, "checked by the caller"  # noqa: S101  # for the type checker
        # Arrival times are no help: the packets of the burst after opening come all at once.
        placed_s = self._last_s + self._step_s
        if raw_s is None:
            if self._last_raw_s is not None:
                self._last_raw_s += self._step_s
            return placed_s
        return self._anchor(raw_s, placed_s)

    def _unwrapped(self, raw_s: float) -> float:
        """`raw_s` without a wrap of the stream's counter since the packet before; the offset takes it over."""
        assert self._last_raw_s is not None and self._offset_s is not None, "checked by the caller"  # noqa: S101, PT018  # type checker
        for wrap_s in _WRAPS_S:
            if 0.0 <= raw_s + wrap_s - self._last_raw_s <= self._max_gap_s:
                self._offset_s += wrap_s
                self._last_raw_s -= wrap_s
        return raw_s

    def _is_gap(self, delta_s: float, arrival_s: float | None) -> bool:
        """Whether the pictures really were that far apart: nothing came for as long."""
        if arrival_s is None or self._last_arrival_s is None:
            return False
        waited_s = arrival_s - self._last_arrival_s
        return abs(delta_s - waited_s) <= max(1.0, 0.2 * waited_s)

    def _elapsed_s(self, arrival_s: float | None) -> float:
        """How far to go on over a jump: as long as it really took, at least one step."""
        if arrival_s is None or self._last_arrival_s is None:
            return self._step_s
        return max(self._step_s, arrival_s - self._last_arrival_s)
