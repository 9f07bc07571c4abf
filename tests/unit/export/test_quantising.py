from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper

from panops.commands.machine import machine
from panops.domain.errors import ModelUnsupported
from panops.export.equalising import channel_peaks, equalised
from panops.export.layer_noise import layer_noise
from panops.export.quantising import quantised, quantised_layers
from panops.inference.backends.openvino_backend import OpenVinoBackend
from tests.unit.export.conftest import Rows

Inputs = list[dict[str, np.ndarray]]


@pytest.fixture(scope="module")
def rounded(traced: onnx.ModelProto, noise: Inputs) -> onnx.ModelProto:
    return quantised(traced, noise)


def _bytes(inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: value.astype(np.uint8) for name, value in inputs.items()}


def _noise_db(expected: np.ndarray, got: np.ndarray) -> float:
    return float(10 * np.log10(np.square(expected).sum() / np.square(expected - got).sum()))


def test_equalising_changes_nothing_but_makes_channels_equally_loud(traced: onnx.ModelProto, noise: Inputs, run_onnx: Rows) -> None:
    same = equalised(traced, noise)
    np.testing.assert_allclose(run_onnx(same, noise[0]), run_onnx(traced, noise[0]), atol=1e-3)
    before = channel_peaks(traced, ["relu_0"], noise)["relu_0"]
    after = channel_peaks(same, ["relu_0"], noise)["relu_0"]
    loud = before > 1e-3 * before.max()
    assert before[loud].max() > 1.2 * before[loud].min()
    np.testing.assert_allclose(after[loud], before.max(), rtol=1e-4)


def test_a_network_without_depthwise_convolutions_is_left_alone(noise: Inputs, finder_model: onnx.ModelProto) -> None:
    assert equalised(finder_model, noise) is finder_model


def test_every_convolution_is_in_8_bits(traced: onnx.ModelProto, rounded: onnx.ModelProto) -> None:
    wanted = [node.name for node in traced.graph.node if node.op_type == "Conv"]
    assert quantised_layers(rounded) == wanted
    values = {tensor.name: numpy_helper.to_array(tensor) for tensor in rounded.graph.initializer}
    for node in rounded.graph.node:
        if node.op_type == "QuantizeLinear":
            assert values[node.input[2]].dtype == np.uint8
            assert values[node.input[1]].size == 1
        if node.op_type == "DequantizeLinear" and node.input[0] in values:
            integers, scale = values[node.input[0]], values[node.input[1]]
            assert integers.dtype == np.int8
            assert scale.size == len(integers)  # one a filter
            assert not values[node.input[2]].any()


def test_each_filter_uses_all_its_levels(traced: onnx.ModelProto, noise: Inputs, run_onnx: Rows) -> None:
    """Filters of one layer 1 to 10,000 times as large, which the next layer undoes: the network is the same."""
    spread = onnx.ModelProto()
    spread.CopyFrom(traced)
    factor = np.logspace(0, 4, 16, dtype=np.float32)
    tensors = {tensor.name: tensor for tensor in spread.graph.initializer}
    for name, scale in (
        ("deep.weight", factor[:, None, None, None]),
        ("deep.bias", factor),
        ("join.weight", np.tile(1 / factor, 4)[None, :, None, None]),
    ):
        tensors[name].CopyFrom(numpy_helper.from_array((numpy_helper.to_array(tensors[name]) * scale).astype(np.float32), name))
    np.testing.assert_allclose(run_onnx(spread, noise[0]), run_onnx(traced, noise[0]), atol=1e-3)
    rounded = quantised(spread, noise[:4])
    produced = {node.output[0]: node for node in rounded.graph.node}
    values = {tensor.name: numpy_helper.to_array(tensor) for tensor in rounded.graph.initializer}
    conv = next(node for node in rounded.graph.node if node.name == "deep")
    integers = values[produced[conv.input[1]].input[0]]
    assert (np.abs(integers.astype(int)).reshape(16, -1).max(axis=1) == 127).all()
    steps = values[produced[conv.input[1]].input[1]]
    np.testing.assert_allclose(
        integers * steps[:, None, None, None], numpy_helper.to_array(tensors["deep.weight"]), atol=float(steps.max())
    )


