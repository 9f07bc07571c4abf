"""Stored events as values, and their way into rows, JSON and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, TypeVar

from panops.domain.errors import StorageCorrupt
from panops.domain.events import Event, EventPhase, Evidence, EvidenceKind, Incident, Severity
from panops.domain.verdicts import Verdict

Rank = tuple[bool, float, int]

BETWEEN_FACTS = "|"
"""Stands before, between and after the facts of an event's column `facts`."""
LONGEST_FACTS = 400
"""So many characters of facts can be searched: PostgreSQL's indexes hold no long rows."""

_PHASE_ORDER = {EventPhase.BEGIN: 0, EventPhase.UPDATE: 1, EventPhase.END: 2}


Word = TypeVar("Word", bound=StrEnum)

IDENTITY = "identity"
"""The kind of events that say who somebody is."""

NAMING = ("person_id", "name", "lists")
"""The details of an event that say who somebody is."""

UNNAMED = "(deleted)"
"""Stands where a deleted person's name or id stood."""


class ReviewStatus(StrEnum):
    """What people made of an event."""

    NEW = "new"
    ACKNOWLEDGED = "acknowledged"
    TRUE_ALARM = "true_alarm"
    FALSE_ALARM = "false_alarm"


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event with what people said of it and its proof.

    Attributes:
        event: What the rule said last.
        status: New, acknowledged, a true or a false alarm.
        note: Free text of people; empty when there is none.
        kept: Whether retention must leave it alone.
        evidence: What is on disk, by kind.
        reviewed_by: The user who last changed status, note or kept; empty before that.
        reviewed_at_s: When that was, UTC s, or None.
    """

    event: Event
    status: ReviewStatus
    note: str
    kept: bool
    evidence: tuple[Evidence, ...] = ()
    reviewed_by: str = ""
    reviewed_at_s: float | None = None


@dataclass(frozen=True, slots=True)
class Review:
    """One change that a person made to an event; a field that is None was not changed.

    Attributes:
        at_s: When, UTC s.
        user: Who.
        status: The new status.
        note: The new note.
        kept: Whether it is kept from now on.
    """

    at_s: float
    user: str
    status: ReviewStatus | None = None
    note: str | None = None
    kept: bool | None = None


@dataclass(frozen=True, slots=True)
class EventCounts:
    """How many events there are; each mapping leaves out what there is none of.

    Attributes:
        total: All of them.
        open: Those that have not ended.
        suppressed: How many more were taken for false alarms; all other numbers leave them out.
        by_status: By `ReviewStatus` value.
        by_camera: By camera id.
        by_kind: By rule kind.
        by_severity: By severity.
        new_by_camera: Those nobody has reviewed, by camera id.
    """

    total: int = 0
    open: int = 0
    suppressed: int = 0
    by_status: Mapping[str, int] = field(default_factory=dict)
    by_camera: Mapping[str, int] = field(default_factory=dict)
    by_kind: Mapping[str, int] = field(default_factory=dict)
    by_severity: Mapping[str, int] = field(default_factory=dict)
    new_by_camera: Mapping[str, int] = field(default_factory=dict)


def nameless(stored: StoredEvent) -> StoredEvent:
    """The same for whoever may not see who somebody is: a name is drawn in the annotated picture, too."""
    incident = stored.event.incident
    if incident.kind == IDENTITY:
        stored = replace(stored, evidence=tuple(piece for piece in stored.evidence if piece.kind is not EvidenceKind.ANNOTATED))
    who = incident.details.get("person_id")
    if not who:
        return stored
    kept = {name: value for name, value in incident.details.items() if name not in NAMING}
    hidden = replace(incident, details=kept, key=incident.key.replace(str(who), "hidden"))
    return replace(stored, event=replace(stored.event, incident=hidden))


def rank(event: Event) -> Rank:
    """Which of two messages of one event is newer: the end beats all, then the later time, then the later phase."""
    incident = event.incident
    return incident.phase is EventPhase.END, incident.updated_at_s, _PHASE_ORDER[incident.phase]


def event_values(event: Event) -> dict[str, Any]:
    """The event's columns; also its JSON form in the journal.

    Raises:
        ValueError: A number is not finite, or details hold what JSON cannot.
    """
    incident = event.incident
    return {
        "event_id": event.event_id,
        "camera_id": event.camera_id,
        "rule_id": event.rule_id,
        "severity": event.severity.value,
        "key": _clean(incident.key),
        "phase": incident.phase.value,
        "kind": _clean(incident.kind),
        "class_name": _clean(incident.class_name),
        "zone": _clean(incident.zone),
        "track_ids": _dump([int(track_id) for track_id in incident.track_ids]),
        "score": _finite(incident.score, "score"),
        "started_at_s": _finite(incident.started_at_s, "started_at_s"),
        "updated_at_s": _finite(incident.updated_at_s, "updated_at_s"),
        "ended_at_s": None if incident.ended_at_s is None else _finite(incident.ended_at_s, "ended_at_s"),
        "box": None if incident.box is None else _dump([float(edge) for edge in incident.box]),
        "details": _dump(dict(incident.details)),
        "facts": facts_of(incident.details),
        "suppressed_by": "" if event.verdict is None else event.verdict.suppressed_by,
        "verdict": "" if event.verdict is None else _dump(event.verdict.plain()),
    }


def facts_of(details: Mapping[str, Any]) -> str:
    """What can be looked for in an event's details: `|name=value|...` of texts, and names of what is true; numbers are left out.

    So is who somebody is: whoever may not see a name must not find its events by it either.
    """
    told = [(name, value) for name, value in details.items() if name not in NAMING]
    facts = [f"{name}={value}" for name, value in told if isinstance(value, str) and value]
    facts += [name for name, value in told if value is True]
    text = BETWEEN_FACTS.join(_clean(as_fact(fact)) for fact in facts)[:LONGEST_FACTS]
    return f"{BETWEEN_FACTS}{text}{BETWEEN_FACTS}" if text else ""


def as_fact(text: str) -> str:
    """A text as it stands among facts: a bar in it is a broken one there, for it would end the fact and begin another."""
    return text.replace(BETWEEN_FACTS, "\u00a6")


def word_of(words: type[Word], stored: str) -> Word:
    """A stored word as what it stands for.

    Raises:
        StorageCorrupt: It is none of them.
    """
    try:
        return words(stored)
    except ValueError as error:
        raise StorageCorrupt(
            f"expected one of {', '.join(words)} in the database, got {stored!r}; restore the database from a backup"
        ) from error


def event_from(values: Mapping[str, Any]) -> Event:
    """The event of a row or journal line.

    Raises:
        StorageCorrupt: The values are not an event's.
    """
    try:
        box = None if values["box"] is None else json.loads(values["box"])
        incident = Incident(
            key=values["key"],
            phase=EventPhase(values["phase"]),
            kind=values["kind"],
            class_name=values["class_name"],
            zone=values["zone"],
            track_ids=tuple(json.loads(values["track_ids"])),
            score=float(values["score"]),
            started_at_s=float(values["started_at_s"]),
            updated_at_s=float(values["updated_at_s"]),
            ended_at_s=None if values["ended_at_s"] is None else float(values["ended_at_s"]),
            box=None if box is None else (float(box[0]), float(box[1]), float(box[2]), float(box[3])),
            details=dict(json.loads(values["details"])),
        )
        # A journal that an older version left has no verdicts.
        told = values.get("verdict", "")
        verdict = Verdict.from_plain(json.loads(told)) if told else None
        return Event(values["event_id"], values["camera_id"], values["rule_id"], Severity(values["severity"]), incident, verdict)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        name = str(values.get("event_id", "?"))[:80]
        raise StorageCorrupt(
            f"event {name!r} is stored damaged ({type(error).__name__}: {error}); restore a backup or delete it"
        ) from error


def _dump(value: Any) -> str:
    # ASCII output: a lone surrogate in a label becomes an escape instead of failing the whole batch.
    return json.dumps(value, allow_nan=False, separators=(",", ":"), default=_plain_number)


def _plain_number(value: Any) -> Any:
    """Numpy scalars as Python's own."""
    if hasattr(value, "item"):
        return value.item()
    raise ValueError(f"expected details of text, numbers, true, false or nothing, got {type(value).__name__}")


def _finite(value: float, name: str) -> float:
    number = float(value)
    if number - number != 0.0:
        raise ValueError(f"expected a finite {name}, got {number}")
    return number


def _clean(value: str) -> str:
    """Text that both databases take: no NUL, no half of a surrogate pair."""
    return value.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")
