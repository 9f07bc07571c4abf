"""Reads how much there is to do in a shard, and tells its cameras what to give up."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from panops.domain.clock import Clock
from panops.pipeline.analysis_loop import AnalysisLoop
from panops.pipeline.camera_loop import CameraLoop
from panops.pipeline.decode_pool import DecodePool
from panops.pipeline.governor import Governor, MachineLoad, Reading
from panops.pipeline.live import ShardFigures


class LoadControl:
    """Stepped once a second by the shard's reporter.

    Args:
        pool: The decode workers.
        analysis: The analysis thread.
        clock: Time.
        machine: Reads how full the machine is.
    """

    def __init__(self, pool: DecodePool, analysis: AnalysisLoop, clock: Clock, machine: MachineLoad | None = None) -> None:
        self.governor = Governor()
        self._pool = pool
        self._analysis = analysis
        self._clock = clock
        self._machine = machine or MachineLoad()
        self._stepped_s = clock.monotonic_s()

    @property
    def is_busy(self) -> bool:
        """Whether background work should wait."""
        return self._analysis.waiting > 0 or not self.governor.background

    def step(self, loops: Collection[CameraLoop]) -> None:
        """Take the waits since the last step into account, and tell every camera what is left to it."""
        now_s = self._clock.monotonic_s()
        elapsed_s, self._stepped_s = now_s - self._stepped_s, now_s
        decode_wait_s = self._pool.waits.take(self._pool.oldest_wait_s)
        analysis_wait_s = self._analysis.waits.take(self._analysis.oldest_wait_s)
        reading = Reading(decode_wait_s, analysis_wait_s, self._machine.share())
        # A process that was held up for long must not jump to the far end at once.
        self.governor.step(reading, min(elapsed_s, 3.0))
        for loop in loops:
            self.ease(loop)

    def told(self, figures: ShardFigures) -> ShardFigures:
        """A shard's figures, with the waits and what is given up for them."""
        governor = self.governor
        return replace(
            figures,
            decode_wait_s=round(governor.reading.decode_wait_s, 4),
            analysis_wait_s=round(governor.reading.analysis_wait_s, 4),
            relief=round(governor.relief, 3),
            giving_up=governor.words,
        )

    def ease(self, loop: CameraLoop) -> None:
        """Tell one camera what is left to it now."""
        governor, camera_id = self.governor, loop.camera_id
        loop.ease(
            may_sleep=governor.may_sleep(camera_id),
            check_fps=governor.check_fps(loop.config.check_fps),
            only_floor=governor.only_floor(camera_id),
            only_keyframes=governor.drowned,
        )
