"""`panops train classifier`: from a folder of pictures for each class to a model that tells them apart, resumable at any moment."""

from __future__ import annotations

import json
import shlex
import threading
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from panops.commands.options import HomeOption, JsonOption
from panops.commands.train_classifier_begin import Wishes, classifier_recipe, remove_classifier_training
from panops.commands.train_classifier_finish import finish_classifier
from panops.commands.train_classifier_screen import ClassifierScreen
from panops.commands.train_screen import signals
from panops.models.store import ModelStore
from panops.storage.home import Home
from panops.training.classifier_recipe import ClassifierRecipe
from panops.training.classifier_session import ClassifierOutcome, run_classifier_training
from panops.training.classifier_trainer import HEADLINE
from panops.training.session import cpu_threads

_INTERRUPTED = 130


def train_classifier(
    recipe: Annotated[Path | None, typer.Argument(help="A recipe; without one give --data.")] = None,
    data: Annotated[
        Path | None, typer.Option(help="A folder with a folder of pictures for each class; or one with train/ and val/ like that.")
    ] = None,
    val: Annotated[
        Path | None, typer.Option(help="Pictures to measure on, likewise; val/ in --data, else a fifth of each class is kept apart.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The training's folder; runs/NAME when it is not given.")] = None,
    name: Annotated[str, typer.Option(help="What the new model is called; the data's folder when it is not given.")] = "",
    start: Annotated[
        str, typer.Option(help="Where to start: MobileNetV2 as .tflite, a checkpoint (.pt), a model's name (mobilenet_v2_quant), none.")
    ] = "",
    size: Annotated[int, typer.Option(min=0, help="The input's side, px, a multiple of 32; 0 takes 224, or 128 for small pictures.")] = 0,
    epochs: Annotated[int, typer.Option(min=0, help="How often the pictures are shown to the network; 0 trains the head alone.")] = 25,
    unfreeze: Annotated[
        int, typer.Option(min=0, max=18, help="From which of the 17 blocks on the network learns (0 all, 17 the last layer, 18 none).")
    ] = 5,
    flip: Annotated[bool, typer.Option("--flip", help="Learn mirrored pictures, too; not where left and right mean something.")] = False,
    mix_up: Annotated[float, typer.Option(min=0, max=2, help="Mix pairs of pictures and their classes so strongly; 0 not at all.")] = 0.0,
    seed: Annotated[int, typer.Option(min=0, help="Decides every choice by chance.")] = 0,
    threads: Annotated[int, typer.Option(min=0, help="CPU threads; 0 takes all.")] = 0,
    deploy: Annotated[bool, typer.Option("--deploy/--no-deploy", help="At the end export, in 8 bits too, and measure those files.")] = True,
    max_loss: Annotated[float, typer.Option(min=0.0, help="Points of accuracy that 8 bits may cost.")] = 1.0,
    install: Annotated[bool, typer.Option("--install", help="At the end add the model to the store, for `panops models`.")] = False,
    licence: Annotated[str, typer.Option(help="SPDX identifier of the new weights, for the manifest.")] = "",
    credit: Annotated[str, typer.Option(help="Whom to credit for pictures and start weights.")] = "",
    restart: Annotated[bool, typer.Option("--restart", help="Begin anew where the folder holds a training.")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train a classifier on a folder of pictures for each class: first its head, then the network; goes on where it was stopped.

    It starts from MobileNetV2, which knows a thousand kinds of things. A part of the pictures is held back to say which epoch is the best;
    those of --val are looked at once, at the end. Ctrl-C saves and stops; the same command goes on. The end is an ONNX file and, where it
    costs no more than --max-loss, an 8-bit one, both measured; `panops export` makes files for phones of it.
    """
    console = Console(stderr=True)
    wishes = Wishes(data, val, out, name, start, size, epochs, unfreeze, flip, mix_up, seed)
    made, folder = classifier_recipe(recipe, wishes, home, console, restart=restart)
    if restart:
        remove_classifier_training(folder)
    wanted = threading.Event()
    with signals(wanted), ClassifierScreen(folder, console, wanted.is_set) as screen:
        ended = run_classifier_training(made, folder, cpu_threads(threads), screen)
    told: dict[str, Any] = {}
    if ended.finished and deploy:
        told = finish_classifier(made, folder, ended.pictures, console, max_loss=max_loss, licence=licence, credit=credit)
        if install:
            added = ModelStore(Home(home).models).add(told["best_model"])
            told["installed"] = f"{added.manifest.name}@{added.version}"
    if as_json:
        typer.echo(json.dumps({**_record(ended, made, folder), **told}, indent=2))
    _tell(console, ended, made, folder, told)
    if not ended.finished:
        raise typer.Exit(_INTERRUPTED)


def _record(ended: ClassifierOutcome, recipe: ClassifierRecipe, folder: Path) -> dict[str, Any]:
    progress = ended.progress
    return {
        "name": recipe.name,
        "folder": str(folder),
        "finished": ended.finished,
        "step": progress.step,
        "steps": progress.steps,
        "resumed_at": ended.resumed_at,
        "best_step": progress.best_step,
        "held_back_accuracy": ended.best.get(HEADLINE),
        "minutes": round(progress.seconds / 60, 1),
        "cpu_minutes": round(progress.cpu_seconds / 60, 1),
        "pictures": {"learnt": len(ended.pictures.learn), "held_back": len(ended.pictures.held), "measured_on": len(ended.pictures.val)},
        "problems": len(ended.pictures.problems),
    }


def _tell(console: Console, ended: ClassifierOutcome, recipe: ClassifierRecipe, folder: Path, told: dict[str, Any]) -> None:
    def say(text: str) -> None:
        console.print(text, soft_wrap=True, markup=False, highlight=False)

    progress = ended.progress
    if not ended.finished:
        again = f"panops train classifier {shlex.quote(str(folder / 'recipe.yaml'))} --out {shlex.quote(str(folder))}"
        say(
            f"saved at step {progress.step:,} of {progress.steps:,}; go on with: {again}"
            if progress.headed
            else "stopped before the first step"
        )
        return
    if progress.step < progress.steps:
        say(f"stopped at step {progress.step:,} of {progress.steps:,}: the part held back got no better in {recipe.patience} epochs")
    held = ended.best.get(HEADLINE, float("nan"))
    took = f"{progress.seconds / 60:.1f} min, {progress.cpu_seconds / 60:.1f} of them CPU time"
    say(f"done in {took}: {100 * held:.1f} % of the part held back, at step {progress.best_step:,}: {folder}/best.pt")
    if "best_model" in told:
        for row in told["files"]:
            say(f"  {row['what']}: {row['mb']:.2f} MB, accuracy {100 * row['accuracy']:.1f} %")
        if "refused" in told:
            say(f"  {told['refused']}")
        best = shlex.quote(told["best_model"])
        say(f"installed as {told['installed']}" if "installed" in told else f"to use it: panops models add {best}")
        model, data, out = (
            shlex.quote(str(path)) for path in (folder / "model", recipe.data.val or recipe.data.train, folder / "model-tflite")
        )
        say(f"for Android: panops export {model} --format tflite --data {data} --out {out}")
