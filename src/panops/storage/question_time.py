"""When something was: the times in a question, in English and German, as one span of the site's own clock."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, tzinfo
from functools import cache
from typing import Any

from panops.storage.question_words import question_words

_MINUTE_S, _HOUR_S, _DAY_H = 60.0, 3600.0, 24.0
_UNIT_S = {"minute": _MINUTE_S, "hour": _HOUR_S, "day": 24 * _HOUR_S}
# "At 14:05" means about then.
_ABOUT_H = 0.25


@dataclass(frozen=True, slots=True)
class TimeSpan:
    """What a question says of time.

    Attributes:
        since_s: From here on, UTC s; None: from ever.
        until_s: Up to here, UTC s; None: until now and later.
        at: Where in the question that stands, pieces by their first and last place.
    """

    since_s: float | None
    until_s: float | None
    at: tuple[tuple[int, int], ...]


Hours = tuple[float | None, float | None]


@dataclass(slots=True)
class _Found:
    """What was read so far: a whole span, days, and hours of a day (over 24: of the next one; None: not said)."""

    span: tuple[float, float | None] | None = None
    days: list[date] = field(default_factory=list)
    hours: Hours = (None, None)
    part: Hours = (None, None)
    open_end: bool = False
    open_begin: bool = False
    at: list[tuple[int, int]] = field(default_factory=list)


Reader = Callable[["re.Match[str]", _Found, "_Now"], bool]


@dataclass(frozen=True, slots=True)
class _Now:
    now_s: float
    timezone: tzinfo | None

    @property
    def local(self) -> datetime:
        return datetime.fromtimestamp(self.now_s, self.timezone)

    @property
    def today(self) -> date:
        return self.local.date()

    def at(self, day: date, hours: float = 0.0) -> float:
        """UTC s of an hour on the clock of a day; the zone of the site decides, or the machine's own."""
        naive = datetime.combine(day, time()) + timedelta(hours=hours)
        return naive.replace(tzinfo=self.timezone).timestamp()


def read_time(folded: str, now_s: float, timezone: tzinfo | None) -> tuple[TimeSpan | None, str]:
    """The times in a question.

    Args:
        folded: The question, folded.
        now_s: What time it is, UTC s.
        timezone: The site's; None is the machine's own.

    Returns:
        The span, None where nothing of time is said; and the question with blanks in place of what was read.
    """
    found, now = _Found(), _Now(now_s, timezone)
    left = folded
    for pattern, read in _patterns():
        for match in list(pattern.finditer(left)):
            try:
                taken = read(match, found, now)
            except (ValueError, OverflowError):
                taken = False  # such as the 31st of June: words like others
            if taken:
                start, end = match.span()
                found.at.append((start, end))
                left = left[:start] + " " * (end - start) + left[end:]
    if not found.at:
        return None, folded
    try:
        since_s, until_s = _joined(found, now)
    except (ValueError, OverflowError):
        return None, folded
    return TimeSpan(since_s, until_s, tuple(sorted(found.at))), left


def _joined(found: _Found, now: _Now) -> tuple[float | None, float | None]:
    """One span of all that was read: hours are of the day that is named, else of the latest day on which they have begun."""
    since_s: float
    until_s: float | None
    open_begin = found.open_begin and len(found.days) < 2  # not in "from Monday until Friday"
    if found.span is not None:
        since_s, until_s = found.span
    else:
        begin, end = _hours(found)
        days = list(found.days)
        if not days:
            days = [now.today if now.at(now.today, begin) <= now.now_s else now.today - timedelta(days=1)]
        elif len(days) == 2 and days[0] > days[1]:
            days[0] -= timedelta(days=7)  # from Friday to Monday
        since_s, until_s = now.at(min(days), begin), now.at(max(days), end)
    return (None if open_begin else since_s), (None if found.open_end else until_s)


