"""A shard's recorded cameras: of each the packets that are looked at, or a stream of its own that nobody decodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from zlib import crc32

from panops.config.record_schema import RecordingConfig
from panops.config.rule_schema import CombinedConfig, DwellConfig, RuleConfig
from panops.config.schema import CameraConfig
from panops.domain.clock import Clock
from panops.domain.events import Event
from panops.ingest.camera_feed import CameraFeed
from panops.ingest.packet_ring import PacketRing
from panops.ingest.pending import NothingPending
from panops.ingest.registry import open_source
from panops.pipeline.camera_recording import CameraRecording
from panops.pipeline.check import Outcome
from panops.pipeline.live import CameraStatus
from panops.pipeline.recording import Recording
from panops.pipeline.stage_meter import StageMeter
from panops.storage.database import Database
from panops.storage.home import Home
from panops.storage.recording_folder import RecordingFolder
from panops.storage.recordings import RecordingIndex

# For so long the disk may hang without a gap.
_RING_S = 20.0
_RING_BYTES = 64 * 1024 * 1024
# A visit is told when it is over; of a longer one the beginning may be deleted.
_LONG_VISIT_S = 600.0
# One that hangs in the name service ends by itself.
_STOP_WITHIN_S = 1.0


def folder_of(config: RecordingConfig, home: Home) -> RecordingFolder:
    """Where the recordings of a site lie."""
    return RecordingFolder(Path(config.folder), made_by_us=False) if config.folder else RecordingFolder(home.recordings)


def told_after_s(rules: Sequence[RuleConfig]) -> float:
    """How long after its beginning an event of these rules may be told, s."""
    longest_s = max((_told_after_s(rule) for rule in rules if not isinstance(rule, CombinedConfig)), default=0.0)
    apart_s = max((rule.within_s * (len(rule.of) - 1) for rule in rules if isinstance(rule, CombinedConfig)), default=0.0)
    return longest_s + apart_s


def _told_after_s(rule: RuleConfig) -> float:
    if isinstance(rule, DwellConfig):
        return _LONG_VISIT_S
    waits = (getattr(rule, name, 0.0) for name in ("after_s", "grace_s", "window_s"))
    return sum(wait for wait in waits if isinstance(wait, int | float))


class ShardRecording:
    """Begins and ends the recording of cameras as they come and go.

    Args:
        home: Where recordings lie unless the settings name another folder.
        database: Open database.
        clock: Time.
        on_problem: Told a sentence when something is not recorded, and an empty one when all is again.
        meter: Where CPU time is added up.
        is_behind: Whether events that were told are not stored.
    """

    def __init__(
        self,
        home: Home,
        database: Database,
        clock: Clock,
        on_problem: Callable[[str], None],
        meter: StageMeter,
        is_behind: Callable[[], bool] = lambda: False,
    ) -> None:
        self._home = home
        self._clock = clock
        self._is_behind = is_behind
        self._recording = Recording(RecordingIndex(database), clock, on_problem, meter)
        self._own: dict[str, CameraFeed] = {}
        self._past_demux_s = 0.0

    def start(self) -> None:
        """Start the thread that writes."""
        self._recording.start()

    def add(
        self,
        camera_id: str,
        config: CameraConfig,
        feed: CameraFeed,
        settings: Mapping[str, Any] | None,
        rules: Sequence[RuleConfig] = (),
    ) -> None:
        """Record a camera, if its settings say so; a connection of its own is started here.

        Args:
            camera_id: The camera.
            config: Its settings.
            feed: Its connection.
            settings: The site's `recording` as JSON values; None where nothing is recorded.
            rules: The camera's rules: their events may be told long after they began.
        """
        if config.record.mode == "off" or settings is None:
            return
        site = RecordingConfig.model_validate(settings)
        own = second_connection(camera_id, config, self._clock)
        taken = own or feed
        camera = CameraRecording(
            camera_id,
            config.record,
            site.segment_s,
            taken.ring,
            lambda: taken.info,
            folder_of(site, self._home),
            self._clock,
            lambda: _trouble(own),
            self._is_behind,
            told_after_s=told_after_s(rules),
            first_share=0.25 + 0.75 * (crc32(camera_id.encode()) % 100) / 100,
        )
        self._recording.add_camera(camera, site)
        if own is not None:
            self._own[camera_id] = own
            own.start()

    def remove(self, camera_id: str) -> None:
        """A camera ends, after its connection was closed."""
        own = self._own.pop(camera_id, None)
        if own is not None:
            own.stop(_STOP_WITHIN_S)
            self._past_demux_s += own.cpu_s
        self._recording.remove_camera(camera_id)

    def own(self, camera_id: str) -> CameraFeed | None:
        """The connection that a camera is recorded by, where that is not the one that is looked at."""
        return self._own.get(camera_id)

    def note(self, outcome: Outcome) -> None:
        """Follow a look; cheap."""
        self._recording.note(outcome)

    def events(self, events: Sequence[Event]) -> None:
        """These are told of, and not stored yet; cheap."""
        self._recording.told(events)

    def stored(self, events: Sequence[Event]) -> None:
        """These are in the database now."""
        self._recording.stored(events)

    def close(self) -> None:
        """End all files, write their rows, and stop."""
        self._recording.close()

    @property
    def demux_s(self) -> float:
        """CPU time of the connections that only record, so far, s."""
        return self._past_demux_s + sum(own.cpu_s for own in tuple(self._own.values()))

    def told(self, status: CameraStatus) -> CameraStatus:
        """A camera's status, with what is recorded of it."""
        camera = self._recording.of(status.camera_id)
        if camera is None:
            return status
        return replace(
            status,
            recorded_bytes=camera.recorded_bytes,
            recorded_segments=camera.recorded_segments,
            recording_failures=dict(camera.failures),
        )


def second_connection(camera_id: str, config: CameraConfig, clock: Clock) -> CameraFeed | None:
    """A connection to a camera's `record_source`, not started yet, which nobody decodes; None where it has none."""
    if not config.record_source.get_secret_value():
        return None
    wanted = config.model_copy(update={"source": config.record_source})
    ring, pending = PacketRing(_RING_S, _RING_BYTES), NothingPending()
    return CameraFeed(
        camera_id, lambda: open_source(camera_id, wanted, clock), ring, clock, lambda _: None, stall_s=config.stall_s, pending=pending
    )


def _trouble(own: CameraFeed | None) -> str:
    """What is wrong with a connection that only records: nothing else would show it."""
    if own is None:
        return ""
    status = own.status
    return "" if status.state in ("live", "starting") else f"its record_source is {status.state}: {status.message}"
