"""`panops train`: from labelled pictures to a network's weights, resumable at any moment."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, Literal

import torch
import typer
from rich.console import Console

from panops.commands.data_sets import writing
from panops.commands.options import HomeOption, JsonOption
from panops.commands.train_begin import draft_folder, folder_of, recipe_of, remove_training, show_samples
from panops.commands.train_finish import ending_of, finish, told_of
from panops.commands.train_screen import TrainScreen, signals
from panops.commands.train_tell import tell
from panops.training.folder_lock import FolderLock
from panops.training.prepare import prepare_val
from panops.training.processes import DistributedTeam, Team, led, started_by_torchrun
from panops.training.recipe import Recipe, read_recipe, write_recipe
from panops.training.session import Outcome, cpu_threads, device_named, finished_before, run_training

_INTERRUPTED = 130


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

    For a model that says of a whole picture what it shows, from a folder for each class: panops train classifier --help
    """
    console = Console(stderr=True)
    where = device_named(device)
    looks = show is not None and look_only

    def begin(draft: Path | None) -> _Begun:
        made = recipe_of(
            recipe, out, model, data, val, name, home, console, keep=keep, pictures=pictures, size=size, restart=restart, draft=draft
        )
        if gpus > made.batch:
            most = f"expected at most {made.batch}, as many as the recipe's batch has pictures, got {gpus}"
            raise typer.BadParameter(most, param_hint="--gpus")
        folder = out or Path("runs") / made.name
        if restart and not looks:
            remove_training(folder)
        if show is not None:
            show_samples(made, show, console)
        return _Begun(made, folder, None if looks else finished_before(made, folder))

    with _team(where) as team:
        with draft_folder(looks) as draft:
            begun = led(team, lambda: begin(draft))
        over = bool(team.largest(int(begun is not None and begun.over is not None)))
        if looks or (over and begun is None):
            return
        if begun is None:  # what the first process has made
            folder = folder_of(recipe, out, data, name)
            made = read_recipe(recipe or folder / "recipe.yaml")
        else:
            made, folder = begun.recipe, begun.folder
        if gpus > 1 and not over and not started_by_torchrun():
            more = [word for word, given in (("--json", as_json), ("--no-deploy", not deploy)) if given]
            raise typer.Exit(_spawn(made, folder, gpus, device, threads, more))
        ended = begun.over if begun is not None and begun.over is not None else _run(made, folder, where, threads, console, team)
    if begun is not None:
        deployed = _deployed(made, folder, ended, console, over=over) if deploy and ended.finished else {}
        tell(ended, made, folder, console, deployed, before=over, as_json=as_json)
    if not ended.finished:
        raise typer.Exit(_INTERRUPTED)


@dataclass(frozen=True, slots=True)
class _Begun:
    """What one process prepares for all of a training.

    Attributes:
        recipe: What is trained.
        folder: Where.
        over: How it ended, where there is nothing left to train.
    """

    recipe: Recipe
    folder: Path
    over: Outcome | None


def _deployed(recipe: Recipe, folder: Path, ended: Outcome, console: Console, *, over: bool) -> dict[str, Any]:
    """The exported file and its figures; of a training that was over before only what is missing is made."""
    if not over:
        return finish(recipe, folder, lambda: ended.val, console)
    ending = ending_of(recipe, folder)
    if ending.measured:
        return told_of(folder)
    missing = "its measurement is missing and is made now" if ending.exported else "its export is missing and is made now"
    console.print(f"this training is finished; {missing}", soft_wrap=True)
    return finish(recipe, folder, lambda: prepare_val(recipe)[0], console)


def _team(where: torch.device) -> AbstractContextManager[Team]:
    return DistributedTeam(where) if started_by_torchrun() else nullcontext(Team())


def _run(recipe: Recipe, folder: Path, where: torch.device, threads: int, console: Console, team: Team) -> Outcome:
    wanted = threading.Event()
    with signals(wanted), TrainScreen(recipe, folder, console, wanted.is_set, quiet=team.rank > 0) as screen:
        return run_training(recipe, folder, where, cpu_threads(threads), screen, team)


def _spawn(recipe: Recipe, folder: Path, gpus: int, device: str, threads: int, more: Sequence[str]) -> int:
    """Start the same training in several processes by torchrun; gives the exit code."""
    FolderLock(folder).check()  # before the recipe of a training that runs there is written over
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
