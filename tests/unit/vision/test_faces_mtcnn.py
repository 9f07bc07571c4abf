"""MTCNN against the plain version of it, with the real weights on real pictures; and its edges with networks made for the purpose."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from manifests import frame
from numpy.typing import NDArray

from panops.domain.detections import Detections
from panops.domain.errors import ModelUnsupported
from panops.domain.protocols import Backend, Detector, TensorSpec
from panops.inference.backends.onnxruntime_backend import OnnxRuntimeBackend
from panops.inference.backends.openvino_backend import OpenVinoBackend
from panops.inference.mtcnn_networks import mtcnn_onnx
from panops.vision.faces_mtcnn import FacesMtcnn, MtcnnSettings

NAMES = ("pnet", "rnet", "onet")
# Faces that the plain version finds: how many in each picture, from 20 px on.
FACES = {
    "fnp_multiface": 6, "fr_biden": 1, "fr_knn_test_johnsnow_test1": 1, "fr_knn_test_kit_with_rose": 2, "fr_knn_test_obama1": 1,
    "fr_knn_test_obama_and_biden": 4, "fr_knn_train_alex_lacamoire_img1": 1, "fr_knn_train_biden_biden2": 1,
    "fr_knn_train_rose_leslie_img1": 1, "fr_knn_train_rose_leslie_img2": 1, "fr_obama": 2, "fr_obama2": 1, "fr_obama_partial_face2": 1,
}  # fmt: skip


@pytest.fixture(scope="module")
def files(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The three networks as ONNX."""
    folder = tmp_path_factory.mktemp("mtcnn")
    for name in NAMES:
        path = shared_data / "models" / f"mtcnn_{name}.pt"
        if not path.is_file():
            pytest.skip(f"needs MTCNN's weights: {path} is missing")
        (folder / f"{name}.onnx").write_bytes(mtcnn_onnx(name, path.name, path.read_bytes()))
    return [folder / f"{name}.onnx" for name in NAMES]


def openvino(path: Path) -> Backend:
    return OpenVinoBackend(path, precision="f32")


def picture(shared_data: Path, name: str) -> NDArray[np.uint8]:
    path = shared_data / "images" / "faces" / f"{name}.jpg"
    if not path.is_file():
        pytest.skip(f"needs pictures of faces: {path} is missing")
    return np.asarray(cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB), np.uint8)


def faces(files: list[Path], settings: MtcnnSettings | None = None, backend: Callable[[Path], Backend] = openvino) -> FacesMtcnn:
    return FacesMtcnn(*(backend(path) for path in files), settings)


def assert_same(found: Detections, rgb: NDArray[np.uint8], shared_data: Path, least_px: int) -> None:
    reference = pytest.importorskip("mtcnn_reference", reason="needs torch: pip install 'panops[train]'")
    networks = [reference.trained(shared_data / "models", name) for name in NAMES]
    xyxy, score, points = reference.find(rgb, networks, least_px)
    assert len(found) == len(xyxy)
    assert found.keypoints is not None
    # The task is 1 px; they are the same but for the last digits.
    np.testing.assert_allclose(found.xyxy, np.clip(xyxy, 0, [rgb.shape[1], rgb.shape[0]] * 2), atol=0.01)
    np.testing.assert_allclose(found.keypoints[:, :, :2], points, atol=0.01)
    np.testing.assert_allclose(found.score, score, atol=1e-4)


@pytest.mark.parametrize("name", FACES)
def test_faces_are_those_of_the_plain_version(shared_data: Path, files: list[Path], name: str) -> None:
    rgb = picture(shared_data, name)
    found = faces(files).detect(frame(rgb))
    assert len(found) == FACES[name]
    assert found.class_id.tolist() == [0] * len(found)
    assert_same(found, rgb, shared_data, 20)


@pytest.mark.parametrize("size_wh", [(640, 360), (361, 211), (97, 640)])
def test_at_other_sizes_and_in_onnxruntime_too(shared_data: Path, files: list[Path], size_wh: tuple[int, int]) -> None:
    rgb = np.asarray(cv2.resize(picture(shared_data, "fnp_multiface"), size_wh, interpolation=cv2.INTER_AREA), np.uint8)
    found = faces(files, MtcnnSettings(least_face_px=24), OnnxRuntimeBackend).detect(frame(rgb))
    assert_same(found, rgb, shared_data, 24)


