"""What a running panops tells, as values. Each keeps its whole JSON in `data`: a newer server may tell more than is named here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Camera:
    """A camera and its state now.

    Attributes:
        id: Its id.
        name: What people call it.
        enabled: Whether its settings let it run.
        state: `live`, `unreachable`, `disabled` ...
        message: Why it is not live; else empty.
        address: Its address, without the password.
        model: Its detector.
        data: All that the server tells.
    """

    id: str
    name: str
    enabled: bool
    state: str
    message: str
    address: str
    model: str
    data: Json = field(repr=False, compare=False)

    @classmethod
    def of(cls, data: Json) -> Self:
        """From the API's JSON."""
        names = ("id", "name", "enabled", "state", "message", "address", "model")
        return cls(**{name: data[name] for name in names}, data=data)


@dataclass(frozen=True, slots=True)
class Event:
    """An event.

    Attributes:
        event_id: Its id, unique over all time.
        camera_id: Its camera.
        camera_name: What people call that.
        rule_id: The rule that saw it.
        kind: The rule's kind.
        class_name: Of what.
        zone: The zone or line; empty for the whole picture.
        score: 0 to 1.
        severity: `info`, `warning` or `alarm`.
        started_at_s: UTC s.
        updated_at_s: When it was heard of last, UTC s.
        ended_at_s: UTC s; None while it goes on.
        status: `new`, `acknowledged`, `true_alarm` or `false_alarm`.
        note: What somebody wrote.
        kept: Whether retention leaves it alone.
        suppressed_by: The step that took it for a false alarm; empty where it was believed.
        data: All that the server tells.
    """

    event_id: str
    camera_id: str
    camera_name: str
    rule_id: str
    kind: str
    class_name: str
    zone: str
    score: float
    severity: str
    started_at_s: float
    updated_at_s: float
    ended_at_s: float | None
    status: str
    note: str
    kept: bool
    suppressed_by: str
    data: Json = field(repr=False, compare=False)

    @classmethod
    def of(cls, data: Json) -> Self:
        """From the API's JSON."""
        names = (
            "event_id", "camera_id", "camera_name", "rule_id", "kind", "class_name", "zone", "score", "severity", "started_at_s",
            "updated_at_s", "ended_at_s", "status", "note", "kept", "suppressed_by",
        )  # fmt: skip
        return cls(**{name: data[name] for name in names}, data=data)


@dataclass(frozen=True, slots=True)
class EvidenceFile:
    """A file that proves an event.

    Attributes:
        kind: `snapshot`, `annotated`, `clip` or `clip_so_far`.
        url: Where it is; of this very version.
        sha256: Its sum, as it was when it was written.
        size_bytes: Its size.
        start_s: Of its first picture, UTC s.
        end_s: Of its last one, UTC s.
    """

    kind: str
    url: str
    sha256: str
    size_bytes: int
    start_s: float
    end_s: float

    @property
    def file_name(self) -> str:
        """`clip.mp4` and so on."""
        return self.url.partition("?")[0].rpartition("/")[2]

    @classmethod
    def of(cls, data: Json) -> Self:
        """From the API's JSON."""
        return cls(**{name: data[name] for name in ("kind", "url", "sha256", "size_bytes", "start_s", "end_s")})


@dataclass(frozen=True, slots=True)
class EventDetail:
    """An event with its proof; `event.data` has its history, its boxes and who was told."""

    event: Event
    evidence: tuple[EvidenceFile, ...]

    @classmethod
    def of(cls, data: Json) -> Self:
        """From the API's JSON."""
        return cls(Event.of(data), tuple(EvidenceFile.of(one) for one in data["evidence"]))


@dataclass(frozen=True, slots=True)
class Told:
    """One message of the event stream.

    Attributes:
        phase: `begin`, `update`, `end`, `evidence`, `review`; `gap` when some could not be told.
        event: The event; None for `gap`.
        last_id: Go on with this after a break.
        detail: What the server says of a gap; else empty.
    """

    phase: str
    event: Event | None
    last_id: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Understood:
    """How a question in plain words was understood.

    Attributes:
        terms: `(words, what they mean)`, such as `("gate", "camera North gate")`; all of them must fit.
        left_out: Words that could not be used.
        data: All that the server tells.
    """

    terms: tuple[tuple[str, str], ...]
    left_out: tuple[str, ...]
    data: Json = field(repr=False, compare=False)

    @classmethod
    def of(cls, data: Json) -> Self:
        """From the API's JSON; times are UTC."""
        return cls(tuple((term["words"], _meant(term)) for term in data["terms"]), tuple(data["left_out"]), data)

    def __str__(self) -> str:
        """On a line, for people."""
        told = "; ".join(f"{words} = {meant}" for words, meant in self.terms)
        return told + (f" (left out: {', '.join(self.left_out)})" if self.left_out else "")


def _meant(term: Json) -> str:
    if not term["meanings"]:
        ends = [
            None if at_s is None else f"{datetime.fromtimestamp(at_s, UTC):%Y-%m-%dT%H:%MZ}" for at_s in (term["since_s"], term["until_s"])
        ]
        return f"from {ends[0] or 'ever'} to {ends[1] or 'now'}"
    return " or ".join(f"{one['field']} {', '.join(one['names'])}" for one in term["meanings"])


@dataclass(frozen=True, slots=True)
class Reviewed:
    """Events as they are after something was said of them, and the ids of those that are not there."""

    events: tuple[Event, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AppliedSite:
    """What applying a site changed; names are `camera gate` or `rule night`."""

    revision: int
    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    kept_edits: tuple[str, ...]
    replaced_edits: tuple[str, ...]

    @classmethod
    def of(cls, data: Json) -> Self:
        """From the API's JSON."""
        lists = ("added", "changed", "removed", "kept_edits", "replaced_edits")
        return cls(revision=data["revision"], **{name: tuple(data[name]) for name in lists})
