"""What rules say happened, and the proof of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Self

from panops.domain.verdicts import Verdict

CAMERA_HEALTH = "camera_health"
CAMERA_DRIFT = "camera_drift"
BUILT_IN_RULES = (CAMERA_HEALTH, CAMERA_DRIFT)
"""Who raises the events of cameras that are not well; they stand in no site file."""


class EventPhase(StrEnum):
    """Where an event is in its life."""

    BEGIN = "begin"
    UPDATE = "update"
    END = "end"


class Severity(StrEnum):
    """How much an event matters to the operator."""

    INFO = "info"
    WARNING = "warning"
    ALARM = "alarm"


@dataclass(frozen=True, slots=True)
class Incident:
    """An event as a rule knows it: no identity yet, times in the camera's own time.

    Attributes:
        key: Tells apart the incidents that one rule of one camera has open at once; constant over an incident's life.
        phase: Begin, update or end.
        kind: The rule's kind, for example `intrusion`.
        class_name: The class of the main object, or empty where the kind has none.
        zone: The zone's or line's name, or empty.
        track_ids: Every track that took part so far, ascending.
        score: The best score so far, 0..1.
        started_at_s: When the condition began to hold (not when the dwell was over), s.
        updated_at_s: The time of this message, s.
        ended_at_s: When it ceased to hold, or None while it holds.
        box: Relative x1, y1, x2, y2 (0..1) of the main object at its best moment, or None.
        details: Facts of the kind: direction, count, dwell_s ...; JSON values only.
    """

    key: str
    phase: EventPhase
    kind: str
    class_name: str
    zone: str
    track_ids: tuple[int, ...]
    score: float
    started_at_s: float
    updated_at_s: float
    ended_at_s: float | None = None
    box: tuple[float, float, float, float] | None = None
    details: Mapping[str, str | int | float | bool | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Event:
    """An incident with an identity. Saving the same id again replaces, so writing twice is harmless.

    Attributes:
        event_id: `camera-epoch-sequence`, unique for ever: the epoch is raised each time a process takes the camera over.
        camera_id: The camera.
        rule_id: The rule that raised it.
        severity: The rule's severity.
        incident: What the rule says.
        verdict: What the chain that looks for false alarms made of it; None where no chain looked.
    """

    event_id: str
    camera_id: str
    rule_id: str
    severity: Severity
    incident: Incident
    verdict: Verdict | None = None

    @property
    def phase(self) -> EventPhase:
        """Begin, update or end."""
        return self.incident.phase

    @property
    def is_suppressed(self) -> bool:
        """Whether it is taken for a false alarm: kept and shown to who asks, but nobody is told."""
        return self.verdict is not None and self.verdict.suppressed_by != ""

    def ended(self, at_s: float) -> Self:
        """The same event, ended at `at_s`; an event that has ended already stays as it is."""
        if self.incident.ended_at_s is not None:
            return self
        incident = replace(self.incident, phase=EventPhase.END, updated_at_s=at_s, ended_at_s=at_s)
        return replace(self, incident=incident)


class EvidenceKind(StrEnum):
    """What a piece of proof is. A clip so far is the beginning of an event that goes on; the clip takes its place."""

    SNAPSHOT = "snapshot"
    ANNOTATED = "annotated"
    CLIP = "clip"
    CLIP_SO_FAR = "clip_so_far"


@dataclass(frozen=True, slots=True)
class Evidence:
    """A file that proves an event.

    Attributes:
        event_id: The event.
        kind: Snapshot, annotated snapshot, clip, or clip so far.
        path: Relative to the evidence folder, with `/`.
        size_bytes: The file's length.
        sha256: Hex digest of the file.
        start_s: Capture time of its first picture, s.
        end_s: Capture time of its last picture, s.
    """

    event_id: str
    kind: EvidenceKind
    path: str
    size_bytes: int
    sha256: str
    start_s: float
    end_s: float
