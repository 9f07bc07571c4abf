"""What the API answers: one pydantic model for each thing, and how it is made from the values of storage and the running site."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict

from panops.config.schema import CameraConfig, SiteConfig
from panops.domain.alerts import Delivery
from panops.domain.events import EvidenceKind, Severity
from panops.domain.switches import Switch
from panops.domain.verdicts import Verdict
from panops.pipeline.live import CameraState, CameraStatus, ProbeResult, ShardFigures
from panops.storage.events import EventCounts, Review, ReviewStatus, StoredEvent
from panops.storage.scope import Role
from panops.storage.sightings import Seen

Box = tuple[float, float, float, float]


class Out(BaseModel):
    """An answer. Numbers that are not finite become null."""

    model_config = ConfigDict(frozen=True, ser_json_inf_nan="null", protected_namespaces=())


class StatusOut(Out):
    """Health checks."""

    status: str


class UserOut(Out):
    """A user; `cameras` and `groups` both null: they see every camera, else those of the one and of the other."""

    username: str
    role: Role
    cameras: list[str] | None = None
    groups: list[str] | None = None


class SwitchOut(Out):
    """One switch of a camera. Of one that is off: since when and by whom; `since_s` is null where the settings say `enabled: false`."""

    on: bool
    since_s: float | None = None
    by: str = ""

    @classmethod
    def all_of(cls, status: CameraStatus, *, enabled: bool) -> dict[Switch, Self]:
        """All switches of a camera; `enabled` is what its settings say."""
        off = {one.switch: cls(on=False, since_s=one.since_s, by=one.by) for one in status.off}
        found = {switch: off.get(switch, cls(on=True)) for switch in Switch}
        if not enabled and found[Switch.ENABLED].on:
            found[Switch.ENABLED] = cls(on=False, by="its settings")
        return found


class CameraOut(Out):
    """One camera: its settings that matter on the page, and its state now. Never holds a password."""

    id: str
    name: str
    enabled: bool
    state: CameraState
    message: str
    address: str
    model: str
    classes: list[str]
    size_wh: tuple[int, int]
    codec: str
    source_fps: float
    checks_fps: float
    inference_ms: float
    last_frame_s: float | None
    reconnects: int
    decoded: int
    analysed: int
    dropped: dict[str, int]
    tracks: int
    checks: int
    asleep: bool
    woken: int
    keyframe_interval_s: float | None
    cost_cores: float
    zones: dict[str, Any]
    lines: dict[str, Any]
    check_fps: float
    min_score: float
    transport: str
    loop: bool
    has_main: bool
    rules: list[str]
    switches: dict[Switch, SwitchOut]
    config: dict[str, Any] | None = None

    @classmethod
    def of(cls, camera_id: str, site: SiteConfig, status: CameraStatus, config: Mapping[str, Any] | None = None) -> Self:
        """A stored camera with its status; `config` is for administrators."""
        camera = site.cameras[camera_id]
        shapes = camera.model_dump(mode="json", include={"zones", "lines"})
        return cls(
            id=camera_id, name=camera.name or camera_id, enabled=camera.enabled, state=status.state, message=status.message,
            address=status.address, model=status.model or camera.model or site.model, classes=list(status.classes), size_wh=status.size_wh,
            codec=status.codec, source_fps=status.source_fps, checks_fps=status.checks_fps, inference_ms=status.inference_ms,
            last_frame_s=status.last_frame_s, reconnects=status.reconnects, decoded=status.decoded, analysed=status.analysed,
            dropped=dict(status.dropped), tracks=status.tracks, checks=status.checks, asleep=status.asleep, woken=status.woken,
            keyframe_interval_s=status.keyframe_interval_s, cost_cores=status.cost_cores, zones=shapes["zones"], lines=shapes["lines"],
            check_fps=camera.check_fps, min_score=camera.min_score, transport=camera.transport, loop=camera.loop,
            has_main=bool(camera.record_source.get_secret_value()),
            rules=[rule.id for rule in site.camera_rules(camera_id)], switches=SwitchOut.all_of(status, enabled=camera.enabled),
            config=dict(config) if config is not None else None,
        )  # fmt: skip


class CamerasOut(Out):
    """All cameras that the caller may see, by id."""

    cameras: list[CameraOut]


class ProbeOut(Out):
    """A connection test's finding; `picture` is a JPEG in base64, empty when there is none."""

    ok: bool
    state: CameraState
    message: str
    codec: str
    size_wh: tuple[int, int]
    rate_fps: float | None
    keyframe_interval_s: float | None
    took_s: float
    picture: str

    @classmethod
    def of(cls, result: ProbeResult, picture: str) -> Self:
        """The finding with its picture as base64."""
        return cls(
            ok=result.ok, state=result.state, message=result.message, codec=result.codec, size_wh=result.size_wh, rate_fps=result.rate_fps,
            keyframe_interval_s=result.keyframe_interval_s, took_s=result.took_s, picture=picture,
        )  # fmt: skip


