"""From a recipe to data: riders stay unknown, pictures are kept as large as they are needed and no more of them than fit."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs panops[train]")

from panops.datasets.coco import write_coco
from panops.domain.labels import DetectionSet
from panops.training.prepare import cache_bytes, prepare_data
from panops.training.recipe import recipe_from
from panops.training.sample import sample_of

from .small_data import draw_picture, tiny_recipe

CLASSES = ("person", "motorcycle")


def street(folder: Path) -> None:
    """A motorcycle with its rider inside the box, and none around a motorcycle that stands alone in a picture of another source."""
    drawn = draw_picture(folder / "a.png", 1)
    alone = draw_picture(folder / "b.png", 1)
    pictures = [
        type(one)(one.path, one.size_wh, one.xyxy[:1], np.ones(1, np.int64), np.zeros(1, bool), np.ones(2, bool), rider_in_box=rider)
        for one, rider in ((drawn, True), (alone, False))
    ]
    write_coco(DetectionSet("street", CLASSES, tuple(pictures)), folder / "street.json")


@pytest.mark.parametrize("classes", [["person"], ["person", "motorcycle"], ["motorcycle", "person"]])
def test_riders_are_unknown_also_where_the_recipe_has_no_two_wheelers(tmp_path: Path, classes: list[str]) -> None:
    street(tmp_path)
    values = {"name": "one", "classes": classes, "input_px": 64, "data": {"train": ["street.json"], "val": ["street.json"]}}
    prepared = prepare_data(recipe_from(values, "one", tmp_path))
    image = np.zeros((80, 96, 3), np.uint8)
    for dataset in (prepared.train, prepared.val):
        ridden, alone = (sample_of(picture, image, dataset.classes) for picture in dataset.pictures)
        assert ridden.ignored_class.tolist() == [classes.index("person")]
        assert ridden.ignored_xyxy.shape == (1, 4)
        assert not len(alone.ignored_xyxy)
        assert len(ridden.xyxy) == len(alone.xyxy) == len(classes) - 1


def test_pictures_are_kept_as_large_as_the_zoom_of_any_source_needs(tmp_path: Path) -> None:
    draw_picture(tmp_path / "big" / "0.png", 1, (400, 300))
    write_coco(DetectionSet("train", ("red", "blue"), (draw_picture(tmp_path / "big" / "0.png", 1, (400, 300)),)), tmp_path / "train.json")
    near, far = ({"zoom": [1.0, 1.0], "source_zoom": zoom} for zoom in ({"drawn": [1.0, 2.6]}, {}))
    for augment, width in ((near, 128), (far, 64)):
        image = prepare_data(tiny_recipe(tmp_path, augment=augment)).cache.get(0)
        assert image is not None
        assert image.shape[1] == width


def test_the_cache_leaves_half_of_the_memory_and_is_shared_on_a_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sysconf", {"SC_PHYS_PAGES": 1 << 19, "SC_PAGE_SIZE": 4096}.__getitem__)
    assert cache_bytes() == 1 << 30
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")
    assert cache_bytes() == 1 << 28
