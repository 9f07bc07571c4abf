"""The objects followed in one camera at one moment, as a struct of arrays."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Self

import numpy as np
from numpy.typing import NDArray

from panops.domain.areas import AreaLook
from panops.domain.faces import FaceLook
from panops.domain.gestures import GestureLook

KEYPOINTS_SHAPE = (17, 3)
"""Of one person: COCO's joints, each x, y and score."""


class TrackState(IntEnum):
    """How sure a track is.

    TENTATIVE is seen too seldom to be reported by default, CONFIRMED is seen in this frame, LOST is not seen in this frame and predicted.
    """

    TENTATIVE = 0
    CONFIRMED = 1
    LOST = 2


@dataclass(frozen=True, slots=True, eq=False)
class Tracks:
    """N tracks of one camera at `time_s`. Arrays are read-only.

    Attributes:
        camera_id: The camera.
        time_s: The frame's capture time, s (UTC for a live camera, media time for a file).
        track_id: (N,) int64, unique within the camera and never re-used while the process runs.
        xyxy: Boxes (N, 4) float32, px of the source frame, as detected (not smoothed) for confirmed tracks.
        score: (N,) float32, the score of the matched detection, or the last one for a lost track.
        class_id: (N,) int64, an index into the detector's classes.
        state: (N,) int64 of `TrackState`.
        first_seen_s: (N,) float64, when the track began.
        last_seen_s: (N,) float64, when a detection last matched; equals `time_s` for confirmed tracks.
        detection_index: (N,) int64, the row of the matched `Detections`, -1 for lost tracks.
        keypoints: (N, 17, 3) float32 of x, y in px and score 0..1, the joints in COCO's order, where the camera looks for them; rows that
            were not looked at just now have NaN. None where nobody's joints are known.
        lies: (N,) bool, who is known to lie from looks at their place; None where nobody was found lying just now.
        faces: What looks at faces said just now; at most one for each track, most often none at all.
        gestures: What looks at hands said just now, likewise.
        areas: How much of the zones each class covers, where a look at the whole picture has just said so; most often None.
    """

    camera_id: str
    time_s: float
    track_id: NDArray[np.int64]
    xyxy: NDArray[np.float32]
    score: NDArray[np.float32]
    class_id: NDArray[np.int64]
    state: NDArray[np.int64]
    first_seen_s: NDArray[np.float64]
    last_seen_s: NDArray[np.float64]
    detection_index: NDArray[np.int64]
    keypoints: NDArray[np.float32] | None = None
    lies: NDArray[np.bool_] | None = None
    faces: tuple[FaceLook, ...] = ()
    gestures: tuple[GestureLook, ...] = ()
    areas: AreaLook | None = None

    def __post_init__(self) -> None:
        """Check the lengths and make the arrays read-only."""
        count = len(self.track_id)
        for array in self._arrays():
            if len(array) != count:
                raise ValueError(f"expected {count} rows in every array, got {len(array)}")
            array.setflags(write=False)
        if self.keypoints is not None:
            if self.keypoints.shape != (count, *KEYPOINTS_SHAPE):
                raise ValueError(f"expected keypoints {(count, *KEYPOINTS_SHAPE)}, got {self.keypoints.shape}")
            self.keypoints.setflags(write=False)
        if self.lies is not None:
            if self.lies.shape != (count,):
                raise ValueError(f"expected lies {(count,)}, got {self.lies.shape}")
            self.lies.setflags(write=False)

    def __len__(self) -> int:
        """How many tracks."""
        return len(self.track_id)

    @classmethod
    def empty(cls, camera_id: str, time_s: float) -> Self:
        """No tracks."""
        ids, times = np.zeros(0, np.int64), np.zeros(0, np.float64)
        return cls(camera_id, time_s, ids, np.zeros((0, 4), np.float32), np.zeros(0, np.float32), ids, ids, times, times, ids)

    def select(self, keep: NDArray[np.bool_] | NDArray[np.int64]) -> Tracks:
        """The rows that `keep`, a mask (N,) or indices (K,), names."""
        points = None if self.keypoints is None else self.keypoints[keep]
        lies = None if self.lies is None else self.lies[keep]
        kept = Tracks(self.camera_id, self.time_s, *(array[keep] for array in self._arrays()), points, lies)  # type: ignore[arg-type,call-arg]
        if not self.faces and not self.gestures and self.areas is None:
            return kept
        ids = set(kept.track_id.tolist())
        faces = tuple(look for look in self.faces if look.track_id in ids)
        return replace(kept, faces=faces, gestures=tuple(look for look in self.gestures if look.track_id in ids), areas=self.areas)

    def _arrays(self) -> tuple[NDArray[np.generic], ...]:
        return (
            self.track_id,
            self.xyxy,
            self.score,
            self.class_id,
            self.state,
            self.first_seen_s,
            self.last_seen_s,
            self.detection_index,
        )

    def __repr__(self) -> str:
        """Camera, time and count, not contents."""
        return f"Tracks({self.camera_id!r}, time_s={self.time_s:.3f}, n={len(self)})"
