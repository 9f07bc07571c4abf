"""Faces as numbers: the nearer two rows are, the surer they are one person's.

Keys of a manifest's `preprocessing`, besides `channels`, `layout`, `dtype`, `mean` and `scale` of `preprocess`:

- `template`: how faces are turned and cut out: `arcface` (default), which SFace takes too, at 112x112 px, or `dlib` at 150x150 px; at other
  sizes of input the points move with the size.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from panops.domain.errors import ModelUnsupported
from panops.domain.frame import Frame
from panops.domain.manifest import ModelManifest
from panops.domain.protocols import Backend
from panops.vision.face_alignment import ALIGNED_PX, DLIB_TEMPLATE, TEMPLATE, aligned_faces
from panops.vision.preprocess import Preprocessing

FACE_EMBEDDING = "face_embedding"
"""The task of such models."""

EMBEDDING_HEADS = ("face_embedding", "dlib_resnet")
_TEMPLATES = {"arcface": (TEMPLATE, ALIGNED_PX), "dlib": (DLIB_TEMPLATE, 150)}
_DIMENSIONS = range(8, 4097)


class FaceEmbedder(Protocol):
    """Says what tells faces apart. Used by one thread at a time."""

    @property
    def name(self) -> str:
        """The model with its version."""
        ...

    @property
    def dimensions(self) -> int:
        """How many numbers a face has."""
        ...

    @property
    def threshold(self) -> float:
        """The similarity from which on two faces are taken for one person's, -1..1."""
        ...

    def embed(self, frame: Frame, keypoints: NDArray[np.float32]) -> NDArray[np.float32]:
        """(N, D) float32 of length 1, from `keypoints` (N, 5, 2), px of the frame.

        Raises:
            ModelError: The model failed.
        """
        ...

    def close(self) -> None:
        """Free the model. Safe to call twice."""
        ...


class ModelFaceEmbedder:
    """`FaceEmbedder` from a model of the task `face_embedding`: aligned faces in, numbers out.

    Args:
        manifest: The model.
        backend: Its loaded file; `close` closes it.
        name: What the embeddings are called after; the manifest's name when empty.

    Raises:
        ModelUnsupported: It is for another task, its manifest names no threshold, or the file does not fit it.
    """

    def __init__(self, manifest: ModelManifest, backend: Backend, name: str = "") -> None:
        if manifest.task != FACE_EMBEDDING or manifest.head not in EMBEDDING_HEADS:
            raise ModelUnsupported(
                f"{manifest.name} is a model for {manifest.task} with the head {manifest.head}; telling faces apart needs one for "
                f"{FACE_EMBEDDING} with the head {' or '.join(EMBEDDING_HEADS)}"
            )
        if manifest.threshold is None:
            raise ModelUnsupported(
                f"{manifest.name}: its manifest names no threshold, the similarity from which on two faces are one person's; "
                "panops evaluate faces measures it"
            )
        self._how, self._template, self._size_px = _read(manifest)
        self._backend = backend
        self._input = _fitting_input(manifest, backend, self._how)
        self._output = backend.outputs[0].name
        self.name = name or manifest.name
        self.threshold = manifest.threshold
        self.dimensions = len(self._raw(np.zeros((self._size_px, self._size_px, 3), np.uint8)))
        if self.dimensions not in _DIMENSIONS:
            raise ModelUnsupported(f"{self.name}: expected {_DIMENSIONS[0]} to {_DIMENSIONS[-1]} numbers a face, got {self.dimensions}")

    def embed(self, frame: Frame, keypoints: NDArray[np.float32]) -> NDArray[np.float32]:
        """(N, D) float32 of length 1; see `FaceEmbedder`."""
        rows = np.zeros((len(keypoints), self.dimensions), np.float32)
        for row, face in enumerate(aligned_faces(frame, keypoints, self._template, self._size_px)):
            raw = self._raw(face)
            length = float(np.linalg.norm(raw))
            if not np.isfinite(length) or length < 1e-9:
                raise ModelUnsupported(f"{self.name} gives numbers for a face that have no direction")
            rows[row] = raw / length
        return rows

    def close(self) -> None:
        """Free the model. Safe to call twice."""
        self._backend.close()

    def _raw(self, face: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The model's own numbers (D,) of an aligned face (S, S, 3) uint8 RGB."""
        how = self._how
        pixels: NDArray[Any] = face[:, :, ::-1] if how.bgr else face
        if how.dtype != np.uint8:
            pixels = (pixels.astype(np.float32) - np.array(how.mean, np.float32)) * np.array(how.scale, np.float32)
        if how.channels_first:
            pixels = pixels.transpose(2, 0, 1)
        found = self._backend.infer({self._input: np.ascontiguousarray(pixels[None], how.dtype)})
        return np.asarray(found[self._output], np.float32).reshape(-1)


def _read(manifest: ModelManifest) -> tuple[Preprocessing, NDArray[np.float64], int]:
    """How faces become the input, where their points belong, px, and the input's sides."""
    values = dict(manifest.preprocessing)
    called = str(values.pop("template", "arcface"))
    if called not in _TEMPLATES:
        raise ModelUnsupported(f"{manifest.name}: preprocessing.template is {' or '.join(_TEMPLATES)}, got {called!r}")
    width, height = manifest.input_size_wh
    if width != height:
        raise ModelUnsupported(f"{manifest.name}: expected a square input for faces, got {width}x{height}")
    if "letterbox" in values or "anchor" in values:
        raise ModelUnsupported(f"{manifest.name}: faces are cut out to the input's size: leave preprocessing.letterbox and anchor away")
    template, size_px = _TEMPLATES[called]
    return Preprocessing.of(replace(manifest, preprocessing=values)), template * (width / size_px), width


def _fitting_input(manifest: ModelManifest, backend: Backend, how: Preprocessing) -> str:
    side = manifest.input_size_wh[0]
    shape = (1, 3, side, side) if how.channels_first else (1, side, side, 3)
    specs = backend.inputs
    fitting = len(specs) == 1 and len(specs[0].shape) == 4 and specs[0].dtype == how.dtype
    if not fitting or any(size not in (-1, need) for size, need in zip(specs[0].shape, shape, strict=True)):
        got = ", ".join(f"{spec.dtype} {spec.shape}" for spec in specs)
        raise ModelUnsupported(f"{manifest.name}: its manifest says one input {how.dtype} {shape}, its file has {got}")
    if how.input_name not in ("", specs[0].name):
        raise ModelUnsupported(f"{manifest.name}: its manifest says the input {how.input_name}, its file has {specs[0].name}")
    return specs[0].name
