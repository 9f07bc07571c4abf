from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from panops.domain.packets import Packet
from panops.ingest.packet_ring import PacketRing
from tests.unit.ingest.fakes import gops, packet


def _filled(packets: list[Packet], max_s: float = 1e9, max_bytes: int = 10**9) -> PacketRing:
    ring = PacketRing(max_s, max_bytes)
    for item in packets:
        ring.append(item)
    return ring


def test_begins_at_the_keyframe_at_or_before() -> None:
    ring = _filled(gops(5, 10))
    assert ring.since(2.35)[0].pts_s == 2.0
    assert ring.since(2.0)[0].pts_s == 2.0
    assert ring.since(2.35)[-1].pts_s == 4.9
    assert ring.since(-5.0)[0].pts_s == 0.0
    assert ring.since(99.0)[0].pts_s == 4.0


def test_an_empty_ring_gives_nothing() -> None:
    ring = PacketRing(10, 1000)
    assert ring.since(0.0) == []
    assert ring.newest_s == float("-inf")
    assert len(ring) == 0


def test_nothing_is_kept_before_the_first_keyframe_of_an_epoch() -> None:
    ring = _filled([packet(0.0), packet(0.1), packet(0.2, key=True), packet(0.3, epoch=1), packet(0.4, key=True, epoch=1)])
    assert [item.pts_s for item in ring.since(0.0)] == [0.2]
    assert [item.pts_s for item in ring.since(0.4)] == [0.4]
    assert len(ring) == 2


def test_one_epoch_at_a_time() -> None:
    ring = _filled(gops(2, 10) + gops(2, 10, epoch=1, start_s=10.0))
    assert {item.epoch for item in ring.since(0.5)} == {0}
    assert {item.epoch for item in ring.since(10.5)} == {1}
    # The gap between two connections belongs to the later one: the earlier has nothing there.
    assert {item.epoch for item in ring.since(5.0)} == {1}


def test_a_gop_larger_than_the_ring_is_given_up_until_the_next_keyframe() -> None:
    ring = _filled([packet(0.0, key=True, size=900), packet(0.1, size=200), packet(0.2, size=10)], max_bytes=1000)
    assert (len(ring), ring.size_bytes) == (0, 0)
    ring.append(packet(0.3, key=True, size=900))
    assert len(ring) == 1


def test_what_is_dated_after_a_clock_that_was_set_back_is_let_go() -> None:
    ring = _filled(gops(5, 10, start_s=3600.0) + gops(5, 10), max_s=3.0)
    assert ring.since(-1.0)[0].pts_s == 1.0
    assert (ring.oldest_s, ring.newest_s) == (1.0, 4.9)
    assert len(ring) == 40


def test_clear() -> None:
    ring = _filled(gops(2, 5))
    ring.clear()
    assert (ring.since(0.0), ring.size_bytes) == ([], 0)


_PACKETS = st.lists(st.tuples(st.booleans(), st.integers(1, 400), st.floats(0.01, 3.0), st.integers(0, 9)), max_size=150)


@given(_PACKETS, st.floats(0.1, 20.0), st.integers(300, 5000), st.floats(-1, 200))
def test_always_a_keyframe_first_and_within_bounds(
    drawn: list[tuple[bool, int, float, int]], max_s: float, max_bytes: int, start_s: float
) -> None:
    ring = PacketRing(max_s, max_bytes)
    now_s, epoch, everything = 0.0, 0, []
    for key, size, step_s, cut in drawn:
        now_s += step_s
        epoch += cut == 9
        item = packet(now_s, key, size, epoch)
        everything.append(item)
        ring.append(item)
        assert ring.size_bytes <= max_bytes
    held = ring.since(start_s)
    if held:
        assert held[0].is_keyframe
        assert len({item.epoch for item in held}) == 1
        # Plain reference: the packets given are a gapless stretch of what came in.
        first = everything.index(held[0])
        assert everything[first : first + len(held)] == held
        if held[0].captured_at_s > start_s and held[0].epoch == ring.since(float("-inf"))[0].epoch:
            assert held[0] is ring.since(float("-inf"))[0]


@given(st.integers(1, 30), st.integers(1, 12), st.floats(0.1, 5.0))
def test_covers_what_was_asked_and_at_most_one_gop_more(count: int, length: int, max_s: float) -> None:
    packets = gops(count, length)
    ring = _filled(packets, max_s=max_s)
    span_s = ring.newest_s - ring.oldest_s
    everything_s = packets[-1].pts_s
    assert span_s >= min(max_s, everything_s) - 1e-9
    assert span_s < max_s + length / 10.0 + 1e-9


def test_all_since_goes_on_into_later_epochs() -> None:
    ring = _filled(gops(2, 10) + gops(2, 10, epoch=1, start_s=10.0))
    found = ring.all_since(1.5)
    assert found[0].pts_s == 1.0
    assert {item.epoch for item in found} == {0, 1}
    assert found[-1].pts_s == 11.9
    assert PacketRing(10, 1000).all_since(0.0) == []


def test_whoever_takes_everything_gets_each_packet_once_in_order_and_learns_of_losses() -> None:
    packets = gops(6, 10) + gops(2, 10, epoch=1, start_s=20.0)
    ring, number, taken = PacketRing(1e9, 10**9), 0, []
    for index, item in enumerate(packets):
        ring.append(item)
        if index % 7 == 0:
            found, number = ring.following(number)
            taken += found
    found, number = ring.following(number)
    assert [*taken, *found] == packets
    assert ring.following(number) == ([], len(packets))
    small = _filled(packets, max_s=1.5)
    found, following = small.following(35)
    assert following - 35 > len(found), "some were let go before they were asked for"
    assert found == packets[-len(found) :]
    assert found[0].is_keyframe
