"""Writes a network as a program of torch's own (`.pt2`), for any batch, with nothing in it but arithmetic."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING, Any

from panops.domain.errors import ModelUnsupported
from panops.inference.torch_archive import plain_archive

if TYPE_CHECKING:
    from torch import nn

# Larger than any batch that a device is given.
_LARGEST_BATCH = 256


def program_bytes(network: nn.Module, size_wh: tuple[int, int], name: str) -> tuple[bytes, str]:
    """A `.pt2` file, and what its input is called.

    It goes through the check that reading one goes through (`inference.torch_archive`), so what is written can be read, and nothing of
    the source code or this machine is in it. The same network gives the same bytes.

    Args:
        network: Pictures (B, 3, H, W) float32 to rows; it is put into evaluation mode.
        size_wh: Width and height of the pictures, px.
        name: The file's name, for messages.

    Raises:
        ModelUnsupported: torch cannot export the network, or it needs more than arithmetic.
    """
    import torch  # noqa: PLC0415  # heavy, and only here

    width, height = size_wh
    network.eval()
    buffer, inputs = io.BytesIO(), io.BytesIO()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            batch: Any = torch.export.Dim("batch", min=1, max=_LARGEST_BATCH)
            program = torch.export.export(network, (torch.zeros(2, 3, height, width),), dynamic_shapes=({0: batch},))
            torch.export.save(program, buffer)
            torch.save(((), {}), inputs)
    except (RuntimeError, ValueError, TypeError, NotImplementedError) as error:  # its own errors derive from these
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise ModelUnsupported(f"torch cannot export this network: {reason[0]}") from error
    return plain_archive(name, buffer.getvalue(), inputs.getvalue()), str(program.graph_signature.user_inputs[0])
