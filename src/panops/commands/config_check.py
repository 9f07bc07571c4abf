"""`panops config check`: a site file looked over without applying it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from panops.commands.options import HomeOption, JsonOption
from panops.config.load import SiteFile, read_site
from panops.config.survey import KnownModels, survey
from panops.domain.errors import ConfigError
from panops.models.default import MOTION, likely_default
from panops.models.store import ModelStore
from panops.storage.home import Home

_MOVING = "moving"


def check(
    site: Annotated[Path, typer.Argument(help="The site file.")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Look a site file over without applying it: every problem at once, with line and field.

    Models, and the classes that rules name, are looked up among the models that are installed or in the catalogue.
    """
    try:
        wanted = _checked(site, ModelStore(Home(home).models)).site
    except ConfigError as error:
        if not as_json:
            raise
        problems = [{"line": problem.line, "field": problem.field, "message": problem.message} for problem in error.problems]
        typer.echo(json.dumps({"ok": False, "problems": problems}))
        raise typer.Exit(2) from error
    cameras, rules = len(wanted.cameras), len(wanted.rules)
    if as_json:
        typer.echo(json.dumps({"ok": True, "cameras": cameras, "rules": rules, "problems": []}))
    else:
        typer.echo(f"{site}: fine ({_count(cameras, 'camera')}, {_count(rules, 'rule')})")


def _checked(path: Path, store: ModelStore) -> SiteFile:
    """The site file.

    Raises:
        ConfigError: It has faults; all of them are listed.
    """
    file = read_site(path)
    problems = survey(file, known_models(store))
    if problems:
        raise ConfigError(str(path), problems)
    return file


def known_models(store: ModelStore) -> KnownModels:
    """The models that can be named on this machine, with their classes."""
    classes: dict[str, tuple[str, ...] | None] = {name: entry.manifest.classes for name, entry in store.catalogue.models.items()}
    classes |= {model.manifest.name: model.manifest.classes for model in store.list()}
    default = likely_default(store)
    # Until that one is here, `motion` takes its place, which calls everything `moving`.
    return KnownModels({**classes, MOTION: None}, default, () if store.is_installed(default) else (_MOVING,))


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
