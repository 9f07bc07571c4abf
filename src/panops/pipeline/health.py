"""Puts a camera's connection, counters and model together into the one status that people see."""

from __future__ import annotations

import time
from dataclasses import dataclass
from statistics import median

from panops.ingest.camera_feed import FeedStatus
from panops.motion.sleep import advice
from panops.pipeline.camera_loop import CameraLoop
from panops.pipeline.live import CameraState, CameraStatus

# A stream may wait that long, and for that many packets, for its first keyframe.
_LONGEST_GOP_S = 20.0
_FEWEST_PACKETS = 50
_COST_OVER_S = 30.0


@dataclass(slots=True)
class _Mark:
    at_s: float
    packets: int
    decoded: int
    checks: int
    cpu_s: float


class HealthMeter:
    """Rates of one camera, from the differences of its counters."""

    def __init__(self) -> None:
        self._mark: _Mark | None = None
        self._source_fps = 0.0
        self._checks_fps = 0.0
        self._cost_cores = 0.0
        self._cost_over_s = 0.0

    def status(self, loop: CameraLoop, feed: FeedStatus, model: str, shard: int) -> CameraStatus:
        """The camera's status now.

        Args:
            loop: Its loop.
            feed: Its connection.
            model: Its detector's name.
            shard: The shard's number.
        """
        # Read first: what is read after it was switched off is final, and nothing of before stands beside an "off".
        detects = loop.detects
        self._measure(loop, feed)
        counters = loop.counters
        state, message = self._state(loop, feed)
        newest = loop.newest
        return CameraStatus(
            camera_id=loop.camera_id,
            state=state,
            message=message,
            address=feed.address,
            model=model,
            classes=loop.classes,
            size_wh=newest.size_wh if newest is not None else feed.size_wh,
            codec=feed.codec,
            source_fps=round(self._source_fps, 2),
            checks_fps=round(self._checks_fps, 2),
            inference_ms=round(1000 * median(counters.inference_s), 2) if counters.inference_s else 0.0,
            last_frame_s=newest.captured_at_s if newest is not None else None,
            reconnects=feed.reconnects,
            decoded=counters.decoded,
            analysed=counters.analysed,
            dropped={**feed.dropped, **loop.undecodable, **loop.given_up, **counters.dropped},
            tracks=len(loop.tracks) if loop.tracks is not None else 0,
            shard=shard,
            packets=feed.packets,
            checks=counters.checks,
            asleep=loop.sleep.asleep,
            woken=loop.sleep.woken,
            keyframe_interval_s=feed.keyframe_interval_s,
            cost_cores=round(self._cost_cores, 4),
            cost_over_s=round(self._cost_over_s, 1),
            has_open_events=loop.has_open_events,
            suppressed={} if loop.chain is None else dict(loop.chain.suppressed),
            chain_failures={} if loop.chain is None else dict(loop.chain.failures),
            detects=detects,
        )

    def _measure(self, loop: CameraLoop, feed: FeedStatus) -> None:
        now_s = time.monotonic()
        counters = loop.counters
        cpu_s = feed.cpu_s + counters.decode_cpu_s + counters.analysis_cpu_s
        if self._mark is not None and now_s - self._mark.at_s < 0.9:
            return
        if self._mark is not None:
            elapsed_s = now_s - self._mark.at_s
            # Half new, half old: steady enough to read, quick enough to believe.
            self._source_fps = 0.5 * self._source_fps + 0.5 * (feed.packets - self._mark.packets) / elapsed_s
            self._checks_fps = 0.5 * self._checks_fps + 0.5 * (counters.checks - self._mark.checks) / elapsed_s
            if self._mark.decoded:  # connecting and the first picture are no measure of what comes after
                # What a camera costs changes with every passer-by: the mean of all so far at first, of the last half minute later.
                self._cost_over_s += elapsed_s
                weight = elapsed_s / min(self._cost_over_s, max(_COST_OVER_S, elapsed_s))
                self._cost_cores += weight * ((cpu_s - self._mark.cpu_s) / elapsed_s - self._cost_cores)
        self._mark = _Mark(now_s, feed.packets, counters.decoded, counters.checks, cpu_s)

    @staticmethod
    def _state(loop: CameraLoop, feed: FeedStatus) -> tuple[CameraState, str]:
        state = CameraState(feed.state)
        if state is not CameraState.LIVE:
            return state, feed.message
        if loop.packets_without_frame > _FEWEST_PACKETS and loop.clock.monotonic_s() - loop.checked_s > max(
            loop.config.stall_s, _LONGEST_GOP_S
        ):
            return CameraState.CORRUPT, "packets arrive, but none of them can be decoded into a picture"
        if loop.problem:
            return CameraState.ERROR, loop.problem
        if loop.frozen:
            return CameraState.FROZEN, f"the very same picture has come for more than {loop.config.frozen_s:.0f} s"
        closer = loop.secondary.problem if loop.secondary is not None else ""
        unseen = f"nobody looks closer (secondary): {closer}" if closer else ""
        areas = "" if loop.maps is None else loop.maps.trouble
        told = (unseen, loop.looks.problem, areas, loop.advice, advice(loop.sleep.mode, feed.keyframe_interval_s))
        return state, "; ".join(filter(None, told))
