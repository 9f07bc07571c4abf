"""`panops models refit`: let a model learn from what people said of its events, and let the result look on."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

from panops.commands.data_sets import writing
from panops.commands.model_facts import sentences
from panops.commands.options import HomeOption, JsonOption
from panops.commands.refit_begin import (
    PLAN_NAME,
    RECIPE_NAME,
    REPORT_NAME,
    HoldBack,
    RefitPlan,
    RefitWishes,
    make_plan,
    read_plan,
    remove_refit,
)
from panops.commands.refit_end import ask_to_promote, read_report, shelve, tell_refit
from panops.commands.refit_model import Candidate, candidates
from panops.commands.train_screen import TrainScreen, signals
from panops.datasets.feedback_labels import SURE
from panops.domain.errors import ModelUnsupported
from panops.models.default import MOTION
from panops.models.store import ModelStore, StoredModel
from panops.storage.home import Home
from panops.training.folder_lock import FolderLock
from panops.training.recipe import read_recipe
from panops.training.refit_recipe import CAN_BE_REFITTED, RATE, check_refittable
from panops.training.session import cpu_threads, device_named, finished_before, run_training

_INTERRUPTED = 130


def refit(
    name: Annotated[str, typer.Argument(help="The model that learns: its version in use, unless --from names another.")],
    from_version: Annotated[str, typer.Option("--from", help="Start from this version.")] = "",
    out: Annotated[Path | None, typer.Option(help="The refit's folder; runs/refit-NAME when it is not given.")] = None,
    data: Annotated[Path | None, typer.Option(help="Other labelled pictures to learn from, so that it forgets nothing.")] = None,
    val: Annotated[Path | None, typer.Option(help="Those of them to measure on; a part of --data when it is not given.")] = None,
    promote: Annotated[Literal["ask", "never"], typer.Option(help="At a terminal, ask whether to put it into use at once.")] = "ask",
    hold_back: Annotated[
        HoldBack,
        typer.Option(help="things: near copies never on both sides; time: visits never on both sides, for one thing again and again."),
    ] = "things",
    held_share: Annotated[float, typer.Option(min=0.1, max=0.5, help="Share of either kind that is held back to measure on.")] = 0.3,
    days: Annotated[float, typer.Option(min=0.0, help="Only events of so many days; 0 takes all.")] = 0.0,
    camera: Annotated[list[str], typer.Option(help="Only this camera; may be given several times.")] = [],  # noqa: B006 - typer's way
    rule: Annotated[list[str], typer.Option(help="Only this rule; its false alarms count whatever its kind.")] = [],  # noqa: B006 - as above
    sure: Annotated[
        float, typer.Option(min=0.1, max=1.0, help="From which score on its own word is a label of what nobody judged.")
    ] = SURE,
    pictures: Annotated[int, typer.Option(min=0, help="How many pictures are shown; 0 chooses.")] = 0,
    rate: Annotated[float, typer.Option(min=1e-6, max=1e-2, help="The learning rate.")] = RATE,
    keep_float: Annotated[bool, typer.Option("--float", help="No 8 bits, also where the version in use has them.")] = False,
    keep_pictures: Annotated[bool, typer.Option("--keep-pictures", help="Leave the copies of the events' pictures in the folder.")] = False,
    device: Annotated[Literal["auto", "cpu", "cuda"], typer.Option(help="Where it trains.")] = "auto",
    threads: Annotated[int, typer.Option(min=0, help="CPU threads; 0 takes all.")] = 0,
    restart: Annotated[bool, typer.Option("--restart", help="Begin anew where the folder holds a refit.")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let a model learn from judged events, measure it on those held back, and let it look on in shadow where it is better.

    It is better when no true alarm is lost, fewer false ones are detected again, and other pictures (--data) lose at most half an AP point.
    It comes into use only when you say so. Ctrl-C saves and stops; the same command goes on.
    """
    with sentences():
        wishes = RefitWishes(data, val, camera, rule, days, sure, held_share, hold_back, pictures, rate, cpu_threads(threads))
        if name == MOTION:
            raise ModelUnsupported(f"{MOTION} cannot be refitted: it has no weights. {CAN_BE_REFITTED}")
        store = ModelStore(Home(home).models)
        old = store.get(f"{name}@{from_version}" if from_version else name)
        check_refittable(old.manifest, old.path)
        folder, console = out or Path("runs") / f"refit-{name}", Console(stderr=True)
        if restart and ((folder / PLAN_NAME).is_file() or (folder / REPORT_NAME).is_file()):
            with FolderLock(folder), writing(folder):
                remove_refit(folder, also_report=True)
        report = read_report(folder)
        if report is not None:
            console.print("this refit is finished: nothing was done now; --restart begins anew", soft_wrap=True)
        else:
            plan = _planned(Home(home), old, folder, wishes, console, shown=not as_json)
            if not _trained(plan, folder, device, wishes.threads, console):
                console.print("saved; the same command goes on", soft_wrap=True)
                raise typer.Exit(_INTERRUPTED)
            candidate = _best(plan, old, store, folder, console, wishes.threads, keep_float=keep_float)
            report = shelve(plan, candidate, old, store, folder, keep_pictures=keep_pictures)
        tell_refit(report, folder, as_json=as_json)
        if promote == "ask" and not as_json and report["passed"] and sys.stdin.isatty() and sys.stdout.isatty():
            ask_to_promote(report, store)
    if not report["passed"]:
        raise typer.Exit(1)


def _planned(home: Home, old: StoredModel, folder: Path, wishes: RefitWishes, console: Console, *, shown: bool) -> RefitPlan:
    plan = read_plan(folder)
    if plan is None:
        return make_plan(home, old, folder, wishes, console, shown=shown)
    if plan.sha256 != old.manifest.sha256:
        raise ModelUnsupported(
            f"{folder} holds a refit of {plan.model}@{plan.version}, and {old.reference} is another file;"
            " give another --out, or begin anew with --restart"
        )
    console.print(f"{folder / PLAN_NAME} is there and is used again, with its settings; --restart begins anew", soft_wrap=True)
    return plan


def _trained(plan: RefitPlan, folder: Path, device: str, threads: int, console: Console) -> bool:
    """Train, or go on; whether that came to its end. Where nothing is to be unlearnt nothing is trained."""
    recipe = read_recipe(folder / RECIPE_NAME)
    if not plan.score_before.false_found or finished_before(recipe, folder) is not None:
        return True
    wanted = threading.Event()
    with signals(wanted), TrainScreen(recipe, folder, console, wanted.is_set) as screen:
        return run_training(recipe, folder, device_named(device), threads, screen).finished


def _best(
    plan: RefitPlan, old: StoredModel, store: ModelStore, folder: Path, console: Console, threads: int, *, keep_float: bool
) -> Candidate | None:
    """The first file that passes, else the last one; None where nothing was trained."""
    if not plan.score_before.false_found:
        return None
    made = candidates(plan, old, store, folder, console, threads, keep_float=keep_float)
    last = None
    for last in made:
        if last.decision.passed:
            return last
        console.print(f"in {last.form} it does not pass: {'; '.join(last.decision.failures)}", soft_wrap=True, markup=False)
    return last
