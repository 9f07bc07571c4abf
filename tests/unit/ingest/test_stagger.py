from __future__ import annotations

import threading

import pytest

from panops.domain.clock import SystemClock
from panops.domain.errors import SourceUnreachable
from panops.ingest.stagger import OpenStagger
from tests.unit.ingest.fakes import FakeClock, FakeSource


def test_openings_keep_their_distance() -> None:
    clock = FakeClock()
    stagger = OpenStagger(clock, spacing_s=0.5)
    began_s, at_s = clock.now_s, []
    for _ in range(4):
        with stagger.turn(threading.Event()) as mine:
            assert mine
            at_s.append(clock.now_s - began_s)
    assert at_s == [0.0, 0.5, 1.0, 1.5]


def test_no_more_at_once_than_allowed_and_waiting_can_be_given_up() -> None:
    stagger = OpenStagger(SystemClock(), spacing_s=0.0, at_once=1)
    stop, got = threading.Event(), []

    def wait() -> None:
        with stagger.turn(stop) as mine:
            got.append(mine)

    with stagger.turn(threading.Event()) as mine:
        assert mine
        thread = threading.Thread(target=wait)
        thread.start()
        stop.set()
        thread.join(2.0)
    assert got == [False]
    with stagger.turn(threading.Event()) as mine:
        assert mine


def test_a_place_is_given_back_after_an_error() -> None:
    stagger = OpenStagger(SystemClock(), spacing_s=0.0, at_once=1)
    for _ in range(3):
        with pytest.raises(SourceUnreachable), stagger.turn(threading.Event()):
            FakeSource([], open_error=SourceUnreachable("x")).open()
