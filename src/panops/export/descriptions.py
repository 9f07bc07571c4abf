"""What goes into a model and comes out of it, in the words that files for phones carry with them."""

from __future__ import annotations

from panops.domain.manifest import ModelManifest
from panops.vision.preprocess import Preprocessing

_YOLOX = (
    "a row for each cell of each stride, finest first: centre x and y in cells from the cell's corner, logarithms of width and height in"
    " cells, objectness, and a score for each of {classes} classes"
)
_YOLOX_DECODED = (
    "a row for each box: centre x and y, width and height in pixels of the input, objectness, and a score for each of {classes} classes"
)


def input_words(manifest: ModelManifest) -> str:
    """How a picture becomes the input, from the manifest's `preprocessing`.

    Raises:
        ModelUnsupported: The manifest says something else than panops knows.
    """
    how = Preprocessing.of(manifest)
    width, height = how.size_wh
    plain = how.mean == (0.0, 0.0, 0.0) and how.scale == (1.0, 1.0, 1.0)
    values = "0 to 255" if plain else f"(pixel - {_shown(how.mean)}) * {_shown(how.scale)}"
    if how.pad is None:
        place = "stretched to fill it"
    else:
        corner = "in the middle" if how.anchor == "center" else "in the top left corner"
        place = f"scaled with its proportions kept, {corner}, the rest filled with {how.pad:g}"
    return f"a picture of {width}x{height} pixels, {'BGR' if how.bgr else 'RGB'}, {values}; {place}"


def output_words(manifest: ModelManifest) -> str:
    """What the numbers of the output are."""
    classes = len(manifest.classes)
    if manifest.task == "classification":
        return f"a score for each of {classes} classes, which add up to 1"
    known = {"yolox": _YOLOX, "yolox_decoded": _YOLOX_DECODED}.get(manifest.head)
    return known.format(classes=classes) if known is not None else f"what a head of the kind {manifest.head} gives for {classes} classes"


def _shown(values: tuple[float, float, float]) -> str:
    return f"{values[0]:g}" if len(set(values)) == 1 else f"({', '.join(f'{value:g}' for value in values)})"
