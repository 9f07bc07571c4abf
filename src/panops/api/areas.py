"""How much of cameras' zones classes covered: shares over time, as JSON and as CSV."""

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
from panops.storage.area_curves import AreaBucket, Covered, area_csv, covered
from panops.storage.areas import AreaRepository
from panops.storage.compliance_rates import Calendar

router = APIRouter(prefix="/api/v1", tags=["areas"])

# A week of five minutes of twenty curves; more is asked for by the hour.
_MOST_ROWS = 50_000
# What is added up for them is read into memory, some 300 bytes each.
_MOST_SPANS = 300_000


class CoveredOut(Out):
    """Which share of a zone one class took in a span, 0..1: on average over the looks, at least and at most."""

    start_s: float
    end_s: float
    label: str
    camera_id: str
    camera_name: str
    zone: str
    class_name: str
    looks: int
    mean: float
    least: float
    most: float

    @classmethod
    def of(cls, one: Covered, name: str) -> CoveredOut:
        """A row with its camera's name."""
        return cls(
            start_s=one.span.start_s, end_s=one.span.end_s, label=one.span.label, camera_id=one.camera_id, camera_name=name,
            zone=one.zone, class_name=one.class_name, looks=one.looks,
            mean=round(one.mean, 5), least=round(one.least, 5), most=round(one.most, 5),
        )  # fmt: skip


class AreasOut(Out):
    """Shares in order of time, then by camera, zone and class; spans without a look are left out."""

    bucket: AreaBucket
    from_s: float
    to_s: float
    areas: list[CoveredOut]


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody asked for, and the answer: areas of the cameras that they may see."""

    bucket: AreaBucket
    from_s: float
    to_s: float
    areas: list[Covered]
    names: dict[str, str]
    timezone: tzinfo | None


def asked(
    caller: Viewer,
    services: Needed,
    since: From = None,
    to: Moment = None,
    camera: Words = [],  # noqa: B006 - FastAPI copies defaults
    zone: Words = [],  # noqa: B006 - as above
    class_name: Words = [],  # noqa: B006 - as above
    bucket: AreaBucket = "hour",
) -> Asked:
    """The parameters of both routes, looked up."""
    from_s, to_s = asked_span(services, since, to)
    site = services.view.current()
    timezone = site_timezone(site.timezone)
    repository = AreaRepository(services.database)
    if repository.count(caller.scope, from_s, to_s, camera, zone, most=_MOST_SPANS + 1) > _MOST_SPANS:
        raise ProblemError(
            422, f"expected at most {_MOST_SPANS} spans of five minutes, there are more; ask for fewer days, cameras or zones"
        )
    spans = repository.read(caller.scope, from_s, to_s, camera, zone)
    calendar = None if bucket == "five_minutes" else Calendar(bucket, timezone, site.shifts)
    wanted = {name.casefold() for name in class_name}
    found = [one for one in covered(spans, calendar, timezone) if not wanted or one.class_name.casefold() in wanted]
    if len(found) > _MOST_ROWS:
        raise ProblemError(422, f"expected at most {_MOST_ROWS} rows, got {len(found)}; ask for fewer days or cameras, or by the hour")
    names = {one.camera_id: services.view.camera_name(site, one.camera_id) for one in found}
    return Asked(bucket, from_s, to_s, found, names, timezone)


Wanted = Annotated[Asked, Depends(asked)]


@router.get("/areas", dependencies=[Depends(paced("search"))])
def areas(_: Viewer, wanted: Wanted) -> AreasOut:
    """What covered the zones of cameras with `maps` over time, of the cameras that the caller may see."""
    rows = [CoveredOut.of(one, wanted.names[one.camera_id]) for one in wanted.areas]
    return AreasOut(bucket=wanted.bucket, from_s=wanted.from_s, to_s=wanted.to_s, areas=rows)


@router.get(
    "/areas.csv",
    dependencies=[Depends(paced("export"))],
    response_class=Response,
    responses=csv_described("a row a span, camera, zone and class"),
)
def areas_csv(caller: Viewer, services: Needed, wanted: Wanted) -> Response:
    """The same as CSV, with times in the site's zone."""
    services.audit.record(services.clock.utc_s(), caller.username, "areas.export", "", {"from_s": wanted.from_s, "to_s": wanted.to_s})
    return csv_answer(area_csv(wanted.areas, wanted.names, wanted.timezone), f"areas-{wanted.bucket}.csv")
