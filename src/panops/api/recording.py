"""Recordings: what there is of a camera, its files for a player, and what retention leaves alone."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path as PathOnDisk
from typing import Annotated, Literal, Self

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import and_
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from panops.api.archived_file import ArchivedFile
from panops.api.cameras import CameraId
from panops.api.media import StoredFile, shows
from panops.api.problems import ProblemError, not_found
from panops.api.rates import paced
from panops.api.recorded_files import RecordedFiles, is_archived
from panops.api.schemas import Out
from panops.api.security import Operator, Viewer
from panops.api.services import Needed, Services
from panops.api.unhidden import RECORDING, refuse_unhidden
from panops.config.schema import SiteConfig
from panops.domain.recordings import Segment, Span, gaps_between, joined
from panops.pipeline.recording_upkeep import record_configs
from panops.storage.archive_rows import ArchiveRows, due_to_move
from panops.storage.recording_folder import RecordingFolder
from panops.storage.recording_retention import RecordingRetention
from panops.storage.recordings import RecordedTotals, RecordingIndex
from panops.storage.scope import Scope
from panops.storage.tables import recordings as recordings_table

router = APIRouter(prefix="/api/v1", tags=["recording"])

_LONGEST_LOOK_S = 3 * 86_400.0
# Files of one connection follow each other within that.
JOIN_S = 1.5
# For those who may not know where the site's recordings lie and how much they take.
_SHORT_OF_SPACE = "recordings have too little space; somebody who may see every camera is told more"

From = Annotated[float, Query(alias="from", ge=0, le=1e11, allow_inf_nan=False, description="UTC s")]
To = Annotated[float, Query(alias="to", ge=0, le=1e11, allow_inf_nan=False, description="UTC s")]


class SegmentOut(Out):
    """A file: an MP4 of its own that plays from `start_s` on."""

    id: int
    start_s: float
    end_s: float
    size_bytes: int
    sha256: str
    has_motion: bool
    has_event: bool
    protected: bool
    url: str


class MarkOut(Out):
    """An event in the recording; `end_s` is null while it goes on."""

    event_id: str
    kind: str
    severity: str
    start_s: float
    end_s: float | None


class RecordingOut(Out):
    """What there is of a camera in a span. Spans are `[start, end]`, UTC s."""

    camera_id: str
    mode: Literal["off", "events", "motion", "continuous"]
    from_s: float
    to_s: float
    oldest_s: float | None
    newest_s: float | None
    segment_s: float
    segments: list[SegmentOut]
    spans: list[Span]
    gaps: list[Span]
    motion: list[Span]
    protected: list[Span]
    events: list[MarkOut]


class ProtectIn(BaseModel):
    """A span that retention must leave alone, or may take again."""

    model_config = ConfigDict(extra="forbid", strict=True)

    from_s: float = Field(ge=0, le=1e11, allow_inf_nan=False)
    to_s: float = Field(ge=0, le=1e11, allow_inf_nan=False)
    protected: bool = True

    @model_validator(mode="after")
    def _is_a_span(self) -> Self:
        if self.from_s >= self.to_s:
            raise ValueError("expected from_s before to_s")
        return self


class ProtectedOut(Out):
    """How many files that changed."""

    segments: int


class CameraRecordingOut(Out):
    """How much a camera records. `forecast_days` is how far back it will reach, and `limited_by` the setting that decides that.

    Where there is an archive, these are of the recordings' folder, and `archive_days` and `archive_limited_by` of the archive.
    """

    camera_id: str
    mode: Literal["off", "events", "motion", "continuous"]
    oldest_s: float | None = None
    newest_s: float | None = None
    size_bytes: int = 0
    protected_bytes: int = 0
    bytes_per_day: float | None = None
    forecast_days: float | None = None
    limited_by: str = ""
    archived_bytes: int = 0
    archive_days: float | None = None
    archive_limited_by: str = ""


class ArchiveOut(Out):
    """The archive: where it is (empty for who may see some cameras only), what is in it, and what is due to move and has not moved yet."""

    label: str
    size_bytes: int
    protected_bytes: int
    waiting_files: int
    waiting_bytes: int


class RecordingsOut(Out):
    """All recordings; `headroom_hours` is for how long there is space if nothing is deleted, null where nothing is recorded.

    Who may see some cameras only is not told of the disk: `folder` is empty, `free_bytes` and `headroom_hours` are null. `archive` is null
    where there is none.
    """

    folder: str
    size_bytes: int
    protected_bytes: int
    free_bytes: int | None
    headroom_hours: float | None
    message: str
    cameras: list[CameraRecordingOut]
    archive: ArchiveOut | None


@router.get("/recordings")
def recordings(caller: Operator, services: Needed) -> RecordingsOut:
    """How much every camera records, and how far back that will reach."""
    site = services.view.current()
    folder = folder_for(services, site)
    forecast = RecordingRetention(services.database, folder, site.recording, record_configs(site), services.clock).forecast()
    cameras = []
    for camera_id in sorted({*site.cameras, *forecast.cameras}):
        known = forecast.cameras.get(camera_id)
        mode = site.cameras[camera_id].record.mode if camera_id in site.cameras else "off"
        if not caller.scope.allows(camera_id) or (known is None and mode == "off"):
            continue
        if known is None:
            cameras.append(CameraRecordingOut(camera_id=camera_id, mode=mode))
            continue
        totals = known.totals
        cameras.append(
            CameraRecordingOut(
                camera_id=camera_id,
                mode=mode,
                oldest_s=totals.oldest_s,
                newest_s=totals.newest_s,
                size_bytes=totals.size_bytes,
                protected_bytes=totals.protected_bytes,
                bytes_per_day=known.bytes_per_day,
                forecast_days=known.days,
                limited_by=known.limited_by,
                archived_bytes=totals.archived_bytes,
                archive_days=known.archive_days,
                archive_limited_by=known.archive_limited_by,
            )
        )
    sees_all = caller.scope.cameras is None
    return RecordingsOut(
        folder=str(folder.path) if sees_all else "",
        size_bytes=sum(one.size_bytes for one in cameras),
        protected_bytes=sum(one.protected_bytes for one in cameras),
        free_bytes=forecast.free_bytes if sees_all else None,
        headroom_hours=forecast.headroom_hours if sees_all and math.isfinite(forecast.headroom_hours) else None,
        message=forecast.message if sees_all or not forecast.message else _SHORT_OF_SPACE,
        cameras=cameras,
        archive=_archive_out(
            services, site, caller.scope, [one.totals for name, one in forecast.cameras.items() if caller.scope.allows(name)]
        ),
    )


def _archive_out(services: Services, site: SiteConfig, scope: Scope, totals: Sequence[RecordedTotals]) -> ArchiveOut | None:
    config = site.recording.archive
    if config is None:
        return None
    waiting = ArchiveRows(services.database).waiting(
        and_(due_to_move(config, record_configs(site), services.clock.utc_s()), scope.where(recordings_table.c.camera_id))
    )
    return ArchiveOut(
        label=(config.folder or f"{config.bucket} at {config.endpoint or config.region}") if scope.cameras is None else "",
        size_bytes=sum(one.archived_bytes for one in totals),
        protected_bytes=sum(one.archived_protected_bytes for one in totals),
        waiting_files=waiting.files,
        waiting_bytes=waiting.size_bytes,
    )


@router.get("/cameras/{camera_id}/recording")
def recording(camera_id: CameraId, caller: Viewer, services: Needed, from_s: From, to_s: To) -> RecordingOut:
    """What there is of a camera in a span of at most three days: its files, gaps, and when something moved or happened."""
    check_span(from_s, to_s, _LONGEST_LOOK_S)
    site = services.view.current()
    index = RecordingIndex(services.database)
    segments = index.segments(caller.scope, camera_id, from_s, to_s)
    if not caller.scope.allows(camera_id) or (camera_id not in site.cameras and not segments):
        raise not_found("camera")
    config = site.cameras[camera_id].record if camera_id in site.cameras else None
    bounds = index.bounds(caller.scope, camera_id)
    spans = joined(((one.start_s, one.end_s) for one in segments), JOIN_S)
    return RecordingOut(
        camera_id=camera_id,
        mode=config.mode if config is not None else "off",
        from_s=from_s,
        to_s=to_s,
        oldest_s=bounds[0] if bounds else None,
        newest_s=bounds[1] if bounds else None,
        segment_s=site.recording.segment_s,
        segments=[_segment_out(one) for one in segments],
        spans=spans,
        gaps=gaps_between(spans, from_s, min(to_s, services.clock.utc_s())),
        motion=joined((span for one in segments for span in one.motion), JOIN_S),
        protected=joined(((one.start_s, one.end_s) for one in segments if one.protected), JOIN_S),
        events=[
            MarkOut(event_id=one.event_id, kind=one.kind, severity=one.severity, start_s=one.started_at_s, end_s=one.ended_at_s)
            for one in index.events(caller.scope, camera_id, from_s, to_s)
        ],
    )


@router.put("/cameras/{camera_id}/recording/protection")
async def protect(camera_id: CameraId, body: ProtectIn, caller: Operator, services: Needed) -> ProtectedOut:
    """Have retention leave every file of a span alone, or take it again."""
    if not caller.scope.allows(camera_id):
        raise not_found("camera")
    index = RecordingIndex(services.database)
    count = await run_in_threadpool(lambda: index.protect(caller.scope, camera_id, body.from_s, body.to_s, on=body.protected))
    if not count and not await run_in_threadpool(lambda: index.segments(caller.scope, camera_id, body.from_s, body.to_s)):
        raise not_found("recording in this span")
    await services.note(caller, "recording.protect", camera_id, {**body.model_dump(), "segments": count})
    return ProtectedOut(segments=count)


_SEGMENT = "/cameras/{camera_id}/recording/segments/{segment_id}.mp4"
_PACED = [Depends(paced("recording"))]


@router.head(_SEGMENT, response_class=Response, include_in_schema=False, dependencies=_PACED)
@router.get(_SEGMENT, response_class=Response, dependencies=_PACED)
def segment(
    request: Request, camera_id: CameraId, segment_id: Annotated[int, Path(ge=1, le=2**53)], caller: Viewer, services: Needed
) -> Response:
    """A file of a recording, with ranges, as a player asks for them. The audit log notes who watches each hour of a camera."""
    index, site = RecordingIndex(services.database), services.view.current()
    found = index.get(caller.scope, camera_id, segment_id)
    if found is None:
        raise not_found("recording")
    refuse_unhidden(services, caller, camera_id, RECORDING)
    files = RecordedFiles(site, folder_for(services, site))
    path = files.here(found)
    if path is None:
        # It may have moved a moment ago.
        found = found if is_archived(found) else index.get(caller.scope, camera_id, segment_id)
        path = None if found is None else files.here(found)
    if found is None or (path is None and not is_archived(found)):
        raise not_found("recording")
    if path is None:
        archive = files.archive()
        if shows(request, found.size_bytes):
            services.looks.watched(caller.username, found)
        return ArchivedFile(archive, found, PathOnDisk(found.path).name)
    try:
        file = path.open("rb")
    except OSError as error:  # retention took it a moment ago
        raise not_found("recording") from error
    stat = os.fstat(file.fileno())
    if shows(request, stat.st_size):
        services.looks.watched(caller.username, found)
    return StoredFile(file, stat, path.name)


def folder_for(services: Services, site: SiteConfig) -> RecordingFolder:
    """Where the site's recordings lie."""
    settings = services.settings
    default = settings.recordings_folder or settings.evidence_folder.parent / "recordings"
    named = site.recording.folder
    return RecordingFolder(PathOnDisk(named), made_by_us=False) if named else RecordingFolder(default)


def _segment_out(one: Segment) -> SegmentOut:
    return SegmentOut(
        id=one.segment_id,
        start_s=one.start_s,
        end_s=one.end_s,
        size_bytes=one.size_bytes,
        sha256=one.sha256,
        has_motion=bool(one.motion),
        has_event=one.has_event,
        protected=one.protected,
        url=f"/api/v1/cameras/{one.camera_id}/recording/segments/{one.segment_id}.mp4",
    )


def check_span(from_s: float, to_s: float, longest_s: float) -> None:
    """Refuse a span that is none, or too long."""
    if from_s >= to_s:
        raise ProblemError(422, f"expected `from` before `to`, got {from_s} and {to_s}")
    if to_s - from_s > longest_s:
        raise ProblemError(422, f"expected a span of at most {longest_s / 3600:.0f} h, got {(to_s - from_s) / 3600:.1f} h")
