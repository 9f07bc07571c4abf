"""Who wears what is required: rates by hour, day or shift, as JSON and as CSV."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import Response

from panops.api.csv_answer import csv_answer, csv_described
from panops.api.events import Moment, Words
from panops.api.problems import ProblemError
from panops.api.rates import paced
from panops.api.schemas import Out
from panops.api.security import Viewer
from panops.api.services import Needed
from panops.api.spans import From, asked_span
from panops.config.schedule import site_timezone
from panops.domain.compliance import Worn
from panops.storage.compliance_rates import Bucket, Calendar, Rate, rates, rates_csv

router = APIRouter(prefix="/api/v1", tags=["compliance"])

_MOST_ROWS = 20_000


class RateOut(Out):
    """People who left in a span, by what was found of one item. `rate` is of those on whom it was to be seen; null without any."""

    start_s: float
    end_s: float
    label: str
    camera_id: str
    camera_name: str
    rule_id: str
    zone: str
    item: str
    seen: int
    present: int
    absent: int
    not_visible: int
    rate: float | None

    @classmethod
    def of(cls, one: Rate, name: str) -> RateOut:
        """A rate with its camera's name."""
        return cls(
            start_s=one.span.start_s, end_s=one.span.end_s, label=one.span.label, camera_id=one.camera_id, camera_name=name,
            rule_id=one.rule_id, zone=one.zone, item=one.item, seen=one.seen, present=one.people[Worn.PRESENT],
            absent=one.people[Worn.ABSENT], not_visible=one.people[Worn.NOT_VISIBLE], rate=one.rate,
        )  # fmt: skip


class RatesOut(Out):
    """Rates in order of time, then by camera, rule, zone and item; spans without anybody are left out."""

    bucket: Bucket
    from_s: float
    to_s: float
    rates: list[RateOut]


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody asked for, and the answer: rates of the cameras that they may see."""

    bucket: Bucket
    from_s: float
    to_s: float
    rates: list[Rate]
    names: dict[str, str]
    timezone: tzinfo | None


def asked(
    caller: Viewer,
    services: Needed,
    since: From = None,
    to: Moment = None,
    camera: Words = [],  # noqa: B006 - FastAPI copies defaults
    zone: Words = [],  # noqa: B006 - as above
    bucket: Bucket = "hour",
) -> Asked:
    """The parameters of both routes, looked up."""
    from_s, to_s = asked_span(services, since, to)
    site = services.view.current()
    timezone = site_timezone(site.timezone)
    counts = services.compliance.counts(caller.scope, from_s, to_s, camera, zone)
    found = rates(counts, Calendar(bucket, timezone, site.shifts))
    if len(found) > _MOST_ROWS:
        raise ProblemError(422, f"expected at most {_MOST_ROWS} rows, got {len(found)}; ask for fewer days or cameras, or by day")
    names = {one.camera_id: services.view.camera_name(site, one.camera_id) for one in found}
    return Asked(bucket, from_s, to_s, found, names, timezone)


Wanted = Annotated[Asked, Depends(asked)]


@router.get("/compliance")
def compliance(_: Viewer, wanted: Wanted) -> RatesOut:
    """Who wore what is required, of the cameras that the caller may see."""
    rows = [RateOut.of(one, wanted.names[one.camera_id]) for one in wanted.rates]
    return RatesOut(bucket=wanted.bucket, from_s=wanted.from_s, to_s=wanted.to_s, rates=rows)


@router.get(
    "/compliance.csv",
    dependencies=[Depends(paced("export"))],
    response_class=Response,
    responses=csv_described("a row a span, camera, rule, zone and item"),
)
def compliance_csv(caller: Viewer, services: Needed, wanted: Wanted) -> Response:
    """The same as CSV, with times in the site's zone."""
    services.audit.record(services.clock.utc_s(), caller.username, "compliance.export", "", {"from_s": wanted.from_s, "to_s": wanted.to_s})
    return csv_answer(rates_csv(wanted.rates, wanted.names, wanted.timezone), f"compliance-{wanted.bucket}.csv")
