"""`panops train`: from labelled pictures to a network's weights, resumable at any moment."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, Literal

import cv2
import typer
from rich.console import Console

from panops.commands.data_sets import writing
from panops.commands.options import HomeOption, JsonOption
from panops.commands.train_finish import finish
from panops.commands.train_screen import TrainScreen, signals
from panops.domain.errors import ModelNotFound
from panops.models.store import ModelStore
from panops.storage.home import Home
from panops.training.own_data import open_own, recipe_for
from panops.training.prepare import prepare_data
from panops.training.processes import DistributedTeam, Team, started_by_torchrun
from panops.training.recipe import Recipe, read_recipe, write_recipe
from panops.training.session import FILES, Outcome, cpu_threads, device_named, run_training
from panops.training.sheet import sample_sheet
from panops.training.trainer import HEADLINE

_INTERRUPTED = 130
_PICTURE_FILES = (".jpg", ".jpeg", ".png", ".webp")


def train(
    recipe: Annotated[Path | None, typer.Argument(help="A recipe; without one give --model and --data.")] = None,
    out: Annotated[Path | None, typer.Option(help="The training's folder; runs/NAME when it is not given.")] = None,
    model: Annotated[str, typer.Option(help="Without a recipe: the model to start from, by name or as a file (.onnx, .pt).")] = "",
    data: Annotated[Path | None, typer.Option(help="Without a recipe: the labelled pictures, COCO, YOLO or VOC.")] = None,
    val: Annotated[Path | None, typer.Option(help="Pictures to measure on; a part of --data when it is not given.")] = None,
    name: Annotated[str, typer.Option(help="Without a recipe: what the new model is called.")] = "",
    keep: Annotated[bool, typer.Option("--keep", help="Keep the start model's classes, taught by itself, beside the new ones.")] = False,
    pictures: Annotated[int, typer.Option(min=0, help="Without a recipe: how many pictures are shown; 0 chooses.")] = 0,
    size: Annotated[int, typer.Option(min=0, help="Without a recipe: the input's side, px; 0 takes 416.")] = 0,
    device: Annotated[Literal["auto", "cpu", "cuda"], typer.Option(help="Where it runs.")] = "auto",
    gpus: Annotated[int, typer.Option(min=1, help="Processes that share each batch, one a GPU.")] = 1,
    threads: Annotated[int, typer.Option(min=0, help="CPU threads; 0 takes all.")] = 0,
    show: Annotated[Path | None, typer.Option(help="Write a picture of augmented samples here, before training.")] = None,
    look_only: Annotated[bool, typer.Option("--look-only", help="With --show: stop after writing it.")] = False,
    deploy: Annotated[bool, typer.Option("--deploy/--no-deploy", help="At the end export the best weights and measure that file.")] = True,
    restart: Annotated[bool, typer.Option("--restart", help="Begin anew where the folder holds a training.")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train a detector, or fine-tune one on your own pictures; goes on where it was stopped or killed.

    With a recipe, or with --model and --data: then the recipe is made and written into the folder. report.html there shows the curves while
    it runs. Ctrl-C saves and stops; the same command goes on.
    """
    console = Console(stderr=True)
    leads = not started_by_torchrun() or os.environ.get("RANK") == "0"
    made = _recipe(recipe, out, model, data, val, name, home, console, keep=keep, pictures=pictures, size=size, restart=restart)
    folder = out or Path("runs") / made.name
    if restart and leads:
        _remove(folder)
    if show is not None and leads:
        _show(made, show, console)
        if look_only:
            return
    if gpus > made.batch:
        raise typer.BadParameter(
            f"expected at most {made.batch}, as many as the recipe's batch has pictures, got {gpus}", param_hint="--gpus"
        )
    if gpus > 1 and not started_by_torchrun():
        more = [word for word, given in (("--json", as_json), ("--no-deploy", not deploy)) if given]
        raise typer.Exit(_spawn(made, folder, gpus, device, threads, more))
    outcome = _run(made, folder, device, threads, console, quiet=not leads)
    if leads:
        deployed = finish(made, folder, outcome.val, console) if deploy and outcome.finished else {}
        _tell(outcome, made, folder, console, deployed, as_json=as_json)
    if not outcome.finished:
        raise typer.Exit(_INTERRUPTED)


def _recipe(
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
) -> Recipe:
    """The recipe that is given, that lies in the folder already, or that is made."""
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
        console.print(f"{written} is there and is used again; --restart makes it anew")
        return read_recipe(written)
    start = _model_file(model, home)
    own = open_own(data, val)
    with writing(folder):
        made = recipe_for(start, own, folder, name, keep=keep, pictures=pictures, input_px=size)
        write_recipe(made, written)
    console.print(f"{len(own.train):,} pictures to learn from, {len(own.val):,} to measure on; {own.how}")
    console.print(f"wrote {written}: {len(made.classes)} classes, {made.pictures:,} pictures at {made.input_px} px, from {start.name}")
    return made


