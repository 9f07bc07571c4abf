"""What makes a batch, when it closes, and what is given up; in virtual time."""

from __future__ import annotations

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panops.domain.errors import DeviceFull, DeviceLate
from panops.inference.batch_queue import BatchQueue, BatchSettings, Request
from panops.inference.latency import LatencyModel
from panops.testing.device_traffic import Arrival, Played, VirtualLane, delayed, percentile, play, steady
from panops.testing.fake_device import DeviceLatency

SIZES = (1, 2, 4, 8, 16)
# 4 ms for a batch, 0.5 ms more for each picture.
MS = {size: 0.004 + 0.0005 * size for size in SIZES}


def lane(sizes: tuple[int, ...] = SIZES) -> VirtualLane:
    latency = LatencyModel(sizes)
    for size in sizes:
        latency.learn(size, MS[size])
        latency._deviation_s[size] = 0.0  # so that the cautious figure is the likely one, and times below are exact
    return VirtualLane(latency)


def request(where: VirtualLane, deadline_s: float, arrived_s: float = 0.0, *, background: bool = False) -> Request:
    return Request(where, None, deadline_s, arrived_s, background)


def queue_of(*requests: Request, **settings: object) -> BatchQueue:
    queue = BatchQueue(BatchSettings(**settings))  # type: ignore[arg-type]
    for item in requests:
        assert queue.put(item) == ()
    return queue


def test_an_idle_device_waits_for_company_no_longer_than_the_linger_time() -> None:
    one = request(lane(), 2.0)
    queue = queue_of(one)
    decision = queue.decide(0.0)
    assert (decision.batch, decision.wake_s) == (None, 0.002)
    decision = queue.decide(0.002)
    assert decision.batch is not None
    assert (decision.batch.requests, decision.batch.size) == ((one,), 1)
    assert queue.decide(0.003).wake_s == math.inf


def test_a_full_batch_closes_at_once() -> None:
    where = lane()
    queue = queue_of(*(request(where, 2.0) for _ in range(16)))
    decision = queue.decide(0.0)
    assert decision.batch is not None
    assert decision.batch.size == len(decision.batch.requests) == 16


def test_somebody_who_waits_ends_the_lingering() -> None:
    queue = queue_of(request(lane(), 2.0))
    assert queue.decide(0.0, hasten=True).batch is not None


def test_a_deadline_closes_a_batch_before_the_linger_time_is_over() -> None:
    where = lane()
    queue = queue_of(request(where, 0.010), request(where, 0.020), linger_s=1.0)
    # Two pictures take 5 ms, so the first one's deadline allows to wait for 5 ms.
    decision = queue.decide(0.0)
    assert decision.batch is None
    assert decision.wake_s == pytest.approx(0.010 - MS[2])
    decision = queue.decide(decision.wake_s)
    assert decision.batch is not None
    assert decision.batch.size == 2


def test_batches_are_padded_to_the_next_size() -> None:
    where = lane()
    for count, size in ((1, 1), (3, 4), (5, 8), (9, 16), (16, 16)):
        batch = queue_of(*(request(where, 2.0) for _ in range(count))).decide(1.0).batch
        assert batch is not None
        assert (len(batch.requests), batch.size) == (count, size)


def test_a_model_with_a_fixed_batch_of_one_is_run_one_by_one() -> None:
    where = lane(sizes=(1,))
    queue = queue_of(*(request(where, 2.0 + index) for index in range(3)))
    taken = [queue.decide(0.0).batch for _ in range(3)]
    assert [batch.requests[0].deadline_s for batch in taken if batch] == [2.0, 3.0, 4.0]


def test_the_earliest_deadline_goes_first_across_models() -> None:
    one, other = lane(), lane()
    late, early = request(one, 2.0), request(other, 1.0)
    queue = queue_of(late, early)
    first, second = queue.decide(0.5).batch, queue.decide(0.5).batch
    assert first is not None
    assert second is not None
    assert (first.requests, second.requests) == ((early,), (late,))


def test_equal_deadlines_keep_their_order() -> None:
    where = lane()
    items = [request(where, 2.0) for _ in range(20)]
    batch = queue_of(*items).decide(0.0).batch
    assert batch is not None
    assert list(batch.requests) == items[:16]


def test_what_cannot_be_met_any_more_is_given_up_at_once() -> None:
    where = lane()
    hopeless, fine = request(where, 0.004), request(where, 1.0)
    queue = queue_of(hopeless, fine)
    decision = queue.decide(0.0)
    assert [item for item, _ in decision.given_up] == [hopeless]
    assert isinstance(decision.given_up[0][1], DeviceLate)
    assert decision.given_up[0][1].kind == "late_for_device"
    assert len(queue) == 1


