"""People as numbers: the published model on real pictures, and models that are none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from panops.domain.errors import ModelUnsupported
from panops.domain.frame import ArrayPixels, Frame
from panops.inference.open_backend import open_backend
from panops.models.catalogue import load_catalogue
from panops.vision.reid import PersonEmbedder

MANIFEST = load_catalogue().models["person_reid"].manifest


@pytest.fixture(scope="module")
def embedder(shared_data: Path) -> PersonEmbedder:
    return PersonEmbedder(MANIFEST, open_backend(shared_data / "models" / MANIFEST.file_name))


@pytest.fixture(scope="module")
def walking(shared_data: Path) -> list[Frame]:
    """The first pictures of a film of pedestrians."""
    frames = []
    with av.open(str(shared_data / "videos" / "nandinib_pedestrians.mp4")) as film:
        for number, picture in enumerate(film.decode(video=0)):
            frames.append(Frame("film", number, number / 24, number / 24, ArrayPixels(picture.to_ndarray(format="rgb24"))))
            if number == 4:
                break
    return frames


def test_rows_have_length_one_and_stay_the_same(embedder: PersonEmbedder, walking: list[Frame]) -> None:
    boxes = np.array([[100, 60, 180, 260], [300, 40, 380, 240], [100, 60, 180, 260]], np.float32)
    rows = embedder.embed(walking[0], boxes)
    assert rows.shape == (3, 256)
    assert rows.dtype == np.float32
    assert np.linalg.norm(rows, axis=1) == pytest.approx(1.0, abs=1e-5)
    assert np.array_equal(rows[0], rows[2])
    assert embedder.embed(walking[0], np.zeros((0, 4), np.float32)).shape == (0, 256)


def test_the_same_part_a_moment_later_is_more_alike_than_another_part(embedder: PersonEmbedder, walking: list[Frame]) -> None:
    boxes = np.array([[100, 60, 180, 260], [400, 100, 480, 300]], np.float32)
    before, after = embedder.embed(walking[0], boxes), embedder.embed(walking[-1], boxes)
    assert before[0] @ after[0] > before[0] @ after[1]
    assert before[0] @ after[0] > 0.6


def test_models_for_something_else_are_refused(shared_data: Path) -> None:
    backend = open_backend(shared_data / "models" / MANIFEST.file_name)
    with pytest.raises(ModelUnsupported, match="finding people again needs one for reid"):
        PersonEmbedder(replace(MANIFEST, task="detection"), backend)
    with pytest.raises(ModelUnsupported, match="its manifest says input"):
        PersonEmbedder(replace(MANIFEST, input_size_wh=(64, 64)), backend)
