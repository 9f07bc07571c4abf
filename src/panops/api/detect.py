"""A picture in, what is in it out: the friendly way to a detector."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request
from starlette.responses import Response

from panops.api.inference_service import MOST_BODY_BYTES, coding_of
from panops.api.problems import FieldError, ProblemError
from panops.api.security import Operator
from panops.api.services import Needed, Services
from panops.pipeline.inference_order import Order, OrderKind

router = APIRouter(prefix="/api/v1", tags=["inference"])

# The detector without a model compares pictures of one camera; a single picture tells it nothing.
_WITHOUT_MODEL = "motion"
_MOST_FIELDS = 8


@router.post("/detect")
async def detect(
    caller: Operator,
    services: Needed,
    request: Request,
    model: Annotated[str, Query(max_length=200)] = "",
    min_score: Annotated[float, Query(ge=0, le=1, allow_inf_nan=False)] = 0.0,
    annotated: bool = False,
) -> Response:
    """What a detector sees in a JPEG, PNG or WebP: as JSON, or drawn on the picture."""
    chosen = model or await run_in_threadpool(_default_model, services)
    coding_of(request)
    order = Order(OrderKind.DETECT, chosen, min_score=min_score, annotated=annotated)
    async with services.inference.body(request) as body:
        picture = await _picture(request, body)
        reply = await services.inference.ask(order, picture, caller)
    return Response(reply.body, media_type=reply.media_type)


def _default_model(services: Services) -> str:
    """The model of cameras that name none.

    Raises:
        ProblemError: There is none that can look at a single picture.
    """
    chosen = services.view.current().model or services.models.default()[0]
    if not chosen or chosen == _WITHOUT_MODEL:
        detail = "this site has no model of its own: choose one with ?model=; GET /api/v1/models lists them"
        raise ProblemError(422, detail, [FieldError("model", detail)])
    return chosen


async def _picture(request: Request, body: Sequence[bytes]) -> Sequence[bytes]:
    """The picture itself: the body, or the one file of a form.

    Raises:
        ProblemError: 400: nothing, or a form without a file or with several.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() == "multipart/form-data":
        body = await _file(request, body)
    if not any(body):
        raise ProblemError(400, "expected a JPEG, PNG or WebP picture as the body, got nothing")
    return body


async def _file(request: Request, body: Sequence[bytes]) -> Sequence[bytes]:
    async def pieces() -> AsyncIterator[bytes]:
        for piece in body:
            yield piece

    parser = MultiPartParser(request.headers, pieces(), max_files=1, max_fields=_MOST_FIELDS)  # type: ignore[arg-type]  # any async iterator will do
    parser.spool_max_size = MOST_BODY_BYTES  # never to disk: its size is bounded already
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise ProblemError(400, f"expected a form with one file: {error.message}") from error
    try:
        files = [value for value in form.values() if isinstance(value, UploadFile)]
        return [await files[0].read()] if files else []
    finally:
        await form.close()
