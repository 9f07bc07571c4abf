"""A span of a recording as one film to take away."""

from __future__ import annotations

import logging
import os
import secrets
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from fastapi import APIRouter, Depends
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from panops.api.cameras import CameraId
from panops.api.media import StoredFile
from panops.api.problems import ProblemError, not_found
from panops.api.rates import paced
from panops.api.recorded_files import RecordedFiles
from panops.api.recording import JOIN_S, From, To, check_span, folder_for
from panops.api.security import Caller, Viewer
from panops.api.sending import Slot
from panops.api.services import Needed, Services
from panops.api.unhidden import RECORDED_FILM, goes_without_faces
from panops.domain.errors import SourceCorrupt, StorageError
from panops.domain.recordings import Segment, Span, gaps_between, joined
from panops.ingest.segment_reader import OtherStream, Piece, copy_pieces
from panops.storage.errors import from_os
from panops.storage.recording_folder import EXPORT, RecordingFolder, synced_and_hashed
from panops.storage.recordings import RecordingIndex
from panops.storage.scope import Role

log = logging.getLogger(__name__)

router = APIRouter(prefix="/api/v1", tags=["recording"])

_LONGEST_S = 6 * 3600.0
_ROOM_BYTES = 64 * 1024 * 1024
_GIB = 1024**3


@router.get("/cameras/{camera_id}/recording/export.mp4", response_class=Response, dependencies=[Depends(paced("export"))])
def export(camera_id: CameraId, caller: Viewer, services: Needed, from_s: From, to_s: To, unblurred: bool = False) -> Response:
    """A span of at most six hours as one MP4, not encoded again, to take away; gaps are left out. Audited with its sha256 and gaps.

    It begins with the keyframe at or before `from`. `X-Content-SHA256` of the answer has the sha256, too. It needs its own size on the disk
    beside `recording.min_free_gib`, and as much again for what is fetched from an object store.
    One of each caller is made and sent at a time; one of which nothing is taken for a minute is given up.
    Of cameras with anything in `privacy.blur_faces` or `privacy.mask_persons` only administrators get it, with `unblurred`: hours of film
    are not blurred here.
    """
    unhidden = unblurred and caller.role.covers(Role.ADMIN)
    goes_without_faces(services.blurred.privacy(camera_id), RECORDED_FILM, taken_away=True, unhidden=unhidden)
    check_span(from_s, to_s, _LONGEST_S)
    segments = RecordingIndex(services.database).segments(caller.scope, camera_id, from_s, to_s)
    site = services.view.current()
    folder = folder_for(services, site)
    files = RecordedFiles(site, folder)
    if not segments:
        raise not_found("recording in this span")
    slot = services.films.take(caller)
    try:
        needed = sum(one.size_bytes for one in [*segments, *files.to_fetch(segments)])
        with _ROOM.kept(needed, folder, int(site.recording.min_free_gib * _GIB)), files.opened(segments) as there:
            return _exported(camera_id, (from_s, to_s), there, folder, (caller, slot), services)
    except BaseException:
        slot.free()
        raise


class _Film(StoredFile):
    """The film on its way; it has its slot, as it has its space on the disk, until it was sent or given up."""

    def __init__(self, file: BinaryIO, name: str, slot: Slot) -> None:
        super().__init__(file, os.fstat(file.fileno()), name, name)
        self._slot = slot

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, or a part."""
        await self._slot.sent(super().__call__, scope, receive, send)


class _Room:
    """What the disk has for films beside the space that recordings leave free: taking of that would cost the oldest recordings."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._promised = 0

    @contextmanager
    def kept(self, needed: int, folder: RecordingFolder, least_free: int) -> Iterator[None]:
        """Keep room while a film is written; what others still write is not free, either.

        Raises:
            ProblemError: 507: there is none.
            StorageError: The disk cannot be asked.
        """
        with self._lock:
            if folder.free_bytes() - least_free - self._promised < needed + _ROOM_BYTES:
                why = f"the export needs {needed / 1e6:.0f} MB for a moment on the disk of the recordings beside what they leave free there"
                raise ProblemError(507, f"{why}, and they are not free: export a shorter span, or set recording.max_gib lower")
            self._promised += needed
        try:
            yield
        finally:
            with self._lock:
                self._promised -= needed


_ROOM = _Room()


def _exported(
    camera_id: str,
    span: Span,
    there: Sequence[tuple[Segment, Path]],
    folder: RecordingFolder,
    asked_by: tuple[Caller, Slot],
    services: Services,
) -> Response:
    if not there:
        raise not_found("recording in this span")
    caller, slot = asked_by
    target = folder.path / f"{EXPORT}{secrets.token_hex(8)}.mp4"
    pieces = [Piece(path, max(0.0, span[0] - one.start_s), span[1] - one.start_s) for one, path in there]
    try:
        plays_s = copy_pieces(pieces, target)
        size_bytes, sha256 = synced_and_hashed(target)
        file = target.open("rb")
    except OtherStream as error:
        when = datetime.fromtimestamp(there[error.index][0].start_s, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        raise ProblemError(
            409,
            f"from {when} on the camera's picture or codec is another one, and one film holds one: export up to there, or from there",
        ) from error
    except SourceCorrupt as error:
        raise ProblemError(409, f"this span cannot be exported: {error}") from error
    except OSError as error:
        raise from_os(error, folder.path, folder.label) from error
    finally:
        target.unlink(missing_ok=True)  # what is open can be read to its end
    first, last = max(span[0], there[0][0].start_s), min(span[1], there[-1][0].end_s)
    gaps = gaps_between(joined(((one.start_s, one.end_s) for one, _ in there), JOIN_S), first, last)
    facts = {"sha256": sha256, "size_bytes": size_bytes, "from_s": span[0], "to_s": span[1], "plays_s": round(plays_s, 3), "gaps": gaps}
    try:
        services.audit.record(services.clock.utc_s(), caller.username, "recording.export", camera_id, facts)
    except StorageError as error:  # a full disk must not keep people from saving proof
        log.warning("the export of %s by %s is not in the audit log: %s", camera_id, caller.username, error)
    name = f"{camera_id}-{datetime.fromtimestamp(first, UTC).strftime('%Y%m%dT%H%M%SZ')}.mp4"
    answer = _Film(file, name, slot)
    answer.headers["X-Content-SHA256"] = sha256
    return answer
