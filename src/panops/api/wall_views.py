"""Saved views of the wall: one's own, and those that administrators made for everybody."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from panops.api.cameras import Etag
from panops.api.problems import FieldError, ProblemError, not_found
from panops.api.schemas import Out
from panops.api.security import Caller, Viewer
from panops.api.services import Needed
from panops.api.versions import precondition, strong
from panops.config.fields import Name
from panops.domain.wall_view import Arrangement, WallView
from panops.storage.scope import Role

router = APIRouter(prefix="/api/v1/views", tags=["views"])

ViewId = Annotated[int, Path(ge=1, le=2**31 - 1)]
Columns = Literal[1, 2, 3, 4, 6, 8]


class ViewIn(BaseModel):
    """What a wall shows, and how: `cameras` in their order, or all of a `group`, or with neither all there are.

    `columns` null: as many as show all at once. `turn_s` null: the wall scrolls; else what does not fit follows after so many seconds.
    `shared`: for everybody, which takes an administrator.
    """

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=60, pattern=r"\S")]
    cameras: Annotated[list[Name], Field(max_length=1000)] = []
    group: Name | None = None
    columns: Columns | None = None
    turn_s: Annotated[float, Field(ge=5, le=3600, allow_inf_nan=False)] | None = None
    shared: bool = False

    @model_validator(mode="after")
    def _either(self) -> Self:
        if self.cameras and self.group:
            raise ValueError("expected cameras or a group, got both; name the cameras of the group, or leave them out")
        return self

    @property
    def arrangement(self) -> Arrangement:
        """The same in the words of the product."""
        return Arrangement(self.name.strip(), tuple(dict.fromkeys(self.cameras)), self.group or "", self.columns, self.turn_s)


class ViewOut(Out):
    """A view: of its cameras those that the caller may see. `may_change`: whether the caller may.

    `gone`: nothing of what it names is there, or the caller may not see it; it shows no camera then.
    """

    id: int
    name: str
    cameras: list[str]
    group: str | None
    columns: Columns | None
    turn_s: float | None
    shared: bool
    may_change: bool
    gone: bool

    @classmethod
    def of(cls, view: WallView, caller: Caller) -> Self:
        """As the API tells it."""
        shown = view.arrangement
        return cls(
            id=view.view_id, name=shown.name, cameras=list(shown.cameras), group=shown.group or None, columns=shown.columns,
            turn_s=shown.turn_s, shared=view.owner is None, may_change=view.owner is not None or caller.role.covers(Role.ADMIN),
            gone=view.gone,
        )  # fmt: skip


class ViewsOut(Out):
    """One's own views and everybody's, by name."""

    views: list[ViewOut]


def owner_of(caller: Caller) -> str | None:
    """Whose views the caller's own are; a token has none."""
    return None if caller.via == "token" else caller.username


@router.get("")
def views(caller: Viewer, services: Needed) -> ViewsOut:
    """The caller's own views, and those for everybody that show a camera which the caller may see; to administrators also empty ones."""
    found = services.wall_views.of(caller.scope, owner_of(caller))
    return ViewsOut(views=[ViewOut.of(view, caller) for view in found])


@router.get("/{view_id}", response_model=ViewOut)
def view(view_id: ViewId, caller: Viewer, services: Needed) -> Response:
    """One view."""
    found = services.wall_views.get(caller.scope, owner_of(caller), view_id)
    if found is None:
        raise not_found("view")
    return _told(found, caller)


@router.post("", status_code=201, response_model=ViewOut)
async def add_view(body: ViewIn, caller: Viewer, services: Needed) -> Response:
    """Keep a view: one's own, or with `shared` one for everybody."""
    owner = _owner(body, caller)
    made = await run_in_threadpool(services.wall_views.add, caller.scope, owner, body.arrangement)
    await services.note(caller, "view.add", str(made.view_id), {"name": made.arrangement.name, "shared": body.shared})
    return _told(made, caller, 201)


@router.put("/{view_id}", response_model=ViewOut)
async def change_view(view_id: ViewId, body: ViewIn, caller: Viewer, services: Needed, if_match: Etag = None) -> Response:
    """Replace a view; its cameras that the caller may not see stay in it."""
    owner = owner_of(caller)
    _owner(body, caller)
    before = await run_in_threadpool(services.wall_views.get, caller.scope, owner, view_id)
    if before is None:
        raise not_found("view")
    precondition(before.etag, if_match, None)
    etag = None if if_match is None else before.etag
    changed = await run_in_threadpool(
        lambda: services.wall_views.change(caller.scope, owner, view_id, body.arrangement, shared=body.shared, etag=etag)
    )
    await services.note(caller, "view.change", str(view_id), {"name": changed.arrangement.name, "shared": body.shared})
    return _told(changed, caller)


@router.delete("/{view_id}", status_code=204)
async def delete_view(view_id: ViewId, caller: Viewer, services: Needed, if_match: Etag = None) -> Response:
    """Delete a view; the cameras stay."""
    owner = owner_of(caller)
    before = await run_in_threadpool(services.wall_views.get, caller.scope, owner, view_id)
    if before is None:
        raise not_found("view")
    precondition(before.etag, if_match, None)
    etag = None if if_match is None else before.etag
    name = await run_in_threadpool(lambda: services.wall_views.remove(caller.scope, owner, view_id, etag=etag))
    await services.note(caller, "view.delete", str(view_id), {"name": name, "shared": before.owner is None})
    return Response(status_code=204)


def _owner(body: ViewIn, caller: Caller) -> str | None:
    """Whose the view is to be."""
    owner = owner_of(caller)
    if owner is None and not body.shared:
        detail = "a token has no views of its own; with `shared` an administrator's token makes one for everybody"
        raise ProblemError(403, detail, [FieldError("shared", "expected true of a token")])
    return None if body.shared else owner


def _told(view: WallView, caller: Caller, status: int = 200) -> Response:
    return JSONResponse(ViewOut.of(view, caller).model_dump(mode="json"), status, {"ETag": strong(view.etag)})
