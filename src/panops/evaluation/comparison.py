"""Truth and tracks side by side, frame by frame, cleaned as MOTChallenge asks: the input of every metric."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from panops.evaluation.mot_files import MotTable

EPSILON = float(np.finfo(np.float64).eps)
_MATCH_IOU = 0.5


@dataclass(frozen=True, slots=True)
class MotRules:
    """Which ground truth counts; data, so that another benchmark needs no code.

    Attributes:
        target_classes: Classes to be found; empty means the file has no classes and every row is a target.
        distractor_classes: Classes nobody need find: a track on one of them is neither right nor wrong and is taken out.
    """

    target_classes: tuple[int, ...] = (1,)
    distractor_classes: tuple[int, ...] = (2, 7, 8, 12)


MOT17 = MotRules()
"""MOT16 and MOT17: pedestrians; person on vehicle, static person, distractor and reflection are taken out."""
MOT20 = MotRules(distractor_classes=(2, 6, 7, 8, 12))
"""MOT20: as MOT17, and non-motorised vehicles are taken out too."""
MOT15 = MotRules((), ())
"""MOT15: no classes; the columns after the flag are world coordinates."""


@dataclass(frozen=True, slots=True, eq=False)
class FramePair:
    """One frame.

    Attributes:
        truth: (G,) int64, indices of true objects, 0 .. `Comparison.truth_count` - 1.
        tracks: (T,) int64, indices of tracks, 0 .. `Comparison.track_count` - 1.
        similarity: (G, T) float64, IoU 0..1.
    """

    truth: NDArray[np.int64]
    tracks: NDArray[np.int64]
    similarity: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """One sequence's frames, in time order, after cleaning.

    Attributes:
        frames: One entry a frame.
        truth_count: How many different true objects.
        track_count: How many different tracks.
        truth_boxes: How many true boxes in all frames.
        track_boxes: How many track boxes in all frames.
    """

    frames: tuple[FramePair, ...]
    truth_count: int
    track_count: int
    truth_boxes: int
    track_boxes: int


def box_iou(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """IoU (N, M) of boxes `xywh` (N, 4) and (M, 4) in float64, as TrackEval has it: a box without an area gives 0."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum((first[:, :2] + first[:, 2:])[:, None], (second[:, :2] + second[:, 2:])[None])
    common = np.prod(np.maximum(high - low, 0.0), axis=2)
    # Widths as differences of corners, like TrackEval: the last bit decides ties at the 0.5 threshold.
    area_first = np.prod((first[:, :2] + first[:, 2:]) - first[:, :2], axis=1)
    area_second = np.prod((second[:, :2] + second[:, 2:]) - second[:, :2], axis=1)
    union = area_first[:, None] + area_second[None] - common
    valid = (area_first > EPSILON)[:, None] & (area_second > EPSILON)[None] & (union > EPSILON)
    return np.asarray(np.divide(common, union, out=np.zeros_like(common), where=valid))


def compare(truth: MotTable, tracks: MotTable, frames: NDArray[np.int64], rules: MotRules = MOT17) -> Comparison:
    """Put truth and tracks side by side.

    MOTChallenge's cleaning, frame by frame: tracks are matched one to one with all true boxes at IoU >= 0.5; tracks on distractors are
    taken out; then true boxes of other classes and those with flag 0 are taken out. Follows Milan et al., "MOT16", and TrackEval.

    Args:
        truth: Ground truth; its `score` is the flag.
        tracks: Results.
        frames: (F,) the frame numbers to score, ascending; rows of other frames are left out. Frames without rows count as empty.
        rules: Which ground truth counts.

    Raises:
        ValueError: An id occurs twice in a frame.
    """
    kept_truth: list[NDArray[np.int64]] = []
    kept_tracks: list[NDArray[np.int64]] = []
    similarities: list[NDArray[np.float64]] = []
    for frame, truth_rows, track_rows in zip(frames.tolist(), truth.by_frame(frames), tracks.by_frame(frames), strict=True):
        _check_unique(truth.track_id[truth_rows], f"ground truth, frame {frame}")
        _check_unique(tracks.track_id[track_rows], f"tracks, frame {frame}")
        similarity = box_iou(truth.xywh[truth_rows], tracks.xywh[track_rows])
        wanted = truth.score[truth_rows] != 0
        keep = np.ones(len(track_rows), dtype=np.bool_)
        if rules.target_classes:
            classes = truth.class_id[truth_rows]
            wanted &= np.isin(classes, rules.target_classes)
            keep[_on_distractors(similarity, np.isin(classes, rules.distractor_classes))] = False
        kept_truth.append(truth.track_id[truth_rows[wanted]])
        kept_tracks.append(tracks.track_id[track_rows[keep]])
        similarities.append(similarity[wanted][:, keep])
    truth_index, truth_count = _dense(kept_truth)
    track_index, track_count = _dense(kept_tracks)
    return Comparison(
        tuple(FramePair(*parts) for parts in zip(truth_index, track_index, similarities, strict=True)),
        truth_count,
        track_count,
        sum(len(ids) for ids in kept_truth),
        sum(len(ids) for ids in kept_tracks),
    )


def scored_frames(length: int, rate_fps: float, fps: float | None = None, *, second_half: bool = False) -> NDArray[np.int64]:
    """The 1-based frame numbers of a sequence that are looked at and scored.

    Args:
        length: The sequence's frames.
        rate_fps: Its frames per second.
        fps: Look only so often: of the frames 0, 1, 2 ... of the part, n is kept where n * fps / rate_fps passes a whole number, so 30
            to 5 keeps every sixth, and 14 to 5 every third or second. None, or a rate at or above the sequence's, keeps all.
        second_half: Only the frames after `length // 2`, for detectors that were trained on the first half.
    """
    frames = np.arange(length // 2 + 1 if second_half else 1, length + 1, dtype=np.int64)
    if fps is None or fps >= rate_fps:
        return frames
    # The small term keeps exact ratios exact: 6 * 5 / 30 must be 1, not 0.999...
    step = np.floor(np.arange(len(frames)) * fps / rate_fps + 1e-9)
    return np.asarray(frames[np.diff(step, prepend=-1) > 0])


def _on_distractors(similarity: NDArray[np.float64], distractor: NDArray[np.bool_]) -> NDArray[np.int64]:
    score = np.where(similarity < _MATCH_IOU - EPSILON, 0.0, similarity)
    rows, columns = linear_sum_assignment(score, maximize=True)
    matched = score[rows, columns] > EPSILON
    return np.asarray(columns[matched & distractor[rows]], dtype=np.int64)


def _dense(ids: Sequence[NDArray[np.int64]]) -> tuple[list[NDArray[np.int64]], int]:
    """The same ids as indices 0, 1, 2 ..., and how many there are."""
    joined = np.concatenate([np.zeros(0, np.int64), *ids])
    unique, index = np.unique(joined, return_inverse=True)
    ends = np.cumsum([len(part) for part in ids], dtype=np.int64).tolist()
    return [np.asarray(index[end - len(part) : end], dtype=np.int64) for part, end in zip(ids, ends, strict=True)], len(unique)


def _check_unique(ids: NDArray[np.int64], where: str) -> None:
    if len(np.unique(ids)) != len(ids):
        values, counts = np.unique(ids, return_counts=True)
        raise ValueError(f"{where}: expected every id once, got id {values[counts > 1][0]} more than once")
