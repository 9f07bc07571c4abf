"""Decides which pictures make the next batch of a device, and which are given up. Time is passed in; nothing here waits or runs.

The rules, in the order in which they count:

1. Earliest deadline first, across cameras and models. Frames that come late and together (a camera's keyframe on a thin line) hold up
   nobody: a batch never waits for a picture that is not there.
2. A batch closes when it is full, when its oldest picture has waited for the linger time, or when its earliest deadline, less what a batch
   of that size takes, has come. The device takes one batch at a time, so while it is busy the next one fills by itself.
3. A request that cannot be answered in time any more is given up at once.
4. Where not all deadlines can be met, the size that answers most pictures a second is taken. Serving the most urgent one alone instead
   would make the device slowest exactly when it is overloaded.
5. Background requests take places that would be padding, and the device when no camera waits for it, in small batches.
"""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from panops.domain.errors import DeviceError, DeviceFull, DeviceLate
from panops.inference.latency import LatencyModel


@dataclass(frozen=True, slots=True)
class BatchSettings:
    """Set by code.

    Attributes:
        sizes: Batch sizes, ascending. A batch is padded to the next one, so that a device compiles a few shapes only.
        linger_s: How long a picture may wait for company while the device is idle.
        most_waiting: How many requests may wait.
        background_most: The largest batch of background requests alone: a camera's picture may have to wait for it.
        least_gain: By which share a picture must be quicker in a batch than in the next smaller one, 0..1, for that size to be used at all;
            0 uses every size. Looked at once, when a model is opened.
    """

    sizes: tuple[int, ...] = (1, 2, 4, 8, 16)
    linger_s: float = 0.002
    most_waiting: int = 256
    background_most: int = 4
    least_gain: float = 0.0


class Lane(Protocol):
    """One model on the device: only pictures of one model share a batch."""

    @property
    def latency(self) -> LatencyModel:
        """What its batches take; its sizes are the lane's."""
        ...


@dataclass(slots=True, eq=False)
class Request:
    """One picture that waits.

    Attributes:
        lane: The model it is for.
        tensor: The picture.
        deadline_s: When its answer is worth nothing any more.
        arrived_s: When it was handed over.
        background: Whether it yields to cameras.
        answer: Where the answer goes; not used here.
        sequence: Counts requests; set by the queue, so that equal deadlines keep their order.
    """

    lane: Lane
    tensor: Any
    deadline_s: float
    arrived_s: float
    background: bool = False
    answer: Any = None
    sequence: int = 0

    def __lt__(self, other: Request) -> bool:
        """Earlier deadline first."""
        return (self.deadline_s, self.sequence) < (other.deadline_s, other.sequence)


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """What the device does next: `requests`, padded to `size`."""

    lane: Lane
    requests: tuple[Request, ...]
    size: int


@dataclass(frozen=True, slots=True, eq=False)
class Decision:
    """What to do now.

    Attributes:
        batch: What to run, or None.
        given_up: Requests that are not run any more, with the reason.
        wake_s: When to ask again if nothing new comes; infinite when nothing waits.
    """

    batch: Batch | None
    given_up: tuple[tuple[Request, DeviceError], ...]
    wake_s: float


@dataclass(slots=True, eq=False)
class _Waiting:
    """What waits for one lane, each list by deadline."""

    cameras: list[Request] = field(default_factory=list)
    background: list[Request] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.cameras) + len(self.background)


