"""Which events a command means: options that `panops events` commands share."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated

import typer

from panops.client import Event

CameraOption = Annotated[list[str] | None, typer.Option("--camera", metavar="ID", help="Only of this camera; may be repeated.")]
KindOption = Annotated[list[str] | None, typer.Option("--kind", help="Only of this kind of rule; may be repeated.")]
RuleOption = Annotated[list[str] | None, typer.Option("--rule", metavar="ID", help="Only of this rule; may be repeated.")]
StatusOption = Annotated[list[str] | None, typer.Option("--status", help="new, acknowledged, true_alarm or false_alarm; may be repeated.")]
SinceOption = Annotated[str, typer.Option("--since", metavar="WHEN", help="Began since: 2026-11-29T06:00 (UTC), or 90m, 6h, 3d ago.")]
UntilOption = Annotated[str, typer.Option("--until", metavar="WHEN", help="Began before; as --since.")]

_AGO = re.compile(r"(\d{1,6})([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def moment(text: str, now_s: float, option: str) -> float | None:
    """UTC s of what was typed; None for nothing.

    Raises:
        typer.BadParameter: It is no moment.
    """
    if not text:
        return None
    ago = _AGO.fullmatch(text)
    if ago:
        return now_s - int(ago[1]) * _SECONDS[ago[2]]
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"expected 2026-11-29T06:00 or 90m, 6h, 3d, got {text!r}", param_hint=option) from None
    return (read if read.tzinfo is not None else read.replace(tzinfo=UTC)).timestamp()


def line_of(event: Event, phase: str = "") -> str:
    """One event for people, on a line."""
    began = datetime.fromtimestamp(event.started_at_s, UTC).strftime("%Y-%m-%d %H:%M:%S")
    lasted = "now" if event.ended_at_s is None else f"{event.ended_at_s - event.started_at_s:.0f} s"
    doubt = f" (suppressed by {event.suppressed_by})" if event.suppressed_by else ""
    said = [began, f"{phase:<8}" if phase else "", f"{event.severity:<7}", event.camera_id, event.kind, event.class_name, event.zone]
    return " ".join([*(word for word in said if word), f"{lasted}, {event.status}{doubt}", event.event_id])
