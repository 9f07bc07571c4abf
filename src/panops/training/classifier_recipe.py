"""A classifier's recipe: all that its training is, in one YAML file that is kept with the model it made."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from panops.config import yaml_reader
from panops.config.problems import PathKey
from panops.domain.errors import ConfigError, ConfigProblem
from panops.training.mobilenet import BLOCKS
from panops.training.recipe import read_recipe_text
from panops.training.recipe_problems import lines_of, recipe_problems

Share = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(ge=0)]

KIND = "classifier"
_VARIABLE = re.compile(r"\$\{(\w+)\}")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PicturesConfig(_Strict):
    """What is learnt from, and what it is measured on.

    Attributes:
        train: A folder per class.
        val: Such a folder, never learnt from: the figures come from it. A part of `train` when it is not given.
        val_share: How large that part is, of each class.
        held_back: Share of what is left that is not learnt from either, and says which epoch is the best and when to stop.
    """

    train: Path
    val: Path | None = None
    val_share: Annotated[float, Field(gt=0, lt=1)] = 0.2
    held_back: Annotated[float, Field(gt=0, lt=1)] = 0.12


class ClassAugmentConfig(_Strict):
    """Chances and ranges of the augmentations.

    Attributes:
        flip: Chance that left and right are exchanged; 0 where a mirrored picture would mean another class.
        rotation_deg: Turned by up to so much either way, degrees.
        zoom: Scaled by a factor between these.
        shift: Moved by up to this share of the side.
        colour: Strength of brightness, contrast and colour.
        erase: Chance that a rectangle is painted over (Zhong et al. 2017).
        blur: Chance of a blur.
        mix_up: Strength of mixing two pictures and their classes (alpha of Zhang et al. 2017); 0 for none.
        plain_last: Share of the epochs, at the end, without erase and mix-up.
    """

    flip: Share = 0.0
    rotation_deg: Annotated[float, Field(ge=0, le=180)] = 15.0
    zoom: tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]] = (0.8, 1.2)
    shift: Share = 0.1
    colour: Share = 0.3
    erase: Share = 0.25
    blur: Share = 0.1
    mix_up: Annotated[float, Field(ge=0, le=2)] = 0.0
    plain_last: Share = 0.15


class HeadConfig(_Strict):
    """The first part of a training: the head alone, on features that are computed once.

    Attributes:
        copies: How often each picture is seen by the network, augmented anew each time.
        epochs: How often all those features are shown to the head.
        learning_rate: Its highest rate.
    """

    copies: Annotated[int, Field(ge=1, le=64)] = 2
    epochs: Annotated[int, Field(ge=1, le=1000)] = 30
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3


class ClassifierRecipe(_Strict):
    """A training.

    Attributes:
        kind: `classifier`, which tells this file from a detector's recipe.
        name: What the model is called.
        classes: Names of the folders; the index is the class id.
        data: The pictures.
        start: Weights to begin with: a MobileNetV2 in TFLite, or a checkpoint of ours (.pt). Chance when it is not given.
        input_px: The network's input, its side.
        width: The channels' share of the paper's; published weights have 1.
        unfreeze: From this block on (0 to 16) the network learns in the second part; 17 is the last convolution, 18 the head alone.
        epochs: How often the pictures are shown in the second part.
        head: The first part.
        batch: Pictures a step.
        learning_rate: The head's highest rate in the second part; half a cosine leads down from it.
        backbone_rate: The blocks' rate as a share of the head's.
        weight_decay: Of AdamW.
        label_smoothing: Share of the truth that is spread over all classes (Szegedy et al. 2016).
        dropout: Share of the features that a step leaves out.
        average_decay: Of the averaged weights, a step.
        patience: Ends after so many epochs in which the part held back got no better; 0 for never.
        seed: Decides every choice by chance.
        augment: How pictures are changed.
    """

    kind: Annotated[str, Field(pattern=f"^{KIND}$")] = KIND
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")]
    classes: Annotated[list[str], Field(min_length=2)]
    data: PicturesConfig
    start: Path | None = None
    input_px: Annotated[int, Field(ge=32, le=1024, multiple_of=32)] = 224
    width: Annotated[float, Field(ge=0.1, le=2)] = 1.0
    unfreeze: Annotated[int, Field(ge=0, le=BLOCKS + 1)] = 5
    epochs: Annotated[int, Field(ge=0)] = 25
    head: HeadConfig = HeadConfig()
    batch: Annotated[int, Field(ge=2)] = 32
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    backbone_rate: Share = 0.5
    weight_decay: Weight = 0.02
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.1
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.2
    average_decay: Annotated[float, Field(ge=0, lt=1)] = 0.995
    patience: Annotated[int, Field(ge=0)] = 8
    seed: Annotated[int, Field(ge=0)] = 0
    augment: ClassAugmentConfig = ClassAugmentConfig()

    @model_validator(mode="after")
    def _in_order(self) -> ClassifierRecipe:
        low, high = self.augment.zoom
        if low > high:
            raise ValueError(f"augment.zoom: expected the smaller number first, got {low} and {high}")
        return self

    @property
    def fine_tunes(self) -> bool:
        """Whether there is a second part."""
        return self.epochs > 0 and self.unfreeze <= BLOCKS

    def steps(self, pictures: int) -> int:
        """How many steps the second part has with so many pictures to learn from."""
        return self.epochs * self.steps_an_epoch(pictures) if self.fine_tunes else 0

    def steps_an_epoch(self, pictures: int) -> int:
        """How many steps show all pictures once; what is left over is shown another time."""
        return max(1, pictures // self.batch)


# What may change while a training goes on: none of these has a say in the weights.
_FREE_FIELDS = ("name", "patience")


def differences(recipe: ClassifierRecipe, stored: Mapping[str, Any]) -> list[str]:
    """What makes two recipes different trainings, a sentence each."""
    try:
        other = ClassifierRecipe.model_validate(stored).model_dump(mode="json")
    except ValidationError:
        return ["it was made by another version of panops"]
    own = recipe.model_dump(mode="json")
    return [f"{name} is {own[name]!r}, was {other[name]!r}" for name in own if name not in _FREE_FIELDS and own[name] != other[name]]


def read_classifier_recipe(path: Path) -> ClassifierRecipe:
    """Read a recipe; its paths are relative to its folder, and may name environment variables, `${PANOPS_SHARED}`.

    Raises:
        ConfigError: All that is wrong with it.
    """
    text = read_recipe_text(path)
    try:
        lines: dict[PathKey, int] = dict(lines_of(yaml_reader.compose(text)))
        values: Any = yaml_reader.load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(str(path), [ConfigProblem("", f"not valid YAML: {' '.join(str(error).split())}")]) from error
    if not isinstance(values, dict):
        raise ConfigError(str(path), [ConfigProblem("", "expected a mapping with name, classes and data")])
    try:
        return ClassifierRecipe.model_validate(_absolute(values, path.parent))
    except KeyError as error:
        raise ConfigError(
            str(path), [ConfigProblem("", f"the environment variable {error.args[0]}, which a path names, is not set")]
        ) from error
    except ValidationError as error:
        raise ConfigError(str(path), recipe_problems(error, ClassifierRecipe, lines)) from error


def write_classifier_recipe(recipe: ClassifierRecipe, path: Path) -> None:
    """Write a recipe with absolute paths, without what stands at its default."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(recipe_text(recipe.model_dump(mode="json", exclude_defaults=True)), encoding="utf-8")


