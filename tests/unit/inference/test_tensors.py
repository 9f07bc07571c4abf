from __future__ import annotations

import numpy as np
import pytest

from panops.domain.errors import DeviceError, ModelUnsupported
from panops.domain.protocols import TensorSpec
from panops.inference.tensors import check_inputs, failed, fits, numpy_dtype, shown, telling_line

SPECS = (TensorSpec("image", (1, 3, -1, -1), np.dtype(np.float32)),)


@pytest.mark.parametrize(
    ("shape", "expected", "answer"),
    [
        ((1, 3), (1, 3), True),
        ((1, 4), (1, 3), False),
        ((7, 3), (-1, 3), True),
        ((0, 3), (-1, 3), False),
        ((), (), True),
        ((1,), (), False),
        ((1, 3, 1), (1, 3), False),
    ],
)
def test_fits(shape: tuple[int, ...], expected: tuple[int, ...], answer: bool) -> None:
    assert fits(shape, expected) is answer


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("[ONNXRuntimeError] : 1 : FAIL : Conv node.\nCUDA failure 700: an illegal memory access was encountered ; GPU=0", DeviceError),
        ("CUDNN failure 5000: CUDNN_STATUS_EXECUTION_FAILED ; GPU=0", DeviceError),
        ("bfc_arena.cc:376 Failed to allocate memory for requested buffer of size 9", DeviceError),
        ("TensorRT EP execution context enqueue failed.", DeviceError),
        ("CUDA error: unspecified launch failure\nCompile with `TORCH_USE_CUDA_DSA`", DeviceError),
        ("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR", DeviceError),
        ("cuDNN error: CUDNN_STATUS_NOT_SUPPORTED", ModelUnsupported),
        ("Got invalid dimensions for input: x", ModelUnsupported),
        ("The size of tensor a (3) must match the size of tensor b (4)", ModelUnsupported),
    ],
)
def test_a_gpu_s_fault_is_not_the_model_s(words: str, kind: type[Exception]) -> None:
    error = failed("m.onnx", RuntimeError(words))
    assert type(error) is kind
    assert "m.onnx" in str(error)


def test_the_message_names_expected_and_got() -> None:
    with pytest.raises(ModelUnsupported, match=r"m\.onnx: expected shape \(1, 3, any, any\) for input 'image', got \(1, 4, 8, 8\)"):
        check_inputs("m.onnx", SPECS, {"image": np.zeros((1, 4, 8, 8), np.float32)})


def test_good_inputs_pass() -> None:
    check_inputs("m.onnx", SPECS, {"image": np.zeros((1, 3, 9, 7), np.float32)})


def test_shown_writes_any() -> None:
    assert shown((1, -1, 4)) == "(1, any, 4)"


def test_a_type_without_numpy_is_refused() -> None:
    with pytest.raises(ModelUnsupported, match=r"tensor 'x' holds bf16; expected one of float32"):
        numpy_dtype("m.onnx", "x", "bf16", {"f32": "float32"})


@pytest.mark.parametrize(
    ("message", "line"),
    [
        ("Exception from core.cpp:84:\nCheck failed\nModel can't be parsed\n\n", "Model can't be parsed"),
        ("[ONNXRuntimeError] : 7 : Load model from /x/y.onnx failed:Protobuf parsing failed.", "Protobuf parsing failed."),
        ("", "RuntimeError"),
    ],
)
def test_telling_line_is_the_cause(message: str, line: str) -> None:
    assert telling_line(RuntimeError(message)) == line
