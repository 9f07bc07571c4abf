"""What `panops train` shows while it runs: a bar with the losses, the speed and the time that is left; lines where there is no terminal."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from panops.training.prepare import Prepared
from panops.training.recipe import Recipe
from panops.training.session import Watcher
from panops.training.trainer import HEADLINE, StepFigures

# Faults of the data that are printed; all of them are in problems.txt.
_MOST_PROBLEMS = 10
LINE_EVERY_S = 30.0
# The newest step's share in the figures that are shown.
_NEWEST = 0.05


def bar_columns() -> tuple[ProgressColumn, ...]:
    """What a training's bar shows: what, how far, its figures, and the time."""
    return (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[figures]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )


class TrainScreen(Watcher):
    """Implements `Watcher`. Use it in a `with` statement.

    Args:
        recipe: What is trained.
        folder: The training's.
        console: Where it is shown.
        stop: Whether a person or the system asked for a stop.
        quiet: Shows nothing, for all but one of several processes.
    """

    def __init__(self, recipe: Recipe, folder: Path, console: Console, stop: Callable[[], bool], *, quiet: bool = False) -> None:
        self._recipe = recipe
        self._folder = folder
        self._console = console
        self._stop = stop
        self._quiet = quiet
        self._bars = Progress(*bar_columns(), console=console, disable=quiet or not console.is_terminal)
        self._training: TaskID | None = None
        self._measuring: TaskID | None = None
        self._means: dict[str, float] = {}
        self._line_s = 0.0
        self._handler = _ToConsole(self)

    def __enter__(self) -> Self:
        """Show it."""
        self._bars.start()
        logger = logging.getLogger("panops.training")
        logger.addHandler(self._handler)
        logger.propagate = False
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Leave the last state on the screen."""
        logger = logging.getLogger("panops.training")
        logger.removeHandler(self._handler)
        logger.propagate = True
        self._bars.stop()

    def say(self, text: str) -> None:
        """A line above the bar."""
        if not self._quiet:
            self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    def prepared(self, data: Prepared) -> None:
        """The data are open: their size, and what is wrong with them line by line."""
        learnt = f"{len(data.train):,} pictures to learn from with {data.train.box_count:,} boxes"
        self.say(f"{learnt}, {len(data.val):,} to measure on; report: {self._folder}/report.html")
        for problem in data.problems[:_MOST_PROBLEMS]:
            self.say(f"  {problem}")
        if len(data.problems) > _MOST_PROBLEMS:
            self.say(f"  ... {len(data.problems):,} faults of the data in all: {self._folder}/problems.txt")

    def stepped(self, figures: StepFigures) -> None:
        """A step is done."""
        for name, value in {**figures.losses, "speed": figures.pictures_per_s}.items():
            old = self._means.get(name, value)
            self._means[name] = old + (value - old) * max(_NEWEST, 1 / (len(self._means) + 1) if name not in self._means else 0.0)
        words = self._words()
        if self._training is None:
            self._training = self._bars.add_task("training", total=figures.steps, figures="", completed=figures.step - 1)
        self._bars.update(self._training, completed=figures.step, figures=words)
        if not self._console.is_terminal and time.monotonic() - self._line_s >= LINE_EVERY_S:
            self._line_s = time.monotonic()
            left_s = (figures.steps - figures.step) * self._recipe.batch / max(1e-6, self._means["speed"])
            self.say(f"step {figures.step:,} of {figures.steps:,}: {words}, {left_s / 60:.0f} min left")

    def _words(self) -> str:
        losses = ", ".join(f"{name} {self._means[name]:.2f}" for name in ("score", "box", "distil") if name in self._means)
        return f"{losses}, {self._means.get('speed', 0.0):.0f} pictures/s"

    def measuring(self, done: int, count: int) -> None:
        """So many pictures of an evaluation are done."""
        if self._measuring is None:
            self._measuring = self._bars.add_task("measuring", total=count, figures="")
        self._bars.update(self._measuring, completed=done)
        if done >= count:
            self._bars.remove_task(self._measuring)
            self._measuring = None

    def measured(self, figures: Mapping[str, float]) -> None:
        """An evaluation is done."""
        measured = [name for name in self._recipe.classes if name in figures]
        by_class = ", ".join(f"{name} {figures[name]:.3f}" for name in measured[:12])
        self.say(f"AP50 {figures[HEADLINE]:.3f} ({by_class})")

    def stop(self) -> bool:
        """Whether somebody asked for it."""
        return self._stop()


@contextmanager
def signals(wanted: threading.Event) -> Iterator[None]:
    """Ctrl-C and SIGTERM ask for a stop after this step; a second Ctrl-C stops at once."""

    def ask(number: int, frame: FrameType | None) -> None:
        if wanted.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        wanted.set()

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _ToConsole(logging.Handler):
    """The training's log lines above the bar instead of through it."""

    def __init__(self, screen: TrainScreen) -> None:
        super().__init__(logging.INFO)
        self._screen = screen

    def emit(self, record: logging.LogRecord) -> None:
        self._screen.say(record.getMessage())
