"""Faces on a camera with the real models: whose face somebody in a picture of a gate has, and what a look at it costs nobody else."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from panops.config.schema import FacesConfig
from panops.domain.errors import ModelNotFound
from panops.domain.faces import KnownFaces, KnownPerson
from panops.domain.frame import ArrayPixels, Frame
from panops.domain.tracks import Tracks
from panops.models.mirrors import MIRROR_VARIABLE
from panops.models.state import STATE_NAME
from panops.models.store import ModelStore
from panops.pipeline.face_looks import FaceLooks
from panops.pipeline.face_models import FaceModels
from panops.testing.rule_conformance import Sighting, make_tracks

CONFIG = FacesConfig.model_validate({"notice": "a test, nobody is there", "refresh_s": 0.2})


@pytest.fixture
def models(shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FaceModels:
    places = [str(shared_data / "models"), *filter(None, [os.environ.get(MIRROR_VARIABLE), os.environ.get("PANOPS_TEST_WHEELS")])]
    monkeypatch.setenv(MIRROR_VARIABLE, os.pathsep.join(places))
    found = FaceModels(ModelStore(tmp_path / "models"))
    try:
        found.get(CONFIG)
    except ModelNotFound as error:
        pytest.skip(str(error))
    return found


def photo(shared: Path, name: str) -> NDArray[np.uint8]:
    image = cv2.imread(str(shared / "images" / "faces" / name), cv2.IMREAD_COLOR_RGB)
    assert image is not None
    return np.asarray(image, np.uint8)


def gate(image: NDArray[np.uint8], time_s: float, x: int = 300) -> tuple[Frame, Tracks]:
    """Somebody of a photograph in a picture of 640x360, with the box that a detector would give."""
    scene = np.full((360, 640, 3), 120, np.uint8)
    height = 340
    person = cv2.resize(image, (round(image.shape[1] * height / image.shape[0]), height), interpolation=cv2.INTER_AREA)
    scene[360 - height :, x : x + person.shape[1]] = person
    tracks = make_tracks(time_s, [Sighting(1, 0.5, 0.9)])
    box = np.array([[x, 20, x + person.shape[1], 360]], np.float32)
    return Frame("gate", 0, time_s, time_s, ArrayPixels(scene)), replace(tracks, xyxy=box)


def test_somebody_known_is_known_and_others_are_nobody(models: FaceModels, shared_data: Path) -> None:
    reader = models.get(CONFIG)
    enrolled = reader.read(Frame("photo", 0, 0.0, 0.0, ArrayPixels(photo(shared_data, "fr_obama2.jpg"))))
    assert enrolled.faults == (None,)
    person = KnownPerson("p-1", "Barack", ("guests",))
    looks = FaceLooks(CONFIG, models, ("person", "car"))
    looks.faces_known(KnownFaces(reader.name, (person,), enrolled.embedding.copy(), np.zeros(1, np.int64), np.zeros(1, np.bool_)))
    for step in range(4):
        tracks = looks.add(*gate(photo(shared_data, "fr_obama.jpg"), float(step)))
    (look,) = tracks.faces or looks.add(*gate(photo(shared_data, "fr_obama.jpg"), 60.0)).faces
    assert (look.name, look.lists) == ("Barack", ("guests",))
    assert look.similarity > reader.threshold
    assert looks.opinions()[1].name == "Barack"
    other = FaceLooks(CONFIG, models, ("person", "car"))
    other.faces_known(KnownFaces(reader.name, (person,), enrolled.embedding.copy(), np.zeros(1, np.int64), np.zeros(1, np.bool_)))
    for step in range(8):
        other.add(*gate(photo(shared_data, "fr_biden.jpg"), float(step), x=200))
    assert other.opinions()[1].person_id == ""


def test_cameras_share_a_reader_until_somebody_decides(models: FaceModels, tmp_path: Path) -> None:
    assert models.get(CONFIG) is models.get(CONFIG)
    first, second = (FaceLooks(CONFIG, models, ("person",)) for _ in range(2))
    assert not any(camera.is_outdated(lambda _name: None) for camera in (first, second))
    for name in CONFIG.models:
        os.utime(tmp_path / "models" / name / STATE_NAME, ns=(1, 1))
    for camera in (first, second):
        assert camera.is_outdated(lambda _name: None)
        camera.renew(lambda _name: None)
        assert not camera.is_outdated(lambda _name: None)
