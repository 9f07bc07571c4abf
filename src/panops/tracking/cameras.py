"""What the tracker knows of each camera besides its tracks: its clock, its next id, its classes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from panops.domain.protocols import Observation
from panops.tracking.class_groups import ClassGroups
from panops.tracking.settings import TrackerSettings

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]

_NEVER = -np.inf


class Cameras:
    """One slot a camera id, in arrays. A slot is kept for good, so that ids are never used again; it costs some 200 bytes.

    Args:
        settings: For the score from which a detection may begin a track, and the confusable classes.
    """

    def __init__(self, settings: TrackerSettings) -> None:
        self._settings = settings
        self._groups = ClassGroups(settings.confusable)
        self._slots: dict[str, int] = {}
        self.clock_s: FloatArray = np.zeros(0)
        """(S,) time of the last observation, s; minus infinity before the first."""
        self.next_id: IntArray = np.zeros(0, np.int64)
        """(S,) the id of the next track."""
        self.high_score: FloatArray = np.zeros(0)
        """(S,) from which score on a detection may begin a track."""
        self._vocabulary: IntArray = np.zeros(0, np.int64)

    def __len__(self) -> int:
        """How many slots."""
        return len(self._slots)

    def slots(self, observations: Sequence[Observation]) -> IntArray:
        """(C,) the observations' slots; new cameras get one.

        Raises:
            ValueError: A camera occurs twice, its time is not a number, or is not later than its last one. Nothing is changed then.
        """
        problems = []
        seen: set[str] = set()
        for observation in observations:
            camera_id, time_s = observation.camera_id, observation.time_s
            slot = self._slots.get(camera_id)
            if camera_id in seen:
                problems.append(f"camera {camera_id!r} occurs twice")
            elif not math.isfinite(time_s):
                problems.append(f"camera {camera_id!r} has the time {time_s}")
            elif slot is not None and time_s <= self.clock_s[slot]:
                problems.append(f"camera {camera_id!r} goes from {self.clock_s[slot]:.6f} s back to {time_s:.6f} s")
            seen.add(camera_id)
        if problems:
            raise ValueError(f"expected one observation a camera, each later than its last one; {'; '.join(problems)}")
        return np.array([self._slot(observation.camera_id) for observation in observations], dtype=np.int64)

    def describe(self, camera_id: str, classes: Sequence[str], min_score: float | None) -> None:
        """Note a camera's class names, and the score from which its user wants detections to count.

        Raises:
            ValueError: `min_score` is not within 0..1.
        """
        if min_score is not None and not 0 <= min_score <= 1:
            raise ValueError(f"camera {camera_id!r}: expected min_score in 0..1, got {min_score}")
        slot = self._slot(camera_id)
        self._vocabulary[slot] = self._groups.vocabulary(tuple(classes))
        high = self._settings.high_score
        self.high_score[slot] = high if min_score is None else min(high, min_score)

    def restart(self, camera_id: str) -> int | None:
        """Forget everything of a camera but its next id; its slot, or None when it was never seen."""
        slot = self._slots.get(camera_id)
        if slot is not None:
            self.clock_s[slot] = _NEVER
            self._vocabulary[slot] = 0
            self.high_score[slot] = self._settings.high_score
        return slot

    def groups(self, slot: IntArray, class_id: IntArray) -> IntArray:
        """(D,) class groups of classes (D,) seen by the cameras in slots (D,)."""
        return self._groups.of(self._vocabulary[slot], class_id)

    def take_ids(self, slot: IntArray) -> IntArray:
        """(B,) fresh ids for new tracks in these slots (B,), ascending: each camera counts on its own."""
        rank = np.arange(len(slot)) - np.searchsorted(slot, slot)
        ids = self.next_id[slot] + rank
        self.next_id += np.bincount(slot, minlength=len(self.next_id))
        return ids

    def _slot(self, camera_id: str) -> int:
        slot = self._slots.get(camera_id)
        if slot is None:
            slot = self._slots[camera_id] = len(self._slots)
            self.clock_s = np.append(self.clock_s, _NEVER)
            self.next_id = np.append(self.next_id, 1)
            self.high_score = np.append(self.high_score, self._settings.high_score)
            self._vocabulary = np.append(self._vocabulary, 0)
        return slot
