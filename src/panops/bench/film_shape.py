"""What all films of a run have in common, as a camera's settings page asks for it."""

from __future__ import annotations

from dataclasses import dataclass

# 640x360 at 5 pictures a second takes so much, kbit/s.
_USUAL_KBPS = 350.0
_USUAL_PX = 640 * 360
_USUAL_FPS = 5.0


@dataclass(frozen=True, slots=True)
class FilmShape:
    """Size, rate and keyframes of a film.

    Attributes:
        size_wh: Picture size, px, even.
        rate_fps: Pictures a second.
        check_fps: Checks a second at which shares of the checks are meant.
        gop_s: Time from keyframe to keyframe, s.
        seconds: About how long it is before it begins again, s.
    """

    size_wh: tuple[int, int] = (640, 360)
    rate_fps: float = 5.0
    check_fps: float = 5.0
    gop_s: float = 2.0
    seconds: float = 60.0

    @property
    def group(self) -> int:
        """Pictures from keyframe to keyframe."""
        return max(1, round(self.gop_s * self.rate_fps))

    @property
    def pictures(self) -> int:
        """How many pictures it has: whole groups, so that its end and its beginning fit."""
        return self.group * max(1, round(self.seconds * self.rate_fps / self.group))

    @property
    def kbps(self) -> float:
        """The bit rate that cameras are usually set to, kbit/s: it grows slower than the pixels, and with the root of the rate."""
        pixels = self.size_wh[0] * self.size_wh[1]
        return _USUAL_KBPS * float((pixels / _USUAL_PX) ** 0.75) * float((self.rate_fps / _USUAL_FPS) ** 0.5)
