"""The work of a network is counted as a person would, and the peak's network really works in 8 bits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from panops.domain.errors import ModelUnsupported
from panops.inference.backends.openvino_backend import openvino
from panops.inference.int8_peak import Int8Peak, _wide_convolutions, multiply_adds

ops = openvino.opset13


def saved(path: Path, result: object, *inputs: object) -> Path:
    openvino.save_model(openvino.Model([ops.result(result)], list(inputs), "net"), str(path))
    return path


def test_convolutions_and_matrix_products_are_counted(tmp_path: Path) -> None:
    pixels = ops.parameter([1, 8, 10, 12], np.float32)
    plain = ops.convolution(pixels, ops.constant(np.ones((16, 8, 3, 3), np.float32)), [2, 2], [1, 1], [1, 1], [1, 1])  # 16 x 5 x 6
    depthwise = ops.group_convolution(plain, ops.constant(np.ones((16, 1, 1, 3, 3), np.float32)), [1, 1], [1, 1], [1, 1], [1, 1])
    rows = ops.reshape(depthwise, ops.constant(np.array([16, 30])), special_zero=False)
    product = ops.matmul(rows, ops.constant(np.ones((7, 30), np.float32)), False, True)
    path = saved(tmp_path / "net.xml", product, pixels)
    assert multiply_adds(path) == 16 * 30 * 8 * 9 + 16 * 30 * 9 + 16 * 7 * 30


def test_what_has_no_size_is_refused_in_a_sentence(tmp_path: Path) -> None:
    pixels = ops.parameter([1, 8, -1, 12], np.float32)
    path = saved(tmp_path / "net.xml", ops.convolution(pixels, np.ones((4, 8, 1, 1), np.float32), [1, 1], [0, 0], [0, 0], [1, 1]), pixels)
    with pytest.raises(ModelUnsupported, match="expected fixed sizes"):
        multiply_adds(path)
    (tmp_path / "none.onnx").write_bytes(b"nothing")
    with pytest.raises(ModelUnsupported, match="cannot be counted"):
        multiply_adds(tmp_path / "none.onnx")


def test_the_peak_is_of_eight_bits() -> None:
    peak = Int8Peak()
    assert peak.multiply_adds == 4 * 128 * 32 * 32 * 128 * 9
    (out,) = peak.infer(peak.example()).values()
    assert np.isfinite(out).all()
    assert out.max() > 0
    compiled = openvino.Core().compile_model(_wide_convolutions(), "CPU", {"PERF_COUNT": True})
    request = compiled.create_infer_request()
    request.infer({0: peak.example()["pixels"]})
    kinds = [one.exec_type for one in request.profiling_info if one.node_type == "Convolution"]
    assert len(kinds) == 4
    assert all("I8" in kind for kind in kinds)
