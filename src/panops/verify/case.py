"""One open event and everything that speaks for or against it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from panops.domain.events import Event
from panops.domain.frame import Frame
from panops.domain.places import Box
from panops.verify.empty_scene import FloatImage, shrunk
from panops.verify.track_log import TrackRecord


class Picture:
    """A frame, and its small grey picture once somebody asked for it.

    Args:
        frame: The frame.
    """

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self._small: FloatImage | None = None

    @property
    def small(self) -> FloatImage:
        """As `empty_scene.shrunk` makes it; once a picture, however many ask."""
        if self._small is None:
            self._small = shrunk(self.frame.luma)
        return self._small


@dataclass(eq=False, slots=True)
class Sighting:
    """One of the event's objects at the look that is judged now.

    Attributes:
        picture: The picture.
        xyxy: The object's box (4,), px of the frame.
        record: What its track did so far.
    """

    picture: Picture
    xyxy: NDArray[np.float32]
    record: TrackRecord

    @property
    def frame(self) -> Frame:
        """The frame."""
        return self.picture.frame

    @property
    def box(self) -> Box:
        """The box, relative x1, y1, x2, y2, cut to the picture."""
        width, height = self.frame.size_wh
        left, top, right, bottom = (float(value) for value in self.xyxy)
        return _share(left, width), _share(top, height), _share(right, width), _share(bottom, height)


# Kinds of events that are about what stands still, or about nobody.
_STILL_KINDS = frozenset({
    "object_left", "object_removed", "occupancy", "absence", "crowding", "compliance", "combined", "hands_up", "lying", "fall",
    "waving", "gesture", "climbing", "identity", "area",
})  # fmt: skip


@dataclass(eq=False, slots=True)
class Case:
    """An event that goes on, as its steps see it.

    Attributes:
        event: Its newest message.
        held_since_s: When its first message came, camera time, s.
        records: What its objects' tracks did so far, those that are gone as well, by track id.
        seen: Its objects at the look that is judged now; empty when none of them is in view.
        notes: What steps remember of it from look to look, by the step's name.
    """

    event: Event
    held_since_s: float
    records: dict[int, TrackRecord] = field(default_factory=dict)
    seen: list[Sighting] = field(default_factory=list)
    notes: dict[str, object] = field(default_factory=dict)

    @property
    def may_stand(self) -> bool:
        """Whether it is of a kind for which it says nothing that its objects stand still."""
        return self.event.incident.kind in _STILL_KINDS

    @property
    def best_score(self) -> float | None:
        """The highest score of any of its objects since they came, in view or not; None where it has none."""
        return max((record.best_score for record in self.records.values()), default=None)

    @property
    def best(self) -> Sighting | None:
        """The object that is seen best now: the one of the highest score so far."""
        return max(self.seen, key=lambda sighting: sighting.record.best_score, default=None)


def _share(value: float, whole: int) -> float:
    return min(max(value / whole, 0.0), 1.0)
