"""Models of the user's own for faces: what they are shown, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from manifests import frame, manifest

from panops.domain.errors import ModelUnsupported
from panops.domain.manifest import ModelManifest
from panops.inference.onnx_writer import OnnxWriter
from panops.inference.open_backend import open_backend
from panops.vision.face_alignment import DLIB_TEMPLATE, TEMPLATE, aligned_faces
from panops.vision.face_embedding import ModelFaceEmbedder


def model_file(path: Path, side: int = 112, numbers: int = 16, *, channels_last: bool = False, scale: float = 1.0) -> Path:
    """Averages patches of the picture and mixes them: a face's numbers are a plain sum over its pixels."""
    dice = np.random.default_rng(6)
    cell = side // 7
    writer, shown = OnnxWriter("own"), "data"
    if channels_last:
        shown = writer.node("Transpose", ["data"], "planes", perm=[0, 3, 1, 2])
    pooled = writer.node("AveragePool", [shown], "pooled", kernel_shape=[cell, cell], strides=[cell, cell])
    flat = writer.node("Flatten", [pooled], "flat", axis=1)
    mix = writer.weight("mix", scale * dice.standard_normal((3 * 7 * 7, numbers)))
    writer.node("Gemm", [flat, mix], "fc1")
    shape = (1, side, side, 3) if channels_last else (1, 3, side, side)
    path.write_bytes(writer.content({"data": shape}, {"fc1": (1, numbers)}))
    return path


def expected(face: np.ndarray[Any, Any], numbers: int = 16) -> np.ndarray[Any, Any]:
    """The same in numpy, from an input (S, S, 3) as the model should see it."""
    mix = np.random.default_rng(6).standard_normal((3 * 7 * 7, numbers))
    cell = len(face) // 7
    pooled = face.reshape(7, cell, 7, cell, 3).mean(axis=(1, 3)).transpose(2, 0, 1).reshape(-1)
    raw = pooled @ mix
    return np.asarray(raw / np.linalg.norm(raw))


def passport(side: int = 112, threshold: float | None = 0.363, **preprocessing: Any) -> ModelManifest:
    made = manifest("face_embedding", (side, side), 1, **preprocessing)
    return replace(made, name="own", task="face_embedding", threshold=threshold)


def picture() -> tuple[Any, np.ndarray[Any, Any]]:
    dice = np.random.default_rng(1)
    rgb = np.kron(dice.integers(0, 256, (30, 40, 3)), np.ones((10, 10, 1))).astype(np.uint8)
    return frame(rgb), np.stack([TEMPLATE * 1.3 + (90, 60), TEMPLATE * 0.9 + (220, 120)]).astype(np.float32)


WAYS = {
    "SFace: RGB as it is": ({"channels": "rgb"}, lambda face: face.astype(float)),
    "ArcFace: RGB around zero": ({"mean": 127.5, "scale": 1 / 127.5}, lambda face: (face - 127.5) / 127.5),
    "BGR, a mean each": ({"channels": "bgr", "mean": [1, 2, 3], "scale": 0.5}, lambda face: (face[:, :, ::-1] - [1, 2, 3]) * 0.5),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("channels_last", [False, True])
def test_a_model_sees_aligned_faces_as_its_manifest_says(tmp_path: Path, way: str, channels_last: bool) -> None:
    words, shown = WAYS[way]
    layout = {"layout": "nhwc"} if channels_last else {}
    backend = open_backend(model_file(tmp_path / "own.onnx", channels_last=channels_last), exact=True)
    embedder = ModelFaceEmbedder(passport(**words, **layout), backend, "own@3")
    seen, points = picture()
    found = embedder.embed(seen, points)
    assert (embedder.name, embedder.dimensions, embedder.threshold) == ("own@3", 16, 0.363)
    assert found.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    for row, face in zip(found, aligned_faces(seen, points), strict=True):
        np.testing.assert_allclose(row, expected(shown(face)), atol=1e-4)
    assert embedder.embed(seen, points[:0]).shape == (0, 16)
    embedder.close()


def test_templates_grow_with_the_input(tmp_path: Path) -> None:
    seen, points = picture()
    for side, words, template in ((224, {}, TEMPLATE * 2), (147, {"template": "dlib"}, DLIB_TEMPLATE * 147 / 150)):
        embedder = ModelFaceEmbedder(passport(side, **words), open_backend(model_file(tmp_path / f"{side}.onnx", side), exact=True))
        faces = aligned_faces(seen, points, template, side)
        np.testing.assert_allclose(embedder.embed(seen, points)[0], expected(faces[0].astype(float)), atol=1e-4)
        embedder.close()


REFUSED = [
    ({"threshold": None}, r"^own: its manifest names no threshold"),
    ({"template": "mine"}, r"^own: preprocessing\.template is arcface or dlib, got 'mine'"),
    ({"letterbox": 0}, r"leave preprocessing\.letterbox and anchor away"),
    ({"input": "pixels"}, r"its manifest says the input pixels, its file has data"),
    ({"layout": "nhwc"}, r"its manifest says one input float32 \(1, 112, 112, 3\), its file has float32 \(1, 3, 112, 112\)"),
    ({"side": 96}, r"its manifest says one input float32 \(1, 3, 96, 96\)"),
    ({"gamma": 2}, r"preprocessing knows .*; got gamma"),
]


@pytest.mark.parametrize(("words", "message"), REFUSED)
def test_what_does_not_fit_is_a_sentence(tmp_path: Path, words: dict[str, Any], message: str) -> None:
    backend = open_backend(model_file(tmp_path / "own.onnx"))
    with pytest.raises(ModelUnsupported, match=message):
        ModelFaceEmbedder(passport(**words), backend)


def test_other_models_are_refused(tmp_path: Path) -> None:
    backend = open_backend(model_file(tmp_path / "own.onnx"))
    with pytest.raises(ModelUnsupported, match=r"^m is a model for detection with the head yolox; telling faces apart needs one"):
        ModelFaceEmbedder(manifest(), backend)
    with pytest.raises(ModelUnsupported, match="expected a square input for faces, got 112x96"):
        ModelFaceEmbedder(replace(passport(), input_size_wh=(112, 96)), backend)


def test_too_few_numbers(tmp_path: Path) -> None:
    with pytest.raises(ModelUnsupported, match=r"^own: expected 8 to 4096 numbers a face, got 4"):
        ModelFaceEmbedder(passport(), open_backend(model_file(tmp_path / "own.onnx", numbers=4)))


@pytest.mark.parametrize("scale", [0.0, 1e37])
def test_numbers_without_a_direction_are_a_models_fault(tmp_path: Path, scale: float) -> None:
    embedder = ModelFaceEmbedder(passport(), open_backend(model_file(tmp_path / "own.onnx", scale=scale)))
    with pytest.raises(ModelUnsupported, match="gives numbers for a face that have no direction"):
        embedder.embed(*picture())
