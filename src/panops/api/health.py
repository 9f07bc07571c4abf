"""For process managers and load balancers: is it alive, is it ready."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from panops.api.schemas import StatusOut
from panops.api.security import OPEN
from panops.api.services import Needed
from panops.domain.errors import StorageError

router = APIRouter(tags=["health"], dependencies=[OPEN])


@router.get("/healthz")
async def alive() -> StatusOut:
    """The process answers."""
    return StatusOut(status="ok")


@router.get("/readyz", response_model=StatusOut)
def ready(services: Needed) -> Response:
    """The database answers too; else 503. Says nothing of why to strangers: the log does."""
    try:
        services.sites.revision()
    except StorageError:
        return JSONResponse({"status": "the storage cannot be read"}, 503)
    return JSONResponse({"status": "ok"})
