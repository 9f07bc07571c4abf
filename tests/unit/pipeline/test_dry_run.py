"""Looks that were kept and are replayed give the very events that they gave live."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from panops.config.schedule import site_timezone
from panops.config.schema import SiteConfig
from panops.domain.errors import ConfigError
from panops.domain.events import Event
from panops.domain.tracks import Tracks, TrackState
from panops.pipeline.dry_run import DryRun, DryRunResult, DryRunStoppedError
from panops.pipeline.look_keeper import LookKeeper, LookLog
from panops.rules.build import build_rules
from panops.rules.engine import RuleEngine
from panops.storage.look_shelf import LookShelf
from panops.testing.fake_clock import FakeClock
from panops.testing.rule_conformance import Sighting, make_tracks

CLASSES = ("person", "car", "backpack")
SIZE = (640, 360)
BEGAN_S = 1_800_000_000.0
CAMERA = {
    "source": "sim://gate",
    "zones": {"fence": {"polygon": [[0.2, 0.2], [0.8, 0.2], [0.8, 0.9], [0.2, 0.9]]}},
    "lines": {"door": {"points": [[0.5, 0.0], [0.5, 1.0]]}},
    "ground": {"points": [[0, 1], [1, 1], [1, 0.2], [0, 0.2]], "metres": [[0, 0], [10, 0], [10, 20], [0, 20]]},
}
RULES: list[dict[str, Any]] = [
    {"id": "in", "kind": "intrusion", "zone": "fence"},
    {"id": "over", "kind": "line_crossing", "line": "door", "classes": ["any"]},
    {"id": "long", "kind": "loitering", "zone": "fence", "after_s": 5},
    {"id": "many", "kind": "occupancy", "zone": "fence", "limit": 1, "after_s": 1},
    {"id": "few", "kind": "occupancy", "when": "below", "limit": 1, "after_s": 4},
    {"id": "wrong", "kind": "direction", "heading_deg": 0, "when": "other"},
    {"id": "crush", "kind": "crowding", "count": 2, "distance": 2, "after_s": 1},
    {"id": "left", "kind": "object_left", "after_s": 2, "classes": ["backpack"]},
    {"id": "gone", "kind": "object_removed", "known_s": 2, "after_s": 2, "classes": ["backpack"]},
    {"id": "fast", "kind": "speed", "limit_kmh": 1, "classes": ["any"]},
    {"id": "close", "kind": "tailgating", "line": "door"},
    {"id": "nobody", "kind": "absence", "zone": "fence", "after_s": 3},
    {"id": "visit", "kind": "dwell", "zone": "fence", "cooldown_s": 2},
    {"id": "both", "kind": "combined", "of": ["in", "over"], "cameras": []},
    {"id": "night", "kind": "intrusion", "schedule": [{"start": "07:59", "end": "08:01"}]},
]


def site_of(rules: Sequence[dict[str, Any]] = RULES) -> SiteConfig:
    return SiteConfig.model_validate({"cameras": {"gate": CAMERA}, "rules": list(rules), "timezone": "UTC"})


@st.composite
def lives(draw: st.DrawFn) -> list[list[Tracks]]:
    """Lives of a camera's rules, each some minutes of looks with people, cars and bags that walk, stand, are missed and vanish."""
    time_s = BEGAN_S + draw(st.floats(0, 1))
    made = []
    for _ in range(draw(st.integers(1, 3))):
        actors = [
            (draw(st.floats(0, 1)), draw(st.floats(0.2, 1)), draw(st.floats(-0.1, 0.1)), draw(st.integers(0, 2)), draw(st.integers(0, 60)))
            for _ in range(draw(st.integers(0, 4)))
        ]
        missing = draw(st.integers(2, 9))
        looks = []
        for number in range(draw(st.integers(1, 90))):
            time_s += draw(st.sampled_from([0.2, 0.2, 0.2, 0.21, 0.3, 0.7])) if number % 30 else draw(st.floats(0.05, 12))
            sightings = [
                Sighting(
                    track_id=100 * len(made) + index + 1,
                    x=min(1.0, abs(math.sin(x + pace * number * 0.3))),
                    y=y,
                    score=0.5 + 0.4 * abs(math.sin(number + index)),
                    class_id=class_id,
                    state=TrackState.LOST if (number + index) % missing == 0 else TrackState.CONFIRMED,
                    first_seen_s=BEGAN_S,
                )
                for index, (x, y, pace, class_id, comes) in enumerate(actors)
                if number >= comes
            ]
            looks.append(make_tracks(time_s, sightings, SIZE))
        made.append(looks)
        time_s += draw(st.floats(0.5, 30))
    return made


