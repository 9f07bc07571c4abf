"""Notices of the site, as each caller may read them.

Their text names cameras, folders and addresses. Who may see only some cameras, and is no operator, gets one fixed sentence for each topic.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from panops.api.schemas import NoticeOut
from panops.pipeline.live import SystemNotice
from panops.storage.scope import Role, Scope

_WHAT: Mapping[str, str] = {
    "storage": "the storage",
    "evidence": "storing pictures and clips",
    "looks": "keeping what was followed",
    "shard": "watching some cameras",
    "model": "the detector",
    "config": "the settings",
    "upkeep": "the upkeep",
}


def notice_for(scope: Scope, notice: SystemNotice) -> NoticeOut:
    """The notice as this caller may read it."""
    if scope.cameras is None or scope.role.covers(Role.OPERATOR):
        return NoticeOut(topic=notice.topic, level=notice.level, message=notice.message)
    # An unknown topic is not passed on: its name could say something, too.
    topic = notice.topic if notice.topic in _WHAT else "system"
    what = _WHAT.get(topic, "the system")
    message = f"{what} works again" if notice.level == "info" else f"something is wrong with {what}; an operator can see what"
    return NoticeOut(topic=topic, level=notice.level, message=message)


def notices_for(scope: Scope, notices: Iterable[SystemNotice]) -> list[NoticeOut]:
    """All of them, without the same one twice."""
    return list(dict.fromkeys(notice_for(scope, notice) for notice in notices))
