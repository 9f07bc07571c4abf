"""Events as they happen, as server-sent events: for programs, which resume where they were by `Last-Event-ID`.

An id is a moment of the server's clock in ms. Whoever comes back with one first gets every event that went on, ended or was reviewed
since then (a little before, in truth): at least once, so a program tells them apart by `event_id`, `phase` and `updated_at_s`. What is
too much for that is said by `gap`.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Header
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import StreamingResponse

from panops.api.events import Words
from panops.api.problems import ProblemError
from panops.api.rates import paced
from panops.api.schemas import EventOut
from panops.api.security import Caller, Viewer, find_caller
from panops.api.services import Needed, Services
from panops.domain.errors import StorageError
from panops.pipeline.live import EventNotice, Subscription
from panops.storage.events import LARGEST_PAGE, StoredEvent

log = logging.getLogger(__name__)

router = APIRouter(prefix="/api/v1/events", tags=["events"])

HEARTBEAT_S = 15.0
MOST_WAITING = 1000
# An event is stored a moment after its time, and clocks are set: rather told twice than not at all.
OVERLAP_S = 30.0
RETRY_MS = 3000

Suppressed = Literal["no", "only", "also"]
LastId = Annotated[str, Header(alias="Last-Event-ID", pattern=r"^[0-9]{0,16}$", description="the `id` that was read last")]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events somebody wants to hear of; empty sets are no condition."""

    cameras: frozenset[str]
    rules: frozenset[str]
    kinds: frozenset[str]
    suppressed: Suppressed

    def takes(self, stored: StoredEvent) -> bool:
        """Whether it is one of them."""
        event = stored.event
        doubted = event.verdict is not None and bool(event.verdict.suppressed_by)
        return (
            (not self.cameras or event.camera_id in self.cameras)
            and (not self.rules or event.rule_id in self.rules)
            and (not self.kinds or event.incident.kind in self.kinds)
            and (self.suppressed == "also" or doubted == (self.suppressed == "only"))
        )


@dataclass(eq=False, slots=True)
class _Waiting:
    """What is to be told: the newest word on each event. A reader who is slow keeps no queue that grows."""

    notices: dict[str, EventNotice] = field(default_factory=dict)
    lost: bool = False
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def put(self, notice: EventNotice) -> None:
        known = self.notices.pop(notice.event_id, None)
        if known is None and len(self.notices) >= MOST_WAITING:
            self.notices.pop(next(iter(self.notices)))
            self.lost = True
        # That an event began or ended is said, and tells of new proof as well.
        self.notices[notice.event_id] = known if known is not None and notice.phase == "evidence" else notice
        self.news.set()

    def take(self) -> tuple[list[EventNotice], bool]:
        found, lost = list(self.notices.values()), self.lost
        self.notices.clear()
        self.lost = False
        self.news.clear()
        return found, lost


@router.get(
    "/stream",
    # Each that comes back is told what it missed, which is a search.
    dependencies=[Depends(paced("search"))],
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "`event` or `suppressed` with `{phase, event}`; `gap` when some could not be told; comments as heartbeats",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        }
    },
)
async def stream(
    request: Request,
    caller: Viewer,
    services: Needed,
    camera: Words = [],  # noqa: B006 - FastAPI copies defaults
    rule: Words = [],  # noqa: B006 - as above
    kind: Words = [],  # noqa: B006 - as above
    suppressed: Suppressed = "no",
    last_event_id: LastId = "",
) -> StreamingResponse:
    """Events as they begin, go on, end, get a clip or are reviewed, until either side closes."""
    wanted = Wanted(frozenset(camera), frozenset(rule), frozenset(kind), suppressed)
    if problem := services.streams.refusal(caller):
        raise ProblemError(429, problem, headers={"Retry-After": "10"})
    told = _Stream(request, caller, services, wanted, int(last_event_id) / 1000 if last_event_id else None)
    return StreamingResponse(told.run(), media_type="text/event-stream", headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})


