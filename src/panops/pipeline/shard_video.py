"""A shard's cameras as live video: packets of their rings, copied into fragments while somebody watches, never decoded."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Any

from panops.domain.errors import SourceError
from panops.domain.packets import Packet, StreamInfo
from panops.ingest.camera_feed import CameraFeed
from panops.ingest.fragment import Fragmenter
from panops.pipeline.link import Message
from panops.pipeline.stage_meter import StageMeter
from panops.pipeline.video import StreamName, VideoMessage, VideoPiece, VideoRefused, VideoStart, video_to_wire
from panops.pipeline.video_sources import VideoSources

log = logging.getLogger(__name__)

# Packets ring; this is for what does not: a camera that comes back, a connection that is another one now.
_LOOK_EVERY_S = 0.5
_Wish = tuple[str, StreamName, int]


class ShardVideo:
    """Sends the video of cameras that are watched. One thread serves all of them, which runs only while there are any.

    Args:
        sources: Gives the connection that has a camera's stream now, or why there is none.
        send: Takes a message and its tail; False when it is not taken, because the supervisor is behind.
        meter: Where CPU time is added up.
    """

    def __init__(
        self,
        sources: VideoSources,
        send: Callable[[Message, bytes], bool],
        meter: StageMeter,
    ) -> None:
        self._sources = sources
        self._send = send
        self._meter = meter
        self._wanted: frozenset[_Wish] = frozenset()
        self._streams: dict[_Wish, _Stream] = {}
        self._wake = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closing = False

    def watch(self, wanted: Sequence[Sequence[Any]]) -> None:
        """Send the video of exactly these streams from now on: rows of camera, stream, number. One of another number begins anew."""
        with self._lock:
            self._wanted = frozenset((str(camera_id), stream, int(number)) for camera_id, stream, number in wanted)
            if self._wanted and self._thread is None and not self._closing:
                self._thread = threading.Thread(target=self._run, name="video", daemon=True)
                self._thread.start()
        self._wake.set()

    def close(self, timeout_s: float = 2.0) -> None:
        """Stop. Safe to call twice."""
        self._closing = True
        with self._lock:
            self._wanted, thread = frozenset(), self._thread
        self._wake.set()
        if thread is not None:
            thread.join(timeout_s)
        self._sources.close()

    def _run(self) -> None:
        while True:
            self._wake.wait(_LOOK_EVERY_S)
            self._wake.clear()
            with self._meter.stage("video"):
                self.run_once()
            with self._lock:
                if not self._wanted and not self._streams and not self._sources.any_open:
                    self._thread = None
                    return

    def run_once(self) -> None:
        """One round: what has come of every stream. For the thread, and for tests."""
        wanted = self._wanted
        for key in [key for key in self._streams if key not in wanted]:
            self._streams.pop(key).let_go()
        self._sources.keep({camera_id for camera_id, name, _ in wanted if name == "main"})
        for key in wanted:
            camera_id, name, _ = key
            stream = self._streams.setdefault(key, _Stream(camera_id, name, self._send, self._wake.set))
            try:
                stream.take(self._sources.feed(camera_id, name))
            except Exception:  # one camera's fault must not end the video of the others
                log.exception("camera %s: its video failed; it begins anew", camera_id)
                self._streams.pop(key).let_go()


class _Stream:
    """One camera's stream. For one thread."""

    def __init__(self, camera_id: str, name: StreamName, send: Callable[[Message, bytes], bool], ring: Callable[[], None]) -> None:
        self._camera_id, self._name = camera_id, name
        self._send, self._ring = send, ring
        self._feed: CameraFeed | None = None
        self._next: int | None = None
        self._epoch: int | None = None
        self._fragmenter: Fragmenter | None = None
        self._waits_for_keyframe = False
        self._refused = ""

    def take(self, feed: CameraFeed | str) -> None:
        """Send what has come."""
        if isinstance(feed, str):
            self.let_go()
            self._refuse(feed)
            return
        if feed is not self._feed:
            self.let_go()
            self._feed, feed.ring.listener = feed, self._ring
        if self._next is None:
            status = feed.status
            if status.state != "live":  # what the ring has then is the past
                self._refuse(status.message or "the camera is not live")
                return
            # A viewer begins at once: with the group of pictures that is under way.
            self._next = feed.ring.newest_group()
        if self._next is None:
            return
        packets, number = feed.ring.following(self._next)
        if number - self._next > len(packets):
            self._waits_for_keyframe = True
        self._next = number
        for packet in packets:
            self._give(packet, feed)

    def let_go(self) -> None:
        """Take no more of a connection."""
        if self._feed is not None:
            self._feed.ring.listener = None
        self._feed = self._next = self._epoch = self._fragmenter = None

    def _give(self, packet: Packet, feed: CameraFeed) -> None:
        if packet.epoch != self._epoch:
            if packet.is_keyframe:
                self._begin(packet, feed)
            else:
                self._fragmenter = None
        if self._fragmenter is None or (self._waits_for_keyframe and not packet.is_keyframe):
            return
        one = self._fragmenter.add(packet)
        self._waits_for_keyframe = not self._say(VideoPiece(one.is_keyframe, one.at_s, one.captured_at_s, one.data))

    def _begin(self, packet: Packet, feed: CameraFeed) -> None:
        carried = getattr(packet.payload, "opaque", None)
        info = carried if isinstance(carried, StreamInfo) else feed.info
        self._epoch, self._fragmenter = packet.epoch, None
        if info is None:
            return
        try:
            fragmenter = Fragmenter(info)
        except SourceError as error:
            self._refuse(str(error))
            return
        if self._say(VideoStart(fragmenter.mime, info.size_wh, fragmenter.start)):
            self._fragmenter, self._waits_for_keyframe, self._refused = fragmenter, False, ""
        else:
            self._epoch = None  # the next keyframe begins it

    def _refuse(self, reason: str) -> None:
        if reason != self._refused and self._say(VideoRefused(reason)):
            self._refused = reason

    def _say(self, message: VideoMessage) -> bool:
        return self._send(*video_to_wire(self._camera_id, self._name, message))
