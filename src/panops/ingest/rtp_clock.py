"""RTP's times: counters of 32 bits that begin anywhere and wrap after half a day, of pictures in the order of decoding."""

from __future__ import annotations

from bisect import insort

_HALF, _WHOLE = 1 << 31, 1 << 32
# H.264 and H.265 allow no more pictures between decoding and presentation.
_LONGEST_DELAY = 16
# Further back is no B-frame but a camera whose clock was set.
_LARGEST_STEP_BACK_S = 2.0


class RtpClock:
    """Unwraps a stream's timestamps (RFC 3550, 5.1).

    Args:
        clock_hz: Ticks a second; 90,000 for video.
    """

    def __init__(self, clock_hz: int) -> None:
        self._clock_hz = clock_hz
        self._ticks: int | None = None

    def seconds(self, timestamp: int) -> float:
        """A timestamp as s on a time line without wraps; a step of more than half the counter's range counts as one back."""
        ticks = self._ticks
        ticks = timestamp if ticks is None else ticks + ((timestamp - ticks + _HALF) % _WHOLE) - _HALF
        self._ticks = ticks
        return ticks / self._clock_hz


class DecodeTimes:
    """Gives pictures decode times: RTP carries presentation times only.

    With a delay of n pictures between decoding and presentation, a picture's decode time is the smallest of the last n + 1 presentation
    times.

    Args:
        delay: How many pictures may be decoded before one that is shown earlier; 0 without B-frames. It grows when the stream shows more.
    """

    def __init__(self, delay: int) -> None:
        self.delay = min(delay, _LONGEST_DELAY)
        self._shown: list[float] = []

    def decode_s(self, pts_s: float) -> float | None:
        """The decode time of the next picture, s; None for the first ones of a stream with B-frames, of which it cannot be told."""
        shown = self._shown
        if not self.delay and (not shown or pts_s >= shown[-1]):
            self._shown = [pts_s]
            return pts_s
        if shown and shown[-1] - pts_s > _LARGEST_STEP_BACK_S:
            shown.clear()
        insort(shown, pts_s)
        later = len(shown) - 1 - shown.index(pts_s)
        if later > self.delay:
            self.delay = min(later, _LONGEST_DELAY)
        if len(shown) <= self.delay:
            return None
        del shown[: len(shown) - self.delay - 1]
        return shown[0]
