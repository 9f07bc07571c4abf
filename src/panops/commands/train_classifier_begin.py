"""What comes before a classifier's training: its recipe, of the command line's wishes or read, and a fresh folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from statistics import median

import typer
from pydantic import ValidationError
from rich.console import Console

from panops.commands.data_sets import writing
from panops.datasets.class_folders import read_class_folders, split_folders
from panops.datasets.picture_size import picture_size
from panops.domain.class_pictures import ClassSet
from panops.domain.errors import ConfigError, ModelNotFound
from panops.models.store import ModelStore
from panops.storage.home import Home
from panops.training.classifier_recipe import ClassifierRecipe, read_classifier_recipe, write_classifier_recipe
from panops.training.folder_lock import FolderLock
from panops.training.recipe_problems import recipe_problems

# What a training starts from unless something else is said: the catalogue's MobileNetV2.
DEFAULT_START = "mobilenet_v2_quant"
FILES = ("last.pt", "best.pt", "history.jsonl", "report.html", "problems.txt")
_LARGE_PX, _SMALL_PX = 224, 128
_LOOKED_AT = 200


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the command line says of a training."""

    data: Path | None
    val: Path | None
    out: Path | None
    name: str
    start: str
    size: int
    epochs: int
    unfreeze: int
    flip: bool
    mix_up: float
    seed: int


def classifier_recipe(
    path: Path | None, wishes: Wishes, home: Path | None, console: Console, *, restart: bool
) -> tuple[ClassifierRecipe, Path]:
    """The recipe that is given, that lies in the folder already, or that is made; and the training's folder.

    Raises:
        PanopsError: The pictures or the start weights cannot be used.
        ConfigError: The recipe, or an option that goes into it, has mistakes.
    """
    if path is not None:
        if wishes.data is not None:
            raise typer.BadParameter("expected a recipe, or --data; got both", param_hint="RECIPE")
        made = read_classifier_recipe(path)
        return made, wishes.out or Path("runs") / made.name
    if wishes.data is None:
        raise typer.BadParameter("expected a recipe, or --data", param_hint="RECIPE")
    name = wishes.name or _name_of(wishes.data)
    folder = wishes.out or Path("runs") / name
    written = folder / "recipe.yaml"
    if written.is_file() and not restart:
        console.print(f"{written} is there and is used again; --restart makes it anew", soft_wrap=True)
        return read_classifier_recipe(written), folder
    if written.is_file():
        FolderLock(folder).check()  # before the recipe of a training that runs there is written over
    made = _made(wishes, name, home)
    with writing(folder):
        write_classifier_recipe(made, written)
    part = "the whole network" if made.unfreeze == 0 else f"from block {made.unfreeze} on" if made.fine_tunes else "the head alone"
    console.print(
        f"wrote {written}: {len(made.classes)} classes, {made.input_px} px, {made.epochs} epochs, {part}, from"
        f" {made.start.name if made.start else 'chance'}",
        soft_wrap=True,
        highlight=False,
    )
    return made, folder


def remove_classifier_training(folder: Path) -> None:
    """Remove what a training wrote into its folder.

    Raises:
        PanopsError: Another training is running there.
    """
    if not folder.is_dir():
        return
    with FolderLock(folder), writing(folder):
        for file in FILES:
            (folder / file).unlink(missing_ok=True)


def _made(wishes: Wishes, name: str, home: Path | None) -> ClassifierRecipe:
    assert wishes.data is not None  # noqa: S101  # `classifier_recipe` has looked
    train, val = split_folders(wishes.data)
    val = wishes.val or val
    dataset = read_class_folders(train).dataset
    values = {
        "name": name,
        "classes": list(dataset.classes),
        "data": {"train": train.resolve(), "val": val.resolve() if val else None},
        "start": _start(wishes.start, home),
        "input_px": wishes.size or _fitting(dataset),
        "epochs": wishes.epochs,
        "unfreeze": wishes.unfreeze,
        "seed": wishes.seed,
        "augment": {"flip": 0.5 if wishes.flip else 0.0, "mix_up": wishes.mix_up},
    }
    if wishes.size % 32:
        raise typer.BadParameter(f"expected a multiple of 32 px, got {wishes.size}", param_hint="--size")
    try:
        return ClassifierRecipe.model_validate(values)
    except ValidationError as error:
        raise ConfigError("the recipe of these options", recipe_problems(error, ClassifierRecipe)) from error


def _fitting(dataset: ClassSet) -> int:
    """The input's side for pictures like these: more than they have is not worth its cost."""
    sides = [max(size) for picture in dataset.pictures[:: max(1, len(dataset) // _LOOKED_AT)] if (size := picture_size(picture.path))]
    return _SMALL_PX if sides and median(sides) <= _SMALL_PX else _LARGE_PX


def _start(wanted: str, home: Path | None) -> Path | None:
    """The file of the start weights.

    Raises:
        ModelNotFound: There is none.
    """
    if wanted == "none":
        return None
    path = Path(wanted)
    if wanted and path.is_file():
        return path.resolve()
    if path.suffix in (".tflite", ".pt"):
        raise ModelNotFound(f"{wanted}: expected start weights, there is no such file")
    name = wanted or DEFAULT_START
    try:
        return ModelStore(Home(home).models).ensure(name, allow_network=True).path.resolve()
    except ModelNotFound as error:
        raise ModelNotFound(
            f"{error}; or give MobileNetV2 as a TFLite file with --start FILE, or --start none to begin with chance"
        ) from error


def _name_of(data: Path) -> str:
    kept = (letter if letter.isascii() and (letter.isalnum() or letter in "._-") else "-" for letter in data.resolve().name.lower())
    return "".join(kept).strip("._-") or "own"
