"""Rates of who wears what is required, by hours, days or shifts of the site's own clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Literal, NamedTuple

from panops.domain.compliance import Worn
from panops.storage.compliance import QUARTER_S, WornCount
from panops.storage.csv_rows import csv_text, local_time

Bucket = Literal["hour", "day", "shift"]

COLUMNS = (
    "from", "to", "camera_id", "camera", "rule_id", "zone", "item", "seen", "present", "absent", "not_visible", "rate",
)  # fmt: skip


class Span(NamedTuple):
    """A part of the day.

    Attributes:
        start_s: Its beginning, UTC s.
        end_s: The first moment after it, UTC s.
        label: What people call it, in the site's time.
    """

    start_s: float
    end_s: float
    label: str


@dataclass(slots=True)
class Rate:
    """What people wore of one item, in one span, zone and rule.

    Attributes:
        span: When they left.
        camera_id: The camera.
        rule_id: The rule.
        zone: The zone, or empty.
        item: The item.
        people: How many, by what was found.
    """

    span: Span
    camera_id: str
    rule_id: str
    zone: str
    item: str
    people: dict[Worn, int] = field(default_factory=lambda: dict.fromkeys(Worn, 0))

    @property
    def seen(self) -> int:
        """How many people."""
        return sum(self.people.values())

    @property
    def rate(self) -> float | None:
        """How many of those on whom it was to be seen wore it, 0..1; None where it was to be seen on nobody."""
        judged = self.people[Worn.PRESENT] + self.people[Worn.ABSENT]
        return self.people[Worn.PRESENT] / judged if judged else None


class Calendar:
    """Spans of the site's own clock.

    Args:
        bucket: How long they are.
        timezone: The site's zone; None is the machine's own.
        shifts: When shifts begin, ascending; the last one runs to the first of the next day.
    """

    def __init__(self, bucket: Bucket, timezone: tzinfo | None, shifts: Sequence[time]) -> None:
        """Nothing is worked out yet."""
        self._bucket = bucket
        self._timezone = timezone
        self._shifts = list(shifts)
        self._known: dict[int, Span] = {}

    def span(self, quarter: int) -> Span:
        """The span that a quarter of an hour is in; one in which a shift begins belongs to the shift at its own beginning."""
        if quarter not in self._known:
            self._known[quarter] = self._find(quarter)
        return self._known[quarter]

    def _find(self, quarter: int) -> Span:
        local = datetime.fromtimestamp(quarter * QUARTER_S, self._timezone)
        day = local.date()
        if self._bucket == "hour":
            start_s = quarter * QUARTER_S - local.minute * 60
            return Span(start_s, start_s + 3600, f"{day} {local.hour:02}:00")
        if self._bucket == "day":
            return Span(self._at(day, time()), self._at(day + timedelta(days=1), time()), str(day))
        begun = [start for start in self._shifts if start <= local.time()]
        if not begun:
            day -= timedelta(days=1)
        place = len(begun) - 1 if begun else len(self._shifts) - 1
        last = place == len(self._shifts) - 1
        start, end = self._shifts[place], self._shifts[0] if last else self._shifts[place + 1]
        end_s = self._at(day + timedelta(days=1) if last else day, end)
        return Span(self._at(day, start), end_s, f"{day} {start:%H:%M}-{end:%H:%M}")

    def _at(self, day: date, clock: time) -> float:
        return datetime.combine(day, clock, self._timezone).timestamp()


def rates(counts: Sequence[WornCount], calendar: Calendar) -> list[Rate]:
    """Counts joined by span, camera, rule, zone and item; by time, then in that order."""
    found: dict[tuple[float, str, str, str, str], Rate] = {}
    for count in counts:
        span = calendar.span(count.quarter)
        key = (span.start_s, count.camera_id, count.rule_id, count.zone, count.item)
        if key not in found:
            found[key] = Rate(span, *key[1:])
        found[key].people[count.worn] += count.people
    return [found[key] for key in sorted(found)]


def rates_csv(found: Sequence[Rate], names: dict[str, str], timezone: tzinfo | None) -> str:
    """The rates as CSV with a head of `COLUMNS`; times are ISO 8601 in the site's zone.

    Args:
        found: The rates.
        names: Camera names by id; an id without one stands for itself.
        timezone: The site's zone; None is the machine's own.
    """
    rows = (
        (
            local_time(one.span.start_s, timezone), local_time(one.span.end_s, timezone), one.camera_id,
            names.get(one.camera_id, one.camera_id), one.rule_id, one.zone, one.item, one.seen,
            *(one.people[worn] for worn in (Worn.PRESENT, Worn.ABSENT, Worn.NOT_VISIBLE)), "" if one.rate is None else f"{one.rate:.4f}",
        )
        for one in found
    )  # fmt: skip
    return csv_text(COLUMNS, rows)
