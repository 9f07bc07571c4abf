"""Deleting people who are known: their rows, faces, and the proof of events that name them, until nothing of it is in any file."""

from __future__ import annotations

import json
import logging
import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, delete, exists, or_, select, update

from panops.domain.clock import Clock, SystemClock
from panops.storage.audit import add_entry
from panops.storage.database import Database
from panops.storage.errors import NotFound
from panops.storage.evidence import EvidenceStore
from panops.storage.gallery import changed, may_change
from panops.storage.leftovers import clear_out, to_clear
from panops.storage.records import IDENTITY, NAMING, UNNAMED, facts_of
from panops.storage.scope import Scope
from panops.storage.tables import audit, embeddings, events, evidence, faces, people, reviews, sightings, trails

log = logging.getLogger(__name__)

# A piece of a sealed face that is long enough to be nowhere else.
_NEEDLE_BYTES = 64
# The proof of an event may be written a while after it ended.
_LATE_PROOF_S = 900.0
_BATCH = 200
# What shows who an event was about, beside its own row.
_PROOF = (evidence, trails, embeddings, sightings)


@dataclass(frozen=True, slots=True)
class Erased:
    """What went with a person.

    Attributes:
        faces: Pictures of them, or of people who look like them.
        events: Events that named them: these stay, without the name and without proof.
        files: Snapshots and clips of those events.
        size_bytes: The size of these files.
        clean: Whether nothing is left in the database's files; else a part of it stays until somebody else has stopped reading.
    """

    faces: int
    events: int
    files: int
    size_bytes: int
    clean: bool = True


class Erasure:
    """Deletes. Used by any number of threads.

    Args:
        database: An opened database.
        store: The files that prove events.
        clock: What time it is.
    """

    def __init__(self, database: Database, store: EvidenceStore, clock: Clock | None = None) -> None:
        self._database = database
        self._store = store
        self._clock = clock or SystemClock()
        self._heard_s = float("-inf")

    def foretold(self, scope: Scope, person_id: str) -> Erased:
        """What would go with a person.

        Raises:
            NotAllowed: The scope does not cover it.
        """
        may_change(scope)
        with self._database.reading() as connection:
            count = len(connection.execute(select(faces.c.face_id).where(faces.c.person_id == person_id)).all())
            named = _naming(person_id)
            ids = connection.execute(named).all()
            files = connection.execute(select(evidence.c.size_bytes).where(evidence.c.event_id.in_(named))).all()
        return Erased(count, len(ids), len(files), sum(row.size_bytes for row in files))

    def person(self, scope: Scope, person_id: str, by: str) -> Erased:
        """Delete a person, and write down that somebody was deleted, without saying who.

        Raises:
            NotAllowed: The scope does not cover it.
            NotFound: There is no such person.
            StorageError: Rows cannot be deleted, and then nothing was; or files, which the next clean-up does.
        """
        may_change(scope)
        return self._person(person_id, by, "person.delete")

    def face(self, scope: Scope, person_id: str, face_id: str) -> None:
        """Delete one picture.

        Raises:
            NotAllowed: The scope does not cover it.
            NotFound: There is no such picture of this person.
            StorageError: Nothing was deleted.
        """
        may_change(scope)
        with self._database.session() as connection:
            key = (faces.c.person_id == person_id) & (faces.c.face_id == face_id)
            row = connection.execute(select(faces.c.face_id, faces.c.embedding, faces.c.picture).where(key)).first()
            if row is None:
                raise NotFound("there is no such picture, or you may not see it")
            connection.execute(delete(faces).where(key))
            changed(connection)
            to_clear(connection, _needles([row]))
        clear_out(self._database)

    def expired(self) -> int:
        """Delete everybody whose time is over; how many. For the system itself.

        Raises:
            StorageError: One could not be deleted; those before stay deleted.
        """
        with self._database.reading() as connection:
            due = list(connection.execute(select(people.c.person_id).where(people.c.keep_until_s <= self._clock.utc_s())).scalars())
        for person_id in due:
            self._person(person_id, "", "person.expire")
        if due:
            log.info("%d known people were deleted, whose time was over", len(due))
        return len(due)

    def late(self) -> int:
        """Take names out of events that were told, and files that were written, after their person was deleted; how many events.

        A camera knows somebody until it is told otherwise, and a process that could not write may write late.

        Raises:
            StorageError: It cannot be done now.
        """
        since_s, now_s = self._heard_s - _LATE_PROOF_S, self._clock.utc_s()
        proved = or_(*(exists().where(table.c.event_id == events.c.event_id) for table in _PROOF))
        # Most faces are nobody's who is known: whether there is proof is asked for the others only.
        naming = (events.c.kind == IDENTITY, events.c.updated_at_s >= since_s, events.c.details.contains('"person_id"'))
        query = select(events.c.event_id, events.c.details, proved).where(*naming)
        with self._database.reading() as connection:
            there = set(connection.execute(select(people.c.person_id)).scalars())
            due: dict[str, str] = {}
            for event_id, details, has_proof in connection.execute(query):
                who = json.loads(details).get("person_id")
                if who and who not in there and (who != UNNAMED or has_proof):
                    due[event_id] = str(who)
        if due:
            with self._database.session() as connection:
                gone = _unname(connection, list(due), "")
                to_clear(connection, {who.encode() for who in due.values() if who != UNNAMED})
            self._store.remove_files(gone.paths)
        self._heard_s = now_s
        clear_out(self._database)
        return len(due)

    def finish(self) -> bool:
        """Try again what could not be cleared out, by whichever process; whether nothing is left."""
        return clear_out(self._database)

    def _person(self, person_id: str, by: str, action: str) -> Erased:
        # Looking through all events takes a while, in which no writer should have to wait: in the transaction that writes only those of the
        # last minutes are looked through again. What is told later still is for `late`.
        since_s = self._clock.utc_s() - _LATE_PROOF_S
        with self._database.reading() as connection:
            named = set(connection.execute(_naming(person_id)).scalars())
        with self._database.session() as connection:
            person = connection.execute(select(people).where(people.c.person_id == person_id).with_for_update()).first()
            if person is None:
                raise NotFound("there is no such person, or you may not see them")
            rows = connection.execute(
                select(faces.c.face_id, faces.c.embedding, faces.c.picture).where(faces.c.person_id == person_id)
            ).all()
            named.update(connection.execute(_naming(person_id).where(events.c.updated_at_s >= since_s)).scalars())
            gone = _unname(connection, sorted(named), person.name)
            connection.execute(delete(faces).where(faces.c.person_id == person_id))
            connection.execute(delete(people).where(people.c.person_id == person_id))
            changed(connection)
            erased = Erased(len(rows), gone.events, len(gone.paths), gone.size_bytes)
            tag = _forget_in_audit(connection, person_id)
            detail = {"faces": erased.faces, "events": erased.events, "files": erased.files}
            add_entry(connection, self._clock.utc_s(), by, action, tag, detail)
            # A name may be a common word: what only this person had is looked for.
            to_clear(connection, [person_id.encode(), *_needles(rows)])
        self._store.remove_files(gone.paths)
        clean = clear_out(self._database)
        return Erased(erased.faces, erased.events, erased.files, erased.size_bytes, clean)