class EventOut(Out):
    """One event."""

    event_id: str
    camera_id: str
    camera_name: str
    rule_id: str
    kind: str
    class_name: str
    zone: str
    track_ids: list[int]
    score: float
    severity: Severity
    started_at_s: float
    updated_at_s: float
    ended_at_s: float | None
    box: Box | None
    details: dict[str, Any]
    suppressed_by: str
    status: ReviewStatus
    note: str
    kept: bool
    has_snapshot: bool
    has_annotated: bool
    has_clip: bool
    has_clip_so_far: bool

    @classmethod
    def fields_of(cls, stored: StoredEvent, camera_name: str) -> dict[str, Any]:
        """The fields of an event."""
        event, incident = stored.event, stored.event.incident
        kinds = {piece.kind for piece in stored.evidence}
        return {
            "event_id": event.event_id, "camera_id": event.camera_id, "camera_name": camera_name, "rule_id": event.rule_id,
            "kind": incident.kind, "class_name": incident.class_name, "zone": incident.zone, "track_ids": list(incident.track_ids),
            "score": incident.score, "severity": event.severity, "started_at_s": incident.started_at_s,
            "updated_at_s": incident.updated_at_s, "ended_at_s": incident.ended_at_s, "box": incident.box,
            "details": dict(incident.details),
            "suppressed_by": "" if event.verdict is None else event.verdict.suppressed_by,
            "status": stored.status, "note": stored.note, "kept": stored.kept, "has_snapshot": EvidenceKind.SNAPSHOT in kinds,
            "has_annotated": EvidenceKind.ANNOTATED in kinds, "has_clip": EvidenceKind.CLIP in kinds,
            "has_clip_so_far": EvidenceKind.CLIP_SO_FAR in kinds,
        }  # fmt: skip

    @classmethod
    def of(cls, stored: StoredEvent, camera_name: str) -> Self:
        """An event; `camera_name` is its camera's name now, or its id when the camera is gone."""
        return cls(**cls.fields_of(stored, camera_name))


class ReviewedOut(Out):
    """Events as they are after something was said of them; `missing` are the ids that are not there for the caller."""

    events: list[EventOut]
    missing: list[str]


class EvidenceOut(Out):
    """A file that proves an event; `url` is of this very version of it: when another has taken its place, the answer is 404."""

    kind: EvidenceKind
    url: str
    size_bytes: int
    sha256: str
    start_s: float
    end_s: float


class ReviewOut(Out):
    """What somebody did with an event; `action` is `acknowledged`, `false_alarm`, `new`, `note`, `kept` or `released`, joined by `, `."""

    at_s: float
    user: str
    action: str
    note: str

    @classmethod
    def of(cls, review: Review) -> Self:
        """One entry of the history."""
        done = [review.status.value] if review.status is not None else []
        done += ["note"] if review.note is not None else []
        done += ["kept" if review.kept else "released"] if review.kept is not None else []
        return cls(at_s=review.at_s, user=review.user, action=", ".join(done), note=review.note or "")


class TrackedBoxOut(Out):
    """One object at one moment, relative 0..1."""

    track_id: int
    class_name: str
    score: float
    box: Box


class TrailPointOut(Out):
    """All objects at one moment of the event."""

    time_s: float
    boxes: list[TrackedBoxOut]


class DeliveryOut(Out):
    """One moment of one event on its way to one sink."""

    id: int
    sink_id: str
    event_id: str
    moment: str
    state: str
    attempts: int
    answer: str
    created_at_s: float
    due_at_s: float
    closed_at_s: float | None

    @classmethod
    def of(cls, delivery: Delivery, *, reason_hidden: bool = False) -> Self:
        """From the outbox; `reason_hidden` for whoever may not see the camera that the reason is about."""
        return cls(
            id=delivery.delivery_id, sink_id=delivery.sink_id, event_id=delivery.event_id, moment=delivery.moment.value,
            state=delivery.state.value, attempts=delivery.attempts, answer="" if reason_hidden else delivery.answer,
            created_at_s=delivery.created_at_s,
            due_at_s=delivery.due_at_s, closed_at_s=delivery.closed_at_s,
        )  # fmt: skip


class FindingOut(Out):
    """What one step of the chain said of an event; `passed` is null where it could not say."""

    step: str
    passed: bool | None
    value: float | None
    limit: float | None
    words: str


class VerdictOut(Out):
    """What the chain that looks for false alarms made of an event.

    `knows_look` is whether what it looked like is kept, so that a judgement of it counts for what looks alike there.
    """

    findings: list[FindingOut]
    took_s: float
    revised: bool
    knows_look: bool

    @classmethod
    def of(cls, verdict: Verdict | None) -> Self | None:
        """A verdict, or None where no chain looked."""
        if verdict is None:
            return None
        findings = [FindingOut(**finding.plain()) for finding in verdict.findings]
        return cls(findings=findings, took_s=verdict.took_s, revised=verdict.revised, knows_look=bool(verdict.appearance))


