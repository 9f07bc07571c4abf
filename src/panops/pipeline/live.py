"""What the page and API may know of, and ask from, the running site. The supervisor implements it; `panops.testing` has a fake."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, Protocol

from panops.config.schema import CameraConfig
from panops.domain.face_votes import FaceVerdict
from panops.domain.switches import SwitchedOff
from panops.pipeline.latency import LatencyHistogram
from panops.pipeline.video import StreamName, VideoFeed


class CameraState(StrEnum):
    """What a camera is doing, in the words of the page, the API and the metrics."""

    STARTING = "starting"
    LIVE = "live"
    UNREACHABLE = "unreachable"
    UNAUTHORIZED = "unauthorized"
    UNSUPPORTED = "unsupported"
    CORRUPT = "corrupt"
    STALLED = "stalled"
    FROZEN = "frozen"
    ERROR = "error"
    ENDED = "ended"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class CameraStatus:
    """One camera's health now.

    Attributes:
        camera_id: The camera.
        state: What it is doing.
        message: One sentence for people when it is not live; never holds a password.
        address: Where it is, without the password.
        model: The detector in use.
        classes: The detector's class names.
        size_wh: Picture size in px, (0, 0) before the first frame.
        codec: Codec name, empty before the first frame.
        source_fps: Frames that come per second, lately, decoded or not.
        checks_fps: Frames looked at per second, lately (gate included).
        inference_ms: Median time of the detector, ms, lately.
        last_frame_s: UTC time of the newest decoded frame, or None.
        reconnects: How often the connection had to be made again.
        decoded: Frames decoded so far.
        analysed: Frames the detector saw so far.
        dropped: Frames given up so far, by cause.
        tracks: Objects followed now.
        shard: Index of the process that owns the camera, -1 for none.
        packets: Packets received so far.
        checks: Frames looked at so far (gate included).
        asleep: Whether only keyframes are decoded, because nothing happens.
        woken: How often it was woken so far.
        keyframe_interval_s: Time between its keyframes, s, or None before there were two.
        cost_cores: Share of a core that the camera takes, lately: connection, decoding, gate, detector.
        cost_over_s: For how long that was measured, s; under a minute it says little.
        has_open_events: Whether an event goes on there.
        suppressed: Events taken for false alarms so far, by the step that stopped them.
        chain_failures: How often a step of the chain failed, by its name.
        detects: Whether its pictures are analysed by detector and rules; without that it is only read, shown and recorded.
        off: What of it is switched off.
        recorded_bytes: Bytes of video recorded so far, also of files that did not stay.
        recorded_segments: Files that were recorded and stayed so far.
        recording_failures: What went wrong with its recording so far, by cause.
    """

    camera_id: str
    state: CameraState
    message: str = ""
    address: str = ""
    model: str = ""
    classes: tuple[str, ...] = ()
    size_wh: tuple[int, int] = (0, 0)
    codec: str = ""
    source_fps: float = 0.0
    checks_fps: float = 0.0
    inference_ms: float = 0.0
    last_frame_s: float | None = None
    reconnects: int = 0
    decoded: int = 0
    analysed: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict)
    tracks: int = 0
    shard: int = -1
    packets: int = 0
    checks: int = 0
    asleep: bool = False
    woken: int = 0
    keyframe_interval_s: float | None = None
    cost_cores: float = 0.0
    cost_over_s: float = 0.0
    has_open_events: bool = False
    suppressed: Mapping[str, int] = field(default_factory=dict)
    chain_failures: Mapping[str, int] = field(default_factory=dict)
    detects: bool = True
    off: tuple[SwitchedOff, ...] = ()
    recorded_bytes: int = 0
    recorded_segments: int = 0
    recording_failures: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ShardFigures:
    """How one process is doing.

    Attributes:
        index: The shard's number.
        cameras: How many it owns.
        asleep: How many of them sleep.
        cpu_s: CPU time so far by stage, s: `demux`, `decode`, `gate`, `detect`, `track`, `rules`, `preview`, `record`, `other`.
        check_latency: From capture to the end of analysis, of checks as they came.
        event_latency: From capture of the look that told of an event until it was stored.
        woken_latency: As `check_latency`, of looks at what a sleeping camera had skipped.
        woken_event_latency: As `event_latency`, of events that such looks told of.
        decode_wait_s: How long packets waited for a decode worker, lately, s.
        analysis_wait_s: How long checks waited for the detector, lately, s.
        relief: How much is given up because of too much work: 0 nothing, 1 everything but the safety floor.
        giving_up: What is given up now, in words; empty for nothing.
    """

    index: int
    cameras: int = 0
    asleep: int = 0
    cpu_s: Mapping[str, float] = field(default_factory=dict)
    check_latency: LatencyHistogram = field(default_factory=LatencyHistogram)
    event_latency: LatencyHistogram = field(default_factory=LatencyHistogram)
    woken_latency: LatencyHistogram = field(default_factory=LatencyHistogram)
    woken_event_latency: LatencyHistogram = field(default_factory=LatencyHistogram)
    decode_wait_s: float = 0.0
    analysis_wait_s: float = 0.0
    relief: float = 0.0
    giving_up: str = ""


@dataclass(frozen=True, slots=True)
class LiveIdentity:
    """Who somebody in a live picture is, as looks at the face agree. Viewers are never told.

    Attributes:
        verdict: Somebody known, nobody known, or no living face.
        person_id: Who; empty where nobody known.
        name: Their name; empty where nobody known.
    """

    verdict: FaceVerdict
    person_id: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class LiveBox:
    """One tracked object for drawing. `box` is relative x1, y1, x2, y2; `who` is None where nothing is decided, or nobody may know."""

    track_id: int
    class_name: str
    score: float
    box: tuple[float, float, float, float]
    who: LiveIdentity | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """A picture for the wall.

    Attributes:
        camera_id: The camera.
        time_s: Capture time, UTC s.
        size: `s` (426 px wide at most), `m` (854) or `l` (the camera's own size, 1280 at most).
        jpeg: The encoded picture.
        boxes: The objects tracked at that time.
    """

    camera_id: str
    time_s: float
    size: Literal["s", "m", "l"]
    jpeg: bytes
    boxes: tuple[LiveBox, ...] = ()


@dataclass(frozen=True, slots=True)
class EventNotice:
    """An event was stored; readers fetch it by its id. `phase` is begin, update or end, or evidence when a picture or clip was added."""

    event_id: str
    camera_id: str
    rule_id: str
    phase: str


@dataclass(frozen=True, slots=True)
class SystemNotice:
    """Something about the site itself that an operator should know: storage full, a process restarted ...

    Attributes:
        topic: Stable word: `storage`, `shard`, `model`, `config`.
        level: `info`, `warning` or `alarm`; `info` also clears an earlier notice of the topic.
        message: One sentence.
    """

    topic: str
    level: Literal["info", "warning", "alarm"]
    message: str


@dataclass(frozen=True, slots=True)
class SinkStatus:
    """How somebody who is told of events does.

    Attributes:
        sink_id: The sink.
        kind: webhook, email ...
        enabled: Whether it is on.
        problem: Why alerts wait, in one sentence; empty when all is well.
        problem_since_s: Since when, UTC s; None when all is well.
        last_sent_s: When something was last delivered since the start, UTC s, or None.
        waiting: Deliveries that are still to be sent.
        sent: Deliveries that were sent and are not yet forgotten with their events.
        dead: Deliveries that were given up.
    """

    sink_id: str
    kind: str
    enabled: bool = True
    problem: str = ""
    problem_since_s: float | None = None
    last_sent_s: float | None = None
    waiting: int = 0
    sent: int = 0
    dead: int = 0


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """Answer of a connection test. `jpeg` is the first picture when it worked."""

    ok: bool
    state: CameraState
    message: str
    codec: str = ""
    size_wh: tuple[int, int] = (0, 0)
    rate_fps: float | None = None
    keyframe_interval_s: float | None = None
    took_s: float = 0.0
    jpeg: bytes = b""


LiveMessage = Preview | EventNotice | CameraStatus | SystemNotice


class Subscription(Protocol):
    """One viewer's feed. Previews are latest-wins per camera: a slow reader skips pictures, nothing queues; notices are kept (bounded)."""

    def watch(self, camera_ids: Sequence[str], fps: float, size: Literal["s", "m", "l"]) -> None:
        """Ask for these cameras' previews from now on, and no others."""
        ...

    async def next(self) -> list[LiveMessage]:
        """Wait until there is something, then everything there is: at most one preview a camera."""
        ...

    def close(self) -> None:
        """End the feed. Safe to call twice."""
        ...


class AlertDesk(Protocol):
    """Who is told of events, and how that goes. All methods may block, but `wake` and `commands`; they are called in a thread."""

    def statuses(self) -> list[SinkStatus]:
        """How each sink does, in the site's order; those that are off, too."""
        ...

    def test(self, sink_id: str) -> str:
        """Deliver a test at once; what the receiver answered.

        Raises:
            KeyError: There is no such sink.
            SinkError: It was not delivered, and why.
        """
        ...

    def wake(self) -> None:
        """There is something to send: look now."""
        ...

    def commands(self) -> Mapping[tuple[str, str], int]:
        """How many commands of sinks came to what since the start, by sink and outcome; never blocks."""
        ...


class LiveSite(Protocol):
    """The running site. All methods are called on the server's event loop."""

    def statuses(self) -> list[CameraStatus]:
        """Every configured camera's status, by camera id."""
        ...

    def notices(self) -> list[SystemNotice]:
        """The standing notices that are not `info`."""
        ...

    def subscribe(self) -> Subscription:
        """A new feed; it gets notices at once and previews after `watch`."""
        ...

    async def snapshot(self, camera_id: str, size: Literal["s", "m", "l"]) -> Preview | None:
        """The newest picture, or None when there is none within a second."""
        ...

    def video(self, camera_id: str, stream: StreamName) -> VideoFeed:
        """A new viewer of a camera's live video, copied from the camera's own stream.

        Raises:
            TooManyViewersError: As many watch already as may.
        """
        ...

    async def probe(self, camera: CameraConfig) -> ProbeResult:
        """Try an address: connect, decode one picture, say what is wrong. At most about 15 s. Never raises for a bad camera."""
        ...

    async def reload(self) -> None:
        """Read the desired state from the database again and start, stop or change cameras so that it holds."""
        ...

    @property
    def alerts(self) -> AlertDesk:
        """Who is told of events."""
        ...

    def shards(self) -> list[ShardFigures]:
        """How each process is doing, by its index; one that has not told yet is left out."""
        ...

    def metrics(self) -> Mapping[str, float]:
        """Site-wide figures.

        `cpu_cores`, `rss_bytes`, `uptime_s`, `shards`, `shard_restarts`, `cameras_moved`, `events_written`, `storage_free_bytes`,
        `recording_headroom_hours`.
        """
        ...
