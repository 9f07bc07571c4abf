"""Events that people judged, with their picture: what a detector can learn from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from panops.domain.places import Box


class SeenThing(NamedTuple):
    """One tracked object in an event's picture; `box` is relative x1, y1, x2, y2 (0..1)."""

    track_id: int
    class_name: str
    score: float
    box: Box


@dataclass(frozen=True, slots=True)
class PicturedEvent:
    """An event that somebody called a true or a false alarm, and the picture that was kept of it.

    Attributes:
        event_id: The event.
        camera_id: Its camera.
        rule_id: Its rule.
        kind: The rule's kind.
        class_name: What its main object was taken for; empty where the kind has none.
        false_alarm: Whether it was a false alarm.
        track_ids: The tracks that took part.
        box: Where the main object was at its best moment, relative; None where the event has none. The picture may be of another moment.
        picture: The clean picture's file; None where none was kept, or it is gone.
        pictured_at_s: When it was taken, UTC s; when the event began where there is none.
        things: What was tracked in that very picture; empty where that is not known.
    """

    event_id: str
    camera_id: str
    rule_id: str
    kind: str
    class_name: str
    false_alarm: bool
    track_ids: tuple[int, ...]
    box: Box | None
    picture: Path | None
    pictured_at_s: float
    things: tuple[SeenThing, ...] = ()

    @property
    def run(self) -> str:
        """Within what its track ids are unique: the camera and its epoch."""
        return self.event_id.rpartition("-")[0]


@dataclass(frozen=True, slots=True, eq=False)
class JudgedBoxes:
    """What somebody judged in one picture, for measuring a detector. The array is read-only.

    Attributes:
        event_id: The event.
        camera_id: Its camera.
        class_name: What it was taken for.
        false_alarm: Whether there is nothing of that class.
        xyxy: (N, 4) float32, px of the picture, at least one box.
        min_score: From which score on its camera takes a detection for one, 0..1.
        path: The picture.
        size_wh: Its size, px.
    """

    event_id: str
    camera_id: str
    class_name: str
    false_alarm: bool
    xyxy: NDArray[np.float32]
    min_score: float
    path: Path
    size_wh: tuple[int, int]

    def __post_init__(self) -> None:
        """Check the shape and make the array read-only."""
        if self.xyxy.ndim != 2 or self.xyxy.shape[1] != 4 or not len(self.xyxy):
            raise ValueError(f"expected xyxy (N, 4) with at least one box, got {self.xyxy.shape}")
        self.xyxy.setflags(write=False)
