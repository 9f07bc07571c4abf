"""A span of a recording as one film to take away."""

from __future__ import annotations

import logging
import os
import secrets
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from fastapi import APIRouter
from starlette.responses import Response

from panops.api.cameras import CameraId
from panops.api.media import StoredFile
from panops.api.problems import ProblemError, not_found
from panops.api.recording import JOIN_S, From, To, check_span, folder_for
from panops.api.security import Caller, Viewer
from panops.api.services import Needed, Services
from panops.domain.errors import SourceCorrupt, StorageError
from panops.domain.recordings import Segment, Span, gaps_between, joined
from panops.ingest.segment_reader import OtherStream, Piece, copy_pieces
from panops.storage.errors import from_os
from panops.storage.recording_folder import EXPORT, RecordingFolder, synced_and_hashed
from panops.storage.recordings import RecordingIndex

log = logging.getLogger(__name__)

router = APIRouter(prefix="/api/v1", tags=["recording"])

_LONGEST_S = 6 * 3600.0
_ROOM_BYTES = 64 * 1024 * 1024
# Exports read and write as fast as the disk can: two at once leave it to the cameras.
_exporting = threading.BoundedSemaphore(2)


@router.get("/cameras/{camera_id}/recording/export.mp4", response_class=Response)
def export(camera_id: CameraId, caller: Viewer, services: Needed, from_s: From, to_s: To) -> Response:
    """A span of at most six hours as one MP4, not encoded again, to take away; gaps are left out. Audited with its sha256 and gaps.

    It begins with the keyframe at or before `from`. `X-Content-SHA256` of the answer has the sha256, too.
    """
    check_span(from_s, to_s, _LONGEST_S)
    segments = RecordingIndex(services.database).segments(caller.scope, camera_id, from_s, to_s)
    folder = folder_for(services, services.view.current())
    there = [(one, path) for one in segments if (path := folder.find(one.path)) is not None]
    if not there:
        raise not_found("recording in this span")
    if not _exporting.acquire(blocking=False):
        raise ProblemError(429, "two exports are being made; try again in a moment", headers={"Retry-After": "10"})
    try:
        return _exported(camera_id, (from_s, to_s), there, folder, caller, services)
    finally:
        _exporting.release()


def _exported(
    camera_id: str, span: Span, there: Sequence[tuple[Segment, Path]], folder: RecordingFolder, caller: Caller, services: Services
) -> Response:
    needed = sum(one.size_bytes for one, _ in there)
    if folder.free_bytes() < needed + _ROOM_BYTES:
        raise ProblemError(507, f"the export needs {needed / 1e6:.0f} MB on the disk of the recordings for a moment, and they are not free")
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
    answer = StoredFile(file, os.fstat(file.fileno()), name, name)
    answer.headers["X-Content-SHA256"] = sha256
    return answer
