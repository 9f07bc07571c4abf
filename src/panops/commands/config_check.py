"""`panops config check`: a site file looked over without applying it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from panops.commands.options import HomeOption, JsonOption
from panops.config.advice import warnings
from panops.config.load import SiteFile, read_site
from panops.config.problems import nearest_line
from panops.config.survey import KnownModels, survey
from panops.domain.clock import SystemClock
from panops.domain.errors import ConfigError, ConfigProblem, SourceError
from panops.ingest.address import AddressKind, parse_address
from panops.models.default import MOTION, likely_default
from panops.models.store import ModelStore
from panops.storage.home import Home

_MOVING = "moving"
_RECORDINGS = (AddressKind.FILE, AddressKind.FOLDER, AddressKind.GLOB)


def check(
    site: Annotated[Path, typer.Argument(help="The site file.")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Look a site file over without applying it: every problem at once, with line and field.

    Models, and the classes that rules name, are looked up among the models that are installed or in the catalogue. Recordings that stand
    for a camera must be there; nothing is connected to. What works and is unwise is a warning, and no fault.
    """
    try:
        file = _checked(site, ModelStore(Home(home).models))
    except ConfigError as error:
        if not as_json:
            raise
        typer.echo(json.dumps({"ok": False, "problems": _plain(error.problems), "warnings": []}))
        raise typer.Exit(2) from error
    cameras, rules, unwise = len(file.site.cameras), len(file.site.rules), warnings(file)
    if as_json:
        typer.echo(json.dumps({"ok": True, "cameras": cameras, "rules": rules, "problems": [], "warnings": _plain(unwise)}))
    else:
        typer.echo(f"{site}: fine ({_count(cameras, 'camera')}, {_count(rules, 'rule')})")
        for warning in unwise:
            typer.echo(f"  warning: {warning}")


def _plain(problems: Sequence[ConfigProblem]) -> list[dict[str, Any]]:
    return [{"line": problem.line, "field": problem.field, "message": problem.message} for problem in problems]


def _checked(path: Path, store: ModelStore) -> SiteFile:
    """The site file.

    Raises:
        ConfigError: It has faults; all of them are listed.
    """
    file = read_site(path)
    problems = survey(file, known_models(store))
    told = {problem.field for problem in problems}
    problems += [problem for problem in _missing_recordings(file) if problem.field not in told]
    if problems:
        raise ConfigError(str(path), sorted(problems, key=lambda problem: problem.line or 0))
    return file


def _missing_recordings(file: SiteFile) -> Iterator[ConfigProblem]:
    """Recordings that cameras are to play and that are not there, in the words in which a start would tell it."""
    for camera_id, camera in file.site.cameras.items():
        message = _missing(camera.source.get_secret_value()) if camera.enabled else ""
        if message:
            yield ConfigProblem(f"cameras.{camera_id}.source", message, nearest_line(("cameras", camera_id, "source"), file.lines))


def _missing(source: str) -> str:
    """What is wrong about a recording; empty for a good one, and for addresses of other kinds."""
    try:
        address = parse_address(source)
        if address.kind not in _RECORDINGS:
            return ""
        from panops.ingest.file import FileSource  # noqa: PLC0415 - brings the decoder along, which no other site file needs

        FileSource(address, SystemClock()).inputs()
    except SourceError as error:
        message = str(error)
    except OSError as error:
        message = f"{address.masked} cannot be read: {error.strerror}"
    else:
        return ""
    relative = not Path(address.target).is_absolute()
    return f"{message}; such a name counts from the folder in which panops is started, here {Path.cwd()}" if relative else message


def known_models(store: ModelStore) -> KnownModels:
    """The models that can be named on this machine, with their classes."""
    classes: dict[str, tuple[str, ...] | None] = {name: entry.manifest.classes for name, entry in store.catalogue.models.items()}
    classes |= {model.manifest.name: model.manifest.classes for model in store.list()}
    default = likely_default(store)
    # Until that one is here, `motion` takes its place, which calls everything `moving`.
    return KnownModels({**classes, MOTION: None}, default, () if store.is_installed(default) else (_MOVING,))


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
