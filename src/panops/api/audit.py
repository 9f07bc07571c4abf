"""The audit log, for administrators."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from panops.api.csv_answer import csv_answer, csv_described
from panops.api.events import Moment
from panops.api.pages import link_next
from panops.api.rates import paced
from panops.api.schemas import Out
from panops.api.security import Admin
from panops.api.services import Needed
from panops.storage.audit import AuditEntry, AuditFilter
from panops.storage.csv_rows import csv_text

router = APIRouter(prefix="/api/v1", tags=["audit"])

MOST_ROWS = 50_000
COLUMNS = ("at_utc", "user", "action", "target", "address", "detail")
_Word = Annotated[str, Query(max_length=200)]


class AuditEntryOut(Out):
    """One thing that somebody did, or looked at."""

    at_s: float
    user: str
    action: str
    target: str
    detail: dict[str, Any]
    address: str


class AuditOut(Out):
    """One page of the audit log, newest first."""

    entries: list[AuditEntryOut]
    next_cursor: str | None


def asked(
    _caller: Admin, user: _Word = "", action: _Word = "", target: _Word = "", since: Moment = None, until: Moment = None
) -> AuditFilter:
    """The filter of both routes; `action=user` finds `user.create` too, `target` any part of it."""
    who, what, of_what = (word.replace("\x00", "") for word in (user, action, target))
    return AuditFilter(who, what, of_what, since, until)


Wanted = Annotated[AuditFilter, Depends(asked)]


@router.get("/audit")
def audit(
    request: Request,
    response: Response,
    _caller: Admin,
    services: Needed,
    wanted: Wanted,
    cursor: Annotated[str | None, Query(max_length=40)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> AuditOut:
    """Who did what, and who looked at what proof, newest first."""
    page = services.audit.entries(limit, cursor, wanted)
    entries = [
        AuditEntryOut(
            at_s=item.at_s, user=item.user, action=item.action, target=item.target, detail=dict(item.detail), address=item.address
        )
        for item in page.entries
    ]
    link_next(request, response, "cursor", page.next_cursor)
    return AuditOut(entries=entries, next_cursor=page.next_cursor)


@router.get(
    "/audit.csv",
    dependencies=[Depends(paced("export"))],
    response_class=Response,
    responses=csv_described("a row an entry, newest first"),
)
def audit_csv(caller: Admin, services: Needed, wanted: Wanted) -> Response:
    """The same as CSV, the newest 50,000; times are UTC."""
    text = csv_text(COLUMNS, map(_row, services.audit.every(wanted, MOST_ROWS)))
    services.audit.record(services.clock.utc_s(), caller.username, "audit.export", "", {"user": wanted.user, "action": wanted.action})
    return csv_answer(text, "audit.csv")


def _row(one: AuditEntry) -> tuple[str, ...]:
    at = datetime.fromtimestamp(one.at_s, UTC).isoformat(timespec="milliseconds")
    return at, one.user, one.action, one.target, one.address, json.dumps(dict(one.detail), ensure_ascii=False) if one.detail else ""
