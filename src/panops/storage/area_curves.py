"""What covers cameras' zones over time, by the hours, days and shifts of the site's own clock, as rows and as CSV."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Literal

from panops.storage.areas import SPAN_S, AreaSpan
from panops.storage.compliance import QUARTER_S
from panops.storage.compliance_rates import Calendar, Span
from panops.storage.csv_rows import csv_text, local_time

AreaBucket = Literal["five_minutes", "hour", "day", "shift"]

COLUMNS = ("from", "to", "camera_id", "camera", "zone", "class", "looks", "mean", "least", "most")


@dataclass(frozen=True, slots=True)
class Covered:
    """What one class covered of one zone in one span.

    Attributes:
        span: When.
        camera_id: The camera.
        zone: The zone, or empty for the whole picture.
        class_name: The class.
        looks: How many looks there were at the zone.
        mean: Which share the class took on average over them, 0..1.
        least: The least share; 0 where some of the looks did not show it at all.
        most: The greatest share.
    """

    span: Span
    camera_id: str
    zone: str
    class_name: str
    looks: int
    mean: float
    least: float
    most: float


def covered(spans: Sequence[AreaSpan], calendar: Calendar | None, timezone: tzinfo | None) -> list[Covered]:
    """Spans joined into longer ones; by time, then by camera, zone and class.

    A class of which a span has no row, while others of its zone have, was not seen there: such looks count as 0.

    Args:
        spans: What was kept, all classes of the zones that are asked for.
        calendar: The longer spans; None leaves them as they are.
        timezone: The site's zone, for the names of spans.
    """
    zones: dict[tuple[int, str, str], int] = defaultdict(int)
    for one in spans:
        place = (one.span, one.camera_id, one.zone)
        zones[place] = max(zones[place], one.looks)
    places = {span: calendar.span(span * SPAN_S // QUARTER_S) if calendar is not None else _own(span, timezone) for span, _, _ in zones}
    looked: dict[tuple[float, str, str], int] = defaultdict(int)
    for (span, camera_id, zone), looks in zones.items():
        looked[places[span].start_s, camera_id, zone] += looks
    found: dict[tuple[float, str, str, str], list[AreaSpan]] = defaultdict(list)
    for one in spans:
        found[places[one.span].start_s, one.camera_id, one.zone, one.class_name].append(one)
    out = []
    for key in sorted(found):
        _, camera_id, zone, class_name = key
        mine, looks = found[key], looked[key[:3]]
        seen = sum(one.looks for one in mine)
        least = min(one.least for one in mine) if seen == looks else 0.0
        mean = sum(one.mean * one.looks for one in mine) / looks
        out.append(Covered(places[mine[0].span], camera_id, zone, class_name, looks, mean, least, max(one.most for one in mine)))
    return out


def area_csv(found: Sequence[Covered], names: dict[str, str], timezone: tzinfo | None) -> str:
    """The rows as CSV with a head of `COLUMNS`; times are ISO 8601 in the site's zone.

    Args:
        found: The rows.
        names: Camera names by id; an id without one stands for itself.
        timezone: The site's zone; None is the machine's own.
    """
    rows = (
        (
            local_time(one.span.start_s, timezone), local_time(one.span.end_s, timezone), one.camera_id,
            names.get(one.camera_id, one.camera_id), one.zone, one.class_name, one.looks,
            *(f"{share:.4f}" for share in (one.mean, one.least, one.most)),
        )
        for one in found
    )  # fmt: skip
    return csv_text(COLUMNS, rows)


def _own(span: int, timezone: tzinfo | None) -> Span:
    start_s = float(span * SPAN_S)
    return Span(start_s, start_s + SPAN_S, f"{datetime.fromtimestamp(start_s, timezone):%Y-%m-%d %H:%M}")
