from __future__ import annotations

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panops.config.fields import ScheduleConfig
from panops.config.rule_schema import IntrusionConfig
from panops.config.schedule import DAYS, Schedule, site_timezone
from panops.domain.errors import ConfigError
from panops.domain.events import EventPhase
from panops.domain.tracks import Tracks
from panops.rules.intrusion import Intrusion
from panops.rules.scene import Scene
from panops.rules.schedule import ScheduledRule
from panops.testing.rule_conformance import Sighting, make_tracks

BERLIN = ZoneInfo("Europe/Berlin")


def span(start: str, end: str, *days: str) -> ScheduleConfig:
    fields = {"start": start, "end": end, **({"days": list(days)} if days else {})}
    return ScheduleConfig.model_validate(fields)


def utc_s(local: str, fold: int = 0, zone: ZoneInfo = BERLIN) -> float:
    return datetime.fromisoformat(local).replace(tzinfo=zone, fold=fold).timestamp()


# 2026-11-20 is a Friday; Berlin goes to summer time on 2026-03-29 at 02:00 and back on 2026-10-25 at 03:00.
@pytest.mark.parametrize(
    ("spans", "local", "active"),
    [
        pytest.param([], "2026-11-20T12:00", True, id="no spans: always"),
        pytest.param([span("00:00", "00:00")], "2026-11-20T12:00", True, id="the whole day"),
        pytest.param([span("08:00", "17:00")], "2026-11-20T08:00", True, id="the start belongs to it"),
        pytest.param([span("08:00", "17:00")], "2026-11-20T07:59:59", False, id="before the start"),
        pytest.param([span("08:00", "17:00")], "2026-11-20T16:59:59", True, id="just before the end"),
        pytest.param([span("08:00", "17:00")], "2026-11-20T17:00", False, id="the end does not"),
        pytest.param([span("22:00", "06:00")], "2026-11-20T23:00", True, id="over midnight, evening"),
        pytest.param([span("22:00", "06:00")], "2026-11-20T05:59:59", True, id="over midnight, morning"),
        pytest.param([span("22:00", "06:00")], "2026-11-20T12:00", False, id="over midnight, day"),
        pytest.param([span("22:00", "06:00", "fri")], "2026-11-20T05:00", False, id="the morning belongs to Thursday"),
        pytest.param([span("22:00", "06:00", "fri")], "2026-11-21T05:00", True, id="Friday's span on Saturday morning"),
        pytest.param([span("22:00", "06:00", "sun")], "2026-11-23T05:00", True, id="Sunday's span on Monday morning"),
        pytest.param([span("12:00", "12:00", "fri")], "2026-11-21T11:59", True, id="a day from noon to noon"),
        pytest.param([span("12:00", "12:00", "fri")], "2026-11-21T12:00", False, id="and no longer"),
        pytest.param([span("08:00", "17:00", "mon"), span("20:00", "21:00")], "2026-11-20T20:30", True, id="any span will do"),
        pytest.param([span("08:00", "17:00", "sat", "sun")], "2026-11-20T12:00", False, id="not on that day"),
        pytest.param([span("02:30", "06:00")], "2026-03-29T03:10", True, id="a start in the hour that is skipped"),
        pytest.param([span("01:00", "02:30")], "2026-03-29T03:10", False, id="an end in the hour that is skipped"),
        pytest.param([span("08:00", "17:00")], "2026-07-01T08:00", True, id="summer time"),
        pytest.param([ScheduleConfig(start=time(8, tzinfo=BERLIN), end=time(17))], "2026-11-20T09:00", True, id="a time with a zone"),
    ],
)
def test_when_it_is_on(spans: list[ScheduleConfig], local: str, active: bool) -> None:
    assert Schedule(spans, BERLIN).active(utc_s(local)) is active


def test_in_the_hour_that_comes_twice_it_is_on_both_times() -> None:
    schedule = Schedule([span("02:15", "02:45")], BERLIN)
    first, second = utc_s("2026-10-25T02:30"), utc_s("2026-10-25T02:30", fold=1)
    assert second - first == 3600
    assert [schedule.active(first), schedule.active(first + 1800), schedule.active(second), schedule.active(second + 1800)] == [
        True,
        False,
        True,
        False,
    ]