def _hours(found: _Found) -> tuple[float, float]:
    """The hours of a day: those that were named, within the part of the day that was named."""
    (begin, end), (first, last) = found.hours, found.part
    if first is not None and last is not None:
        said = begin if begin is not None else end
        # "Between 8 and 10 in the evening", "last night at 2".
        later = next((more for more in (0.0, 12.0, 24.0) if said is not None and first <= said + more <= last), 0.0)
        begin = first if begin is None else begin + later
        end = last if end is None else end + later
    begin, end = 0.0 if begin is None else begin, _DAY_H if end is None else end
    return begin, end if end > begin else end + _DAY_H


# --- what is read ---------------------------------------------------------------------------------------------------------------


def _span(since_s: float, until_s: float | None, found: _Found) -> bool:
    if found.span is not None:
        return False
    found.span = (since_s, until_s)
    return True


def _last_units(match: re.Match[str], found: _Found, now: _Now) -> bool:
    """`last 3 hours`, `in the last hour`."""
    unit, count = _unit(match["unit"]), float(match["count"] or 1)
    if unit in _UNIT_S and (match["count"] or unit in ("minute", "hour")):
        return _span(now.now_s - count * _UNIT_S[unit], None, found)
    if match["count"]:
        return _span(now.now_s - count * {"week": 7, "month": 30}[unit] * _UNIT_S["day"], None, found)
    if unit == "day":
        return _span(now.now_s - _UNIT_S["day"], None, found)
    return _calendar(unit, -1, found, now)


def _this_unit(match: re.Match[str], found: _Found, now: _Now) -> bool:
    unit = _unit(match["unit"])
    return unit in ("week", "month") and _calendar(unit, 0, found, now)


def _calendar(unit: str, which: int, found: _Found, now: _Now) -> bool:
    """The week (from Monday) or month that goes on (0), or the one before (-1)."""
    today = now.today
    if unit == "week":
        first = today - timedelta(days=today.weekday() - 7 * which)
        return _span(now.at(first), now.at(first + timedelta(days=7)), found)
    first = today.replace(day=1)
    if which:
        first = (first - timedelta(days=1)).replace(day=1)
    return _span(now.at(first), now.at((first + timedelta(days=32)).replace(day=1)), found)


def _ago(match: re.Match[str], found: _Found, now: _Now) -> bool:
    """`2 hours ago`: about then; `3 days ago`: that day."""
    unit, count = _unit(match["unit"]), int(match["count"])
    if unit in ("minute", "hour"):
        then_s, about_s = now.now_s - count * _UNIT_S[unit], _UNIT_S[unit] / 2 if unit == "hour" else 5 * _MINUTE_S
        return _span(then_s - about_s, then_s + about_s, found)
    found.days.append(now.today - timedelta(days=count * {"day": 1, "week": 7, "month": 30}[unit]))
    return True


def _weekend(match: re.Match[str], found: _Found, now: _Now) -> bool:
    """The weekend that goes on or the one before; `last` is never today's."""
    saturday = now.today - timedelta(days=(now.today.weekday() - 5) % 7)
    if match["last"] and now.today.weekday() >= 5:
        saturday -= timedelta(days=7)
    found.days += [saturday, saturday + timedelta(days=1)]
    return True


def _weekday(match: re.Match[str], found: _Found, now: _Now) -> bool:
    """The latest one; `last` is never today."""
    back = (now.today.weekday() - _row(question_words().time["weekdays"], match["weekday"])) % 7
    found.days.append(now.today - timedelta(days=back or (7 if match["last"] else 0)))
    return True


def _days_back(back: int) -> Reader:
    def read(match: re.Match[str], found: _Found, now: _Now) -> bool:
        found.days.append(now.today - timedelta(days=back))
        return True

    return read


def _last_night(match: re.Match[str], found: _Found, now: _Now) -> bool:
    found.days.append(now.today - timedelta(days=1))
    found.part = _part("night")
    return True


def _tonight(match: re.Match[str], found: _Found, now: _Now) -> bool:
    found.part = _part("night")
    return True


