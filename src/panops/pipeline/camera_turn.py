"""One camera's turn at a decode worker: a few packets, the frames in them, the checks that are due."""

from __future__ import annotations

import time
from collections.abc import Sequence

from panops.domain.clock import Clock
from panops.domain.packets import Packet, StreamInfo
from panops.ingest.camera_feed import CameraFeed
from panops.pipeline.analysis_loop import AnalysisLoop
from panops.pipeline.camera_loop import CameraLoop
from panops.pipeline.packet_walk import PacketWalk
from panops.pipeline.previews import Previewer
from panops.pipeline.stage_meter import StageMeter

# A camera that cannot be decoded as fast as it sends must not make all others wait for all that it has waiting.
_MOST_PACKETS = 8


class CameraTurn:
    """Decodes for one camera. `take` is called by one decode worker at a time.

    Args:
        feed: The camera's connection.
        loop: What becomes of its frames.
        analysis: Takes the checks.
        previewer: Takes pictures for people who want more of them than there are checks.
        stages: Where CPU time is added up.
        clock: Time.
    """

    def __init__(
        self, feed: CameraFeed, loop: CameraLoop, analysis: AnalysisLoop, previewer: Previewer, stages: StageMeter, clock: Clock
    ) -> None:
        self._feed = feed
        self._loop = loop
        self._analysis = analysis
        self._previewer = previewer
        self._stages = stages
        self._walk = PacketWalk(feed, clock)

    @property
    def is_replaying(self) -> bool:
        """Whether something that was slept through is still to be decoded."""
        return self._walk.is_replaying

    @property
    def must_wake(self) -> bool:
        """Whether the camera sleeps and has to wake, whatever its next keyframe shows."""
        loop, feed = self._loop, self._feed
        return loop.sleep.asleep and (loop.stirs or loop.sleep.misses_keyframes(feed.keyframe_waited_s, feed.keyframe_interval_s))

    def take(self) -> bool:
        """Decode the next packets; whether there is more to do at once."""
        loop, info = self._loop, self._feed.info
        interval_s = self._feed.keyframe_interval_s
        loop.keyframe_interval_s = None if interval_s is None else max(interval_s, self._feed.keyframe_waited_s)
        if self.must_wake:
            loop.wake()
            self._follow_sleep()
        replaying = self._walk.is_replaying
        # Each packet may become a check that waits.
        most = min(_MOST_PACKETS, self._analysis.room(loop.camera_id)) if replaying else _MOST_PACKETS
        if most == 0:
            return False  # the analysis asks for another turn when there is room
        packets = self._walk.take(most, hurried=loop.sleep.hurried)
        if info is None or not packets:
            return False
        self._decode(packets, info)
        if not self._walk.is_replaying and loop.slept_from_s is None:
            loop.replaying = False
        self._follow_sleep()
        self._show()
        # After a replay, too: what came in the meantime was announced, and is still to be taken.
        return replaying or len(packets) == most or self._walk.is_replaying

    def _decode(self, packets: Sequence[Packet], info: StreamInfo) -> None:
        loop = self._loop
        began_s, gate_s = time.thread_time(), 0.0
        for frame in loop.frames(packets, info):
            gate_began_s = time.thread_time()
            check = loop.consider(frame)
            gate_s += time.thread_time() - gate_began_s
            if check is not None:
                self._analysis.offer(check)
            if loop.slept_from_s is not None:
                break  # these packets come again, after those that were slept through
        used_s = time.thread_time() - began_s
        self._stages.add("gate", gate_s)
        self._stages.add("decode", used_s - gate_s)
        loop.counters.decode_cpu_s += used_s

    def _follow_sleep(self) -> None:
        loop = self._loop
        if loop.slept_from_s is not None:
            self._walk.go_back(loop.slept_from_s)
            loop.slept_from_s = None
        elif loop.sleep.asleep:
            self._feed.quiet = True

    def _show(self) -> None:
        loop = self._loop
        if loop.newest is not None and not loop.replaying and self._previewer.highest_fps(loop.camera_id) > loop.config.check_fps:
            with self._stages.stage("preview"):
                self._previewer.offer(loop.newest, loop.tracks, loop.classes)
