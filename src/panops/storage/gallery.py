"""The gallery: the people who are known, and their faces, sealed. Whoever asks passes a scope; what is not allowed is refused here."""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from panops.domain.clock import Clock, SystemClock
from panops.domain.errors import StorageError
from panops.domain.faces import KnownFaces, KnownPerson
from panops.storage.database import Database
from panops.storage.errors import NotAllowed, NotFound, RequestRefused
from panops.storage.face_seal import FaceSeal, KeyPlace
from panops.storage.gallery_records import (
    FaceFact,
    NewFace,
    Person,
    PersonFacts,
    checked,
    face_from,
    person_from,
    plain_text,
)
from panops.storage.scope import Role, Scope
from panops.storage.tables import faces, gallery, people

log = logging.getLogger(__name__)

MOST_FACES = 50
"""So many pictures of one person at most: more tell nothing new, and each makes every search longer."""

_REVISION, _KEY = "revision", "key"
_FACTS = (
    faces.c.face_id, faces.c.person_id, faces.c.model, faces.c.negative, faces.c.quality, faces.c.source, faces.c.created_at_s,
)  # fmt: skip
_RESTORE = "put back the key that belongs to this database (no backup holds it), or delete these people and enrol them anew"


class Gallery:
    """Known people in the database. Used by any number of threads and processes.

    Names and faces belong to no camera: operators who see every camera may look, administrators who see every camera may change.

    Args:
        database: An opened database.
        key: Where the key is.
        clock: What time it is.
    """

    def __init__(self, database: Database, key: KeyPlace, clock: Clock | None = None) -> None:
        self._database = database
        self._key = key
        self._clock = clock or SystemClock()

    # --- looking --------------------------------------------------------------------------------------------------------------

    def people(self, scope: Scope) -> list[Person]:
        """Everybody, by name.

        Raises:
            NotAllowed: The scope does not cover it.
        """
        may_look(scope)
        with self._database.reading() as connection:
            counts = _counts(connection)
            rows = connection.execute(select(people)).all()
        found = (person_from(row, *counts.get(row.person_id, (0, 0))) for row in rows)
        return sorted(found, key=lambda person: (person.name.casefold(), person.person_id))

    def person(self, scope: Scope, person_id: str) -> Person | None:
        """One of them.

        Raises:
            NotAllowed: The scope does not cover it.
        """
        may_look(scope)
        with self._database.reading() as connection:
            return _person(connection, person_id)

    def named(self, scope: Scope, name: str) -> Person | None:
        """Who has this name, whatever its case.

        Raises:
            NotAllowed: The scope does not cover it.
        """
        wanted = plain_text(name).casefold()
        return next((one for one in self.people(scope) if one.name.casefold() == wanted), None)

    def faces(self, scope: Scope, person_id: str) -> list[FaceFact]:
        """The pictures of a person, the oldest first.

        Raises:
            NotAllowed: The scope does not cover it.
        """
        may_look(scope)
        query = select(*_FACTS).where(faces.c.person_id == person_id).order_by(faces.c.created_at_s, faces.c.face_id)
        with self._database.reading() as connection:
            return [face_from(row) for row in connection.execute(query)]

    def first_faces(self, scope: Scope) -> dict[str, str]:
        """The picture to show of each person: the oldest one that is theirs.

        Raises:
            NotAllowed: The scope does not cover it.
        """
        may_look(scope)
        query = select(faces.c.person_id, faces.c.face_id).where(faces.c.negative.is_(False))
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(faces.c.created_at_s.desc(), faces.c.face_id.desc())).all()
        return {row.person_id: row.face_id for row in rows}

    def picture(self, scope: Scope, person_id: str, face_id: str) -> bytes | None:
        """The picture itself, as JPEG; None where there is none.

        Raises:
            NotAllowed: The scope does not cover it.
            StorageError: The key is missing, or is another one.
        """
        may_look(scope)
        query = select(faces.c.picture).where(faces.c.person_id == person_id, faces.c.face_id == face_id)
        with self._database.reading() as connection:
            sealed = connection.execute(query).scalar()
            return None if sealed is None else self._seal(connection).open(sealed, _of("picture", person_id, face_id))

    def revision(self) -> int:
        """A number that grows with every change; asking costs next to nothing."""
        with self._database.reading() as connection:
            return int(_noted(connection, _REVISION) or 0)

    def known(self, model: str) -> KnownFaces:
        """All faces that one model made embeddings of, for the system itself. Whoever should be deleted by now is not among them.

        Raises:
            StorageError: The key is missing, or is another one.
        """
        now_s = self._clock.utc_s()
        with self._database.reading() as connection:
            rows = connection.execute(
                select(people.c.person_id, people.c.name, people.c.lists)
                .where(people.c.keep_until_s.is_(None) | (people.c.keep_until_s > now_s))
                .order_by(people.c.person_id)
            ).all()
            known = tuple(KnownPerson(row.person_id, row.name, tuple(json.loads(row.lists))) for row in rows)
            query = select(faces.c.face_id, faces.c.person_id, faces.c.negative, faces.c.embedding).where(faces.c.model == model)
            stored = connection.execute(query.order_by(faces.c.person_id, faces.c.created_at_s, faces.c.face_id)).all()
            index = {person.person_id: number for number, person in enumerate(known)}
            stored = [row for row in stored if row.person_id in index]
            opened = self._opened(connection, stored)
        person = np.array([index[row.person_id] for row, _ in opened], np.int64)
        negative = np.array([row.negative for row, _ in opened], np.bool_)
        rows_of = [np.frombuffer(plain, "<f4") for _, plain in opened]
        embedding = np.stack(rows_of).astype(np.float32) if rows_of else np.zeros((0, 0), np.float32)
        return KnownFaces(model, known, embedding, person, negative)

    def models(self) -> dict[str, int]:
        """How many pictures have an embedding of each model, for the system itself."""
        with self._database.reading() as connection:
            rows = connection.execute(select(faces.c.model, func.count()).group_by(faces.c.model)).all()
        return {model: int(count) for model, count in rows}

    def has_picture(self, person_id: str, original: bytes) -> bool:
        """Whether a person has this very picture already."""
        with self._database.reading() as connection:
            if _noted(connection, _KEY) is None:
                return False
            mark = self._seal(connection).fingerprint(original)
            query = select(faces.c.face_id).where(faces.c.person_id == person_id, faces.c.fingerprint == mark)
            return connection.execute(query.limit(1)).first() is not None

    def sealed(self) -> tuple[int, str]:
        """How many pictures there are, for the system itself, and why they cannot be opened; empty where they can."""
        with self._database.reading() as connection:
            count = int(connection.execute(select(func.count()).select_from(faces)).scalar_one())
            try:
                if count:
                    self._seal(connection)
            except StorageError as error:
                return count, str(error)
        return count, ""

    # --- changing -------------------------------------------------------------------------------------------------------------

    def add(self, scope: Scope, facts: PersonFacts, by: str) -> Person:
        """Know somebody more; pictures follow.

        Raises:
            NotAllowed: The scope does not cover it.
            RequestRefused: A fact is not as expected, or somebody has the name already.
            StorageError: Nothing was written.
        """
        may_change(scope)
        facts = checked(facts)
        person_id = secrets.token_hex(12)
        with self._database.session() as connection:
            changed(connection)
            _must_be_free(connection, facts.name, "")
            values = {"person_id": person_id, "created_by": by[:400], "created_at_s": self._clock.utc_s(), **_values(facts)}
            connection.execute(insert(people).values(values))
            made = _person(connection, person_id)
        assert made is not None  # noqa: S101  written in the same transaction
        return made

    def change(self, scope: Scope, person_id: str, changes: Mapping[str, Any]) -> Person:
        """Say something else of a person; `changes` are fields of `PersonFacts`.

        Raises:
            NotAllowed: The scope does not cover it.
            NotFound: There is no such person.
            RequestRefused: A fact is not as expected, or somebody else has the name already.
            StorageError: Nothing was written.
        """
        may_change(scope)
        with self._database.session() as connection:
            before = _held(connection, person_id)
            facts = PersonFacts(before.name, before.lists, before.consent, before.consented_at_s, before.keep_until_s)
            values = {name: getattr(facts, name) for name in PersonFacts.__slots__}
            facts = checked(PersonFacts(**{**values, **changes}))
            changed(connection)
            _must_be_free(connection, facts.name, person_id)
            connection.execute(update(people).where(people.c.person_id == person_id).values(_values(facts)))
            return _held(connection, person_id)

    def add_face(self, scope: Scope, person_id: str, face: NewFace) -> FaceFact:
        """Keep a picture of a person, sealed. Whether it is good enough is looked at before (`pipeline.enrolment`).

        Raises:
            NotAllowed: The scope does not cover it.
            NotFound: There is no such person.
            RequestRefused: They have this picture, or too many, already.
            StorageError: Nothing was written; or the key is missing, or is another one.
        """
        may_change(scope)
        face_id = secrets.token_hex(12)
        embedding = np.ascontiguousarray(face.embedding, "<f4").tobytes()
        with self._database.session() as connection:
            seal = self._seal(connection, make=True)
            _held(connection, person_id)
            mark = seal.fingerprint(face.original)
            there = list(connection.execute(select(faces.c.fingerprint).where(faces.c.person_id == person_id)).scalars())
            if mark in there:
                raise RequestRefused("this very picture is among those of this person already")
            if len(there) >= MOST_FACES:
                raise RequestRefused(f"there are {MOST_FACES} pictures of this person already; delete one first")
            values = {
                "face_id": face_id, "person_id": person_id, "model": face.model, "negative": face.negative, "quality": float(face.quality),
                "source": plain_text(face.source, 200), "created_at_s": self._clock.utc_s(), "fingerprint": mark,
                "embedding": seal.seal(embedding, _of("embedding", person_id, face_id)),
                "picture": seal.seal(face.picture, _of("picture", person_id, face_id)),
            }  # fmt: skip
            connection.execute(insert(faces).values(values))
            changed(connection)
            return face_from(connection.execute(select(*_FACTS).where(faces.c.face_id == face_id)).one())

    def reread(self, scope: Scope, face: FaceFact, model: str, embedding: NDArray[np.float32], quality: float) -> None:
        """Keep what another model read in a picture that is kept already, in the place of what was read before.

        Raises:
            NotAllowed: The scope does not cover it.
            StorageError: Nothing was written; or the key is missing, or is another one.
        """
        may_change(scope)
        plain = np.ascontiguousarray(embedding, "<f4").tobytes()
        with self._database.session() as connection:
            sealed = self._seal(connection).seal(plain, _of("embedding", face.person_id, face.face_id))
            values = {"model": model, "embedding": sealed, "quality": quality}
            connection.execute(update(faces).where(faces.c.face_id == face.face_id).values(values))
            changed(connection)

    # --- the key --------------------------------------------------------------------------------------------------------------

    def _opened(self, connection: Connection, rows: Collection[Any]) -> list[tuple[Any, bytes]]:
        """The embeddings of rows. One that is damaged must not make everybody else a stranger: it is left out, and the log says so."""
        if not rows:
            return []
        seal, found = self._seal(connection), []
        for row in rows:
            try:
                found.append((row, seal.open(row.embedding, _of("embedding", row.person_id, row.face_id))))
            except StorageError as error:
                log.error("%s", error)
        return found

    def _seal(self, connection: Connection, *, make: bool = False) -> FaceSeal:
        """The seal of this gallery; with `make` a new one, where nothing is sealed yet."""
        mark = _noted(connection, _KEY)
        if mark is not None and connection.execute(select(faces.c.face_id).limit(1)).first() is None:
            mark = None  # nothing is left that another key had sealed
        key = self._key.read()
        if key is None and (mark is not None or not make):
            raise StorageError(f"the faces of known people are sealed, and their key is not there: expected {self._key.label}; {_RESTORE}")
        seal = FaceSeal(self._key.make() if key is None else key)
        if mark is not None and mark != seal.mark:
            raise StorageError(f"the faces of known people were sealed with another key than that of {self._key.label}; {_RESTORE}")
        if make and mark is None:
            note(connection, _KEY, seal.mark)
        return seal