class SeenAgainOut(Out):
    """Another event of the same person, where `one_alarm` makes one alarm of them; `likeness` is to the first one's person, -1..1."""

    event_id: str
    camera_id: str
    camera_name: str
    kind: str
    started_at_s: float
    likeness: float
    is_first: bool
    is_told: bool

    @classmethod
    def of(cls, seen: Seen, camera_name: str) -> Self:
        """From the database."""
        return cls(
            event_id=seen.event_id, camera_id=seen.camera_id, camera_name=camera_name, kind=seen.kind, started_at_s=seen.started_at_s,
            likeness=round(seen.likeness, 4), is_first=seen.is_first, is_told=seen.is_told,
        )  # fmt: skip


class EventDetailOut(EventOut):
    """An event with its proof, why it is believed or not, what people did with it, who was told, and its boxes over time.

    Operators and administrators see who was told. `can_find_again` is whether it is known what its person looks like; `seen_again` are
    the other events that are one alarm with it, oldest first.
    """

    verdict: VerdictOut | None
    evidence: list[EvidenceOut]
    history: list[ReviewOut]
    deliveries: list[DeliveryOut]
    tracks: list[TrailPointOut]
    can_find_again: bool
    seen_again: list[SeenAgainOut]


class NewOut(Out):
    """How many events nobody has reviewed; with `at_least` there may be more."""

    new: int
    at_least: bool


class CountsOut(Out):
    """How many events there are."""

    total: int
    open: int
    suppressed: int
    by_status: dict[str, int]
    by_kind: dict[str, int]
    by_camera: dict[str, int]
    by_severity: dict[str, int]
    new_by_camera: dict[str, int]

    @classmethod
    def of(cls, counts: EventCounts) -> Self:
        """The counts; every status is named, also those without events."""
        statuses = {status.value: counts.by_status.get(status.value, 0) for status in ReviewStatus}
        return cls(
            total=counts.total, open=counts.open, suppressed=counts.suppressed, by_status=statuses, by_kind=dict(counts.by_kind),
            by_camera=dict(counts.by_camera), by_severity=dict(counts.by_severity), new_by_camera=dict(counts.new_by_camera),
        )  # fmt: skip


class NoticeOut(Out):
    """Something about the site that an operator should know."""

    topic: str
    level: Literal["info", "warning", "alarm"]
    message: str


class ShardOut(Out):
    """How one of the processes that run cameras is doing; times in s, since its start."""

    index: int
    cameras: int
    asleep: int
    cpu_s: dict[str, float]
    check_p50_s: float | None
    check_p95_s: float | None
    event_p95_s: float | None
    decode_wait_s: float
    analysis_wait_s: float
    relief: float
    giving_up: str

    @classmethod
    def of(cls, figures: ShardFigures) -> Self:
        """A process's figures; percentiles are None before there was anything to measure."""
        return cls(
            index=figures.index, cameras=figures.cameras, asleep=figures.asleep, cpu_s=dict(figures.cpu_s),
            check_p50_s=_known(figures.check_latency.quantile_s(0.5)), check_p95_s=_known(figures.check_latency.quantile_s(0.95)),
            event_p95_s=_known(figures.event_latency.quantile_s(0.95)), decode_wait_s=figures.decode_wait_s,
            analysis_wait_s=figures.analysis_wait_s, relief=figures.relief, giving_up=figures.giving_up,
        )  # fmt: skip


def _known(seconds: float) -> float | None:
    return None if math.isnan(seconds) else round(seconds, 4)


class SiteOut(Out):
    """The site as a whole; `metrics` and `shards` are for operators and administrators, `file_roots` for administrators.

    `file_roots` are the folders whose files may be given as a camera's address.
    """

    version: str
    model: str
    model_note: str
    notices: list[NoticeOut]
    timezone: str
    metrics: dict[str, float] | None = None
    shards: list[ShardOut] | None = None
    file_roots: list[str] | None = None


class ModelOut(Out):
    """A model that is installed or can be had: the version in use, and the one that looks on beside it."""

    name: str
    task: str
    licence: str
    source_kind: str
    state: Literal["installed", "available"]
    sha256: str
    input_size_wh: tuple[int, int]
    classes: list[str]
    accuracy: dict[str, float]
    not_for: str
    note: str
    version: str = ""
    shadow: str = ""
    builtin: bool = False


class ModelsOut(Out):
    """All models; `active` is the site's default one, and `note` says why."""

    active: str
    note: str
    models: list[ModelOut]


def public_config(camera: CameraConfig, masked_source: str, masked_record_source: str = "") -> dict[str, Any]:
    """A camera's settings as a page edits them: all fields, the addresses without their passwords."""
    return {**camera.model_dump(mode="json"), "source": masked_source, "record_source": masked_record_source}
