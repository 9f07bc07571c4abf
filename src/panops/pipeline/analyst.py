"""A round of checks of several cameras: each through its detector, all through one tracker call, each through its rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from panops.domain.protocols import Observation, Tracker
from panops.domain.tracks import Tracks
from panops.pipeline.camera_loop import CameraLoop
from panops.pipeline.check import Check, Outcome


class Analyst:
    """Joins detectors, the tracker and rules. Used by one thread.

    Args:
        tracker: For all cameras of the shard.
        loops: The cameras by id; the caller may change it between rounds.
    """

    def __init__(self, tracker: Tracker, loops: Mapping[str, CameraLoop]) -> None:
        self._tracker = tracker
        self._loops = loops

    def round(self, checks: Sequence[Check]) -> list[Outcome]:
        """Analyse checks, at most one a camera.

        A check that the gate let through costs a detection and an observation. One that it held back, with nothing followed, costs neither:
        the rules then see an empty picture at its time, so that open events can end.
        """
        looked: list[tuple[Check, float]] = []
        observations: list[Observation] = []
        outcomes: list[Outcome] = []
        for check in checks:
            loop = self._loops.get(check.camera_id)
            if loop is None:
                continue  # the camera was removed while its check waited
            if not loop.wants_detector(check):
                empty = Tracks.empty(check.camera_id, check.frame.captured_at_s)
                outcomes.append(loop.conclude(check, empty, 0.0))
                continue
            observation, took_s = loop.detect(check)
            if observation is not None:
                looked.append((check, took_s))
                observations.append(observation)
        tracks = self._tracker.update(observations) if observations else []
        for (check, took_s), result in zip(looked, tracks, strict=True):
            outcomes.append(self._loops[check.camera_id].conclude(check, result, took_s))
        return outcomes

    def begin(self, loop: CameraLoop) -> None:
        """Tell the tracker of a camera that begins, or begins anew with another detector."""
        self._tracker.describe(loop.camera_id, loop.detector.classes, loop.config.min_score)

    def forget(self, camera_id: str) -> None:
        """Drop what is remembered of a camera that went away."""
        self._tracker.forget(camera_id)
