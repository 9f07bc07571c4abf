"""A zone's corners as Frigate writes them: a text or a list, shares of the picture or pixels of the picture for detection."""

from __future__ import annotations

from typing import Any


def zone_polygon(raw: Any, width: float | None, height: float | None) -> list[tuple[float, float]]:
    """The corners as shares of the picture.

    Args:
        raw: `"0.1,0.2,0.3,0.4,..."`, or a list of `"0.1,0.2"`; numbers above 1 make all of them pixels.
        width: Of the picture that pixels refer to, px; None where it is not known.
        height: The same.

    Returns:
        `(x, y)` in 0..1; corners on the picture's edge may be a pixel beyond it, and are put onto it.

    Raises:
        ValueError: They are not pairs of numbers, or pixels of a picture whose size is not known; says what was expected.
    """
    parts = raw if isinstance(raw, list) else [raw]
    texts = [text for part in parts for text in str(part if part is not None else "").split(",") if text.strip()]
    try:
        numbers = [float(text) for text in texts]
    except ValueError as error:
        raise ValueError(f"expected pairs of numbers such as 0.1,0.2,0.3,0.4,0.5,0.6, got {str(raw)[:60]!r}") from error
    if len(numbers) < 6 or len(numbers) % 2:
        raise ValueError(f"expected at least three corners, x and y of each, got {len(numbers)} numbers")
    corners = list(zip(numbers[::2], numbers[1::2], strict=True))
    if max(numbers) <= 1.0:
        return corners if min(numbers) >= 0 else [(max(x, 0.0), max(y, 0.0)) for x, y in corners]
    if not width or not height:
        raise ValueError("these are pixels: `detect` of the camera needs `width` and `height` to make shares of the picture of them")
    beyond = next(((x, y) for x, y in corners if not (-1 <= x <= width + 1 and -1 <= y <= height + 1)), None)
    if beyond is not None:
        raise ValueError(f"the corner {beyond[0]:g},{beyond[1]:g} lies outside the picture of {width:g}x{height:g}")
    return [(round(min(max(x / width, 0.0), 1.0), 4), round(min(max(y / height, 0.0), 1.0), 4)) for x, y in corners]
