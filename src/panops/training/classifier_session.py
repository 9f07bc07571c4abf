"""A classifier's whole training in a folder: pictures, start weights, head, network, figures; resumed where one was begun.

The folder holds `recipe.yaml`, `last.pt`, `best.pt`, `history.jsonl`, `report.html` and `problems.txt`, as a detector's does.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import torch

from panops.datasets.class_folders import read_class_folders, without_copies
from panops.datasets.class_splitting import parted
from panops.datasets.problems import DataProblem
from panops.domain.class_pictures import ClassSet
from panops.domain.errors import ModelUnsupported, PanopsError
from panops.training.classifier_head import Stopped, train_head
from panops.training.classifier_pictures import PictureShelf, as_tensor
from panops.training.classifier_recipe import ClassifierRecipe, write_classifier_recipe
from panops.training.classifier_report import write_classifier_report
from panops.training.classifier_trainer import HEADLINE, ClassifierProgress, ClassifierTrainer, load_classifier
from panops.training.folder_lock import FolderLock
from panops.training.history import History
from panops.training.mobilenet import ClassifierNetwork, ClassifierShape, settle
from panops.training.mobilenet_weights import load_tflite

# Pictures whose statistics the normalisations are given.
_SETTLED = 256
_REPORT_EVERY_S = 5.0


class ClassifierWatcher:
    """Is told how a training goes. This one says nothing and never stops it."""

    def say(self, text: str) -> None:
        """A sentence for people."""

    def prepared(self, pictures: ClassifierPictures) -> None:
        """The pictures are read."""

    def looking(self, done: int, total: int) -> None:
        """So many pictures were shown for the head's features."""

    def stepped(self, step: int, steps: int, figures: Mapping[str, float]) -> None:
        """A step of the second part is done."""

    def measured(self, figures: Mapping[str, float]) -> None:
        """The part held back was measured."""

    def stop(self) -> bool:
        """Whether the training shall be saved and end here."""
        return False


@dataclass(frozen=True, slots=True)
class ClassifierPictures:
    """The pictures of a training; no picture is in two of the parts.

    Attributes:
        learn: To learn from.
        held: Held back: they say which epoch is the best.
        val: To measure the end on, and nothing else.
        problems: What is wrong with them.
        how: Where `val` comes from, in words.
    """

    learn: ClassSet
    held: ClassSet
    val: ClassSet
    problems: tuple[DataProblem, ...]
    how: str


@dataclass(frozen=True, slots=True)
class ClassifierOutcome:
    """How a training ended.

    Attributes:
        progress: Where it is.
        finished: Whether it came to its end; else it was asked to stop and can go on.
        resumed_at: The step it went on from; 0 when it began anew.
        best: The figures of `best.pt` on the part held back.
        pictures: What it learnt from, and what is to be measured.
    """

    progress: ClassifierProgress
    finished: bool
    resumed_at: int
    best: Mapping[str, float]
    pictures: ClassifierPictures


def read_pictures(recipe: ClassifierRecipe) -> ClassifierPictures:
    """Read and part the pictures.

    Raises:
        SourceUnsupported: There is nothing to learn or to measure.
    """
    report = read_class_folders(recipe.data.train, recipe.classes)
    problems, dataset = list(report.problems), report.dataset
    bare = [name for name, count in dataset.counts().items() if not count]
    if bare:
        raise PanopsError(f"{recipe.data.train}: expected pictures of {', '.join(bare)} to learn from, there are none")
    if recipe.data.val is not None:
        found = read_class_folders(recipe.data.val, recipe.classes)
        val = found.dataset
        dataset, copies = without_copies(dataset, val)
        problems += [*found.problems, *copies]
        how = f"the pictures of {recipe.data.val}"
    else:
        dataset, val = parted(dataset, recipe.data.val_share, recipe.seed)
        how = f"{recipe.data.val_share:.0%} of each class, kept apart from {recipe.data.train}"
    learn, held = parted(dataset, recipe.data.held_back, recipe.seed + 1)
    return ClassifierPictures(learn, held, val, tuple(problems), how)


def run_classifier_training(
    recipe: ClassifierRecipe, folder: Path, threads: int, watcher: ClassifierWatcher | None = None
) -> ClassifierOutcome:
    """Train, or go on where the folder's `last.pt` is.

    Args:
        recipe: The training.
        folder: Where its files are; made when it is not there.
        threads: For the network.
        watcher: Is told how it goes.

    Raises:
        PanopsError: The pictures, the start weights or the folder cannot be used.
    """
    watcher = watcher or ClassifierWatcher()
    torch.set_num_threads(threads)
    cv2.setNumThreads(1)
    with FolderLock(folder):
        try:
            write_classifier_recipe(recipe, folder / "recipe.yaml")
            pictures = read_pictures(recipe)
            _write_problems(folder, pictures)
            return _trained(recipe, folder, pictures, watcher)
        except OSError as error:
            raise PanopsError(f"cannot write to {folder}: {error.strerror or error}") from error


