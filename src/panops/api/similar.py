"""Finding a person again: the events whose people look most like one of an event, or of a picture."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Self

import numpy as np
from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.concurrency import run_in_threadpool

from panops.api.events import EVENT_ID
from panops.api.group_filter import Groups, shown
from panops.api.problems import ProblemError, not_found
from panops.api.rates import paced
from panops.api.schemas import Box, EventOut, Out
from panops.api.security import Operator
from panops.api.services import Needed, Services
from panops.domain.errors import PanopsError
from panops.pipeline.event_looks import LEAST_HEIGHT_PX, open_embedder
from panops.pipeline.sent_picture import PictureRefused, read_sent_picture
from panops.storage.embeddings import Embedding, EventEmbeddings
from panops.storage.scope import Scope

router = APIRouter(prefix="/api/v1/events", tags=["events"])

Moment = Annotated[float, Field(ge=-1e11, le=1e11, allow_inf_nan=False)]
OFF = "finding people again is switched off: name a model for reid in evidence.find_again, such as person_reid"


class SimilarIn(BaseModel):
    """Whom to look for: the person of an event, or of a picture (JPEG, PNG or WebP in base64), which a `box` (0..1) cuts out of it."""

    model_config = ConfigDict(extra="forbid")

    event_id: Annotated[str, Field(pattern=EVENT_ID)] | None = None
    picture: Annotated[str, Field(max_length=1_000_000)] | None = None
    box: tuple[float, float, float, float] | None = None
    since: Moment | None = None
    until: Moment | None = None
    least: Annotated[float, Field(ge=-1, le=1, allow_inf_nan=False)] = 0.0
    limit: Annotated[int, Field(ge=1, le=100)] = 20

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        if (self.event_id is None) == (self.picture is None):
            raise ValueError("expected either event_id or picture")
        if self.box is not None and (self.picture is None or not _is_box(self.box)):
            raise ValueError("expected box beside picture, as [left, top, right, bottom] within 0..1")
        return self


class AlikeOut(Out):
    """An event and how much its person looks like the one asked for: -1..1."""

    event: EventOut
    similarity: float


class SimilarOut(Out):
    """Events, the most alike first. `compared` is with how many events' people; of events without a person nothing is known."""

    found: list[AlikeOut]
    compared: int
    model: str


@router.post("/similar", dependencies=[Depends(paced("search"))])
async def similar(
    body: SimilarIn,
    caller: Operator,
    services: Needed,
    group: Groups = [],  # noqa: B006 - FastAPI copies defaults
) -> SimilarOut:
    """Events whose people look most like the one of an event or of a picture. It is a likeness of clothes, never a proof.

    Every event that the caller may see is compared. Who looked for whom is in the audit log.
    """
    scope = await run_in_threadpool(shown, caller, services, group)
    found = await run_in_threadpool(_find, body, scope, services)
    asked = {"picture": True} if body.event_id is None else {}
    await services.note(caller, "event.find_again", body.event_id or "", {**asked, "compared": found.compared})
    return found


def _find(body: SimilarIn, scope: Scope, services: Services) -> SimilarOut:
    embeddings = EventEmbeddings(services.database)
    wanted = _of_event(body.event_id, scope, services, embeddings) if body.event_id is not None else _of_picture(body, services)
    alike = embeddings.similar(
        scope, wanted, body.limit, least=body.least, since_s=body.since, until_s=body.until, without=body.event_id or ""
    )
    site = services.view.current()
    found = []
    for event_id, similarity in alike.found:
        stored = services.events.get(scope, event_id)
        if stored is not None:
            name = services.view.camera_name(site, stored.event.camera_id)
            found.append(AlikeOut(event=EventOut.of(stored, name), similarity=round(similarity, 4)))
    return SimilarOut(found=found, compared=alike.compared, model=wanted.model)


def _of_event(event_id: str, scope: Scope, services: Services, embeddings: EventEmbeddings) -> Embedding:
    if services.events.get(scope, event_id) is None:
        raise not_found("event")
    if not services.view.current().finds_again:
        raise ProblemError(409, OFF)
    wanted = embeddings.get(scope, event_id)
    if wanted is None:
        off = "" if services.view.current().evidence.find_again else f"; {OFF}"
        raise ProblemError(409, f"it is not known what the person of this event looks like{off}")
    return wanted


def _of_picture(body: SimilarIn, services: Services) -> Embedding:
    """What somebody in a picture looks like; the model is loaded for it and let go, for this is rare."""
    name = services.view.current().evidence.find_again
    if not name:
        raise ProblemError(409, OFF)
    try:
        frame = read_sent_picture(memoryview(base64.b64decode(body.picture or "", validate=True)))
    except binascii.Error as error:
        raise ProblemError(422, "expected picture in base64, got something else") from error
    except PictureRefused as error:
        raise ProblemError(error.status, str(error)) from error
    width, height = frame.size_wh
    box = np.array(body.box or (0.0, 0.0, 1.0, 1.0), np.float32) * np.array([width, height, width, height], np.float32)
    if box[3] - box[1] < LEAST_HEIGHT_PX:
        got = f"{box[3] - box[1]:.0f}"
        raise ProblemError(422, f"expected a person at least {LEAST_HEIGHT_PX} px tall, got {got} px: send a larger picture")
    store = services.models.store
    if store is None:
        raise ProblemError(409, f"the model {name} cannot be used: this installation has none")
    try:
        embedder = open_embedder(store, name)
        try:
            return Embedding(embedder.name, embedder.embed(frame, box[None])[0])
        finally:
            embedder.close()
    except PanopsError as error:
        raise ProblemError(409, f"the model {name} cannot be used: {error}") from error


def _is_box(box: Box) -> bool:
    left, top, right, bottom = box
    return 0 <= left < right <= 1 and 0 <= top < bottom <= 1