def test_points_lie_where_their_names_say(shared_data: Path, files: list[Path]) -> None:
    found = faces(files, MtcnnSettings(least_face_px=60)).detect(frame(picture(shared_data, "fr_obama2")))
    assert found.keypoints is not None
    assert (found.keypoints.shape, found.keypoints.dtype) == ((1, 5, 3), np.float32)
    left_eye, right_eye, nose, left_mouth, right_mouth = found.keypoints[0, :, :2]
    assert left_eye[0] < nose[0] < right_eye[0]
    assert left_mouth[0] < right_mouth[0]
    assert max(left_eye[1], right_eye[1]) < nose[1] < min(left_mouth[1], right_mouth[1])
    np.testing.assert_array_equal(found.keypoints[0, :, 2], np.repeat(found.score, 5))


def test_work_is_bounded_and_the_best_is_kept(shared_data: Path, files: list[Path]) -> None:
    rgb = frame(picture(shared_data, "fnp_multiface"))
    every = faces(files).detect(rgb)
    some = faces(files, MtcnnSettings(most_faces=3)).detect(rgb)
    assert 1 <= len(some) <= 3
    assert some.score.min() >= every.score.min()
    # P-net sees 721x379 px at most: what needs more is not found, the large faces are.
    assert len(faces(files, MtcnnSettings(most_level_px=50_000)).detect(rgb)) >= 1