def _name_of(data: Path) -> str:
    word = data.resolve().parent.name if data.suffix else data.resolve().name
    cleaned = "".join(letter if letter.isalnum() or letter in "._-" else "-" for letter in word.lower()).strip("._-")
    return cleaned or "own"


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


def _remove(folder: Path) -> None:
    for file in FILES:
        (folder / file).unlink(missing_ok=True)


def _show(recipe: Recipe, path: Path, console: Console) -> None:
    if path.suffix.lower() not in _PICTURE_FILES:
        raise typer.BadParameter(f"expected a name that ends in {', '.join(_PICTURE_FILES)}, got {path}", param_hint="--show")
    sheet = sample_sheet(recipe, prepare_data(recipe))
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(cv2.imencode(path.suffix.lower(), sheet)[1].tobytes())
    console.print(f"wrote {path}: what the network will see")


def _run(recipe: Recipe, folder: Path, device: str, threads: int, console: Console, *, quiet: bool) -> Outcome:
    where = device_named(device)
    wanted = threading.Event()
    team: Any = DistributedTeam(where) if started_by_torchrun() else nullcontext(Team())
    with team as joined, signals(wanted), TrainScreen(recipe, folder, console, wanted.is_set, quiet=quiet) as screen:
        return run_training(recipe, folder, where, cpu_threads(threads), screen, joined)


def _spawn(recipe: Recipe, folder: Path, gpus: int, device: str, threads: int, more: Sequence[str]) -> int:
    """Start the same training in several processes by torchrun; gives the exit code."""
    with writing(folder):
        write_recipe(recipe, folder / "recipe.yaml")
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={gpus}", "-m", "panops.entry"]
    own = ["train", str(folder / "recipe.yaml"), "--out", str(folder), "--device", device, "--threads", str(threads)]
    child = subprocess.Popen([*launcher, *own, *more])  # noqa: S603  # our own program and arguments
    return _followed(child)


def _followed(child: subprocess.Popen[bytes]) -> int:
    """Wait for the processes; what asks this one to stop is passed on."""
    with _passed_on(child, (signal.SIGINT, signal.SIGTERM)):
        return child.wait()


@contextmanager
def _passed_on(child: subprocess.Popen[bytes], numbers: Sequence[signal.Signals]) -> Iterator[None]:
    def pass_on(number: int, frame: FrameType | None) -> None:
        child.send_signal(signal.SIGTERM)

    before = {number: signal.signal(number, pass_on) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _tell(outcome: Outcome, recipe: Recipe, folder: Path, console: Console, deployed: dict[str, Any], *, as_json: bool) -> None:
    progress = outcome.progress
    if as_json:
        typer.echo(json.dumps({**_record(outcome, recipe, folder), **deployed}, indent=2))
    if not outcome.finished:
        again = f"panops train {folder}/recipe.yaml --out {folder}"
        console.print(f"saved at step {progress.step:,} of {recipe.steps:,}; go on with: {again}", soft_wrap=True)
        return
    if progress.step < recipe.steps:
        console.print(f"stopped at step {progress.step:,}: no better figure in {recipe.patience} evaluations")
    if not outcome.best:
        console.print(f"done: {folder}/last.pt; nothing was measured, since the recipe has no data.val")
    else:
        figures = ", ".join(f"{label} {outcome.best[label]:.3f}" for label in recipe.classes if label in outcome.best)
        console.print(f"done: best AP50 {outcome.headline:.3f} at step {outcome.best_step:,} ({figures}): {folder}/best.pt", soft_wrap=True)
        console.print(f"curves: {folder}/report.html", soft_wrap=True)
    if "model" in deployed:
        console.print(f"to use it: panops models add {folder}/model", soft_wrap=True)
        if recipe.data.val:
            sets = f"--data {recipe.data.val[0]} --calibration {recipe.data.train[0]}"
            console.print(f"in 8 bits: panops export {folder}/model --format int8 {sets} --out {folder}/model-int8", soft_wrap=True)
    if "report" in deployed:
        console.print(f"as cameras will run it, with thresholds and the worst pictures: {deployed['report']}", soft_wrap=True)


def _record(outcome: Outcome, recipe: Recipe, folder: Path) -> dict[str, Any]:
    figures = {name: value for name, value in outcome.best.items() if name != HEADLINE}
    return {
        "name": recipe.name,
        "folder": str(folder),
        "finished": outcome.finished,
        "step": outcome.progress.step,
        "steps": recipe.steps,
        "resumed_at": outcome.resumed_at,
        "skipped_steps": outcome.progress.skipped,
        "best_step": outcome.best_step,
        "headline": None if math.isnan(outcome.headline) else outcome.headline,
        "AP50": figures,
        "problems": len(outcome.problems),
        "unreadable": outcome.unreadable,
    }
