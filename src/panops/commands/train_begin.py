"""What comes before a training: its recipe, a fresh folder, the sheet of samples."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import typer
from rich.console import Console

from panops.commands.data_sets import writing
from panops.domain.errors import ModelNotFound
from panops.models.store import ModelStore
from panops.storage.home import Home
from panops.training.folder_lock import FolderLock
from panops.training.own_data import open_own, recipe_for
from panops.training.prepare import prepare_data
from panops.training.recipe import Recipe, read_recipe, write_recipe
from panops.training.session import FILES
from panops.training.sheet import sample_sheet

_PICTURE_FILES = (".jpg", ".jpeg", ".png", ".webp")


def recipe_of(
    path: Path | None,
    out: Path | None,
    model: str,
    data: Path | None,
    val: Path | None,
    name: str,
    home: Path | None,
    console: Console,
    *,
    keep: bool,
    pictures: int,
    size: int,
    restart: bool,
    draft: Path | None = None,
) -> Recipe:
    """The recipe that is given, that lies in the folder already, or that is made.

    Where `draft` is given, for one who only looks, it is made there if the training's folder holds anything of a training: nothing of that
    is written over.
    """
    if path is not None:
        if model or data:
            raise typer.BadParameter("expected a recipe, or --model and --data; got both", param_hint="RECIPE")
        return read_recipe(path)
    if not model or data is None:
        raise typer.BadParameter("expected a recipe, or --model and --data", param_hint="RECIPE")
    name = name or _name_of(data)
    folder = out or Path("runs") / name
    written = folder / "recipe.yaml"
    if written.is_file() and not restart:
        console.print(f"{written} is there and is used again; --restart makes it anew", soft_wrap=True)
        return read_recipe(written)
    if draft is not None and any((folder / file).exists() for file in ("recipe.yaml", *FILES)):
        folder, written = draft, draft / "recipe.yaml"
    elif written.is_file():
        FolderLock(folder).check()  # before the files of a training that runs there are written over
    start = _model_file(model, home)
    own = open_own(data, val)
    with writing(folder):
        made = recipe_for(start, own, folder, name, keep=keep, pictures=pictures, input_px=size)
        write_recipe(made, written)
    console.print(f"{len(own.train):,} pictures to learn from, {len(own.val):,} to measure on; {own.how}", soft_wrap=True)
    where = "not written, as you only look" if folder == draft else f"wrote {written}"
    shown = f"{made.pictures:,} pictures at {made.input_px} px"
    console.print(f"{where}: {len(made.classes)} classes, {shown}, from {start.name}", soft_wrap=True)
    return made


@contextmanager
def draft_folder(looks: bool) -> Iterator[Path | None]:
    """A folder that goes afterwards, for one who only looks; else none."""
    if not looks:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="panops-look-") as draft:
        yield Path(draft)


def folder_of(recipe: Path | None, out: Path | None, data: Path | None, name: str) -> Path:
    """The training's folder, as `recipe_of` and `train` find it.

    Raises:
        ConfigError: The recipe has mistakes.
    """
    if out is not None:
        return out
    if recipe is not None:
        return Path("runs") / read_recipe(recipe).name
    return Path("runs") / (name or _name_of(data or Path()))


def _name_of(data: Path) -> str:
    word = data.resolve().parent.name if data.suffix else data.resolve().name
    # As a recipe's `name` has it: no other letters than a to z.
    kept = (letter if letter.isascii() and (letter.isalnum() or letter in "._-") else "-" for letter in word.lower())
    return "".join(kept).strip("._-") or "own"


def _model_file(model: str, home: Path | None) -> Path:
    """A file, or a model of the store or catalogue.

    Raises:
        ModelNotFound: It is neither.
    """
    path = Path(model)
    if path.is_file():
        return path
    if path.suffix in (".onnx", ".pt"):
        raise ModelNotFound(f"{model}: expected a model file, there is no such file")
    return ModelStore(Home(home).models).ensure(model, allow_network=True).path


def remove_training(folder: Path) -> None:
    """Remove what a training wrote into its folder.

    Raises:
        PanopsError: Another training is running there.
    """
    if not folder.is_dir():
        return
    with FolderLock(folder), writing(folder):
        _unlink(folder)


def _unlink(folder: Path) -> None:
    for file in FILES:
        (folder / file).unlink(missing_ok=True)


def show_samples(recipe: Recipe, path: Path, console: Console) -> None:
    """Write the sample sheet."""
    if path.suffix.lower() not in _PICTURE_FILES:
        raise typer.BadParameter(f"expected a name that ends in {', '.join(_PICTURE_FILES)}, got {path}", param_hint="--show")
    sheet = sample_sheet(recipe, prepare_data(recipe))
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(cv2.imencode(path.suffix.lower(), sheet)[1].tobytes())
    console.print(f"wrote {path}: what the network will see", soft_wrap=True)
