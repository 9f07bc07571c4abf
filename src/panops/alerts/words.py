"""What happened, in words for people."""

from __future__ import annotations

from datetime import datetime, tzinfo
from pathlib import Path

from panops.domain.alerts import Alert, Moment
from panops.domain.events import BUILT_IN_RULES, Event, EvidenceKind

# The picture with boxes says more at a glance.
_PICTURES = (EvidenceKind.ANNOTATED, EvidenceKind.SNAPSHOT)
_MOST_OTHERS = 20
# Of an incident's details, those that say something to people.
_FACTS = ("direction", "count", "max_count", "item", "sign")


def title(alert: Alert) -> str:
    """One line, such as `Intrusion: North gate`."""
    if alert.is_test:
        return "panops: a test"
    more = f" and {len(alert.others)} more" if alert.others else ""
    what = _kind(alert.event)
    ends = {Moment.BEGIN: "", Moment.CLIP: " (its clip is there)", Moment.END: " is over"}[alert.moment]
    return one_line(f"{what}{ends}: {alert.camera_name}{more}")


def text(alert: Alert, timezone: tzinfo | None) -> str:
    """A few lines: what, where, when, and where to look.

    Args:
        alert: What to tell.
        timezone: The site's zone; None is the machine's own.
    """
    if alert.is_test:
        return "Somebody pressed the test button. Nothing happened, and alerts come this way."
    incident = alert.event.incident
    lines = [_sentence(alert.event, alert.camera_name, timezone)]
    if incident.ended_at_s is not None:
        lines.append(f"It ended at {_clock(incident.ended_at_s, timezone)}, after {incident.ended_at_s - incident.started_at_s:.0f} s.")
    lines += [f"Also: {_sentence(other, alert.camera_name, timezone)}" for other in alert.others[:_MOST_OTHERS]]
    if len(alert.others) > _MOST_OTHERS:
        lines.append(f"And {len(alert.others) - _MOST_OTHERS} more.")
    if alert.link:
        lines += ["", alert.link]
    return "\n".join(lines)


def picture(alert: Alert) -> Path | None:
    """The best picture there is, or None."""
    return next((alert.files[kind] for kind in _PICTURES if kind in alert.files), None)


def one_line(value: str) -> str:
    """Without what could begin a line of its own: names come from people, and headers end at a line's end."""
    return " ".join("".join(character if character.isprintable() else " " for character in value).split())


def _kind(event: Event) -> str:
    missing = _missing(event)
    return one_line(f"{missing} missing" if missing else event.incident.kind.replace("_", " ")).capitalize()


def _missing(event: Event) -> str:
    """What somebody does not wear; empty for other kinds of events. A kind alone would read as if all were well."""
    return str(event.incident.details.get("item", "")) if event.incident.kind == "compliance" else ""


def _sentence(event: Event, camera_name: str, timezone: tzinfo | None) -> str:
    incident = event.incident
    if event.rule_id in BUILT_IN_RULES:
        return one_line(f"{_kind(event)} ({event.severity.value}): {camera_name}, {_clock(incident.started_at_s, timezone)}.")
    who = incident.class_name or "something"
    place = f" at {incident.zone}" if incident.zone else ""
    facts = ", ".join(
        f"{name} {value}" for name, value in incident.details.items() if name in _FACTS and not (name == "item" and _missing(event))
    )
    return one_line(
        f"{_kind(event)} ({event.rule_id}, {event.severity.value}): {who}{place}, camera {camera_name}, "
        f"{_clock(incident.started_at_s, timezone)}, score {incident.score:.2f}{', ' + facts if facts else ''}."
    )


def _clock(utc_s: float, timezone: tzinfo | None) -> str:
    return f"{datetime.fromtimestamp(utc_s, timezone):%Y-%m-%d %H:%M:%S}"