class BatchQueue:
    """The requests of one device. For one thread at a time.

    Args:
        settings: Sizes and limits.
    """

    def __init__(self, settings: BatchSettings | None = None) -> None:
        self.settings = settings or BatchSettings()
        self._lanes: dict[Lane, _Waiting] = {}
        self._count = 0
        self._sequence = 0

    def __len__(self) -> int:
        """How many requests wait."""
        return self._count

    def put(self, request: Request) -> tuple[tuple[Request, DeviceError], ...]:
        """Let a request wait; whatever must go for it when the queue is full, perhaps itself, with the reason."""
        request.sequence = self._sequence = self._sequence + 1
        waiting = self._lanes.setdefault(request.lane, _Waiting())
        insort(waiting.background if request.background else waiting.cameras, request)
        self._count += 1
        if self._count <= self.settings.most_waiting:
            return ()
        victim = self._least_worth()
        self._remove(victim)
        return ((victim, DeviceFull(f"{self.settings.most_waiting} pictures wait for the device already; this one was given up")),)

    def take_all(self) -> tuple[Request, ...]:
        """Everything that waits, which then waits no more."""
        everything = tuple(request for waiting in self._lanes.values() for request in (*waiting.cameras, *waiting.background))
        self._lanes.clear()
        self._count = 0
        return everything

    def decide(self, now_s: float, *, hasten: bool = False) -> Decision:
        """What the idle device shall do.

        Args:
            now_s: The time, on the clock of the deadlines.
            hasten: Somebody waits for an answer and hands over nothing more: lingering would bring nothing.
        """
        given_up = [given for waiting in tuple(self._lanes.values()) for given in self._too_late(waiting, now_s)]
        linger_s = 0.0 if hasten else self.settings.linger_s
        cameras_wait = any(waiting.cameras for waiting in self._lanes.values())
        wake_s, chosen = math.inf, None
        for waiting in self._lanes.values():
            requests = waiting.cameras if cameras_wait else waiting.background
            if not requests:
                continue
            closes_s = self._closes_s(requests, linger_s)
            wake_s = min(wake_s, closes_s)
            if closes_s <= now_s and (chosen is None or requests[0] < chosen[0]):
                chosen = requests
        batch = None
        if chosen is not None:
            batch, late = self._batch(chosen, now_s)
            given_up += late
        elif not self._count:
            # The device has nothing to do because of what was predicted, so nothing would ever be measured again.
            for lane in {request.lane for request, _ in given_up if request.deadline_s > now_s}:
                lane.latency.relax()
        self._forget_empty()
        return Decision(batch, tuple(given_up), wake_s)

    # --- what is given up -----------------------------------------------------------------------------------------------------

    def _too_late(self, waiting: _Waiting, now_s: float) -> list[tuple[Request, DeviceError]]:
        """Requests that not even the quickest batch could answer in time."""
        found: list[tuple[Request, DeviceError]] = []
        for requests in (waiting.cameras, waiting.background):
            while requests:
                latency = requests[0].lane.latency
                if requests[0].deadline_s >= now_s + latency.likely_s(latency.sizes[0]):
                    break
                found.append(self._late(requests[0], now_s))
        return found

    def _late(self, request: Request, now_s: float) -> tuple[Request, DeviceError]:
        self._remove(request)
        waited_ms, left_ms = 1000 * (now_s - request.arrived_s), 1000 * max(0.0, request.deadline_s - now_s)
        return request, DeviceLate(f"the device cannot answer in time: {waited_ms:.0f} ms waited, {left_ms:.0f} ms left")

    def _least_worth(self) -> Request:
        """Of background requests the one whose time is longest, else of cameras the one that has least time left."""
        background = [waiting.background[-1] for waiting in self._lanes.values() if waiting.background]
        return max(background) if background else min(waiting.cameras[0] for waiting in self._lanes.values() if waiting.cameras)

    # --- what makes a batch ---------------------------------------------------------------------------------------------------

    def _closes_s(self, requests: Sequence[Request], linger_s: float) -> float:
        """When a batch of these closes if nothing comes to it."""
        latency = requests[0].lane.latency
        most = self._most(requests)
        if len(requests) >= most:
            return -math.inf
        oldest_s = min(request.arrived_s for request in requests)
        urgent_s = requests[0].deadline_s - latency.cautious_s(_padded(len(requests), latency.sizes))
        return min(oldest_s + linger_s, urgent_s)

    def _batch(self, requests: list[Request], now_s: float) -> tuple[Batch, list[tuple[Request, DeviceError]]]:
        """The batch of a lane that closes now, and what is given up for it."""
        lane = requests[0].lane
        size = min(self._size(requests, now_s), self._most(requests))
        ends_s = now_s + lane.latency.likely_s(size)
        # The device is busy until then, so these cannot be answered by a later batch either.
        given_up = [self._late(request, now_s) for request in tuple(requests) if request.deadline_s < ends_s]
        taken = requests[:size]
        fitting = _padded(len(taken), lane.latency.sizes)
        if not taken[0].background:
            spare = [request for request in self._lanes[lane].background if request.deadline_s >= ends_s]
            taken = [*taken, *spare[: fitting - len(taken)]]
        for request in taken:
            self._remove(request)
        return Batch(lane, tuple(taken), fitting), given_up

    def _size(self, requests: Sequence[Request], now_s: float) -> int:
        """The size of the next batch, from rules 1 and 4."""
        latency = requests[0].lane.latency
        most = self._most(requests)
        whole = _padded(min(len(requests), most), latency.sizes)
        if now_s + latency.likely_s(whole) <= requests[0].deadline_s:
            return whole
        sizes = [size for size in latency.sizes if size <= whole]
        smaller = [size for size in sizes if now_s + latency.likely_s(size) <= requests[0].deadline_s]
        if smaller and self._all_met(requests[smaller[-1] :], now_s + latency.likely_s(smaller[-1])):
            return smaller[-1]
        return max(sizes, key=lambda size: _answered_a_second(requests, size, now_s, latency.likely_s(size)))

    def _all_met(self, requests: Sequence[Request], from_s: float) -> bool:
        """Whether all of these can be answered in time by the largest batches, one after the other."""
        if not requests:
            return True
        latency = requests[0].lane.latency
        most = self._most(requests)
        for start in range(0, len(requests), most):
            chunk = requests[start : start + most]
            from_s += latency.likely_s(_padded(len(chunk), latency.sizes))
            if from_s > chunk[0].deadline_s:
                return False
        return True

    def _most(self, requests: Sequence[Request]) -> int:
        """How many requests of this kind a batch takes at most."""
        sizes = requests[0].lane.latency.sizes
        if not requests[0].background:
            return sizes[-1]
        return max([size for size in sizes if size <= self.settings.background_most], default=sizes[0])

    def _remove(self, request: Request) -> None:
        waiting = self._lanes[request.lane]
        (waiting.background if request.background else waiting.cameras).remove(request)
        self._count -= 1

    def _forget_empty(self) -> None:
        """A lane is known only while something waits for it: models come and go."""
        for lane in [lane for lane, waiting in self._lanes.items() if not len(waiting)]:
            del self._lanes[lane]


def _padded(count: int, sizes: Sequence[int]) -> int:
    """The smallest size that holds `count`, or the largest there is."""
    return next((size for size in sizes if size >= count), sizes[-1])


def _answered_a_second(requests: Sequence[Request], size: int, now_s: float, took_s: float) -> float:
    """How many of these a batch of `size` answers in time, for each second that it takes."""
    in_time = sum(request.deadline_s >= now_s + took_s for request in requests)
    return min(size, in_time) / max(took_s, 1e-9)
