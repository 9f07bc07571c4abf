"""The detector's network: CSP backbone, two-way feature pyramid, decoupled anchor-free head with three strides.

The shape follows Z. Ge et al., YOLOX (2021), https://arxiv.org/abs/2107.08430, so that published YOLOX weights can start it
(`transfer.py`). Two things differ. The activation is ReLU, because it survives 8-bit numbers (SiLU loses half its accuracy and gains no
speed); and the score of a class is one product, sigmoid(class) x sigmoid(objectness), that is trained as a whole, so that a class whose
labels are unknown in a picture can be masked exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from panops.training.eight_bits import RoundingConv2d

ActivationName = Literal["relu", "silu"]
SizeName = Literal["nano", "tiny", "small"]
STRIDES = (8, 16, 32)
# A score before training: one cell in a hundred is taken for an object.
_PRIOR = 0.01


@dataclass(frozen=True, slots=True)
class NetworkShape:
    """What makes a network; stored with its weights.

    Attributes:
        size: How wide and deep: `nano` (0.9 M parameters, depthwise), `tiny` (5 M), `small` (9 M).
        classes: Class names in the order of the score columns.
        activation: `relu`, or `silu` for a teacher and for published weights.
    """

    size: SizeName
    classes: tuple[str, ...]
    activation: ActivationName = "relu"


class LevelMaps(NamedTuple):
    """What the head says of one stride: raw box (B, 4, H, W), objectness (B, 1, H, W) and classes (B, C, H, W), both as logits."""

    box: Tensor
    objectness: Tensor
    classes: Tensor


_WIDTH = {"nano": 0.25, "tiny": 0.375, "small": 0.5}


class ConvUnit(nn.Module):
    """Convolution, batch normalisation, activation."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1, activation: ActivationName = "relu"
    ) -> None:
        super().__init__()
        self.conv = RoundingConv2d(inputs, outputs, kernel, stride, (kernel - 1) // 2, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(outputs, eps=1e-3, momentum=0.03)
        self.activation: nn.Module = nn.ReLU(inplace=True) if activation == "relu" else nn.SiLU(inplace=True)

    def before_activation(self, x: Tensor) -> Tensor:
        """The normalised convolution, which distillation compares."""
        return cast("Tensor", self.norm(self.conv(x)))

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, outputs, H / stride, W / stride)."""
        return cast("Tensor", self.activation(self.before_activation(x)))


class _Plan:
    """Makes the units of one shape, so that no constructor below repeats width, kind and activation."""

    def __init__(self, shape: NetworkShape) -> None:
        self.depthwise = shape.size == "nano"
        self._activation = shape.activation
        self._width = _WIDTH[shape.size]

    def channels(self, full: int) -> int:
        return int(full * self._width)

    def unit(self, inputs: int, outputs: int, kernel: int, stride: int = 1) -> ConvUnit:
        return ConvUnit(inputs, outputs, kernel, stride, 1, self._activation)

    def spatial(self, inputs: int, outputs: int, stride: int = 1) -> nn.Module:
        """A 3x3 convolution; for nano a depthwise and a pointwise one."""
        if not self.depthwise:
            return self.unit(inputs, outputs, 3, stride)
        return nn.Sequential(ConvUnit(inputs, inputs, 3, stride, inputs, self._activation), self.unit(inputs, outputs, 1))


class _Bottleneck(nn.Module):
    def __init__(self, plan: _Plan, channels: int, *, shortcut: bool) -> None:
        super().__init__()
        self.narrow = plan.unit(channels, channels, 1)
        self.spatial = plan.spatial(channels, channels)
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        y = cast("Tensor", self.spatial(self.narrow(x)))
        return x + y if self.shortcut else y


class _CspStage(nn.Module):
    """Cross stage partial: half of the channels go through the bottlenecks, half pass by."""

    def __init__(self, plan: _Plan, inputs: int, outputs: int, depth: int, *, shortcut: bool) -> None:
        super().__init__()
        half = outputs // 2
        self.main = plan.unit(inputs, half, 1)
        self.side = plan.unit(inputs, half, 1)
        self.blocks = nn.Sequential(*(_Bottleneck(plan, half, shortcut=shortcut) for _ in range(depth)))
        self.join = plan.unit(2 * half, outputs, 1)

    def joined(self, x: Tensor) -> Tensor:
        """The input of the last unit."""
        return torch.cat([self.blocks(self.main(x)), self.side(x)], dim=1)

    def forward(self, x: Tensor) -> Tensor:
        return cast("Tensor", self.join(self.joined(x)))


class _PyramidPooling(nn.Module):
    """Maxima over 5, 9 and 13 cells beside the features themselves."""

    def __init__(self, plan: _Plan, channels: int) -> None:
        super().__init__()
        self.narrow = plan.unit(channels, channels // 2, 1)
        self.pools = nn.ModuleList([nn.MaxPool2d(kernel, 1, kernel // 2) for kernel in (5, 9, 13)])
        self.join = plan.unit(channels // 2 * 4, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.narrow(x)
        return cast("Tensor", self.join(torch.cat([x, *(pool(x) for pool in self.pools)], dim=1)))


class Backbone(nn.Module):
    """CSPDarknet: features at strides 8, 16 and 32."""

    def __init__(self, plan: _Plan) -> None:
        super().__init__()
        c1, c2, c3, c4, c5 = (plan.channels(full) for full in (64, 128, 256, 512, 1024))
        self.stem = plan.unit(12, c1, 3)
        self.stage2 = nn.Sequential(plan.spatial(c1, c2, 2), _CspStage(plan, c2, c2, 1, shortcut=True))
        self.stage3 = nn.Sequential(plan.spatial(c2, c3, 2), _CspStage(plan, c3, c3, 3, shortcut=True))
        self.stage4 = nn.Sequential(plan.spatial(c3, c4, 2), _CspStage(plan, c4, c4, 3, shortcut=True))
        self.stage5 = nn.Sequential(plan.spatial(c4, c5, 2), _PyramidPooling(plan, c5), _CspStage(plan, c5, c5, 1, shortcut=False))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Pictures (B, 3, H, W) to three feature maps; the four pixels of each 2x2 block become channels first."""
        blocks = [x[..., ::2, ::2], x[..., 1::2, ::2], x[..., ::2, 1::2], x[..., 1::2, 1::2]]
        x = self.stage2(self.stem(torch.cat(blocks, dim=1)))
        at8 = self.stage3(x)
        at16 = self.stage4(at8)
        return at8, at16, self.stage5(at16)