def start_network(recipe: ClassifierRecipe, learn: PictureShelf) -> ClassifierNetwork:
    """The network with its start weights, its normalisations fitted to the pictures.

    Raises:
        ModelError: The weights cannot be read, or are of another network.
    """
    torch.manual_seed(recipe.seed)
    network = ClassifierNetwork(ClassifierShape(tuple(recipe.classes), recipe.width, recipe.dropout))
    if recipe.start is None:
        return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]  # torch's overloads lack this one
    if recipe.start.suffix == ".pt":
        _take_over(network, recipe.start)
    else:
        load_tflite(network, recipe.start)
    network.eval()
    some = range(0, len(learn), max(1, len(learn) // _SETTLED))
    images = [learn.plain(index) for index in some]
    settle(network, [as_tensor(images[first : first + 64]) for first in range(0, len(images), 64)])
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]  # as above


def _take_over(network: ClassifierNetwork, path: Path) -> None:
    """The weights of an earlier training but its head, whose classes are others."""
    other, _ = load_classifier(path)
    if other.shape.width != network.shape.width:
        raise ModelUnsupported(f"{path}: expected weights of width {network.shape.width:g} to start from, got {other.shape.width:g}")
    own = {name: value for name, value in other.state_dict().items() if not name.startswith("head.")}
    network.load_state_dict({**network.state_dict(), **own})


def _trained(recipe: ClassifierRecipe, folder: Path, pictures: ClassifierPictures, watcher: ClassifierWatcher) -> ClassifierOutcome:
    watcher.prepared(pictures)
    learn, held = PictureShelf(pictures.learn, recipe.input_px), PictureShelf(pictures.held, recipe.input_px)
    begun = (folder / "last.pt").is_file()
    if not begun:
        watcher.say(
            "reading the start weights" if recipe.start is not None else "no start weights: everything is learnt from these pictures"
        )
    network = start_network(recipe if not begun else recipe.model_copy(update={"start": None}), learn)
    trainer = ClassifierTrainer(recipe, network, folder, learn, held)
    resumed = trainer.resume()
    first = trainer.progress.step
    if resumed:
        watcher.say(f"going on at step {first:,} of {trainer.progress.steps:,}")
    elif not _headed(trainer, recipe, learn, watcher):
        return ClassifierOutcome(trainer.progress, False, 0, {}, pictures)
    last_s = 0.0

    def stepped(step: int, figures: Mapping[str, float]) -> None:
        nonlocal last_s
        watcher.stepped(step, trainer.progress.steps, figures)
        if time.monotonic() - last_s >= _REPORT_EVERY_S:
            last_s = time.monotonic()
            write_classifier_report(folder, recipe, trainer.progress, "running")

    try:
        trainer.run(stepped, watcher.measured, watcher.stop)
    except BaseException:
        write_classifier_report(folder, recipe, trainer.progress, "broken off")
        raise
    write_classifier_report(folder, recipe, trainer.progress, "finished" if trainer.finished else "stopped")
    return ClassifierOutcome(trainer.progress, trainer.finished, first, best_figures(folder, trainer.progress), pictures)


def _headed(trainer: ClassifierTrainer, recipe: ClassifierRecipe, learn: PictureShelf, watcher: ClassifierWatcher) -> bool:
    """The first part; False where it was asked to stop meanwhile, which leaves nothing behind: it takes seconds."""
    began_s, cpu_began_s = time.monotonic(), time.process_time()

    def looked(done: int, total: int) -> None:
        watcher.looking(done, total)
        if watcher.stop():
            raise Stopped

    try:
        loss = train_head(trainer.network, learn, recipe, looked)
    except Stopped:
        return False
    trainer.progress.seconds += time.monotonic() - began_s
    trainer.progress.cpu_seconds += time.process_time() - cpu_began_s
    figures = trainer.begin_second_part()
    watcher.say(f"the head alone, on features of the network as it is: loss {loss:.3f} in {time.monotonic() - began_s:.0f} s")
    watcher.measured(figures)
    return True


def best_figures(folder: Path, progress: ClassifierProgress) -> dict[str, float]:
    """The figures on the part held back of the weights in `best.pt`."""
    for line in History(folder / "history.jsonl").lines():
        if "evaluation" in line and line["step"] == progress.best_step:
            return {name: value for name, value in line["evaluation"].items() if value is not None}
    return {HEADLINE: float("nan")}


def _write_problems(folder: Path, pictures: ClassifierPictures) -> None:
    path = folder / "problems.txt"
    if not pictures.problems:
        path.unlink(missing_ok=True)  # of an earlier start, before the data was mended
    else:
        path.write_text("".join(f"{problem}\n" for problem in pictures.problems), encoding="utf-8")
