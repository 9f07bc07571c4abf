"""What a detector makes of pictures that people judged: are the false alarms found again, and the true ones still?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from panops.domain.boxes import iou
from panops.domain.detections import Detections
from panops.domain.judged_pictures import JudgedBoxes
from panops.domain.labels import matched_classes

_SAME_IOU = 0.5


@dataclass(frozen=True, slots=True)
class VerdictScore:
    """Counts over judged events.

    Attributes:
        false_count: False alarms that were looked at.
        false_found: Those that would be detected again: at their camera's threshold, a box of the class at IoU .5 or more.
        true_count: True alarms that were looked at.
        true_found: Those whose every thing is found by the same measure.
        lost: The event ids of true alarms that are not found.
        again: The event ids of false alarms that are found again.
    """

    false_count: int
    false_found: int
    true_count: int
    true_found: int
    lost: tuple[str, ...] = ()
    again: tuple[str, ...] = ()

    def record(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def score_verdicts(judged: Sequence[JudgedBoxes], found: Sequence[Detections], classes: Sequence[str]) -> VerdictScore:
    """Count what a detector finds of judged events.

    Args:
        judged: The events.
        found: What the detector sees in the picture of each, px.
        classes: The detector's.
    """
    again, lost = [], []
    for one, seen in zip(judged, found, strict=True):
        hits = _hits(one, seen, classes)
        if one.false_alarm and any(hits):
            again.append(one.event_id)
        elif not one.false_alarm and not all(hits):
            lost.append(one.event_id)
    false_count = sum(one.false_alarm for one in judged)
    true_count = len(judged) - false_count
    return VerdictScore(false_count, len(again), true_count, true_count - len(lost), tuple(lost), tuple(again))


def _hits(one: JudgedBoxes, seen: Detections, classes: Sequence[str]) -> list[bool]:
    """For each judged box whether a detection of its class, sure enough for its camera, lies there."""
    class_id = int(matched_classes([one.class_name], classes)[0])
    fits = (seen.class_id == class_id) & (seen.score >= one.min_score)
    if not fits.any():
        return [False] * len(one.xyxy)
    best = iou(one.xyxy, seen.xyxy[fits]).max(axis=1)
    return [float(overlap) >= _SAME_IOU for overlap in best]
