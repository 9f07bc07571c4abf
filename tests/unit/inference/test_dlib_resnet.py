"""dlib's network as ONNX: the same bytes always, and dlib's own numbers."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from panops.domain.errors import ModelUnsupported
from panops.inference.backends.onnxruntime_backend import OnnxRuntimeBackend
from panops.inference.backends.openvino_backend import OpenVinoBackend
from panops.inference.dlib_centre import CENTRE
from panops.inference.dlib_resnet import DIMENSIONS, ONNX_SHA256, dlib_resnet_onnx

MEAN = np.array([122.782, 117.001, 104.298], np.float32)


@pytest.fixture(scope="module")
def weights(dlib_weights: Path) -> Path:
    return next(dlib_weights.glob("*.dat"))


def test_the_published_weights_give_the_pinned_file_and_dlibs_numbers(weights: Path, tmp_path: Path) -> None:
    dlib = pytest.importorskip("dlib", reason="needs dlib to compare with: pip install dlib-bin")
    made = dlib_resnet_onnx(weights.name, weights.read_bytes())
    assert hashlib.sha256(made).hexdigest() == ONNX_SHA256
    path = tmp_path / "n.onnx"
    path.write_bytes(made)
    backends = [OpenVinoBackend(path, precision="f32"), OnnxRuntimeBackend(path)]
    peer = dlib.face_recognition_model_v1(str(weights))
    dice = np.random.default_rng(4)
    smooth = np.kron(dice.integers(0, 256, (15, 15, 3)), np.ones((10, 10, 1))).astype(np.uint8)
    faces = [dice.integers(0, 256, (150, 150, 3)).astype(np.uint8), smooth, np.zeros((150, 150, 3), np.uint8)]
    planes = np.stack([((face.astype(np.float32) - MEAN) / 256).transpose(2, 0, 1) for face in faces])
    for backend in backends:
        found = backend.infer({"faces": planes})["embedding"]
        assert found.shape == (3, DIMENSIONS)
        for row, face in zip(found, faces, strict=True):
            np.testing.assert_allclose(row + CENTRE, np.array(peer.compute_face_descriptor(face)), atol=2e-5)


def test_the_file_is_the_pinned_one_and_sound(weights: Path) -> None:
    onnx = pytest.importorskip("onnx", reason="needs onnx: pip install 'panops[train]'")
    made = dlib_resnet_onnx(weights.name, weights.read_bytes())
    assert hashlib.sha256(made).hexdigest() == ONNX_SHA256
    model = onnx.load_from_string(made)
    onnx.checker.check_model(model, full_check=True)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda content: content[:100_000], "cut off"),
        (lambda content: content[: content.index(b"\x01\x04fc_2")], "expected fc_2 of 32768 numbers, got its end"),
        (lambda content: content + content[-140_000:], "it has more layers"),
        (lambda content: content.replace(b"\x01\x05con_4", b"\x01\x05con_9", 1), "expected con_4 of 4736 numbers, got affine_ of 64"),
        (lambda content: b"", "expected con_4 of 4736 numbers, got its end"),
        (lambda content: content.replace(b"\x01\x05con_4\x01\x02", b"\x01\x05con_4\x01\x03", 1), "of another version"),
        (lambda content: content.replace(b"\x01\x05con_4\x01\x02", b"\x01\x05con_4\x63\x02", 1), "size is cut off or no number"),
    ],
)
def test_damage_is_a_sentence(weights: Path, change: object, words: str) -> None:
    content = change(weights.read_bytes())  # type: ignore[operator]
    with pytest.raises(ModelUnsupported, match=rf"w\.dat is damaged or no model that dlib's network for faces can read: .*{words}"):
        dlib_resnet_onnx("w.dat", content)


def test_numbers_that_are_none(weights: Path) -> None:
    content = bytearray(weights.read_bytes())
    at = content.index(b"\x01\x05con_4") + 18
    content[at : at + 4] = np.array([np.nan], "<f4").tobytes()
    with pytest.raises(ModelUnsupported, match="holds numbers that are none"):
        dlib_resnet_onnx("w.dat", bytes(content))
