"""What all `panops people` commands work with: the gallery of a home, and the audit log, which every one of them is written into."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import typer

from panops.commands.enrolment_reader import reader_opener
from panops.commands.model_facts import who
from panops.domain.clock import SystemClock
from panops.domain.errors import PanopsError
from panops.models.store import ModelStore
from panops.pipeline.enrolment import Enrolment
from panops.storage.audit import AuditLog
from panops.storage.database import Database
from panops.storage.erasure import Erasure
from panops.storage.evidence import EvidenceStore
from panops.storage.face_seal import KeyPlace
from panops.storage.gallery import Gallery
from panops.storage.gallery_records import FaceFact, Person, PersonFacts
from panops.storage.home import Home
from panops.storage.scope import Scope
from panops.storage.site import SiteRepository

EVERYTHING = Scope.everything()
_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class PeopleDesk:
    """The gallery of a home on this machine, for whoever may read its files."""

    gallery: Gallery
    enrolment: Enrolment
    erasure: Erasure
    audit: AuditLog

    def note(self, action: str, target: str = "", detail: Mapping[str, Any] | None = None) -> None:
        """Write down what was done or looked at, and by whom."""
        self.audit.record(time.time(), "", action, target, {"by": who(), **(detail or {})})

    def person(self, named: str) -> Person:
        """Somebody by name or id.

        Raises:
            PanopsError: There is nobody; the names are not told.
        """
        found = self.gallery.named(EVERYTHING, named) or self.gallery.person(EVERYTHING, named)
        if found is None:
            raise PanopsError(f"nobody is known by the name or id {named!r}; panops people list tells who is")
        return found


@contextmanager
def desk(home: Home) -> Iterator[PeopleDesk]:
    """The gallery of a home, also while panops runs on it; cameras follow within some seconds.

    Raises:
        PanopsError: There is no site.
    """
    if not home.database.is_file():
        raise PanopsError(f"there is no site in {home.path}; name its folder with --home, or set PANOPS_HOME")
    clock = SystemClock()
    with Database.at(home.path) as database:
        gallery = Gallery(database, KeyPlace(home.faces_key), clock)
        sites = SiteRepository(database)
        enrolment = Enrolment(gallery, reader_opener(ModelStore(home.models), sites.load))
        yield PeopleDesk(gallery, enrolment, Erasure(database, EvidenceStore(database, home.evidence, clock), clock), AuditLog(database))


def facts_of(name: str, lists: list[str], consent: str, keep_days: float | None) -> PersonFacts:
    """What is said of a person on the command line; consented today."""
    now_s = time.time()
    return PersonFacts(name, tuple(lists), consent, now_s, None if keep_days is None else now_s + keep_days * _DAY_S)


def plain_person(person: Person) -> dict[str, Any]:
    """A person as JSON."""
    return {name: getattr(person, name) for name in Person.__slots__}


def plain_face(face: FaceFact) -> dict[str, Any]:
    """What is known of a picture, as JSON."""
    return {name: getattr(face, name) for name in FaceFact.__slots__ if name != "person_id"}


def day(at_s: float | None) -> str:
    """A day as people read it; empty for none."""
    return "" if at_s is None else f"{datetime.fromtimestamp(at_s, UTC):%Y-%m-%d}"


def tell(value: Any) -> None:
    """Print JSON."""
    typer.echo(json.dumps(value, indent=2, allow_nan=False))
