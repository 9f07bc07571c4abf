"""The exponential moving average of the weights: what is evaluated and kept (B. Polyak, 1992; as YOLOX warms it up)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class WeightAverage:
    """Follows a network's weights.

    Args:
        network: The network that is trained.
        decay: Share of the old average kept at each step, once warm.
        warm_steps: After so many steps 63 % of `decay` is reached; before, the average follows more closely.
    """

    def __init__(self, network: nn.Module, decay: float, warm_steps: float) -> None:
        self._network = network
        self._decay = decay
        self._warm_steps = warm_steps
        self.steps = 0
        self.state: dict[str, Tensor] = {key: value.detach().clone() for key, value in network.state_dict().items()}

    @torch.no_grad()
    def update(self) -> None:
        """Take the network's weights of this step in."""
        self.steps += 1
        keep = self._decay * (1.0 - math.exp(-self.steps / self._warm_steps))
        for key, value in self._network.state_dict().items():
            own = self.state[key]
            if own.is_floating_point():
                own.lerp_(value, 1.0 - keep)
            else:
                own.copy_(value)

    def load(self, state: dict[str, Tensor], steps: int) -> None:
        """Go on from a checkpoint."""
        self.state = {key: value.clone().to(self.state[key].device) for key, value in state.items()}
        self.steps = steps