def _part_of_day(match: re.Match[str], found: _Found, now: _Now) -> bool:
    name = next(name for name, one in question_words().time["parts"].items() if match["part"] in one["words"])
    found.part = _part(name)
    if match["last"]:
        found.days.append(now.today - timedelta(days=1))
    elif match["this"] and name != "night":
        found.days.append(now.today)
    return True


def _iso(match: re.Match[str], found: _Found, now: _Now) -> bool:
    found.days.append(date(int(match["year"]), int(match["month"]), int(match["day"])))
    return True


def _dated(match: re.Match[str], found: _Found, now: _Now) -> bool:
    """`29.11.`, `29 November`, `November 29`: without a year the latest one."""
    named = match.groupdict().get("name")
    month = _row(question_words().time["months"], named) + 1 if named else int(match["month"])
    year = match.groupdict().get("year")
    day = date(int(year) if year else now.today.year, month, int(match["day"]))
    if not year and day > now.today:
        day = day.replace(year=day.year - 1)
    found.days.append(day)
    return True


def _hours_between(match: re.Match[str], found: _Found, now: _Now) -> bool:
    told = any(match[name] for name in ("minute1", "minute2", "half1", "half2"))
    if match[0][0].isdigit() and not told and match[0][-1].isdigit():
        return False  # "1-4" may be anything
    begin, end = _hour(match, "1"), _hour(match, "2")
    if not match["half1"] and (match["half2"] or "").startswith("p") and begin + 12 < end:
        begin += 12.0  # 8 to 10 pm
    found.hours = (begin, end if end > begin else end + _DAY_H)
    return True


def _hours_after(match: re.Match[str], found: _Found, now: _Now) -> bool:
    found.hours = (_hour(match, "1"), found.hours[1])
    return True


def _hours_before(match: re.Match[str], found: _Found, now: _Now) -> bool:
    found.hours = (found.hours[0], _hour(match, "1"))
    return True


def _hour_at(match: re.Match[str], found: _Found, now: _Now) -> bool:
    at = _hour(match, "1")
    found.hours = (at - _ABOUT_H, at + _ABOUT_H) if match["minute1"] else (at, at + 1)
    return True


def _since(match: re.Match[str], found: _Found, now: _Now) -> bool:
    found.open_end = True
    return True


def _until(match: re.Match[str], found: _Found, now: _Now) -> bool:
    found.open_begin = True
    return True


def _hour(match: re.Match[str], which: str) -> float:
    hour, minute, half = int(match[f"hour{which}"]), int(match[f"minute{which}"] or 0), match[f"half{which}"]
    if half and hour <= 12:
        hour = hour % 12 + (12 if half.startswith("p") else 0)
    if hour > 24 or minute > 59:
        raise ValueError("no time of day")
    return hour + minute / 60


def _part(name: str) -> tuple[float, float]:
    begin, end = question_words().time["parts"][name]["hours"]
    return float(begin), float(end)


def _unit(word: str) -> str:
    return str(next(name for name, words in question_words().time["units"].items() if word in words))


def _row(rows: list[list[str]], word: str) -> int:
    return next(index for index, words in enumerate(rows) if word in words)


