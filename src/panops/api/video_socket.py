"""`/ws/video/CAMERA`: a camera's own video for one player, as fragmented MP4.

Up: `{"ack": n}`: so many binary messages were appended. Down: text `{"type": "start", "mime", "size_wh"}` before the player's first bytes,
which are the next binary message as they are; then binary messages of one picture each: `flags u32, shown f64, captured f64`, little
endian, and the bytes to append. Bit 0 of flags is set where a player may begin; `shown` is its time by the player's clock, `captured` UTC,
both in s.
Text `{"type": "refused", "reason"}`: there is none now; it may begin later.
"""

from __future__ import annotations

import asyncio
import json
import struct
from collections import deque
from dataclasses import dataclass

from fastapi import APIRouter
from prometheus_client import CollectorRegistry, Counter, Gauge
from starlette.concurrency import run_in_threadpool
from starlette.websockets import WebSocket

from panops.api.caller_socket import CHECK_EVERY_S, GOING_AWAY, NOT_UNDERSTOOD, TOO_MANY, CallerSocket, admitted, first_to_end
from panops.api.security import OPEN, Caller, Resolver
from panops.api.services import services_of
from panops.api.site_view import SiteView
from panops.domain.errors import StorageError
from panops.pipeline.live import LiveSite
from panops.pipeline.video import StreamName, TooManyViewersError, VideoFeed, VideoPiece, VideoRefused, VideoStart

router = APIRouter()

NOT_THERE = 4404
_NO_CAMERA = "there is no such camera, or you may not see it"
_HEAD = struct.Struct("<Idd")
# Who has not confirmed what was sent so long ago gets nothing more until then; what waits is skipped by the feed.
_UNCONFIRMED_S = 1.5
_MOST_UNCONFIRMED = 500
# A player that then stays silent for so long has lost count: it begins anew.
_LOST_S = 10.0


@router.websocket("/ws/video/{camera_id}", dependencies=[OPEN])
async def video_socket(websocket: WebSocket, camera_id: str, stream: str = "sub") -> None:
    """A camera's video. It checks the caller itself, after the accept."""
    await services_of(websocket).videos.serve(websocket, camera_id, stream)


@dataclass(frozen=True, slots=True)
class VideoParts:
    """What every player's connection works with.

    Attributes:
        live: The running site.
        view: The stored site.
        resolve: Finds the caller again, to notice a session that was ended.
    """

    live: LiveSite
    view: SiteView
    resolve: Resolver


class VideoSockets:
    """All players' connections.

    Args:
        parts: What they work with.
        registry: Where they are counted.
        limit_of_one: The most at once of one user or token.
    """

    def __init__(self, parts: VideoParts, registry: CollectorRegistry, limit_of_one: int) -> None:
        self._parts = parts
        self._limit_of_one = limit_of_one
        self._open: set[VideoSocket] = set()
        self._viewers = Gauge("panops_video_viewers", "Players of live video that are connected.", registry=registry)
        self._bytes = Counter("panops_video_bytes", "Bytes of live video sent to players.", registry=registry)
        self._pictures = Counter("panops_video_pictures", "Pictures of live video sent to players.", registry=registry)
        self._skipped = Counter("panops_video_pictures_skipped", "Pictures of live video a slow player did not get.", registry=registry)

    async def serve(self, websocket: WebSocket, camera_id: str, stream: str) -> None:
        """Serve one player to its end."""
        caller = await admitted(websocket)
        if caller is None:
            return
        if stream not in ("sub", "main"):
            await websocket.close(NOT_UNDERSTOOD, "expected the stream sub or main")
        else:
            await self._serve(websocket, caller, camera_id, "main" if stream == "main" else "sub")

    async def _serve(self, websocket: WebSocket, caller: Caller, camera_id: str, stream: StreamName) -> None:
        try:
            if not await self.has_camera(caller, camera_id):
                await websocket.close(NOT_THERE, _NO_CAMERA)
                return
            # Nothing is awaited from here until it counts as open.
            if sum(one.belongs_to(caller) for one in self._open) >= self._limit_of_one:
                await websocket.close(TOO_MANY, f"{caller.username} watches {self._limit_of_one} videos already; close some pages")
                return
            feed = self._parts.live.video(camera_id, stream)
        except TooManyViewersError as error:
            await websocket.close(TOO_MANY, str(error))
            return
        except StorageError:
            await websocket.close(TOO_MANY, "the storage cannot be read")
            return
        socket = VideoSocket(websocket, caller, camera_id, feed, self, self._parts.resolve)
        self._open.add(socket)
        self._viewers.set(len(self._open))
        try:
            await socket.run()
        finally:
            feed.close()
            self._open.discard(socket)
            self._viewers.set(len(self._open))
            self._skipped.inc(feed.skipped)

    def sent(self, size_bytes: int) -> None:
        """Count a picture."""
        self._pictures.inc()
        self._bytes.inc(size_bytes)

    async def has_camera(self, caller: Caller, camera_id: str) -> bool:
        """Whether there is such a camera for this caller."""
        site = await run_in_threadpool(self._parts.view.current)
        return camera_id in site.cameras and caller.scope.allows(camera_id)

    async def close_all(self) -> None:
        """Close every connection with 1001."""
        await asyncio.gather(*(socket.close(GOING_AWAY, "the server stops") for socket in tuple(self._open)))


