"""Spans of the week in the site's local time: when a rule is on, when a sink is quiet."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from panops.config.fields import ScheduleConfig
from panops.domain.errors import ConfigError, ConfigProblem

_WEEK_MIN = 7 * 24 * 60
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def site_timezone(name: str) -> tzinfo | None:
    """The time zone of that IANA name; None, which means the machine's own, for an empty name.

    Raises:
        ConfigError: There is no such zone on this machine.
    """
    if not name:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        message = f"expected a time zone such as Europe/Berlin, got {name!r}, which this machine does not know (is tzdata installed?)"
        raise ConfigError("site", [ConfigProblem("timezone", message)]) from error


class Schedule:
    """Spans of local wall-clock time on days of the week.

    A span belongs to the day on which it starts; one whose end is not after its start runs into the next day (so 00:00 to 00:00 is the
    whole day). The clock on the wall decides: in the hour that a summer time change skips nothing happens, and in the hour that comes
    twice a span is on both times.

    Args:
        spans: When it is on; none means always.
        timezone: The site's zone; None is the machine's own.
    """

    def __init__(self, spans: Sequence[ScheduleConfig], timezone: tzinfo | None) -> None:
        """Lay the spans out."""
        self._spans = [(frozenset(DAYS.index(day) for day in span.days), _naive(span.start), _naive(span.end)) for span in spans]
        self._timezone = timezone
        self._second = -1
        self._was_active = True

    def active(self, utc_s: float) -> bool:
        """Whether it is on at `utc_s` (UTC seconds). Spans begin and end on whole seconds, so each second is worked out once."""
        if not self._spans:
            return True
        second = math.floor(utc_s)
        if second != self._second:
            self._second = second
            local = datetime.fromtimestamp(second, self._timezone)
            self._was_active = any(_covers(*span, local) for span in self._spans)
        return self._was_active

    def end_s(self, utc_s: float) -> float:
        """When the span that is on at `utc_s` (UTC seconds) is over, to the minute; where it is never over, a week later."""
        minute = math.ceil(utc_s / 60)
        return next((60.0 * later for later in range(minute, minute + _WEEK_MIN) if not self.active(60.0 * later)), utc_s + 60 * _WEEK_MIN)


def _covers(days: frozenset[int], start: time, end: time, local: datetime) -> bool:
    now, today = local.time(), local.weekday()
    if start < end:
        return today in days and start <= now < end
    yesterday = (local - timedelta(days=1)).weekday()
    return (today in days and now >= start) or (yesterday in days and now < end)


def _naive(value: time) -> time:
    return value.replace(tzinfo=None, microsecond=0)
