"""The whole site as one document: what `panops config dump` prints, and what `panops apply` does with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Body, Query
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from panops.api.camera_hosts import refusals
from panops.api.cameras import Etag
from panops.api.problems import FieldError, ProblemError
from panops.api.schemas import Out
from panops.api.security import Admin
from panops.api.services import Needed, Services
from panops.api.site_masks import is_plugin, meant, shown
from panops.api.versions import precondition, strong
from panops.config.alert_schema import FileConfig, MqttConfig
from panops.config.load import cross_check, problems_of
from panops.config.schema import CameraConfig, SiteConfig
from panops.config.sources import source_problem
from panops.storage.site import ApplyReport

router = APIRouter(prefix="/api/v1/site", tags=["site"])

FILE_ORIGIN = "file"
_ONLY_HERE = "only `panops apply` on the machine itself"
_EXAMPLE = {"cameras": {"gate": {"source": "rtsp://viewer:***@192.0.2.7/live"}}, "rules": [{"id": "night", "kind": "intrusion"}]}
SiteIn = Annotated[dict[str, Any], Body(json_schema_extra={"title": "SiteConfig", "additionalProperties": True}, examples=[_EXAMPLE])]


class AppliedSiteOut(Out):
    """What applying a site changed; names are `camera gate` or `rule night`. See `panops apply`."""

    revision: int
    added: list[str]
    changed: list[str]
    removed: list[str]
    kept_edits: list[str]
    replaced_edits: list[str]

    @classmethod
    def of(cls, report: ApplyReport) -> AppliedSiteOut:
        """From storage."""
        return cls(
            revision=report.revision, added=list(report.added), changed=list(report.changed), removed=list(report.removed),
            kept_edits=list(report.kept_edits), replaced_edits=list(report.replaced_edits),
        )  # fmt: skip


@router.get("/config", response_model=dict[str, Any], responses={200: {"content": {"application/json": {"example": _EXAMPLE}}}})
def config(caller: Admin, services: Needed) -> Response:
    """The site as a site file's values, without what is at its default; passwords and other secrets are `***`."""
    del caller
    # The revision first: a change in between gives 412 later, and nothing is overwritten.
    revision = services.sites.revision()
    return JSONResponse(shown(services.sites.load()), 200, {"ETag": strong(str(revision))})


@router.put("/config", response_model=AppliedSiteOut)
async def put_config(
    body: SiteIn,
    caller: Admin,
    services: Needed,
    overwrite: Annotated[bool, Query(description="also replace what was edited on the page while the file stayed the same")] = False,
    if_match: Etag = None,
) -> Response:
    """Make the site what a site file says, as `panops apply` does: cameras and rules that were added on the page stay.

    Needs `If-Match` with the ETag of what was read (`*` for whatever is there): 428 without, 412 when the site was changed meanwhile. A
    mask keeps the secret that is stored. `server` cannot be changed here (it may be left out), nor the folder and the archive of
    recordings, nor a file that alerts are written to: over the network nobody decides which of this machine's files are read and written.
    """
    if if_match is None:
        raise ProblemError(428, "send If-Match with the ETag of the site as you read it, or * to apply it whatever is there")
    async with services.editing:
        revision = str(await run_in_threadpool(services.sites.revision))
        precondition(revision, if_match, None)
        stored = await run_in_threadpool(services.sites.load)
        wanted = await run_in_threadpool(_checked, body, stored, services)
        report = await run_in_threadpool(lambda: services.sites.apply(wanted, FILE_ORIGIN, keep_edits=not overwrite, etag=revision))
    told = AppliedSiteOut.of(report)
    await services.note(caller, "site.apply", "", {key: value for key, value in told.model_dump().items() if value})
    await services.site_changed()
    return JSONResponse(told.model_dump(mode="json"), 200, {"ETag": strong(str(report.revision))})


def _checked(body: dict[str, Any], stored: SiteConfig, services: Services) -> SiteConfig:
    """The site that is meant.

    Raises:
        ProblemError: 422; names every fault.
    """
    values, errors = meant(body, stored)
    try:
        site = SiteConfig.model_validate(values)
    except ValidationError as error:
        raise _invalid([*errors, *(FieldError(problem.field, problem.message) for problem in problems_of(error))]) from error
    errors += [FieldError(problem.field, problem.message) for problem in cross_check(site)]
    errors += _forbidden(site, stored, services)
    if errors:
        raise _invalid(errors)
    return site


def _forbidden(site: SiteConfig, stored: SiteConfig, services: Services) -> Iterator[FieldError]:
    """What only the site file may say, by who may write on this machine."""
    new = _new_addresses(site, stored)
    refused = refusals((camera.source.get_secret_value() for camera in new.values()), services.settings)
    for field, camera in new.items():
        if message := refused.get(camera.source.get_secret_value(), "") or source_problem(camera):
            yield FieldError(field, message)
    if site.server != stored.server:
        yield FieldError("server", f"{_ONLY_HERE} changes it; leave it as it was read")
    if site.recording.folder != stored.recording.folder:
        yield FieldError("recording.folder", f"{_ONLY_HERE} changes it; leave it as it was read")
    if _place(site) != _place(stored):
        yield FieldError("recording.archive", f"{_ONLY_HERE} says where recordings go, and with which keys; leave that as it was read")
    known = {sink.id: sink for sink in stored.alerts}
    for index, sink in enumerate(site.alerts):
        files = {FileConfig: "path", MqttConfig: "ca_file"}.get(type(sink), "")
        named = getattr(sink, files, "") if files else ""
        if named and named != getattr(known.get(sink.id), files, ""):
            yield FieldError(f"alerts.{index}.{files}", f"{_ONLY_HERE} names files; leave it as it was read")
        if is_plugin(sink) and sink != known.get(sink.id):
            yield FieldError(f"alerts.{index}", f"{_ONLY_HERE} changes what a plug-in does")


def _place(site: SiteConfig) -> tuple[object, ...] | None:
    """Where the archive is; whoever may change limits over the network may not send recordings elsewhere."""
    archive = site.recording.archive
    if archive is None:
        return None
    return (archive.folder, archive.bucket, archive.endpoint, archive.region, archive.prefix, archive.access_key, archive.secret_key)


def _new_addresses(site: SiteConfig, stored: SiteConfig) -> dict[str, CameraConfig]:
    """The cameras' addresses that are not stored yet, by their field, each as the source of its camera."""
    new = {}
    for camera_id, camera in site.cameras.items():
        before = stored.cameras.get(camera_id)
        if before is None or before.source != camera.source:
            new[f"cameras.{camera_id}.source"] = camera
        if camera.record_source.get_secret_value() and (before is None or before.record_source != camera.record_source):
            new[f"cameras.{camera_id}.record_source"] = camera.model_copy(update={"source": camera.record_source})
    return new


def _invalid(errors: list[FieldError]) -> ProblemError:
    return ProblemError(422, f"the site has {len(errors)} problem{'s' if len(errors) != 1 else ''}", errors)
