"""ONVIF cameras on the network, for the page on which one is added."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from panops.api.camera_hosts import refuse_hidden_host
from panops.api.problems import ProblemError
from panops.api.rates import paced
from panops.api.security import Admin
from panops.api.services import Needed
from panops.domain.errors import SourceError
from panops.ingest.discovery import discover
from panops.ingest.onvif_device import Camera

router = APIRouter(prefix="/api/v1/cameras", tags=["cameras"])


class DiscoverIn(BaseModel):
    """How to ask. User name and password are those of the cameras; they are not kept."""

    model_config = ConfigDict(extra="forbid")

    seconds: Annotated[float, Field(ge=0.1, le=10, allow_inf_nan=False)] = 3.0
    username: Annotated[str, Field(max_length=200)] = ""
    password: Annotated[str, Field(max_length=200)] = ""
    host: Annotated[str, Field(max_length=253)] = ""


class StreamOut(BaseModel):
    """A stream of a camera; zeros and empty texts where it does not say. The address holds no login."""

    name: str
    codec: str
    size_wh: tuple[int, int]
    rate_fps: float
    source: str


class FoundOut(BaseModel):
    """A camera. `problem` says why its streams are not known."""

    host: str
    address: str
    name: str
    hardware: str
    location: str
    streams: list[StreamOut]
    problem: str


class FoundAllOut(BaseModel):
    """Who answered."""

    cameras: list[FoundOut]


@router.post("/discover", dependencies=[Depends(paced("probe"))])
async def discover_cameras(body: DiscoverIn, caller: Admin, services: Needed) -> FoundAllOut:
    """Ask the network for ONVIF cameras, and each for its streams. The server asks: only administrators may let it."""
    if services.probes.locked():
        raise ProblemError(429, "several connection tests are running; try again in a moment", headers={"Retry-After": "5"})
    host = body.host.strip()
    async with services.probes:
        if host:
            await run_in_threadpool(refuse_hidden_host, host, services.settings.allowed_addresses, "host")
        try:
            found = await run_in_threadpool(lambda: discover(body.seconds, username=body.username, password=body.password, host=host))
        except SourceError as error:
            raise ProblemError(503, str(error), headers={"Retry-After": "5"}) from error
    await services.note(caller, "camera.discover", host, {"found": len(found)})
    return FoundAllOut(cameras=[_out(one) for one in found])


def _out(found: Camera) -> FoundOut:
    streams = [
        StreamOut(name=one.name, codec=one.codec, size_wh=one.size_wh, rate_fps=one.rate_fps, source=one.source) for one in found.profiles
    ]
    device = found.device
    return FoundOut(
        host=device.host,
        address=device.address,
        name=device.name,
        hardware=device.hardware,
        location=device.location,
        streams=streams,
        problem=found.problem,
    )
