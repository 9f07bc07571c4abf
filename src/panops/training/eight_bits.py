"""Training with the rounding of 8 bits in the loop: quantisation-aware training, for networks that lose too much in `panops export`.

Every convolution sees its input and its weights as the exported file will hold them: inputs as 256 levels of one scale for the whole
tensor; before depthwise convolutions, whose channels the export makes equally loud, of one for each channel; weights as 255 levels around
zero with a scale for each output channel. (A scale for each output channel commutes with the batch normalisation behind the convolution, so
nothing has to be folded for it.) The gradient passes the rounding as if it were not there: B. Jacob et al. (2018),
https://arxiv.org/abs/1712.05877. The ranges are those of the batch at hand, so there is no state to keep, and a checkpoint is the same with
and without; `panops export` finds the ranges of the file from its calibration pictures.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

_LEVELS = 255
_MOST_WEIGHT = 127


class RoundingConv2d(nn.Conv2d):
    """A convolution that rounds its input and weights to 8 bits while `eight_bits` is set.

    Attributes:
        eight_bits: Whether it does; a new one does not.
    """

    eight_bits: bool = False

    def forward(self, input: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, outputs, H', W')."""
        if not self.eight_bits:
            return super().forward(input)
        # Channels before a depthwise convolution are made equally loud by the export: one scale serves them as if each had its own.
        rounded = rounded_values(input, each_channel=self.groups > 1)
        return cast("Tensor", self._conv_forward(rounded, rounded_weight(self.weight), self.bias))


def round_to_eight_bits(network: nn.Module, *, on: bool = True) -> int:
    """Switch the rounding of all its convolutions; gives how many there are."""
    convolutions = [module for module in network.modules() if isinstance(module, RoundingConv2d)]
    for module in convolutions:
        module.eight_bits = on
    return len(convolutions)


def rounded_values(values: Tensor, *, each_channel: bool = False) -> Tensor:
    """Values (B, C, H, W) as 256 levels between their smallest and largest, zero being one of them; of all, or of each channel."""
    seen = values.detach().float()
    over = (0, 2, 3) if each_channel else (0, 1, 2, 3)
    # Tensors, not numbers: a GPU would have to be waited for at each convolution.
    low, high = seen.amin(over).clamp_max(0.0), seen.amax(over).clamp_min(0.0)
    scale = ((high - low) / _LEVELS).clamp_min(1e-12)
    zero = (-low / scale).round().clamp(0, _LEVELS).to(torch.int32)
    if each_channel:
        return torch.fake_quantize_per_channel_affine(values.float(), scale, zero, 1, 0, _LEVELS).to(values.dtype)
    return torch.fake_quantize_per_tensor_affine(values.float(), scale, zero, 0, _LEVELS).to(values.dtype)


def rounded_weight(weight: Tensor) -> Tensor:
    """A convolution's weight (O, I, kh, kw) as 255 levels around zero for each output channel."""
    scale = (weight.detach().abs().amax(dim=(1, 2, 3)).float() / _MOST_WEIGHT).clamp_min(1e-12)
    zero = torch.zeros_like(scale, dtype=torch.int32)
    return torch.fake_quantize_per_channel_affine(weight.float(), scale, zero, 0, -_MOST_WEIGHT, _MOST_WEIGHT).to(weight.dtype)
