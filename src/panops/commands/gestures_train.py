"""The training of `panops gestures deploy`: a classifier from a folder, measured, and the version of it that is in use."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

import typer
from rich.console import Console

from panops.commands.gestures_deploy import SignModel
from panops.commands.train_classifier_begin import Wishes, classifier_recipe
from panops.commands.train_classifier_finish import finish_classifier
from panops.commands.train_classifier_screen import ClassifierScreen
from panops.commands.train_screen import signals
from panops.domain.errors import ModelUnsupported
from panops.models.manifest_file import MANIFEST_NAME, read_manifest
from panops.models.promotion import promote
from panops.models.store import ModelStore
from panops.models.version_id import next_version
from panops.training.classifier_session import run_classifier_training
from panops.training.session import cpu_threads

_INTERRUPTED = 130
_FROM_BLOCK = 5


@dataclass(frozen=True, slots=True)
class TrainWishes:
    """What the command line says of the training; see `panops train classifier`."""

    data: Path
    name: str
    out: Path | None
    start: str
    size: int
    epochs: int
    threads: int
    least_accuracy: float


def train_signs(wishes: TrainWishes, home: Path | None, store: ModelStore, console: Console) -> SignModel:
    """Train, measure and install.

    Raises:
        typer.Exit: Somebody stopped it; the same command goes on.
        PanopsError: The pictures cannot be used.
        ModelUnsupported: What came of it is right too seldom; nothing was installed.
    """
    recipe, folder = classifier_recipe(
        None,
        Wishes(wishes.data, None, wishes.out, wishes.name, wishes.start, wishes.size, wishes.epochs, _FROM_BLOCK, False, 0.0, 0),
        home,
        console,
        restart=False,
    )
    wanted = threading.Event()
    with signals(wanted), ClassifierScreen(folder, console, wanted.is_set) as screen:
        ended = run_classifier_training(recipe, folder, cpu_threads(wishes.threads), screen)
    if not ended.finished:
        console.print("stopped and saved; the same command goes on", markup=False)
        raise typer.Exit(_INTERRUPTED)
    told = finish_classifier(recipe, folder, ended.pictures, console)
    best = Path(told["best_model"])
    accuracy = next(float(row["accuracy"]) for row in told["files"] if Path(row["path"]).parent == best)
    if accuracy < wishes.least_accuracy:
        raise ModelUnsupported(
            f"expected a classifier that is right on {100 * wishes.least_accuracy:.0f} % of the pictures that were kept apart, got"
            f" {100 * accuracy:.1f} %; nothing was deployed. Give it more pictures, look at {folder}/report.html, or say --least-accuracy"
        )
    version = _installed(store, best)
    return SignModel(recipe.name, version, tuple(recipe.classes), accuracy, folder)


def _installed(store: ModelStore, folder: Path) -> str:
    """The version in use: this very file, added as a further version where the model has others."""
    manifest = read_manifest(folder / MANIFEST_NAME)
    places = store.shelf(manifest.name).places if store.is_installed(manifest.name) else {}
    same = [version for version in places if store.get(f"{manifest.name}@{version}").manifest.sha256 == manifest.sha256]
    version = same[0] if same else store.add(str(folder), version=next_version(tuple(places)) if places else "").version
    if store.shelf(manifest.name).active != version:
        promote(store, manifest.name, version, why="gestures deploy")
    return version
