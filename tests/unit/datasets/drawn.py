"""Pictures and sets for these tests, made up from numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from hypothesis import strategies as st

from panops.domain.labels import DetectionSet, LabelledPicture

CLASSES = ("person", "car", "hard hat")


def scene(seed: int, size_wh: tuple[int, int] = (96, 64)) -> np.ndarray:
    """A picture that looks like no other: smooth noise, (H, W, 3) uint8."""
    coarse = np.random.default_rng(seed).integers(0, 256, (7, 9, 3), np.uint8)
    return cv2.resize(coarse, size_wh, interpolation=cv2.INTER_CUBIC)


def save(path: Path, image: np.ndarray, quality: int = 90) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    suffix = path.suffix.lower()
    options = {".jpg": [cv2.IMWRITE_JPEG_QUALITY, quality], ".webp": [cv2.IMWRITE_WEBP_QUALITY, quality]}.get(suffix, [])
    path.write_bytes(cv2.imencode(suffix, image, options)[1].tobytes())
    return path


def picture(path: Path, boxes: list[tuple[float, float, float, float]] | None = None, **more: Any) -> LabelledPicture:
    """A picture of 96x64 with boxes of the class 0 unless `class_id` says otherwise."""
    xyxy = np.array(boxes or [], np.float32).reshape(-1, 4)
    given = {
        "size_wh": (96, 64),
        "class_id": np.zeros(len(xyxy), np.int64),
        "crowd": np.zeros(len(xyxy), bool),
        "labelled": np.ones(len(CLASSES), bool),
        **more,
    }
    given["class_id"] = np.asarray(given["class_id"], np.int64)
    given["crowd"] = np.asarray(given["crowd"], bool)
    given["labelled"] = np.asarray(given["labelled"], bool)
    return LabelledPicture(path=path, xyxy=xyxy, **given)


@st.composite
def boxes_in(draw: st.DrawFn, size_wh: tuple[int, int]) -> tuple[float, float, float, float]:
    """A box inside the picture of at least 2 px, in quarters of a pixel so that float32 holds it exactly."""
    left = draw(st.integers(0, size_wh[0] * 4 - 8))
    top = draw(st.integers(0, size_wh[1] * 4 - 8))
    right = draw(st.integers(left + 8, size_wh[0] * 4))
    bottom = draw(st.integers(top + 8, size_wh[1] * 4))
    return left / 4, top / 4, right / 4, bottom / 4


_WORDS = st.sampled_from(["", "yard", "gate 1", "Straße/7"])


@st.composite
def sets_of(draw: st.DrawFn, paths: list[Path], name: str = "train") -> DetectionSet:
    """A set of any of these pictures (96x64), with partial labels, sources, groups and crowds."""
    pictures = []
    for path in draw(st.lists(st.sampled_from(paths), min_size=1, max_size=4, unique=True)):
        boxes = draw(st.lists(st.tuples(boxes_in((96, 64)), st.integers(0, len(CLASSES) - 1)), max_size=5, unique=True))
        pictures.append(
            picture(
                path,
                [box for box, _ in boxes],
                class_id=[class_id for _, class_id in boxes],
                crowd=draw(st.lists(st.booleans(), min_size=len(boxes), max_size=len(boxes))),
                labelled=draw(st.lists(st.booleans(), min_size=len(CLASSES), max_size=len(CLASSES))),
                source=draw(_WORDS),
                group=draw(_WORDS),
                rider_in_box=draw(st.booleans()),
                mosaic=draw(st.booleans()),
            )
        )
    return DetectionSet(name, CLASSES, tuple(pictures))


def assert_same(left: DetectionSet, right: DetectionSet, *, places: float = 0.01, paths: bool = True) -> None:
    """Equal in all that a set says; boxes to `places` px."""
    assert left.classes == right.classes
    assert len(left) == len(right)
    for one, other in zip(left.pictures, right.pictures, strict=True):
        if paths:
            assert one.path.resolve() == other.path.resolve()
        assert one.size_wh == other.size_wh
        np.testing.assert_allclose(one.xyxy, other.xyxy, atol=places)
        np.testing.assert_array_equal(one.class_id, other.class_id)
        np.testing.assert_array_equal(one.crowd, other.crowd)
        np.testing.assert_array_equal(one.labelled, other.labelled)
        told = [(it.source, it.group, it.rider_in_box, it.mosaic) for it in (one, other)]
        assert told[0] == told[1]
