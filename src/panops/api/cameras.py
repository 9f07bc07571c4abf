"""Cameras: list, settings, connection test, picture."""

from __future__ import annotations

import base64
from functools import partial
from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, Body, Depends, Header, Path
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from panops.api.camera_hosts import refuse_unfit
from panops.api.group_filter import Shown
from panops.api.problems import FieldError, ProblemError, not_found
from panops.api.rates import paced
from panops.api.schemas import CameraOut, CamerasOut, ProbeOut, public_config
from panops.api.security import Admin, Caller, Operator, Viewer
from panops.api.services import Needed, Services, Size
from panops.api.site_view import by_camera, status_of
from panops.api.sources import masked, resolved
from panops.api.versions import precondition, strong
from panops.config.fields import NAME_PATTERN, Name
from panops.config.load import problems_of
from panops.config.schema import CameraConfig, SiteConfig
from panops.domain.switches import Switch
from panops.pipeline.live import ProbeResult
from panops.storage.scope import Role

router = APIRouter(prefix="/api/v1/cameras", tags=["cameras"])

CameraId = Annotated[str, Path(pattern=NAME_PATTERN)]
Etag = Annotated[str | None, Header(max_length=200)]
# The whole CameraConfig, checked by hand so that all faults come at once and in the words of the site file.
_EXAMPLE = {"name": "North gate", "source": "rtsp://viewer:secret@192.0.2.7/live", "check_fps": 5}
CameraIn = Annotated[dict[str, Any], Body(json_schema_extra={"title": "CameraConfig", "additionalProperties": True}, examples=[_EXAMPLE])]


class TestIn(BaseModel):
    """An address to try; `camera_id` names a stored camera whose hidden password may be used."""

    __test__ = False  # not a test class, whatever its name begins with
    model_config = ConfigDict(extra="forbid")

    source: Annotated[str, Field(max_length=2000)] = ""
    transport: Literal["tcp", "udp"] = "tcp"
    camera_id: Name | None = None


class SwitchesIn(BaseModel):
    """What is switched; what is left out stays as it is."""

    model_config = ConfigDict(extra="forbid", strict=True)

    enabled: bool | None = None
    detect: bool | None = None
    alerts: bool | None = None

    @model_validator(mode="after")
    def _switches_something(self) -> Self:
        if not self.wanted:
            raise ValueError("expected at least one of enabled, detect, alerts")
        return self

    @property
    def wanted(self) -> dict[Switch, bool]:
        """What is switched."""
        given = {switch: getattr(self, switch.value) for switch in Switch}
        return {switch: on for switch, on in given.items() if on is not None}


@router.get("")
async def cameras(caller: Viewer, scope: Shown, services: Needed) -> CamerasOut:
    """Every camera that the caller may see, with its state."""
    statuses = by_camera(services.live.statuses())
    site = await run_in_threadpool(services.view.current)
    visible = [camera_id for camera_id in sorted(site.cameras) if scope.allows(camera_id)]
    return CamerasOut(
        cameras=[
            CameraOut.of(camera_id, site, status_of(site, camera_id, statuses.get(camera_id)), _config(caller, site, camera_id))
            for camera_id in visible
        ]
    )


@router.post("/test", dependencies=[Depends(paced("probe"))])
async def test(body: TestIn, caller: Admin, services: Needed) -> ProbeOut:
    """Connect to an address, decode one picture and say what is wrong. The server makes the connection: only administrators may ask."""
    stored = None
    if body.camera_id is not None and caller.scope.allows(body.camera_id):
        site = await run_in_threadpool(services.view.current)
        stored = site.cameras.get(body.camera_id)
    settings = stored.plain() if stored is not None else {}
    settings.pop("record_source", None)  # only `source` is tried
    camera = await _camera_of({**settings, "source": body.source, "transport": body.transport}, stored, services)
    if services.probes.locked():
        raise ProblemError(429, "several connection tests are running; try again in a moment", headers={"Retry-After": "5"})
    async with services.probes:
        result = await services.live.probe(camera)
    await services.note(caller, "camera.test", body.camera_id or "", _tested(camera, result))
    return ProbeOut.of(result, base64.b64encode(result.jpeg).decode())


@router.get("/{camera_id}", response_model=CameraOut)
async def camera(camera_id: CameraId, caller: Viewer, services: Needed, response: Response) -> CameraOut:
    """One camera. The ETag changes with its settings, not with its state."""
    found = await _camera_out(camera_id, caller, services)
    etag = await run_in_threadpool(services.sites.camera_etag, camera_id)
    if etag is not None:
        response.headers["ETag"] = strong(etag)
    return found


@router.put("/{camera_id}", response_model=CameraOut, responses={201: {"model": CameraOut}})
async def put_camera(
    camera_id: CameraId, body: CameraIn, caller: Admin, services: Needed, if_match: Etag = None, if_none_match: Etag = None
) -> Response:
    """Add a camera or replace its settings. An empty or masked `source` keeps the stored one; `If-Match` guards against lost edits."""
    async with services.editing:
        site = await run_in_threadpool(services.view.current)
        stored = site.cameras.get(camera_id)
        etag = await run_in_threadpool(services.sites.camera_etag, camera_id)
        precondition(etag, if_match, if_none_match)
        new = await _camera_of(body, stored, services)
        etag = await run_in_threadpool(lambda: services.sites.put_camera(camera_id, new, etag=etag if stored is not None else None))
    await services.note(caller, "camera.put", camera_id, {"address": masked(new.source.get_secret_value()), "enabled": new.enabled})
    await services.site_changed()
    found = await _camera_out(camera_id, caller, services)
    return JSONResponse(found.model_dump(mode="json"), 201 if stored is None else 200, {"ETag": strong(etag)})


