"""The Open Inference Protocol, version 2, over HTTP: models for programs, by tensors."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from panops.api.inference_service import coding_of
from panops.api.problems import ProblemError
from panops.api.security import Caller, Operator
from panops.api.services import Needed, Services
from panops.domain.errors import ModelError
from panops.pipeline.body_coding import CODINGS
from panops.pipeline.inference_order import Order, OrderKind

router = APIRouter(prefix="/v2", tags=["open inference protocol"])

HEADER_LENGTH = "Inference-Header-Content-Length"

Model = Annotated[str, Path(max_length=128)]
Version = Annotated[str, Path(max_length=128)]


@router.get("")
def server(_caller: Operator, services: Needed) -> dict[str, Any]:
    """Name, version and extensions of this server."""
    return {"name": "panops", "version": services.settings.version, "extensions": ["binary_tensor_data"]}


@router.get("/health/live", response_class=Response)
def is_live(_caller: Operator) -> Response:
    """Whether it answers."""
    return Response()


@router.get("/health/ready", response_class=Response)
def is_ready(_caller: Operator, services: Needed) -> Response:
    """Whether models can be asked; the processes that run them start with the first request."""
    _ = services.inference.index
    return Response()


@router.post("/repository/index")
async def repository_index(_caller: Operator, services: Needed) -> list[dict[str, str]]:
    """Every version of every model."""
    return await run_in_threadpool(index_of, services)


@router.get("/models/{model}")
async def metadata(caller: Operator, services: Needed, model: Model) -> Response:
    """The tensors of a model's active version."""
    return await _metadata(services, caller, model)


@router.get("/models/{model}/versions/{version}")
async def metadata_of_version(caller: Operator, services: Needed, model: Model, version: Version) -> Response:
    """The tensors of one version."""
    return await _metadata(services, caller, f"{model}@{version}")


@router.get("/models/{model}/ready", response_class=Response)
async def is_model_ready(_caller: Operator, services: Needed, model: Model) -> Response:
    """Whether a model's active version is here and its file is the right one."""
    return await _ready(services, model)


@router.get("/models/{model}/versions/{version}/ready", response_class=Response)
async def is_version_ready(_caller: Operator, services: Needed, model: Model, version: Version) -> Response:
    """The same of one version."""
    return await _ready(services, f"{model}@{version}")


@router.post("/models/{model}/infer")
async def infer(caller: Operator, services: Needed, model: Model, request: Request) -> Response:
    """Run a model's active version."""
    return await _infer(services, caller, model, request)


@router.post("/models/{model}/versions/{version}/infer")
async def infer_version(caller: Operator, services: Needed, model: Model, version: Version, request: Request) -> Response:
    """Run one version."""
    return await _infer(services, caller, f"{model}@{version}", request)


def index_of(services: Services) -> list[dict[str, str]]:
    """Every version of every model, in the protocol's words; blocks."""
    return [
        {"name": entry.model, "version": entry.version, "state": "UNAVAILABLE" if entry.problem else "READY", "reason": entry.problem}
        for entry in services.inference.index.entries()
    ]


async def _metadata(services: Services, caller: Caller, reference: str) -> Response:
    reply = await services.inference.ask(Order(OrderKind.METADATA, reference), (), caller)
    return Response(reply.body, media_type=reply.media_type)


async def _ready(services: Services, reference: str) -> Response:
    try:
        await run_in_threadpool(services.inference.index.check, reference)
    except ModelError as error:
        raise ProblemError(404, str(error)) from error
    return Response()


async def _infer(services: Services, caller: Caller, reference: str, request: Request) -> Response:
    coding = coding_of(request, CODINGS)
    order = Order(OrderKind.INFER, reference, _header_bytes(request), coding=coding, answer_coding=_wanted_coding(request))
    async with services.inference.body(request) as body:
        reply = await services.inference.ask(order, body, caller)
    headers = {"Vary": "Accept-Encoding"}
    if reply.header_bytes is not None:
        headers[HEADER_LENGTH] = str(reply.header_bytes)
    if reply.coding:
        headers["Content-Encoding"] = reply.coding
    return Response(reply.body, media_type=reply.media_type, headers=headers)


def _wanted_coding(request: Request) -> str:
    """How the answer shall be compressed: only where one coding is named, by itself. A list is what libraries send unasked."""
    named = request.headers.get("accept-encoding", "").strip().lower()
    return named if named in CODINGS else ""


def _header_bytes(request: Request) -> int | None:
    text = request.headers.get(HEADER_LENGTH)
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal()) or len(text) > 12:
        raise ProblemError(400, f"{HEADER_LENGTH}: expected the length of the JSON in bytes, got {ascii(text)[:40]}")
    return int(text)
