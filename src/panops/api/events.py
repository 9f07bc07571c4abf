"""Events: search, detail, review, counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Depends, Path, Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from panops.api.deliveries import deliveries_out
from panops.api.group_filter import Shown
from panops.api.pages import link_next
from panops.api.problems import not_found
from panops.api.questions import EventsOut, asked
from panops.api.rates import paced
from panops.api.schemas import (
    CountsOut,
    DeliveryOut,
    EventDetailOut,
    EventOut,
    EvidenceOut,
    NewOut,
    ReviewedOut,
    ReviewOut,
    SeenAgainOut,
    TrackedBoxOut,
    TrailPointOut,
    VerdictOut,
)
from panops.api.security import Caller, Operator, Viewer
from panops.api.services import Needed, Services
from panops.domain.events import Evidence, EvidenceKind, Severity
from panops.storage.embeddings import EventEmbeddings
from panops.storage.errors import InvalidCursor
from panops.storage.events import EventFilter, ReviewStatus, StoredEvent
from panops.storage.outbox import LARGEST_PAGE
from panops.storage.question_reader import LONGEST_QUESTION
from panops.storage.scope import Role
from panops.storage.sightings import Sightings

router = APIRouter(prefix="/api/v1/events", tags=["events"])

FILE_NAMES = {
    EvidenceKind.SNAPSHOT: "snapshot.jpg",
    EvidenceKind.ANNOTATED: "annotated.jpg",
    EvidenceKind.CLIP: "clip.mp4",
    EvidenceKind.CLIP_SO_FAR: "clip_so_far.mp4",
}
MOST_NEW = 100
"""So many events that nobody has reviewed are counted."""
VERSION_DIGITS = 16
"""How much of a file's sha256 is in its address."""


def _printable(text: str) -> str:
    if "\x00" in text:
        raise ValueError("expected text without NUL characters")
    return text


EVENT_ID = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,199}$"
EventId = Annotated[str, Path(pattern=EVENT_ID)]
Words = Annotated[list[Annotated[str, Field(max_length=200), AfterValidator(_printable)]], Query(max_length=200)]
Moment = Annotated[float | None, Query(ge=-1e11, le=1e11, allow_inf_nan=False, description="UTC s")]