@router.patch("/{camera_id}")
async def switch_camera(camera_id: CameraId, body: SwitchesIn, caller: Operator, services: Needed) -> CameraOut:
    """Switch a camera, its analysis or its alerts on or off, beside its settings. The answer has them as they are then."""
    for switch, on in body.wanted.items():
        act = partial(services.switches.switch, caller.scope, camera_id, switch, on=on, by=caller.username, at_s=services.clock.utc_s())
        if await run_in_threadpool(act):
            await services.note(caller, "camera.switch", camera_id, {"switch": switch.value, "on": on})
    await services.site_changed()
    return await _camera_out(camera_id, caller, services)


@router.delete("/{camera_id}", status_code=204)
async def delete_camera(camera_id: CameraId, caller: Admin, services: Needed, if_match: Etag = None) -> Response:
    """Remove a camera, also from rules; a rule that watched only this camera goes with it. Its events stay."""
    async with services.editing:
        if not caller.scope.allows(camera_id):
            raise not_found("camera")
        etag = await run_in_threadpool(services.sites.camera_etag, camera_id)
        if etag is None:
            raise not_found("camera")
        precondition(etag, if_match, None)
        rules = await run_in_threadpool(lambda: services.sites.delete_camera(camera_id, etag=etag))
    await services.note(caller, "camera.delete", camera_id, {"rules": list(rules)})
    await services.site_changed()
    return Response(status_code=204)


@router.head("/{camera_id}/snapshot.jpg", dependencies=[Depends(paced("picture"))], response_class=Response, include_in_schema=False)
@router.get(
    "/{camera_id}/snapshot.jpg",
    dependencies=[Depends(paced("picture"))],
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {}}}},
)
async def snapshot(camera_id: CameraId, caller: Viewer, services: Needed, size: Size = "l") -> Response:
    """The newest picture; 503 when there is none."""
    site = await run_in_threadpool(services.view.current)
    if camera_id not in site.cameras or not caller.scope.allows(camera_id):
        raise not_found("camera")
    preview = await services.live.snapshot(camera_id, size)
    if preview is None:
        status = status_of(site, camera_id, by_camera(services.live.statuses()).get(camera_id))
        why = f"{status.state.value}: {status.message}" if status.message else status.state.value
        raise ProblemError(503, f"there is no picture of {camera_id} now ({why})", headers={"Retry-After": "2"})
    headers = {"Cache-Control": "private, no-store", "X-Captured-At": f"{preview.time_s:.3f}"}
    return Response(preview.jpeg, media_type="image/jpeg", headers=headers)


async def _camera_out(camera_id: str, caller: Caller, services: Services) -> CameraOut:
    statuses = by_camera(services.live.statuses())
    site = await run_in_threadpool(services.view.current)
    if camera_id not in site.cameras or not caller.scope.allows(camera_id):
        raise not_found("camera")
    return CameraOut.of(camera_id, site, status_of(site, camera_id, statuses.get(camera_id)), _config(caller, site, camera_id))


async def _camera_of(body: dict[str, Any], stored: CameraConfig | None, services: Services) -> CameraConfig:
    """The settings that a request means, or a problem that names every fault."""
    errors: list[FieldError] = []
    source = body.get("source", "")
    if isinstance(source, str):
        try:
            source = await _source(services, source, stored)
        except ProblemError as error:
            errors, source = (
                error.errors or [FieldError("source", error.detail)],
                "sim://yard",
            )  # stands in for the check
    if isinstance(body.get("record_source"), str):
        try:
            body = {**body, "record_source": await _source(services, body["record_source"], stored, "record_source")}
        except ProblemError as error:
            errors += [FieldError("record_source", error.detail)]
            body = {**body, "record_source": ""}
    try:
        camera = CameraConfig.model_validate({**body, "source": source})
    except ValidationError as error:
        errors += [FieldError(problem.field, problem.message) for problem in problems_of(error)]
    if errors:
        raise _invalid(errors)
    return camera


async def _source(services: Services, given: str, stored: CameraConfig | None, field: Literal["source", "record_source"] = "source") -> str:
    """The address that is meant; an empty one stays empty, for the check of the whole to say so."""
    known = {name: getattr(stored, name).get_secret_value() for name in ("source", "record_source")} if stored is not None else {}
    if field == "record_source" and not given.strip():
        return ""  # it is recorded from `source` then
    source = resolved(given, known.get(field), *known.values())
    if source and source not in known.values():
        # Looks at the disk. What is stored already was allowed before, or came from the site file.
        await run_in_threadpool(refuse_unfit, source, services.settings)
    return source


def _tested(camera: CameraConfig, result: ProbeResult) -> dict[str, Any]:
    return {"address": masked(camera.source.get_secret_value()), "state": result.state.value}


def _invalid(errors: list[FieldError]) -> ProblemError:
    return ProblemError(422, f"the camera's settings have {len(errors)} problem{'s' if len(errors) != 1 else ''}", errors)


def _config(caller: Caller, site: SiteConfig, camera_id: str) -> dict[str, Any] | None:
    if caller.role is not Role.ADMIN:
        return None
    stored = site.cameras[camera_id]
    recorded = stored.record_source.get_secret_value()
    return public_config(stored, masked(stored.source.get_secret_value()), masked(recorded) if recorded else "")