def test_a_small_batch_saves_an_urgent_one_when_the_others_can_wait() -> None:
    where = lane()
    urgent = request(where, 0.0048)  # only a batch of one takes less
    patient = [request(where, 1.0) for _ in range(7)]
    batch = queue_of(urgent, *patient).decide(0.0).batch
    assert batch is not None
    assert batch.requests == (urgent,)


def test_an_urgent_one_is_given_up_when_it_would_cost_many_others_theirs() -> None:
    where = lane()
    urgent = request(where, 0.0048)
    # All sixteen can be met by one batch now (12 ms), and by none after the urgent one alone.
    others = [request(where, 0.0125) for _ in range(16)]
    decision = queue_of(urgent, *others).decide(0.0)
    assert decision.batch is not None
    assert len(decision.batch.requests) == 16
    assert urgent not in decision.batch.requests
    assert [item for item, _ in decision.given_up] == [urgent]


def test_background_fills_what_would_be_padding_and_no_more() -> None:
    where = lane()
    cameras = [request(where, 2.0) for _ in range(3)]
    background = [request(where, 9.0, background=True) for _ in range(4)]
    queue = queue_of(*background, *cameras)
    batch = queue.decide(0.002).batch
    assert batch is not None
    assert (batch.size, [item.background for item in batch.requests]) == (4, [False, False, False, True])
    assert len(queue) == 3


def test_background_alone_runs_in_small_batches_and_never_while_a_camera_waits() -> None:
    where, other = lane(), lane()
    queue = queue_of(*(request(where, 9.0, background=True) for _ in range(9)))
    batch = queue.decide(0.0).batch
    assert batch is not None
    assert batch.size == 4
    queue.put(request(other, 2.0, arrived_s=0.001))
    assert queue.decide(0.0015).batch is None  # the camera's picture may still get company
    after = queue.decide(0.003).batch
    assert after is not None
    assert after.lane is other


def test_a_full_queue_gives_up_background_first_and_then_what_has_least_time() -> None:
    where = lane()
    old, new = request(where, 1.0), request(where, 3.0)
    background = request(where, 9.0, background=True)
    queue = queue_of(old, background, most_waiting=2)
    ((victim, error),) = queue.put(new)
    assert victim is background
    assert isinstance(error, DeviceFull)
    ((victim, _),) = queue.put(request(where, 2.0))
    assert victim is old
    ((victim, _),) = queue.put(request(where, 9.0, background=True))
    assert victim.background


def test_a_device_that_was_slow_once_is_given_work_again() -> None:
    where = lane()
    for size in SIZES:
        for _ in range(40):
            where.latency.learn(size, 1.0)
    queue, tries = BatchQueue(), 0
    while tries < 100:
        queue.put(request(where, tries + 0.1, arrived_s=float(tries)))
        if queue.decide(float(tries), hasten=True).batch is not None:
            break
        tries += 1
    assert 0 < tries < 20


# --- a site's traffic -------------------------------------------------------------------------------------------------------------

LATENCY = DeviceLatency()


def took_ms(played: Played, name: str, share: float) -> float:
    return 1000 * percentile(
        [answer.took_s for answer in played.answers if answer.arrival.camera.startswith(name) and not answer.error], share
    )


def test_bursts_of_some_cameras_do_not_stall_the_others() -> None:
    """20 of 120 cameras send over lines that a keyframe holds for 450 ms every 2 s; what they sent meanwhile arrives at once."""
    steady_ones, thin = steady(100, 5, 60, seed=1), steady(20, 5, 60, seed=2, name="thin")
    calm = play([*steady_ones, *thin], LATENCY)
    stormy = play([*steady_ones, *delayed(thin, every_s=2.0, burst_s=0.45)], LATENCY)
    assert not any(answer.error for answer in stormy.answers)
    assert took_ms(stormy, "cam", 0.95) <= 1.1 * took_ms(calm, "cam", 0.95) + 1.0
    # The worst of them waits for the whole burst once: 50 pictures are four batches.
    assert took_ms(stormy, "cam", 1.0) <= took_ms(calm, "cam", 1.0) + 1000 * 4 * (LATENCY.base_s + 16 * LATENCY.item_s)


def test_nobody_starves_at_full_load() -> None:
    """A device that is busy all the time answers every camera, and none much later than another."""
    played = play(steady(300, 5, 20, seed=3), LATENCY)
    assert played.busy_s / played.ended_s > 0.95
    worst = {answer.arrival.camera: 0.0 for answer in played.answers}
    for answer in played.answers:
        assert not answer.error
        worst[answer.arrival.camera] = max(worst[answer.arrival.camera], answer.took_s)
    assert max(worst.values()) < 0.1


