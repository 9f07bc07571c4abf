"""Plays the traffic of many cameras against a batch queue and a latency model, in virtual time: minutes of a device in milliseconds."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from panops.domain.errors import DeviceError
from panops.inference.batch_queue import BatchQueue, BatchSettings, Request
from panops.inference.latency import LatencyModel
from panops.testing.fake_device import DeviceLatency


@dataclass(eq=False, slots=True)
class VirtualLane:
    """A model without a file."""

    latency: LatencyModel


@dataclass(frozen=True, slots=True)
class Arrival:
    """A picture that reaches the queue.

    Attributes:
        time_s: When.
        camera: Whose.
        patience_s: Its deadline, from its arrival.
        background: Whether it yields to cameras.
        model: Which of the device's models.
    """

    time_s: float
    camera: str
    patience_s: float = 2.0
    background: bool = False
    model: int = 0


@dataclass(frozen=True, slots=True)
class Answered:
    """What became of an arrival: the seconds until its answer, or the kind of error."""

    arrival: Arrival
    took_s: float
    error: str = ""

    @property
    def in_time(self) -> bool:
        """Whether it was answered by its deadline."""
        return not self.error and self.took_s <= self.arrival.patience_s


@dataclass(slots=True)
class Played:
    """What a run gave.

    Attributes:
        answers: One for each arrival, in the order in which they were settled.
        batches: Requests and padded size of each batch.
        busy_s: How long the device worked.
        ended_s: When the last one was settled.
    """

    answers: list[Answered] = field(default_factory=list)
    batches: list[tuple[int, int]] = field(default_factory=list)
    busy_s: float = 0.0
    ended_s: float = 0.0

    def of(self, wanted: Callable[[Arrival], bool]) -> list[Answered]:
        """The answers of some arrivals."""
        return [answer for answer in self.answers if wanted(answer.arrival)]


def play(arrivals: Iterable[Arrival], latency: DeviceLatency, settings: BatchSettings | None = None, *, models: int = 1) -> Played:
    """Run a device through its arrivals.

    Args:
        arrivals: In any order.
        latency: What batches take; the queue learns it from a warm-up and from the batches, as on a real device.
        settings: Of the queue.
        models: How many models the device runs.
    """
    queue, sample, played = BatchQueue(settings), latency.sampler(), Played()
    lanes = [_warm(queue.settings, latency) for _ in range(models)]
    coming = sorted(arrivals, key=lambda arrival: arrival.time_s)
    position, now_s = 0, 0.0
    while position < len(coming) or len(queue):
        position = _put_until(queue, lanes, coming, position, now_s, played)
        decision = queue.decide(now_s)
        _settle(decision.given_up, now_s, played)
        if decision.batch is not None:
            took_s = sample(decision.batch.size)
            played.batches.append((len(decision.batch.requests), decision.batch.size))
            played.busy_s += took_s
            # What comes while the device is busy waits in the queue, at its own time.
            position = _put_until(queue, lanes, coming, position, now_s + took_s, played)
            now_s += took_s
            decision.batch.lane.latency.learn(decision.batch.size, took_s)
            for request in decision.batch.requests:
                played.answers.append(Answered(request.answer, now_s - request.arrived_s))
        elif not decision.given_up:
            next_s = coming[position].time_s if position < len(coming) else math.inf
            now_s = max(now_s, min(next_s, decision.wake_s))
    played.ended_s = now_s
    return played


def steady(cameras: int, fps: float, seconds: float, *, patience_s: float = 2.0, seed: int = 0, name: str = "cam") -> list[Arrival]:
    """Cameras that send regularly, each with its own phase and a little jitter."""
    dice = random.Random(seed)  # noqa: S311  # test data, not a secret
    found = []
    for camera in range(cameras):
        phase_s = dice.random() / fps
        for index in range(int(seconds * fps)):
            time_s = phase_s + index / fps + dice.uniform(0.0, 0.1) / fps
            found.append(Arrival(time_s, f"{name}{camera}", patience_s))
    return found


def delayed(arrivals: Sequence[Arrival], *, every_s: float, burst_s: float) -> list[Arrival]:
    """The same pictures over a thin line.

    Once in `every_s` a large keyframe holds the line for `burst_s`; what was sent meanwhile arrives at its end, all at once.
    """
    found = []
    for arrival in arrivals:
        into_s = arrival.time_s % every_s
        held_s = burst_s - into_s if into_s < burst_s else 0.0
        found.append(Arrival(arrival.time_s + held_s, arrival.camera, arrival.patience_s, arrival.background, arrival.model))
    return found


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of all lie; 0.0 for none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def _warm(settings: BatchSettings, latency: DeviceLatency) -> VirtualLane:
    """A lane whose latency is known as after a warm-up."""
    model = LatencyModel(settings.sizes)
    for size in settings.sizes:
        model.learn(size, latency.base_s + latency.item_s * size)
    return VirtualLane(model)


def _put_until(
    queue: BatchQueue, lanes: Sequence[VirtualLane], coming: Sequence[Arrival], position: int, until_s: float, played: Played
) -> int:
    """Let everything wait that arrives by `until_s`; the position of the next arrival."""
    while position < len(coming) and coming[position].time_s <= until_s:
        arrival = coming[position]
        request = Request(lanes[arrival.model], None, arrival.time_s + arrival.patience_s, arrival.time_s, arrival.background, arrival)
        _settle(queue.put(request), arrival.time_s, played)
        position += 1
    return position


def _settle(given_up: Sequence[tuple[Request, DeviceError]], now_s: float, played: Played) -> None:
    for request, error in given_up:
        played.answers.append(Answered(request.answer, now_s - request.arrived_s, error.kind))
