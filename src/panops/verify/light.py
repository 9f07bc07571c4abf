"""Step: the object did not come with a jump of the light or a shake of the camera, or it outlasts that."""

from __future__ import annotations

import math

from panops.config.verify_schema import LightConfig
from panops.domain.frame import Frame
from panops.domain.tracks import Tracks
from panops.domain.verdicts import Finding
from panops.verify.case import Case
from panops.verify.step import Opinion, QuietStep, Surroundings

# What is first seen so long after a jump came with it.
_TOGETHER_S = 2.0
# A picture that is off by so much shakes, as a share of its width.
_SHAKE = 0.008


class LightStep(QuietStep):
    """Headlights, a lamp, an exposure that jumps, a gust that shakes the mast: for a moment everything looks new.

    Args:
        config: The step's settings.
        around: The camera's empty scene, which knows when the light jumped.
    """

    name = "light"

    def __init__(self, config: LightConfig, around: Surroundings) -> None:
        self._config = config
        self._scene = around.scene
        self._shaken_s = -math.inf

    def look(self, frame: Frame, tracks: Tracks) -> None:
        """The scene notes jumps of the light by itself."""

    def judge(self, case: Case) -> Opinion:
        """Passes at once without a jump; with one, when the object is still seen after a while."""
        time_s = case.event.incident.updated_at_s
        sighting = case.best
        if sighting is not None and self._scene.shift(sighting.picture.small) > _SHAKE:
            self._shaken_s = time_s
        jump_s = max(self._scene.light_jump_s, self._shaken_s)
        came = [record for record in case.records.values() if not -0.5 <= record.first_s - jump_s <= _TOGETHER_S]
        if came or not case.records:
            return Opinion(Finding(self.name, True, words="It did not come with a change of the light."), sure=True)
        outlasted_s = max(record.last_s for record in case.records.values()) - jump_s
        passed = outlasted_s >= self._config.outlast_s
        what = "the camera shook" if self._shaken_s > self._scene.light_jump_s else "the light jumped"
        words = f"It came when {what}, and was seen for {max(outlasted_s, 0.0):.1f} s after that."
        return Opinion(Finding(self.name, passed, outlasted_s, self._config.outlast_s, words), sure=passed)
