"""What `panops train classifier` shows while it runs: a bar with loss, share right and speed; lines where there is no terminal."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import Progress, TaskID

from panops.commands.train_screen import LINE_EVERY_S, bar_columns
from panops.training.classifier_session import ClassifierPictures, ClassifierWatcher
from panops.training.classifier_trainer import HEADLINE

# Faults of the data that are printed; all of them are in problems.txt.
_MOST_PROBLEMS = 10
# The newest step's share in the figures that are shown.
_NEWEST = 0.05


class ClassifierScreen(ClassifierWatcher):
    """Implements `ClassifierWatcher`. Use it in a `with` statement.

    Args:
        folder: The training's.
        console: Where it is shown.
        stop: Whether a person or the system asked for a stop.
    """

    def __init__(self, folder: Path, console: Console, stop: Callable[[], bool]) -> None:
        self._folder = folder
        self._console = console
        self._stop = stop
        self._bars = Progress(*bar_columns(), console=console, disable=not console.is_terminal)
        self._task: TaskID | None = None
        self._what = ""
        self._means: dict[str, float] = {}
        self._line_s = time.monotonic()

    def __enter__(self) -> Self:
        """Show it."""
        self._bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Leave the last state on the screen."""
        self._bars.stop()

    def say(self, text: str) -> None:
        """A line above the bar."""
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    def prepared(self, pictures: ClassifierPictures) -> None:
        """The pictures are read: how many, and what is wrong with them."""
        parts = f"{len(pictures.learn):,} pictures to learn from, {len(pictures.held):,} held back to choose the best epoch"
        self.say(f"{parts}, {len(pictures.val):,} to measure the end on: {pictures.how}; report: {self._folder}/report.html")
        for problem in pictures.problems[:_MOST_PROBLEMS]:
            self.say(f"  {problem}")
        if len(pictures.problems) > _MOST_PROBLEMS:
            self.say(f"  ... {len(pictures.problems):,} faults of the data in all: {self._folder}/problems.txt")

    def looking(self, done: int, total: int) -> None:
        """So many pictures were shown for the head's features."""
        self._show("features for the head", done, total, "")

    def stepped(self, step: int, steps: int, figures: Mapping[str, float]) -> None:
        """A step is done."""
        for name, value in figures.items():
            self._means[name] = self._means.get(name, value) + (value - self._means.get(name, value)) * _NEWEST
        words = f"loss {self._means['loss']:.2f}, right {100 * self._means['right']:.0f} %, {self._means['speed']:.0f} pictures/s"
        self._show("training", step, steps, words)

    def measured(self, figures: Mapping[str, float]) -> None:
        """The part held back was measured."""
        self.say(f"held back: accuracy {100 * figures[HEADLINE]:.1f} %, loss {figures['loss']:.3f}")

    def stop(self) -> bool:
        """Whether somebody asked for it."""
        return self._stop()

    def _show(self, what: str, done: int, total: int, figures: str) -> None:
        if self._what != what and self._task is not None:
            self._bars.remove_task(self._task)
            self._task = None
        self._what = what
        if self._task is None:
            self._task = self._bars.add_task(what, total=total, figures=figures)
        self._bars.update(self._task, completed=done, figures=figures)
        if not self._console.is_terminal and time.monotonic() - self._line_s >= LINE_EVERY_S:
            self._line_s = time.monotonic()
            self.say(f"{what}: {done:,} of {total:,}{': ' if figures else ''}{figures}")