@pytest.mark.parametrize("patience_s", [2.0, 0.1, 0.05])
def test_overload_costs_pictures_but_no_work(patience_s: float) -> None:
    """At twice what the device can do it still answers nearly as many as it can, in time; the rest is told so."""
    most_a_second = 16 / (LATENCY.base_s + 16 * LATENCY.item_s)
    played = play(steady(int(2 * most_a_second / 5), 5, 10, patience_s=patience_s, seed=4), LATENCY)
    in_time = sum(answer.in_time for answer in played.answers)
    assert in_time / played.ended_s > 0.9 * most_a_second
    assert {answer.error for answer in played.answers} <= {"", "late_for_device", "device_full"}
    answered = Counter(answer.arrival.camera for answer in played.answers if not answer.error)
    shares = [answered[name] for name in {answer.arrival.camera for answer in played.answers}]
    assert min(shares) > 0.2 * max(shares)  # fair enough: no camera is left out


def test_background_gets_what_cameras_leave_and_costs_them_little() -> None:
    cameras = steady(60, 5, 20, seed=5)
    background = [Arrival(at / 200, "job", 30.0, background=True) for at in range(2000)]
    alone, both = play(cameras, LATENCY), play([*cameras, *background], LATENCY)
    jobs = both.of(lambda arrival: arrival.background)
    assert sum(not answer.error for answer in jobs) > 0.9 * len(jobs)
    # At worst a camera's picture waits for one small batch of background.
    assert took_ms(both, "cam", 0.95) <= took_ms(alone, "cam", 0.95) + 1000 * (LATENCY.base_s + 4 * LATENCY.item_s)


def test_under_overload_background_is_what_goes() -> None:
    cameras = steady(290, 5, 10, seed=6)
    background = [Arrival(at / 200, "job", 0.5, background=True) for at in range(2000)]
    played = play([*cameras, *background], LATENCY)
    assert not any(answer.error for answer in played.of(lambda arrival: not arrival.background))
    assert any(answer.error for answer in played.of(lambda arrival: arrival.background))


# --- properties -------------------------------------------------------------------------------------------------------------------

arrivals = st.lists(
    st.builds(
        Arrival,
        time_s=st.floats(0, 0.5),
        camera=st.sampled_from(["a", "b", "c"]),
        patience_s=st.one_of(st.floats(0, 0.2), st.just(math.inf)),
        background=st.booleans(),
        model=st.integers(0, 1),
    ),
    max_size=80,
)
settings = st.builds(
    BatchSettings,
    sizes=st.sampled_from([(1,), (1, 2, 4), SIZES, (4,)]),
    linger_s=st.sampled_from([0.0, 0.002, 0.1]),
    most_waiting=st.sampled_from([1, 3, 20, 256]),
    background_most=st.sampled_from([1, 4, 16]),
)
latencies = st.builds(
    DeviceLatency,
    base_s=st.floats(0, 0.05),
    item_s=st.floats(0, 0.01),
    jitter=st.floats(0, 0.9),
    hiccup_every=st.sampled_from([0, 3]),
    hiccup_s=st.floats(0, 0.5),
)


@given(arrivals, settings, latencies)
def test_every_request_is_settled_exactly_once_and_no_batch_is_too_large(
    coming: list[Arrival], chosen: BatchSettings, latency: DeviceLatency
) -> None:
    played = play(coming, latency, chosen, models=2)
    assert Counter(map(id, coming)) == Counter(id(answer.arrival) for answer in played.answers)
    assert all(0 < count <= size <= chosen.sizes[-1] and size in chosen.sizes for count, size in played.batches)
    for answer in played.answers:
        if answer.error == "late_for_device":
            assert math.isfinite(answer.arrival.patience_s)
        elif answer.error:
            assert len(coming) > chosen.most_waiting


@given(st.lists(st.tuples(st.floats(0, 10), st.booleans()), min_size=1, max_size=40))
def test_within_a_model_batches_come_by_deadline(rows: list[tuple[float, bool]]) -> None:
    """With no time for a batch nothing is given up, and cameras' pictures leave in the order of their deadlines."""
    where = VirtualLane(LatencyModel(SIZES))
    queue = BatchQueue()
    for deadline_s, background in rows:
        queue.put(request(where, deadline_s, background=background))
    left: list[float] = []
    while len(queue):
        batch = queue.decide(0.0, hasten=True).batch
        assert batch is not None
        left += [item.deadline_s for item in batch.requests if not item.background]
    assert left == sorted(deadline_s for deadline_s, background in rows if not background)
