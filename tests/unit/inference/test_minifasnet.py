"""MiniFASNet's networks as ONNX: the same bytes always, and in both runtimes the same numbers as in torch."""

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
from panops.inference.minifasnet import ONNX_SHA256, minifasnet_onnx

torch = pytest.importorskip("torch", reason="needs torch: pip install 'panops[train]'")
from torch.nn import functional  # noqa: E402

FILES = {"v2": "antispoof_2.7_80x80_MiniFASNetV2.pth", "v1se": "antispoof_4_0_0_80x80_MiniFASNetV1SE.pth"}
STAGES = (("conv_23", "conv_3", 4), ("conv_34", "conv_4", 6), ("conv_45", "conv_5", 2))
Weights = dict[str, Any]


def normal(weights: Weights, name: str, x: Any) -> Any:
    values = [weights[f"{name}.{key}"] for key in ("running_mean", "running_var", "weight", "bias")]
    return functional.batch_norm(x, *values, training=False, eps=1e-5)


def layer(weights: Weights, name: str, x: Any, stride: int = 1, edge: int = 0) -> Any:
    weight = weights[f"{name}.conv.weight"]
    groups = len(weight) if weight.shape[1] == 1 else 1
    x = normal(weights, f"{name}.bn", functional.conv2d(x, weight, stride=stride, padding=edge, groups=groups))
    slope = weights.get(f"{name}.prelu.weight")
    return x if slope is None else functional.prelu(x, slope)


def block(weights: Weights, name: str, x: Any, stride: int) -> Any:
    x = layer(weights, f"{name}.conv", x)
    x = layer(weights, f"{name}.conv_dw", x, stride, 1)
    return layer(weights, f"{name}.project", x)


def attended(weights: Weights, name: str, x: Any) -> Any:
    if f"{name}.se_module.fc1.weight" not in weights:
        return x
    found = functional.conv2d(x.mean(dim=(2, 3), keepdim=True), weights[f"{name}.se_module.fc1.weight"])
    found = functional.relu(normal(weights, f"{name}.se_module.bn1", found))
    found = normal(weights, f"{name}.se_module.bn2", functional.conv2d(found, weights[f"{name}.se_module.fc2.weight"]))
    return x * torch.sigmoid(found)


def plainly(weights: Weights, x: Any) -> Any:
    """The networks said one layer after the other, as the paper's figure has them."""
    x = layer(weights, "conv2_dw", layer(weights, "conv1", x, 2, 1), 1, 1)
    for halving, stage, blocks in STAGES:
        x = block(weights, halving, x, 2)
        for index in range(blocks):
            name = f"{stage}.model.{index}"
            x = x + attended(weights, name, block(weights, name, x, 1))
    x = layer(weights, "conv_6_dw", layer(weights, "conv_6_sep", x)).flatten(1)
    x = normal(weights, "bn", functional.linear(x, weights["linear.weight"]))
    return torch.softmax(functional.linear(x, weights["prob.weight"]), dim=1)


@pytest.fixture(params=FILES)
def network(request: pytest.FixtureRequest, shared_data: Path) -> tuple[str, Path]:
    path = shared_data / "models" / FILES[request.param]
    if not path.is_file():
        pytest.skip(f"needs MiniFASNet's weights: {path} is missing")
    return request.param, path


def test_the_published_weights_give_the_pinned_file_and_torchs_numbers(network: tuple[str, Path], tmp_path: Path) -> None:
    name, source = network
    made = minifasnet_onnx(name, source.name, source.read_bytes())
    assert hashlib.sha256(made).hexdigest() == ONNX_SHA256[name]
    path = tmp_path / "n.onnx"
    path.write_bytes(made)
    weights = {key.removeprefix("module."): value for key, value in torch.load(source, map_location="cpu", weights_only=True).items()}
    dice = np.random.default_rng(2)
    coarse = np.kron(dice.integers(0, 256, (4, 3, 10, 10)), np.ones((1, 1, 8, 8))).astype(np.float32)
    for x in (coarse, dice.integers(0, 256, (1, 3, 80, 80)).astype(np.float32), np.zeros((2, 3, 80, 80), np.float32)):
        with torch.no_grad():
            expected = plainly(weights, torch.from_numpy(x)).numpy()
        for backend in (OpenVinoBackend(path, precision="f32"), OnnxRuntimeBackend(path)):
            np.testing.assert_allclose(backend.infer({"faces": x})["kind"], expected, atol=2e-4)


def test_the_file_is_sound_onnx(network: tuple[str, Path]) -> None:
    onnx = pytest.importorskip("onnx", reason="needs onnx: pip install 'panops[train]'")
    onnx.checker.check_model(onnx.load_from_string(minifasnet_onnx(network[0], "w", network[1].read_bytes())), full_check=True)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("missing", r"conv_34\.conv\.bn\.running_var is missing"),
        ("axes", r"conv1\.prelu\.weight is float32 \(32, 1\); expected 1 axes of float32 numbers"),
        ("nan", r"prob\.weight is float32 \(3, 128\); expected 2 axes of float32 numbers"),
        ("outputs", r"expected 3 outputs of 128 numbers, got \(4, 128\)"),
        ("channels", r"conv1\.bn does not fit 32 channels"),
        ("more", "extra belongs to no layer"),
    ],
)
def test_other_weights_are_refused(network: tuple[str, Path], change: str, words: str) -> None:
    weights = dict(torch.load(network[1], map_location="cpu", weights_only=True))
    if change == "missing":
        del weights["module.conv_34.conv.bn.running_var"]
    elif change == "axes":
        weights["module.conv1.prelu.weight"] = weights["module.conv1.prelu.weight"][:, None]
    elif change == "nan":
        weights["module.prob.weight"] = weights["module.prob.weight"] * float("nan")
    elif change == "outputs":
        weights["module.prob.weight"] = torch.zeros(4, 128)
    elif change == "channels":
        weights["module.conv1.bn.bias"] = torch.zeros(31)
    else:
        weights["module.extra"] = torch.zeros(1)
    buffer = io.BytesIO()
    torch.save(weights, buffer)
    with pytest.raises(ModelUnsupported, match=words):
        minifasnet_onnx(network[0], "w.pth", buffer.getvalue())


def test_there_are_two_networks() -> None:
    with pytest.raises(KeyError):
        minifasnet_onnx("v3", "w.pth", b"")
