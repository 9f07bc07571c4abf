"""Which connection has the packets that somebody wants to watch; one of its own is made where nobody records the main stream."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Protocol

from panops.config.schema import CameraConfig
from panops.domain.clock import Clock
from panops.ingest.camera_feed import CameraFeed
from panops.pipeline.camera_loop import CameraLoop
from panops.pipeline.shard_recording import ShardRecording, second_connection
from panops.pipeline.video import StreamName
from panops.pipeline.video_hub import MOST_VIEWERS

MOST_MADE = MOST_VIEWERS
"""So many connections of main streams may only serve viewers: each has a thread, and up to 64 MiB of packets."""
# Who leaves and comes back finds the connection still there.
_KEEP_S = 5.0
_STOP_WITHIN_S = 1.0


class RunningCamera(Protocol):
    """A camera of the shard."""

    @property
    def feed(self) -> CameraFeed | None:
        """Its connection, or None where it cannot run."""
        ...

    @property
    def loop(self) -> CameraLoop | None:
        """What looks at it, with its settings, or None where it cannot run."""
        ...


class VideoSources:
    """Finds connections, and makes those of main streams that are only watched. For the video thread, but `keep`.

    Args:
        camera: Gives a camera that the shard has, or None.
        recording: What is recorded.
        clock: Time.
    """

    def __init__(self, camera: Callable[[str], RunningCamera | None], recording: ShardRecording, clock: Clock) -> None:
        self._camera = camera
        self._recording = recording
        self._clock = clock
        self._made: dict[str, tuple[CameraFeed, CameraConfig]] = {}
        self._left_s: dict[str, float] = {}

    def feed(self, camera_id: str, stream: StreamName) -> CameraFeed | str:
        """The connection that has a stream now, or in one sentence why there is none."""
        camera = self._camera(camera_id)
        if camera is None or camera.feed is None or camera.loop is None:
            if camera_id in self._made:
                self._end(camera_id)
            return "the camera does not run"
        if camera.loop.config.privacy.hides("live"):
            people = "people are masked" if camera.loop.config.privacy.mask_persons else "faces are blurred"
            return f"{people} on this camera, so it is shown as pictures"
        if stream == "sub":
            return camera.feed
        recorded = self._recording.own(camera_id)
        if recorded is not None:
            return recorded
        made = self._made.get(camera_id)
        config = camera.loop.config
        if made is not None and made[1] is config:
            return made[0]
        if made is not None:
            self._end(camera_id)
        return self._make(camera_id, config)

    def keep(self, watched: Collection[str]) -> None:
        """End the connections of main streams that nobody has watched for some seconds, and of those that are recorded by now.

        For the beginning of a round: `feed` then knows which ones it may end to have room.
        """
        now_s = self._clock.monotonic_s()
        for camera_id in tuple(self._made):
            if camera_id in watched and self._recording.own(camera_id) is None:
                self._left_s.pop(camera_id, None)
            elif now_s - self._left_s.setdefault(camera_id, now_s) >= _KEEP_S:
                self._end(camera_id)

    def close(self) -> None:
        """End all of them."""
        for camera_id in tuple(self._made):
            self._end(camera_id)

    @property
    def any_open(self) -> bool:
        """Whether there are connections that only serve viewers."""
        return bool(self._made)

    def _make(self, camera_id: str, config: CameraConfig) -> CameraFeed | str:
        new = second_connection(camera_id, config, self._clock)
        if new is None:
            return "the camera has no main stream of its own: set `record_source`"
        if len(self._made) >= MOST_MADE:
            if not self._left_s:
                return f"{MOST_MADE} main streams are watched already; this is shown as pictures"
            self._end(min(self._left_s, key=self._left_s.__getitem__))
        self._made[camera_id] = (new, config)
        new.start()
        return new

    def _end(self, camera_id: str) -> None:
        feed, _ = self._made.pop(camera_id)
        self._left_s.pop(camera_id, None)
        feed.stop(_STOP_WITHIN_S)
