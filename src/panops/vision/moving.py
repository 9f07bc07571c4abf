"""The detector without weights: what differs from the background is `moving`.

Each camera has a picture of its background in two layers at about 160 px width. The first layer is what is normally there; the second
one takes up what came and stays still (a parked car, an opened door), so that the first is seen again when it leaves, without a ghost.
Before they are compared, brightness and contrast of the layers are fitted to the new picture, so that a changed exposure, a cloud or a
lamp is no movement. All rates follow the real time between frames.

Related: C. Stauffer and W. Grimson, Adaptive background mixture models for real-time tracking, CVPR 1999 (several layers a pixel);
K. Kim et al., Real-time foreground-background segmentation using codebook model, 2005 (layers that are taken up after a time).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from panops.domain.detections import Detections
from panops.domain.frame import Frame
from panops.domain.light import LightChange, fit_light
from panops.vision.blobs import BlobSettings, find_blobs

FloatImage = NDArray[np.float32]
ByteImage = NDArray[np.uint8]
Mask = NDArray[np.bool_]

_NOTHING = np.float32(-1e6)  # a layer far away from any brightness, whatever gain it is given
_LONGEST_STEP_S = 30.0
_FLICKER_S = 30.0
_MOST_GATHERED = 9


@dataclass(frozen=True, slots=True)
class MovingSettings:
    """How sensitive the detector is. Brightness is 0..255; sizes are shares of the picture, so they hold for any camera.

    Attributes:
        width_px: Width of the small picture that is compared.
        threshold: The least difference from the background that counts.
        noise_factor: At least so many times the picture's own noise.
        most_noise: No more than this is taken for noise: a cloud that darkens half of the picture must not make the detector blind.
        adapt_s: Time constant with which the background follows slow changes of light.
        hold_s: So long must something be still before it belongs to the background.
        settle_s: After the first frame, that takes only `settle_hold_s`: what was in the first picture and left must not stay as a ghost.
        settle_hold_s: See `settle_s`.
        promote_s: So long must the second layer be seen to become the first.
        pause_s: After a jump of light nothing is reported for so long.
        most_changed: A larger change than this share of the picture is a change of light or scene, not an object.
        new_scene_noise: When more than this is left over after the light was fitted, the edges are looked at: a cut, or a turned camera?
        new_scene_likeness: Edges that are less alike than this are another scene's, -1..1.
        blobs: How changed pixels become boxes.
    """

    width_px: int = 160
    threshold: float = 14.0
    noise_factor: float = 5.0
    most_noise: float = 6.0
    adapt_s: float = 8.0
    hold_s: float = 20.0
    settle_s: float = 10.0
    settle_hold_s: float = 2.0
    promote_s: float = 60.0
    pause_s: float = 1.0
    most_changed: float = 0.5
    new_scene_noise: float = 3.0
    new_scene_likeness: float = 0.25
    blobs: BlobSettings = field(default_factory=BlobSettings)


class MovingDetector:
    """`domain.protocols.Detector` of one class, `moving`. For one thread at a time.

    Costs about 0.3 ms a frame of 640x360 and 0.4 MB a camera. The first frame of a camera shows nothing: it is the background.

    Args:
        settings: How sensitive it is.
    """

    classes = ("moving",)

    def __init__(self, settings: MovingSettings | None = None) -> None:
        self._settings = settings or MovingSettings()
        self._scenes: dict[str, _Scene] = {}

    def detect(self, frame: Frame) -> Detections:
        """What moves, in px of the frame; the score grows with the contrast to the background."""
        luma = frame.luma
        scene = self._scenes.get(frame.camera_id)
        if scene is None or scene.source_wh != (luma.shape[1], luma.shape[0]):
            self._scenes[frame.camera_id] = _Scene(luma, frame.captured_at_s, self._settings)
            return Detections.empty()
        return scene.detect(luma, frame.captured_at_s)

    def forget(self, camera_id: str) -> None:
        """Drop the camera's background."""
        self._scenes.pop(camera_id, None)


