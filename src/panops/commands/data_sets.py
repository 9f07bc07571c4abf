"""What the `panops data` commands share: opening several data sets, looking at their pictures with a bar, writing with plain faults."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from panops.datasets.opening import joined, open_sets
from panops.datasets.problems import ReadReport
from panops.domain.errors import PanopsError, SourceUnsupported
from panops.domain.labels import DetectionSet

PathsArgument = Annotated[
    list[Path],
    typer.Argument(help="COCO .json, YOLO data.yaml, VOC .xml, a dataset.yaml, or a folder of one of them; several make one set."),
]


@dataclass(frozen=True, slots=True)
class OpenedSets:
    """Data sets from the command line.

    Attributes:
        reports: Split name -> what its reader gave.
        origin: Split name -> the path it came from.
    """

    reports: dict[str, ReadReport]
    origin: dict[str, Path]

    @property
    def picture_count(self) -> int:
        """Pictures of all splits."""
        return sum(len(report.dataset) for report in self.reports.values())

    def together(self, name: str = "") -> DetectionSet:
        """All splits as one set."""
        return replace(joined(self.reports, name).dataset, name=name or "-".join(self.reports))

    def problem_line(self) -> str:
        """One line on what the readers found, empty where all was well."""
        count = sum(len(report.problems) for report in self.reports.values())
        return f"{count} problems while reading; `panops data check` names each" if count else ""


def open_paths(paths: list[Path]) -> OpenedSets:
    """Open each path with all its splits; a split name that is taken gets the path's name in front."""
    reports: dict[str, ReadReport] = {}
    origin: dict[str, Path] = {}
    for path in paths:
        for split, report in open_sets(path).items():
            name = split
            number = 1
            while name in reports:
                number += 1
                name = f"{path.stem}-{split}" if number == 2 else f"{path.stem}-{split}-{number}"
            reports[name] = replace(report, dataset=replace(report.dataset, name=name))
            origin[name] = path
    return OpenedSets(reports, origin)


def need_pictures(dataset: DetectionSet, paths: list[Path]) -> None:
    """Raise where there is nothing to work on."""
    if not len(dataset):
        names = ", ".join(map(str, paths))
        raise SourceUnsupported(f"{names}: expected pictures with labels; none can be used, `panops data check` says why")


def need_empty(out: Path) -> None:
    """Raise where a folder to write to holds something."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise PanopsError(f"{out}: expected an empty or new folder, so that old labels do not mix with new ones")


def need_class(dataset: DetectionSet, name: str) -> None:
    """Raise where the set has no such class; the message says which there are."""
    if name not in dataset.classes:
        raise typer.BadParameter(f"expected one of {', '.join(dataset.classes)}; got {name}", param_hint="--class")


def need_source(dataset: DetectionSet, name: str) -> None:
    """Raise where no picture has the source; the message says which there are."""
    sources = sorted({picture.source for picture in dataset.pictures})
    if name not in sources:
        raise typer.BadParameter(f"expected one of {', '.join(sources)}; got {name}", param_hint="--source")


def split_of(opened: OpenedSets, split: str) -> DetectionSet:
    """One split by its name, or all as one."""
    if split and split not in opened.reports:
        raise typer.BadParameter(f"expected one of {', '.join(opened.reports)}; got {split}", param_hint="--split")
    return opened.reports[split].dataset if split else opened.together("all")


@contextmanager
def picture_bar(count: int, *, shown: bool = True) -> Iterator[Callable[[int], None]]:
    """A progress bar on standard error; told how many more pictures are done."""
    columns = (TextColumn("looking at pictures"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=not shown) as progress:
        task = progress.add_task("", total=count)
        yield lambda more: progress.advance(task, more)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turns faults of the disk into one sentence."""
    try:
        yield
    except OSError as error:
        raise PanopsError(f"cannot write to {path}: {error.strerror or error}") from error
    except UnicodeEncodeError as error:
        raise PanopsError(f"cannot write to {path}: expected names of Unicode letters, got {error.object!a}; rename it") from error