def portable_recipe(recipe: ClassifierRecipe) -> str:
    """The recipe with the names of files instead of their paths, which are of one machine."""
    values = recipe.model_dump(mode="json", exclude_defaults=True)
    data = values["data"]
    values["data"] = {key: "/".join(Path(value).parts[-2:]) if key in ("train", "val") and value else value for key, value in data.items()}
    if values.get("start"):
        values["start"] = Path(values["start"]).name
    return recipe_text(values)


def recipe_text(values: Mapping[str, Any]) -> str:
    """Values of a recipe as YAML that says what it is."""
    return yaml.safe_dump({"kind": KIND, **values}, sort_keys=False, allow_unicode=True, width=140)


def cosine(done: float) -> float:
    """The rate's share after a share of the steps: a twentieth of the way up, then half a cosine down to a hundredth."""
    warm = 0.05
    if done < warm:
        return (done + 0.01) / (warm + 0.01)
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, (done - warm) / (1 - warm))))


def _absolute(values: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The values with absolute paths; `${NAME}` is an environment variable.

    Raises:
        KeyError: Such a variable is not set.
    """

    def path(value: Any) -> Any:
        return str((folder / _VARIABLE.sub(lambda found: os.environ[found[1]], value)).resolve()) if isinstance(value, str) else value

    made = dict(values)
    if isinstance(made.get("data"), dict):
        made["data"] = {key: path(value) if key in ("train", "val") else value for key, value in made["data"].items()}
    if "start" in made:
        made["start"] = path(made["start"])
    return made
