"""What came of each camera between two moments, and of the run as a whole. Built for the product and for a peer alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from panops.bench.processes import Usage
from panops.pipeline.latency import LatencyHistogram

# A camera is held when it got so much of its checks.
ENOUGH = 0.98


@dataclass(frozen=True, slots=True)
class CameraTally:
    """One camera between two moments.

    Attributes:
        camera_id: The camera.
        offered: Pictures that the server sent it.
        received: Pictures that arrived.
        due: Checks that were due, by the pictures that arrived; of a camera that slept: those that it was awake for, and its keyframes.
        done: Checks that were finished.
        detector: Checks that the detector saw.
        dropped: Pictures or checks given up, by cause.
        slept: Whether it slept at any time.
        up: Whether it was live at the end.
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

    @property
    def share(self) -> float:
        """Checks that were done of those that were due, 0..1; 0 where nothing was due, for then nothing arrived."""
        return min(1.0, self.done / self.due) if self.due > 0 else 0.0

    @property
    def held(self) -> bool:
        """Whether it got what was due to it. One check may lie on the edge of the time that is looked at."""
        return self.up and self.due > 0 and (self.share >= ENOUGH or self.due - self.done <= 1.0)


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
    def worst(self) -> CameraTally | None:
        """The camera that got the least of what was due to it."""
        return min(self.cameras, key=lambda camera: camera.share, default=None)


def usage_between(before: Mapping[str, Usage], after: Mapping[str, Usage], seconds: float) -> tuple[dict[str, float], dict[str, int]]:
    """Cores in use between two readings, and memory at the second one, both by process; who started in between counts from the start."""
    none = Usage()
    cores = {name: max(0.0, usage.cpu_s - before.get(name, none).cpu_s) / seconds for name, usage in after.items()}
    return cores, {name: usage.memory_bytes for name, usage in after.items()}
