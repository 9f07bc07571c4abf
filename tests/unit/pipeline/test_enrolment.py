"""Pictures become pictures of people only where they show exactly one good face of somebody who is not known otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from panops.domain.errors import ModelError
from panops.domain.faces import FaceReader, KnownFaces, KnownPerson, SeenFaces
from panops.domain.frame import Frame
from panops.pipeline.enrolment import Enrolment, Refusal
from panops.pipeline.face_matches import matches
from panops.pipeline.sent_picture import PictureRefused
from panops.storage.database import Database
from panops.storage.errors import NotAllowed, NotFound
from panops.storage.face_seal import KeyPlace
from panops.storage.gallery import Gallery
from panops.storage.gallery_records import PersonFacts
from panops.storage.scope import Role, Scope
from panops.testing.fake_clock import FakeClock
from panops.testing.fake_faces import FakeFaceReader, drawn, face
from panops.vision.face_search import FaceSearch

ADMIN, OPERATOR, VIEWER = (Scope(role, None) for role in (Role.ADMIN, Role.OPERATOR, Role.VIEWER))
Making = Callable[..., tuple[Gallery, Enrolment]]


@pytest.fixture
def making(tmp_path: Path) -> Iterator[Making]:
    database = Database.at(tmp_path).open(check=False)

    def make(**options: bool) -> tuple[Gallery, Enrolment]:
        gallery = Gallery(database, KeyPlace(tmp_path / "faces.key", {}), FakeClock())
        return gallery, Enrolment(gallery, lambda: FakeFaceReader(**options))  # type: ignore[arg-type]  # given by name

    yield make
    database.close()


def known(gallery: Gallery, name: str) -> str:
    return gallery.add(ADMIN, PersonFacts(name, (), "asked", 0.0), "ada").person_id


REFUSED: dict[str, tuple[bytes, Refusal, str]] = {
    "nobody": (drawn(), Refusal.NO_FACE, "no face was found"),
    "two": (drawn((1, 0), (2, 0)), Refusal.SEVERAL, "there are 2 faces in the picture: cut out"),
    "small": (drawn((1, 0), side_px=30), Refusal.SMALL, "the face is too small"),
    "turned": (drawn((1, 0), shape=2.0), Refusal.TURNED, "the face is turned away"),
    "dark": (drawn((2, 0), dim=True, side_px=90), Refusal.DARK, "the face is too dark"),
    "no picture": (b"not a picture", Refusal.UNREADABLE, "expected a JPEG, PNG or WebP picture"),
    "damaged": (drawn((1, 0))[:120], Refusal.UNREADABLE, "damaged"),
}


@pytest.mark.parametrize(("data", "refusal", "words"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_one_good_face_is_refused_with_the_reason(making: Making, data: bytes, refusal: Refusal, words: str) -> None:
    gallery, enrolment = making()
    anna = known(gallery, "Anna")
    done = enrolment.add(ADMIN, anna, data)
    assert (done.face, done.refusal) == (None, refusal)
    assert words in done.words
    assert gallery.faces(ADMIN, anna) == []


def test_a_good_face_is_kept_cut_out_and_nothing_else_of_the_picture(making: Making) -> None:
    gallery, enrolment = making()
    anna = known(gallery, "Anna")
    large = cv2.imdecode(np.frombuffer(drawn((1, 0), side_px=400), np.uint8), cv2.IMREAD_COLOR)
    large = cv2.copyMakeBorder(large, 0, 0, 0, 1500, cv2.BORDER_CONSTANT, value=(120, 120, 120))
    done = enrolment.add(ADMIN, anna, bytes(cv2.imencode(".jpg", large)[1]), "upload")
    assert done.face is not None
    assert (done.face.model, done.face.source, round(done.face.quality, 2)) == ("fake@1", "upload", 0.9)
    kept = gallery.picture(ADMIN, anna, done.face.face_id)
    assert kept is not None
    image = cv2.imdecode(np.frombuffer(kept, np.uint8), cv2.IMREAD_COLOR_RGB)
    assert max(image.shape[:2]) == 320
    colour = np.median(image[100:220, 100:220].reshape(-1, 3), axis=0)
    assert np.abs(colour - (48, 16, 20)).max() < 12, "the face is in the middle of what is kept"
    np.testing.assert_allclose(gallery.known("fake@1").embedding, [face(1)], atol=1e-6)


def test_faces_in_the_background_are_not_meant(making: Making) -> None:
    gallery, enrolment = making()
    anna = known(gallery, "Anna")
    image = cv2.imdecode(np.frombuffer(drawn((1, 0), side_px=200), np.uint8), cv2.IMREAD_COLOR)
    image[5:45, 5:45] = (20, 16, 80)
    assert enrolment.add(ADMIN, anna, bytes(cv2.imencode(".png", image)[1])).face is not None


def test_a_picture_of_a_picture_is_refused_where_life_is_looked_for(making: Making) -> None:
    gallery, enrolment = making(checks_life=True)
    anna = known(gallery, "Anna")
    assert enrolment.add(ADMIN, anna, drawn((1, 0), living=False)).refusal is Refusal.NOT_LIVING
    assert enrolment.add(ADMIN, anna, drawn((1, 0))).face is not None
    gallery, enrolment = making()
    assert enrolment.add(ADMIN, anna, drawn((1, 1), living=False)).face is not None


def test_the_same_again_is_refused(making: Making) -> None:
    gallery, enrolment = making()
    anna = known(gallery, "Anna")
    assert enrolment.add(ADMIN, anna, drawn((1, 0))).face is not None
    assert enrolment.add(ADMIN, anna, drawn((1, 0))).refusal is Refusal.SAME_PICTURE
    near = enrolment.add(ADMIN, anna, drawn((1, 0), seed=9))
    assert (near.refusal, near.other) == (Refusal.NEAR_COPY, None)
    assert "similarity 1.00" in near.words
    assert enrolment.add(ADMIN, anna, drawn((1, 1))).face is not None, "another picture of her is welcome"
    assert len(gallery.faces(ADMIN, anna)) == 2


def test_somebody_who_is_known_already_is_named_unless_forced(making: Making) -> None:
    gallery, enrolment = making()
    anna, bo = known(gallery, "Anna"), known(gallery, "Bo")
    enrolment.add(ADMIN, anna, drawn((1, 0)))
    done = enrolment.add(ADMIN, bo, drawn((1, 1)))
    assert done.refusal is Refusal.SOMEBODY_ELSE
    assert done.other is not None
    assert done.other.person.name == "Anna"
    assert "the face resembles Anna, who is known already" in done.words
    assert enrolment.add(ADMIN, bo, drawn((1, 1)), force=True).face is not None
    assert enrolment.add(ADMIN, bo, drawn((2, 0))).face is not None, "who resembles nobody is nobody else"


def test_a_negative_keeps_somebody_who_looks_alike_apart(making: Making) -> None:
    gallery, enrolment = making()
    anna = known(gallery, "Anna")
    enrolment.add(ADMIN, anna, drawn((1, 0)))
    (found,) = enrolment.search(OPERATOR, drawn((1, 1))).faces
    assert found.person is not None
    assert found.person.name == "Anna"
    assert enrolment.add(ADMIN, anna, drawn((1, 1)), negative=True).face is not None
    (found,) = enrolment.search(OPERATOR, drawn((1, 1))).faces
    assert (found.person, found.nearest[0].refuted) == (None, True)
    (found,) = enrolment.search(OPERATOR, drawn((1, 0))).faces
    assert found.person is not None, "she herself is still known"


def test_a_search_tells_who_it_is_and_who_is_unknown(making: Making) -> None:
    gallery, enrolment = making()
    anna = known(gallery, "Anna")
    enrolment.add(ADMIN, anna, drawn((1, 0)))
    found = enrolment.search(OPERATOR, drawn((1, 1), (3, 0))).faces
    by_place = sorted(found, key=lambda one: one.box[0])
    assert [one.person.name if one.person else "unknown" for one in by_place] == ["Anna", "unknown"]
    assert by_place[0].nearest[0].similarity > 0.6 > by_place[1].nearest[0].similarity
    (small,) = enrolment.search(OPERATOR, drawn((1, 0), side_px=30)).faces
    assert (small.person, small.nearest) == (None, ())
    assert small.fault is not None
    with pytest.raises(PictureRefused):
        enrolment.search(OPERATOR, b"none")
    assert len(gallery.faces(ADMIN, anna)) == 1, "nothing of a search is kept"


def test_another_model_reads_the_kept_pictures(making: Making) -> None:
    gallery, enrolment = making()
    anna = known(gallery, "Anna")
    enrolment.add(ADMIN, anna, drawn((1, 0), side_px=160))
    enrolment.add(ADMIN, anna, drawn((1, 1), side_px=160))
    enrolment.add(ADMIN, anna, drawn((1, 2), side_px=41))
    other = Enrolment(gallery, lambda: FakeFaceReader("fake@2"))
    assert other.search(OPERATOR, drawn((1, 0))).faces[0].person is None, "nobody is known by this model"
    assert other.reread(ADMIN) == ("fake@2", 3, 0)
    assert other.reread(ADMIN) == ("fake@2", 0, 0)
    found = other.search(OPERATOR, drawn((1, 0))).faces[0].person
    assert found is not None
    assert found.name == "Anna"
    assert gallery.models() == {"fake@2": 3}
    with pytest.raises(NotAllowed):
        other.reread(OPERATOR)


def test_models_that_were_chosen_meanwhile_read_the_next_picture(making: Making) -> None:
    gallery, _ = making()
    reader = FakeFaceReader()
    enrolment = Enrolment(gallery, lambda: reader)
    anna = known(gallery, "Anna")
    assert enrolment.add(ADMIN, anna, drawn((1, 0))).face is not None
    reader = FakeFaceReader("fake@2")
    reader.threshold = 0.3
    found = enrolment.search(OPERATOR, drawn((1, 1)))
    assert (found.model, found.threshold, found.faces[0].person) == ("fake@2", 0.3, None)
    added = enrolment.add(ADMIN, anna, drawn((1, 1)))
    assert added.face is not None
    assert added.face.model == "fake@2"


def test_who_may_not_is_refused_before_anything_is_looked_at(making: Making) -> None:
    gallery, enrolment = making(broken=True)
    anna = known(gallery, "Anna")
    for scope in (VIEWER, OPERATOR, Scope(Role.ADMIN, frozenset({"gate"}))):
        with pytest.raises(NotAllowed):
            enrolment.add(scope, anna, drawn((1, 0)))
    with pytest.raises(NotAllowed):
        enrolment.search(VIEWER, drawn((1, 0)))
    with pytest.raises(ModelError, match="the model of the fake faces failed"):
        enrolment.add(ADMIN, anna, drawn((1, 0)))
    with pytest.raises(ModelError, match="has no models for it"):
        Enrolment(gallery, None).search(OPERATOR, drawn((1, 0)))
    with pytest.raises(NotFound):
        making()[1].add(ADMIN, "0" * 24, drawn((1, 0)))


def mixed(first: int, second: int, share: float) -> NDArray[np.float32]:
    """An embedding between two people's, so much of the first's."""
    made = share * face(first) + (1 - share) * face(second)
    return np.asarray(made / np.linalg.norm(made), np.float32)


def seen_as(*embeddings: NDArray[np.float32]) -> FaceReader:
    """A reader that sees one face in every picture, the next of these each time."""
    coming = iter(embeddings)

    class Scripted(FakeFaceReader):
        def read(self, frame: Frame) -> SeenFaces:
            seen = super().read(frame)
            return replace(seen, embedding=next(coming)[None].copy())

    return Scripted()


def test_searches_and_refusals_decide_as_cameras_do(making: Making) -> None:
    gallery, _ = making()
    anna, bo = known(gallery, "Anna"), known(gallery, "Bo")
    probe = mixed(1, 2, 0.55)
    enrolment = Enrolment(gallery, lambda: reader)
    # Anna's own picture is the nearest, her negative is exactly as near, and Bo's is farther and still near enough.
    reader = seen_as(probe, probe, mixed(1, 2, 0.3), probe, probe)
    assert enrolment.add(ADMIN, anna, drawn((1, 0))).face is not None
    assert enrolment.add(ADMIN, anna, drawn((1, 1)), negative=True).face is not None
    assert enrolment.add(ADMIN, bo, drawn((2, 0)), force=True).face is not None
    everybody = gallery.known("fake@1")
    (who,) = FaceSearch(everybody).find(probe[None], 0.6).person.tolist()
    assert everybody.people[who].name == "Bo"
    (found,) = enrolment.search(OPERATOR, drawn((1, 2))).faces
    assert found.person is not None
    assert (found.person.name, found.nearest[0].person.name, found.nearest[0].refuted) == ("Bo", "Anna", True)
    cy = known(gallery, "Cy")
    done = enrolment.add(ADMIN, cy, drawn((1, 3)))
    assert done.other is not None
    assert (done.refusal, done.other.person.name) == (Refusal.SOMEBODY_ELSE, "Bo")


def test_whoever_is_found_is_among_the_nearest_however_many_are_refuted(making: Making) -> None:
    gallery, _ = making()
    probe = face(1)
    reader = seen_as(*[probe] * 8, mixed(1, 2, 0.7), probe)
    enrolment = Enrolment(gallery, lambda: reader)
    for number in range(4):
        person_id = known(gallery, f"A{number}")
        enrolment.add(ADMIN, person_id, drawn((1, 0), seed=2 * number), force=True)
        enrolment.add(ADMIN, person_id, drawn((1, 0), seed=2 * number + 1), negative=True)
    bo = known(gallery, "Bo")
    assert enrolment.add(ADMIN, bo, drawn((2, 0)), force=True).face is not None
    (found,) = enrolment.search(OPERATOR, drawn((1, 3))).faces
    assert found.person is not None
    assert found.person.name == "Bo"
    assert [match.refuted for match in found.nearest] == [True, True, False]
    assert found.nearest[-1].person is found.person


def test_matches_are_those_of_a_plain_comparison() -> None:
    generator = np.random.default_rng(7)
    people = tuple(KnownPerson(str(number), f"p{number}") for number in range(20))
    embedding = generator.normal(size=(90, 16)).astype(np.float32)
    embedding /= np.linalg.norm(embedding, axis=1, keepdims=True)
    person, negative = generator.integers(0, 19, 90), generator.random(90) < 0.2
    gallery = KnownFaces("m", people, embedding, person, negative)
    for probe in embedding[:20]:
        expected = []
        for index, one in enumerate(people):
            mine = [float(row @ probe) for row, whose, no in zip(embedding, person, negative, strict=True) if whose == index and not no]
            others = [float(row @ probe) for row, whose, no in zip(embedding, person, negative, strict=True) if whose == index and no]
            if mine:
                expected.append((one.name, max(mine), bool(others) and max(others) >= max(mine)))
        expected.sort(key=lambda row: -row[1])
        got = matches(gallery, probe, most=20)
        assert [(one.person.name, one.refuted) for one in got] == [(name, refuted) for name, _, refuted in expected]
        np.testing.assert_allclose([one.similarity for one in got], [value for _, value, _ in expected], atol=1e-5)
    assert matches(KnownFaces("m", people, np.zeros((0, 0), np.float32), person[:0], negative[:0]), embedding[0]) == ()
