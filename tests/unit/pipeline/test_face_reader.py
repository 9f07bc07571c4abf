"""Faces of real photographs: whose they are, with every detector; what is not good enough; parts of pictures; living faces and prints."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from av.video.frame import VideoFrame

from benchmarks.face_attacks import living, sheet, telephone
from panops.domain.crops import part_around
from panops.domain.detections import Detections
from panops.domain.errors import ModelNotFound, ModelUnsupported
from panops.domain.faces import FaceFault, KnownFaces, KnownPerson, SeenFaces
from panops.domain.frame import Frame
from panops.ingest.pixels import VideoPixels
from panops.models.store import ModelStore
from panops.pipeline.face_reader import ModelFaceReader
from panops.pipeline.open_face_reader import open_face_reader, open_liveness
from panops.vision.face_search import NOBODY, FaceSearch

# Who is in which picture, and where their face's left edge is, px; whoever stands elsewhere is nobody else here.
PEOPLE: dict[str, dict[str, int]] = {
    "fr_obama": {"obama": 371},
    "fr_obama2": {"obama": 200},
    "fr_knn_test_obama1": {"obama": 528},
    "fr_biden": {"biden": 424},
    "fr_knn_train_biden_biden2": {"biden": 436},
    "fr_knn_test_obama_and_biden": {"biden": 761, "obama": 1139},
    "fr_knn_test_johnsnow_test1": {"kit": 264},
    "fr_knn_test_kit_with_rose": {"rose": 76, "kit": 263},
    "fr_knn_train_rose_leslie_img1": {"rose": 634},
    "fr_knn_train_rose_leslie_img2": {"rose": 183},
    "fr_knn_train_alex_lacamoire_img1": {"alex": 291},
    "fnp_multiface": {},
}
_NEAR_PX = 35


def frame(rgb: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> Frame:
    return Frame("", 0, 0.0, 0.0, VideoPixels(VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")))


def picture(folder: Path, name: str) -> Frame:
    image = cv2.imread(str(folder / "images" / "faces" / f"{name}.jpg"), cv2.IMREAD_COLOR_RGB)
    assert image is not None
    return frame(np.asarray(image, np.uint8))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, shared_data: Path, dlib_weights: Path) -> ModelStore:
    return ModelStore(tmp_path_factory.mktemp("models"), [shared_data / "models", dlib_weights])


@pytest.fixture(scope="module")
def reader(store: ModelStore) -> Iterator[ModelFaceReader]:
    made = open_face_reader(store, liveness="minifasnet")
    yield made
    made.close()


Rows = np.ndarray[tuple[int, int], np.dtype[np.float32]]


def everybody(reader: ModelFaceReader, folder: Path) -> tuple[Rows, list[str]]:
    """Embeddings (N, D) of all faces that are good enough, and whose they are; strangers have names of their own."""
    rows, names = [], []
    for name, people in PEOPLE.items():
        seen = reader.read(picture(folder, name))
        found = []
        for row in (row for row, fault in enumerate(seen.faults) if fault is None):
            left = float(seen.xyxy[row, 0])
            found.append(next((person for person, x in people.items() if abs(x - left) < _NEAR_PX), f"{name} at {left:.0f}"))
            rows.append(seen.embedding[row])
        assert set(people) <= set(found), name
        names += found
    return np.array(rows), names


def largest(seen: SeenFaces) -> int:
    return int(np.argmax(seen.xyxy[:, 3] - seen.xyxy[:, 1]))


@pytest.mark.parametrize("detector", ["yunet", "mtcnn"])
def test_nobody_is_taken_for_anybody_else(store: ModelStore, shared_data: Path, detector: str) -> None:
    """The target of the whole matter: at the model's threshold no pair is judged wrongly, whichever detector found the faces."""
    reader = open_face_reader(store, detector)
    rows, names = everybody(reader, shared_data)
    reader.close()
    assert len(names) >= 19
    near = rows @ rows.T
    same = np.array([[one == other for one in names] for other in names])
    pairs = np.triu(np.ones_like(same), 1).astype(bool)
    assert (same & pairs).sum() == 13
    assert near[same & pairs].min() >= reader.threshold
    assert near[~same & pairs].max() < reader.threshold - 0.05


