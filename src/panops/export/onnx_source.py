"""ONNX files as something to export: ours as they are, YOLOX files of others made as plain as ours."""

from __future__ import annotations

from pathlib import Path

import onnx

from panops.domain.errors import ModelUnsupported
from panops.export.graph_rewrites import rewritten
from panops.export.tracing import OPSET

# Per-channel QDQ came with 13; older files are brought up to what we write.
_OLDEST_OPSET = 13


def read_onnx(path: Path) -> onnx.ModelProto:
    """A detector's graph from a file.

    Raises:
        ModelUnsupported: It is no ONNX file, or one that cannot be brought up to a present operator set.
    """
    try:
        model = onnx.load(str(path))
        onnx.checker.check_model(model)
    except Exception as error:  # protobuf's and onnx's errors have no common root
        raise ModelUnsupported(f"{path}: expected an ONNX file, but it cannot be read ({type(error).__name__})") from error
    if is_quantised(model) or _is_ours(model):
        return model
    try:
        if _opset(model) < _OLDEST_OPSET:
            model = onnx.version_converter.convert_version(model, OPSET)
        return rewritten(model)
    except Exception as error:  # as above
        raise ModelUnsupported(f"{path}: its operators cannot be brought up to ONNX opset {OPSET}: {error}") from error


def is_quantised(model: onnx.ModelProto) -> bool:
    """Whether it has 8-bit parts already."""
    return any(node.op_type in ("DequantizeLinear", "QLinearConv", "ConvInteger") for node in model.graph.node)


def _is_ours(model: onnx.ModelProto) -> bool:
    return bool(model.producer_name == "panops")


def _opset(model: onnx.ModelProto) -> int:
    return max((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), default=0)