def may_look(scope: Scope) -> None:
    """Refuse whoever may not see the names of people, by `NotAllowed`."""
    _must(scope, Role.OPERATOR, "seen by operators")


def may_change(scope: Scope) -> None:
    """Refuse whoever may not change who is known, by `NotAllowed`."""
    _must(scope, Role.ADMIN, "changed by administrators")


def _must(scope: Scope, least: Role, words: str) -> None:
    if not scope.role.covers(least) or scope.cameras is not None:
        kind = scope.role.value if scope.cameras is None else f"{scope.role.value} for some cameras"
        raise NotAllowed(f"people who are known are {words} who see every camera; this is the role {kind}")


def note(connection: Connection, name: str, value: str) -> None:
    """Write down a value of the gallery as a whole."""
    if connection.execute(update(gallery).where(gallery.c.name == name).values(value=value)).rowcount == 0:
        connection.execute(insert(gallery).values(name=name, value=value))


def _noted(connection: Connection, name: str) -> str | None:
    return connection.execute(select(gallery.c.value).where(gallery.c.name == name)).scalar()


def changed(connection: Connection) -> None:
    """Let whoever asks for the revision see that something is new. Until the transaction ends, everybody else who changes something waits.

    Whoever holds the row of a person, too, took that first: else two could wait for each other.
    """
    there = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(gallery).values(name=_REVISION, value="0")
    connection.execute(there.on_conflict_do_nothing())
    query = select(gallery.c.value).where(gallery.c.name == _REVISION).with_for_update()
    note(connection, _REVISION, str(int(connection.execute(query).scalar_one()) + 1))