def test_a_gallery_finds_each_in_other_pictures(reader: ModelFaceReader, shared_data: Path) -> None:
    rows, names = everybody(reader, shared_data)
    known = [names.index(person) for person in ("obama", "biden", "rose", "kit")]
    people = tuple(KnownPerson(names[row], names[row]) for row in known)
    search = FaceSearch(KnownFaces(reader.name, people, rows[known], np.arange(4), np.zeros(4, np.bool_)))
    found = search.find(rows, reader.threshold)
    told = [people[index].name if index != NOBODY else "" for index in found.person]
    assert told == [name if name in ("obama", "biden", "rose", "kit") else "" for name in names]


def test_what_a_reading_says(reader: ModelFaceReader, shared_data: Path) -> None:
    assert (reader.name, reader.dimensions, reader.threshold) == ("dlib_faces@1", 128, 0.62)
    seen = reader.read(picture(shared_data, "fr_knn_test_kit_with_rose"))
    assert seen.faults == (None, None)
    np.testing.assert_allclose(np.linalg.norm(seen.embedding, axis=1), 1, atol=1e-5)
    assert (seen.quality > 0.5).all()
    assert (seen.live > 0.8).all()
    assert (np.diff(seen.score) <= 0).all()
    for box, points in zip(seen.xyxy, seen.keypoints, strict=True):
        assert points[0, 0] < points[1, 0]  # left and right as one sees them
        assert points[3, 0] < points[4, 0]
        assert points[:2, 1].max() < points[2, 1] < points[3:, 1].min()
        assert ((points > box[:2]) & (points < box[2:])).all()


def test_a_face_at_the_edge_is_cut_off(reader: ModelFaceReader, shared_data: Path) -> None:
    seen = reader.read(picture(shared_data, "fr_obama_partial_face2"))
    assert seen.faults == (FaceFault.CUT_OFF,)
    assert np.isnan(seen.embedding).all()
    assert np.isnan(seen.live).all()
    assert seen.quality.tolist() == [0.0]


def spoilt(rgb: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], how: str) -> Frame:
    if how == "small":
        return frame(cv2.resize(rgb, None, fx=0.13, fy=0.13, interpolation=cv2.INTER_AREA))
    if how == "blurred":
        return frame(np.asarray(cv2.GaussianBlur(rgb, (0, 0), 7.0), np.uint8))
    return frame((rgb * (0.1 if how == "dark" else 1.0)).astype(np.uint8) if how == "dark" else np.clip(rgb * 3.0, 0, 255).astype(np.uint8))


@pytest.mark.parametrize("how", ["small", "blurred", "dark", "bright"])
def test_what_is_not_good_enough_is_not_looked_at(reader: ModelFaceReader, shared_data: Path, how: str) -> None:
    rgb = picture(shared_data, "fr_obama").image
    seen = reader.read(spoilt(rgb, how))
    assert [fault.value if fault else None for fault in seen.faults] == [how]
    assert np.isnan(seen.embedding).all()


def test_a_part_of_a_picture(reader: ModelFaceReader, shared_data: Path) -> None:
    """Faces of the part alone, in px of the whole; who stands beside it is somebody else's business."""
    whole = picture(shared_data, "fr_knn_test_kit_with_rose")
    both = reader.read(whole)
    left = int(np.argmin(both.xyxy[:, 0]))
    wide = (float(both.xyxy[left, 0]) - 40, 0.0, float(both.xyxy[left, 2]) + 20, float(whole.size_wh[1]))
    seen = reader.read_part(whole, part_around(wide, whole.size_wh, room=0.0))
    assert len(seen) == 1
    assert seen.faults == (None,)
    # Parts are shown at another size than whole pictures.
    assert np.abs(seen.xyxy[0] - both.xyxy[left]).max() < 0.1 * np.ptp(both.xyxy[left, 1::2])
    assert float(seen.embedding[0] @ both.embedding[left]) > 0.9


