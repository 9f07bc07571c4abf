"""The files that prove events: snapshots and clips, with ranges so that a player can seek.

A browser may keep them, but asks each time (`no-cache`) whether it may still show them: after signing out the answer is 401, not the
picture. For an unchanged file the answer is 304, without the file.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path as PathOnDisk
from typing import Annotated, BinaryIO, Literal

import cv2
from fastapi import APIRouter, Depends, Path, Query
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.types import Receive, Scope, Send

from panops.api.events import FILE_NAMES, EventId
from panops.api.problems import not_found, problem
from panops.api.rates import paced
from panops.api.security import Caller, Viewer
from panops.api.services import Needed, Services, Size
from panops.api.unhidden import CLIP, EVENT_PICTURE, goes_without_faces
from panops.domain.events import Evidence
from panops.storage.scope import Role

router = APIRouter(prefix="/api/v1/events", tags=["events"])

FileName = Annotated[Literal["snapshot.jpg", "annotated.jpg", "clip.mp4", "clip_so_far.mp4"], Path()]
_KINDS = {name: kind for kind, name in FILE_NAMES.items()}
_PARTS = re.compile(r"(\d*)-(\d*)")
# Private: no shared cache may keep it. No-cache: asked each time, since the next user of this browser may not see it.
CACHING = {"Cache-Control": "private, no-cache", "Vary": "Cookie, Authorization"}
WIDTHS_PX = {"s": 426, "m": 854}
_RANGE = re.compile(r"^bytes=(?:\d{1,15}-(?:\d{1,15})?|-\d{1,15})(?:, *(?:\d{1,15}-(?:\d{1,15})?|-\d{1,15}))*$")
_TYPES = {".jpg": "image/jpeg", ".mp4": "video/mp4"}


def smaller_jpeg(path: PathOnDisk, width_px: int) -> bytes | None:
    """The picture in `path` at most `width_px` wide, as JPEG; None when it is that small already, or cannot be read as a picture."""
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None or image.shape[1] <= width_px:
        return None
    height_px = max(1, round(image.shape[0] * width_px / image.shape[1]))
    small = cv2.resize(image, (width_px, height_px), interpolation=cv2.INTER_AREA)
    done, data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 80])
    return bytes(data) if done else None


class StoredFile(FileResponse):
    """A file, as RFC 9110 wants it: an unchanged one is not sent again, a `Range` that is none is ignored, one beyond the end gets 416.

    Args:
        file: Open; closed when it was sent. Another that takes its place in the folder meanwhile changes nothing.
        stat: Its state.
        name: Its name in the address.
        saved_as: The name to save it under, or None to show it.
    """

    def __init__(self, file: BinaryIO, stat: os.stat_result, name: str, saved_as: str | None = None) -> None:
        super().__init__(
            f"/dev/fd/{file.fileno()}",
            media_type=_TYPES[PathOnDisk(name).suffix],
            headers={**CACHING, "ETag": _etag(stat, "l")},
            stat_result=stat,
            filename=saved_as,
        )
        self._file = file

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file, a part of it, 304 or 416."""
        with self._file:
            await self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        length = int(self.headers["content-length"])
        asked = headers.get("range")
        if _has(headers, self.headers["etag"]):
            await _unchanged(self.headers["etag"])(scope, receive, send)
            return
        if asked is not None and not _is_range(asked):
            scope = {**scope, "headers": [(name, value) for name, value in scope["headers"] if name.lower() != b"range"]}
        elif asked is not None and lies_beyond(asked, length):
            answer = problem(416, f"the file has {length} bytes; this range lies beyond", headers={"Content-Range": f"bytes */{length}"})
            await answer(scope, receive, send)
            return
        await super().__call__(scope, receive, send)


def _has(headers: Headers, etag: str) -> bool:
    """Whether the client has this version already."""
    return etag in [part.strip().removeprefix("W/") for part in headers.get("if-none-match", "").split(",")]


def _unchanged(etag: str) -> Response:
    return Response(status_code=304, headers={**CACHING, "ETag": etag})


