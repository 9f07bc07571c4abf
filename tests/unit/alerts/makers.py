"""Alerts, a clock, and a sink that says what a test wants."""

from __future__ import annotations

from pathlib import Path

from panops.domain.alerts import Alert, Moment
from panops.domain.events import Event, EventPhase, EvidenceKind, Incident, Severity

# 2026-11-20 is a Friday; 12:00 UTC.
NOON_S = 1_795_176_000.0


def make_event(
    number: int = 0,
    *,
    camera_id: str = "gate",
    rule_id: str = "night",
    severity: Severity = Severity.ALARM,
    phase: EventPhase = EventPhase.BEGIN,
    ended_at_s: float | None = None,
) -> Event:
    incident = Incident(
        key="zone",
        phase=phase,
        kind="line_crossing",
        class_name="person",
        zone="yard",
        track_ids=(3, 4),
        score=0.8125,
        started_at_s=NOON_S - 2.5,
        updated_at_s=ended_at_s or NOON_S,
        ended_at_s=ended_at_s,
        box=(0.1, 0.2, 0.3, 0.4),
        details={"direction": "a_to_b", "dwell_s": 1.5},
    )
    return Event(f"{camera_id}-1-{number}", camera_id, rule_id, severity, incident)


def make_alert(
    moment: Moment = Moment.BEGIN,
    *,
    event: Event | None = None,
    camera_name: str = "North gate",
    picture: Path | None = None,
    others: tuple[Event, ...] = (),
    is_test: bool = False,
) -> Alert:
    files = {} if picture is None else {EvidenceKind.ANNOTATED: picture}
    return Alert(
        7,
        moment,
        event or make_event(),
        camera_name,
        files=files,
        link="http://panops.example/events/gate-1-0",
        others=others,
        is_test=is_test,
    )