class ReviewIn(BaseModel):
    """What somebody says of an event; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    status: ReviewStatus | None = None
    note: Annotated[str, Field(max_length=4000), AfterValidator(_printable)] | None = None
    kept: bool | None = None


class ReviewsIn(ReviewIn):
    """The same said of many events."""

    event_ids: Annotated[list[Annotated[str, Field(pattern=EVENT_ID)]], Field(min_length=1, max_length=500)]


@router.get("", dependencies=[Depends(paced("search"))])
def events(
    request: Request,
    response: Response,
    scope: Shown,
    services: Needed,
    camera: Words = [],  # noqa: B006 - FastAPI copies defaults
    rule: Words = [],  # noqa: B006 - as above
    kind: Words = [],  # noqa: B006 - as above
    class_: Annotated[list[Annotated[str, Field(max_length=200), AfterValidator(_printable)]], Query(alias="class", max_length=200)] = [],  # noqa: B006 - as above
    zone: Words = [],  # noqa: B006 - as above
    severity: Annotated[list[Severity], Query()] = [],  # noqa: B006 - as above
    status: Annotated[list[ReviewStatus], Query()] = [],  # noqa: B006 - as above
    since: Moment = None,
    until: Moment = None,
    kept: bool | None = None,
    suppressed: Annotated[Literal["no", "only", "also"], Query(description="what was taken for a false alarm")] = "no",
    open_: Annotated[bool | None, Query(alias="open")] = None,
    min_score: Annotated[float | None, Query(ge=0, le=1, allow_inf_nan=False)] = None,
    text: Annotated[str, Query(max_length=200), AfterValidator(_printable)] = "",
    words: Annotated[str, Query(max_length=LONGEST_QUESTION, description="a question in plain words"), AfterValidator(_printable)] = "",
    cursor: Annotated[str | None, Query(max_length=1000)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> EventsOut:
    """Events that the caller may see, newest first by start. Conditions are joined by "and", several values of one by "or"."""
    wanted = EventFilter(
        cameras=camera, rules=rule, kinds=kind, classes=class_, zones=zone, severities=severity, statuses=status, is_open=open_, kept=kept,
        suppressed=None if suppressed == "also" else suppressed == "only", min_score=min_score, since_s=since, until_s=until, text=text,
    )  # fmt: skip
    understood = None
    if words.strip():
        question, understood = asked(words, scope, services)
        wanted = question.narrow(wanted)
    try:
        page = services.events.search(scope, wanted, cursor, limit)
    except OverflowError as error:
        # A forged cursor can hold a whole number that no float holds.
        raise InvalidCursor("expected a cursor from an earlier page, got something else; begin again without one") from error
    link_next(request, response, "cursor", page.next_cursor)
    return EventsOut(events=_named(services, page.events), next_cursor=page.next_cursor, understood=understood)


@router.get("/counts", dependencies=[Depends(paced("search"))])
def counts(scope: Shown, services: Needed, since: Moment = None) -> CountsOut:
    """How many events there are since a moment, by status, kind, camera and severity."""
    return CountsOut.of(services.events.counts(scope, since))


@router.get("/new", dependencies=[Depends(paced("search"))])
def new(scope: Shown, services: Needed) -> NewOut:
    """How many events nobody has reviewed; counted up to a hundred, which a page shows as 99+."""
    count = services.events.unreviewed(scope, MOST_NEW)
    return NewOut(new=count, at_least=count == MOST_NEW)


@router.get("/{event_id}")
def event(event_id: EventId, caller: Viewer, services: Needed) -> EventDetailOut:
    """One event with its proof, its history, and its boxes over time."""
    stored = services.events.get(caller.scope, event_id)
    if stored is None:
        raise not_found("event")
    trail = services.trails.trail(caller.scope, event_id)
    tracks = [
        TrailPointOut(
            time_s=time_s,
            boxes=[TrackedBoxOut(track_id=track_id, class_name=name, score=score, box=box) for track_id, name, score, box in boxes],
        )
        for time_s, boxes in trail
    ]
    return EventDetailOut(
        **EventOut.fields_of(stored, _camera_name(services, stored)),
        verdict=VerdictOut.of(stored.event.verdict),
        evidence=[_evidence_out(piece) for piece in stored.evidence],
        history=[ReviewOut.of(review) for review in services.events.history(caller.scope, event_id)],
        deliveries=_told(caller, services, event_id),
        tracks=tracks,
        can_find_again=_can_find_again(caller, services, event_id),
        seen_again=_seen_again(caller, services, event_id),
    )


def _told(caller: Caller, services: Services, event_id: str) -> list[DeliveryOut]:
    """Who was told, the first first."""
    if not caller.role.covers(Role.OPERATOR):
        return []
    return deliveries_out(services, caller.scope, services.outbox.log(caller.scope, event_id=event_id, limit=LARGEST_PAGE)[::-1])


def _can_find_again(caller: Caller, services: Services, event_id: str) -> bool:
    """Whether people may look for its person: what is kept for a while to make one alarm of several is for that only."""
    return services.view.current().finds_again and EventEmbeddings(services.database).get(caller.scope, event_id) is not None


def _seen_again(caller: Caller, services: Services, event_id: str) -> list[SeenAgainOut]:
    site = services.view.current()
    seen = Sightings(services.database).seen(caller.scope, event_id)
    return [SeenAgainOut.of(one, services.view.camera_name(site, one.camera_id)) for one in seen]


@router.patch("/{event_id}")
async def review(event_id: EventId, body: ReviewIn, caller: Operator, services: Needed) -> EventOut:
    """Acknowledge an event, call it a false alarm, note something, keep it."""

    def write() -> EventOut:
        stored = services.events.review(
            caller.scope, event_id, status=body.status, note=body.note, kept=body.kept, user=caller.username, at_s=services.clock.utc_s()
        )
        return EventOut.of(stored, _camera_name(services, stored))

    changed = await run_in_threadpool(write)
    await services.note(caller, "event.review", event_id, _said(body))
    services.event_reviewed(event_id, changed.camera_id)
    return changed


def _said(body: ReviewIn) -> dict[str, Any]:
    """What was said, for the audit log: of a note how long it is."""
    said = {name: value for name, value in body.model_dump(mode="json", exclude_none=True).items() if name not in ("note", "event_ids")}
    return said if body.note is None else {**said, "note": len(body.note)}


@router.patch("")
async def review_all(body: ReviewsIn, caller: Operator, services: Needed) -> ReviewedOut:
    """Say the same of many events at once; those that are not there for the caller are named in `missing`, the others are changed."""

    def write() -> ReviewedOut:
        stored, missing = services.events.review_all(
            caller.scope,
            body.event_ids,
            status=body.status,
            note=body.note,
            kept=body.kept,
            user=caller.username,
            at_s=services.clock.utc_s(),
        )
        return ReviewedOut(events=_named(services, stored), missing=missing)

    changed = await run_in_threadpool(write)
    for one in changed.events:
        await services.note(caller, "event.review", one.event_id, _said(body))
        services.event_reviewed(one.event_id, one.camera_id)
    return changed


def _named(services: Services, stored: Sequence[StoredEvent]) -> list[EventOut]:
    site = services.view.current()
    return [EventOut.of(item, services.view.camera_name(site, item.event.camera_id)) for item in stored]


def _camera_name(services: Services, stored: StoredEvent) -> str:
    return services.view.camera_name(services.view.current(), stored.event.camera_id)


def _evidence_out(piece: Evidence) -> EvidenceOut:
    url = f"/api/v1/events/{quote(piece.event_id, safe='')}/{FILE_NAMES[piece.kind]}?v={piece.sha256[:VERSION_DIGITS]}"
    return EvidenceOut(kind=piece.kind, url=url, size_bytes=piece.size_bytes, sha256=piece.sha256, start_s=piece.start_s, end_s=piece.end_s)
