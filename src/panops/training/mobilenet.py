"""MobileNetV2 with a head of one's own.

M. Sandler et al., MobileNetV2: Inverted Residuals and Linear Bottlenecks (2018), https://arxiv.org/abs/1801.04381, table 2.

Padding is TensorFlow's, since published weights come from there: a stride of 2 takes the row and column after the picture, not before.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

# Table 2: expansion, channels, repeats, first stride.
_STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
BLOCKS = sum(repeats for _, _, repeats, _ in _STAGES)
_STEM, _LAST = 32, 1280
# What TensorFlow trains with; but statistics follow the weights faster than there, for a transfer has hundreds of steps, not millions.
_EPSILON, _MOMENTUM = 1e-3, 0.1
# Pixels 0 to 255 as the network wants them: (pixel - 127.5) / 127.5; and black as it then is.
PIXEL_MEAN, PIXEL_SCALE = 127.5, 1 / 127.5
BLACK, GREY = -1.0, 0.0


@dataclass(frozen=True, slots=True)
class ClassifierShape:
    """What a classifier network looks like.

    Attributes:
        classes: Names; the index is the class id.
        width: The channels' share of the paper's.
        dropout: Share of the pooled features that a training step leaves out.
    """

    classes: tuple[str, ...]
    width: float = 1.0
    dropout: float = 0.2

    def channels(self, full: int) -> int:
        """`full` at this width, a multiple of 8 that is no more than a tenth below it, as in the authors' code."""
        wanted = full * self.width
        rounded = max(8, int(wanted + 4) // 8 * 8)
        return rounded if rounded >= 0.9 * wanted else rounded + 8


class ConvUnit(nn.Module):
    """Convolution, batch normalisation and, but after a block's last one, ReLU6.

    Args:
        inputs: Channels.
        outputs: Channels.
        kernel: Side, px.
        stride: 1 or 2.
        groups: As many as channels for a depthwise one.
        linear: Without the ReLU6.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1, *, linear: bool = False) -> None:
        super().__init__()
        same = kernel // 2 if stride == 1 else 0
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, same, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(outputs, _EPSILON, _MOMENTUM)
        self.linear = linear
        self.ahead = kernel // 2 if stride > 1 else 0
        self.border = GREY

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H / stride, W / stride)."""
        if self.ahead:
            x = functional.pad(x, (0, self.ahead, 0, self.ahead), value=self.border)
        x = self.norm(self.conv(x))
        return x if self.linear else functional.relu6(x)


class InvertedResidual(nn.Module):
    """Expand, filter each channel, project; with a shortcut where the shape stays (figure 4d of the paper)."""

    def __init__(self, inputs: int, outputs: int, expansion: int, stride: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        units = [ConvUnit(inputs, hidden)] if expansion > 1 else []
        units += [ConvUnit(hidden, hidden, 3, stride, groups=hidden), ConvUnit(hidden, outputs, linear=True)]
        self.units = nn.Sequential(*units)
        self.shortcut = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H / stride, W / stride)."""
        made: Tensor = self.units(x)
        return x + made if self.shortcut else made


class ClassifierNetwork(nn.Module):
    """MobileNetV2 from pixels to logits.

    `parts` holds the stem, the 17 blocks and the last convolution; the head is a dense layer on their mean, written as a 1x1 convolution,
    which every export knows.

    Args:
        shape: What it looks like.
        border: What lies after a picture's last row and column: `GREY` as the published weights were trained, `BLACK` as a graph has it
            whose first convolution takes pixels 0 to 255 (`export.classifier_graph`).
    """

    def __init__(self, shape: ClassifierShape, border: float = BLACK) -> None:
        super().__init__()
        self.shape = shape
        width = shape.channels(_STEM)
        stem = ConvUnit(3, width, 3, 2)
        stem.border = border
        parts: list[nn.Module] = [stem]
        for expansion, full, repeats, stride in _STAGES:
            for index in range(repeats):
                outputs = shape.channels(full)
                parts.append(InvertedResidual(width, outputs, expansion, stride if index == 0 else 1))
                width = outputs
        self.feature_count = max(_LAST, shape.channels(_LAST)) if shape.width >= 1 else shape.channels(_LAST)
        parts.append(ConvUnit(width, self.feature_count))
        self.parts = nn.ModuleList(parts)
        self.dropout = nn.Dropout(shape.dropout)
        self.head = nn.Conv2d(self.feature_count, len(shape.classes), 1)
        nn.init.normal_(self.head.weight, std=0.01)
        nn.init.zeros_(self.head.bias)  # type: ignore[arg-type]  # it has one

    def forward(self, pictures: Tensor) -> Tensor:
        """Pictures (B, 3, H, W) float32, RGB pixels 0 to 255, H and W multiples of 32, to logits (B, C)."""
        return self.answer(self.features(pictures))

    def features(self, pictures: Tensor) -> Tensor:
        """Pictures to pooled features (B, F)."""
        return self.pooled(self.upto(self.normalised(pictures), 0, len(self.parts)))

    @staticmethod
    def normalised(pictures: Tensor) -> Tensor:
        """Pixels 0 to 255 as -1 to 1."""
        return (pictures - PIXEL_MEAN) * PIXEL_SCALE

    def upto(self, x: Tensor, first: int, end: int) -> Tensor:
        """The parts `first` to `end` one after the other."""
        for part in self.parts[first:end]:
            x = part(x)
        return x

    @staticmethod
    def pooled(x: Tensor) -> Tensor:
        """The mean over all places: (B, F, H, W) to (B, F)."""
        return x.mean((2, 3))

    def answer(self, features: Tensor) -> Tensor:
        """Pooled features (B, F) to logits (B, C)."""
        return self.head(self.dropout(features)[:, :, None, None]).flatten(1)  # type: ignore[no-any-return]  # torch's modules give Any

    def units(self) -> Iterator[ConvUnit]:
        """All convolutions but the head, in the order in which a picture meets them."""
        for part in self.parts:
            yield from (unit for unit in part.modules() if isinstance(unit, ConvUnit))


def first_part(block: int) -> int:
    """The index in `parts` of a block; `BLOCKS` is the last convolution, and beyond it there is the head alone."""
    return block + 1


@torch.no_grad()
def settle(network: ClassifierNetwork, pictures: list[Tensor]) -> None:
    """Give the normalisations the statistics of these pictures, leaving what the network computes as it is.

    Published weights have their normalisation folded in. With its statistics measured anew, a training step that normalises by its batch
    begins where those weights are, instead of somewhere else.

    Args:
        network: In evaluation mode.
        pictures: Batches (B, 3, H, W) float32.
    """
    sums: dict[ConvUnit, list[Tensor]] = {}

    def watch(unit: ConvUnit) -> torch.utils.hooks.RemovableHandle:
        def note(_module: nn.Module, _inputs: object, output: Tensor) -> None:
            flat = output.double()
            sums.setdefault(unit, []).append(torch.stack([flat.mean((0, 2, 3)), flat.square().mean((0, 2, 3))]))

        return unit.conv.register_forward_hook(note)

    handles = [watch(unit) for unit in network.units()]
    try:
        for batch in pictures:
            network.features(batch)
    finally:
        for handle in handles:
            handle.remove()
    for unit, seen in sums.items():
        mean, square = torch.stack(seen).mean(0)
        variance = (square - mean.square()).clamp_min(0)
        norm = unit.norm
        # What it computes now is a * x + b.
        a = norm.weight.double() / (norm.running_var.double() + norm.eps).sqrt()  # type: ignore[union-attr]  # it keeps statistics
        b = norm.bias.double() - a * norm.running_mean.double()  # type: ignore[union-attr]  # as above
        norm.weight.copy_(a * (variance + norm.eps).sqrt())
        norm.bias.copy_(b + a * mean)
        norm.running_mean.copy_(mean)  # type: ignore[union-attr]  # as above
        norm.running_var.copy_(variance)  # type: ignore[union-attr]  # as above
