"""What the supervisor and the shards say to each other, as JSON values.

Supervisor to shard: `boot` (once), `assign`, `detect` (analyse a camera's pictures, or no longer), `prepare` (a camera may come: load its
detector), `drop`, `watch`, `drain`.
Shard to supervisor: `ready`, `status` (once a second, also the sign of life, with the shard's figures), `preview` (with the JPEG as tail),
`video` (with what a player appends as tail), `event`, `notice`,
`reassign` (a camera whose model has other classes now), `prepared` (with what is wrong, if anything is),
`dropped` (a camera that is let go: it is disconnected, and its events have ended).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any

from panops.config.schema import SiteConfig
from panops.domain.face_votes import FaceVerdict
from panops.pipeline.latency import LatencyHistogram
from panops.pipeline.link import Message
from panops.pipeline.live import CameraState, CameraStatus, EventNotice, LiveBox, LiveIdentity, Preview, ShardFigures, SystemNotice

_LATENCIES = ("check_latency", "event_latency", "woken_latency", "woken_event_latency")


def assignment(site: SiteConfig, camera_id: str) -> Message:
    """What decides how a camera runs; a change of any of it assigns the camera anew."""
    return {
        "type": "assign",
        "camera": camera_id,
        "config": site.cameras[camera_id].plain(),
        "rules": [rule.model_dump(mode="json") for rule in site.camera_rules(camera_id)],
        "timezone": site.timezone,
        "model": site.model,
        "device": site.device,
        "evidence": {**site.evidence.model_dump(mode="json"), "find_again": site.looks_model(camera_id)},
        "verify": site.verify.model_dump(mode="json"),
        # Of a camera that is not recorded it decides nothing.
        "recording": None if site.cameras[camera_id].record.mode == "off" else site.recording.model_dump(mode="json"),
        "looks_hours": site.retention.looks_hours,
    }


def unverified(site: SiteConfig) -> list[str]:
    """The rules whose events are told without being asked for."""
    return [rule.id for rule in site.rules if not rule.verify]


def rules_of_one(rules: Sequence[Message], camera_id: str) -> list[Message]:
    """The rules as if the site had only this camera, so that names of others are not missed."""
    return [{**rule, "cameras": [camera_id]} for rule in rules]


def status_to_wire(status: CameraStatus) -> Message:
    """A status as JSON values; what is switched off is the supervisor's own knowledge and left out."""
    return {name: value for name, value in asdict(status).items() if name != "off"}


def status_from_wire(data: Message) -> CameraStatus:
    """The inverse of `status_to_wire`."""
    width, height = data["size_wh"]
    return CameraStatus(
        **{**data, "state": CameraState(data["state"]), "size_wh": (int(width), int(height)), "classes": tuple(data["classes"])}
    )


def figures_to_wire(figures: ShardFigures) -> Message:
    """A shard's figures as JSON values."""
    plain = {field.name: getattr(figures, field.name) for field in fields(figures) if field.name not in _LATENCIES}
    return {**plain, **{name: [getattr(figures, name).counts, getattr(figures, name).sum_s] for name in _LATENCIES}}


def figures_from_wire(data: Message) -> ShardFigures:
    """The inverse of `figures_to_wire`."""
    return ShardFigures(**{**data, **{name: LatencyHistogram(*data[name]) for name in _LATENCIES}})


def preview_to_wire(preview: Preview) -> Message:
    """A preview without its picture, which travels as the tail."""
    boxes = [
        [box.track_id, box.class_name, round(box.score, 3), *(round(edge, 4) for edge in box.box), *_who_to_wire(box.who)]
        for box in preview.boxes
    ]
    return {"type": "preview", "camera": preview.camera_id, "time_s": preview.time_s, "size": preview.size, "boxes": boxes}


def preview_from_wire(data: Message, jpeg: bytes) -> Preview:
    """The inverse of `preview_to_wire`."""
    boxes = tuple(
        LiveBox(int(row[0]), str(row[1]), float(row[2]), (row[3], row[4], row[5], row[6]), _who_from_wire(row[7:])) for row in data["boxes"]
    )
    return Preview(data["camera"], data["time_s"], data["size"], jpeg, boxes)


def _who_to_wire(who: LiveIdentity | None) -> tuple[str, ...]:
    return () if who is None else (who.verdict.value, who.person_id, who.name)


def _who_from_wire(row: Sequence[str]) -> LiveIdentity | None:
    return LiveIdentity(FaceVerdict(row[0]), row[1], row[2]) if row else None


def notice_from_wire(data: Message) -> EventNotice | SystemNotice:
    """An event's or the system's notice."""
    fields: dict[str, Any] = {key: value for key, value in data.items() if key != "type"}
    return EventNotice(**fields) if data["type"] == "event" else SystemNotice(**fields)
