"""From a recipe to all that a training needs: data, network with its start weights, teacher."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from panops.config.spelling import did_you_mean
from panops.datasets import open_dataset
from panops.datasets.problems import DataProblem, ReadReport
from panops.domain.errors import ConfigError, ConfigProblem
from panops.domain.labels import DetectionSet, LabelledPicture
from panops.models.catalogue import load_catalogue
from panops.training.augment.chain import AugmentChain
from panops.training.batches import Deck, picture_weights
from panops.training.checkpoint import load_network, read_checkpoint, shape_of
from panops.training.distillation import DistillationSettings, Teacher
from panops.training.eight_bits import round_to_eight_bits
from panops.training.network import DetectorNetwork, NetworkShape
from panops.training.pictures import PictureCache
from panops.training.processes import local_world
from panops.training.published import PublishedNetwork, read_published
from panops.training.recipe import Recipe
from panops.training.sample import TWO_WHEELERS, collate
from panops.training.transfer import load_folded, load_matching, settle_statistics

logger = logging.getLogger(__name__)

_SETTLING_PICTURES = 128
# Decoded pictures are kept up to this, and up to half of the memory; the pack of 5,000 takes 2.5 GB.
_MOST_CACHE_BYTES = 6 << 30


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a training learns from.

    Attributes:
        train: All training pictures in the recipe's classes.
        val: The sets to measure on, in the recipe's classes.
        chain: Makes samples.
        deck: Chooses pictures.
        cache: The pictures.
        problems: What is wrong with the data, a fault each; the rest of it is used.
        input_px: The network's input.
    """

    train: DetectionSet
    val: DetectionSet
    chain: AugmentChain
    deck: Deck
    cache: PictureCache
    problems: tuple[DataProblem, ...]
    input_px: int


def prepare_data(recipe: Recipe) -> Prepared:
    """Open the data sets.

    Raises:
        PanopsError: One cannot be opened, or knows none of the classes.
    """
    classes = tuple(recipe.classes)
    train, faults = _joined("train", recipe.data.train, classes, _taught(recipe))
    val, more_faults = prepare_val(recipe)
    mosaics = set(recipe.data.mosaic_sources)
    pictures = tuple(replace(picture, mosaic=picture.mosaic or picture.source in mosaics) for picture in train.pictures)
    train = replace(train, pictures=pictures)
    weights = picture_weights(train, recipe.data.source_weights)
    largest = max([recipe.input_px, *recipe.sizes_px])
    # Crops enlarge: pictures are kept at the size at which the largest zoom still has a pixel for each of its own.
    zoom = max(recipe.augment.zoom[1], *(high for _, high in recipe.augment.source_zoom.values()), 1.0)
    cache = PictureCache(train, round(largest * min(2.0, zoom)), cache_bytes())
    chain = AugmentChain(train, cache, recipe.augment)
    return Prepared(train, val, chain, Deck(weights, recipe.seed), cache, (*faults, *more_faults), recipe.input_px)


def prepare_val(recipe: Recipe) -> tuple[DetectionSet, tuple[DataProblem, ...]]:
    """What is measured on, in the recipe's classes, and what is wrong with it.

    Raises:
        PanopsError: A set cannot be opened, or knows none of the classes.
    """
    return _joined("val", recipe.data.val, tuple(recipe.classes))


def prepare_network(recipe: Recipe, prepared: Prepared) -> DetectorNetwork:
    """The network with its start weights.

    Raises:
        PanopsError: The file to start from does not fit.
    """
    torch.manual_seed(recipe.seed)
    network = DetectorNetwork(NetworkShape(recipe.size, tuple(recipe.classes), recipe.activation))
    if recipe.start is not None:
        taken = fill(network, recipe.start, recipe.start_classes, prepared)
        logger.info("weights start from %s; scores taken over for: %s", recipe.start.name, ", ".join(taken) or "no class")
    round_to_eight_bits(network, on=recipe.eight_bits)
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]  # torch's overloads lack this one


def prepare_teacher(recipe: Recipe, prepared: Prepared) -> Teacher | None:
    """The teacher, when the recipe has one.

    Raises:
        PanopsError: Its file does not fit.
    """
    distil = recipe.distil
    if distil is None:
        return None
    if distil.teacher.suffix == ".onnx":
        published = read_published(distil.teacher)
        classes = classes_of(distil.teacher, published, recipe.start_classes)
        network = DetectorNetwork(NetworkShape(published.size, classes, published.activation))
        fill(network, distil.teacher, recipe.start_classes, prepared, published)
    else:
        network = load_network(distil.teacher)
    if distil.features and network.shape.size != recipe.size:
        raise ConfigError(
            "recipe",
            [ConfigProblem("distil.features", f"expected 0, since the teacher is {network.shape.size} and the student {recipe.size}")],
        )
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # as above
    return Teacher(network, tuple(recipe.classes), DistillationSettings(distil.features, distil.unlabelled, distil.labelled))


