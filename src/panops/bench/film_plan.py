"""Which moment of a scene each picture of a film shows: busy stretches in which time runs, and quiet ones in which it stands still."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from panops.simulation.noise import generator

# A passer-by is in view for about so long, s.
STRETCH_S = 10.0
# Stretches of one film differ in length by up to this share, and in the quiet between them.
_UNEVEN = 0.4
# A stretch that begins, or ends, where nothing goes on is worth so many pictures more.
_EDGE = 3.0


@dataclass(frozen=True, slots=True)
class Moment:
    """One picture of a film.

    Attributes:
        frame_index: The scene's frame.
        moving: Whether the scene's time runs and its actors are shown; otherwise the empty scene is held, with fresh noise.
    """

    frame_index: int
    moving: bool


def plan_film(presence: NDArray[np.bool_], pictures: int, busy: int, rate_fps: float, seed: int = 0) -> list[Moment]:
    """Spread busy stretches over a film.

    Each stretch shows the scene as it goes on, from where something begins to where it is over, as far as the scene has such places; the
    quiet after it holds the scene as it then is, without anybody. So the picture jumps only where a busy stretch begins.

    Args:
        presence: (F,) whether something goes on in each frame of the scene; F is at least `busy`.
        pictures: How many pictures the film has.
        busy: How many of them are busy, 0 to `pictures`.
        rate_fps: Pictures a second.
        seed: Which of many films.

    Returns:
        A moment for each picture.

    Raises:
        ValueError: The scene is too short, or `busy` is no such number.
    """
    if not 0 <= busy <= pictures:
        raise ValueError(f"expected 0 to {pictures} busy pictures, got {busy}")
    if len(presence) < busy:
        raise ValueError(f"expected a scene of at least {busy} frames, got {len(presence)}")
    if busy == 0:
        return [Moment(0, moving=False)] * pictures
    count = max(1, min(round(busy / (STRETCH_S * rate_fps)), busy, max(1, pictures - busy)))
    random = generator("film", seed, pictures)
    lengths = _parts(busy, count, random)
    gaps = _parts(pictures - busy, count, random)
    moments: list[Moment] = []
    for start, length, gap in zip(_starts(presence, lengths), lengths, gaps, strict=True):
        moments += [Moment(start + step, moving=True) for step in range(length)]
        moments += [Moment(start + length - 1, moving=False)] * gap
    return moments


def _parts(total: int, count: int, random: np.random.Generator) -> list[int]:
    """`total` in `count` uneven parts."""
    weights = 1.0 + random.uniform(-_UNEVEN, _UNEVEN, count)
    edges = np.rint(np.concatenate([[0.0], np.cumsum(weights)]) * total / weights.sum()).astype(int)
    return [int(part) for part in np.diff(edges)]


def _starts(presence: NDArray[np.bool_], lengths: list[int]) -> list[int]:
    """Where in the scene each stretch begins: in order, none over another, all together where most goes on.

    Exact, by dynamic programming over the stretches: what the first ones are worth at best before each frame of the scene.
    """
    frames = len(presence)
    seen = np.concatenate([[0], np.cumsum(presence)])
    # Beyond both ends nothing goes on.
    quiet = ~np.concatenate([[False], presence, [False]])
    best = np.zeros(frames + 1)
    chosen: list[NDArray[np.int64]] = []
    for length in lengths:
        places = np.arange(frames - length + 1)
        worth = np.full(frames + 1, -np.inf)
        # That it begins and ends in quiet counts as a second, as it were.
        worth[length:] = best[places] + seen[places + length] - seen[places] + _EDGE * (1.0 * quiet[places] + quiet[places + length + 1])
        best = np.maximum.accumulate(worth)
        chosen.append(np.maximum.accumulate(np.where(worth == best, np.arange(frames + 1), 0)))
    starts: list[int] = []
    end = frames
    for length, ends in zip(reversed(lengths), reversed(chosen), strict=True):
        start = int(ends[end]) - length
        starts.insert(0, start)
        end = start
    return starts