class _Stream:
    """One reader."""

    def __init__(self, request: Request, caller: Caller, services: Services, wanted: Wanted, since_s: float | None) -> None:
        self._request = request
        self._caller = caller
        self._services = services
        self._wanted = wanted
        self._since_s = since_s
        self._waiting = _Waiting()

    async def run(self) -> AsyncIterator[str]:
        """What is sent."""
        services, feed = self._services, self._services.live.subscribe()
        pumping = asyncio.create_task(self._pump(feed), name="event-stream")
        with services.streams.one_more(self._caller, self._waiting.put) as closing:
            try:
                now_s = services.clock.utc_s()
                yield f"retry: {RETRY_MS}\n{self._id(now_s) if self._since_s is None else ''}\n"
                if self._since_s is not None:
                    async for text in self._missed(self._since_s):
                        yield text
                    yield f"{self._id(now_s)}\n"
                while not closing.is_set():
                    await self._wait(closing)
                    if not await self._may_go_on():
                        return
                    async for text in self._news():
                        yield text
            except StorageError as error:
                log.warning("the event stream of %s ends: %s", self._caller.username, error)
            finally:
                feed.close()
                pumping.cancel()
                await asyncio.gather(pumping, return_exceptions=True)

    async def _pump(self, feed: Subscription) -> None:
        while True:
            for message in await feed.next():
                if isinstance(message, EventNotice):
                    self._waiting.put(message)

    async def _wait(self, closing: asyncio.Event) -> None:
        waits = [asyncio.create_task(event.wait()) for event in (self._waiting.news, closing)]
        try:
            await asyncio.wait(waits, timeout=HEARTBEAT_S, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waits:
                task.cancel()

    async def _may_go_on(self) -> bool:
        """Whether the session or token still stands, and needs nothing more of its user; its cameras are looked up anew."""
        caller = await find_caller(self._request, self._services.streams.resolve)
        if caller is not None:
            self._caller = caller
        return caller is not None and not caller.lacks_factor

    async def _news(self) -> AsyncIterator[str]:
        now_s = self._services.clock.utc_s()
        notices, lost = self._waiting.take()
        if lost:
            yield self._gap(f"more than {MOST_WAITING} events were waiting, and the oldest are not told; ask GET /api/v1/events")
        for notice in notices:
            if self._caller.scope.allows(notice.camera_id):
                stored = await run_in_threadpool(self._services.events.get, self._caller.scope, notice.event_id)
                if stored is not None and self._wanted.takes(stored):
                    yield await self._text(stored, notice.phase)
        # The id moves on, also where nothing was told: who comes back need not hear of what is long past.
        yield f"{self._id(now_s)}: alive\n\n"

    async def _missed(self, since_s: float) -> AsyncIterator[str]:
        found, more = await run_in_threadpool(self._services.events.changed_since, self._caller.scope, since_s - OVERLAP_S)
        if more:
            yield self._gap(f"more than {LARGEST_PAGE} events changed since then, and the oldest are not told; ask GET /api/v1/events")
        for stored in found:
            if self._wanted.takes(stored):
                yield await self._text(stored, "end" if stored.event.incident.ended_at_s is not None else "update")

    async def _text(self, stored: StoredEvent, phase: str) -> str:
        site = await run_in_threadpool(self._services.view.current)
        event = EventOut.of(stored, self._services.view.camera_name(site, stored.event.camera_id))
        kind = "suppressed" if event.suppressed_by else "event"
        return f"event: {kind}\ndata: {json.dumps({'phase': phase, 'event': event.model_dump(mode='json')})}\n\n"

    @staticmethod
    def _id(at_s: float) -> str:
        return f"id: {round(1000 * at_s)}\n"

    @staticmethod
    def _gap(detail: str) -> str:
        return f"event: gap\ndata: {json.dumps({'detail': detail})}\n\n"
