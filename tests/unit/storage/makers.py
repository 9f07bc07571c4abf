"""Events and times that the tests of the storage share."""

from __future__ import annotations

from pathlib import Path

from panops.domain.events import Event, EventPhase, Incident, Severity

START_S = 1_760_000_000.0


def make_event(
    event_id: str = "gate-1-1",
    phase: EventPhase = EventPhase.BEGIN,
    *,
    camera_id: str = "gate",
    rule_id: str = "night",
    severity: Severity = Severity.ALARM,
    kind: str = "intrusion",
    class_name: str = "person",
    zone: str = "floor",
    score: float = 0.5,
    started_at_s: float = START_S,
    updated_at_s: float | None = None,
    details: dict[str, str | int | float | bool | None] | None = None,
) -> Event:
    updated = started_at_s if updated_at_s is None else updated_at_s
    incident = Incident(
        key="k",
        phase=phase,
        kind=kind,
        class_name=class_name,
        zone=zone,
        track_ids=(1, 2),
        score=score,
        started_at_s=started_at_s,
        updated_at_s=updated,
        ended_at_s=updated if phase is EventPhase.END else None,
        box=(0.1, 0.2, 0.3, 0.4),
        details={"dwell_s": 1.5} if details is None else details,
    )
    return Event(event_id, camera_id, rule_id, severity, incident)


def fill_disk(path: Path) -> None:
    """Write zeros into `path` until not a byte of its disk is left."""
    with path.open("ab", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError:
            return