@dataclass(frozen=True, slots=True)
class _Gone:
    events: int
    paths: Sequence[str]
    size_bytes: int


def _naming(person_id: str) -> Select[str]:
    """The events that name somebody."""
    return select(events.c.event_id).where(
        events.c.kind == IDENTITY,
        or_(events.c.details.contains(person_id, autoescape=True), events.c.key.contains(person_id, autoescape=True)),
    )


def _unname(connection: Connection, event_ids: Sequence[str], name: str) -> _Gone:
    """Take out of events who somebody is, and delete the rows of their proof; the files are for the caller, after the commit."""
    paths: list[str] = []
    size_bytes = 0
    for first in range(0, len(event_ids), _BATCH):
        batch = event_ids[first : first + _BATCH]
        query = select(events.c.event_id, events.c.key, events.c.details, events.c.note).where(events.c.event_id.in_(batch))
        for row in connection.execute(query).all():
            values, known = _nameless(row, name)
            connection.execute(update(events).where(events.c.event_id == row.event_id).values(values))
            _unname_reviews(connection, row.event_id, known)
        files = connection.execute(select(evidence.c.path, evidence.c.size_bytes).where(evidence.c.event_id.in_(batch))).all()
        paths += [row.path for row in files]
        size_bytes += sum(row.size_bytes for row in files)
        for table in _PROOF:
            connection.execute(delete(table).where(table.c.event_id.in_(batch)))
    return _Gone(len(event_ids), paths, size_bytes)


def _unname_reviews(connection: Connection, event_id: str, name: str) -> None:
    query = select(reviews.c.review_id, reviews.c.note).where(reviews.c.event_id == event_id, reviews.c.note.is_not(None))
    for row in connection.execute(query).all():
        connection.execute(update(reviews).where(reviews.c.review_id == row.review_id).values(note=_without(row.note, name)))


def _nameless(row: Any, name: str) -> tuple[dict[str, str], str]:
    """What to store of an event instead, and the name that was in it."""
    details: dict[str, Any] = json.loads(row.details)
    who, known = str(details.get("person_id") or ""), name or str(details.get("name") or "")
    kept: dict[str, Any] = {field: value for field, value in details.items() if field not in NAMING}
    kept["person_id"] = UNNAMED
    values = {
        "details": json.dumps(kept, separators=(",", ":")), "facts": facts_of(kept),
        "key": row.key.replace(who, UNNAMED) if who else row.key, "note": _without(row.note, known),
    }  # fmt: skip
    return values, known


def _without(text: str, name: str) -> str:
    """A note of people without a name, whatever its case."""
    return re.sub(re.escape(name), lambda _: UNNAMED, text, flags=re.IGNORECASE) if name else text


def _forget_in_audit(connection: Connection, person_id: str) -> str:
    """Let the log tell that it was one and the same person, and not who."""
    tag = f"deleted-{secrets.token_hex(4)}"
    connection.execute(update(audit).where(audit.c.target.startswith(person_id)).values(target=tag))
    return tag


def _needles(rows: Iterable[Any]) -> list[bytes]:
    found = []
    for row in rows:
        found += [row.face_id.encode(), bytes(row.embedding[:_NEEDLE_BYTES]), bytes(row.picture[:_NEEDLE_BYTES])]
    return found
