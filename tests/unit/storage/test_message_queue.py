from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from panops.domain.events import EventPhase
from panops.storage.message_queue import MessageQueue, WriterCounts

from .makers import START_S, make_event

BEGIN, UPDATE, END = EventPhase


def test_messages_come_out_in_order_and_at_most_three_of_an_event() -> None:
    queue = MessageQueue(100, WriterCounts())
    queue.add([make_event("b", UPDATE), make_event("a", BEGIN), make_event("b", END), make_event("b", BEGIN), make_event("b", UPDATE)])
    assert [(event.event_id, event.phase) for event in queue.take(10)] == [("b", BEGIN), ("b", UPDATE), ("b", END), ("a", BEGIN)]
    assert queue.pending == 4
    queue.settle()
    assert queue.pending == 0
    assert queue.unsafe() == []


def test_an_older_update_does_not_replace_a_newer_one() -> None:
    queue = MessageQueue(100, WriterCounts())
    queue.add([make_event("a", UPDATE, updated_at_s=START_S + 5)])
    queue.take(10)
    queue.add([make_event("a", UPDATE, updated_at_s=START_S + 9)])
    queue.put_back()
    queue.add([make_event("a", UPDATE, updated_at_s=START_S + 7)])
    assert [event.incident.updated_at_s for event in queue.take(10)] == [START_S + 9]


steps = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(0, 6), st.sampled_from(EventPhase)),
        st.tuples(st.sampled_from(["take", "settle", "put_back", "journal"]), st.integers(1, 4), st.just(BEGIN)),
    ),
    max_size=60,
)


@settings(max_examples=150, deadline=None)
@given(steps=steps, capacity=st.integers(1, 6))
def test_every_message_is_waiting_in_flight_evicted_settled_or_counted(steps: list[tuple[str, int, EventPhase]], capacity: int) -> None:
    counts = WriterCounts()
    queue = MessageQueue(capacity, counts)
    added = settled = 0
    in_flight = 0
    for act, number, phase in steps:
        if act == "add":
            queue.add([make_event(f"gate-1-{number}", phase)])
            added += 1
        elif act == "take":
            in_flight = len(queue.take(number))
        elif act == "settle":
            queue.settle()
            settled += in_flight
            in_flight = 0
        elif act == "put_back":
            queue.put_back()
            in_flight = 0
        else:
            queue.mark_safe(queue.unsafe()[:number])
        evicted_again = added - settled - counts.merged - counts.dropped_updates - counts.lost - queue.pending
        # A message that is evicted twice under one key is kept once, in the journal: the only way to be counted less.
        assert evicted_again >= 0
        assert queue.pending - in_flight - len(queue.evicted) <= capacity
        assert all(waiting.event.phase is not UPDATE and not waiting.journaled for waiting in queue.unsafe())
    queue.put_back()
    left = queue.take(1000)
    assert len(left) == len({(event.event_id, event.phase) for event in left})
    queue.settle()
    assert queue.pending == len(queue.evicted)
    assert queue.unsafe() == []
    assert not queue.holds_journaled