def test_weights_are_stored_as_bytes(traced: onnx.ModelProto, rounded: onnx.ModelProto) -> None:
    def weight_bytes(model: onnx.ModelProto) -> int:
        return sum(len(tensor.raw_data) for tensor in model.graph.initializer if len(tensor.dims) == 4)

    assert weight_bytes(rounded) * 4 == weight_bytes(traced)


def test_pictures_come_in_as_bytes_and_rows_go_out_as_floats(rounded: onnx.ModelProto) -> None:
    assert rounded.graph.input[0].type.tensor_type.elem_type == TensorProto.UINT8
    assert rounded.graph.output[0].type.tensor_type.elem_type == TensorProto.FLOAT
    assert not any("pictures" in node.input for node in rounded.graph.node if node.op_type == "QuantizeLinear")


def test_the_rows_are_near_in_both_runtimes(
    traced: onnx.ModelProto, rounded: onnx.ModelProto, noise: Inputs, run_onnx: Rows, tmp_path: Path
) -> None:
    path = tmp_path / "rounded.onnx"
    path.write_bytes(rounded.SerializeToString())
    openvino = OpenVinoBackend(path)
    flags = machine()["cpu_flags"]
    # Without VNNI, OpenVINO adds pairs of 8-bit products in 16 bits, which overflow: it then is near, and no more.
    exact = "avx2" not in flags or any("vnni" in flag or flag == "amx_int8" for flag in flags)
    least_db, most = (15, 0.15) if exact else (5, 0.6)
    for inputs in noise[:4]:
        expected, by_onnxruntime = run_onnx(traced, inputs), run_onnx(rounded, _bytes(inputs))
        by_openvino = openvino.infer(_bytes(inputs))["rows"]
        assert _noise_db(expected, by_onnxruntime) > 15
        assert _noise_db(expected, by_openvino) > least_db
        assert np.abs(by_openvino - by_onnxruntime).max() < most
    openvino.close()


def test_named_layers_stay_float(traced: onnx.ModelProto, noise: Inputs) -> None:
    kept = quantised(traced, noise[:4], ["stem", "join"])
    assert {"stem", "join"}.isdisjoint(quantised_layers(kept))
    assert "point" in quantised_layers(kept)


def test_what_cannot_be_quantised_is_said(traced: onnx.ModelProto, noise: Inputs) -> None:
    with pytest.raises(ModelUnsupported, match="pictures to calibrate"):
        quantised(traced, [])
    with pytest.raises(ModelUnsupported, match="layers of the model to keep in float, got nonsense"):
        quantised(traced, noise, ["nonsense", "stem"])


def test_a_layer_that_8_bits_ruin_is_named(traced: onnx.ModelProto, noise: Inputs) -> None:
    """In `merge` some weights of each filter are 3000 times the rest, and meet no signal: 8 bits see only them."""
    ruined = onnx.ModelProto()
    ruined.CopyFrom(traced)
    weights = {tensor.name: tensor for tensor in ruined.graph.initializer}
    first = numpy_helper.to_array(weights["join.weight"]).copy()
    first[0] = 0.0
    bias = numpy_helper.to_array(weights["join.bias"]).copy()
    bias[0] = 0.0  # channel 0 of `join` is silent now
    second = numpy_helper.to_array(weights["merge.weight"]).copy()
    second[:, 0] = 3000 * np.abs(second).max()
    for name, value in (("join.weight", first), ("join.bias", bias), ("merge.weight", second)):
        weights[name].CopyFrom(numpy_helper.from_array(value, name))
    rounded = quantised(ruined, noise)
    ranking = layer_noise(equalised(ruined, noise), rounded, noise[:2])
    assert ranking[0].layer == "merge"
    assert ranking[0].signal_to_noise_db < 10 < ranking[1].signal_to_noise_db
    assert len(ranking) == 14


def test_nothing_is_reported_to_anybody() -> None:
    code = (
        "import sys; from panops.export.quantising import _import_nncf; _import_nncf();"
        "assert sys.modules.get('openvino_telemetry') is None; from nncf.telemetry import telemetry; print(type(telemetry).__name__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.strip() == "MagicMock"
