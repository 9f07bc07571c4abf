"""Somebody lies on the ground, or fell to it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from panops.config.rule_schema import FallConfig
from panops.rules.posture import Posture
from panops.rules.posture_rule import PostureRule
from panops.rules.scene import Scene


class Lying(PostureRule):
    """One incident for each person who lies for `after_s`, however they came to; see `PostureRule`."""

    shown = Posture.LYING


class Fall(PostureRule):
    """One incident for each person who was upright and lies at most `within_s` later, for `after_s`; see `PostureRule`.

    Args:
        config: The rule's settings.
        scene: The camera.
    """

    shown = Posture.LYING

    def __init__(self, config: FallConfig, scene: Scene) -> None:
        """Look the zone up."""
        super().__init__(config, scene)
        self._within_s = config.within_s

    def begins(self, people: NDArray[np.void], time_s: float) -> NDArray[np.bool_]:
        """Those who were upright a moment ago."""
        return np.asarray(people["was_upright"] & (time_s - people["upright_s"] <= self._within_s))
