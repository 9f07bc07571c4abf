"""One look at one camera: a frame that was due, and what came of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from panops.domain.compliance import ComplianceRecord
from panops.domain.events import Event
from panops.domain.frame import Frame
from panops.domain.tracks import Tracks


@dataclass(frozen=True, slots=True, eq=False)
class Check:
    """A frame on its way to the detector.

    Attributes:
        camera_id: The camera.
        frame: The picture.
        arrived_s: When the frame was decoded, on the monotonic clock.
        moved: Whether the motion gate saw a change.
        owner: The camera's loop that made it; a check whose loop has been replaced is void.
        replayed: Whether its picture was slept through and is looked at afterwards.
        taken_s: When its packet came, on the monotonic clock; infinity where that is not known. Staleness counts from here, for the
            moment of capture is only estimated, and a camera's own delay makes nothing stale.
    """

    camera_id: str
    frame: Frame
    arrived_s: float
    moved: bool
    owner: object = None
    replayed: bool = False
    taken_s: float = math.inf

    @property
    def since_s(self) -> float:
        """From when on it grows stale, on the monotonic clock."""
        return min(self.arrived_s, self.taken_s)


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What one check came to.

    Attributes:
        check: The look.
        tracks: The camera's objects after it.
        events: What began, went on or ended.
        inference_s: Time in the detector, s; 0.0 when it was not needed.
        before: JPEG of how the picture was before, for events of the camera itself; empty for all others.
        records: What people wore who have left.
        is_blind: Whether nobody looked for people in this picture, or the last look for them failed: then that there are no tracks says
            nothing about who is there.
    """

    check: Check
    tracks: Tracks
    events: tuple[Event, ...]
    inference_s: float
    before: bytes = b""
    records: tuple[ComplianceRecord, ...] = ()
    is_blind: bool = False
