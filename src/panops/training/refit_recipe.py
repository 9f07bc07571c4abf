"""The recipe of a refit: the network in use, trained on a little with what people said of its events.

Measured choices (docs/training.md): a small rate and few pictures, no mosaics in the last half, the average close behind. The classes, the
input and the activation stay, so that the new version takes the old one's place on cameras.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from panops.domain.errors import ModelUnsupported
from panops.domain.manifest import ModelManifest
from panops.training.own_data import start_facts
from panops.training.recipe import AugmentConfig, DataConfig, Recipe

RATE = 2.0e-4
_BATCH = 16
# How often a judged picture is shown, and bounds for a whole refit.
_SHOWINGS = 20
_LEAST_PICTURES, _MOST_PICTURES = 480, 6_000
# Other pictures come as often as judged ones where there are many more of them.
_MOST_WEIGHT = 50.0
CAN_BE_REFITTED = "panops refits YOLOX networks in ONNX: street, ppe, general, yolox_nano, and what `panops train` made"


@dataclass(frozen=True, slots=True)
class RefitData:
    """What a refit learns from.

    Attributes:
        feedback: The COCO file of judged pictures.
        feedback_count: How many they are.
        feedback_source: Their source.
        others: Data sets that the model must not forget; may be empty.
        others_count: How many pictures those hold.
    """

    feedback: Path
    feedback_count: int
    feedback_source: str
    others: Sequence[Path] = ()
    others_count: int = 0


def check_refittable(manifest: ModelManifest, path: Path) -> None:
    """Whether this model's file can be trained on.

    Raises:
        ModelUnsupported: It cannot, in one sentence with what can.
    """
    name = manifest.name
    if manifest.head != "yolox" or path.suffix != ".onnx":
        raise ModelUnsupported(f"{name} cannot be refitted: it is a {path.suffix} file with the head {manifest.head}; {CAN_BE_REFITTED}")
    width, height = manifest.input_size_wh
    if width != height or width % 32:
        raise ModelUnsupported(f"{name} cannot be refitted: expected a square input of a multiple of 32 px, got {width}x{height}")
    try:
        shape = start_facts(path)
    except ModelUnsupported as error:
        raise ModelUnsupported(f"{name} cannot be refitted: {error}; {CAN_BE_REFITTED}") from error
    if tuple(shape.classes) != tuple(one.replace(" ", "_") for one in manifest.classes):
        raise ModelUnsupported(f"{name} cannot be refitted: its file and its manifest do not name the same classes; {CAN_BE_REFITTED}")


def refit_recipe(manifest: ModelManifest, path: Path, data: RefitData, *, pictures: int = 0, rate: float = RATE, seed: int = 1) -> Recipe:
    """The recipe.

    Args:
        manifest: Of the model to start from.
        path: Its file.
        data: What is learnt from.
        pictures: How many are shown; 0 chooses.
        rate: The learning rate.
        seed: All chance comes from it.
    """
    shape = start_facts(path)
    shown = pictures or int(np.clip(_SHOWINGS * data.feedback_count, _LEAST_PICTURES, _MOST_PICTURES)) * (2 if data.others_count else 1)
    weight = min(_MOST_WEIGHT, max(1.0, data.others_count / max(1, data.feedback_count)))
    steps = -(-shown // _BATCH)
    return Recipe(
        name=manifest.name.lower(),
        classes=list(shape.classes),
        size=shape.size,
        activation=shape.activation,
        input_px=manifest.input_size_wh[0],
        start=path.resolve(),
        start_classes=list(shape.classes),
        data=DataConfig(
            train=[data.feedback.resolve(), *(one.resolve() for one in data.others)],
            source_weights={data.feedback_source: round(weight, 2)},
        ),
        augment=AugmentConfig(zoom=(0.8, 1.5), mosaic=0.3, mosaic_zoom=(0.7, 1.5), plain_last=0.5),
        seed=seed,
        batch=_BATCH,
        pictures=shown,
        learning_rate=rate,
        warm_pictures=min(500, shown // 10),
        average_decay=round(min(0.9995, 1 - 10 / max(20, steps)), 5),
        save_every=500,
    )
