"""Weights out of ONNX files: published ones, our own, and their 8-bit forms."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs panops[train]")
pytest.importorskip("onnx", reason="needs panops[train]")

import onnx
import torch
from onnx import helper, numpy_helper

from panops.domain.errors import ModelNotFound, ModelUnsupported
from panops.export.tracing import onnx_from_torch
from panops.training.network import ActivationName, DetectorNetwork, ExportedNetwork, NetworkShape
from panops.training.published import read_folded, read_published
from panops.training.transfer import load_folded, settle_statistics


def network_with(activation: ActivationName, classes: tuple[str, ...] = ("red", "blue")) -> DetectorNetwork:
    """Nano with statistics, scales and shifts that differ from channel to channel, so that folding has something to do."""
    torch.manual_seed(3)
    network = DetectorNetwork(NetworkShape("nano", classes, activation))
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            for values, low, high in (
                (module.running_mean, -0.5, 0.5),
                (module.running_var, 0.5, 2.0),
                (module.weight, 0.5, 1.5),
                (module.bias, -0.3, 0.3),
            ):
                assert values is not None
                torch.nn.init.uniform_(values, low, high)
    return network.eval()


@pytest.fixture(scope="module")
def relu(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The FP32 file of a ReLU network, as the export room writes it. Tracing takes torch seconds, so it is done once."""
    return written("relu", tmp_path_factory.mktemp("relu"))


def written(name: ActivationName, folder: Path) -> Path:
    onnx.save(onnx_from_torch(ExportedNetwork(network_with(name)), (64, 64)), str(folder / f"{name}.onnx"))
    return folder / f"{name}.onnx"


def rows(network: DetectorNetwork) -> torch.Tensor:
    picture = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(5)) * 255
    with torch.no_grad():
        return ExportedNetwork(network)(picture)


def assert_reads_back(path: Path, name: ActivationName) -> None:
    published = read_published(path)
    assert published.activation == name
    assert published.size == "nano"
    again = DetectorNetwork(NetworkShape("nano", ("red", "blue"), published.activation))
    assert load_folded(again, published.convolutions, ("red", "blue")) == ["red", "blue"]
    assert rows(again.eval()).numpy() == pytest.approx(rows(network_with(name)).numpy(), abs=1e-4)


def test_our_own_file_gives_the_same_network_back(relu: Path) -> None:
    assert_reads_back(relu, "relu")


@pytest.mark.slow
def test_a_file_with_silu_gives_the_same_network_back_in_8_bits_too(tmp_path: Path) -> None:
    path = written("silu", tmp_path)
    assert_reads_back(path, "silu")
    assert_8_bits_can_be_the_start(path, "silu", tmp_path)


def test_statistics_are_settled_without_changing_what_is_computed(relu: Path) -> None:
    again = DetectorNetwork(NetworkShape("nano", ("red", "blue"), "relu"))
    load_folded(again, read_folded(relu), ("red", "blue"))
    settle_statistics(again, [torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(9)) * 255])
    assert rows(again.eval()).numpy() == pytest.approx(rows(network_with("relu")).numpy(), abs=1e-3)
    stem = again.backbone.stem
    assert stem.conv.weight.flatten(1).norm(dim=1).tolist() == pytest.approx([1.0] * 16, abs=1e-4)
    assert float((stem.norm.running_mean.abs() > 1e-3).float().mean()) > 0.5


def test_columns_of_classes_go_by_name(relu: Path) -> None:
    other = DetectorNetwork(NetworkShape("nano", ("green", "blue"), "relu"))
    taken = load_folded(other, read_folded(relu), ("red", "blue"))
    assert taken == ["blue"]
    assert torch.allclose(other.head[0].class_out.weight[1], network_with("relu").head[0].class_out.weight[1])


def test_an_8_bit_file_can_be_the_start(relu: Path, tmp_path: Path) -> None:
    assert_8_bits_can_be_the_start(relu, "relu", tmp_path)