def live(site: SiteConfig, made: Sequence[Sequence[Tracks]], log: LookLog, shelf: LookShelf) -> list[Event]:
    """What the rules of the site say, and the log that they leave."""
    events: dict[str, Event] = {}
    sequence = 0
    for looks in made:
        engine = RuleEngine("gate", build_rules(site, "gate", CLASSES, SIZE, site_timezone("UTC")), 0, sequence)
        for number, tracks in enumerate(looks):
            events.update({event.event_id: event for event in engine.update(tracks)})
            log.note(tracks, SIZE)
            if number % 13 == (len(looks) - 1) % 13:  # now and then right before an end
                log.write(shelf, 0.0, everything=True)
        events.update({event.event_id: event for event in engine.finish(looks[-1].time_s)})
        log.end()
        sequence = engine.next_sequence
    return sorted(events.values(), key=lambda event: (event.incident.started_at_s, event.incident.key, event.incident.updated_at_s))


def dry(site: SiteConfig, rule_id: str, shelf: LookShelf, **more: Any) -> DryRunResult:
    rule = next(one for one in site.rules if one.id == rule_id)
    return DryRun(site, rule, shelf, FakeClock(), threading.Event(), **more).run(["gate"], BEGAN_S - 5, BEGAN_S + 3595)


def facts(event: Event) -> tuple[object, ...]:
    """All of an event but its number, which other rules' events have a share in."""
    return (event.camera_id, event.rule_id, event.severity, event.incident)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(made=lives())
