"""Did anything change in the picture? A running average of the small grey picture, compared block by block."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from panops.config.schema import MotionConfig
from panops.motion.scratch import scratch_for

# The background follows what is still at this time constant, and what has changed at the slow one, so that whoever stands still for a
# moment does not become background.
STILL_S = 4.0
CHANGED_S = 20.0
# After a change of the light, everything is learnt afresh at a fast constant for a moment (cameras adjust their exposure in steps).
SETTLE_S = 1.5
SETTLING_S = 0.3
# The flicker of each block from look to look (leaves, water, noise) is learnt over so long. A block must change by so many times its
# flicker, which raises its threshold to so many times the configured one at most.
FLICKER_S = 20.0
FLICKER_TIMES = 3.0
FLICKER_RAISES = 4.0
# A block that stays changed without moving (a parked car, the place where something was taken away) is motion for so long.
FRESH_S = 1.0
# Light brightens or darkens a neighbourhood alike. A neighbourhood is so many blocks wide; what is left of a change when it is taken
# out must still be this share of the threshold. The bias keeps ratios sane in the dark.
NEAR_BLOCKS = 7
LEFT_SHARE = 0.6
DARK = 12.0
# A changed block alone is noise, an insect or a digit of the camera's clock: so many of the 3x3 around it (itself too) must change.
TOGETHER = 3
# When more of the picture than this changes, and light explains most of it, it is a change of the light; unexplained, another scene.
LIGHT_SHARE = 0.25
SCENE_SHARE = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class MotionResult:
    """What one look found.

    Attributes:
        moved: Whether enough of the picture changed to be worth the detector.
        share: The share of blocks that changed, 0..1.
        blocks: (h, w) bool, which blocks changed; a view that the gate's next look overwrites.
        region: Relative x1, y1, x2, y2 around all changed blocks, or None where nothing moved.
        light_change: Whether the light (or the whole scene) began to change at this look.
    """

    moved: bool
    share: float
    blocks: NDArray[np.bool_]
    region: tuple[float, float, float, float] | None
    light_change: bool


@dataclass(frozen=True, slots=True, eq=False)
class GateMemory:
    """A gate's state at one moment; only `MotionGate` knows what is in it. About 105 kB, for a moment."""

    size_wh: tuple[int, int]
    scalars: tuple[float, float, int]
    learnt: tuple[NDArray[Any], ...]


