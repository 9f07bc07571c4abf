from __future__ import annotations

import numpy as np
import pytest

from panops.simulation.people import WORKERS
from panops.simulation.scenery import SIGNAL_S
from panops.simulation.script import LONGEST_S, Actor, Script
from panops.simulation.sites import SCENES, site


def everybody(script: Script, seconds: int, start: int = 0) -> dict[int, Actor]:
    return {actor.track_id: actor for time in range(start, start + seconds) for actor, _ in script.present(time + 0.01)}


@pytest.mark.parametrize("name", SCENES)
def test_any_moment_is_the_same_without_those_before_it(name: str) -> None:
    script = Script(site(name), 5, 6.0)
    forward = [[(actor.track_id, where) for actor, where in script.present(time / 3)] for time in range(900)]
    late = Script(site(name), 5, 6.0)
    backward = [[(actor.track_id, where) for actor, where in late.present(time / 3)] for time in reversed(range(900))][::-1]
    assert forward == backward


@pytest.mark.parametrize("activity", [0.5, 2.0, 8.0])
def test_about_as_many_come_as_asked_for(activity: float) -> None:
    minutes = 60
    script = Script(site("yard"), 1, activity)
    actors = [
        actor
        for actor in everybody(script, minutes * 60).values()
        if 0 <= actor.start_s < minutes * 60 and actor.kind not in ("cat", "bird")
    ]
    assert len(actors) == pytest.approx(activity * minutes, abs=3.5 * (activity * minutes) ** 0.5 + 1)


def test_no_activity_is_nobody() -> None:
    assert everybody(Script(site("gate"), 1, 0.0), 300) == {}


@pytest.mark.parametrize("name", SCENES)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_whoever_opens_the_demo_sees_somebody_soon(name: str, seed: int) -> None:
    early = [actor for actor in everybody(Script(site(name), seed, 1.0), 25).values() if actor.kind == "person"]
    assert early


@pytest.mark.parametrize("name", SCENES)
def test_ids_are_unique_and_nobody_jumps(name: str) -> None:
    script = Script(site(name), 2, 10.0)
    last: dict[int, tuple[float, float, float]] = {}
    for tick in range(2400):
        time = tick / 10
        present = script.present(time)
        assert len({actor.track_id for actor, _ in present}) == len(present)
        for actor, where in present:
            assert actor.track_id > 0
            assert time - actor.start_s <= LONGEST_S
            if actor.track_id in last and time - last[actor.track_id][2] < 0.11:
                x, z, _ = last[actor.track_id]
                assert np.hypot(where.x - x, where.z - z) < 1.6  # 7 m/s, and the rounding of bends
            last[actor.track_id] = (where.x, where.z, time)


def test_some_stand_for_a_while() -> None:
    script = Script(site("yard"), 3, 8.0)
    standing = [
        actor.track_id for time in range(600) for actor, where in script.present(time) if actor.kind == "person" and not where.moving
    ]
    assert max(np.unique(standing, return_counts=True)[1]) >= 8


def test_vehicles_on_one_lane_do_not_meet() -> None:
    script = Script(site("street"), 4, 20.0)
    for tick in range(6000):
        places: dict[float, list[float]] = {}
        for actor, where in script.present(tick / 5):
            if actor.kind == "vehicle":
                places.setdefault(round(float(actor.path[0, 0]), 1), []).append(where.z)
        for lane in places.values():
            gaps = np.diff(sorted(lane))
            assert (gaps > 5.0).all(), (tick, lane)


def test_nobody_walks_over_the_crossing_while_cars_do() -> None:
    script = Script(site("street"), 4, 20.0)
    for tick in range(9000):
        phase = tick / 10 % SIGNAL_S
        for actor, where in script.present(tick / 10):
            crossing = 1.0 < where.x < 10.6 and 12.4 < where.z < 15.6
            if crossing and actor.kind == "person" and where.moving:
                assert phase > 17.5 or phase < 2.5, (tick, phase)
            if crossing and actor.kind == "vehicle":
                assert phase < 20.5, (tick, phase)


def test_workers_change_who_comes_and_nothing_else() -> None:
    nobody, some, all_of_them = (everybody(Script(site("street"), 6, 12.0, workers), 120) for workers in (0.0, 0.5, 1.0))
    assert list(nobody) == list(some) == list(all_of_them)

    def dressed(actors: dict[int, Actor]) -> set[int]:
        return {number for number, actor in actors.items() if actor.look >= WORKERS}

    walkers = {number for number, actor in nobody.items() if actor.kind == "person"}
    assert dressed(nobody) == set()
    assert dressed(all_of_them) == walkers
    assert set() < dressed(some) < walkers
    for number, actor in some.items():
        assert (actor.start_s, actor.end_s, actor.look % WORKERS) == (nobody[number].start_s, nobody[number].end_s, nobody[number].look)
