"""What came of each camera between two moments, and of the run as a whole. Built for the product and for a peer alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from panops.bench.processes import Usage
from panops.pipeline.latency import LatencyHistogram

# A camera is held when it got so much of its checks.
ENOUGH = 0.98
# The product tells its counters once a second, so so much of what came may not be seen yet at the end, s. A peer gets as much.
EDGE_S = 1.6


@dataclass(frozen=True, slots=True)
class CameraTally:
    """One camera between two moments.

    Attributes:
        camera_id: The camera.
        offered: Pictures that the server sent it; where no server counts, those that its rate asks for.
        received: Pictures that arrived.
        due: Checks that were due, see `checks_due`; of a camera that slept: those that it was awake for, and its keyframes.
        done: Checks that were finished.
        detector: Checks that the detector saw.
        dropped: Pictures or checks given up, by cause.
        slept: Whether it slept at any time.
        up: Whether it was live at the end.
        reconnects: How often its connection was made again.
        unsent: Pictures that its server gave up because nobody read them.
        moved: How often another process took it over. The seconds in which that happened count neither way.
    """

    camera_id: str
    offered: int
    received: int
    due: float
    done: int
    detector: int
    dropped: Mapping[str, int] = field(default_factory=dict)
    slept: bool = False
    up: bool = True
    reconnects: int = 0
    unsent: int = 0
    moved: int = 0

    @property
    def share(self) -> float:
        """Checks that were done of those that were due, 0..1; 0 where nothing was due, for then nobody could tell."""
        return min(1.0, self.done / self.due) if self.due > 0 else 0.0

    @property
    def got_enough(self) -> bool:
        """Whether enough of its checks were done. One may lie on the edge of the time that is looked at."""
        return self.due > 0 and (self.share >= ENOUGH or self.due - self.done <= 1.0)

    @property
    def held(self) -> bool:
        """Whether it was there all the time and got what was due to it."""
        return self.up and not self.reconnects and not self.unsent and self.got_enough


def pictures_due(received: int, seconds: float, rate_fps: float) -> float:
    """Pictures that have to be answered for: those that came, and at least what the clock asks for, but for `EDGE_S`.

    One rule for the product and for a peer. A camera that was away, or that fell behind, owes what it missed.

    Args:
        received: Pictures that arrived.
        seconds: How long it was watched, s.
        rate_fps: Pictures a second that the camera sends.
    """
    return max(float(received), (seconds - EDGE_S) * rate_fps)


def checks_due(received: int, seconds: float, rate_fps: float, check_fps: float) -> float:
    """Checks of these pictures: all, or as many as are wanted of them."""
    return pictures_due(received, seconds, rate_fps) * min(1.0, check_fps / rate_fps)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What else the machine did meanwhile, cores.

    Attributes:
        machine: Cores that there are.
        load_server: The server of the cameras.
        bench: This program.
        others: Everybody else.
        stolen: What the machine's host gave to others.
    """

    machine: int
    load_server: float = 0.0
    bench: float = 0.0
    others: float = 0.0
    stolen: float = 0.0


@dataclass(frozen=True, slots=True)
class ApiTally:
    """How the API answered meanwhile.

    Attributes:
        requests: How many were made.
        failed: How many of them were not answered with 200.
        p50_s: Median time of an answer, s.
        p95_s: Time that 95 of 100 answers kept within, s.
        slowest_s: The slowest, s.
    """

    requests: int
    failed: int
    p50_s: float
    p95_s: float
    slowest_s: float


