"""A recipe for one's own pictures: what `panops train --model ... --data ...` makes of a model and a folder, without a file to write.

Measured choices for small data (docs/training.md): the start model's size and activation stay; few pictures are shown often, in
mosaics and crops; the averaged weights follow so closely that they arrive in a short training.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from panops.datasets import open_sets
from panops.datasets.coco import write_coco
from panops.datasets.near_copies import copy_groups
from panops.datasets.opening import joined
from panops.datasets.picture_look import look_at_all
from panops.datasets.problems import DataProblem, ReadReport
from panops.datasets.splitting import split_set
from panops.domain.errors import ConfigError, ConfigProblem, ModelUnsupported, SourceUnsupported
from panops.domain.labels import DetectionSet
from panops.training.checkpoint import read_checkpoint, shape_of
from panops.training.network import DetectorNetwork, NetworkShape
from panops.training.prepare import classes_of
from panops.training.published import read_published
from panops.training.recipe import AugmentConfig, DataConfig, DistilConfig, Recipe
from panops.training.recipe_problems import recipe_problems
from panops.training.transfer import load_folded

_VAL_NAMES = ("val", "valid", "validation", "test")
_VAL_SHARE = 0.2
_COCO_CLASSES = 80
# How often a picture is shown in a training of its own; the fewer there are, the more often.
_SHOWINGS = 120
_LEAST_PICTURES, _MOST_PICTURES = 6_000, 60_000
# What the user gave where a field of the recipe is told to be wrong.
_OPTIONS = {"name": "--name", "input_px": "--size", "pictures": "--pictures"}


@dataclass(frozen=True, slots=True)
class OwnData:
    """Two sets, and what is wrong with them.

    Attributes:
        train: To learn from.
        val: To measure on.
        problems: The faults found while reading.
        how: A sentence on how they were told apart.
    """

    train: DetectionSet
    val: DetectionSet
    problems: tuple[DataProblem, ...]
    how: str


def open_own(data: Path, val: Path | None) -> OwnData:
    """Open what a user gives: with `val`, or with splits of its own, or split here by group with near copies together.

    Raises:
        PanopsError: There are no usable pictures, or too few to split.
    """
    sets = dict(open_sets(data))
    if val is not None:
        measured = joined(open_sets(val), "val")
        learnt = joined(sets, "train")
        return _checked(learnt.dataset, measured.dataset, (*learnt.problems, *measured.problems), f"measured on {val}", data)
    name = next((one for one in _VAL_NAMES if one in sets and len(sets) > 1), "")
    if name:
        learnt = joined({other: report for other, report in sets.items() if other not in _VAL_NAMES}, "train")
        problems = (*learnt.problems, *sets[name].problems)
        return _checked(learnt.dataset, sets[name].dataset, problems, f"measured on the split {name} of {data.name}", data)
    return _split(joined(sets, "all"), data)


def recipe_for(model: Path, own: OwnData, folder: Path, name: str, *, keep: bool = False, pictures: int = 0, input_px: int = 0) -> Recipe:
    """Write the sets into `folder/data` and make the recipe.

    Args:
        model: A checkpoint or an ONNX file to start from.
        own: The data.
        folder: The training's.
        name: What the new model is called.
        keep: Whether the start model's classes stay; it teaches them itself.
        pictures: How many pictures are shown; 0 chooses by the data.
        input_px: The input's side, px; 0 takes 416.

    Raises:
        ConfigError: The name or a number is none that a recipe takes; nothing is written then.
        PanopsError: The model cannot be started from, or the data has no class with boxes.
    """
    start = start_facts(model)
    new = [label for index, label in enumerate(own.train.classes) if any((one.class_id == index).any() for one in own.train.pictures)]
    if not new:
        raise SourceUnsupported(f"{own.train.name}: expected pictures with boxes, got none")
    classes = [*start.classes, *(label for label in new if label not in start.classes)] if keep else new
    shown = pictures or int(np.clip(_SHOWINGS * len(own.train), _LEAST_PICTURES, _MOST_PICTURES))
    steps = -(-shown // 16)
    try:
        recipe = Recipe(
            name=name,
            classes=classes,
            size=start.size,
            activation=start.activation,
            input_px=input_px or 416,
            start=model.resolve(),
            start_classes="coco" if len(start.classes) == _COCO_CLASSES else list(start.classes),
            data=DataConfig(train=[folder.resolve() / "data" / "train.json"], val=[folder.resolve() / "data" / "val.json"]),
            augment=AugmentConfig(plain_last=0.3),
            distil=DistilConfig(teacher=model.resolve()) if keep else None,
            pictures=shown,
            warm_pictures=min(1_000, shown // 10),
            # The average looks back over about a tenth of the training.
            average_decay=round(min(0.9995, 1 - 10 / max(20, steps)), 5),
            evaluate_every=max(16, shown // 6),
            save_every=500,
        )
    except ValidationError as error:
        problems = recipe_problems(error, Recipe)
        raise ConfigError("panops train", [replace(one, field=_OPTIONS.get(one.field, one.field)) for one in problems]) from error
    write_coco(own.train, folder / "data" / "train.json")
    write_coco(own.val, folder / "data" / "val.json")
    return recipe


def start_facts(model: Path) -> NetworkShape:
    """Size, classes and activation of a model to start from.

    Raises:
        PanopsError: It cannot be started from, or its classes are not known.
    """
    if model.suffix != ".onnx":
        return shape_of(read_checkpoint(model))
    published = read_published(model)
    columns = {len(one.weight) for one in published.convolutions if one.weight.shape[2:] == (1, 1)}
    if not published.classes and _COCO_CLASSES not in columns:
        raise ConfigError(
            str(model),
            [ConfigProblem("", "its classes are not known: put its manifest.yaml beside it, or write a recipe with start_classes")],
        )
    shape = NetworkShape(published.size, classes_of(model, published, "coco"), published.activation)
    # Other families may have as many channels: whether the weights fit shows in filling them in.
    try:
        load_folded(DetectorNetwork(shape), published.convolutions, shape.classes)
    except ModelUnsupported as error:
        raise ModelUnsupported(f"{model}: {error}") from error
    return shape


def _split(report: ReadReport, data: Path) -> OwnData:
    """A fifth of the pictures, never parted from their group or near copies."""
    looks = look_at_all([picture.path for picture in report.dataset.pictures])
    readable = [index for index, look in enumerate(looks) if look.size_wh is not None]
    usable = replace(report.dataset, pictures=tuple(report.dataset.pictures[index] for index in readable))
    copies = copy_groups([looks[index].fingerprint for index in readable])
    splitting = split_set(usable, copies, {"train": 1 - _VAL_SHARE, "val": _VAL_SHARE}, seed=0)
    train, val = splitting.sets["train"], splitting.sets["val"]
    how = f"no --val was given: {len(val)} pictures were kept apart to measure on, by group, near copies together"
    broken = len(report.dataset) - len(readable)
    if broken:
        how += f"; {broken} that cannot be decoded were left out (panops data check {data} names them)"
    return _checked(train, val, report.problems, how, data)


def _checked(train: DetectionSet, val: DetectionSet, problems: tuple[DataProblem, ...], how: str, data: Path) -> OwnData:
    for part, dataset in (("to learn from", train), ("to measure on", val)):
        if not len(dataset):
            raise SourceUnsupported(f"{data}: expected pictures {part}, got none that can be used; see: panops data check {data}")
    return OwnData(train, val.with_classes(train.classes), problems, how)