def assert_8_bits_can_be_the_start(path: Path, name: ActivationName, folder: Path) -> None:
    quantization = pytest.importorskip("onnxruntime.quantization", reason="needs onnxruntime")

    class Pictures(quantization.CalibrationDataReader):  # type: ignore[misc, name-defined]  # untyped
        def __init__(self) -> None:
            rng = np.random.default_rng(0)
            self._left = [{"pictures": rng.uniform(0, 255, (1, 3, 64, 64)).astype(np.float32)} for _ in range(2)]

        def get_next(self) -> dict[str, np.ndarray] | None:
            return self._left.pop() if self._left else None

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # onnxruntime's advice on its own pre-processing
        quantization.quantize_static(
            str(path),
            str(folder / "int8.onnx"),
            Pictures(),
            quant_format=quantization.QuantFormat.QDQ,
            per_channel=True,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
        )
    exact, rounded = read_published(path), read_published(folder / "int8.onnx")
    assert rounded.activation == name
    assert len(rounded.convolutions) == len(exact.convolutions)
    # The tool sorts the nodes anew: it is the names that say which is which.
    by_name = {one.name: one for one in rounded.convolutions}
    for first in exact.convolutions:
        second = by_name[first.name]
        step = np.abs(first.weight).reshape(len(first.weight), -1).max(axis=1) / 127
        assert second.weight.shape == first.weight.shape
        assert (np.abs(first.weight - second.weight).reshape(len(step), -1).max(axis=1) <= 0.51 * step + 1e-7).all(), first.name
    again = DetectorNetwork(NetworkShape("nano", ("red", "blue"), name))
    assert load_folded(again, rounded.convolutions, ("red", "blue")) == ["red", "blue"]


def test_the_published_network_computes_what_its_file_computes(shared_data: Path) -> None:
    runtime = pytest.importorskip("onnxruntime", reason="needs onnxruntime")
    path = shared_data / "models" / "yolox_nano_416.onnx"
    published = read_published(path)
    names = tuple(f"class {index}" for index in range(80))
    network = DetectorNetwork(NetworkShape(published.size, names, published.activation))
    load_folded(network, published.convolutions, names)
    picture = torch.rand(1, 3, 416, 416, generator=torch.Generator().manual_seed(1)) * 255
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    expected = session.run(None, {session.get_inputs()[0].name: picture.numpy()})[0]
    with torch.no_grad():
        assert ExportedNetwork(network.eval())(picture).numpy() == pytest.approx(expected, abs=1e-3)


def graph_with(*nodes: onnx.NodeProto, path: Path, channels: int = 16) -> Path:
    weight = numpy_helper.from_array(np.zeros((channels, 12, 3, 3), np.float32), "weight")
    bias = numpy_helper.from_array(np.zeros(channels, np.float32), "bias")
    value = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, 12, 8, 8])
    end = helper.make_tensor_value_info("end", onnx.TensorProto.FLOAT, None)
    onnx.save(helper.make_model(helper.make_graph(list(nodes), "g", [value], [end], [weight, bias])), str(path))
    return path


@pytest.mark.parametrize(
    ("name", "nodes", "channels", "expected"),
    [
        ("another family", [helper.make_node("Conv", ["x", "weight", "bias"], ["end"])], 20, "expected a YOLOX"),
        ("no convolution", [helper.make_node("Relu", ["x"], ["end"])], 16, "without convolutions"),
        ("weights that are computed", [helper.make_node("Conv", ["x", "x", "bias"], ["end"])], 16, "constant weight and bias"),
        (
            "another activation",
            [helper.make_node("Conv", ["x", "weight", "bias"], ["y"]), helper.make_node("LeakyRelu", ["y"], ["end"])],
            16,
            "ReLU or SiLU",
        ),
        (
            "not folded",
            [
                helper.make_node("Conv", ["x", "weight"], ["y"]),
                helper.make_node("BatchNormalization", ["y", "bias", "bias", "bias", "bias"], ["end"]),
            ],
            16,
            "not folded",
        ),
    ],
)
def test_files_that_cannot_be_a_start_are_told(
    tmp_path: Path, name: str, nodes: list[onnx.NodeProto], channels: int, expected: str
) -> None:
    path = graph_with(*nodes, path=tmp_path / "model.onnx", channels=channels)
    with pytest.raises(ModelUnsupported, match=expected):
        read_published(path)


def test_missing_damaged_and_ill_fitting_files_are_told(tmp_path: Path, relu: Path) -> None:
    with pytest.raises(ModelNotFound, match="there is no such file"):
        read_published(tmp_path / "none.onnx")
    (tmp_path / "text.onnx").write_text("not a model")
    with pytest.raises(ModelUnsupported, match="cannot be read"):
        read_published(tmp_path / "text.onnx")
    with pytest.raises(ModelUnsupported, match="size small"):
        load_folded(DetectorNetwork(NetworkShape("small", ("red",), "relu")), read_folded(relu), ("red", "blue"))
    with pytest.raises(ModelUnsupported, match="expected 3 classes"):
        load_folded(DetectorNetwork(NetworkShape("nano", ("red",), "relu")), read_folded(relu), ("a", "b", "c"))