class _Scene:
    """One camera's background. Arrays are (h, w) of the small picture and changed in place."""

    def __init__(self, luma: ByteImage, time_s: float, settings: MovingSettings) -> None:
        self._settings = settings
        self.source_wh = (luma.shape[1], luma.shape[0])
        self._now = self._shrink(luma)
        self._first: FloatImage = self._now.copy()
        self._second: FloatImage = np.full_like(self._first, _NOTHING)
        self._still_s: FloatImage = np.zeros_like(self._first)
        self._flicker: FloatImage = np.zeros_like(self._first)
        self._changed: Mask = np.zeros(self._first.shape, np.bool_)
        self._gathered = [self._now]
        self._began_s = self._time_s = time_s
        self._pause_until_s = time_s + settings.pause_s

    def detect(self, luma: ByteImage, time_s: float) -> Detections:
        """Compare, report, learn."""
        # A clock that jumps back or over a long gap must neither freeze nor wipe the background.
        elapsed_s = min(max(time_s - self._time_s, 0.0), _LONGEST_STEP_S)
        self._time_s = time_s
        before, self._now = self._now, self._shrink(luma)
        if self._gathered and time_s >= self._pause_until_s:
            self._learnt()
        light = fit_light(self._first, self._now, self._changed)
        if light.noise > self._settings.new_scene_noise and self._is_new_scene():
            self._start_over(time_s)
            return Detections.empty()
        self._follow(light)
        difference, strength, near_first = self._compare(light.noise)
        changed = strength > 1.0
        if np.count_nonzero(changed) > self._settings.most_changed * changed.size:
            self._start_over(time_s)
            return Detections.empty()
        if self._gathered:
            self._gather()
            return Detections.empty()
        found = find_blobs(changed, strength, difference, self._now, self.source_wh, self._settings.blobs)
        self._accept(found.background, changed)
        self._learn(before, changed, near_first, elapsed_s)
        return found.objects

    def _is_new_scene(self) -> bool:
        """Whether the picture's edges have nothing to do with the background's: those stay where they are in whatever light."""
        return _likeness(self._first, self._now) < self._settings.new_scene_likeness

    def _shrink(self, luma: ByteImage) -> FloatImage:
        """The picture at about `width_px`, by a whole factor, which averages four times faster than any other."""
        factor = max(1, round(luma.shape[1] / self._settings.width_px))
        # Of a large picture some rows are enough: dozens of pixels are averaged into one anyway.
        rows = luma[:: max(1, factor // 4)]
        width, height = max(1, luma.shape[1] // factor), max(1, luma.shape[0] // factor)
        return cv2.resize(rows, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)

    def _follow(self, light: LightChange) -> None:
        """Give the background the new picture's light."""
        if light.is_none:
            return
        self._first *= np.float32(light.gain)
        self._first += np.float32(light.offset)
        self._second *= np.float32(light.gain)
        self._second += np.float32(light.offset)

    def _compare(self, noise: float) -> tuple[FloatImage, FloatImage, Mask]:
        """Compare with the nearer layer of each pixel.

        Returns:
            The difference; how many times the least difference it is (above 1 is changed); where the first layer is the nearer one.
        """
        least = max(self._settings.threshold, self._settings.noise_factor * min(noise, self._settings.most_noise))
        from_first, from_second = self._now - self._first, self._now - self._second
        near_first = np.abs(from_first) <= np.abs(from_second)
        difference = np.where(near_first, from_first, from_second)
        # Leaves and water flip often; there it takes up to three times the difference.
        strength = np.abs(difference)
        strength /= (np.minimum(self._flicker, 2.0) + 1.0) * np.float32(least)
        return difference, strength, near_first

    def _accept(self, boxes: NDArray[np.int64], changed: Mask) -> None:
        """What is no object is taken up by the second layer at once; the first stays, in case it was one after all."""
        for left, top, right, bottom in boxes:
            here = np.s_[top:bottom, left:right]
            np.copyto(self._second[here], self._now[here], where=changed[here])

    def _learn(self, before: FloatImage, changed: Mask, near_first: Mask, elapsed_s: float) -> None:
        """Follow slow changes in the layer that is seen, count how long things are still, and how often pixels flip."""
        settings = self._settings
        rate = 1.0 - math.exp(-elapsed_s / settings.adapt_s)
        seen_first = ~changed & near_first
        seen_second = ~changed & ~near_first
        cv2.accumulateWeighted(self._now, self._first, rate, mask=seen_first.view(np.uint8))
        cv2.accumulateWeighted(self._now, self._second, rate, mask=seen_second.view(np.uint8))
        still = cv2.absdiff(self._now, before) < settings.threshold / 2
        self._still_s += np.float32(elapsed_s)
        self._still_s *= (changed & still) | seen_second
        self._take_up(changed)
        self._promote(seen_second)
        self._flicker *= np.float32(math.exp(-elapsed_s / _FLICKER_S))
        self._flicker += (changed ^ self._changed) * np.float32(2.0 / _FLICKER_S)
        self._changed = changed

    def _take_up(self, changed: Mask) -> None:
        """What was still for long enough becomes the second layer."""
        settings = self._settings
        settling = self._time_s - self._began_s < settings.settle_s
        taken = changed & (self._still_s > (settings.settle_hold_s if settling else settings.hold_s))
        if taken.any():
            np.copyto(self._second, self._now, where=taken)
            self._still_s[taken] = 0.0

    def _promote(self, seen_second: Mask) -> None:
        """A second layer that is seen for long changes places with the first."""
        stays = seen_second & (self._still_s > self._settings.promote_s)
        if stays.any():
            self._first[stays], self._second[stays] = self._second[stays], self._first[stays]
            self._still_s[stays] = 0.0

    def _gather(self) -> None:
        """While nothing is reported yet, the newest picture stands for the background, and some are kept; at most `_MOST_GATHERED`."""
        np.copyto(self._first, self._now)
        if len(self._gathered) == _MOST_GATHERED:
            self._gathered = self._gathered[::2]
        self._gathered.append(self._now)

    def _learnt(self) -> None:
        """The background is what most of the kept pictures show: whoever walked through is not in it."""
        np.median(self._gathered, axis=0, out=self._first, overwrite_input=True)
        self._gathered = []

    def _start_over(self, time_s: float) -> None:
        """The whole picture changed: this is the new background."""
        self._first[...] = self._now
        self._second[...] = _NOTHING
        self._still_s[...] = 0.0
        self._changed[...] = False
        self._gathered = [self._now]
        self._began_s = time_s
        self._pause_until_s = time_s + self._settings.pause_s


def _likeness(first: FloatImage, second: FloatImage) -> float:
    """How well the edges of two pictures fit, -1..1: the correlation of their slopes, which no change of brightness alters."""
    slopes = [
        cv2.Sobel(cv2.GaussianBlur(picture, (3, 3), 0), cv2.CV_32F, *direction)
        for picture in (first, second)
        for direction in ((1, 0), (0, 1))
    ]
    x1, y1, x2, y2 = (slope.ravel() for slope in slopes)
    power = (float(x1 @ x1) + float(y1 @ y1)) * (float(x2 @ x2) + float(y2 @ y2))
    return (float(x1 @ x2) + float(y1 @ y2)) / math.sqrt(power) if power > 0 else 1.0
