"""MTCNN's weights become networks when they are opened; everything else is opened as it is."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from av.video.frame import VideoFrame

from panops.domain.errors import ModelUnsupported
from panops.domain.frame import Frame
from panops.ingest.pixels import VideoPixels
from panops.models.store import ModelStore
from panops.pipeline import model_file
from panops.pipeline.detectors import DetectorPool
from panops.pipeline.model_file import open_model_file
from panops.pipeline.open_models import OpenModels


def picture(path: Path) -> Frame:
    image = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
    assert image is not None
    return Frame("", 0, 0.0, 0.0, VideoPixels(VideoFrame.from_ndarray(np.asarray(image, np.uint8), format="rgb24")))


@pytest.fixture
def store(tmp_path: Path, shared_data: Path) -> ModelStore:
    """With MTCNN and what it needs, from a mirror."""
    made = ModelStore(tmp_path / "models", [shared_data / "models"])
    made.add("mtcnn", allow_network=False)
    return made


def test_mtcnn_finds_faces_on_cameras_and_for_programs(store: ModelStore, shared_data: Path) -> None:
    assert {"mtcnn", "mtcnn_proposer", "mtcnn_refiner"} <= set(store.names())
    shown = picture(shared_data / "images" / "faces" / "fnp_multiface.jpg")
    found = DetectorPool(store).get("mtcnn").detect(shown)
    assert len(found) == 6
    assert found.keypoints is not None
    assert found.keypoints.shape == (6, 5, 3)
    models = OpenModels(store)
    again = models.get("mtcnn").detect(shown)
    models.close()
    np.testing.assert_allclose(again.xyxy, found.xyxy, atol=0.01)


def test_other_weights_are_refused(store: ModelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = model_file._CONVERTED["mtcnn_pnet"]
    monkeypatch.setattr(model_file, "_CONVERTED", {"mtcnn_pnet": replace(known, sha256="0" * 64)})
    monkeypatch.setattr(model_file, "_folder", lambda: tmp_path)  # what another test converted does not count here
    with pytest.raises(ModelUnsupported, match=r"expected the weights of MTCNN's pnet as facenet-pytorch 2\.6\.0 has them, got others"):
        open_model_file(store.get("mtcnn_proposer"))


def test_damaged_weights_are_a_sentence(store: ModelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = store.get("mtcnn_proposer")
    damaged = tmp_path / "damaged.pt"
    shutil.copy(model.path, damaged)
    damaged.chmod(0o644)
    damaged.write_bytes(damaged.read_bytes()[:5000])
    monkeypatch.setattr(model_file, "_folder", lambda: tmp_path)
    with pytest.raises(ModelUnsupported, match=r"damaged\.pt"):
        open_model_file(replace(model, path=damaged))


def test_every_other_file_is_opened_as_it_is(tmp_path: Path) -> None:
    backend = open_model_file(ModelStore(tmp_path / "models").get("street"))
    assert len(backend.inputs) == 1
    backend.close()
