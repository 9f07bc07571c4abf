"""What would a rule have said? Tried on what was followed in the last hours; nothing is stored and nobody is told."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from typing import Annotated, Any, Self

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from panops.api.places import PlacesIn, drawn
from panops.api.problems import FieldError, ProblemError, not_found
from panops.api.schemas import Out
from panops.api.security import Admin, Caller
from panops.api.services import Needed, Services
from panops.config.fields import Name
from panops.config.load import problems_of
from panops.config.place_use import renamed_rules
from panops.config.rule_schema import RuleConfig
from panops.config.schema import SiteConfig
from panops.pipeline.dry_run import CameraReplay, DryRun, DryRunResult, DryRunStoppedError, WouldBe
from panops.storage.records import StoredEvent
from panops.storage.search import EventFilter

router = APIRouter(prefix="/api/v1/rules", tags=["rules"])

_RULE: TypeAdapter[RuleConfig] = TypeAdapter(RuleConfig)
_ASK_EVERY_S = 0.25
_NO_ID = "new-rule"
NOT_VERIFIED = "the steps that look for false alarms were not asked: some of these would be held back live"


class DryRunIn(BaseModel):
    """A rule as `PUT` takes it, its `id` may be missing, and how far back it is tried.

    `places` has what is drawn on cameras and not stored yet, as `PUT /api/v1/cameras/{camera_id}/places` takes it: the rule is tried with
    that instead of what is stored, and names what is drawn by its new names.
    """

    model_config = ConfigDict(extra="forbid")

    rule: dict[str, Any]
    hours: Annotated[float, Field(gt=0, le=48, allow_inf_nan=False)] = 1.0
    places: dict[Name, PlacesIn] = Field(default_factory=dict, max_length=200)


class BoxOut(Out):
    """Somebody who took part; the box is relative: left, top, right, bottom."""

    track_id: int
    class_name: str
    score: float
    box: tuple[float, float, float, float]


class WouldBeOut(Out):
    """An event that there would have been. `picture_of` names a stored event whose snapshot shows the moment, if there is one."""

    camera_id: str
    zone: str
    class_name: str
    track_ids: list[int]
    score: float
    started_at_s: float
    ended_at_s: float | None
    best_at_s: float
    box: tuple[float, float, float, float] | None
    boxes: list[BoxOut]
    details: dict[str, Any]
    picture_of: str | None

    @classmethod
    def of(cls, one: WouldBe, picture_of: str | None) -> Self:
        """As the API tells it."""
        incident = one.event.incident
        return cls(
            camera_id=one.event.camera_id, zone=incident.zone, class_name=incident.class_name, track_ids=list(incident.track_ids),
            score=incident.score, started_at_s=incident.started_at_s, ended_at_s=incident.ended_at_s, best_at_s=one.at_s, box=incident.box,
            boxes=[BoxOut(track_id=track, class_name=name, score=score, box=box) for track, name, score, box in one.boxes],
            details=dict(incident.details), picture_of=picture_of,
        )  # fmt: skip


class ReplayOut(Out):
    """What is known of one camera; `notes` say what limits the answer."""

    camera_id: str
    looks: int
    from_s: float | None
    to_s: float | None
    notes: list[str]

    @classmethod
    def of(cls, one: CameraReplay) -> Self:
        """As the API tells it."""
        return cls(camera_id=one.camera_id, looks=one.looks, from_s=one.from_s, to_s=one.to_s, notes=one.notes)


class DryRunOut(Out):
    """What the rule would have said. `per_hour` counts from `since_s` on; `events` are the newest, `left_out` are not."""

    since_s: float
    until_s: float
    total: int
    per_hour: list[int]
    events: list[WouldBeOut]
    left_out: int
    cameras: list[ReplayOut]
    complete: bool
    verified: bool = False
    says: str = NOT_VERIFIED


@router.post("/dry-run")
async def dry_run(body: DryRunIn, request: Request, caller: Admin, services: Needed) -> DryRunOut:
    """Try a rule on the last hours. Ends when the client goes; 429 while two others are tried."""
    rule = _rule(body.rule)
    if services.dry_runs.locked():
        raise ProblemError(429, "other rules are being tried; try again in a moment", headers={"Retry-After": "5"})
    async with services.dry_runs:
        site = _with_drawn(await run_in_threadpool(services.view.current), caller, body.places)
        stop = threading.Event()
        work = asyncio.create_task(run_in_threadpool(_run, services, caller, site, rule, body.hours, stop))
        try:
            while not (await asyncio.wait([work], timeout=_ASK_EVERY_S))[0]:
                if await request.is_disconnected():
                    stop.set()
            return await work
        except DryRunStoppedError as error:
            raise ProblemError(503, "the dry run was given up, for nobody waited for it any more") from error
        finally:
            stop.set()


def _rule(body: dict[str, Any]) -> RuleConfig:
    try:
        return _RULE.validate_python({**body, "id": body.get("id") or _NO_ID})
    except ValidationError as error:
        errors = [FieldError(problem.field, problem.message) for problem in problems_of(error)]
        raise ProblemError(422, f"the rule has {len(errors)} problem{'s' if len(errors) != 1 else ''}", errors) from error


def _with_drawn(site: SiteConfig, caller: Caller, places: Mapping[str, PlacesIn]) -> SiteConfig:
    """The site as it would be once all that is drawn were stored; rules follow new names."""
    for camera_id, place in places.items():
        if camera_id not in site.cameras or not caller.scope.allows(camera_id):
            raise not_found("camera")
        followed = {rule.id: rule for rule in renamed_rules(site, camera_id, place.renamed)[0]}
        cameras = {**site.cameras, camera_id: drawn(site.cameras[camera_id], place)}
        site = site.model_copy(update={"cameras": cameras, "rules": [followed.get(rule.id, rule) for rule in site.rules]})
    return site


def _run(services: Services, caller: Caller, site: SiteConfig, rule: RuleConfig, hours: float, stop: threading.Event) -> DryRunOut:
    until_s = services.clock.utc_s()
    cameras = [camera_id for camera_id in site.cameras if caller.scope.allows(camera_id)]
    result = DryRun(site, rule, services.look_shelf, services.clock, stop).run(cameras, until_s - 3600 * hours, until_s)
    return _answer(services, caller, result)


def _answer(services: Services, caller: Caller, result: DryRunResult) -> DryRunOut:
    pictures = _pictures(services, caller, result)
    return DryRunOut(
        since_s=result.since_s, until_s=result.until_s, total=result.total, per_hour=result.per_hour,
        events=[WouldBeOut.of(one, _picture_of(one, pictures)) for one in result.events], left_out=result.total - len(result.events),
        cameras=[ReplayOut.of(one) for one in result.cameras], complete=result.complete,
    )  # fmt: skip


def _pictures(services: Services, caller: Caller, result: DryRunResult) -> dict[str, list[StoredEvent]]:
    """Stored events with a snapshot of these cameras and hours, by camera."""
    if not result.events:
        return {}
    cameras = {one.event.camera_id for one in result.events}
    wanted = EventFilter(cameras=cameras, since_s=result.since_s - 600, until_s=result.until_s)
    found = services.events.search(caller.scope, wanted, limit=500).events
    pictured = services.events.pictured(caller.scope, [one.event.event_id for one in found]) if found else frozenset()
    by_camera: dict[str, list[StoredEvent]] = {camera_id: [] for camera_id in cameras}
    for one in found:
        if one.event.event_id in pictured:
            by_camera[one.event.camera_id].append(one)
    return by_camera


def _picture_of(one: WouldBe, pictures: dict[str, list[StoredEvent]]) -> str | None:
    """The stored event of the same objects at that time; without one, any whose time the best moment lies in."""
    at_s, tracks = one.at_s, set(one.event.incident.track_ids)
    near = [stored.event for stored in pictures.get(one.event.camera_id, ()) if _spans(stored, at_s)]
    same = (event.event_id for event in near if tracks & set(event.incident.track_ids))
    return next(same, near[0].event_id if near else None)


def _spans(stored: StoredEvent, at_s: float) -> bool:
    incident = stored.event.incident
    end_s = incident.updated_at_s if incident.ended_at_s is None else incident.ended_at_s
    return incident.started_at_s - 2 <= at_s <= end_s + 2
