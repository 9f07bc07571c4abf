"""The end of a group of pictures that is left out: never so that two looks are further apart than the floor allows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panops.domain.packets import Packet
from panops.pipeline.gop_tail import FLOOR_S, GopTail

RATE_FPS = 10


def packet(number: int, keyframes: set[int]) -> Packet:
    return Packet(number / RATE_FPS, number / RATE_FPS, number in keyframes, 100, 0, None)


def looks(gops_s: list[float], told_s: float | None, tail: GopTail) -> tuple[list[float], int]:
    """A look at every picture that is decoded and is a second younger than the last look; and how many pictures were left out."""
    keyframes, at = {0}, 0
    for gop_s in gops_s:
        at += round(gop_s * RATE_FPS)
        keyframes.add(at)
    looked, left_out = [0.0], 0
    tail.holds(packet(0, keyframes), 0.0, told_s, replaying=False)
    for number in range(1, at + 1):
        one = packet(number, keyframes)
        if tail.holds(one, looked[-1], told_s, replaying=False):
            left_out += 1
        elif tail.begins or tail.broke or one.captured_at_s - looked[-1] >= 0.9 * FLOOR_S - 1e-6:
            looked.append(one.captured_at_s)  # where it broke, everything since the last look is decoded after all
    return looked, left_out


def wanted() -> GopTail:
    tail = GopTail()
    tail.wanted = True
    return tail


@given(st.lists(st.sampled_from([0.3, 0.5, 1.0, 2.0, 4.0, 12.0]), min_size=1, max_size=12), st.sampled_from([0.3, 1.0, 2.0, 4.0, None]))
def test_the_floor_holds_whatever_is_told_of_the_keyframes(gops_s: list[float], told_s: float | None) -> None:
    looked, _ = looks(gops_s, told_s, wanted())
    assert max(np.diff(looked), default=0.0) <= FLOOR_S + 0.5 + 1 / RATE_FPS + 1e-6


@pytest.mark.parametrize(("gop_s", "share"), [(1.0, 0.85), (2.0, 0.45), (4.0, 0.07)])
def test_what_is_saved(gop_s: float, share: float) -> None:
    looked, left_out = looks([gop_s] * 10, gop_s, wanted())
    assert left_out >= share * 9 * gop_s * RATE_FPS
    assert np.diff(looked).max() <= FLOOR_S + 0.15


def test_nothing_is_left_out_unasked_nor_while_looking_back() -> None:
    assert looks([2.0] * 5, 2.0, GopTail())[1] == 0
    tail = wanted()
    assert not any(tail.holds(packet(number, {0, 20}), number / RATE_FPS, 2.0, replaying=True) for number in range(40))


def test_of_keyframes_alone_those_that_waited_long_are_left_out_too() -> None:
    tail = GopTail()
    tail.wanted = tail.keyframes_only = True
    held = [tail.holds(packet(number, {0, 10, 20}), 0.0, 1.0, 0.6 if number == 10 else 0.1, replaying=False) for number in range(30)]
    assert [number for number, left_out in enumerate(held) if not left_out] == [0, 20]
    assert not tail.holds(packet(30, {30}), 0.0, 1.0, 9.0, replaying=True)


def test_a_camera_that_broke_the_floor_is_spared_for_a_minute() -> None:
    tail = wanted()
    looks([2.0, 12.0], 2.0, tail)
    keyframes = set(range(0, 2000, 20))
    spared = [tail.holds(packet(number, keyframes), number / RATE_FPS, 2.0, replaying=False) for number in range(140, 1500)]
    assert not any(spared[:400])
    assert any(spared[700:])


def test_when_keyframes_alone_are_over_the_group_is_not_made_up_for() -> None:
    tail = GopTail()
    tail.wanted = tail.keyframes_only = True
    for number in range(15):
        tail.holds(packet(number, {0}), 0.0, 2.0, replaying=False)
    tail.keyframes_only = False
    for number in range(15, 40):
        assert tail.holds(packet(number, {0}), 0.0, 2.0, replaying=False)
        assert not tail.broke
    assert not tail.holds(packet(40, {40}), 0.0, 2.0, replaying=False)
