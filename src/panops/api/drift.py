"""How far a camera's latest days are from its reference."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from panops.api.cameras import CameraId
from panops.api.problems import not_found
from panops.api.schemas import Out
from panops.api.security import Caller, Viewer
from panops.api.services import Needed, Services
from panops.api.unhidden import FIRST_PICTURE, refuse_unhidden
from panops.config.health_schema import HealthConfig
from panops.domain.drift import LARGE, MODERATE
from panops.storage.drift import DriftDays, day_of

router = APIRouter(prefix="/api/v1/cameras", tags=["cameras"])


class QuantityOut(Out):
    """One quantity: shares of 0..1 by bin, then and now."""

    name: str
    bins: list[str]
    then: list[float]
    now: list[float]
    samples_then: int
    samples_now: int
    psi: float | None
    usual: float | None
    level: Literal["unknown", "none", "moderate", "large"]


class DriftOut(Out):
    """A camera's drift. `psi` is None where there are too few samples."""

    camera_id: str
    enabled: bool
    reference_days: list[str]
    reference_wanted: int
    newest_days: list[str]
    moderate: float
    large: float
    quantities: list[QuantityOut]


@router.get("/{camera_id}/drift")
async def drift(camera_id: CameraId, caller: Viewer, services: Needed) -> DriftOut:
    """Daily histograms of a camera, its latest whole days against its reference, and the stability index of each quantity."""
    health = await _health(camera_id, caller, services)
    today = day_of(services.clock.utc_s())
    report = await run_in_threadpool(
        lambda: DriftDays(services.database).report(
            caller.scope, camera_id, before=today, reference_from=health.reference_from, reference_days=health.reference_days
        )
    )
    return DriftOut(
        camera_id=camera_id,
        enabled=health.enabled and health.drift,
        reference_days=list(report.reference_days),
        reference_wanted=health.reference_days,
        newest_days=list(report.newest_days),
        moderate=MODERATE,
        large=LARGE,
        quantities=[
            QuantityOut(
                name=one.quantity,
                bins=list(one.bins),
                then=_shares(one.then),
                now=_shares(one.now),
                samples_then=sum(one.then),
                samples_now=sum(one.now),
                psi=None if one.psi is None else round(one.psi, 4),
                usual=None if one.usual is None else round(one.usual, 4),
                level=one.level,
            )
            for one in report.drifts
        ],
    )


@router.head("/{camera_id}/drift/reference.jpg", response_class=Response, include_in_schema=False)
@router.get("/{camera_id}/drift/reference.jpg", response_class=Response, responses={200: {"content": {"image/jpeg": {}}}})
async def reference(camera_id: CameraId, caller: Viewer, services: Needed) -> Response:
    """The camera's picture on the first day of its reference; 404 before there is one."""
    health = await _health(camera_id, caller, services)
    await run_in_threadpool(refuse_unhidden, services, caller, camera_id, FIRST_PICTURE)
    jpeg = await run_in_threadpool(lambda: DriftDays(services.database).picture(caller.scope, camera_id, health.reference_from))
    if not jpeg:
        raise not_found("picture")
    return Response(jpeg, media_type="image/jpeg", headers={"Cache-Control": "private, no-store"})


async def _health(camera_id: str, caller: Caller, services: Services) -> HealthConfig:
    """The camera's settings, or a problem where it does not exist for the caller."""
    site = await run_in_threadpool(services.view.current)
    if camera_id not in site.cameras or not caller.scope.allows(camera_id):
        raise not_found("camera")
    return site.cameras[camera_id].health


def _shares(counts: tuple[int, ...]) -> list[float]:
    total = sum(counts)
    return [round(count / total, 4) if total else 0.0 for count in counts]