# --- how it is written ----------------------------------------------------------------------------------------------------------


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], Reader], ...]:
    """What to look for, the more special first; each reader says whether it took what was found."""
    words = question_words().time
    last, this, unit = _any(words["last"]), _any(words["this"]), _any(_flat(words["units"].values()))
    weekday, month = _any(_flat(words["weekdays"])), _any(_flat(words["months"]))
    part = _any(_flat(one["words"] for one in words["parts"].values()))
    day = _any([*words["today"], *words["yesterday"], *words["before_yesterday"], *_flat(words["weekdays"])])
    number, small = r"(?P<count>\d{1,4})", r"(?:(?:the|den|der|die|dem|am|in|of) )?"
    one, two = _clock("1", words), _clock("2", words)
    certain = rf"(?P<hour1>\d\d?)(?:[:.](?P<minute1>\d\d))? ?(?:(?P<half1>[ap]\.?m\b\.?)|{_any(words['clock'])})"
    colon = r"(?P<hour1>\d\d?):(?P<minute1>\d\d)(?P<half1>[ap]\.?m)?"
    date_after = r"(?=[ ,]|$)"
    rows: list[tuple[str, Reader]] = [
        (r"(?P<year>(?:19|20)\d\d)-(?P<month>\d\d?)-(?P<day>\d\d?)", _iso),
        (r"(?P<day>\d\d?)\.(?P<month>\d\d?)\.(?P<year>20\d\d)?" + date_after, _dated),
        (rf"(?P<day>\d\d?)(?:\.|st|nd|rd|th)? (?:of )?(?P<name>{month})(?: (?P<year>20\d\d))?", _dated),
        (rf"(?P<name>{month}) (?P<day>\d\d?)(?:st|nd|rd|th)?(?:,? (?P<year>20\d\d))?(?![:\d])", _dated),
        (rf"(?:in )?{small}(?:{last}) (?:{number} ?)?(?P<unit>{unit})", _last_units),
        (rf"(?:{_any(words['since'])}) {number} ?(?P<unit>{unit})", _last_units),
        (rf"{small}(?:{this}) (?P<unit>{unit})", _this_unit),
        (rf"{number} (?P<unit>{unit}) (?:{_any(words['ago'])})", _ago),
        (rf"vor {number} (?P<unit>{unit})", _ago),
        (rf"(?:(?P<last>{last}) )?(?:{this} )?(?:{_any(words['weekend'])})", _weekend),
        (_any(words["before_yesterday"]), _days_back(2)),
        (_any(words["last_night"]), _last_night),
        (_any(words["tonight"]), _tonight),
        (rf"(?:{_any(words['between'])}) {one} ?(?:{_any(words['to'])}|-) ?{two}", _hours_between),
        (rf"(?<!\d){_clock('1', words)} ?(?:-|\u2013|bis|to) ?{two}", _hours_between),
        (rf"(?:{_any([*words['after'], *words['since']])}) {one}(?![\d.])", _hours_after),
        (rf"(?:{_any([*words['before'], *words['until']])}) {one}(?![\d.])", _hours_before),
        (rf"(?:(?:{_any(words['at'])}) )?{certain}", _hour_at),
        (rf"(?:(?:{_any(words['at'])}) )?{colon}", _hour_at),
        (rf"(?:{_any(words['at'])}) (?P<hour1>\d\d?)(?P<minute1>(?!))?(?P<half1>(?!))?(?![\d.])", _hour_at),
        (rf"(?:{_any(words['since'])})(?= {small}(?:{last}|{day}))", _since),
        (rf"(?:{_any([*words['until'], *words['before']])})(?= {small}(?:{last}|{day}))", _until),
        (_any(words["yesterday"]), _days_back(1)),
        (_any(words["today"]), _days_back(0)),
        (rf"(?:(?P<last>{last}) )?(?P<weekday>{weekday})", _weekday),
        (rf"(?:(?P<this>{this}) |(?P<last>{last}) )?(?P<part>{part})", _part_of_day),
    ]
    return tuple((re.compile(rf"(?<![^\W_])(?:{pattern})(?![^\W_])"), reader) for pattern, reader in rows)


def _clock(which: str, words: Mapping[str, Any]) -> str:
    """An hour with minutes or without: `8`, `08:30`, `8 pm`, `20 Uhr`."""
    return rf"(?P<hour{which}>\d\d?)(?:[:.](?P<minute{which}>\d\d))?(?: ?(?:(?P<half{which}>[ap]\.?m\b\.?)|(?:{_any(words['clock'])})))?"


def _any(words: Iterable[str]) -> str:
    return "(?:" + "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True)) + ")"


def _flat(rows: Iterable[Iterable[str]]) -> list[str]:
    return [word for row in rows for word in row]
