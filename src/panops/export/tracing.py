"""From a torch network to a small, plain ONNX graph: convolutions with their batch normalisation folded in, and little else."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import onnx

from panops.domain.errors import ModelUnsupported
from panops.export.graph_rewrites import INPUT_NAME, OUTPUT_NAME, freed_sizes, rewritten

if TYPE_CHECKING:
    from torch import nn

# Read by OpenVINO 2023 and later and by onnxruntime 1.14 and later; per-channel QDQ needs 13.
OPSET = 18
# The smallest cell is 32 px wide.
_STEP_PX = 32


def onnx_from_torch(
    network: nn.Module, size_wh: tuple[int, int], *, dynamic: bool = False, output_name: str = OUTPUT_NAME
) -> onnx.ModelProto:
    """Trace a network.

    Args:
        network: Pictures (B, 3, H, W) float32 to rows (B, N, 5 + C) or scores (B, C), such as the training's
            `ExportedNetwork`; it is put into evaluation mode.
        size_wh: Width and height of the pictures, px, multiples of 32.
        dynamic: Leave batch, height and width open instead of 1 and `size_wh`.
        output_name: What the output is called: `rows` of a detector, `scores` of a classifier.

    Returns:
        The graph after `graph_rewrites`. The same network gives the same bytes.

    Raises:
        ModelUnsupported: The size is no multiple of 32, or torch cannot trace the network.
    """
    import torch  # noqa: PLC0415  # heavy, and only here: ONNX files are exported further without it

    width, height = size_wh
    if width < _STEP_PX or height < _STEP_PX or width % _STEP_PX or height % _STEP_PX:
        raise ModelUnsupported(f"expected an input size of multiples of {_STEP_PX} px, got {width}x{height}")
    network.eval()
    picture = torch.zeros(1, 3, height, width)
    try:
        with _quietly():
            program: Any = torch.onnx.export(
                network,
                (picture,),
                input_names=[INPUT_NAME],
                output_names=[output_name],
                opset_version=OPSET,
                dynamo=True,
                external_data=False,
                verbose=False,
            )
    except torch.onnx.errors.OnnxExporterError as error:
        raise ModelUnsupported(f"torch cannot trace this network: {str(error).splitlines()[0]}") from error
    model = rewritten(program.model_proto, output_name)
    if dynamic:
        model = freed_sizes(model)
    onnx.checker.check_model(model)
    return model


@contextmanager
def _quietly() -> Iterator[None]:
    """Without the exporter's notes about itself: its own deprecations, and torchvision, which nobody needs here."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
