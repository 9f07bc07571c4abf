"""The tracker in its plainest form: one camera, Python loops, the full 8x8 Kalman filter, the Hungarian method on the whole matrix.

Written from the same papers as the product, sharing nothing with it but the settings. Tests hold the product to it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from panops.domain.detections import Detections
from panops.tracking.settings import TrackerSettings

FloatArray = NDArray[np.float64]
TENTATIVE, CONFIRMED, LOST = 0, 1, 2


def steps_matrices(size_wh: FloatArray, steps: float, position_noise: float, velocity_noise: float) -> tuple[FloatArray, FloatArray]:
    """F and Q (8, 8) of `steps` reference steps, for states x, y, w, h and their velocities."""
    motion, noise = np.eye(8), np.zeros((8, 8))
    for row in range(4):
        a = (position_noise * size_wh[row % 2]) ** 2
        b = (velocity_noise * size_wh[row % 2]) ** 2
        motion[row, row + 4] = steps
        noise[row, row] = steps * a + b * steps * (steps - 1) * (2 * steps - 1) / 6
        noise[row, row + 4] = noise[row + 4, row] = b * steps * (steps - 1) / 2
        noise[row + 4, row + 4] = b * steps
    return motion, noise


@dataclass
class Track:
    track_id: int
    mean: FloatArray
    covariance: FloatArray
    state: int
    hits: int
    class_id: int
    lead: float
    score: float
    first_s: float
    last_s: float
    row: int
    expected: FloatArray

    @property
    def box(self) -> FloatArray:
        return self.expected


class ReferenceTracker:
    """One camera. Classes never change: every class is its own group."""

    def __init__(self, settings: TrackerSettings) -> None:
        self.settings = settings
        self.tracks: list[Track] = []
        self.next_id = 1
        self.clock_s = -np.inf

    def update(self, time_s: float, detections: Detections) -> list[Track]:
        s = self.settings
        seen = [
            (row, centred(box), float(score), int(class_id))
            for row, (box, score, class_id) in enumerate(
                zip(detections.xyxy.astype(float), detections.score, detections.class_id, strict=True)
            )
            if np.isfinite(box).all() and np.isfinite(score) and box[2] > box[0] and box[3] > box[1] and score >= s.low_score
        ]
        if time_s - self.clock_s > s.gap_s + 1e-6:
            self.tracks = []
        self.tracks = [t for t in self.tracks if t.state != LOST or time_s - t.last_s <= s.lost_s + 1e-6]
        for track in self.tracks:
            track.expected = self._expect(track, time_s)
            track.row = -1
        strong = [i for i, entry in enumerate(seen) if entry[2] >= s.high_score]
        weak = [i for i, entry in enumerate(seen) if entry[2] < s.high_score]
        before = {id(t): t.state for t in self.tracks}
        left = self._round([t for t in self.tracks if before[id(t)] != TENTATIVE], seen, strong, s.gate_high, True, time_s)
        tracked = [t for t in self.tracks if before[id(t)] == CONFIRMED and t.row < 0]
        self._round(tracked, seen, weak, s.gate_low, False, time_s)
        left = self._round([t for t in self.tracks if before[id(t)] == TENTATIVE], seen, left, s.gate_tentative, True, time_s)
        for track in self.tracks:
            if track.row < 0 and track.state == CONFIRMED:
                track.state = LOST
        self.tracks = [t for t in self.tracks if t.row >= 0 or t.state == LOST]
        self._join_duplicates()
        for index in left:
            row, box, score, class_id = seen[index]
            noise = np.concatenate([2 * s.position_noise * np.tile(box[2:], 2), 10 * s.velocity_noise * np.tile(box[2:], 2)])
            state = CONFIRMED if score >= s.sure_score or s.confirm_hits <= 1 else TENTATIVE
            mean = np.concatenate([box, np.zeros(4)])
            self.tracks.append(Track(self.next_id, mean, np.diag(noise**2), state, 1, class_id, score, score, time_s, time_s, row, box))
            self.next_id += 1
        self.clock_s = time_s
        return [t for t in self.tracks if t.state == CONFIRMED and t.row >= 0]

    def _expect(self, track: Track, time_s: float) -> FloatArray:
        moved = min(time_s - track.last_s, self.settings.horizon_s) * self.settings.reference_fps
        expected = track.mean[:4] + moved * track.mean[4:]
        if track.state == LOST:
            expected[2:] = track.mean[2:4]
        expected[2:] = np.maximum(expected[2:], 0.1 * track.mean[2:4])
        return expected

    def _round(
        self,
        tracks: list[Track],
        seen: list[tuple[int, FloatArray, float, int]],
        candidates: list[int],
        gate: float,
        with_score: bool,
        time_s: float,
    ) -> list[int]:
        """Match and correct; the candidates left over."""
        worth = np.zeros((len(tracks), len(candidates)))
        for i, track in enumerate(tracks):
            for j, index in enumerate(candidates):
                _, box, score, class_id = seen[index]
                if class_id == track.class_id:
                    worth[i, j] = max(0.0, iou(track.expected, box, self.settings.expand) * (score if with_score else 1.0) - gate)
        taken = set()
        for i, j in zip(*linear_sum_assignment(worth, maximize=True), strict=True):
            if worth[i, j] > 0:
                taken.add(candidates[j])
                self._correct(tracks[i], *seen[candidates[j]][:3], time_s)
        return [index for index in candidates if index not in taken]

    def _correct(self, track: Track, row: int, box: FloatArray, score: float, time_s: float) -> None:
        s = self.settings
        steps = (time_s - track.last_s) * s.reference_fps
        motion, noise = steps_matrices(track.mean[2:4], steps, s.position_noise, s.velocity_noise)
        mean = motion @ track.mean
        mean[:4] = track.expected
        covariance = motion @ track.covariance @ motion.T + noise
        look = np.eye(4, 8)
        measurement_noise = np.diag((s.position_noise * np.tile(track.expected[2:], 2)) ** 2)
        gain = covariance @ look.T @ np.linalg.inv(look @ covariance @ look.T + measurement_noise)
        mean[4:] = track.mean[4:]
        track.mean = mean + gain @ (box - mean[:4])
        track.covariance = (np.eye(8) - gain @ look) @ covariance
        track.hits += 1
        if track.state != TENTATIVE or track.hits >= s.confirm_hits or score >= s.sure_score:
            track.state = CONFIRMED
        track.row, track.score, track.last_s, track.expected = row, score, time_s, box

    def _join_duplicates(self) -> None:
        gone = []
        for old in [t for t in self.tracks if t.state == LOST]:
            for new in [t for t in self.tracks if t.state == CONFIRMED and t.row >= 0]:
                if old.class_id == new.class_id and iou(old.box, new.box, 0.0) > self.settings.duplicate_iou:
                    gone.append(old)
                    if old.first_s < new.first_s:
                        new.first_s, new.track_id = old.first_s, old.track_id
                    break
        self.tracks = [t for t in self.tracks if not any(t is dropped for dropped in gone)]


def centred(xyxy: FloatArray) -> FloatArray:
    size = xyxy[2:] - xyxy[:2]
    return np.concatenate([xyxy[:2] + 0.5 * size, size])


def iou(first: FloatArray, second: FloatArray, expand: float) -> float:
    """IoU of two boxes of centre and size, both made larger by `expand` of their size on every side."""
    common = 1.0
    for axis in (0, 1):
        half_first, half_second = first[axis + 2] * (0.5 + expand), second[axis + 2] * (0.5 + expand)
        low = max(first[axis] - half_first, second[axis] - half_second)
        high = min(first[axis] + half_first, second[axis] + half_second)
        common *= max(0.0, high - low)
    area = [box[2] * box[3] * (1 + 2 * expand) ** 2 for box in (first, second)]
    return common / (area[0] + area[1] - common)
