"""The site as a whole: version, model, notices, time zone, figures."""

from __future__ import annotations

import logging
import time
from pathlib import Path

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from panops.api.notices import notices_for
from panops.api.schemas import ShardOut, SiteOut
from panops.api.security import Viewer
from panops.api.services import Needed
from panops.storage.scope import Role

log = logging.getLogger(__name__)

router = APIRouter(prefix="/api/v1", tags=["site"])


@router.get("/site")
async def site(caller: Viewer, services: Needed) -> SiteOut:
    """The site. `metrics` and `shards` are there for operators and administrators, `file_roots` for administrators."""
    operates = caller.role.covers(Role.OPERATOR)
    metrics = dict(services.live.metrics()) if operates else None
    shards = [ShardOut.of(figures) for figures in services.live.shards()] if operates else None
    stored = await run_in_threadpool(services.view.current)
    model, note = await run_in_threadpool(services.models.default)
    return SiteOut(
        version=services.settings.version,
        model=stored.model or model,
        model_note=note,
        notices=notices_for(caller.scope, services.live.notices()),
        timezone=stored.timezone or local_timezone(),
        metrics=metrics,
        shards=shards,
        file_roots=[str(root) for root in services.settings.allowed_file_roots] if caller.role.covers(Role.ADMIN) else None,
    )


@router.get("/openapi.json", include_in_schema=False)
def openapi(_caller: Viewer, request: Request) -> Response:
    """The description of this API, for generators of clients."""
    return JSONResponse(request.app.openapi())


def local_timezone() -> str:
    """The machine's time zone: its IANA name where it can be found, else its short name."""
    try:
        target = Path("/etc/localtime").resolve()
        parts = target.parts
        if "zoneinfo" in parts:
            return "/".join(parts[parts.index("zoneinfo") + 1 :])
    except OSError as error:
        log.debug("the time zone's name cannot be found: %s", error)
    return time.tzname[0]
