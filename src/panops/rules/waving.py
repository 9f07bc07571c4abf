"""Somebody waves: a raised hand goes from side to side, again and again."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from panops.config.rule_schema import WavingConfig
from panops.domain.events import Incident
from panops.domain.tracks import Tracks
from panops.rules.object_incidents import ObjectIncidents
from panops.rules.posture import LEAST_SCORE
from panops.rules.scene import Rows, Scene
from panops.rules.track_table import TrackTable

# COCO's shoulders, wrists and hips, each left and right.
_SHOULDERS, _WRISTS, _HIPS = (5, 6), (9, 10), (11, 12)
# A swing goes so far to one side, in shoulder widths: hands that are held up still tremble by a fifth of that.
_LEAST_SWING = 0.5
# A hand is raised from so far above its shoulder, in shoulder widths: lower ones reach for something, or climb.
_LEAST_RAISED = 0.4
# Shoulders seen from the side are narrow; they are taken for at least so much of the upper body's length.
_LEAST_WIDTH = 0.5
# Two looks that are further apart than this say nothing of what the hand did in between.
_BLIND_S = 1.2
# Whoever is away for longer has left and begins anew.
ABSENCE_S = 2.0

_Place = tuple[float, float]


class Waving:
    """One incident for each person of whom a raised hand swings `swings` times within `window_s`.

    A swing is a way of at least `_LEAST_SWING` shoulder widths to one side, relative to the hand's own shoulder; the next one goes to the
    other side. A hand that is lowered, or not seen, begins anew. The incident ends when nobody swung for `end_after_s` (at least
    `ABSENCE_S`).

    Args:
        config: The rule's settings.
        scene: The camera.

    Raises:
        KeyError: The camera has no zone of that name.
    """

    def __init__(self, config: WavingConfig, scene: Scene) -> None:
        """Look the zone up."""
        self._config = config
        self._area = scene.area(config.zone, config.classes)
        self._people = TrackTable(max(ABSENCE_S, config.end_after_s))
        self._hands: dict[int, tuple[deque[_Place], deque[_Place]]] = {}
        self._incidents = ObjectIncidents(scene, "waving", config.zone or "", max(ABSENCE_S, config.end_after_s))

    def update(self, tracks: Tracks) -> Sequence[Incident]:
        """What began, went on or ended; empty tracks mean that nobody is there."""
        rows = self._area.rows(tracks)
        if not len(rows) and not len(self._people):
            return ()
        slots = self._people.update(tracks, rows)
        for origin in self._people.left["origin"].tolist() if len(self._people.left) else ():
            self._hands.pop(origin, None)
        messages: list[Incident] = []
        if tracks.keypoints is not None and len(slots):
            messages += self._look(tracks, rows, self._people.rows["origin"][slots].tolist())
        return [*messages, *self._incidents.over(tracks.time_s)] if len(self._incidents) else messages

    def finish(self, time_s: float) -> Sequence[Incident]:
        """End what is open, each as of the last look that showed it; afterwards the rule is as new."""
        self._people.clear()
        self._hands.clear()
        return self._incidents.finish(time_s)

    def _look(self, tracks: Tracks, rows: Rows, here: list[int]) -> list[Incident]:
        assert tracks.keypoints is not None  # noqa: S101  # `update` has looked
        messages: list[Incident] = []
        places = hand_places(tracks.keypoints[rows])
        for index, origin in enumerate(here):
            if np.isnan(tracks.keypoints[rows[index], 0, 0]):
                continue  # nobody looked
            hands = self._hands.setdefault(origin, (deque(), deque()))
            swung = max((self._note(hand, tracks.time_s, float(place)) for hand, place in zip(hands, places[index], strict=True)), key=len)
            if len(swung) >= self._config.swings:
                incident, phase = self._incidents.hold(origin, tracks, rows[index : index + 1], swung[0])
                incident.details["swings"] = float(len(swung))
                messages.append(incident.message(phase, tracks.time_s))
        return messages

    def _note(self, hand: deque[_Place], time_s: float, place: float) -> list[float]:
        """Add where a hand is; when its swings within the window ended, s."""
        if np.isnan(place) or (hand and not 0 <= time_s - hand[-1][0] <= _BLIND_S):
            hand.clear()
        if np.isnan(place):
            return []
        hand.append((time_s, place))
        while hand[0][0] < time_s - self._config.window_s:
            hand.popleft()
        return swings(hand)


def hand_places(keypoints: NDArray[np.float32]) -> NDArray[np.float32]:
    """How far each hand is to the right of its shoulder in the picture.

    Args:
        keypoints: (N, 17, 3) float32 of x, y in px and score 0..1.

    Returns:
        (N, 2) float32, left and right hand, in shoulder widths; NaN for one that is not raised, or not seen.
    """
    points = np.nan_to_num(keypoints)
    shoulders, wrists = points[:, _SHOULDERS], points[:, _WRISTS]
    seen = np.all(shoulders[..., 2] >= LEAST_SCORE, axis=1, keepdims=True) & (wrists[..., 2] >= LEAST_SCORE)
    across = np.linalg.norm(shoulders[:, 0, :2] - shoulders[:, 1, :2], axis=1)
    down = np.linalg.norm(points[:, _HIPS, :2].mean(axis=1) - shoulders[:, :, :2].mean(axis=1), axis=1)
    width = np.maximum(np.maximum(across, _LEAST_WIDTH * np.where((points[:, _HIPS, 2] >= LEAST_SCORE).all(axis=1), down, 0.0)), 1e-6)
    raised = shoulders[..., 1] - wrists[..., 1] >= _LEAST_RAISED * width[:, None]
    place = (wrists[..., 0] - shoulders[..., 0]) / width[:, None]
    return np.where(seen & raised, place, np.nan).astype(np.float32)


def swings(places: Iterable[_Place], least: float = _LEAST_SWING) -> list[float]:
    """When a hand's swings ended, s: each of at least `least`, in turn to one side and the other.

    Args:
        places: Times, s, and where the hand was, in order.
        least: How far a swing goes.
    """
    ended: list[float] = []
    way = 0  # -1 to the left, 1 to the right, 0 before the first swing
    lowest, highest = np.inf, -np.inf  # since the last turn
    for time_s, place in places:
        lowest, highest = min(lowest, place), max(highest, place)
        turns = 1 if way != 1 and place - lowest >= least else -1 if way != -1 and highest - place >= least else 0
        if turns:
            way, lowest, highest = turns, place, place
            ended.append(time_s)
        elif ended and place == (highest if way == 1 else lowest):
            lowest = highest = place  # it goes on
            ended[-1] = time_s
    return ended
