"""`group=` of lists: the caller's scope, narrowed to the cameras of some groups, so that the query itself leaves all others out."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Query
from pydantic import Field

from panops.api.security import Viewer
from panops.api.services import Needed
from panops.storage.scope import Scope

Groups = Annotated[list[Annotated[str, Field(max_length=63)]], Query(max_length=200, description="only cameras of these groups")]


def shown(caller: Viewer, services: Needed, group: Groups = []) -> Scope:  # noqa: B006 - FastAPI copies defaults
    """What the caller may see of the groups that were asked for; a group that is not there has no cameras."""
    if not group:
        return caller.scope
    known = services.view.current().groups
    return caller.scope.within({camera for name in group for camera in known.get(name, ())})


Shown = Annotated[Scope, Depends(shown)]