class MotionGate:
    """One camera's gate. Keeps a background picture, made at the first look. Not for several threads at once.

    Args:
        config: The camera's motion settings.
    """

    def __init__(self, config: MotionConfig) -> None:
        """Remember the settings; the first look sets the background."""
        self._config = config
        self._size_wh = (0, 0)
        self._looked_s = -math.inf
        self._settled_s = -math.inf
        self._scratch = scratch_for((2, 2))
        self._allocate(self._scratch.small_wh, self._scratch.blocks_wh)

    def reset(self) -> None:
        """Forget the background: the next look sets it (after a reconnect, or when the camera was turned)."""
        self._size_wh = (0, 0)

    def remember(self) -> GateMemory:
        """What the gate has learnt, as it is now; `go_back` takes it."""
        scalars = (self._looked_s, self._settled_s, self._looks)
        return GateMemory(self._size_wh, scalars, tuple(array.copy() for array in self._learnt()))

    def go_back(self, memory: GateMemory) -> None:
        """Forget what was learnt since `remember`; the pictures since then are looked at anew. Nothing happens when the size changed."""
        if memory.size_wh != self._size_wh:
            return
        self._looked_s, self._settled_s, self._looks = memory.scalars
        for array, before in zip(self._learnt(), memory.learnt, strict=True):
            np.copyto(array, before)

    def _learnt(self) -> tuple[NDArray[Any], ...]:
        """The pictures that looks leave behind; all others are only used within one."""
        return self._background, self._before, self._flicker, self._threshold, self._age_s

    def look(self, luma: NDArray[np.uint8], time_s: float) -> MotionResult:
        """Compare a picture with the background, and let the background learn from it.

        Args:
            luma: Brightness (H, W) uint8; rows may be padded. Read only.
            time_s: When it was captured, s. A time that goes back counts as no time passed.

        Returns:
            What changed. The first look at a camera, or at a new picture size, finds nothing: it sets the background. With motion
            switched off every look says that everything moved, and nothing is computed.
        """
        if not self._config.enabled:
            return MotionResult(True, 1.0, np.ones_like(self._moving), (0.0, 0.0, 1.0, 1.0), False)
        height, width = luma.shape
        if self._size_wh != (width, height):
            return self._begin(luma, time_s)
        elapsed_s = min(max(time_s - self._looked_s, 0.0), 3600.0)
        self._looked_s = time_s
        self._scratch = scratch_for(self._size_wh)  # this thread's: another one may have had the look before
        now = self._shrink(luma)
        self._block_means(now, self._before, self._scratch.block_step)
        changed = self._compare(now)
        light_change = False
        clumps = changed > 0 and self._clumps(changed)
        if clumps:
            light_change, changed = self._take_out_light(now, changed, time_s)
        count = self._mark_moving(elapsed_s) if clumps and changed else self._nothing_moves(elapsed_s, changed)
        self._learn(now, changed, elapsed_s, time_s)
        share = count / self._moving.size
        moved = count > 0 and share >= self._config.min_area
        return MotionResult(moved, share, self._moving_view, self._region() if moved else None, light_change)

    def _begin(self, luma: NDArray[np.uint8], time_s: float) -> MotionResult:
        height, width = luma.shape
        self._size_wh = (width, height)
        self._looked_s, self._settled_s = time_s, -math.inf
        self._scratch = scratch_for(self._size_wh)
        self._allocate(self._scratch.small_wh, self._scratch.blocks_wh)
        now = self._shrink(luma)
        np.copyto(self._before, now)
        np.copyto(self._background, now)
        return MotionResult(False, 0.0, self._moving_view, None, False)

    def _allocate(self, small_wh: tuple[int, int], blocks_wh: tuple[int, int]) -> None:
        """Make what is remembered from look to look, for small pictures and blocks of these sizes."""
        small, blocks = (small_wh[1], small_wh[0]), (blocks_wh[1], blocks_wh[0])
        self._background = np.zeros(small, np.float32)
        self._before = np.zeros(small, np.uint8)
        self._flicker = np.zeros(blocks, np.float32)
        self._looks = 0
        self._least = np.uint8(min(max(math.ceil(self._config.threshold), 1), 255))
        self._most = np.uint8(min(round(FLICKER_RAISES * self._least), 255))
        self._threshold = np.full(blocks, self._least, np.uint8)
        self._age_s = np.zeros(blocks, np.float32)
        self._moving = np.zeros(blocks, np.bool_)
        self._moving_view = self._moving.view()
        self._moving_view.setflags(write=False)

    def _shrink(self, luma: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The picture halved until it is small: the mean of 2x2 pixels each time; an odd last row or column is left out."""
        picture = luma
        for half in self._scratch.halves:
            height, width = half.shape
            picture = picture[: 2 * height, : 2 * width]
            cv2.resize(picture, (width, height), dst=half, interpolation=cv2.INTER_AREA)
            picture = half
        return picture

    def _block_means(self, now: NDArray[np.uint8], other: NDArray[np.uint8], out: NDArray[np.uint8]) -> None:
        """The mean absolute difference of two small pictures in each block."""
        cv2.absdiff(now, other, dst=self._scratch.difference)
        cv2.resize(self._scratch.difference, self._scratch.blocks_wh, dst=out, interpolation=cv2.INTER_AREA)

    def _compare(self, now: NDArray[np.uint8]) -> int:
        """Mark the blocks that differ from the background by their threshold or more; returns how many."""
        cv2.convertScaleAbs(self._background, dst=self._scratch.background_8)
        self._block_means(now, self._scratch.background_8, self._scratch.block_difference)
        np.greater_equal(self._scratch.block_difference, self._threshold, out=self._scratch.changed)
        return int(np.count_nonzero(self._scratch.changed))

    def _clumps(self, changed: int) -> bool:
        """Whether so many of the changed blocks lie together that it may be motion: noise, which is spread out, needs no further look."""
        least = self._config.min_area * self._scratch.changed.size
        return changed >= least and self._lying_together(self._scratch.changed) >= least

    def _lying_together(self, blocks: NDArray[np.bool_]) -> int:
        """Marks as active those of the blocks of which `TOGETHER` lie in one 3x3; returns how many."""
        cv2.boxFilter(blocks.view(np.uint8), -1, (3, 3), dst=self._scratch.together, normalize=False, borderType=cv2.BORDER_CONSTANT)
        np.greater_equal(self._scratch.together, TOGETHER, out=self._scratch.active)
        self._scratch.active &= blocks
        return int(np.count_nonzero(self._scratch.active))

    def _nothing_moves(self, elapsed_s: float, changed: int) -> int:
        self._grow_old(elapsed_s, changed)
        self._moving.fill(False)
        return 0

    def _grow_old(self, elapsed_s: float, changed: int) -> None:
        """A block's age grows while it is changed and shrinks at half that pace while it is not, so one that wavers grows old."""
        if changed:
            np.multiply(self._scratch.changed, np.float32(1.5 * elapsed_s), out=self._scratch.ageing)
            self._age_s += self._scratch.ageing
        self._age_s -= np.float32(elapsed_s / 2)
        np.maximum(self._age_s, 0.0, out=self._age_s)
        np.minimum(self._age_s, 2 * FRESH_S, out=self._age_s)

    def _mark_moving(self, elapsed_s: float) -> int:
        """Of the changed blocks, mark those that changed lately or differ from the last look, too; returns how many."""
        self._grow_old(elapsed_s, 1)
        np.greater_equal(self._scratch.block_step, self._threshold, out=self._scratch.active)
        np.less_equal(self._age_s, FRESH_S, out=self._moving)
        self._moving |= self._scratch.active
        self._moving &= self._scratch.changed
        count = self._lying_together(self._moving)
        np.copyto(self._moving, self._scratch.active)
        return count

    def _learn(self, now: NDArray[np.uint8], changed: int, elapsed_s: float, time_s: float) -> None:
        """Let background and flicker follow the picture by the time that has really passed.

        The first looks count alike, so that a windy tree is known after a second and not after twenty.
        """
        self._looks += 1
        if time_s < self._settled_s:
            cv2.accumulateWeighted(now, self._background, _weight(elapsed_s, SETTLING_S))
        else:
            self._learn_background(now, changed, elapsed_s)
            self._learn_flicker(elapsed_s)
        np.copyto(self._before, now)

    def _learn_background(self, now: NDArray[np.uint8], changed: int, elapsed_s: float) -> None:
        still = max(_weight(elapsed_s, STILL_S), 1.0 / (self._looks + 1))
        if not changed:
            cv2.accumulateWeighted(now, self._background, still)
            return
        height, width = self._scratch.mask.shape
        cv2.resize(self._scratch.changed.view(np.uint8), (width, height), dst=self._scratch.mask, interpolation=cv2.INTER_NEAREST)
        cv2.accumulateWeighted(now, self._background, _weight(elapsed_s, CHANGED_S), mask=self._scratch.mask)
        np.logical_not(self._scratch.mask, out=self._scratch.mask.view(np.bool_))
        cv2.accumulateWeighted(now, self._background, still, mask=self._scratch.mask)

    def _learn_flicker(self, elapsed_s: float) -> None:
        weight = max(_weight(elapsed_s, FLICKER_S), 1.0 / (self._looks + 1))
        cv2.accumulateWeighted(self._scratch.block_step, self._flicker, weight)
        cv2.convertScaleAbs(self._flicker, dst=self._threshold, alpha=FLICKER_TIMES)
        np.maximum(self._threshold, self._least, out=self._threshold)  # two calls cost a fifth of np.clip
        np.minimum(self._threshold, self._most, out=self._threshold)

    def _take_out_light(self, now: NDArray[np.uint8], changed: int, time_s: float) -> tuple[bool, int]:
        """Unmark the changed blocks whose whole neighbourhood became brighter or darker alike: a cloud, a lamp, the exposure.

        Returns:
            Whether a change of the light (or the scene) as a whole begins here, and how many changed blocks are left.
        """
        near = (NEAR_BLOCKS, NEAR_BLOCKS)
        cv2.resize(now, self._scratch.blocks_wh, dst=self._scratch.block_now, interpolation=cv2.INTER_AREA)
        cv2.resize(self._scratch.background_8, self._scratch.blocks_wh, dst=self._scratch.block_background, interpolation=cv2.INTER_AREA)
        cv2.blur(self._scratch.block_now, near, dst=self._scratch.near_now)
        cv2.blur(self._scratch.block_background, near, dst=self._scratch.near_background)
        np.add(self._scratch.near_now, DARK, out=self._scratch.gain, casting="same_kind")
        np.add(self._scratch.near_background, DARK, out=self._scratch.relit, casting="same_kind")
        np.divide(self._scratch.gain, self._scratch.relit, out=self._scratch.gain)
        np.multiply(self._scratch.block_background, self._scratch.gain, out=self._scratch.relit)
        cv2.convertScaleAbs(self._scratch.relit, dst=self._scratch.near_background)
        cv2.absdiff(self._scratch.block_now, self._scratch.near_background, dst=self._scratch.block_difference)
        cv2.convertScaleAbs(self._threshold, dst=self._scratch.block_left, alpha=LEFT_SHARE)
        np.greater_equal(self._scratch.block_difference, self._scratch.block_left, out=self._scratch.active)
        self._scratch.changed &= self._scratch.active
        left = int(np.count_nonzero(self._scratch.changed))
        whole = self._scratch.changed.size
        if left > SCENE_SHARE * whole:
            np.copyto(self._background, now)
        elif changed < LIGHT_SHARE * whole or left > changed / 2:
            return False, left
        begins = time_s >= self._settled_s
        self._settled_s = time_s + SETTLE_S
        return begins, left

    def _region(self) -> tuple[float, float, float, float]:
        """Relative box around all moving blocks; there is at least one."""
        height, width = self._moving.shape
        columns, rows = np.flatnonzero(self._moving.any(axis=0)), np.flatnonzero(self._moving.any(axis=1))
        return float(columns[0]) / width, float(rows[0]) / height, float(columns[-1] + 1) / width, float(rows[-1] + 1) / height


def _weight(elapsed_s: float, constant_s: float) -> float:
    """How much of a running average is replaced after `elapsed_s`, 0..1."""
    return 1.0 - math.exp(-elapsed_s / constant_s)
