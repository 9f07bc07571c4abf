"""`POST /api/v1/faces`, `pose` and `segment`: what is said of pictures besides objects."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from panops.models.mirrors import MIRROR_VARIABLE
from panops.models.store import ModelStore

from .conftest import Site

pytestmark = pytest.mark.anyio

GREY = cv2.imencode(".jpg", np.full((120, 160, 3), 114, np.uint8))[1].tobytes()


@pytest.fixture
def models(site: Site, shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model for each task, from a mirror."""
    monkeypatch.setenv(MIRROR_VARIABLE, str(shared_data / "models"))
    store = ModelStore(site.home / "models")
    for name in ("yunet", "movenet_lightning", "deeplab_voc_small"):
        store.add(name, allow_network=False)


@pytest.mark.usefixtures("models")
async def test_faces_come_with_their_points(site: Site, shared_data: Path) -> None:
    picture = (shared_data / "images" / "faces" / "fnp_multiface.jpg").read_bytes()
    answer = (await site.ask("POST", "oscar", "/api/v1/faces?min_score=0.8", content=picture)).json()
    assert (answer["model"], answer["task"], answer["size_wh"]) == ("yunet", "faces", [1200, 630])
    assert len(answer["detections"]) == 6
    for face in answer["detections"]:
        left, top, right, bottom = face["xyxy"]
        assert len(face["keypoints"]) == 5
        assert all(left < x < right and top < y < bottom and score >= 0.8 for x, y, score in face["keypoints"])


@pytest.mark.usefixtures("models")
async def test_a_pose_has_seventeen_joints(site: Site, shared_data: Path) -> None:
    picture = (shared_data / "images" / "coral" / "squat.bmp").read_bytes()
    refused = await site.ask("POST", "oscar", "/api/v1/pose", content=picture)
    assert refused.status_code == 415
    jpeg = cv2.imencode(".jpg", cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR))[1].tobytes()
    (person,) = (await site.ask("POST", "oscar", "/api/v1/pose", content=jpeg)).json()["detections"]
    assert person["class"] == "person"
    assert len(person["keypoints"]) == 17
    assert all(len(point) == 3 for point in person["keypoints"])


@pytest.mark.usefixtures("models")
async def test_what_each_part_shows(site: Site, shared_data: Path) -> None:
    picture = (shared_data / "images" / "tflite_support" / "segmentation_input_rotation0.jpg").read_bytes()
    answer = (await site.ask("POST", "oscar", "/api/v1/segment", content=picture)).json()
    assert (answer["model"], answer["task"]) == ("deeplab_voc_small", "segmentation")
    assert [row["class"] for row in answer["classes"]] == ["background", "person", "horse"]
    assert sum(row["share"] for row in answer["classes"]) == pytest.approx(1.0, abs=1e-4)
    told = await site.ask("POST", "oscar", "/api/v1/segment?as=map", content=picture)
    assert told.headers["content-type"] == "image/png"
    ids = cv2.imdecode(np.frombuffer(told.content, np.uint8), cv2.IMREAD_UNCHANGED)
    assert ids is not None
    assert ids.shape == (257, 257)
    for row in answer["classes"]:
        assert (ids == row["class_id"]).mean() == pytest.approx(row["share"], abs=0.01)


@pytest.mark.usefixtures("models")
@pytest.mark.parametrize("query", ["faces?annotated=true", "segment?as=picture"])
async def test_the_picture_comes_back_drawn_on(site: Site, shared_data: Path, query: str) -> None:
    path = shared_data / "images" / "faces" / "fr_obama.jpg"
    answer = await site.ask("POST", "oscar", f"/api/v1/{query}", content=path.read_bytes())
    assert answer.headers["content-type"] == "image/jpeg"
    drawn = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_COLOR)
    before = cv2.imread(str(path), cv2.IMREAD_COLOR)
    assert drawn is not None
    assert before is not None
    assert 0.001 < (np.abs(drawn.astype(int) - before) > 60).any(axis=2).mean() < 0.9


@pytest.mark.parametrize(("task", "name"), [("faces", "faces"), ("pose", "pose"), ("segment", "segmentation")])
async def test_without_a_model_it_says_how_to_get_one(site: Site, task: str, name: str) -> None:
    answer = await site.ask("POST", "oscar", f"/api/v1/{task}", content=GREY)
    assert answer.status_code == 422
    assert f"no model for {name} is installed" in answer.json()["detail"]
    assert "panops models add" in answer.json()["detail"]


@pytest.mark.parametrize("task", ["faces", "pose", "segment"])
async def test_a_model_for_something_else_is_refused(site: Site, task: str) -> None:
    answer = await site.ask("POST", "oscar", f"/api/v1/{task}?model=street", content=GREY)
    assert answer.status_code == 400
    assert "street is a model for detection" in answer.json()["detail"]


async def test_how_a_map_is_shown_is_one_of_three(site: Site) -> None:
    assert (await site.ask("POST", "oscar", "/api/v1/segment?model=street&as=tensor", content=GREY)).status_code == 422
