"""A part of a picture that a detector looks at."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Region:
    """A part of a picture and the network's input that shows it; `RegionDetector.region` makes them.

    Attributes:
        xyxy: Left, top, right, bottom, whole px of the frame and inside it; left and top are even, as chroma planes have half the size.
        input_wh: The network's input, px.
    """

    xyxy: tuple[int, int, int, int]
    input_wh: tuple[int, int]

    @property
    def size_wh(self) -> tuple[int, int]:
        """Width and height, px of the frame."""
        left, top, right, bottom = self.xyxy
        return right - left, bottom - top
