"""`/ws`: one websocket a page for pictures, events, camera states and notices.

Up: `{"sub": [ids], "fps": 5, "size": "s"}` names the cameras whose pictures are wanted from now on, with `"names": true` who is in them,
`{"ack": 1}` confirms a binary message.
Down: text `{"type": "cameras", "index": {id: number}}` first and whenever it changes, `{"type": "event" | "camera" | "notice", ...}`;
binary batches as in `preview_batch`. At most two batches are on their way: who is slow to confirm skips pictures, and nothing queues.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
from dataclasses import dataclass
from typing import Any, Literal

from starlette.concurrency import run_in_threadpool
from starlette.websockets import WebSocket

from panops.api.caller_socket import CHECK_EVERY_S, GOING_AWAY, NOT_UNDERSTOOD, TOO_MANY, CallerSocket, SocketClosed, admitted, first_to_end
from panops.api.live_names import may_know, noted
from panops.api.looks import Looks
from panops.api.notices import notice_for
from panops.api.preview_batch import CameraIndex, pack_batch
from panops.api.schemas import CameraOut, EventOut
from panops.api.security import Caller, Resolver
from panops.api.site_view import SiteView, status_of
from panops.config.schema import SiteConfig
from panops.pipeline.live import CameraStatus, EventNotice, LiveMessage, LiveSite, Preview, SystemNotice
from panops.storage.events import EventRepository

MOST_UNACKNOWLEDGED = 2
MOST_CAMERAS = 256
SLOWEST_FPS, FASTEST_FPS = 0.1, 15.0


class SocketCounts:
    """What the sockets did so far, for the metrics."""

    def __init__(self) -> None:
        self.batches = 0
        self.pictures = 0
        self.skipped = 0


@dataclass(frozen=True, slots=True)
class SocketParts:
    """What every socket works with.

    Attributes:
        live: The running site.
        view: The stored site.
        events: Where events are read from.
        resolve: Finds the caller again, to notice a session that was ended.
        looks: Notes who was shown whom.
    """

    live: LiveSite
    view: SiteView
    events: EventRepository
    resolve: Resolver
    looks: Looks


class LiveSockets:
    """All open sockets.

    Args:
        parts: What they work with.
        limit: The most at once.
        limit_of_one: The most at once of one user or token.
    """

    def __init__(self, parts: SocketParts, limit: int, limit_of_one: int) -> None:
        self._parts = parts
        self._limit = limit
        self._limit_of_one = limit_of_one
        self._open: set[LiveSocket] = set()
        self._closing = False
        self.counts = SocketCounts()

    def __len__(self) -> int:
        """How many are open."""
        return len(self._open)

    async def serve(self, websocket: WebSocket) -> None:
        """Serve one socket to its end."""
        caller = await admitted(websocket)
        if caller is None:
            return
        if self._closing or len(self._open) >= self._limit:
            await websocket.close(TOO_MANY, "too many live connections")
        elif sum(socket.belongs_to(caller) for socket in self._open) >= self._limit_of_one:
            await websocket.close(TOO_MANY, f"{caller.username} has {self._limit_of_one} live connections already; close some pages")
        else:
            socket = LiveSocket(websocket, caller, self._parts, self.counts)
            self._open.add(socket)
            try:
                await socket.run()
            finally:
                self._open.discard(socket)

    def check(self) -> None:
        """Look again now at the cameras and at who may see them: something was changed."""
        for socket in self._open:
            socket.check()

    def event_changed(self, event_id: str, camera_id: str) -> None:
        """Somebody reviewed an event: tell the other pages."""
        for socket in self._open:
            socket.reviewed(EventNotice(event_id, camera_id, "", "review"))

    async def close_all(self) -> None:
        """Close every socket with 1001 and take no new ones."""
        self._closing = True
        await asyncio.gather(*(socket.close(GOING_AWAY, "the server stops") for socket in tuple(self._open)))


class LiveSocket(CallerSocket):
    """One open socket. Lives on the event loop."""

    def __init__(self, websocket: WebSocket, caller: Caller, parts: SocketParts, counts: SocketCounts) -> None:
        super().__init__(websocket, caller, parts.resolve)
        self._parts = parts
        self._counts = counts
        self._index = CameraIndex()
        self._site = SiteConfig()
        self._subscription = parts.live.subscribe()
        self._wanted: list[str] = []
        self._fps = 5.0
        self._size: Literal["s", "m", "l"] = "s"
        self._names = False
        self._latest: dict[str, Preview] = {}
        self._unacknowledged = 0
        self._ready = asyncio.Event()
        self._paced_anew = asyncio.Event()
        self._check = asyncio.Event()
        self._reviews: dict[str, EventNotice] = {}

    def check(self) -> None:
        """Look again at the cameras and the session, soon."""
        self._check.set()

    def reviewed(self, notice: EventNotice) -> None:
        """Tell the page of a reviewed event, soon."""
        self._reviews[notice.event_id] = notice
        self._check.set()

    async def run(self) -> None:
        """Serve until either side closes."""
        try:
            async with self.orderly_end():
                self._site = await run_in_threadpool(self._parts.view.current)
                self._index.update(self._visible())
                await self._say({"type": "cameras", "index": self._index.numbers})
                await first_to_end(self._receive(), self._pump(), self._send_batches(), self._keep_checking())
        finally:
            self._subscription.close()

    # --- up -------------------------------------------------------------------------------------------------------------------

    async def _receive(self) -> None:
        while True:
            message = await self._websocket.receive()
            if message["type"] == "websocket.disconnect":
                raise SocketClosed
            try:
                self._take(json.loads(message["text"]))
            except (KeyError, ValueError, TypeError, OverflowError, RecursionError):
                await self.end(NOT_UNDERSTOOD, 'expected {"sub": [ids], "fps": n, "size": "s|m|l", "names": true|false} or {"ack": n}')

    def _take(self, message: Any) -> None:
        if not isinstance(message, dict) or not ("sub" in message or "ack" in message):
            raise ValueError("neither sub nor ack")
        if "ack" in message:
            count = int(message["ack"])
            if count < 0:
                raise ValueError("a negative ack")
            self._unacknowledged = max(0, self._unacknowledged - count)
            self._look_ready()
        if "sub" in message:
            self._take_wish(message)

    def _take_wish(self, message: dict[str, Any]) -> None:
        cameras, fps, size = message["sub"], float(message.get("fps", self._fps)), message.get("size", self._size)
        if not isinstance(cameras, list) or not all(isinstance(camera, str) for camera in cameras):
            raise TypeError("sub is a list of camera ids")
        names = message.get("names", self._names)
        if size not in ("s", "m", "l") or not math.isfinite(fps) or not isinstance(names, bool):
            raise ValueError("a size or rate that does not exist, or names that are neither wanted nor not")
        fps = min(max(fps, SLOWEST_FPS), FASTEST_FPS)
        if (fps, size) != (self._fps, self._size):
            self._latest.clear()
            self._paced_anew.set()
        self._wanted, self._fps, self._size, self._names = list(dict.fromkeys(cameras))[:MOST_CAMERAS], fps, size, names
        self._watch()

    def _watch(self) -> None:
        """Subscribe to what is wanted and may be seen; a camera out of scope is the same as one that does not exist."""
        cameras = [camera for camera in self._wanted if camera in self._index.numbers]
        self._latest = {camera: preview for camera, preview in self._latest.items() if camera in cameras}
        self._look_ready()
        self._subscription.watch(cameras, self._fps, self._size)

    # --- down -----------------------------------------------------------------------------------------------------------------

    async def _pump(self) -> None:
        while True:
            news: dict[tuple[str, str], LiveMessage] = {}
            messages = await self._subscription.next()
            for message in messages:
                if isinstance(message, Preview):
                    self._take_preview(message)
                else:
                    _keep_newest(news, message)
            for notice in news.values():
                await self._tell(notice)

    def _take_preview(self, preview: Preview) -> None:
        if preview.camera_id in self._wanted and preview.camera_id in self._index.numbers and preview.size == self._size:
            self._counts.skipped += preview.camera_id in self._latest
            self._latest[preview.camera_id] = preview
            self._look_ready()

    def _look_ready(self) -> None:
        if self._latest and self._unacknowledged < MOST_UNACKNOWLEDGED:
            self._ready.set()
        else:
            self._ready.clear()

    async def _send_batches(self) -> None:
        """Send what is newest at each deadline `t0 + k / fps`: the pace does not drift by the time that sending takes.

        A deadline that passed without a picture stays open until the next one: what comes a moment late goes at once, and is not kept
        back for a whole period (cameras are as fast as the pace, so that would halve their rate).
        """
        loop = asyncio.get_running_loop()
        began_s, slot = -math.inf, 0
        while True:
            await self._ready.wait()
            if self._paced_anew.is_set() or began_s == -math.inf:
                self._paced_anew.clear()
                began_s, slot = loop.time(), 0
            else:
                slot = max(slot + 1, math.floor((loop.time() - began_s) * self._fps))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._paced_anew.wait(), max(0.0, began_s + slot / self._fps - loop.time()))
                continue
            if not self._ready.is_set():
                continue
            previews, self._latest = tuple(self._latest.values()), {}
            self._unacknowledged += 1
            self._look_ready()
            if self._is_told_names:
                previews = await noted(previews, self._caller, self._parts.looks)
            # Asked once more: the rights may have changed while that was written.
            batch = pack_batch(previews, self._index.numbers, names=self._is_told_names)
            if batch:
                self._counts.batches += 1
                self._counts.pictures += len(previews)
                await self._websocket.send_bytes(batch)
            else:
                self._unacknowledged -= 1

    @property
    def _is_told_names(self) -> bool:
        return self._names and may_know(self._caller)

    async def _tell(self, message: LiveMessage) -> None:
        scope = self._caller.scope
        if isinstance(message, SystemNotice):
            body = notice_for(scope, message)
            await self._say({"type": "notice", **body.model_dump(mode="json")})
        elif isinstance(message, CameraStatus) and message.camera_id in self._index.numbers:
            camera = CameraOut.of(message.camera_id, self._site, status_of(self._site, message.camera_id, message))
            await self._say({"type": "camera", "camera": camera.model_dump(mode="json")})
        elif isinstance(message, EventNotice) and scope.allows(message.camera_id):
            stored = await run_in_threadpool(self._parts.events.get, scope, message.event_id)
            if stored is not None:
                event = EventOut.of(stored, self._parts.view.camera_name(self._site, stored.event.camera_id))
                kind = "suppressed" if event.suppressed_by else "event"
                await self._say({"type": kind, "phase": message.phase, "event": event.model_dump(mode="json")})

    async def _say(self, message: dict[str, Any]) -> None:
        await self._websocket.send_json(message)

    # --- upkeep ---------------------------------------------------------------------------------------------------------------

    async def _keep_checking(self) -> None:
        """Follow changes of the cameras, of the caller's rights, and the end of the session."""
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._check.wait(), CHECK_EVERY_S)
            self._check.clear()
            await self.check_caller()
            self._site = await run_in_threadpool(self._parts.view.current)
            if self._index.update(self._visible()):
                await self._say({"type": "cameras", "index": self._index.numbers})
                self._watch()
            reviews, self._reviews = self._reviews, {}
            for notice in reviews.values():
                await self._tell(notice)

    def _visible(self) -> list[str]:
        return [camera for camera in self._site.cameras if self._caller.scope.allows(camera)]


def _keep_newest(news: dict[tuple[str, str], LiveMessage], message: LiveMessage) -> None:
    """Only the newest word on each thing; that an event began or ended is said, and tells of new proof as well."""
    subject = _subject(message)
    known = news.get(subject)
    if not (isinstance(message, EventNotice) and message.phase == "evidence" and known is not None):
        news[subject] = message


def _subject(message: LiveMessage) -> tuple[str, str]:
    if isinstance(message, EventNotice):
        return "event", message.event_id
    if isinstance(message, SystemNotice):
        return "notice", message.topic
    return "camera", message.camera_id