class VideoSocket(CallerSocket):
    """One player's connection. Lives on the event loop."""

    def __init__(
        self, websocket: WebSocket, caller: Caller, camera_id: str, feed: VideoFeed, sockets: VideoSockets, resolve: Resolver
    ) -> None:
        super().__init__(websocket, caller, resolve)
        self._camera_id = camera_id
        self._feed = feed
        self._sockets = sockets
        self._unconfirmed: deque[float] = deque()
        self._confirmed = asyncio.Event()

    async def run(self) -> None:
        """Serve until either side closes."""
        async with self.orderly_end():
            await first_to_end(self._receive(), self._send(), self._keep_checking())

    async def _receive(self) -> None:
        while True:
            message = await self._websocket.receive()
            if message["type"] == "websocket.disconnect":
                return
            try:
                count = min(max(0, int(json.loads(message["text"])["ack"])), len(self._unconfirmed))
            except (KeyError, ValueError, TypeError, OverflowError, RecursionError):
                await self.end(NOT_UNDERSTOOD, 'expected {"ack": n}')
            for _ in range(count):
                self._unconfirmed.popleft()
            self._confirmed.set()

    async def _send(self) -> None:
        while messages := await self._feed.next():
            for message in messages:
                if isinstance(message, VideoRefused):
                    await self._websocket.send_json({"type": "refused", "reason": message.reason})
                elif isinstance(message, VideoStart):
                    await self._websocket.send_json({"type": "start", "mime": message.mime, "size_wh": message.size_wh})
                    await self._send_bytes(message.data)
                else:
                    await self._send_piece(message)

    async def _send_piece(self, piece: VideoPiece) -> None:
        await self._send_bytes(_HEAD.pack(piece.is_keyframe, piece.at_s, piece.captured_at_s) + piece.data)
        self._sockets.sent(len(piece.data))

    async def _send_bytes(self, data: bytes) -> None:
        """Send, once the player keeps up: meanwhile the feed gathers, and leaves out what grows old.

        Raises:
            SocketClosed: The player did not confirm anything for 10 s more; the connection is closed.
        """
        loop = asyncio.get_running_loop()
        while self._unconfirmed and (loop.time() - self._unconfirmed[0] > _UNCONFIRMED_S or len(self._unconfirmed) >= _MOST_UNCONFIRMED):
            self._confirmed.clear()
            try:
                await asyncio.wait_for(self._confirmed.wait(), _LOST_S)
            except TimeoutError:
                await self.end(GOING_AWAY, "the player confirms nothing any more; connect again")
        self._unconfirmed.append(loop.time())
        await self._websocket.send_bytes(data)

    async def _keep_checking(self) -> None:
        """Follow the caller's rights, and the end of the session."""
        while True:
            await asyncio.sleep(CHECK_EVERY_S)
            await self.check_caller()
            if not await self._sockets.has_camera(self._caller, self._camera_id):
                await self.end(NOT_THERE, _NO_CAMERA)