def _etag(stat: os.stat_result, size: str) -> str:
    return f'"{hashlib.sha256(f"{stat.st_mtime_ns}-{stat.st_size}-{size}".encode()).hexdigest()[:32]}"'


def _is_range(header: str) -> bool:
    return bool(_RANGE.match(header)) and all(not (first and last) or int(first) <= int(last) for first, last in _PARTS.findall(header))


def lies_beyond(asked: str, length: int) -> bool:
    """Whether a `Range` header asks for what the file does not have: then the answer is 416, and nobody is shown anything."""
    return _is_range(asked) and any(_first_byte(first, last, length) >= length for first, last in _PARTS.findall(asked))


def shows(request: Request, length: int) -> bool:
    """Whether the answer to a request for a file of that length shows it, or a part of it."""
    return request.method == "GET" and not lies_beyond(request.headers.get("range", ""), length)


def _first_byte(first: str, last: str, length: int) -> int:
    return int(first) if first else max(0, length - int(last))


_PACED = [Depends(paced("picture"))]


@router.head("/{event_id}/{file_name}", response_class=Response, include_in_schema=False, dependencies=_PACED)
@router.get("/{event_id}/{file_name}", response_class=Response, dependencies=_PACED)
def media(
    request: Request,
    event_id: EventId,
    file_name: FileName,
    caller: Viewer,
    services: Needed,
    size: Size = "l",
    download: bool = False,
    v: Annotated[str, Query(max_length=64)] = "",
) -> Response:
    """A snapshot, an annotated snapshot, the clip, or the clip so far of an event that goes on.

    `size` `s` or `m` gives a smaller snapshot (426 or 854 px wide at most) for lists; anything else is a look at the proof, which the audit
    log notes with the file's sha256; `download=true` saves under the event's name, without faces where the camera has them blurred in
    exports; `v` is the beginning of that sha256: when another file has taken the place of that one, the answer is 404, so that nobody gets
    half of either.
    """
    found = services.evidence.find(caller.scope, event_id, _KINDS[file_name])
    if found is None or not found[0].sha256.startswith(v):
        raise not_found("file")
    piece, path = found
    camera_id, privacy = services.blurred.asked_for(caller.scope, event_id)
    kind = EVENT_PICTURE if path.suffix == ".jpg" else CLIP
    if goes_without_faces(privacy, kind, taken_away=download, unhidden=caller.role.covers(Role.ADMIN)):
        return _copy(services.blurred.copy(camera_id, piece, path, caller.scope), piece, event_id, file_name, caller, services)
    try:
        # Open from here on: what takes its place meanwhile is another file, and this one can be read to its end.
        file = path.open("rb")
    except OSError as error:  # retention took it a moment ago
        raise not_found("file") from error
    stat = os.fstat(file.fileno())
    small = _smaller(request, path, stat, size) if size != "l" and path.suffix == ".jpg" else None
    if small is not None:
        file.close()
        return small
    looked = download or size == "l" or path.suffix != ".jpg"
    if looked and shows(request, stat.st_size):
        (services.looks.downloaded if download else services.looks.viewed)(caller.username, piece)
    return StoredFile(file, stat, file_name, f"{event_id}-{file_name}" if download else None)


def _copy(file: BinaryIO, piece: Evidence, event_id: str, file_name: str, caller: Caller, services: Services) -> Response:
    """What is taken away without faces; the audit log notes the proof that it was made of."""
    services.looks.downloaded(caller.username, piece)
    return StoredFile(file, os.fstat(file.fileno()), file_name, f"{event_id}-blurred-{file_name}")


def _smaller(request: Request, path: PathOnDisk, stat: os.stat_result, size: Literal["s", "m"]) -> Response | None:
    """The picture in a smaller size; None where it is that small already."""
    etag = _etag(stat, size)
    if _has(request.headers, etag):
        return _unchanged(etag)
    small = smaller_jpeg(path, WIDTHS_PX[size])
    return None if small is None else Response(small, media_type="image/jpeg", headers={**CACHING, "ETag": etag})