class Fake:
    """A network that answers whatever it is told to."""

    def __init__(self, shape: tuple[int, ...], answer: Callable[[NDArray[np.float32]], dict[str, NDArray[np.float32]]]) -> None:
        self.inputs = (TensorSpec("x", shape, np.dtype(np.float32)),)
        self._answer = answer
        self.batches: list[tuple[int, ...]] = []
        self.closed = 0
        probe = tuple(size if size > 0 else 12 for size in shape)
        self.outputs = tuple(
            TensorSpec(name, (-1, *array.shape[1:]), array.dtype) for name, array in answer(np.zeros(probe, np.float32)).items()
        )

    def infer(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        (tensor,) = inputs.values()
        assert tensor.dtype == np.float32
        assert tensor.flags.c_contiguous
        self.batches.append(tensor.shape)
        return self._answer(tensor)

    def close(self) -> None:
        self.closed += 1


def fakes(value: float = 1.0, shift: float = 0.0, points: float = 0.5) -> tuple[Fake, Fake, Fake]:
    """Networks that say the same of everything."""

    def pnet(x: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        shape = (max(1, (x.shape[2] - 10) // 2), max(1, (x.shape[3] - 10) // 2))
        return {"face": np.full((1, 2, *shape), value, np.float32), "shift": np.full((1, 4, *shape), shift, np.float32)}

    def rnet(x: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        return {"face": np.full((len(x), 2), value, np.float32), "shift": np.full((len(x), 4), shift, np.float32)}

    def onet(x: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        return rnet(x) | {"points": np.full((len(x), 10), points, np.float32)}

    return Fake((-1, 3, -1, -1), pnet), Fake((-1, 3, 24, 24), rnet), Fake((-1, 3, 48, 48), onet)


def grey(width: int, height: int) -> NDArray[np.uint8]:
    return np.full((height, width, 3), 127, np.uint8)


@pytest.mark.parametrize("size_wh", [(1, 1), (19, 300), (300, 19), (11, 11)])
def test_a_picture_smaller_than_a_face_has_none(size_wh: tuple[int, int]) -> None:
    networks = fakes()
    found = FacesMtcnn(*networks).detect(frame(grey(*size_wh)))
    assert len(found) == 0
    assert found.keypoints is not None
    assert found.keypoints.shape == (0, 5, 3)
    assert not any(network.batches for network in networks)


@pytest.mark.parametrize("size_wh", [(20, 20), (21, 33), (12, 12)])
def test_the_smallest_picture_that_can_hold_one(size_wh: tuple[int, int]) -> None:
    found = FacesMtcnn(*fakes(), MtcnnSettings(least_face_px=min(size_wh))).detect(frame(grey(*size_wh)))
    assert len(found) >= 1
    assert (found.xyxy[:, 2:] <= size_wh).all()


def test_nothing_is_asked_of_the_next_network_where_nothing_is_left() -> None:
    pnet, rnet, onet = fakes(value=0.1)
    found = FacesMtcnn(pnet, rnet, onet).detect(frame(grey(100, 60)))
    assert (len(found), rnet.batches, onet.batches) == (0, [], [])
    assert found.keypoints is not None
    assert found.keypoints.shape == (0, 5, 3)


def test_a_picture_full_of_candidates_takes_bounded_work() -> None:
    pnet, rnet, onet = fakes()
    chosen = MtcnnSettings(least_face_px=12, most_candidates=90, most_faces=7)
    FacesMtcnn(pnet, rnet, onet, chosen).detect(frame(grey(400, 300)))
    assert 7 < sum(shape[0] for shape in rnet.batches) <= 90
    assert 1 <= sum(shape[0] for shape in onet.batches) <= 7
    # Few shapes, for backends that get each of them ready once.
    assert {shape[0] for shape in rnet.batches + onet.batches} <= {1, 2, 4, 8, 16, 32, 64}


def test_a_giant_picture_is_not_looked_at_at_full_size() -> None:
    pnet, rnet, onet = fakes(value=0.0)
    FacesMtcnn(pnet, rnet, onet, MtcnnSettings(least_face_px=12, most_level_px=100_000)).detect(frame(grey(1600, 900)))
    assert pnet.batches
    assert max(shape[2] * shape[3] for shape in pnet.batches) <= 100_000


@pytest.mark.parametrize("value", [1e-30, 1.0, 1e30, np.nan, np.inf])
@pytest.mark.parametrize("shift", [0.0, -3.0, 1e30, -np.inf, np.nan])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # numpy says of each that it is no number
def test_networks_gone_mad_give_plain_faces_or_none(value: float, shift: float) -> None:
    found = FacesMtcnn(*fakes(value, shift, points=value)).detect(frame(grey(90, 70)))
    assert found.keypoints is not None
    assert np.isfinite(found.xyxy).all()
    assert np.isfinite(found.keypoints[:, :, :2]).all()
    assert ((found.xyxy >= 0) & (found.xyxy <= [90, 70, 90, 70])).all()


@settings(max_examples=25)
@given(width=st.integers(1, 130), height=st.integers(1, 130), seed=st.integers(0, 999), least=st.integers(12, 60))
def test_any_picture_gives_sound_faces(width: int, height: int, seed: int, least: int) -> None:
    dice = np.random.default_rng(seed)

    def random(shapes: dict[str, int], of: Fake) -> Fake:
        plain = of._answer

        def answer(x: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
            return {name: dice.random(array.shape, np.float32) - (name == "shift") * 0.5 for name, array in plain(x).items()}

        return Fake(of.inputs[0].shape, answer)

    networks = [random({}, of) for of in fakes()]
    found = FacesMtcnn(*networks, MtcnnSettings(least_face_px=least)).detect(
        frame(dice.integers(0, 256, (height, width, 3), dtype=np.uint8))
    )
    assert (np.diff(found.score) <= 0).all()
    assert (found.xyxy[:, 2:] > found.xyxy[:, :2]).all()
    assert ((found.xyxy >= 0) & (found.xyxy <= [width, height, width, height])).all()


def test_it_is_a_detector_that_remembers_nothing_and_closes_its_networks() -> None:
    networks = fakes()
    detector: Detector = FacesMtcnn(*networks)
    assert detector.classes == ("face",)
    detector.forget("gate")
    for _ in range(2):
        detector.close()  # type: ignore[attr-defined]
    assert [network.closed for network in networks] == [2, 2, 2]


def test_wrong_models_are_found_at_the_start() -> None:
    pnet, rnet, onet = fakes()
    for wrong, words in [((rnet, pnet, onet), "P-net"), ((pnet, onet, onet), "R-net"), ((pnet, rnet, rnet), "O-net")]:
        with pytest.raises(ModelUnsupported, match=words):
            FacesMtcnn(*wrong)
    with pytest.raises(ModelUnsupported, match=r"expected the outputs face, shift, points of MTCNN's O-net, got face, shift"):
        FacesMtcnn(pnet, rnet, Fake((-1, 3, 48, 48), rnet._answer))


@pytest.mark.parametrize(
    "options",
    [
        {"least_face_px": 11}, {"pyramid_factor": 1.0}, {"pyramid_factor": 0.0}, {"thresholds": (0.6, 0.7)},
        {"thresholds": (0.6, 0.7, 0.0)}, {"most_candidates": 0}, {"most_faces": 0}, {"most_level_px": 0},
    ],
)  # fmt: skip
def test_settings_outside_their_range(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected"):
        MtcnnSettings(**options)
