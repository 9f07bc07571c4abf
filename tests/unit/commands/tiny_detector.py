"""A detector of 500 bytes: two boxes at fixed places of a 64x32 input, whose scores are the picture's brightness and half of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from panops.domain.manifest import ModelManifest, ModelSource, SourceKind
from panops.models.checksum import sha256_of
from panops.models.manifest_file import MANIFEST_NAME, dump_manifest
from panops.testing.tiny_onnx import Node, Tensor, write_onnx

SIZE_WH = (64, 32)
# In a picture of 640x320 px.
BOXES = ((80.0, 40.0, 240.0, 120.0), (440.0, 200.0, 520.0, 280.0))


def write_detector(folder: Path, name: str = "bright", *, quantised: bool = False, classes: tuple[str, ...] = ("lamp",)) -> Path:
    """`NAME.onnx` and `manifest.yaml` in `folder`; gives the path of the model's file.

    Args:
        folder: Made.
        name: The model's name.
        quantised: Whether its input goes through 8 bits, as in an INT8 file.
        classes: The first one is the boxes'; the others are never seen.
    """
    folder.mkdir(parents=True, exist_ok=True)
    columns = 4 + len(classes)
    base = np.zeros((1, 2, columns), np.float32)
    base[0, :, :4] = [[16, 8, 16, 8], [48, 24, 8, 8]]
    weight = np.zeros((1, 2, columns), np.float32)
    weight[0, :, 4] = [1 / 255, 0.5 / 255]
    constants: dict[str, np.ndarray] = {"flat": np.array([1, 1, 1], np.int64), "weight": weight, "base": base}
    nodes = [
        Node("ReduceMean", ["pixels" if quantised else "images"], ["mean"], {"axes": [1, 2, 3]}),
        Node("Reshape", ["mean", "flat"], ["one"]),
        Node("Mul", ["one", "weight"], ["scaled"]),
        Node("Add", ["scaled", "base"], ["rows"]),
    ]
    if quantised:
        constants |= {"step": np.array(1.0, np.float32), "zero": np.array(0, np.uint8)}
        nodes.insert(0, Node("QuantizeLinear", ["images", "step", "zero"], ["eight"]))
        nodes.insert(1, Node("DequantizeLinear", ["eight", "step", "zero"], ["pixels"]))
    inputs = [Tensor("images", (1, 3, SIZE_WH[1], SIZE_WH[0]))]
    path = write_onnx(folder / f"{name}.onnx", nodes, inputs, [Tensor("rows", (1, 2, columns))], constants=constants)
    (folder / MANIFEST_NAME).write_text(dump_manifest(manifest_of(path, classes)), encoding="utf-8")
    return path


def manifest_of(path: Path, classes: tuple[str, ...] = ("lamp",)) -> ModelManifest:
    """What is known of such a file."""
    source = ModelSource(SourceKind.FILE, path.name)
    made = ModelManifest(path.stem, "detection", "yolox_decoded", "1", "CC0-1.0", source, path.name, "0" * 64, SIZE_WH, classes)
    return replace(made, sha256=sha256_of(path))


def write_grey(path: Path, level: int, size_wh: tuple[int, int] = (640, 320)) -> Path:
    """A picture of one grey level."""
    assert cv2.imwrite(str(path), np.full((size_wh[1], size_wh[0], 3), level, np.uint8))
    return path
