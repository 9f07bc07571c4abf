"""MTCNN's networks as ONNX: the same bytes always, and in both runtimes the same numbers as in torch."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from panops.domain.errors import ModelUnsupported
from panops.inference.backends.onnxruntime_backend import OnnxRuntimeBackend
from panops.inference.backends.openvino_backend import OpenVinoBackend
from panops.inference.mtcnn_networks import ONNX_SHA256, mtcnn_onnx
from panops.inference.onnx_writer import OnnxWriter

torch = pytest.importorskip("torch", reason="needs torch: pip install 'panops[train]'")

from tests.unit.vision.mtcnn_reference import Stage, stage, trained  # noqa: E402  # the plain networks serve the search's tests, too

OUTPUTS = {"pnet": ("face", "shift"), "rnet": ("face", "shift"), "onet": ("face", "shift", "points")}
SHAPES = {
    "pnet": [(1, 3, 12, 12), (1, 3, 13, 40), (1, 3, 77, 51), (2, 3, 30, 31)],
    "rnet": [(1, 3, 24, 24), (5, 3, 24, 24), (64, 3, 24, 24)],
    "onet": [(1, 3, 48, 48), (3, 3, 48, 48), (16, 3, 48, 48)],
}


def content(network: Stage) -> bytes:
    buffer = io.BytesIO()
    torch.save(network.state_dict(), buffer)
    return buffer.getvalue()


def compare(name: str, network: Stage, path: Path, seed: int) -> None:
    dice = np.random.default_rng(seed)
    backends = [OpenVinoBackend(path, precision="f32"), OnnxRuntimeBackend(path)]
    for shape in SHAPES[name]:
        x = ((dice.integers(0, 256, shape) - 127.5) / 128).astype(np.float32)
        with torch.no_grad():
            expected = network(torch.from_numpy(x))
        for backend in backends:
            found = backend.infer({"pictures": x})
            assert set(found) == set(OUTPUTS[name])
            for output, tensor in zip(OUTPUTS[name], expected, strict=True):
                np.testing.assert_allclose(found[output], tensor.numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", OUTPUTS)
def test_random_weights_give_torchs_numbers_in_both_runtimes(tmp_path: Path, name: str) -> None:
    torch.manual_seed(3)
    network = stage(name).eval()
    path = tmp_path / "n.onnx"
    path.write_bytes(mtcnn_onnx(name, "n.pt", content(network)))
    compare(name, network, path, 1)


@pytest.mark.parametrize("name", OUTPUTS)
def test_real_weights_give_the_pinned_file_and_torchs_numbers(shared_data: Path, tmp_path: Path, name: str) -> None:
    source = shared_data / "models" / f"mtcnn_{name}.pt"
    if not source.is_file():
        pytest.skip(f"needs MTCNN's weights: {source} is missing")
    made = mtcnn_onnx(name, source.name, source.read_bytes())
    assert hashlib.sha256(made).hexdigest() == ONNX_SHA256[name]
    path = tmp_path / "n.onnx"
    path.write_bytes(made)
    compare(name, trained(shared_data / "models", name), path, 2)


@pytest.mark.parametrize("name", OUTPUTS)
def test_the_file_is_sound_onnx(name: str) -> None:
    onnx = pytest.importorskip("onnx", reason="needs onnx: pip install 'panops[train]'")
    model = onnx.load_from_string(mtcnn_onnx(name, "n.pt", content(stage(name))))
    onnx.checker.check_model(model, full_check=True)
    assert {output.name for output in model.graph.output} == set(OUTPUTS[name])


def changed(change: str) -> tuple[bytes, str]:
    weights: dict[str, Any] = dict(stage("rnet").state_dict())
    if change == "missing":
        del weights["dense4.bias"]
        words = r"dense4\.bias is missing"
    elif change == "shape":
        weights["conv2.weight"] = weights["conv2.weight"][:, :, :2]
        words = r"conv2\.weight is float32 \(48, 28, 2, 3\); expected float32 \(48, 28, 3, 3\)"
    elif change == "dtype":
        weights["prelu1.weight"] = weights["prelu1.weight"].double()
        words = r"prelu1\.weight is float64"
    elif change == "no number":
        weights["conv1.bias"] = weights["conv1.bias"] * float("nan")
        words = r"conv1\.bias holds numbers that are none"
    else:
        weights["extra"] = torch.zeros(1)
        words = "extra belongs to no layer"
    buffer = io.BytesIO()
    torch.save(weights, buffer)
    return buffer.getvalue(), words


@pytest.mark.parametrize("change", ["missing", "shape", "dtype", "no number", "too many"])
def test_weights_of_something_else(change: str) -> None:
    weights, words = changed(change)
    with pytest.raises(ModelUnsupported, match=rf"r\.pt is damaged or no model that MTCNN's rnet can read: {words}"):
        mtcnn_onnx("rnet", "r.pt", weights)


def test_another_networks_weights() -> None:
    with pytest.raises(ModelUnsupported, match=r"conv1\.weight is float32 \(28, 3, 3, 3\); expected float32 \(32, 3, 3, 3\)"):
        mtcnn_onnx("onet", "r.pt", content(stage("rnet")))


def test_the_writer_says_what_onnx_reads() -> None:
    """Attributes of every kind, negative numbers, long names and large sizes."""
    onnx = pytest.importorskip("onnx", reason="needs onnx: pip install 'panops[train]'")
    writer = OnnxWriter("g")
    weight = writer.weight("w" * 200, np.arange(6.0).reshape(2, 3))
    writer.node("LeakyRelu", ["x"], "a", alpha=0.25)
    writer.node("Transpose", ["a"], "b", perm=[1, 0])
    writer.node("Softmax", ["b"], "c", axis=-1)
    writer.node("MatMul", ["c", weight], "y")
    model = onnx.load_from_string(writer.content({"x": (2, "n")}, {"y": ("n", 3)}))
    onnx.checker.check_model(model, full_check=True)
    leaky, transpose, softmax, _ = model.graph.node
    assert (leaky.attribute[0].f, list(transpose.attribute[0].ints), softmax.attribute[0].i) == (0.25, [1, 0], -1)
    np.testing.assert_array_equal(onnx.numpy_helper.to_array(model.graph.initializer[0]), np.arange(6, dtype=np.float32).reshape(2, 3))
    dims = model.graph.input[0].type.tensor_type.shape.dim
    assert (dims[0].dim_value, dims[1].dim_param) == (2, "n")