def _of(what: str, person_id: str, face_id: str) -> str:
    return f"{what}:{person_id}:{face_id}"


def _values(facts: PersonFacts) -> dict[str, Any]:
    return {
        "name": facts.name, "lists": json.dumps(facts.lists), "consent": facts.consent, "consented_at_s": facts.consented_at_s,
        "keep_until_s": facts.keep_until_s,
    }  # fmt: skip


def _counts(connection: Connection, person_id: str | None = None) -> dict[str, tuple[int, int]]:
    query = select(faces.c.person_id, faces.c.negative, func.count()).group_by(faces.c.person_id, faces.c.negative)
    if person_id is not None:
        query = query.where(faces.c.person_id == person_id)
    found: dict[str, tuple[int, int]] = {}
    for whose, negative, count in connection.execute(query):
        positives, negatives = found.get(whose, (0, 0))
        found[whose] = (positives, int(count)) if negative else (int(count), negatives)
    return found


def _person(connection: Connection, person_id: str) -> Person | None:
    row = connection.execute(select(people).where(people.c.person_id == person_id)).first()
    return None if row is None else person_from(row, *_counts(connection, person_id).get(person_id, (0, 0)))


def _held(connection: Connection, person_id: str) -> Person:
    """A person whom nobody else changes meanwhile."""
    if connection.execute(select(people.c.person_id).where(people.c.person_id == person_id).with_for_update()).first() is None:
        raise NotFound("there is no such person, or you may not see them")
    found = _person(connection, person_id)
    assert found is not None  # noqa: S101  asked a line above
    return found


def _must_be_free(connection: Connection, name: str, but: str) -> None:
    """Two people of one name could not be told apart by whoever reads an alarm. Ask after `changed`: nobody adds one meanwhile."""
    for row in connection.execute(select(people.c.person_id, people.c.name)):
        if row.person_id != but and row.name.casefold() == name.casefold():
            raise RequestRefused(f"somebody is called {row.name} already: add pictures to them, or choose a name that tells the two apart")
