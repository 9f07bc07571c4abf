"""What people and other systems are told of an event, and how far that has come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from enum import StrEnum
from pathlib import Path

from panops.domain.events import Event, EvidenceKind
from panops.domain.switches import SwitchPanel


class Moment(StrEnum):
    """What of an event is told: that it began, that its clip is there, that it is over."""

    BEGIN = "begin"
    CLIP = "clip"
    END = "end"


class DeliveryState(StrEnum):
    """How far a delivery has come. Only `waiting` ones are still to be sent."""

    WAITING = "waiting"
    SENT = "sent"
    # On purpose: quiet hours, alerts that are off, or somebody reviewed the event before its time.
    SKIPPED = "skipped"
    # Given up: the receiver refuses it, or could not be reached for too long. People may send it again.
    DEAD = "dead"


@dataclass(frozen=True, slots=True, eq=False)
class SiteFacts:
    """What sinks may know of the site.

    Attributes:
        timezone: Of times for people; None is the machine's own.
        cameras: What people call each camera, by its id.
        rules: The ids of the rules that watch a camera, by the camera's id.
        switches: The cameras' switches, for a sink that tells of them; None for all others.
    """

    timezone: tzinfo | None = None
    cameras: Mapping[str, str] = field(default_factory=dict)
    rules: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    switches: SwitchPanel | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One moment of one event on its way to one sink.

    Attributes:
        delivery_id: Grows with each delivery; the same at each try, so that receivers tell a repetition.
        sink_id: Where it goes.
        event_id: The event.
        moment: What of it.
        created_at_s: When the event's moment was stored, UTC s.
        due_at_s: Not before this, UTC s.
        state: How far it has come.
        attempts: How often it was tried.
        answer: What the receiver said last, or why it was not sent; empty before the first try.
        closed_at_s: When it was sent, skipped or given up, UTC s, or None.
    """

    delivery_id: int
    sink_id: str
    event_id: str
    moment: Moment
    created_at_s: float
    due_at_s: float
    state: DeliveryState = DeliveryState.WAITING
    attempts: int = 0
    answer: str = ""
    closed_at_s: float | None = None


@dataclass(frozen=True, slots=True)
class Repetition:
    """What is known of whether a sink was told of an event's person already; one of the two is set.

    Attributes:
        later_s: That is not clear yet: ask again then, UTC s.
        skip: It was, in words for the log.
    """

    later_s: float | None = None
    skip: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Alert:
    """What a sink passes on.

    Attributes:
        delivery_id: Of the delivery; 0 for a test.
        moment: What of the event.
        event: The event as it is now.
        camera_name: What people call the camera.
        status: What people made of it so far: `new`, `acknowledged` or `false_alarm`.
        files: Its proof on disk, by kind; there may be none (yet).
        link: The event's page, or empty where panops does not know its own address.
        others: Further events that this alert tells of, oldest first, where a sink collects them.
        is_test: Whether somebody pressed "test": nothing happened.
    """

    delivery_id: int
    moment: Moment
    event: Event
    camera_name: str
    status: str = "new"
    files: Mapping[EvidenceKind, Path] = field(default_factory=dict)
    link: str = ""
    others: tuple[Event, ...] = ()
    is_test: bool = False
