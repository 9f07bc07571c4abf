from __future__ import annotations

import ctypes

import pytest

from panops.ingest.memory import FreedMemory
from tests.unit.ingest.fakes import FakeClock


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="this C library has no malloc_trim")
def test_it_is_done_now_and_then() -> None:
    clock, freed = FakeClock(), FreedMemory(spacing_s=30.0)
    assert freed.give_back(clock)
    assert not freed.give_back(clock)
    clock.advance(31.0)
    assert freed.give_back(clock)


def test_without_the_function_nothing_is_done() -> None:
    freed = FreedMemory()
    freed._trim = None
    assert not freed.give_back(FakeClock())
