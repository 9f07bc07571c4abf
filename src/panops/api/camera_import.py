"""Many cameras at once: a table, or Frigate's settings. Looked over first, added when asked."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from panops.api.camera_hosts import refusals
from panops.api.problems import FieldError, ProblemError
from panops.api.rates import paced
from panops.api.security import Admin
from panops.api.services import Needed, Services
from panops.api.sources import masked
from panops.config.imports.plan import LARGEST_BYTES, ImportPlan, Preview, State, compare, read_import
from panops.domain.errors import ConfigError

router = APIRouter(prefix="/api/v1/cameras", tags=["cameras"])

_MOST_NAMED = 100


class ImportIn(BaseModel):
    """A file; its name says what it is."""

    model_config = ConfigDict(extra="forbid")

    file_name: Annotated[str, Field(min_length=1, max_length=255)]
    file_text: Annotated[str, Field(max_length=LARGEST_BYTES)]


class ImportedCamera(BaseModel):
    """A camera of the file. `state`: `new`, `same` (it is there as it is), `different` (it is there otherwise, and stays)."""

    id: str
    name: str
    address: str
    zones: list[str]
    state: State


class ImportedRule(BaseModel):
    """A rule that the file asks for."""

    id: str
    kind: str
    cameras: list[str]
    classes: list[str]
    state: State


class LeftOutField(BaseModel):
    """What has no counterpart, or is done otherwise."""

    field: str
    message: str
    line: int | None


class ImportOut(BaseModel):
    """What an import would do, or did."""

    dry_run: bool
    added_cameras: int
    added_rules: int
    cameras: list[ImportedCamera]
    rules: list[ImportedRule]
    left_out: list[LeftOutField]


@router.post("/import", dependencies=[Depends(paced("probe"))])
async def import_cameras(body: ImportIn, caller: Admin, services: Needed, dry_run: Annotated[bool, Query()] = True) -> ImportOut:
    """Read a file of cameras and say what would be added; with `dry_run=false`, add it. What is there stays as it is."""
    plan = await run_in_threadpool(_read, body)
    await run_in_threadpool(_refuse_forbidden, plan, services)
    async with services.editing:
        preview = compare(plan, await run_in_threadpool(services.view.current))
        cameras, rules = preview.new_cameras(plan), preview.new_rules(plan)
        if not dry_run and (cameras or rules):
            await run_in_threadpool(services.sites.put_all, cameras, rules)
    if not dry_run and (cameras or rules):
        await services.note(
            caller, "camera.import", "", {"cameras": list(cameras)[:_MOST_NAMED], "count": len(cameras), "rules": len(rules)}
        )
        await services.site_changed()
    return _out(plan, preview, dry_run=dry_run)


def _read(body: ImportIn) -> ImportPlan:
    try:
        # No variables: an address must not be able to show what this process has in its environment.
        return read_import(body.file_text, body.file_name, {})
    except ConfigError as error:
        count = len(error.problems)
        shown = error.problems[:_MOST_NAMED]
        errors = [FieldError(f"line {one.line}" if one.line else one.field, _with_field(one.field, one.message)) for one in shown]
        raise ProblemError(422, f"the file has {count} problem{'s' if count != 1 else ''}; nothing was added", errors) from error


def _with_field(field: str, message: str) -> str:
    return f"{field}: {message}" if field else message


def _refuse_forbidden(plan: ImportPlan, services: Services) -> None:
    sources = {camera_id: camera.source.get_secret_value() for camera_id, camera in plan.cameras.items()}
    refused = refusals(sources.values(), services.settings)
    errors = [
        FieldError(f"line {plan.lines.get(camera_id, 1)}", f"{camera_id}: {refused[source]}")
        for camera_id, source in sources.items()
        if source in refused
    ]
    if errors:
        raise ProblemError(422, "the file has addresses that may not be opened; nothing was added", errors[:_MOST_NAMED])


def _out(plan: ImportPlan, preview: Preview, *, dry_run: bool) -> ImportOut:
    cameras = [
        ImportedCamera(
            id=name,
            name=camera.name or name,
            address=masked(camera.source.get_secret_value()),
            zones=list(camera.zones),
            state=preview.cameras[name],
        )
        for name, camera in plan.cameras.items()
    ]
    rules = [
        ImportedRule(id=rule.id, kind=rule.kind, cameras=rule.cameras, classes=rule.classes, state=preview.rules[rule.id])
        for rule in plan.rules
    ]
    left_out = [LeftOutField(field=one.field, message=one.message, line=one.line) for one in preview.left_out]
    new = len(preview.new_cameras(plan)), len(preview.new_rules(plan))
    return ImportOut(dry_run=dry_run, added_cameras=new[0], added_rules=new[1], cameras=cameras, rules=rules, left_out=left_out)
