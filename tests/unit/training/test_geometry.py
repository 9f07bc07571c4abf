"""Boxes follow the pixels: a coloured rectangle is drawn, moved, and found again."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="needs panops[train]")

from hypothesis import given, settings
from hypothesis import strategies as st

from panops.training.augment.geometry import PAD, Placement, paste, random_view
from panops.training.augment.mosaic import mix_up, mosaic
from panops.training.sample import Region, Sample
from panops.vision.letterbox import Letterbox

RED = (0, 0, 255)


def picture(box: tuple[int, int, int, int], size_wh: tuple[int, int] = (120, 90), labelled: tuple[bool, ...] = (True,)) -> Sample:
    image = np.full((size_wh[1], size_wh[0], 3), 30, np.uint8)
    image[box[1] : box[3], box[0] : box[2]] = RED
    nothing = np.zeros((0, 4), np.float32)
    region = Region(np.array([0, 0, *size_wh], np.float32), np.array(labelled))
    return Sample(image, np.array([box], np.float32), np.zeros(1, np.int64), nothing, np.zeros(0, np.int64), [region])


def red_box(image: np.ndarray) -> np.ndarray | None:
    """Where more than half of a pixel is red."""
    red = (image[..., 2].astype(int) - image[..., 1]) > 112
    if not red.any():
        return None
    y, x = np.nonzero(red)
    return np.array([x.min(), y.min(), x.max() + 1, y.max() + 1], np.float32)


boxes = st.tuples(st.integers(0, 80), st.integers(0, 50), st.integers(12, 40), st.integers(12, 40)).map(
    lambda one: (one[0], one[1], one[0] + one[2], one[1] + one[3])
)


@given(boxes, st.integers(0, 100_000), st.booleans(), st.floats(0.4, 2.5))
@settings(max_examples=60)
def test_a_view_moves_boxes_with_their_pixels(box: tuple[int, int, int, int], seed: int, flip: bool, zoom: float) -> None:
    made = random_view(np.random.default_rng(seed), picture(box), (128, 128), (zoom, zoom), flip=flip)
    found = red_box(made.image)
    told = np.concatenate([made.xyxy, made.ignored_xyxy])
    if found is None:
        assert not len(told) or (told[0, 2:] - told[0, :2]).min() < 2
        return
    assert len(told) == 1
    assert told[0] == pytest.approx(found, abs=1.0 + 0.5 * zoom)


@given(boxes, st.integers(0, 100_000))
@settings(max_examples=40)
def test_mostly_hidden_objects_are_ignored_and_never_lost(box: tuple[int, int, int, int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    offset = rng.uniform(-100, 100, 2)
    canvas = np.full((100, 100, 3), PAD, np.uint8)
    made = paste(canvas, picture(box), Placement((1.0, 1.0), (float(offset[0]), float(offset[1])), flip=False, window=(0, 0, 100, 100)))
    whole = np.array(box, np.float32) + np.tile(offset, 2)
    cut = np.clip(whole, 0, 100)
    area, left = np.prod(whole[2:] - whole[:2]), max(0.0, float(np.prod(cut[2:] - cut[:2])))
    if left <= 1e-3:
        assert not len(made.xyxy)
    elif left >= 0.36 * area and (cut[2:] - cut[:2]).min() >= 3.1:
        assert len(made.xyxy) == 1
        assert not len(made.ignored_xyxy)
    elif left <= 0.34 * area:
        assert not len(made.xyxy)
        assert made.ignored_class.tolist() == [0]


def test_mirroring_mirrors_box_region_and_ignored_place() -> None:
    one = picture((10, 20, 30, 50))
    one.ignored_xyxy = np.array([[0, 0, 12, 90]], np.float32)
    one.ignored_class = np.array([0], np.int64)
    canvas = np.zeros((90, 120, 3), np.uint8)
    made = paste(canvas, one, Placement((1.0, 1.0), (0.0, 0.0), flip=True, window=(0, 0, 120, 90)))
    assert made.xyxy.tolist() == [[90, 20, 110, 50]]
    assert made.ignored_xyxy.tolist() == [[108, 0, 120, 90]]
    assert made.regions[0].xyxy.tolist() == [0, 0, 120, 90]
    assert red_box(made.image) == pytest.approx(np.array([90, 20, 110, 50]))


@given(st.integers(0, 100_000), st.floats(0.3, 2.0))
@settings(max_examples=40)
def test_each_part_of_a_mosaic_keeps_its_own_labels(seed: int, zoom: float) -> None:
    parts = [picture((20, 20, 70, 60), labelled=(index == 0, True)) for index in range(4)]
    made = mosaic(np.random.default_rng(seed), parts, (128, 128), (zoom, zoom))
    assert [region.labelled.tolist() for region in made.regions].count([True, True]) <= 1
    for first in range(len(made.regions)):
        for second in range(first):
            a, b = made.regions[first].xyxy, made.regions[second].xyxy
            assert min(a[2], b[2]) <= max(a[0], b[0]) or min(a[3], b[3]) <= max(a[1], b[1]), "regions overlap"
    inside = np.zeros((128, 128), bool)
    for region in made.regions:
        left, top, right, bottom = np.round(region.xyxy).astype(int).tolist()
        inside[top:bottom, left:right] = True
    # Outside of all regions there is padding only (edges are smoothed over a few pixels).
    near = cv2.dilate(inside.astype(np.uint8), np.ones((9, 9), np.uint8)).astype(bool)
    assert (made.image[~near] == PAD).all()


@given(st.integers(0, 100_000))
@settings(max_examples=20)
def test_boxes_of_a_mosaic_lie_on_red(seed: int) -> None:
    made = mosaic(np.random.default_rng(seed), [picture((20, 20, 70, 60)) for _ in range(4)], (128, 128), (0.6, 1.2))
    for box in made.xyxy:
        left, top, right, bottom = np.round(box).astype(int).tolist()
        inner = made.image[top + 2 : bottom - 2, left + 2 : right - 2]
        assert inner.size == 0 or (inner[..., 2] > 200).mean() > 0.9


def test_a_class_is_known_in_a_mix_up_where_both_knew_it() -> None:
    first, second = picture((10, 10, 40, 40), labelled=(True, True)), picture((50, 10, 90, 40), labelled=(True, False))
    made = mix_up(np.random.default_rng(0), first, second)
    assert made.regions[0].labelled.tolist() == [True, False]
    assert len(made.xyxy) == 2
    assert len(made.regions) == 1


def test_what_becomes_smaller_is_averaged_and_placed_as_the_live_path_does() -> None:
    rng = np.random.default_rng(3)
    one = picture((12, 24, 60, 72), size_wh=(240, 180))
    one.image = rng.integers(0, 256, one.image.shape, dtype=np.uint8)
    canvas = np.full((96, 96, 3), PAD, np.uint8)
    made = paste(canvas, one, Placement((0.4, 0.4), (0.0, 0.0), flip=False, window=(0, 0, 96, 96)))
    box = Letterbox.fit((240, 180), (96, 96))
    assert box.scaled_wh == (96, 72)
    assert (made.image[:72] == cv2.resize(one.image, box.scaled_wh, interpolation=cv2.INTER_AREA)).all()
    assert (made.image[72:] == PAD).all(), "a hard edge"
    assert made.xyxy == pytest.approx(box.forward(one.xyxy), abs=1e-4)


@given(st.integers(0, 100_000), st.floats(0.2, 1.0), st.floats(0.2, 1.0), st.booleans())
@settings(max_examples=60)
def test_boxes_are_exact_where_pictures_become_smaller(seed: int, scale_x: float, scale_y: float, flip: bool) -> None:
    """The mean position of a rectangle's pixels is its box's middle, whatever the scale."""
    rng = np.random.default_rng(seed)
    left, top = int(rng.integers(20, 60)), int(rng.integers(20, 40))
    one = picture((left, top, left + 40, top + 30))
    one.image[...] = 0
    one.image[top : top + 30, left : left + 40] = 255
    offset = (float(rng.uniform(0, 20)), float(rng.uniform(0, 20)))
    canvas = np.zeros((200, 200, 3), np.uint8)
    made = paste(canvas, one, Placement((scale_x, scale_y), offset, flip=flip, window=(0, 0, 200, 200)))
    weight = made.image[..., 0].astype(np.float64)
    # The padding and the edge to it do not count.
    left, top, right, bottom = np.round(made.regions[0].xyxy + np.array([2, 2, -2, -2])).astype(int).tolist()
    weight[:, :left] = weight[:, right:] = weight[:top] = weight[bottom:] = 0
    middle = [(weight.sum(axis=axis) * (np.arange(200) + 0.5)).sum() / weight.sum() for axis in (0, 1)]
    told = np.concatenate([made.xyxy, made.ignored_xyxy])[0]
    assert [(told[0] + told[2]) / 2, (told[1] + told[3]) / 2] == pytest.approx(middle, abs=0.04)
    assert (told[2] - told[0]) * (told[3] - told[1]) == pytest.approx(weight.sum() / 255, rel=0.02)


@pytest.mark.parametrize("flip", [True, False])
def test_a_mosaic_is_mirrored_only_where_it_may_be(flip: bool) -> None:
    """Each part becomes brighter from left to right; mirrored, darker."""
    mirrored = 0
    for seed in range(12):
        parts = [picture((2, 2, 90, 90)) for _ in range(4)]
        for part in parts:
            part.image[:] = np.linspace(10, 110, part.image.shape[1], dtype=np.uint8)[None, :, None]
        made = mosaic(np.random.default_rng(seed), parts, (128, 128), (1.0, 1.0), flip=flip)
        steps = np.diff(made.image[..., 0].astype(int), axis=1)
        falling = (steps < 0) & (steps > -8)
        # In each row one step lies between two parts and may go either way; a mirrored part has dozens in each.
        mirrored += int(falling.sum(axis=1).max() > 10)
    assert (mirrored > 0) is flip
