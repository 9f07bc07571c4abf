"""Who is told by name in live pictures on one page: operators and administrators who asked for it, and each look is noted first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from starlette.concurrency import run_in_threadpool

from panops.api.looks import Looks
from panops.api.security import Caller
from panops.pipeline.live import Preview
from panops.storage.scope import Role


def may_know(caller: Caller) -> bool:
    """Whether the caller may know who is in a picture, as in events: see `storage.events`."""
    return caller.scope.role.covers(Role.OPERATOR)


async def noted(previews: Sequence[Preview], caller: Caller, looks: Looks) -> tuple[Preview, ...]:
    """The pictures, after it was noted that the caller is shown who is in them; without the names of people who are gone meanwhile."""
    seen = {(preview.camera_id, box.who.person_id) for preview in previews for box in preview.boxes if box.who and box.who.person_id}
    due = [one for one in sorted(seen) if not looks.is_noted(caller.username, *one)]
    if not due:
        return tuple(previews)
    gone = await run_in_threadpool(lambda: {one for one in due if not looks.named(caller.username, *one)})
    return tuple(_without(preview, gone) for preview in previews) if gone else tuple(previews)


def _without(preview: Preview, gone: set[tuple[str, str]]) -> Preview:
    boxes = (replace(box, who=None) if box.who and (preview.camera_id, box.who.person_id) in gone else box for box in preview.boxes)
    return replace(preview, boxes=tuple(boxes))
