"""The tracker's policy, passed in as a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

CONFUSABLE_CLASSES: tuple[tuple[str, ...], ...] = (
    ("car", "truck", "bus", "van", "vehicle"),
    ("bicycle", "motorcycle", "motorbike", "scooter"),
    ("cat", "dog"),
    ("horse", "cow", "sheep"),
    ("backpack", "handbag", "suitcase"),
)
"""Class names that detectors mix up from frame to frame: a track may change among those of one group, and never leaves it."""


@dataclass(frozen=True, slots=True)
class TrackerSettings:
    """How the tracker decides. The defaults are for about 5 frames/s; `full_rate()` is for video at 15 frames/s and more.

    Scores are the detector's. Similarity is the IoU of expanded boxes times the detection's score, 0..1.

    Attributes:
        low_score: Detections below it are not used at all.
        high_score: From here on a detection may begin a track and may find a lost one again; below it only goes on with a track
            that was seen in the camera's last frame (ByteTrack).
        sure_score: A track that begins with so high a score is confirmed at once.
        confirm_hits: Any other track is confirmed when it was seen in so many frames one after the other; 1 confirms all at once.
        lost_s: How long a track that is looked for and not found is remembered, s.
        gap_s: How long a camera may be not looked at before its tracks are dropped, s: nothing is known of the time between.
        expand: Boxes are made larger for matching by this share of their width on the left and right, and of their height above and
            below, so that fast or small things still overlap at low rates (C-BIoU).
        gate_high: Least similarity for detections from `high_score` on.
        gate_low: Least similarity for those below it.
        gate_tentative: Least similarity for tracks that are not confirmed yet.
        duplicate_iou: A lost track that overlaps a seen one by more than this is the same object: the older identity stays.
        reference_fps: The rate whose steps the filter's noise is given for.
        position_noise: Standard deviation of position and size, as a share of the box's size: of a measurement, and of one step.
        velocity_noise: Standard deviation of the change of velocity in one step, as a share of the box's size.
        horizon_s: Motion is extrapolated over at most this long, s; after that the object is expected to have stopped.
        report_lost: Report lost tracks too, at their predicted place with `detection_index` -1.
        report_tentative: Report tracks that are not confirmed yet too.
        confusable: Groups of class names; see `CONFUSABLE_CLASSES`.
    """

    low_score: float = 0.1
    high_score: float = 0.4
    sure_score: float = 0.8
    confirm_hits: int = 2
    lost_s: float = 1.0
    gap_s: float = 30.0
    expand: float = 0.2
    gate_high: float = 0.2
    gate_low: float = 0.5
    gate_tentative: float = 0.15
    duplicate_iou: float = 0.85
    reference_fps: float = 30.0
    position_noise: float = 1 / 20
    velocity_noise: float = 1 / 160
    horizon_s: float = 1.0
    report_lost: bool = False
    report_tentative: bool = False
    confusable: tuple[tuple[str, ...], ...] = CONFUSABLE_CLASSES

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            ValueError: A value is out of its range.
        """
        if not 0 <= self.low_score <= self.high_score <= 1:
            raise ValueError(f"expected 0 <= low_score <= high_score <= 1, got {self.low_score} and {self.high_score}")
        if self.confirm_hits < 1:
            raise ValueError(f"expected confirm_hits of at least 1, got {self.confirm_hits}")
        for name in ("lost_s", "gap_s", "expand", "horizon_s"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise ValueError(f"expected {name} of 0 or more, got {getattr(self, name)}")
        for name in ("reference_fps", "position_noise", "velocity_noise", "gate_high", "gate_low", "gate_tentative"):
            if not 0 < getattr(self, name) < float("inf"):
                raise ValueError(f"expected {name} above 0, got {getattr(self, name)}")
        if not 0 < self.duplicate_iou <= 1:
            raise ValueError(f"expected duplicate_iou in 0..1, got {self.duplicate_iou}")

    @classmethod
    def full_rate(cls) -> Self:
        """For 15 frames/s and more: boxes move little from frame to frame, so matches and new tracks can be asked more of."""
        return cls(high_score=0.6, gate_high=0.25, gate_low=0.6, gate_tentative=0.3)