@dataclass(frozen=True, slots=True)
class RunTally:
    """A run.

    Attributes:
        name: Who ran.
        seconds: How long it was measured, s.
        cameras: What came of each camera.
        check_latency: From capture to the end of a check.
        surroundings: What else the machine did.
        cores: Cores in use, by process.
        memory_bytes: Memory at the end, by process.
        event_latency: From capture to the stored event; empty for who stores none.
        woken_latency: As `check_latency`, of what had been slept through.
        woken_event_latency: As `event_latency`, of what had been slept through.
        stages_s: CPU time by stage, s.
        events: Events stored.
        api: How the API answered, or None for who has none.
        asleep: Cameras asleep, on average.
        relief: The most that was given up for want of time, 0..1.
        restarts: Processes that ended unexpectedly.
    """

    name: str
    seconds: float
    cameras: Sequence[CameraTally]
    check_latency: LatencyHistogram
    surroundings: Surroundings
    cores: Mapping[str, float]
    memory_bytes: Mapping[str, int]
    event_latency: LatencyHistogram = field(default_factory=LatencyHistogram)
    woken_latency: LatencyHistogram = field(default_factory=LatencyHistogram)
    woken_event_latency: LatencyHistogram = field(default_factory=LatencyHistogram)
    stages_s: Mapping[str, float] = field(default_factory=dict)
    events: int = 0
    api: ApiTally | None = None
    asleep: float = 0.0
    relief: float = 0.0
    restarts: int = 0

    @property
    def all_cores(self) -> float:
        """Cores of all its processes."""
        return sum(self.cores.values())

    @property
    def cpu_ms_a_camera_s(self) -> float:
        """CPU time that a camera took each second, ms."""
        return 1000 * self.all_cores / max(1, len(self.cameras))

    @property
    def all_memory_bytes(self) -> int:
        """Memory of all its processes, bytes."""
        return sum(self.memory_bytes.values())

    @property
    def dropped(self) -> Counter[str]:
        """What was given up, by cause."""
        return sum((Counter(camera.dropped) for camera in self.cameras), Counter())

    @property
    def dropped_share(self) -> float:
        """What was given up, of the checks that were due, 0..1."""
        due = sum(camera.due for camera in self.cameras)
        return sum(self.dropped.values()) / due if due > 0 else 0.0

    @property
    def done_share(self) -> float:
        """Checks that were done of those that were due, 0..1."""
        due = sum(camera.due for camera in self.cameras)
        return min(1.0, sum(camera.done for camera in self.cameras) / due) if due > 0 else 0.0

    @property
    def detector_share(self) -> float:
        """Checks that the detector saw, of those that were done, 0..1."""
        done = sum(camera.done for camera in self.cameras)
        return sum(camera.detector for camera in self.cameras) / done if done else 0.0

    @property
    def sleep_words(self) -> str:
        """How many cameras slept and how much was given up for want of time; empty where it was none."""
        asleep = f"{self.asleep:.0f} of them asleep on their keyframes on average" if self.asleep >= 0.5 else ""
        relief = f"relief up to {100 * self.relief:.0f} %" if self.relief > 0 else ""
        return ", ".join(words for words in (asleep, relief) if words)

    @property
    def moved(self) -> int:
        """How often a camera went from one process to another."""
        return sum(camera.moved for camera in self.cameras)

    @property
    def worst(self) -> CameraTally | None:
        """The camera that got the least of what was due to it."""
        return min(self.cameras, key=lambda camera: camera.share, default=None)


def usage_between(
    before: Mapping[str, Usage], after: Mapping[str, Usage], seconds: float, between: Sequence[Mapping[str, Usage]] = ()
) -> tuple[dict[str, float], dict[str, int]]:
    """Cores in use between two readings, and memory at the second one, both by process; who started in between counts from the start.

    Args:
        before: The first reading.
        after: The second one.
        seconds: Between the two.
        between: Readings in between, in their order: who has left since stands as `ended`, with what it had used until it was last seen.
    """
    then = {usage.pid: usage.cpu_s for usage in before.values()}
    cores = {name: max(0.0, usage.cpu_s - then.get(usage.pid, 0.0)) / seconds for name, usage in after.items()}
    here = {usage.pid for usage in after.values()}
    left = {usage.pid: usage.cpu_s for reading in between for usage in reading.values() if usage.pid not in here}
    if left:
        cores["ended"] = sum(max(0.0, used_s - then.get(pid, 0.0)) for pid, used_s in left.items()) / seconds
    return cores, {name: usage.memory_bytes for name, usage in after.items()}
