"""From a search to a page that somebody reads who buys a machine."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from panops.bench.capacity import CapacityCurve, CapacitySettings, Run, find_capacity
from panops.bench.capacity_advice import advice, headline
from panops.bench.capacity_charts import Measured, capacity_chart, chosen
from panops.bench.capacity_page import capacity_page
from panops.bench.film_shelf import Film
from panops.bench.measure import LoadSettings
from panops.bench.tally import RunTally, Surroundings
from panops.bench.verdict import judge
from panops.domain.errors import PanopsError
from tests.unit.bench.tallies import SHAPE, film, latency, run

LOAD = LoadSettings(4, SHAPE, seconds=15.0)


def curve(limit: int = 40, name: str = "panops", activity: float | None = 0.25, most: int = 400, others: float = 0.0) -> CapacityCurve:
    """A machine that carries so many cameras."""

    def measure(load: LoadSettings, films: Sequence[Film]) -> RunTally:
        assert films
        told = run(load.cameras, 1.0 if load.cameras <= limit else 0.8)
        return replace(told, name=name, seconds=load.seconds, surroundings=Surroundings(2, 0.01, 0.02, others))

    films = [film("yard", activity if activity is not None else 0.37), film("room", activity if activity is not None else 0.37)]
    return find_capacity(name, activity, films, CapacitySettings(LOAD, 60.0, most), measure)


class Tags(HTMLParser):
    """Whether every element is closed, and what the page fetches."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.fetched: list[str] = []
        self.text: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_startendtag(tag, attrs)
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.fetched += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_a_limit_is_found_and_confirmed() -> None:
    told: list[Run] = []
    found = curve(40)
    assert 37 <= found.limit.cameras <= 40
    assert found.limit.confirmed is not None
    assert found.limit.confirmed.tally.seconds == 60.0
    assert {one.tally.seconds for _, one in found.limit.runs if not one.confirms} == {15.0}
    find_capacity("panops", 0.0, [film()], CapacitySettings(LOAD, 60.0, 8), lambda load, _: run(load.cameras), told.append)
    assert [len(one.tally.cameras) for one in told] == [4, 8, 8]


def test_a_run_that_fails_is_one_that_does_not_hold() -> None:
    def measure(load: LoadSettings, _: Sequence[Film]) -> RunTally:
        if load.cameras > 10:
            raise PanopsError("panops does not answer")
        return run(load.cameras)

    found = find_capacity("panops", 0.25, [film()], CapacitySettings(LOAD, 60.0, 400), measure)
    assert found.limit.cameras == 10
    failed = [one for _, one in found.limit.runs if one.failed]
    assert failed
    assert all(one.verdict.words == "not held: the run failed: panops does not answer" for one in failed)
    record = json.loads(json.dumps(found.record(), allow_nan=False))
    assert {row.get("why") for row in record["runs"]} == {None, "not held: the run failed: panops does not answer"}
    page = capacity_page([found], {})
    Tags(page)
    assert "nan" not in page.split("Every run")[1]


def test_where_every_run_fails_nothing_was_measured() -> None:
    def measure(load: LoadSettings, _: Sequence[Film]) -> RunTally:
        raise PanopsError("no port is free")

    with pytest.raises(PanopsError, match=r"panops could not be measured.*no port is free"):
        find_capacity("panops", 0.25, [film()], CapacitySettings(LOAD, 60.0, 400), measure)


def test_its_record_is_json() -> None:
    record = json.loads(json.dumps(curve(40).record(), allow_nan=False))
    assert 37 <= record["limit"]["cameras"] <= 40
    assert record["confirmed_by"]["held"] is True
    assert record["films"][0] == {"name": "yard", "moved_share": 0.25, "detector_share": 0.35, "kbps": 350.0}
    assert {row["held"] for row in record["runs"]} == {True, False}
    assert curve(0).record()["confirmed_by"] is None


