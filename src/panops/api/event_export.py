"""Events with their proof as one zip, for whoever has to hand it on: clip, pictures, what is known, and the sum of each file."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, BinaryIO

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import iterate_in_threadpool, run_in_threadpool
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from panops.api.events import EVENT_ID, FILE_NAMES, event
from panops.api.problems import ProblemError, not_found
from panops.api.rates import paced
from panops.api.schemas import EventDetailOut, EvidenceOut
from panops.api.security import Caller, Operator
from panops.api.sending import Slot
from panops.api.services import Needed, Services
from panops.api.streamed_zip import StreamedZip
from panops.api.unhidden import CLIP, EVENT_PICTURE, goes_without_faces
from panops.domain.errors import StorageError
from panops.domain.events import Evidence
from panops.storage.scope import Role

log = logging.getLogger(__name__)

router = APIRouter(prefix="/api/v1/events", tags=["events"])

MOST_EVENTS = 500
MANIFEST = "manifest.json"


class ExportIn(BaseModel):
    """Which events, 500 at most."""

    model_config = ConfigDict(extra="forbid")

    event_ids: Annotated[list[Annotated[str, Field(pattern=EVENT_ID)]], Field(min_length=1, max_length=MOST_EVENTS)]
    unblurred: Annotated[bool, Field(description="with the faces of cameras that have them blurred in exports; for administrators")] = False


@dataclass(slots=True)
class _Export:
    """What the manifest says."""

    services: Services
    caller: Caller
    event_ids: Sequence[str]
    at_s: float
    unblurred: bool = False
    files: list[dict[str, Any]] = field(default_factory=list)
    missing_events: list[str] = field(default_factory=list)
    missing_files: list[str] = field(default_factory=list)
    not_blurred: list[dict[str, str]] = field(default_factory=list)

    def pieces(self) -> Iterator[bytes]:
        """The archive, the manifest at its end. An event or file that is gone by then is named there."""
        archive = StreamedZip()
        for event_id in self.event_ids:
            found = self._event(event_id)
            if found is None:
                self.missing_events.append(event_id)
                continue
            text = json.dumps(found.model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n"
            name = f"{event_id}/event.json"
            yield archive.add_text(name, text, found.started_at_s)
            self.files.append({"path": name, **_sum_of(text)})
            for piece in found.evidence:
                yield from self._file(archive, found.camera_id, event_id, piece)
        manifest = self._manifest()
        yield archive.add_text(MANIFEST, manifest, self.at_s)
        yield archive.end()
        self.note("evidence.exported", {"files": len(self.files), "manifest_sha256": _sum_of(manifest)["sha256"]})

    def _event(self, event_id: str) -> EventDetailOut | None:
        try:
            return event(event_id, self.caller, self.services)
        except ProblemError:
            return None

    def _file(self, archive: StreamedZip, camera_id: str, event_id: str, piece: EvidenceOut) -> Iterator[bytes]:
        name = f"{event_id}/{FILE_NAMES[piece.kind]}"
        found = self.services.evidence.find(self.caller.scope, event_id, piece.kind)
        privacy = self.services.blurred.privacy(camera_id)
        kind = EVENT_PICTURE if name.endswith(".jpg") else CLIP
        try:
            is_blurred = not self.unblurred and goes_without_faces(privacy, kind, taken_away=True, unhidden=False)
            file = None if found is None else self._opened(camera_id, *found) if is_blurred else found[1].open("rb")
        except OSError:
            file = None  # retention took it a moment ago
        except ProblemError as error:
            self.not_blurred.append({"path": name, "why": error.detail})
            return
        if found is None or file is None:
            self.missing_files.append(name)
            return
        digest, size = hashlib.sha256(), 0
        with file:
            for made, read in archive.add_file(name, file, found[0].size_bytes, found[0].start_s):
                digest.update(read)
                size += len(read)
                if made:
                    yield made
        entry: dict[str, Any] = {"path": name, "sha256": digest.hexdigest(), "size_bytes": size}
        if is_blurred:
            entry["faces_blurred"] = True
        if digest.hexdigest() != found[0].sha256:
            entry["recorded_sha256"] = found[0].sha256
        self.files.append(entry)

    def _opened(self, camera_id: str, piece: Evidence, path: Path) -> BinaryIO:
        return self.services.blurred.copy(camera_id, piece, path, self.caller.scope)

    def _manifest(self) -> str:
        values = {
            "format": "panops-export",
            "format_version": 1,
            "made_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.at_s)),
            "made_by": self.caller.username,
            "panops": self.services.settings.version,
            "files": self.files,
            "missing_events": self.missing_events,
            "missing_files": self.missing_files,
            **({"left_out_unblurred": self.not_blurred} if self.not_blurred else {}),
        }
        return json.dumps(values, indent=2, ensure_ascii=False) + "\n"

    def note(self, action: str, detail: dict[str, Any]) -> None:
        """Write into the audit log."""
        target = self.event_ids[0] if len(self.event_ids) == 1 else f"{len(self.event_ids)} events"
        try:
            self.services.audit.record(self.services.clock.utc_s(), self.caller.username, action, target, detail)
        except StorageError as error:  # a full disk must not keep people from saving proof
            log.warning("the export of %s by %s is not in the audit log: %s", target, self.caller.username, error)


@router.post(
    "/export",
    response_class=StreamingResponse,
    dependencies=[Depends(paced("export"))],
    responses={200: {"content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}}, "description": "the archive"}},
)
async def export(body: ExportIn, caller: Operator, services: Needed) -> StreamingResponse:
    """A zip with a folder for each event: `event.json`, pictures and clip as they are stored; `manifest.json` has the sha256 of each file.

    What is not there for the caller, or is gone by then, is named in the manifest; where none of the events is there the answer is 404.
    One of each caller is sent at a time, two of all; one of which nothing is taken for a minute is given up.
    A file whose sum is not the recorded one has that too, as `recorded_sha256`. Who exported what is in the audit log.
    Of cameras with `exports` in `privacy.blur_faces` faces are blurred; what cannot be blurred is left out and named, and so are
    clips of cameras with `snapshots` in `privacy.mask_persons`, or in `privacy.blur_faces` without `exports`. Administrators may ask for
    it as it is, with `unblurred`.
    """
    if body.unblurred and not caller.role.covers(Role.ADMIN):
        raise ProblemError(403, "only administrators may export faces that a camera has blurred; leave `unblurred` out")
    slot = services.exports.take(caller)
    try:
        made = await run_in_threadpool(_begun, list(dict.fromkeys(body.event_ids)), caller, services, body.unblurred)
        event_ids = made.event_ids
        name = event_ids[0] if len(event_ids) == 1 else f"panops-{time.strftime('%Y%m%d-%H%M%S', time.gmtime(made.at_s))}"
        return _Archive(made, name, slot)
    except BaseException:
        slot.free()
        raise


def _begun(event_ids: Sequence[str], caller: Caller, services: Services, unblurred: bool = False) -> _Export:
    """An export that is noted in the audit log.

    Raises:
        ProblemError: 404: none of the events is there.
    """
    made = _Export(services, caller, event_ids, services.clock.utc_s(), unblurred)
    if not any(services.events.get(caller.scope, event_id) for event_id in event_ids):
        raise not_found("event")
    made.note("evidence.export", {"events": list(event_ids), **({"unblurred": True} if unblurred else {})})
    return made


class _Archive(StreamingResponse):
    """The archive on its way; it has its slot until it was sent or given up."""

    def __init__(self, made: _Export, name: str, slot: Slot) -> None:
        headers = {"Content-Disposition": f'attachment; filename="{name}.zip"', "Cache-Control": "private, no-store"}
        super().__init__(iterate_in_threadpool(made.pieces()), media_type="application/zip", headers=headers)
        self._slot = slot

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        await self._slot.sent(super().__call__, scope, receive, send)


def _sum_of(text: str) -> dict[str, Any]:
    data = text.encode()
    return {"sha256": hashlib.sha256(data).hexdigest(), "size_bytes": len(data)}