def test_without_a_zone_it_is_the_machines_own() -> None:
    noon = datetime(2026, 11, 20, 12, 0).astimezone()  # the machine's own time is what is asked for
    schedule = Schedule([span("11:00", "13:00")], None)
    assert schedule.active(noon.timestamp())
    assert not schedule.active((noon + timedelta(hours=2)).timestamp())


@given(st.integers(0, 6), st.times(), st.times(), st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31)))  # noqa: DTZ001  # local times
def test_it_agrees_with_counting_minutes_of_the_week(day: int, start: time, end: time, local: datetime) -> None:
    start, end, local = start.replace(microsecond=0), end.replace(microsecond=0), local.replace(microsecond=0)

    def seconds(at: time) -> int:
        return at.hour * 3600 + at.minute * 60 + at.second

    begins = day * 86400 + seconds(start)
    lasts = (seconds(end) - seconds(start)) % 86400 or 86400
    now = local.weekday() * 86400 + seconds(local.time())
    schedule = Schedule([ScheduleConfig.model_validate({"days": [DAYS[day]], "start": start, "end": end})], ZoneInfo("UTC"))
    assert schedule.active(local.replace(tzinfo=ZoneInfo("UTC")).timestamp()) == ((now - begins) % (7 * 86400) < lasts)


def test_a_rule_sleeps_outside_its_schedule() -> None:
    config = IntrusionConfig(id="r", kind="intrusion", after_s=1.0)
    rule = ScheduledRule(
        lambda: Intrusion(config, Scene("gate", (640, 360), ("person",))),
        Schedule([span("08:00", "08:10")], BERLIN),
    )
    said = []
    start_s = utc_s("2026-11-20T07:59")
    for second in range(0, 1200, 1):
        said += rule.update(make_tracks(start_s + second, [Sighting(1, 0.5, 0.5, first_seen_s=start_s)]))
    begin, end = said[0], said[-1]
    assert (begin.phase, begin.started_at_s) == (EventPhase.BEGIN, start_s + 60)
    # The last look within the schedule is the last that was seen; the first one outside tells it.
    assert (end.phase, end.ended_at_s, end.updated_at_s) == (EventPhase.END, start_s + 659, start_s + 660)
    assert [one.phase for one in said].count(EventPhase.END) == 1
    assert not rule.finish(start_s + 1300)


def test_a_mistake_in_a_rule_shows_at_the_start() -> None:
    config = IntrusionConfig(id="r", kind="intrusion", zone="nowhere")
    with pytest.raises(KeyError):
        ScheduledRule(lambda: Intrusion(config, Scene("gate", (640, 360), ("person",))), Schedule([], None))


def test_it_wakes_with_an_empty_memory() -> None:
    config = IntrusionConfig(id="r", kind="intrusion", after_s=30.0)
    rule = ScheduledRule(
        lambda: Intrusion(config, Scene("gate", (640, 360), ("person",))),
        Schedule([span("08:00", "08:00:20"), span("08:00:25", "09:00")], BERLIN),
    )
    start_s = utc_s("2026-11-20T08:00")
    said = [one for n in range(60) for one in rule.update(make_tracks(start_s + n, [Sighting(1, 0.5, 0.5, first_seen_s=0.0)]))]
    assert said[0].started_at_s == start_s + 25
    assert not rule.update(Tracks.empty("gate", utc_s("2026-11-20T12:00")))[1:]


def test_time_zones() -> None:
    assert site_timezone("") is None
    assert site_timezone("Europe/Berlin") == BERLIN
    for wrong in ("Berlin", "Europe/", "../etc/passwd", "Mars/Olympus"):
        with pytest.raises(ConfigError, match="expected a time zone such as Europe/Berlin") as caught:
            site_timezone(wrong)
        assert caught.value.problems[0].field == "timezone"
