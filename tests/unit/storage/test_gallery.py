"""The gallery: who may look and change, what is refused, and that faces are sealed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from panops.domain.errors import StorageError
from panops.storage.database import Database
from panops.storage.errors import NotAllowed, NotFound, RequestRefused
from panops.storage.events import EventRepository
from panops.storage.face_seal import FaceSeal, KeyPlace
from panops.storage.gallery import MOST_FACES, Gallery
from panops.storage.gallery_records import NewFace, PersonFacts
from panops.storage.scope import Role, Scope
from panops.testing.fake_clock import FakeClock
from panops.testing.fake_faces import face

from .makers import START_S, make_event

ADMIN, OPERATOR, VIEWER = (Scope(role, None) for role in (Role.ADMIN, Role.OPERATOR, Role.VIEWER))
SOME = Scope(Role.ADMIN, frozenset({"gate"}))
ANNA = PersonFacts("Anna Berg", ("staff",), "signed form of 3 May", START_S)


def new_face(who: int, variant: int = 0, *, negative: bool = False, model: str = "fake@1") -> NewFace:
    picture = f"picture {who} {variant}".encode()
    return NewFace(model, face(who, variant), b"cut out of " + picture, picture, 0.8, negative, "a folder")


@pytest.fixture
def key(home: Path) -> KeyPlace:
    return KeyPlace(home / "faces.key", {})


@pytest.fixture
def gallery(database: Database, key: KeyPlace, clock: FakeClock) -> Gallery:
    return Gallery(database, key, clock)


def test_what_was_kept_comes_back(gallery: Gallery) -> None:
    anna = gallery.add(ADMIN, ANNA, "ada")
    assert gallery.person(OPERATOR, anna.person_id) == anna
    assert (anna.name, anna.lists, anna.created_by, anna.created_at_s, anna.faces) == ("Anna Berg", ("staff",), "ada", START_S, 0)
    kept = gallery.add_face(ADMIN, anna.person_id, new_face(1))
    gallery.add_face(ADMIN, anna.person_id, new_face(2, negative=True))
    assert gallery.picture(OPERATOR, anna.person_id, kept.face_id) == b"cut out of picture 1 0"
    assert [(one.negative, one.quality, one.source) for one in gallery.faces(OPERATOR, anna.person_id)] in (
        [(False, 0.8, "a folder"), (True, 0.8, "a folder")],
        [(True, 0.8, "a folder"), (False, 0.8, "a folder")],  # both of one second: then by id
    )
    known = gallery.known("fake@1")
    assert [person.name for person in known.people] == ["Anna Berg"]
    mine = known.embedding[~known.negative]
    np.testing.assert_array_equal(mine, [face(1)])
    assert known.negative.sum() == 1
    assert len(gallery.known("another@2")) == 0
    assert gallery.models() == {"fake@1": 2}
    found = gallery.named(OPERATOR, "anna  BERG")
    assert found is not None
    assert (found.faces, found.negatives) == (1, 1)
    assert gallery.first_faces(OPERATOR) == {anna.person_id: kept.face_id}


Act = Callable[[Gallery, Scope, str], object]
LOOKS: dict[str, Act] = {
    "people": lambda gallery, scope, _: gallery.people(scope),
    "person": lambda gallery, scope, who: gallery.person(scope, who),
    "named": lambda gallery, scope, _: gallery.named(scope, "Anna"),
    "faces": lambda gallery, scope, who: gallery.faces(scope, who),
    "first_faces": lambda gallery, scope, _: gallery.first_faces(scope),
    "picture": lambda gallery, scope, who: gallery.picture(scope, who, "0" * 24),
}
CHANGES: dict[str, Act] = {
    "add": lambda gallery, scope, _: gallery.add(scope, PersonFacts("Bo", (), "asked", START_S), "x"),
    "change": lambda gallery, scope, who: gallery.change(scope, who, {"lists": ("watch",)}),
    "add_face": lambda gallery, scope, who: gallery.add_face(scope, who, new_face(3)),
}


@pytest.mark.parametrize("act", LOOKS.values(), ids=LOOKS)
def test_operators_look_and_viewers_and_those_of_some_cameras_do_not(gallery: Gallery, act: Act) -> None:
    anna = gallery.add(ADMIN, ANNA, "ada")
    act(gallery, OPERATOR, anna.person_id)
    for scope in (VIEWER, SOME, Scope(Role.OPERATOR, frozenset())):
        with pytest.raises(NotAllowed, match="operators who see every camera"):
            act(gallery, scope, anna.person_id)


@pytest.mark.parametrize("act", CHANGES.values(), ids=CHANGES)
def test_administrators_change_and_nobody_else(gallery: Gallery, act: Act) -> None:
    anna = gallery.add(ADMIN, ANNA, "ada")
    for scope in (VIEWER, OPERATOR, SOME):
        with pytest.raises(NotAllowed, match="administrators who see every camera"):
            act(gallery, scope, anna.person_id)
    before = gallery.revision()
    act(gallery, ADMIN, anna.person_id)
    assert gallery.revision() == before + 1


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        (PersonFacts(" ", (), "asked", 0), "expected a name of 1 to 120 characters, got 0"),
        (PersonFacts("x" * 121, (), "asked", 0), "got 121"),
        (PersonFacts("Bo", (), "\n", 0), "who agreed that Bo is known, and how"),
        (PersonFacts("Bo", ("Staff!",), "asked", 0), "expected the name of a list of small letters"),
        (PersonFacts("Bo", tuple(f"l{number}" for number in range(17)), "asked", 0), "at most 16 lists for one person, got 17"),
        (PersonFacts("Bo", (), "asked", float("nan")), "expected times in UTC seconds"),
        (PersonFacts("ANNA BERG", (), "asked", 0), "somebody is called Anna Berg already"),
    ],
)
def test_what_cannot_be_kept_is_refused(gallery: Gallery, facts: PersonFacts, sentence: str) -> None:
    gallery.add(ADMIN, ANNA, "ada")
    with pytest.raises(RequestRefused, match=sentence):
        gallery.add(ADMIN, facts, "ada")
    assert len(gallery.people(ADMIN)) == 1


def test_changes_leave_the_rest(gallery: Gallery) -> None:
    anna = gallery.add(ADMIN, ANNA, "ada")
    changed = gallery.change(ADMIN, anna.person_id, {"lists": ("watch", "staff"), "keep_until_s": START_S + 5})
    assert (changed.name, changed.lists, changed.consent, changed.keep_until_s) == (
        "Anna Berg",
        ("staff", "watch"),
        ANNA.consent,
        START_S + 5,
    )
    assert gallery.change(ADMIN, anna.person_id, {"name": "anna berg"}).name == "anna berg", "her own name is not taken"
    with pytest.raises(NotFound):
        gallery.change(ADMIN, "0" * 24, {"name": "Nobody"})


def test_the_same_picture_and_too_many_are_refused(gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    anna, bo = gallery.add(ADMIN, ANNA, "ada"), gallery.add(ADMIN, PersonFacts("Bo", (), "asked", 0), "ada")
    assert not gallery.has_picture(anna.person_id, b"picture 1 0"), "nothing is sealed yet, and there is no key"
    gallery.add_face(ADMIN, anna.person_id, new_face(1))
    assert gallery.has_picture(anna.person_id, b"picture 1 0")
    assert not gallery.has_picture(bo.person_id, b"picture 1 0")
    with pytest.raises(RequestRefused, match="this very picture"):
        gallery.add_face(ADMIN, anna.person_id, new_face(1))
    monkeypatch.setattr("panops.storage.gallery.MOST_FACES", 2)
    gallery.add_face(ADMIN, anna.person_id, new_face(1, 1))
    with pytest.raises(RequestRefused, match="there are 2 pictures"):
        gallery.add_face(ADMIN, anna.person_id, new_face(1, 2))
    assert MOST_FACES == 50


def test_whose_time_is_over_is_nobody_known(gallery: Gallery, clock: FakeClock) -> None:
    anna = gallery.add(ADMIN, PersonFacts("Anna", (), "asked", START_S, START_S + 10), "ada")
    gallery.add_face(ADMIN, anna.person_id, new_face(1))
    assert len(gallery.known("fake@1")) == 1
    clock.now_s += 10
    known = gallery.known("fake@1")
    assert (len(known), known.people) == (0, ())


# --- sealed -----------------------------------------------------------------------------------------------------------------


def test_no_face_lies_open_and_the_key_is_its_owners_only(gallery: Gallery, home: Path) -> None:
    anna = gallery.add(ADMIN, ANNA, "ada")
    gallery.add_face(ADMIN, anna.person_id, new_face(1))
    assert (home / "faces.key").stat().st_mode & 0o777 == 0o600
    content = b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())
    assert b"Anna Berg" in content, "the name is in the database, so this looks where it should"
    for open_bytes in (face(1).tobytes()[:16], b"cut out of picture", b"picture 1 0"):
        assert open_bytes not in content


def test_a_sealed_face_opens_in_its_own_row_only(gallery: Gallery, database: Database, caplog: pytest.LogCaptureFixture) -> None:
    anna = gallery.add(ADMIN, ANNA, "ada")
    one, two = (gallery.add_face(ADMIN, anna.person_id, new_face(1, variant)) for variant in (0, 1))
    with database.session() as connection:
        connection.exec_driver_sql(
            "UPDATE faces SET picture = (SELECT picture FROM faces WHERE face_id = ?), "
            "embedding = (SELECT embedding FROM faces WHERE face_id = ?) WHERE face_id = ?",
            (one.face_id, one.face_id, two.face_id),
        )
    with pytest.raises(StorageError, match=f"the known face {two.face_id} cannot be opened: it was altered"):
        gallery.picture(ADMIN, anna.person_id, two.face_id)
    assert len(gallery.known("fake@1")) == 1, "one damaged picture leaves the others known"
    assert two.face_id in caplog.text


def test_a_missing_or_another_key_is_one_sentence(
    database: Database, gallery: Gallery, key: KeyPlace, home: Path, clock: FakeClock
) -> None:
    anna = gallery.add(ADMIN, ANNA, "ada")
    gallery.add_face(ADMIN, anna.person_id, new_face(1))
    kept = key.file.rename(home / "elsewhere.key")
    for act in (lambda: gallery.known("fake@1"), lambda: gallery.add_face(ADMIN, anna.person_id, new_face(2))):
        with pytest.raises(StorageError, match=r"their key is not there: expected .*faces\.key; put back the key"):
            act()
    assert not key.file.exists(), "no other key is made while faces are sealed with this one"
    key.make()
    with pytest.raises(StorageError, match=r"sealed with another key than that of .*faces\.key"):
        gallery.known("fake@1")
    given = Gallery(database, KeyPlace(key.file, {"PANOPS_FACES_KEY_FILE": str(kept)}), clock)
    assert len(given.known("fake@1")) == 1
    given = Gallery(database, KeyPlace(key.file, {"PANOPS_FACES_KEY": kept.read_text()}), clock)
    assert len(given.known("fake@1")) == 1
    assert len(gallery.people(ADMIN)) == 1, "who is known can be listed, and deleted, without the key"


def test_keys_that_are_none(home: Path) -> None:
    with pytest.raises(StorageError, match=r"expected a key of 32 bytes in base64 .* in the variable PANOPS_FACES_KEY"):
        KeyPlace(home / "faces.key", {"PANOPS_FACES_KEY": "too short"}).read()
    file = home / "faces.key"
    file.write_text("A" * 43 + "=\n")
    file.chmod(0o644)
    with pytest.raises(StorageError, match="only its owner can read"):
        KeyPlace(file, {}).read()
    file.chmod(0o600)
    assert KeyPlace(file, {}).read() == bytes(32)
    assert KeyPlace(file, {}).make() == bytes(32), "one that is there is never written over"


@pytest.mark.parametrize(
    "change",
    [lambda data: b"\x02" + data[1:], lambda data: data[:-1], lambda data: b"", lambda data: data[:20] + bytes([data[20] ^ 1]) + data[21:]],
)
def test_whatever_was_altered_does_not_open(change: Callable[[bytes], bytes]) -> None:
    seal = FaceSeal(bytes(32))
    sealed = seal.seal(b"a face", "picture:a:b")
    assert seal.open(sealed, "picture:a:b") == b"a face"
    assert seal.seal(b"a face", "picture:a:b") != sealed
    with pytest.raises(StorageError, match="cannot be opened"):
        seal.open(change(sealed), "picture:a:b")
    for other in (lambda: seal.open(sealed, "picture:a:c"), lambda: FaceSeal(b"x" * 32).open(sealed, "picture:a:b")):
        with pytest.raises(StorageError, match="cannot be opened"):
            other()


def test_who_somebody_was_is_for_operators(repository: EventRepository) -> None:
    details = {"who": "known", "person_id": "ab12", "name": "Anna", "lists": "staff", "similarity": 0.7}
    repository.save([make_event(kind="identity", details=details)])  # type: ignore[arg-type]  # all are JSON
    for role, seen in ((Role.VIEWER, {"who": "known", "similarity": 0.7}), (Role.OPERATOR, details), (Role.ADMIN, details)):
        scope = Scope(role, frozenset({"gate"}))
        found = repository.get(scope, "gate-1-1")
        assert found is not None
        assert found.event.incident.details == seen
        (listed,) = repository.search(scope).events
        assert listed.event.incident.details == seen
        assert repository.changed_since(scope, 0.0)[0][0].event.incident.details == seen
