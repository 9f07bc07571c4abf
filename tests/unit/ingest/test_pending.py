from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from panops.ingest.pending import PendingPackets
from tests.unit.ingest.fakes import gops, packet


def test_gives_everything_once_in_order() -> None:
    pending = PendingPackets()
    packets = gops(2, 5)
    assert all(pending.append(item) for item in packets)
    assert pending.take() == packets
    assert pending.take() == []
    assert not pending.dropped


def test_gives_a_part_and_then_the_rest() -> None:
    pending = PendingPackets()
    packets = gops(2, 5)
    for item in packets:
        pending.append(item)
    assert pending.take(7) == packets[:7]
    assert pending.take(7) == packets[7:]
    assert pending.take(7) == []


def test_after_a_part_was_taken_an_overflow_goes_on_with_a_keyframe() -> None:
    pending = PendingPackets(max_packets=10)
    for item in gops(1, 8):
        pending.append(item)
    pending.take(3)
    for item in gops(1, 9, start_s=5.0):
        pending.append(item)
    assert [item.is_keyframe for item in pending.take(2)] == [True, False]
    assert pending.dropped == {"queue_full": 5}


def test_overflow_drops_the_oldest_whole_gops() -> None:
    pending = PendingPackets(max_packets=20)
    for item in gops(5, 6):
        pending.append(item)
    kept = pending.take()
    assert [item.is_keyframe for item in kept] == [number % 6 == 0 for number in range(18)]
    assert kept[-1].pts_s == 2.9
    assert pending.dropped == {"queue_full": 12}


def test_a_span_too_long_overflows_too() -> None:
    pending = PendingPackets(max_packets=1000, max_s=2.0)
    for item in gops(4, 10):
        pending.append(item)
    assert pending.take()[0].pts_s == 2.0


def test_a_gop_too_large_is_dropped_to_its_end() -> None:
    pending = PendingPackets(max_packets=10)
    taken = [pending.append(item) for item in gops(1, 25) + gops(1, 3, start_s=5.0)]
    assert taken == [True] * 10 + [False] * 15 + [True] * 3
    assert [item.pts_s for item in pending.take()] == [5.0, 5.1, 5.2]
    assert pending.dropped == {"queue_full": 25}


def test_a_connection_that_begins_in_the_middle_waits_for_its_keyframe() -> None:
    pending = PendingPackets()
    assert [pending.append(packet(0.1 * number, key=number == 2)) for number in range(4)] == [False, False, True, True]
    assert pending.append(packet(1.0, epoch=1)) is False
    assert pending.dropped == {"no_keyframe": 3}


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.floats(0.01, 2.0)), max_size=120), st.integers(1, 30), st.floats(0.5, 10))
def test_bounded_decodable_and_every_packet_accounted_for(drawn: list[tuple[bool, bool, float]], most: int, max_s: float) -> None:
    pending = PendingPackets(most, max_s)
    now_s, epoch, taken, decodable = 0.0, 0, 0, False
    for number, (key, cut, step_s) in enumerate(drawn):
        now_s += step_s
        epoch += cut and key
        pending.append(packet(now_s, key, epoch=epoch))
        assert len(pending) <= most
        if number % 7 == 0:
            batch = pending.take()
            decodable = decodable and bool(batch)
            assert not batch or batch[0].is_keyframe or taken > 0
            taken += len(batch)
    assert taken + len(pending) + sum(pending.dropped.values()) == len(drawn)


def test_catching_up_begins_with_the_newest_keyframe() -> None:
    pending = PendingPackets()
    for item in gops(3, 10):
        pending.append(replace(item, arrived_s=item.captured_at_s))
    assert pending.catch_up(-1.0) == 0  # nothing is that old
    assert pending.catch_up(0.5) == 20
    assert pending.dropped["late"] == 20
    assert pending.catch_up(99.0) == 0  # there is no newer keyframe to begin with
    assert [item.is_keyframe for item in pending.take()] == [True] + [False] * 9
    assert pending.catch_up(99.0) == 0