def fill(
    network: DetectorNetwork,
    path: Path,
    named: Sequence[str] | Literal["coco"],
    prepared: Prepared,
    published: PublishedNetwork | None = None,
) -> list[str]:
    """Start weights from a checkpoint or an ONNX file; gives the classes whose score was taken over.

    Args:
        network: What is filled.
        path: The file.
        named: Class names of an ONNX file that has no manifest beside it.
        prepared: The data, for statistics.
        published: The ONNX file's content, where it was read already.
    """
    if path.suffix == ".onnx":
        published = published or read_published(path)
        # Statistics are taken with the file's own activation, so that the network computes the very same at first.
        twin = DetectorNetwork(replace(network.shape, activation=published.activation))
        taken = load_folded(twin, published.convolutions, classes_of(path, published, named))
        settle_statistics(twin, _settling_batches(prepared))
        network.load_state_dict(twin.state_dict())
        return taken
    content = read_checkpoint(path)
    return load_matching(network, content["ema"], shape_of(content).classes)


def classes_of(path: Path, published: PublishedNetwork, named: Sequence[str] | Literal["coco"]) -> tuple[str, ...]:
    """The class names of an ONNX file: from the manifest beside it, else as the recipe's `start_classes` says."""
    if published.classes:
        # Data sets write names with underscores; published lists with blanks.
        return tuple(name.replace(" ", "_") for name in published.classes)
    if named == "coco":
        names = load_catalogue().models["yolox_nano"].manifest.classes
        return tuple(name.replace(" ", "_") for name in names)
    return tuple(named)


def _settling_batches(prepared: Prepared) -> Iterator[Tensor]:
    """A few batches of training samples, always the same ones."""
    for first in range(0, _SETTLING_PICTURES, 16):
        samples = []
        for position in range(first, first + 16):
            rng = np.random.default_rng([position])
            first_picture = prepared.deck.at(position % prepared.deck.length)
            samples.append(prepared.chain.sample(rng, first_picture, lambda _: 0, prepared.input_px, plain=True))
        pictures, _ = collate(samples, len(prepared.train.classes))
        yield pictures.float()


def cache_bytes() -> int:
    """What this process may keep of decoded pictures: half of the machine's memory at most, shared with the other processes on it."""
    if not hasattr(os, "sysconf") or "SC_PHYS_PAGES" not in os.sysconf_names:
        return _MOST_CACHE_BYTES
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return min(_MOST_CACHE_BYTES, memory // 2) // local_world()


def _taught(recipe: Recipe) -> frozenset[str]:
    """The classes that a teacher knows: they need no labels."""
    if recipe.distil is None:
        return frozenset()
    path = recipe.distil.teacher
    if path.suffix == ".onnx":
        return frozenset(classes_of(path, read_published(path), recipe.start_classes))
    return frozenset(shape_of(read_checkpoint(path)).classes)


def _joined(
    name: str, paths: list[Path], classes: tuple[str, ...], taught: frozenset[str] = frozenset()
) -> tuple[DetectionSet, tuple[DataProblem, ...]]:
    """All sets in one, translated to the recipe's classes, and all that is wrong with them.

    Raises:
        ConfigError: A set has none of the classes, or a class is in no training set and no teacher knows it.
    """
    reports = [open_split(path) for path in paths]
    for path, report in zip(paths, reports, strict=True):
        if report.problems:
            logger.warning("%s: %d problems, the first: %s; see: panops data check", path, len(report.problems), report.problems[0])
    sets = [report.dataset for report in reports]
    problems = [
        ConfigProblem(f"data.{name}", f"{one.name} has none of the classes {', '.join(classes)}; it has {', '.join(one.classes) or 'none'}")
        for one in sets
        if not set(one.classes) & set(classes)
    ]
    found = {known for one in sets for known in one.classes}
    problems += [
        ConfigProblem("classes", f"{known} is in no set of data.{name}{did_you_mean(known, sorted(found))}")
        for known in classes
        if sets and known not in found and known not in taught and name == "train"
    ]
    if problems:
        raise ConfigError("recipe", problems)
    pictures = tuple(picture for one in sets for picture in _narrowed(one, classes))
    return DetectionSet(name, classes, pictures), tuple(problem for report in reports for problem in report.problems)


def _narrowed(dataset: DetectionSet, classes: tuple[str, ...]) -> Iterator[LabelledPicture]:
    """The pictures in the recipe's classes. Riders stay unknown where the boxes around them go, else they would count as background."""
    lost = [index for index, name in enumerate(dataset.classes) if name in TWO_WHEELERS and name not in classes]
    for whole, picture in zip(dataset.pictures, dataset.with_classes(classes).pictures, strict=True):
        around = whole.xyxy[np.isin(whole.class_id, lost)]
        if not whole.rider_in_box or "person" not in classes or not len(around):
            yield picture
            continue
        yield replace(
            picture,
            xyxy=np.concatenate([picture.xyxy, around]),
            class_id=np.concatenate([picture.class_id, np.full(len(around), classes.index("person"), np.int64)]),
            crowd=np.concatenate([picture.crowd, np.ones(len(around), bool)]),
        )


def open_split(path: Path) -> ReadReport:
    """A data set, or `data.yaml#train`: one of its splits."""
    if not path.exists() and "#" in path.name:
        file, _, split = path.name.rpartition("#")
        return open_dataset(path.with_name(file), split)
    return open_dataset(path)
