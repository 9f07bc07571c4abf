"""The search for the limit: right for every limit, through noise, and cheap."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from panops.bench.search import RESOLUTION, Limit, find_limit


@dataclass(frozen=True)
class Ran:
    cameras: int
    confirms: bool
    held: bool


def machine(limit: int, *, long_limit: int | None = None, disturbed: Callable[[int], bool] = lambda _: False) -> Callable[[int, bool], Ran]:
    """A machine that holds `limit` cameras in short runs and `long_limit` in long ones; `disturbed` tells of each run by its number."""
    made = 0

    def run(cameras: int, confirms: bool) -> Ran:
        nonlocal made
        made += 1
        enough = (limit if long_limit is None else long_limit) if confirms else limit
        return Ran(cameras, confirms, cameras <= enough and not disturbed(made))

    return run


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 7, 12, 13, 31, 60, 64, 130, 199, 200])
def test_it_finds_every_limit(limit: int) -> None:
    found = find_limit(machine(limit), first=4, most=200)
    assert limit - max(1, round(RESOLUTION * limit)) <= found.cameras <= limit
    assert found.confirmed is not None
    assert found.confirmed.confirms
    assert found.confirmed.cameras == found.cameras
    assert len(found.runs) <= 22


def test_no_camera_at_all() -> None:
    assert find_limit(machine(0), first=8) == Limit(0, None, find_limit(machine(0), first=8).runs)


def test_no_more_than_was_allowed() -> None:
    found = find_limit(machine(1000), first=4, most=50)
    assert (found.cameras, found.reached_the_end) == (50, True)
    assert max(count for count, _ in found.runs) == 50
    assert not find_limit(machine(49), first=4, most=50).reached_the_end


def test_what_only_short_runs_hold_is_not_the_limit() -> None:
    found = find_limit(machine(40, long_limit=33), first=4, most=200)
    assert 29 <= found.cameras <= 33
    assert found.confirmed is not None
    assert [ran.held for _, ran in found.runs if ran.confirms][-1]
    # What never holds for long is not told as a limit, however often it held for short.
    never = find_limit(machine(40, long_limit=0), first=4, most=200)
    assert (never.cameras, never.confirmed) == (0, None)


@pytest.mark.parametrize("long_limit", [1, 2, 3, 7, 10, 19, 25])
def test_it_goes_down_until_something_is_confirmed(long_limit: int) -> None:
    found = find_limit(machine(40, long_limit=long_limit), first=4, most=200)
    assert 0.8 * long_limit - 1 <= found.cameras <= long_limit
    assert found.cameras >= 1
    assert found.confirmed is not None
    assert (found.confirmed.cameras, found.confirmed.confirms, found.confirmed.held) == (found.cameras, True, True)
    assert sum(ran.confirms for _, ran in found.runs) <= 18


def test_single_disturbances_cost_time_and_not_the_result() -> None:
    for disturbed in range(1, 15):
        found = find_limit(machine(50, disturbed=lambda number, at=disturbed: number == at), first=4, most=200)
        assert 46 <= found.cameras <= 50, f"run {disturbed} was disturbed"


def test_much_noise() -> None:
    random = np.random.default_rng(3)
    found = [find_limit(machine(60, disturbed=lambda _: bool(random.random() < 0.1)), first=4, most=400).cameras for _ in range(60)]
    assert max(found) <= 60
    assert float(np.mean([count >= 50 for count in found])) > 0.75


@pytest.mark.parametrize(("first", "most"), [(0, 5), (6, 5)])
def test_wrong_questions(first: int, most: int) -> None:
    with pytest.raises(ValueError, match="expected 1 <= first <= most"):
        find_limit(machine(5), first, most)