def test_a_replay_gives_the_events_that_the_same_looks_gave_live(
    made: list[list[Tracks]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    shelf = LookShelf(tmp_path_factory.mktemp("looks"))
    log = LookLog("gate", "1", CLASSES, None)
    site = site_of()
    events = live(site, made, log, shelf)
    log.write(shelf, 0.0, everything=True)
    for rule in RULES:
        replayed = dry(site, rule["id"], shelf)
        assert replayed.complete
        wanted = [facts(event) for event in events if event.rule_id == rule["id"]]
        got = sorted(
            (one.event for one in replayed.events),
            key=lambda event: (event.incident.started_at_s, event.incident.key, event.incident.updated_at_s),
        )
        assert [facts(event) for event in got] == wanted, rule
        assert (replayed.total, sum(replayed.per_hour)) == (len(wanted), len(wanted))


def walk(seconds: float, began_s: float = BEGAN_S) -> list[Tracks]:
    """Somebody walks from left to right in eight seconds, again and again, and is away for four in between."""
    looks = []
    for number in range(round(seconds * 5)):
        since_s = (number / 5) % 12
        seen = [Sighting(1 + int(number / 60), 0.05 + since_s / 9, 0.8)] if since_s < 8 else []
        looks.append(make_tracks(began_s + number / 5, seen, SIZE))
    return looks


@pytest.fixture
def shelf(tmp_path: Path) -> LookShelf:
    return LookShelf(tmp_path / "looks")


def kept(shelf: LookShelf, looks: Sequence[Tracks], followed: frozenset[str] | None = None) -> None:
    log = LookLog("gate", "7", CLASSES, followed)
    for number, tracks in enumerate(looks):
        log.note(tracks, SIZE)
        if number % 1000 == 999:
            log.write(shelf, 0.0, everything=True)
    log.write(shelf, 0.0, everything=True)


def test_what_would_have_been_is_counted_by_hours_and_shown_with_boxes(shelf: LookShelf) -> None:
    kept(shelf, walk(3600))
    rule = site_of().rules[0]
    site = site_of([])
    result = DryRun(site, rule, shelf, FakeClock(), threading.Event()).run(["gate"], BEGAN_S - 1800, BEGAN_S + 3600)
    assert result.total == 300
    assert sum(result.per_hour) == 300
    assert result.per_hour[0] == 150
    assert len(result.events) == 300
    newest = result.events[0]
    assert newest.event.incident.started_at_s > result.events[-1].event.incident.started_at_s
    (track_id, name, score, (left, top, right, bottom)) = newest.boxes[0]
    assert (track_id, name) == (newest.event.incident.track_ids[0], "person")
    assert 0 <= left < right <= 1
    assert 0 <= top < bottom <= 1
    assert score == pytest.approx(0.8, abs=0.01)
    assert result.cameras[0].looks == 18_000
    assert result.cameras[0].from_s == BEGAN_S


def test_a_rule_that_is_off_or_silent_is_tried_all_the_same(shelf: LookShelf) -> None:
    kept(shelf, walk(60))
    site = site_of([{**RULES[0], "enabled": False, "silent": True}])
    assert dry(site, "in", shelf).total == 5


def test_what_was_not_followed_is_said(shelf: LookShelf) -> None:
    kept(shelf, walk(60), followed=frozenset({"person"}))
    site = site_of([{"id": "cars", "kind": "intrusion", "classes": ["person", "car", "dog"]}])
    notes = dry(site, "cars", shelf).cameras[0].notes
    assert any("car was not followed" in note for note in notes)
    assert any("no class 'dog'" in note for note in notes)
    assert dry(site_of([{"id": "a", "kind": "dwell", "classes": ["any"]}]), "a", shelf).cameras[0].notes == [
        "only person were followed: the rules of then asked for nothing else"
    ]


def test_a_time_of_which_nothing_is_kept_is_said(shelf: LookShelf) -> None:
    result = dry(site_of(), "in", shelf)
    assert (result.total, result.cameras[0].looks) == (0, 0)
    assert "nothing is kept of this time" in result.cameras[0].notes[0]


def test_who_was_there_before_the_beginning_counts(shelf: LookShelf) -> None:
    standing = [make_tracks(BEGAN_S + number / 5, [Sighting(1, 0.5, 0.8)], SIZE) for number in range(500)]
    kept(shelf, standing)
    rule = next(one for one in site_of().rules if one.id == "long")
    result = DryRun(site_of(), rule, shelf, FakeClock(), threading.Event()).run(["gate"], BEGAN_S + 60, BEGAN_S + 100)
    (one,) = result.events
    assert one.event.incident.started_at_s == pytest.approx(BEGAN_S)
    assert one.event.incident.ended_at_s is None
    assert result.cameras[0].looks == 200


def test_it_ends_when_nobody_waits_and_when_it_takes_too_long(shelf: LookShelf) -> None:
    kept(shelf, walk(120))
    site, stop = site_of(), threading.Event()
    result = DryRun(site, site.rules[0], shelf, FakeClock(), stop, patience_s=0.0).run(["gate"], BEGAN_S, BEGAN_S + 120)
    assert not result.complete
    assert result.cameras[0].looks < 100
    stop.set()
    with pytest.raises(DryRunStoppedError):
        DryRun(site, site.rules[0], shelf, FakeClock(), stop).run(["gate"], BEGAN_S, BEGAN_S + 120)


def test_a_rule_that_does_not_fit_is_refused(shelf: LookShelf) -> None:
    rule = site_of().rules[0].model_copy(update={"zone": "roof"})
    with pytest.raises(ConfigError):
        DryRun(site_of([]), rule, shelf, FakeClock(), threading.Event())


def test_a_keeper_writes_what_is_followed_soon_and_empty_looks_once_a_minute(tmp_path: Path) -> None:
    clock = FakeClock()
    told: list[str] = []
    keeper = LookKeeper(tmp_path / "looks", clock, told.append)
    assert keeper.log("gate", {"epoch": 3}, CLASSES, None) is None, "nothing is to be kept"
    log = keeper.log("gate", {"epoch": 3, "looks_hours": 1}, CLASSES, None)
    assert log is not None
    shelf = LookShelf(tmp_path / "looks")

    def stored() -> int:
        return sum(isinstance(look, Tracks) for look in shelf.read("gate", 0))

    log.note(Tracks.empty("gate", clock.utc_s()), SIZE)
    keeper.step()
    assert stored() == 1, "the first at once"
    log.note(Tracks.empty("gate", clock.utc_s() + 1), SIZE)
    clock.now_s += 30
    keeper.step()
    assert stored() == 1
    log.note(make_tracks(clock.utc_s(), [Sighting(1, 0.5, 0.5)]), SIZE)
    keeper.step()
    assert stored() == 3
    log.note(Tracks.empty("gate", clock.utc_s() + 1), SIZE)
    keeper.remove("gate")
    keeper.step()
    assert stored() == 4, "what waits of a camera that ends"
    assert told == []


def test_a_disk_that_does_not_work_costs_nothing_that_memory_can_hold(tmp_path: Path) -> None:
    (tmp_path / "looks").write_text("no folder")
    clock, told = FakeClock(), []
    keeper = LookKeeper(tmp_path / "looks", clock, told.append)
    log = keeper.log("gate", {"epoch": 3, "looks_hours": 1}, CLASSES, None)
    assert log is not None
    looks = walk(20, clock.utc_s())
    for tracks in looks[:60]:
        log.note(tracks, SIZE)
    keeper.step()
    keeper.step()
    assert len(told) == 1
    assert "cannot be kept for dry runs" in told[0]
    (tmp_path / "looks").unlink()
    for tracks in looks[60:]:
        log.note(tracks, SIZE)
    keeper.step()
    assert told[1:] == [""]
    read = [look for look in LookShelf(tmp_path / "looks").read("gate", 0) if isinstance(look, Tracks)]
    assert [look.time_s for look in read] == [look.time_s for look in looks]
    for _ in range(3):
        for tracks in walk(900, clock.utc_s() + 100):
            log.note(tracks, SIZE)
    assert log.lost > 0, "memory is bounded"


def test_what_is_no_longer_to_be_kept_goes_also_when_nothing_new_comes(tmp_path: Path) -> None:
    clock = FakeClock()
    keeper = LookKeeper(tmp_path / "looks", clock)
    log = keeper.log("gate", {"epoch": 3, "looks_hours": 1}, CLASSES, None)
    assert log is not None
    log.note(walk(1, clock.utc_s())[0], SIZE)
    keeper.step()
    keeper.remove("gate")
    clock.now_s += 3600
    keeper.step()
    assert len(list((tmp_path / "looks").rglob("*.looks"))) == 1
    clock.now_s += 1300
    keeper.step()
    assert list((tmp_path / "looks").iterdir()) == []


def test_old_files_go_and_a_block_that_was_cut_off_is_left_out(shelf: LookShelf) -> None:
    log = LookLog("gate", "7", CLASSES, None)
    for part in range(3):
        for tracks in walk(60, BEGAN_S + 700 * part):
            log.note(tracks, SIZE)
        log.write(shelf, 0.0, everything=True)
    files = sorted(shelf.folder.rglob("*.looks"))
    assert len(files) == 3
    size = files[2].stat().st_size
    with files[2].open("r+b") as file:
        file.truncate(size - 7)
    files[1].write_bytes(b"something else")
    assert len([look for look in shelf.read("gate", 0) if isinstance(look, Tracks)]) == 300
    shelf.prune(BEGAN_S + 1000)
    assert len(list(shelf.folder.rglob("*.looks"))) == 3
    shelf.prune(BEGAN_S + 1300)
    assert len(list(shelf.folder.rglob("*.looks"))) == 2
    shelf.prune(BEGAN_S + 3000)
    assert list(shelf.folder.iterdir()) == []
