"""Groups of cameras: what people and tokens may be limited to, and what lists are filtered by."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from panops.api.cameras import Etag
from panops.api.problems import not_found
from panops.api.schemas import Out
from panops.api.security import Admin, Viewer
from panops.api.services import Needed
from panops.api.versions import precondition, strong
from panops.config.fields import NAME_PATTERN, Name

router = APIRouter(prefix="/api/v1/groups", tags=["groups"])

GroupName = Annotated[str, Path(pattern=NAME_PATTERN)]


class GroupIn(BaseModel):
    """The cameras of a group."""

    model_config = ConfigDict(extra="forbid")

    cameras: Annotated[list[Name], Field(max_length=1000)]


class GroupOut(Out):
    """A group: of its cameras those that the caller may see."""

    name: str
    cameras: list[str]


class GroupsOut(Out):
    """The groups of which the caller may see a camera; for who may see every camera, all of them."""

    groups: list[GroupOut]


@router.get("")
def groups(caller: Viewer, services: Needed) -> GroupsOut:
    """All groups, in the site's order."""
    return GroupsOut(groups=[GroupOut(name=name, cameras=cameras) for name, cameras in services.sites.groups(caller.scope).items()])


@router.put("/{group}", response_model=GroupOut, responses={201: {"model": GroupOut}})
async def put_group(
    group: GroupName, body: GroupIn, caller: Admin, services: Needed, if_match: Etag = None, if_none_match: Etag = None
) -> Response:
    """Add a group or replace its cameras. Whoever is limited to it sees the new cameras at once."""
    async with services.editing:
        etag = await run_in_threadpool(services.sites.group_etag, group)
        precondition(etag, if_match, if_none_match)
        after = await run_in_threadpool(lambda: services.sites.put_group(group, body.cameras, etag=etag))
    await services.note(caller, "group.put", group, {"cameras": body.cameras})
    services.sockets.check()
    found = GroupOut(name=group, cameras=list(dict.fromkeys(body.cameras)))
    return JSONResponse(found.model_dump(mode="json"), 201 if etag is None else 200, {"ETag": strong(after)})


@router.delete("/{group}", status_code=204)
async def delete_group(group: GroupName, caller: Admin, services: Needed, if_match: Etag = None) -> Response:
    """Remove a group. Whoever is limited to it sees nothing through it any more; its cameras stay."""
    async with services.editing:
        etag = await run_in_threadpool(services.sites.group_etag, group)
        if etag is None:
            raise not_found("group")
        precondition(etag, if_match, None)
        await run_in_threadpool(lambda: services.sites.delete_group(group, etag=etag))
    await services.note(caller, "group.delete", group)
    services.sockets.check()
    return Response(status_code=204)