def test_a_parts_edge_cuts_nobody_off(reader: ModelFaceReader, shared_data: Path) -> None:
    whole = picture(shared_data, "fr_obama")
    (box,) = reader.read(whole).xyxy
    seen = reader.read_part(whole, part_around((box[0] + 6, box[1] + 10, box[2] - 6, box[3]), whole.size_wh, room=0.0))
    assert seen.faults == (None,)


def test_nobody(reader: ModelFaceReader) -> None:
    seen = reader.read(frame(np.full((240, 320, 3), 90, np.uint8)))
    assert len(seen) == 0
    assert seen.embedding.shape == (0, 128)
    assert seen.keypoints.shape == (0, 5, 2)


def test_living_faces_and_pictures_held_before_the_camera(reader: ModelFaceReader, store: ModelStore, shared_data: Path) -> None:
    """Sheets and telephones whose edges are to be seen are told; docs/people.md says what is not."""
    liveness = open_liveness(store)
    live: dict[str, list[float]] = {"living": [], "sheet": [], "telephone": []}
    for number, name in enumerate(PEOPLE):
        rgb = picture(shared_data, name).image
        seen = reader.read(frame(rgb))
        box = seen.xyxy[largest(seen)]
        for kind, make in (("living", living), ("sheet", sheet), ("telephone", telephone)):
            shown = frame(make(rgb, box, number))
            found = reader.read(shown)
            row = largest(found)
            live[kind].append(float(liveness.live(shown, found.xyxy[row : row + 1])[0]))
    liveness.close()
    assert np.mean(np.array(live["living"]) >= 0.5) >= 0.9
    assert max(live["sheet"]) < 0.5
    assert max(live["telephone"]) < 0.5


def test_names_of_other_models(store: ModelStore) -> None:
    with pytest.raises(ModelUnsupported, match=r"^movenet_lightning@ptq is a model for pose; finding faces needs one for faces"):
        open_face_reader(store, "movenet_lightning")
    with pytest.raises(
        ModelUnsupported, match=r"^yunet is a model for faces with the head yunet; telling faces apart needs one for face_emb"
    ):
        open_face_reader(store, embedder="yunet")
    with pytest.raises(ModelUnsupported, match=r"^yunet@1 is a model for faces; expected one for liveness"):
        open_face_reader(store, liveness="yunet")


def test_a_model_that_is_not_here_says_how_to_get_it(tmp_path: Path, shared_data: Path) -> None:
    bare = ModelStore(tmp_path / "models", [shared_data / "models"])
    with pytest.raises(ModelNotFound, match="model 'dlib_faces' is not installed; get it with: panops models add dlib_faces"):
        open_face_reader(bare)


class NoPoints:
    classes = ("face",)

    def detect(self, frame: Frame) -> Detections:
        return Detections(np.array([[0, 0, 9, 9]], np.float32), np.ones(1, np.float32), np.zeros(1, np.int64))

    def forget(self, camera_id: str) -> None: ...


class NoNumbers:
    name, dimensions, threshold = "none@1", 8, 0.5

    def embed(self, frame: Frame, keypoints: object) -> object:
        raise AssertionError("nobody asks for these")

    def close(self) -> None: ...


def test_a_detector_without_points_is_refused() -> None:
    with pytest.raises(ModelUnsupported, match=r"^mine gives 0 points a face; expected 5"):
        ModelFaceReader(NoPoints(), "mine", NoNumbers()).read(frame(np.zeros((16, 16, 3), np.uint8)))  # type: ignore[arg-type]
