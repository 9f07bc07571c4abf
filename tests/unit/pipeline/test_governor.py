"""What is given up under load: in the stated order, never the floor, and without swinging."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panops.pipeline.gop_tail import FLOOR_S
from panops.pipeline.governor import Governor, MachineLoad, Reading

CALM, BUSY = Reading(0.0, 0.0, 0.3), Reading(0.5, 0.5, 1.0)
NAMES = [f"camera-{number}" for number in range(200)]


def pressed(seconds: float, reading: Reading = BUSY) -> Governor:
    governor = Governor()
    for _ in range(int(seconds)):
        governor.step(reading, 1.0)
    return governor


def test_nothing_is_given_up_while_there_is_room() -> None:
    governor = pressed(600, CALM)
    assert (governor.relief, governor.background, governor.words) == (0.0, True, "")
    assert not any(governor.may_sleep(name) for name in NAMES)
    assert not any(governor.only_floor(name) for name in NAMES)
    assert governor.check_fps(5.0) == 5.0


def test_the_order_of_giving_up() -> None:
    """Background first, then idle cameras' rate, then the check rate, decoding last; nothing later while an earlier step is not used up."""
    governor, reached = Governor(), []
    for _ in range(60):
        governor.step(BUSY, 0.2)
        steps = {
            "background": not governor.background,
            "all may sleep": all(governor.may_sleep(name) for name in NAMES),
            "checks": governor.check_fps(5.0) < 4.99,
            "checks at floor": governor.check_fps(5.0) <= 1.0 / FLOOR_S + 1e-9,
            "decoding": any(governor.only_floor(name) for name in NAMES),
        }
        reached += [step for step, taken in steps.items() if taken and step not in reached]
    assert reached == ["background", "all may sleep", "checks", "checks at floor", "decoding"]
    assert governor.relief == 1.0
    assert all(governor.only_floor(name) for name in NAMES)


@given(st.lists(st.tuples(st.floats(0, 5), st.floats(0, 5), st.floats(0, 1), st.floats(0.1, 10)), max_size=60), st.floats(0.2, 30))
def test_the_floor_is_never_given_up(steps: list[tuple[float, float, float, float]], wanted_fps: float) -> None:
    governor = Governor()
    for decode_s, analysis_s, machine, elapsed_s in steps:
        governor.step(Reading(decode_s, analysis_s, machine), elapsed_s)
    assert 0.0 <= governor.relief <= 1.0
    assert min(wanted_fps, 1.0 / FLOOR_S) - 1e-9 <= governor.check_fps(wanted_fps) <= wanted_fps + 1e-9


def test_a_machine_filled_by_others_only_puts_cameras_to_sleep() -> None:
    governor = pressed(600, Reading(0.0, 0.0, 1.0))
    assert all(governor.may_sleep(name) for name in NAMES)
    assert governor.check_fps(5.0) == 5.0
    assert not any(governor.only_floor(name) for name in NAMES)


def test_a_moment_of_waiting_on_a_machine_that_others_fill_is_made_up_for() -> None:
    governor = pressed(10)
    assert governor.relief == 1.0
    for second in range(200):
        governor.step(Reading(0.12 if second % 40 == 0 else 0.02, 0.02, 1.0), 1.0)
    assert all(governor.may_sleep(name) for name in NAMES)
    assert governor.check_fps(5.0) > 4.5


def test_where_even_the_floor_is_too_much_keyframes_are_left_until_it_is_in_hand_again() -> None:
    governor = pressed(60, Reading(0.25, 0.1, 1.0))  # full relief, and it helps: waits are too long, but not out of hand
    assert (governor.relief, governor.drowned) == (1.0, False)
    governor.step(Reading(0.5, 0.1, 1.0), 1.0)
    assert governor.drowned
    assert governor.words == "background work waits, of all cameras only keyframes are looked at"
    for _ in range(14):
        governor.step(Reading(0.02, 0.02, 0.8), 1.0)
    assert governor.drowned  # a moment of calm is no end of it
    governor.step(Reading(0.02, 0.02, 0.8), 1.0)
    assert (governor.drowned, governor.relief) == (False, 1.0)  # and from there on step by step


def test_a_drowned_process_comes_out_though_some_waits_stay() -> None:
    governor = pressed(60, Reading(0.5, 0.1, 1.0))
    assert governor.drowned
    for _ in range(15):
        governor.step(Reading(0.06, 0.02, 0.4), 1.0)
    assert not governor.drowned
    for _ in range(60):
        governor.step(Reading(0.06, 0.02, 0.4), 1.0)
    assert (governor.relief, governor.words) == (0.0, "")


def test_without_a_reading_of_the_machine_waits_decide() -> None:
    assert pressed(30, Reading(0.5, 0.0)).relief == 1.0
    assert pressed(30, Reading(0.0, 0.05)).relief == 0.0


def test_relief_that_helps_settles() -> None:
    """A site whose work falls in proportion to the relief: after the climb it rests, sleeping cameras stay asleep."""
    governor, asleep, reliefs = Governor(), [], []
    for _ in range(900):
        load = 1.15 * (1.0 - 0.5 * min(1.0, governor.relief / 0.4))
        governor.step(Reading(0.2 * load, 0.1 * load, min(1.0, load)), 1.0)
        reliefs.append(governor.relief)
        asleep.append({name for name in NAMES if governor.may_sleep(name)})
    assert max(reliefs[100:]) - min(reliefs[100:]) < 0.1
    woken = sum(len(before - after) for before, after in pairwise(asleep[100:]))
    assert woken == 0


def work_left(governor: Governor) -> float:
    """Of a site's work, what is left at its relief: sleep saves a third, fewer checks most of the rest."""
    asleep = min(1.0, governor.relief / 0.4)
    return (1.0 - 0.35 * asleep) * (0.25 + 0.75 * governor.check_fps(5.0) / 5.0)


@pytest.mark.parametrize("demand", [1.2, 1.6, 2.5])
def test_it_settles_where_the_machine_is_well_used(demand: float) -> None:
    """After a bad start, in which all is given up, as much is taken up again as the machine can do; and it stays about there."""
    governor, uses, reliefs = pressed(10), [], []
    for _ in range(300):
        use = min(1.0, demand * work_left(governor))
        governor.step(Reading(0.1 * use**8, 0.1 * use**8, use), 1.0)
        uses.append(use)
        reliefs.append(governor.relief)
    assert min(uses[60:]) > 0.8
    assert max(uses[60:]) < 0.98
    assert max(reliefs[100:]) - min(reliefs[100:]) < 0.05


def test_words() -> None:
    assert pressed(2).words == "background work waits, 90 % of idle cameras may sleep"
    assert pressed(4).words.startswith("background work waits, idle cameras sleep, checks at ")
    crowded = Reading(0.25, 0.1, 1.0)
    assert pressed(4, crowded).words.startswith("background work waits, idle cameras sleep, checks at ")
    assert pressed(60, crowded).words == "background work waits, idle cameras sleep, one look a second, pictures are left out"


def test_the_machines_load(tmp_path: Path) -> None:
    stat = tmp_path / "stat"
    stat.write_text("cpu  100 50 100 700 50 0 0 0 0 0\ncpu0 1 1 1 1\n")
    load = MachineLoad(stat)
    stat.write_text("cpu  160 70 120 790 60 0 0 0 0 0\n")  # 200 ticks: 80 in use, 20 by processes that give way, 100 idle
    assert load.share() == pytest.approx(0.4)
    assert load.share() is None  # no time has passed
    stat.write_text("nonsense\n")
    assert load.share() is None
    assert MachineLoad(tmp_path / "missing").share() is None
