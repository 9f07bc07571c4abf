"""Whether a film that could be read to its end was whole."""

from __future__ import annotations

from panops.domain.packets import StreamInfo

# A film's length is the end of its last picture, and sometimes that of its sound.
_END_SLACK_S, _END_SLACK_SHARE = 1.5, 0.1
_LONGEST_GAP_S, _GAP_FRAMES = 2.0, 20
# A film of a varying rate (a screen that is recorded, a recorder that waits for motion) has pauses of its own. It is told by how many
# of its pictures come that much later than the rate says: damage takes many pictures at few places.
_LATE_STEPS, _LATE_SHARE = 1.5, 0.05


class FilmDamage:
    """Watches a film's pictures go by.

    Args:
        info: What the film says of itself.

    Attributes:
        last_s: Presentation time of the newest picture, s from the first.
    """

    def __init__(self, info: StreamInfo) -> None:
        self.last_s = 0.0
        self._length_s = info.duration_s
        self._step_s = 1.0 / info.rate_fps if info.rate_fps else None
        self._pictures = 0
        self._late = 0
        self._longest_gap_s = 0.0
        self._gap_at_s = 0.0

    def see(self, pts_s: float) -> None:
        """Take a picture into account; they come in the order of their times, s."""
        gap_s = pts_s - self.last_s
        if gap_s > self._longest_gap_s:
            self._longest_gap_s, self._gap_at_s = gap_s, self.last_s
        self._pictures += 1
        self._late += self._step_s is not None and gap_s > _LATE_STEPS * self._step_s
        self.last_s = pts_s

    def finding(self, undecodable: int) -> str:
        """What is wrong, in words: damaged pictures, missing ones, or fewer than the header promises; empty when nothing is.

        Args:
            undecodable: How many packets gave no picture.
        """
        if undecodable:
            return f"{undecodable} of its pictures are damaged, or build upon damaged ones, and could not be decoded"
        if self._has_a_hole():
            return f"pictures are missing: after {self._gap_at_s:.1f} s there are none for {self._longest_gap_s:.1f} s"
        if self._length_s is not None and self._pictures:
            end_s = self.last_s + (self._step_s or 0.0)
            if end_s < self._length_s - max(_END_SLACK_S, _END_SLACK_SHARE * self._length_s):
                return f"it ends after {end_s:.1f} s although its header says {self._length_s:.1f} s: a part is missing"
        return ""

    def _has_a_hole(self) -> bool:
        if self._step_s is None or self._late > max(2, _LATE_SHARE * self._pictures):
            return False
        return self._longest_gap_s > max(_LONGEST_GAP_S, _GAP_FRAMES * self._step_s)
