"""Floats of an 8-bit file: the same network, in every form that needs floats, and said to be what it is."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper
from typer.testing import CliRunner

from panops.cli import app
from panops.domain.errors import ModelUnsupported
from panops.export.coreml_graph import coreml_facts
from panops.export.dequantising import floats_of
from panops.export.onnx_source import is_quantised
from panops.export.quantising import quantised
from panops.models.manifest_file import read_manifest
from panops.models.store import package_builtin
from tests.unit.export.conftest import Rows

Inputs = list[dict[str, np.ndarray]]
BUILTIN = sorted(path.name for path in package_builtin().iterdir() if path.is_dir())


def test_floats_compute_what_the_8_bits_round(traced: onnx.ModelProto, noise: Inputs, run_onnx: Rows) -> None:
    rounded = quantised(traced, noise)
    plain = floats_of(rounded)
    onnx.checker.check_model(plain)
    assert not is_quantised(plain)
    assert not {"QuantizeLinear", "DequantizeLinear"} & {node.op_type for node in plain.graph.node}
    for inputs in noise[:3]:
        levels = inputs["pictures"].astype(np.uint8)
        exact = run_onnx(traced, {"pictures": levels.astype(np.float32)})
        got = np.abs(run_onnx(plain, {"pictures": levels.astype(np.float32)}) - exact)
        rounded_too = np.abs(run_onnx(rounded, {"pictures": levels}) - exact)
        # The weights' rounding is left, that of the activations is gone.
        assert got.mean() < rounded_too.mean()
        assert got.max() < 0.3


def test_weights_are_the_levels_and_nothing_else(traced: onnx.ModelProto, noise: Inputs) -> None:
    plain = floats_of(quantised(traced, noise))
    values = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in plain.graph.initializer}
    for node in plain.graph.node:
        if node.op_type == "Conv":
            for one in values[node.input[1]]:
                assert len(np.unique(one)) <= 255
                assert one.dtype == np.float32


def test_other_8_bits_are_refused(traced: onnx.ModelProto, noise: Inputs) -> None:
    strange = quantised(traced, noise)
    next(node for node in strange.graph.node if node.op_type == "Conv").op_type = "ConvInteger"
    with pytest.raises(ModelUnsupported, match="got ConvInteger"):
        floats_of(strange)
    shifted = quantised(traced, noise)
    first = next(node for node in shifted.graph.node if node.op_type == "DequantizeLinear" and node.input[0] == "pictures")
    shifted.graph.initializer.append(helper.make_tensor("half", onnx.TensorProto.FLOAT, [], [0.5]))
    first.input[1] = "half"
    with pytest.raises(ModelUnsupported, match=r"scale 0\.5 and zero 0"):
        floats_of(shifted)


@pytest.mark.parametrize("name", BUILTIN)
def test_every_built_in_model_becomes_each_file_for_phones(name: str, tmp_path: Path) -> None:
    classes = read_manifest(package_builtin() / name / "manifest.yaml").classes
    for form, precision in (("tflite", "float16"), ("tflite", "int8"), ("coreml", "float16")):
        out = tmp_path / f"{form}-{precision}"
        words = ["export", str(package_builtin() / name), "--format", form, "--out", str(out)]
        # Core ML takes floats of itself.
        result = CliRunner().invoke(app, [*words, *(["--precision", precision] if form == "tflite" else [])], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        report = json.loads((out / "export.json").read_text())
        assert (report["format"], report["precision"], report["labels"]) == (form, precision, "labels.txt")
        assert (out / "labels.txt").read_text().splitlines() == list(classes)
        manifest = read_manifest(out / "manifest.yaml") if form == "tflite" else None
        if manifest is not None:
            assert manifest.preprocessing["layout"] == "nhwc"
            assert manifest.preprocessing.get("dtype") == ("uint8" if precision == "int8" else None)
        else:
            facts = coreml_facts(out / f"{name}.mlpackage")
            assert facts.classes == classes
            assert facts.author
            assert "filled with 1" in facts.told[0]
            assert f"each of {len(classes)} classes" in facts.told[1]
