"""Enrolment with the real models, on photographs: who is known is known again, and everybody else is not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from panops.domain.errors import ModelNotFound
from panops.models.store import ModelStore
from panops.pipeline.enrolment import Enrolment, Refusal
from panops.storage.database import Database
from panops.storage.face_seal import KeyPlace
from panops.storage.gallery import Gallery
from panops.storage.gallery_records import PersonFacts
from panops.storage.scope import Scope

EVERYTHING = Scope.everything()
opening: Any = pytest.importorskip("panops.pipeline.open_face_reader", reason="needs models that tell faces apart")


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory, shared_data: Path, request: pytest.FixtureRequest) -> Iterator[Any]:
    try:
        mirrors = [shared_data / "models", request.getfixturevalue("dlib_weights")]
    except pytest.FixtureLookupError:
        mirrors = [shared_data / "models"]
    try:
        made = opening.open_face_reader(ModelStore(tmp_path_factory.mktemp("models"), mirrors))
    except ModelNotFound as error:
        pytest.skip(str(error))
    yield made
    made.close()


def test_photographs_are_enrolled_and_people_known_again(tmp_path: Path, shared_data: Path, reader: Any) -> None:
    def photo(name: str) -> bytes:
        return (shared_data / "images" / "faces" / f"{name}.jpg").read_bytes()

    with Database.at(tmp_path) as database:
        gallery = Gallery(database, KeyPlace(tmp_path / "faces.key", {}))
        enrolment = Enrolment(gallery, lambda: reader)
        ids = {
            name: gallery.add(EVERYTHING, PersonFacts(name, (), "a public photograph", 0.0), "test").person_id for name in ("one", "two")
        }
        assert enrolment.add(EVERYTHING, ids["one"], photo("fr_obama")).face is not None
        assert enrolment.add(EVERYTHING, ids["two"], photo("fr_biden")).face is not None
        assert enrolment.add(EVERYTHING, ids["one"], photo("fr_obama2")).face is not None, "another picture of the same person"
        assert enrolment.add(EVERYTHING, ids["two"], photo("fr_knn_test_obama1")).refusal is Refusal.SOMEBODY_ELSE
        assert enrolment.add(EVERYTHING, ids["one"], photo("fnp_multiface")).refusal is Refusal.SEVERAL
        found = enrolment.search(EVERYTHING, photo("fr_knn_test_obama_and_biden")).faces
        assert {face.person.name for face in found if face.person is not None} == {"one", "two"}
        strangers = (
            enrolment.search(EVERYTHING, photo("fr_knn_test_johnsnow_test1")).faces
            + enrolment.search(EVERYTHING, photo("fnp_multiface")).faces
        )
        assert len(strangers) >= 6
        assert [face.person for face in strangers if face.person is not None] == []
        # What is kept of a picture is enough to read it again.
        for person_id in ids.values():
            for fact in gallery.faces(EVERYTHING, person_id):
                kept = gallery.picture(EVERYTHING, person_id, fact.face_id)
                assert kept is not None
                (again,) = enrolment.search(EVERYTHING, kept).faces
                assert again.person is not None
                assert again.person.person_id == person_id
                assert again.nearest[0].similarity > 0.9
