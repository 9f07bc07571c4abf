"""What happened, as JSON for programs. Described in `docs/alerts.md`; fields are added, never renamed."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from typing import Any

from panops.alerts.words import text, title
from panops.domain.alerts import Alert
from panops.domain.events import Event


def payload(alert: Alert, timezone: tzinfo | None) -> dict[str, Any]:
    """The usual body of an alert.

    Args:
        alert: What to tell.
        timezone: Of the text for people; all other times are UTC.
    """
    return {
        "delivery_id": alert.delivery_id,
        "moment": alert.moment.value,
        "test": alert.is_test,
        "title": title(alert),
        "text": text(alert, timezone),
        "link": alert.link,
        "event": {**event_values(alert.event), "camera_name": alert.camera_name, "status": alert.status},
        "evidence": sorted(kind.value for kind in alert.files),
        "others": [event_values(other) for other in alert.others],
    }


def event_values(event: Event) -> dict[str, Any]:
    """An event's fields, under the names that the API uses."""
    incident = event.incident
    return {
        "event_id": event.event_id,
        "camera_id": event.camera_id,
        "rule_id": event.rule_id,
        "severity": event.severity.value,
        "kind": incident.kind,
        "class_name": incident.class_name,
        "zone": incident.zone,
        "score": incident.score,
        "started_at": _iso(incident.started_at_s),
        "updated_at": _iso(incident.updated_at_s),
        "ended_at": None if incident.ended_at_s is None else _iso(incident.ended_at_s),
        "track_ids": list(incident.track_ids),
        "box": None if incident.box is None else list(incident.box),
        "details": dict(incident.details),
    }


def _iso(utc_s: float) -> str:
    return datetime.fromtimestamp(utc_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