class Neck(nn.Module):
    """Features go down the pyramid and up again (PAFPN)."""

    def __init__(self, plan: _Plan) -> None:
        super().__init__()
        c3, c4, c5 = (plan.channels(full) for full in (256, 512, 1024))
        self.lateral5 = plan.unit(c5, c4, 1)
        self.down4 = _CspStage(plan, 2 * c4, c4, 1, shortcut=False)
        self.lateral4 = plan.unit(c4, c3, 1)
        self.down3 = _CspStage(plan, 2 * c3, c3, 1, shortcut=False)
        self.shrink3 = plan.spatial(c3, c3, 2)
        self.up4 = _CspStage(plan, 2 * c3, c4, 1, shortcut=False)
        self.shrink4 = plan.spatial(c4, c4, 2)
        self.up5 = _CspStage(plan, 2 * c4, c5, 1, shortcut=False)

    def forward(self, at8: Tensor, at16: Tensor, at32: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """The three maps for the head, and the same before their last activation."""
        top = self.lateral5(at32)
        middle = self.lateral4(self.down4(torch.cat([functional.interpolate(top, scale_factor=2.0), at16], dim=1)))
        raw, out = [], []
        joined = torch.cat([functional.interpolate(middle, scale_factor=2.0), at8], dim=1)
        for stage, shrink, beside in ((self.down3, self.shrink3, middle), (self.up4, self.shrink4, top), (self.up5, None, None)):
            # Cloned, because the activation works in place and distillation wants the value before it.
            raw.append(stage.join.before_activation(stage.joined(joined)))
            out.append(cast("Tensor", stage.join.activation(raw[-1].clone())))
            if shrink is not None and beside is not None:
                joined = torch.cat([shrink(out[-1]), beside], dim=1)
        return out, raw


class _HeadLevel(nn.Module):
    """Two branches for one stride: what it is, and where."""

    def __init__(self, plan: _Plan, inputs: int, class_count: int) -> None:
        super().__init__()
        hidden = plan.channels(256)
        self.stem = plan.unit(inputs, hidden, 1)
        self.class_branch = nn.Sequential(plan.spatial(hidden, hidden), plan.spatial(hidden, hidden))
        self.class_out = RoundingConv2d(hidden, class_count, 1)
        self.box_branch = nn.Sequential(plan.spatial(hidden, hidden), plan.spatial(hidden, hidden))
        self.box_out = RoundingConv2d(hidden, 4, 1)
        self.objectness_out = RoundingConv2d(hidden, 1, 1)
        start = -float(torch.logit(torch.tensor(1 - _PRIOR)))
        nn.init.constant_(cast("Tensor", self.class_out.bias), 0.0)
        nn.init.constant_(cast("Tensor", self.objectness_out.bias), start)

    def forward(self, x: Tensor) -> LevelMaps:
        x = self.stem(x)
        where = self.box_branch(x)
        return LevelMaps(self.box_out(where), self.objectness_out(where), self.class_out(self.class_branch(x)))


class DetectorNetwork(nn.Module):
    """Pictures (B, 3, H, W) float, BGR 0..255, H and W multiples of 32, to `LevelMaps` for each stride.

    Args:
        shape: Size, classes and activation.
    """

    def __init__(self, shape: NetworkShape) -> None:
        super().__init__()
        self.shape = shape
        plan = _Plan(shape)
        self.backbone = Backbone(plan)
        self.neck = Neck(plan)
        widths = [plan.channels(full) for full in (256, 512, 1024)]
        self.head = nn.ModuleList([_HeadLevel(plan, width, len(shape.classes)) for width in widths])

    def forward(self, pictures: Tensor) -> list[LevelMaps]:
        """The maps for strides 8, 16 and 32."""
        return self.with_features(pictures)[0]

    def with_features(self, pictures: Tensor) -> tuple[list[LevelMaps], list[Tensor]]:
        """The maps, and the neck's outputs before their activation, for distillation."""
        out, raw = self.neck(*self.backbone(pictures))
        return [level(features) for level, features in zip(self.head, out, strict=True)], raw


class ExportedNetwork(nn.Module):
    """The network with the output that the head `yolox` of the live path reads: (B, N, 5 + C), box raw, scores as probabilities."""

    def __init__(self, network: DetectorNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, pictures: Tensor) -> Tensor:
        """Pictures (B, 3, H, W) to rows (B, N, 5 + C), strides 8, 16, 32 one after the other, each row by row."""
        return rows_of(self.network(pictures))


def rows_of(levels: Sequence[LevelMaps]) -> Tensor:
    """The head's maps as rows (B, N, 5 + C): four raw box numbers, objectness and class probabilities."""
    parts = [torch.cat([level.box, level.objectness.sigmoid(), level.classes.sigmoid()], dim=1).flatten(2) for level in levels]
    return torch.cat(parts, dim=2).transpose(1, 2)


def parameter_count(network: nn.Module) -> int:
    """How many numbers are learnt."""
    return sum(parameter.numel() for parameter in network.parameters())
