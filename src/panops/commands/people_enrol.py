"""`panops people enrol`: many people at once, from a folder of folders."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from panops.commands.options import HomeOption, JsonOption
from panops.commands.people_desk import EVERYTHING, PeopleDesk, desk, facts_of, tell
from panops.domain.errors import PanopsError
from panops.pipeline.enrolment import Refusal
from panops.storage.gallery_records import PersonFacts
from panops.storage.home import Home

NEGATIVES = "not"
"""The folder within a person's with pictures of people who only look like them."""

_PICTURES = frozenset({".jpg", ".jpeg", ".png", ".webp"})
_LARGEST_BYTES = 32 << 20


@dataclass(frozen=True, slots=True)
class Refused:
    """A picture that was not taken."""

    file: str
    refusal: str
    words: str


@dataclass(slots=True)
class Folder:
    """What became of one person's folder."""

    name: str
    person_id: str = ""
    taken: int = 0
    refused: list[Refused] = field(default_factory=list)


def enrol(
    folder: Annotated[Path, typer.Argument(help="A folder with a folder of pictures for each person, named as they are.")],
    consent: Annotated[str, typer.Option(help="Who agreed that these people are known, and how; it is kept with each of them.")],
    lists: Annotated[list[str] | None, typer.Option("--list", metavar="NAME", help="A list that they are on; may be said again.")] = None,
    keep_days: Annotated[float | None, typer.Option(min=0.01, help="Delete them by themselves after so many days.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Also pictures that resemble somebody else who is known.")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Know the people of a folder: one folder of pictures each, and every picture that is not taken is told with the reason.

    Pictures of people who only look like somebody go into a folder `not` within theirs. Whoever is known already gets more pictures;
    of whom no picture can be taken nothing is kept.
    """
    found = _people(folder)
    with desk(Home(home)) as people:
        results = _enrol(people, found, lambda name: facts_of(name, lists or [], consent, keep_days), force=force)
    taken, refused = sum(one.taken for one in results), sum(len(one.refused) for one in results)
    if as_json:
        tell({"people": [asdict(one) for one in results], "taken": taken, "refused": refused})
    else:
        _print(results, taken, refused)
    if not taken:
        raise typer.Exit(1)


def _people(folder: Path) -> dict[str, list[tuple[Path, bool]]]:
    """Each person's pictures, and whether each is of somebody who only looks like them.

    Raises:
        PanopsError: It is no such folder.
    """
    if not folder.is_dir():
        raise PanopsError(f"expected a folder with a folder of pictures for each person, got {folder}, which is none")
    found: dict[str, list[tuple[Path, bool]]] = {}
    for one in sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")):
        files = [(path, False) for path in sorted(one.iterdir())]
        if (one / NEGATIVES).is_dir():
            files += [(path, True) for path in sorted((one / NEGATIVES).iterdir())]
        pictures = [(path, negative) for path, negative in files if path.is_file() and path.suffix.lower() in _PICTURES]
        if pictures:
            found[one.name] = pictures
    if not found:
        raise PanopsError(
            f"expected folders with JPEG, PNG or WebP pictures in {folder}, one for each person and named as they are; there is none"
        )
    return found


def _enrol(
    people: PeopleDesk, found: dict[str, list[tuple[Path, bool]]], facts: Callable[[str], PersonFacts], *, force: bool
) -> list[Folder]:
    console = Console(stderr=True)
    results: list[Folder] = []
    with ExitStack() as shown:
        step: Callable[[], object] = bool
        if console.is_terminal:
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            bars = shown.enter_context(Progress(*columns, console=console))
            step = partial(bars.advance, bars.add_task("pictures", total=sum(map(len, found.values()))))
        results += [_one(people, name, pictures, facts, force=force, step=step) for name, pictures in found.items()]
    return results


def _one(
    people: PeopleDesk,
    name: str,
    pictures: Sequence[tuple[Path, bool]],
    facts: Callable[[str], PersonFacts],
    *,
    force: bool,
    step: Callable[[], object],
) -> Folder:
    person = people.gallery.named(EVERYTHING, name)
    is_new = person is None
    if person is None:
        person = people.gallery.add(EVERYTHING, facts(name), "panops people enrol")
    result = Folder(person.name, person.person_id)
    try:
        for path, negative in pictures:
            _picture(people, result, path, negative=negative, force=force)
            step()
    finally:
        if is_new and not result.taken:
            people.erasure.person(EVERYTHING, person.person_id, "panops people enrol")
            result.person_id = ""
    if result.taken:
        people.note("person.enrol", person.person_id, {"taken": result.taken, "refused": len(result.refused), "new": is_new})
    return result


def _picture(people: PeopleDesk, result: Folder, path: Path, *, negative: bool, force: bool) -> None:
    try:
        size_bytes = path.stat().st_size
        data, fault = (b"", f"it has {size_bytes >> 20} MiB; make it smaller") if size_bytes > _LARGEST_BYTES else (path.read_bytes(), "")
    except OSError as error:
        data, fault = b"", f"it cannot be read: {error.strerror}"
    if fault:
        result.refused.append(Refused(str(path), Refusal.UNREADABLE.value, fault))
        return
    done = people.enrolment.add(EVERYTHING, result.person_id, data, path.name, negative=negative, force=force)
    if done.refusal is None:
        result.taken += 1
    else:
        result.refused.append(Refused(str(path), done.refusal.value, done.words))


def _print(results: Sequence[Folder], taken: int, refused: int) -> None:
    table = Table("person", "taken", "refused", box=None, pad_edge=False)
    for one in results:
        table.add_row(one.name, str(one.taken), str(len(one.refused)) if one.refused else "")
    console = Console()
    console.print(table)
    for one in results:
        for picture in one.refused:
            typer.echo(f"refused: {picture.file}: {picture.words}")
        if not one.taken and not one.person_id:
            typer.echo(f"{one.name}: no picture could be taken, so nothing of them is kept")
    typer.echo(f"{taken} pictures taken, {refused} refused; running cameras know it within some seconds")
