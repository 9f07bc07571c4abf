"""The classifier as it is exported: normalisations folded into their convolutions, the first of which takes pixels 0 to 255.

The picture's bytes are then what the network's first convolution takes, and 8 bits hold them exactly.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from panops.training.mobilenet import BLACK, PIXEL_MEAN, PIXEL_SCALE, ClassifierNetwork, ConvUnit, InvertedResidual


class FoldedUnit(nn.Module):
    """A `ConvUnit` as one convolution with a bias.

    Args:
        unit: In evaluation mode.
        pixels: It is the first one: its input shall be 0 to 255 instead of -1 to 1.
    """

    def __init__(self, unit: ConvUnit, *, pixels: bool = False) -> None:
        super().__init__()
        old, norm = unit.conv, unit.norm
        kernel, stride = old.kernel_size[0], old.stride[0]
        same = 0 if unit.ahead else kernel // 2
        self.conv = nn.Conv2d(old.in_channels, old.out_channels, kernel, stride, same, groups=old.groups, bias=True)
        factor = norm.weight.double() / (norm.running_var.double() + norm.eps).sqrt()  # type: ignore[union-attr]  # it keeps statistics
        weight = old.weight.double() * factor[:, None, None, None]
        bias = norm.bias.double() - factor * norm.running_mean.double()  # type: ignore[union-attr]  # as above
        if pixels:
            bias = bias - PIXEL_MEAN * PIXEL_SCALE * weight.sum((1, 2, 3))
            weight = weight * PIXEL_SCALE
        with torch.no_grad():
            self.conv.weight.copy_(weight)
            self.conv.bias.copy_(bias)  # type: ignore[union-attr]  # it has one
        self.linear, self.ahead = unit.linear, unit.ahead

    def forward(self, x: Tensor) -> Tensor:
        """As `ConvUnit`; 0 lies around a picture, which is black where pixels are 0 to 255."""
        if self.ahead:
            x = functional.pad(x, (0, self.ahead, 0, self.ahead))
        x = self.conv(x)
        return x if self.linear else functional.relu6(x)


class _FoldedBlock(nn.Module):
    def __init__(self, block: InvertedResidual) -> None:
        super().__init__()
        self.units = nn.Sequential(*(FoldedUnit(unit) for unit in block.units if isinstance(unit, ConvUnit)))
        self.shortcut = block.shortcut

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.units(x)
        return x + made if self.shortcut else made


def _folded(part: nn.Module) -> nn.Module:
    if isinstance(part, InvertedResidual):
        return _FoldedBlock(part)
    assert isinstance(part, ConvUnit)  # noqa: S101  # the network has no others
    return FoldedUnit(part)


class ExportedClassifier(nn.Module):
    """Pictures (B, 3, H, W) float32, RGB pixels 0 to 255, to scores (B, C), each row adding up to 1.

    Args:
        network: Trained with a black border; in evaluation mode.

    Raises:
        ValueError: It was trained with another border, which pixels 0 to 255 cannot have for nothing.
    """

    def __init__(self, network: ClassifierNetwork) -> None:
        super().__init__()
        stem = network.parts[0]
        if not isinstance(stem, ConvUnit) or stem.border != BLACK:
            raise ValueError("expected a network with a black border to export")
        parts: list[nn.Module] = [FoldedUnit(stem, pixels=True)]
        parts += [_folded(part) for part in network.parts[1:]]
        self.parts = nn.Sequential(*parts)
        self.head = network.head

    def forward(self, pictures: Tensor) -> Tensor:
        """Pictures to scores."""
        pooled = functional.adaptive_avg_pool2d(self.parts(pictures), 1)
        return self.head(pooled).flatten(1).softmax(1)  # type: ignore[no-any-return]  # torch's modules give Any
