from __future__ import annotations

import logging
from collections.abc import Mapping
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from panops.domain.errors import ModelNotFound, ModelUnsupported, PluginError
from panops.domain.protocols import TensorSpec
from panops.inference.backends.onnxruntime_backend import OnnxRuntimeBackend
from panops.inference.backends.openvino_backend import OpenVinoBackend
from panops.inference.open_backend import open_backend
from panops.inference.registry import BACKENDS
from panops.testing.tiny_onnx import Node, Tensor, write_onnx


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_onnx(tmp_path / "m.onnx", [Node("Relu", ["x"], ["y"])], [Tensor("x", (1, 4))], [Tensor("y", (1, 4))])


def test_openvino_comes_first_for_onnx(model: Path) -> None:
    assert isinstance(open_backend(model), OpenVinoBackend)


def test_a_preferred_backend_is_taken(model: Path) -> None:
    assert isinstance(open_backend(model, preferred="onnxruntime"), OnnxRuntimeBackend)


def test_a_string_is_a_path_too(model: Path) -> None:
    assert open_backend(str(model)).inputs[0].name == "x"


def test_an_unknown_name_is_a_mistake(model: Path) -> None:
    with pytest.raises(PluginError, match="unknown backend 'tensorrt'"):
        open_backend(model, preferred="tensorrt")


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes the named backends look as if their libraries were not installed."""
    load = BACKENDS.load

    def hide(*hidden: str) -> None:
        def loaded(name: str) -> Any:
            if name in hidden:
                raise PluginError(f"backend {name!r} needs {name}; install it with: pip install {name}")
            return load(name)

        monkeypatch.setattr(BACKENDS, "load", loaded)

    return hide


def test_onnxruntime_steps_in_where_openvino_is_not_installed(model: Path, without: Any) -> None:
    without("openvino")
    assert isinstance(open_backend(model), OnnxRuntimeBackend)


def test_a_preferred_backend_that_is_missing_is_replaced_with_a_warning(
    model: Path, without: Any, caplog: pytest.LogCaptureFixture
) -> None:
    without("openvino")
    with caplog.at_level(logging.WARNING):
        assert isinstance(open_backend(model, preferred="openvino"), OnnxRuntimeBackend)
    assert "openvino could not be used" in caplog.text


def test_nothing_installed_says_what_to_install(model: Path, without: Any) -> None:
    without("openvino", "onnxruntime")
    with pytest.raises(ModelUnsupported, match=r"nothing that is installed can run it.*pip install openvino.*pip install onnxruntime"):
        open_backend(model)


def test_damage_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(b"\x08\x08" + bytes(range(100, 250)))
    with pytest.raises(ModelUnsupported, match=r"^m\.onnx is damaged or no model \(OpenVINO: .*; onnxruntime: .*\); get the file again$"):
        open_backend(path)


def test_an_operator_that_nobody_has_is_named_once(tmp_path: Path) -> None:
    node = Node("Nonsense", ["x"], ["y"])
    path = write_onnx(tmp_path / "m.onnx", [node], [Tensor("x", (1, 4))], [Tensor("y", (1, 4))])
    with pytest.raises(ModelUnsupported, match=r"^m\.onnx needs the operator Nonsense, which OpenVINO and onnxruntime cannot run"):
        open_backend(path)


def test_posenet_needs_an_operator_that_nobody_has(shared_data: Path) -> None:
    with pytest.raises(ModelUnsupported, match="needs the operator PosenetDecoderOp"):
        open_backend(shared_data / "models" / "posenet_481_641_decoder.tflite")


def test_ssd_without_litert_says_what_to_install(shared_data: Path, without: Any) -> None:
    without("litert")
    with pytest.raises(ModelUnsupported, match=r"TFLite_Detection_PostProcess, which OpenVINO cannot run; .*litert"):
        open_backend(shared_data / "models" / "ssd_mobilenet_v1_quant_300.tflite")


def test_formats_that_nobody_reads(tmp_path: Path) -> None:
    path = tmp_path / "m.engine"
    path.write_bytes(bytes(range(128, 250)))
    with pytest.raises(ModelUnsupported, match="expected an ONNX, TFLite or OpenVINO model, got engine"):
        open_backend(path)
    with pytest.raises(ModelNotFound):
        open_backend(tmp_path / "none.onnx")


class EngineBackend:
    """A plug-in's backend: one input, doubled."""

    formats = frozenset({"engine"})

    def __init__(self, path: Path, *, threads: int = 1, cache_dir: Path | None = None) -> None:
        del path, threads, cache_dir
        self.inputs = (TensorSpec("x", (2,), np.dtype(np.float32)),)
        self.outputs = (TensorSpec("y", (2,), np.dtype(np.float32)),)

    def infer(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        return {"y": inputs["x"] * 2}

    def close(self) -> None:
        """Nothing to free."""


def test_a_plug_in_opens_its_own_format(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("engine", f"{__name__}:EngineBackend", "panops.backends")
    monkeypatch.setattr("panops.domain.registry.entry_points", lambda group: [point] if group == "panops.backends" else [])
    path = tmp_path / "m.engine"
    path.write_bytes(bytes(range(128, 250)))
    backend = open_backend(path)
    np.testing.assert_array_equal(backend.infer({"x": np.ones(2, np.float32)})["y"], [2, 2])