def test_the_page_stands_alone_and_says_the_limits() -> None:
    curves = [curve(90, activity=0.0), curve(40), curve(24, activity=0.5), curve(9, "loop, 1 thread a session")]
    facts = {"processor": "<Some & processor>", "cpu_flags": ["avx2"], "settings": {"cameras": 4}}
    page = capacity_page(curves, facts)
    tags = Tags(page)
    assert (tags.open, tags.fetched) == ([], [])
    assert "<script" not in page
    assert "url(" not in page
    text = " ".join(tags.text)
    for one in curves:
        assert f"{one.limit.cameras} cameras" in text
    assert "<Some & processor>" in text
    assert "The machine was not free" not in text
    assert page.count('class="limit') == 4 * len(curves)
    assert page.count("<svg") == 4


def test_what_a_buyer_is_told() -> None:
    ours, peer = [curve(40), curve(24, activity=0.5)], curve(9, "loop, 1 thread a session")
    told = " ".join(advice([*ours, peer]))
    assert f"Plan with about {int(ours[1].limit.cameras * 0.75)} cameras where 50 % of the checks move" in told
    assert f"{peer.limit.cameras} of the same cameras" in told
    assert "within" in told
    assert headline([ours[0]]) == (
        f"Of 640x360 H.264 cameras at 5 pictures a second, 5 of them checked: panops, 25 % busy: {ours[0].limit.cameras} cameras held."
    )


def test_sleep_is_told_wherever_a_limit_is() -> None:
    slept = replace(curve(8, most=8), name="panops")
    (count, first), *more = slept.limit.runs
    tally = replace(first.tally, asleep=5.6, relief=0.3, woken_latency=latency(1.8), woken_event_latency=latency(1.9))
    told = Run(tally, judge(tally, 5.0), confirms=True)
    slept = replace(slept, limit=replace(slept.limit, confirmed=told, runs=((count, told), *more)))
    assert "8 cameras held (6 of them asleep on their keyframes on average, relief up to 30 %)" in headline([slept])
    words = " ".join(advice([slept]))
    assert "an alarm of a camera that was awake" in words
    assert "up to the time between two keyframes, here 2 s" in words
    assert "1 such alarms were stored within" in words
    assert (told.record()["asleep"], told.record()["relief"]) == (5.6, 0.3)
    assert told.record()["woken_check_p95_ms"] > 1500
    page = capacity_page([slept], {})
    assert "<td>5.6</td><td>30 %</td>" in page


def test_the_activity_that_the_films_reached_is_told() -> None:
    found = curve(20)
    found = replace(found, films=[film("yard", 0.31)])
    assert "25 % busy (31 % reached)" in headline([found])
    assert "25 % of the checks move (31 % reached)" in " ".join(advice([found]))
    assert found.record()["moved_share"] == 0.31


def test_a_limit_that_was_not_reached_is_no_limit() -> None:
    found = curve(400, most=50)
    assert "at least 50 cameras held" in headline([found])
    assert not any("Plan with" in words for words in advice([found]))
    assert any("all 50 that were tried" in words for words in advice([found]))


def test_nothing_is_held() -> None:
    page = capacity_page([curve(0)], {})
    assert "not even one was held" in page
    Tags(page)


def test_own_recordings_have_the_share_that_they_have() -> None:
    assert "37 % of the checks of your recordings move" in " ".join(advice([curve(20, activity=None)]))


def test_a_busy_machine_is_told() -> None:
    assert "others used up to 0.8 of its 2 cores" in capacity_page([curve(20, others=0.8)], {})


@pytest.mark.parametrize("of", [lambda _: float("nan"), lambda _: 0.0, lambda one: one.tally.all_cores])
def test_charts_of_anything(of: object) -> None:
    chart = capacity_chart([curve(20), curve(0)], Measured("x", "y", of, (2.0, "all")))  # type: ignore[arg-type]
    numbers = [float(value) for pair in re.findall(r'points="([^"]+)"', chart) for value in re.split("[ ,]", pair)]
    assert all(0 <= value <= 420 for value in numbers)
    assert "nan" not in chart


def test_a_line_goes_through_what_held() -> None:
    def made(count: int, share: float) -> tuple[int, Run]:
        tally = run(count, share)
        return count, Run(tally, judge(tally, 5.0), confirms=False)

    rows = [made(8, 0.5), made(4, 1.0), made(8, 1.0), made(16, 0.5), made(16, 0.6)]
    assert chosen(rows) == [rows[1], rows[2], rows[4]]
