"""A picture in, what is in it out: the friendly way to a model, one route a task."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request
from starlette.responses import Response

from panops.api.inference_service import MOST_BODY_BYTES, coding_of
from panops.api.problems import FieldError, ProblemError
from panops.api.security import Caller, Operator
from panops.api.services import Needed, Services
from panops.pipeline.inference_order import Order, OrderKind, ShownAs

router = APIRouter(prefix="/api/v1", tags=["inference"])

# The detector without a model compares pictures of one camera; a single picture tells it nothing.
_WITHOUT_MODEL = "motion"
_MOST_FIELDS = 8


Model = Annotated[str, Query(max_length=200)]


@dataclass(frozen=True, slots=True)
class _Asked:
    """Who asks, and what all looks at pictures have in common."""

    caller: Operator
    services: Needed
    request: Request
    model: Model = ""
    min_score: Annotated[float, Query(ge=0, le=1, allow_inf_nan=False)] = 0.0
    annotated: bool = False

    async def answer(self, task: str, default: Callable[[Services, str], str]) -> Response:
        """Have the model look; `default` names one where none is asked for."""
        model = self.model or await run_in_threadpool(default, self.services, task)
        shown_as = ShownAs.PICTURE if self.annotated else ShownAs.JSON
        order = Order(OrderKind.LOOK, model, task=task, min_score=self.min_score, shown_as=shown_as)
        return await _look(self.caller, self.services, self.request, order)


Asked = Annotated[_Asked, Depends()]


@router.post("/detect")
async def detect(asked: Asked) -> Response:
    """What a detector sees in a JPEG, PNG or WebP: as JSON, or drawn on the picture."""
    return await asked.answer("detection", _default_detector)


@router.post("/faces")
async def faces(asked: Asked) -> Response:
    """The faces in a JPEG, PNG or WebP with their points: as JSON, or drawn on the picture. Whose they are is not looked at."""
    return await asked.answer("faces", _first_model)


@router.post("/pose")
async def pose(asked: Asked) -> Response:
    """The joints of people in a JPEG, PNG or WebP: as JSON, or drawn on the picture."""
    return await asked.answer("pose", _first_model)


@router.post("/hands")
async def hands(asked: Asked) -> Response:
    """The hands in a JPEG, PNG or WebP with their joints: as JSON, or drawn on the picture."""
    return await asked.answer("hands", _first_model)


@router.post("/classify")
async def classify(asked: Asked) -> Response:
    """What a JPEG, PNG or WebP shows as a whole: the best five classes as JSON, or the best one written on the picture."""
    return await asked.answer("classification", _first_model)


@router.post("/segment")
async def segment(
    caller: Operator, services: Needed, request: Request, model: Model = "", shown_as: Annotated[ShownAs, Query(alias="as")] = ShownAs.JSON
) -> Response:
    """What each part of a JPEG, PNG or WebP shows: shares of classes as JSON, drawn on the picture, or a PNG of class ids."""
    chosen = model or await run_in_threadpool(_first_model, services, "segmentation")
    return await _look(caller, services, request, Order(OrderKind.LOOK, chosen, task="segmentation", shown_as=shown_as))


async def _look(caller: Caller, services: Services, request: Request, order: Order) -> Response:
    coding_of(request)
    async with services.inference.body(request) as body:
        picture = await picture_of(request, body)
        reply = await services.inference.ask(order, picture, caller)
    return Response(reply.body, media_type=reply.media_type)


def _default_detector(services: Services, task: str) -> str:
    """The model of cameras that name none.

    Raises:
        ProblemError: There is none that can look at a single picture.
    """
    del task
    chosen = services.view.current().model or services.models.default()[0]
    if not chosen or chosen == _WITHOUT_MODEL:
        detail = "this site has no model of its own: choose one with ?model=; GET /api/v1/models lists them"
        raise ProblemError(422, detail, [FieldError("model", detail)])
    return chosen


def _first_model(services: Services, task: str) -> str:
    """The first model for a task by name; who has several names one.

    Raises:
        ProblemError: There is none.
    """
    chosen = services.inference.index.first(task)
    if not chosen:
        detail = f"no model for {task} is installed: panops models list shows which there are, panops models add gets one"
        raise ProblemError(422, detail, [FieldError("model", detail)])
    return chosen


async def picture_of(request: Request, body: Sequence[bytes]) -> Sequence[bytes]:
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
