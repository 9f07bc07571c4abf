"""A camera's zones, lines and ground: what is drawn over its picture, apart from its other settings."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from panops.api.cameras import Etag
from panops.api.problems import FieldError, ProblemError, not_found
from panops.api.schemas import Out
from panops.api.security import Admin
from panops.api.services import Needed
from panops.api.versions import precondition, strong
from panops.config.fields import NAME_PATTERN, Name
from panops.config.load import problems_of
from panops.config.place_use import renamed_rules, users_of, uses
from panops.config.schema import CameraConfig, SiteConfig

router = APIRouter(prefix="/api/v1/cameras", tags=["cameras"])

CameraId = Annotated[str, Path(pattern=NAME_PATTERN)]
_FIELDS = ("zones", "lines", "ground")


class PlacesIn(BaseModel):
    """Zones, lines and ground as the site file has them; `renamed` has the new names of those that are the same under another one."""

    model_config = ConfigDict(extra="forbid")

    zones: dict[str, Any] = Field(default_factory=dict)
    lines: dict[str, Any] = Field(default_factory=dict)
    ground: dict[str, Any] | None = None
    renamed: dict[Name, Name] = Field(default_factory=dict)


class PlacesOut(Out):
    """Zones, lines and ground, and the ids of the rules that hang on each."""

    zones: dict[str, Any]
    lines: dict[str, Any]
    ground: dict[str, Any] | None
    used_by: dict[str, list[str]]


@router.get("/{camera_id}/places", response_model=PlacesOut)
def places(camera_id: CameraId, caller: Admin, services: Needed) -> Response:
    """What is drawn. The ETag is the camera's: it changes with any of its settings."""
    if not caller.scope.allows(camera_id):
        raise not_found("camera")
    etag = services.sites.camera_etag(camera_id)
    site = services.view.current()
    if etag is None or camera_id not in site.cameras:
        raise not_found("camera")
    return _answer(site, camera_id, etag)


@router.put("/{camera_id}/places", response_model=PlacesOut)
async def put_places(camera_id: CameraId, body: PlacesIn, caller: Admin, services: Needed, if_match: Etag = None) -> Response:
    """Replace all of it. Rules follow a new name; what rules still use cannot be left out: 409 names them."""
    async with services.editing:
        site = await run_in_threadpool(services.view.current)
        etag = await run_in_threadpool(services.sites.camera_etag, camera_id)
        if etag is None or camera_id not in site.cameras or not caller.scope.allows(camera_id):
            raise not_found("camera")
        precondition(etag, if_match, None)
        camera = drawn(site.cameras[camera_id], body)
        rules, stuck = renamed_rules(site, camera_id, body.renamed)
        _refuse_what_breaks(site, camera_id, camera, body, stuck)
        after = await run_in_threadpool(lambda: services.sites.put_camera_and_rules(camera_id, camera, rules, camera_etag=etag))
    detail = {"zones": list(camera.zones), "lines": list(camera.lines), "rules": [rule.id for rule in rules]}
    await services.note(caller, "camera.places", camera_id, detail)
    await services.site_changed()
    return _answer(await run_in_threadpool(services.view.current), camera_id, after)


def _answer(site: SiteConfig, camera_id: str, etag: str) -> Response:
    drawn = site.cameras[camera_id].model_dump(mode="json", include=set(_FIELDS))
    found = PlacesOut(**drawn, used_by=uses(site, camera_id))
    return JSONResponse(found.model_dump(mode="json"), 200, {"ETag": strong(etag)})


def drawn(camera: CameraConfig, body: PlacesIn) -> CameraConfig:
    """The camera with what was drawn.

    Raises:
        ProblemError: 422; every fault is named at once.
    """
    try:
        return CameraConfig.model_validate({**camera.plain(), **{name: getattr(body, name) for name in _FIELDS}})
    except ValidationError as error:
        errors = [FieldError(problem.field, problem.message) for problem in problems_of(error)]
        raise ProblemError(422, f"what is drawn has {len(errors)} problem{'s' if len(errors) != 1 else ''}", errors) from error


def _refuse_what_breaks(site: SiteConfig, camera_id: str, camera: CameraConfig, body: PlacesIn, stuck: dict[str, list[str]]) -> None:
    """What is gone, or has another name, although rules need it.

    Raises:
        ProblemError: 409; says which rules.
    """
    before = site.cameras[camera_id]
    errors = []
    for field in ("zones", "lines"):
        known = getattr(before, field)
        for name in known:
            # One that went and whose name another one took is gone all the same.
            if name in getattr(camera, field) and name not in body.renamed.values():
                continue
            if name in body.renamed and name not in stuck:
                continue
            users = stuck.get(name) or [rule.id for rule in users_of(site, camera_id, name)]
            if users:
                why = "on other cameras, too, so it cannot get another name here" if name in stuck else "; change or delete them first"
                said = f"{', '.join(users)} {'uses' if len(users) == 1 else 'use'} it {why}".replace(" ;", ";")
                errors.append(FieldError(f"{field}.{name}", f"the rule{'s' if len(users) != 1 else ''} {said}"))
    if errors:
        names = ", ".join(error.field.partition(".")[2] for error in errors)
        raise ProblemError(409, f"rules still need {names}: {'; '.join(error.message for error in errors)}", errors)
