"""A recipe: all that a training is, in one YAML file that is kept with the model it made."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from panops.config import yaml_reader
from panops.config.problems import PathKey, nearest_line
from panops.domain.errors import ConfigError, ConfigProblem
from panops.training.recipe_problems import lines_of, recipe_problems

Share = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(ge=0)]
Range = tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DataConfig(_Strict):
    """What is learnt from, and what it is measured on.

    Attributes:
        train: Data sets: COCO files, YOLO or VOC folders; `data.yaml#train` is one split of a set.
        val: Data sets never learnt from; figures and the best checkpoint come from them.
        mosaic_sources: Sources whose training pictures are mosaics already; no other is made of them.
        source_weights: How often a source's pictures are drawn compared with 1; 0 leaves them away.
    """

    train: list[Path] = Field(min_length=1)
    val: list[Path] = []
    mosaic_sources: list[str] = []
    source_weights: dict[str, Weight] = {}


class AugmentConfig(_Strict):
    """Chances and ranges of the augmentations; `panops train RECIPE --show` draws what they do.

    Attributes:
        zoom: Scale of a single picture, 1 = it just fits.
        mosaic: Chance of a mosaic of four.
        mosaic_zoom: Scale of its parts.
        source_zoom: `zoom` for single sources: pictures whose objects are smaller or larger than what the detector will see.
        mix_up: Chance that a second sample shines through.
        flip: Whether left and right may be exchanged.
        colour: Strength of hue, saturation, value.
        contrast: Strength of contrast and gamma.
        blur: Chance of defocus or motion blur.
        noise: Chance of sensor noise.
        night: Chance of a dark, noisy, colourless picture.
        codec: Chance of JPEG or H.264 artefacts.
        rain: Chance of rain.
        plain_last: Share of the training, at its end, without mosaic and mix-up.
    """

    zoom: Range = (0.7, 1.8)
    mosaic: Share = 0.5
    mosaic_zoom: Range = (0.5, 1.5)
    source_zoom: dict[str, Range] = {}
    mix_up: Share = 0.0
    flip: bool = True
    colour: Weight = 1.0
    contrast: Weight = 1.0
    blur: Share = 0.05
    noise: Share = 0.05
    night: Share = 0.03
    codec: Share = 0.1
    rain: Share = 0.02
    plain_last: Share = 0.2


class DistilConfig(_Strict):
    """A teacher network whose word counts where labels are silent.

    Attributes:
        teacher: A checkpoint, or an ONNX file with published YOLOX weights.
        features: Weight of its features.
        unlabelled: Weight of its scores and boxes where a class is unlabelled.
        labelled: The same where it is labelled.
    """

    teacher: Path
    features: Weight = 1.0
    unlabelled: Weight = 1.0
    labelled: Weight = 0.0


class TuneRange(_Strict):
    """Where `panops tune` looks for a setting: between two numbers, or among some values.

    Attributes:
        low: The lowest number.
        high: The highest.
        log: Whether steps are factors rather than differences, as for learning rates.
        choices: The values, instead of `low` and `high`.
    """

    low: float | None = None
    high: float | None = None
    log: bool = False
    choices: list[bool | int | float | str | list[float]] = []

    @model_validator(mode="after")
    def _check(self) -> TuneRange:
        if self.choices:
            if self.low is not None or self.high is not None:
                raise ValueError("expected either choices or low and high, got both")
        elif self.low is None or self.high is None:
            raise ValueError("expected low and high, or choices")
        elif self.low >= self.high or (self.log and self.low <= 0):
            least = "0 < low < high, for log," if self.log else "low < high,"
            raise ValueError(f"expected {least} got {self.low:g} and {self.high:g}")
        return self


class Recipe(_Strict):
    """A training.

    Attributes:
        name: The model's name.
        classes: What it shall find, in the order of its class ids.
        size: `nano`, `tiny` or `small`.
        activation: `relu` for what is shipped, `silu` for teachers.
        input_px: The square input's side.
        sizes_px: Sides that batches change between; only `input_px` when empty.
        start: A checkpoint or an ONNX file with published YOLOX weights to start from.
        start_classes: Names of the classes in that ONNX file; `coco` for the usual 80.
        data: Data sets.
        augment: Augmentations.
        distil: A teacher.
        seed: All chance comes from it.
        batch: Pictures in a step.
        pictures: How many pictures are shown in the whole training; the schedule spans them.
        learning_rate: At its highest, for a batch of 16; it grows with the root of the batch.
        warm_pictures: Pictures over which the rate grows.
        weight_decay: AdamW's.
        clip_norm: Largest norm of the gradient.
        box_weight: Weight of the box loss.
        average_decay: Of the averaged weights.
        eight_bits: Round weights and activations to 8 bits in every step (quantisation-aware training): for a trained network that loses
            too much in `panops export --format int8`; a few thousand pictures at a low rate from its checkpoint are enough.
        precision: `bf16` runs the network in bfloat16 where the processor or GPU has it; losses are float32 always.
        evaluate_every: Pictures between two evaluations.
        save_every: Pictures between two checkpoints.
        patience: Evaluations without a better one before it stops; 0 = never.
        measure: Which pairs `source/class` make the figure that decides what is best; all when empty.
        tune: Settings that `panops tune` looks for, by their path, such as `augment.mosaic`; a training itself does not read it.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")]
    classes: list[str] = Field(min_length=1)
    size: Literal["nano", "tiny", "small"] = "nano"
    activation: Literal["relu", "silu"] = "relu"
    input_px: Annotated[int, Field(ge=64, le=1280, multiple_of=32)] = 416
    sizes_px: list[Annotated[int, Field(ge=64, le=1280, multiple_of=32)]] = []
    start: Path | None = None
    start_classes: list[str] | Literal["coco"] = "coco"
    data: DataConfig
    augment: AugmentConfig = AugmentConfig()
    distil: DistilConfig | None = None
    seed: int = 1
    batch: Annotated[int, Field(ge=1, le=1024)] = 16
    pictures: Annotated[int, Field(ge=1)] = 50_000
    learning_rate: Annotated[float, Field(gt=0, lt=1)] = 1e-3
    warm_pictures: Annotated[int, Field(ge=0)] = 1_000
    weight_decay: Weight = 0.02
    clip_norm: Annotated[float, Field(gt=0)] = 10.0
    box_weight: Weight = 4.0
    average_decay: Annotated[float, Field(gt=0, lt=1)] = 0.9995
    eight_bits: bool = False
    precision: Literal["float32", "bf16"] = "bf16"
    evaluate_every: Annotated[int, Field(ge=1)] = 5_000
    save_every: Annotated[int, Field(ge=1)] = 1_000
    patience: Annotated[int, Field(ge=0)] = 0
    measure: list[str] = []
    tune: dict[str, TuneRange] = {}

    @model_validator(mode="after")
    def _check(self) -> Recipe:
        double = sorted({name for name in self.classes if self.classes.count(name) > 1})
        if double:
            raise ValueError(f"classes: expected each name once, got more of {', '.join(double)}")
        ranges = [("zoom", self.augment.zoom), ("mosaic_zoom", self.augment.mosaic_zoom)]
        ranges += [(f"source_zoom.{source}", given) for source, given in self.augment.source_zoom.items()]
        for label, low_high in ranges:
            if low_high[0] > low_high[1]:
                raise ValueError(f"augment.{label}: expected the smaller number first, got {low_high[0]} and {low_high[1]}")
        return self

    @property
    def steps(self) -> int:
        """How many steps the training has."""
        return max(1, -(-self.pictures // self.batch))


# What may change while a training goes on: none of these has a say in the weights.
_FREE_FIELDS = ("name", "evaluate_every", "save_every", "patience", "measure", "tune")


def differences(recipe: Recipe, stored: Mapping[str, Any]) -> list[str]:
    """What makes two recipes different trainings, a sentence each.

    Args:
        recipe: The one to go on with.
        stored: The other as a checkpoint keeps it; fields that it does not have yet stand at their default.
    """
    try:
        other = Recipe.model_validate(stored).model_dump(mode="json")
    except ValidationError:
        return ["it was made by another version of panops"]
    own = recipe.model_dump(mode="json")
    for values in (own, other):
        values["data"].pop("val")
        for name in _FREE_FIELDS:
            values.pop(name)
    return [f"{name} is {own[name]!r}, was {other[name]!r}" for name in own if own[name] != other[name]]


def read_recipe_text(path: Path) -> str:
    """What a recipe's file says.

    Raises:
        ConfigError: It cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise ConfigError(str(path), [ConfigProblem("", f"expected a recipe, but it cannot be read: {reason}")]) from error


def read_recipe(path: Path) -> Recipe:
    """Read a recipe; its paths are relative to its folder, and may name the environment variable `${PANOPS_SHARED}`.

    Raises:
        ConfigError: All that is wrong with it.
    """
    text = read_recipe_text(path)
    try:
        lines = dict(lines_of(yaml_reader.compose(text)))
        data: Any = yaml_reader.load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(str(path), [ConfigProblem("", f"not valid YAML: {' '.join(str(error).split())}")]) from error
    return recipe_from(data, str(path), path.parent, lines)


def recipe_from(data: Any, origin: str, folder: Path, lines: Mapping[PathKey, int] | None = None) -> Recipe:
    """Check a recipe's values and make its paths absolute.

    Args:
        data: The values.
        origin: What the recipe is called in messages.
        folder: What its paths are relative to.
        lines: The line of each setting, where there is a file.

    Raises:
        ConfigError: All that is wrong with it.
    """
    if not isinstance(data, dict):
        raise ConfigError(origin, [ConfigProblem("", "expected a mapping with name, classes and data")])
    problems: list[ConfigProblem] = []
    values = _Paths(folder, lines or {}, problems).resolved(data)
    try:
        recipe = Recipe.model_validate(values)
    except ValidationError as error:
        problems += recipe_problems(error, Recipe, lines)
    if problems:
        raise ConfigError(origin, sorted(problems, key=lambda problem: problem.line or 0))
    return recipe


def write_recipe(recipe: Recipe, path: Path) -> None:
    """Write a recipe with absolute paths, without what stands at its default."""
    values = recipe.model_dump(mode="json", exclude_defaults=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=140), encoding="utf-8")


class _Paths:
    """Makes paths absolute: `train`, `val`, `start` and `teacher`."""

    def __init__(self, folder: Path, lines: Mapping[PathKey, int], problems: list[ConfigProblem]) -> None:
        self._folder = folder
        self._lines = lines
        self._problems = problems

    def resolved(self, data: dict[str, Any]) -> dict[str, Any]:
        """The values with absolute paths; a variable that is not set is a problem."""
        made = dict(data)
        if isinstance(made.get("data"), dict):
            made["data"] = {
                key: [self._absolute(one, ("data", key, index)) for index, one in enumerate(value)]
                if key in ("train", "val") and isinstance(value, list)
                else value
                for key, value in made["data"].items()
            }
        if isinstance(made.get("distil"), dict) and "teacher" in made["distil"]:
            made["distil"] = {**made["distil"], "teacher": self._absolute(made["distil"]["teacher"], ("distil", "teacher"))}
        if made.get("start") is not None:
            made["start"] = self._absolute(made["start"], ("start",))
        return made

    def _absolute(self, value: Any, path: PathKey) -> Any:
        if not isinstance(value, str | Path):
            return value
        text = os.path.expandvars(str(value))
        if "$" in text:
            field = ".".join(map(str, path))
            self._problems.append(ConfigProblem(field, f"the environment variable in {value} is not set", nearest_line(path, self._lines)))
        return (self._folder / Path(text).expanduser()).resolve()
