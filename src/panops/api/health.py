"""For process managers and load balancers: is it alive, is it ready."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from panops.api.schemas import StatusOut
from panops.api.security import OPEN
from panops.api.services import Needed

router = APIRouter(tags=["health"], dependencies=[OPEN])


@router.get("/healthz")
async def alive() -> StatusOut:
    """The process answers."""
    return StatusOut(status="ok")


@router.get("/readyz", response_model=StatusOut)
async def ready(services: Needed) -> Response:
    """The database is there and sound, as far as a quick look can tell; else 503 with the kind of problem. The log says more."""
    problem = await services.readiness.problem()
    return JSONResponse({"status": problem or "ok"}, 503 if problem else 200)
