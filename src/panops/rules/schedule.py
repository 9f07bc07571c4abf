"""When a rule is on, in the site's local time."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from panops.config.schema import ScheduleConfig
from panops.domain.errors import ConfigError, ConfigProblem
from panops.domain.events import Incident
from panops.domain.protocols import Rule
from panops.domain.tracks import Tracks

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


class ScheduledRule:
    """A rule that sleeps outside its schedule: its incidents end with the schedule, and it wakes with an empty memory.

    Args:
        make: Makes the rule.
        schedule: When it is on.
    """

    def __init__(self, make: Callable[[], Rule], schedule: Schedule) -> None:
        """Make the rule once, so that a mistake in it shows at the start and not at night."""
        self._make = make
        self._schedule = schedule
        self._rule: Rule | None = make()

    def update(self, tracks: Tracks) -> Sequence[Incident]:
        """What the rule says while it is on; the ends of its incidents when it goes off."""
        if not self._schedule.active(tracks.time_s):
            return self.finish(tracks.time_s)
        if self._rule is None:
            self._rule = self._make()
        return self._rule.update(tracks)

    def finish(self, time_s: float) -> Sequence[Incident]:
        """End what is open."""
        rule, self._rule = self._rule, None
        return rule.finish(time_s) if rule is not None else ()


def _covers(days: frozenset[int], start: time, end: time, local: datetime) -> bool:
    now, today = local.time(), local.weekday()
    if start < end:
        return today in days and start <= now < end
    yesterday = (local - timedelta(days=1)).weekday()
    return (today in days and now >= start) or (yesterday in days and now < end)


def _naive(value: time) -> time:
    return value.replace(tzinfo=None, microsecond=0)
