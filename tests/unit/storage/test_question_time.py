"""Times in questions, against the clock on the wall of a site."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panops.storage.question_time import read_time
from panops.storage.question_words import fold

BERLIN = ZoneInfo("Europe/Berlin")
# A Monday.
NOW = datetime(2026, 11, 30, 14, 30, tzinfo=BERLIN)

SPANS = [
    ("last night", "29.11. 20:00", "30.11. 06:00"),
    ("letzte Nacht", "29.11. 20:00", "30.11. 06:00"),
    ("heute Nacht", "29.11. 20:00", "30.11. 06:00"),
    ("yesterday", "29.11. 00:00", "30.11. 00:00"),
    ("vorgestern", "28.11. 00:00", "29.11. 00:00"),
    ("the day before yesterday", "28.11. 00:00", "29.11. 00:00"),
    ("gestern Abend", "29.11. 18:00", "30.11. 00:00"),
    ("this morning", "30.11. 05:00", "30.11. 12:00"),
    ("heute früh", "30.11. 05:00", "30.11. 12:00"),
    ("today between 8 and 10", "30.11. 08:00", "30.11. 10:00"),
    ("heute zwischen 8 und 10 Uhr", "30.11. 08:00", "30.11. 10:00"),
    ("from 20:00 to 06:00", "29.11. 20:00", "30.11. 06:00"),
    ("von 20 Uhr bis 6 Uhr", "29.11. 20:00", "30.11. 06:00"),
    ("yesterday 8-10 pm", "29.11. 20:00", "29.11. 22:00"),
    ("yesterday evening between 8 and 10", "29.11. 20:00", "29.11. 22:00"),
    ("last night at 2", "30.11. 02:00", "30.11. 03:00"),
    ("last night after 23:00", "29.11. 23:00", "30.11. 06:00"),
    ("at 8 pm", "29.11. 20:00", "29.11. 21:00"),
    ("um 14:05", "30.11. 13:50", "30.11. 14:20"),
    ("last week", "23.11. 00:00", "30.11. 00:00"),
    ("letzte Woche", "23.11. 00:00", "30.11. 00:00"),
    ("diese Woche", "30.11. 00:00", "07.12. 00:00"),
    ("last month", "01.10. 00:00", "01.11. 00:00"),
    ("monday", "30.11. 00:00", "01.12. 00:00"),
    ("last monday", "23.11. 00:00", "24.11. 00:00"),
    ("am Freitag", "27.11. 00:00", "28.11. 00:00"),
    ("letztes Wochenende", "28.11. 00:00", "30.11. 00:00"),
    ("from friday to sunday", "27.11. 00:00", "30.11. 00:00"),
    ("von Samstag bis Dienstag", "21.11. 00:00", "25.11. 00:00"),
    ("seit Freitag", "27.11. 00:00", None),
    ("since yesterday", "29.11. 00:00", None),
    ("bis gestern", None, "30.11. 00:00"),
    ("last 3 hours", "30.11. 11:30", None),
    ("in den letzten 24h", "29.11. 14:30", None),
    ("since 3 days", "27.11. 14:30", None),
    ("2 days ago", "28.11. 00:00", "29.11. 00:00"),
    ("vor 2 Stunden", "30.11. 12:00", "30.11. 13:00"),
    ("29.11.", "29.11. 00:00", "30.11. 00:00"),
    ("2026-11-29 after 22:00", "29.11. 22:00", "30.11. 00:00"),
    ("28. November", "28.11. 00:00", "29.11. 00:00"),
    ("november 28 at 14:05", "28.11. 13:50", "28.11. 14:20"),
]


def told(at_s: float | None) -> str | None:
    return None if at_s is None else datetime.fromtimestamp(at_s, BERLIN).strftime("%d.%m. %H:%M")


@pytest.mark.parametrize(("words", "since", "until"), SPANS)
def test_spans(words: str, since: str | None, until: str | None) -> None:
    span, left = read_time(fold(f"person {words} gate"), NOW.timestamp(), BERLIN)
    assert span is not None
    assert (told(span.since_s), told(span.until_s)) == (since, until)
    assert left.split()[0] == "person"
    assert left.split()[-1] == "gate"


@pytest.mark.parametrize("words", ["camera 3", "cameras 1-4", "31.6.", "gate 12", "99:99", "mayor", "sun", "4 cars"])
def test_what_is_no_time_stays(words: str) -> None:
    assert read_time(fold(words), NOW.timestamp(), BERLIN) == (None, fold(words))


def test_early_in_the_morning_the_night_still_goes_on() -> None:
    now = NOW.replace(hour=3)
    for words in ("last night", "tonight", "heute nacht", "at night"):
        span, _ = read_time(words, now.timestamp(), BERLIN)
        assert span is not None
        assert (told(span.since_s), told(span.until_s)) == ("29.11. 20:00", "30.11. 06:00")


def test_days_are_of_the_clock_on_the_wall_when_it_is_changed() -> None:
    span, _ = read_time("yesterday", datetime(2026, 10, 26, 12, tzinfo=BERLIN).timestamp(), BERLIN)
    assert span is not None
    assert span.since_s is not None
    assert span.until_s is not None
    assert span.until_s - span.since_s == 25 * 3600


def test_without_a_zone_the_machines_own_counts() -> None:
    span, _ = read_time("yesterday", NOW.timestamp(), None)
    assert span is not None
    assert span.since_s is not None
    assert datetime.fromtimestamp(span.since_s).hour == 0  # noqa: DTZ006  the machine's own is meant


@given(st.text(max_size=80), st.floats(0, 4e9))
def test_anything_can_be_asked(text: str, now_s: float) -> None:
    folded = fold(text)
    assert len(folded) == len(text)
    span, left = read_time(folded, now_s, BERLIN)
    assert len(left) == len(text)
    assert span is None or all(0 <= begin < end <= len(text) for begin, end in span.at)
