"""Whose turn it is to be looked at closer: each again and again while they are followed, the one who waited longest first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from typing import Protocol

import numpy as np

from panops.domain.tracks import Tracks, TrackState

# A turn may come so much of `refresh_s` early: timestamps jitter.
_EARLY_SHARE = 0.25
# Those who left are forgotten once so many are remembered: ids never come back.
_MOST_REMEMBERED = 256


class TurnSettings(Protocol):
    """What settings of looks at followed people have in common; see `config.schema.PoseConfig`."""

    @property
    def classes(self) -> Sequence[str]:
        """Whom to look at."""
        ...

    @property
    def refresh_s(self) -> float:
        """How often each."""
        ...

    @property
    def most(self) -> int:
        """How many at one check."""
        ...

    @property
    def least_px(self) -> int:
        """How long the longer side of their box must be."""
        ...


class Turns:
    """One camera's turns of one kind of look, at whoever the caller names by track id.

    Args:
        refresh_s: How often each is looked at.
        most: How many at one check.
    """

    def __init__(self, refresh_s: float, most: int) -> None:
        self._refresh_s = refresh_s
        self._most = most
        self._looked_s: dict[int, float] = {}
        self._pauses_s: dict[int, float] = {}
        self._present: Set[int] = frozenset()
        self._failures: dict[int, str] = {}

    @property
    def problem(self) -> str:
        """Why a look failed, until one at the same person succeeds, or, once they are gone, one at anybody; empty where none did."""
        return next(iter(self._failures.values()), "")

    def ready(self, ids: Iterable[int], time_s: float, present: Set[int]) -> list[int]:
        """Whom to look at now: those whose last look is the longest ago, at most as many as are allowed.

        Args:
            ids: Whoever may be looked at.
            time_s: The camera's time, s.
            present: Everybody who is not gone.
        """
        self._present = present
        if not present or len(self._looked_s) > _MOST_REMEMBERED:
            self._looked_s = {track_id: at_s for track_id, at_s in self._looked_s.items() if track_id in present}
            self._pauses_s = {track_id: pause_s for track_id, pause_s in self._pauses_s.items() if track_id in present}
        due = []
        for place, track_id in enumerate(ids):
            before_s = self._looked_s.get(track_id, -np.inf)  # later than now where the camera's time began anew
            if not 0 <= time_s - before_s < self._pauses_s.get(track_id, self._refresh_s) * (1 - _EARLY_SHARE):
                due.append((before_s, place, track_id))
        return [track_id for *_, track_id in sorted(due)[: self._most]]

    def note(self, track_id: int, time_s: float, pause_s: float | None = None) -> None:
        """Somebody was looked at, s of the camera's time; their next turn is after `pause_s`, or `refresh_s` where that is None."""
        if self._failures:
            self._failures = {one: why for one, why in self._failures.items() if one != track_id and one in self._present}
        self._took(track_id, time_s, pause_s)

    def failed(self, track_id: int, time_s: float, why: str) -> bool:
        """A look at somebody failed, s of the camera's time: that was their turn, so that nobody else waits for it in vain.

        Returns:
            Whether that is news: the problem was another one before, or there was none.
        """
        before = self.problem
        self._failures = {one: was for one, was in self._failures.items() if one in self._present}
        self._failures[track_id] = why
        self._took(track_id, time_s, None)
        return self.problem != before

    def _took(self, track_id: int, time_s: float, pause_s: float | None) -> None:
        self._looked_s[track_id] = time_s
        if pause_s is not None:
            self._pauses_s[track_id] = pause_s
        else:
            self._pauses_s.pop(track_id, None)


class LookTurns(Turns):
    """Turns of those who are seen.

    Args:
        settings: Whom to look at, and how often.
        classes: The class names of the camera's tracks.
    """

    def __init__(self, settings: TurnSettings, classes: Sequence[str]) -> None:
        super().__init__(settings.refresh_s, settings.most)
        self._least_px = settings.least_px
        wanted = {name.strip().casefold() for name in settings.classes}
        self._is_wanted = np.array([name.casefold() in wanted for name in classes], np.bool_)

    def due(self, tracks: Tracks) -> list[int]:
        """The rows to look at now: those whose last look is the longest ago, at most as many as are allowed."""
        ids = tracks.track_id.tolist()
        longer = np.maximum(tracks.xyxy[:, 2] - tracks.xyxy[:, 0], tracks.xyxy[:, 3] - tracks.xyxy[:, 1])
        seen = (tracks.state == TrackState.CONFIRMED.value) & self._is_wanted[tracks.class_id] & (longer >= self._least_px)
        rows = {ids[row]: row for row in np.flatnonzero(seen).tolist()}
        return [rows[track_id] for track_id in self.ready(rows, tracks.time_s, frozenset(ids))]
