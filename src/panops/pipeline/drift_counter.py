"""Counts what one camera sees from day to day: how bright and sharp it is, and what is detected with which score and size."""

from __future__ import annotations

import math
import threading
from collections import Counter, defaultdict
from collections.abc import Sequence

from panops.domain.clock import Clock
from panops.domain.drift import QUANTITIES, Histogram
from panops.domain.tracks import Tracks
from panops.storage.drift import day_of

# An object that stays is counted again after so long, s: a parked car is not all there is to see in a street.
_AGAIN_S = 60.0
_MOST_REMEMBERED = 512


class DriftCounter:
    """One camera's counts since they were taken last. Any thread may call.

    Args:
        clock: Says which day it is, in UTC.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._days: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
        self._counted_s: dict[int, float] = {}
        self._lock = threading.Lock()

    def note_look(self, brightness: float, sharpness: float) -> None:
        """Count a look at the whole picture: its mean 0..255, and its fine detail by its coarse detail (0 where that is not known)."""
        with self._lock:
            today = self._days[day_of(self._clock.utc_s())]
            today["brightness"][QUANTITIES["brightness"].bin_of(brightness)] += 1
            if sharpness > 0:
                today["sharpness"][QUANTITIES["sharpness"].bin_of(sharpness)] += 1

    def note_tracks(self, tracks: Tracks, classes: Sequence[str], size_wh: tuple[int, int]) -> None:
        """Count objects, each once a minute at most.

        Args:
            tracks: What is followed now, boxes in px.
            classes: Names by class id.
            size_wh: The picture's size, px.
        """
        area = max(size_wh[0] * size_wh[1], 1)
        with self._lock:
            counted_s = (self._counted_s.get(int(one), -math.inf) for one in tracks.track_id)
            new = [row for row, at_s in enumerate(counted_s) if abs(tracks.time_s - at_s) >= _AGAIN_S]
            if not new:
                return
            today = self._days[day_of(self._clock.utc_s())]
            for row in new:
                self._counted_s[int(tracks.track_id[row])] = tracks.time_s
                left, top, right, bottom = (float(edge) for edge in tracks.xyxy[row])
                share = max(right - left, 0.0) * max(bottom - top, 0.0) / area
                class_id = int(tracks.class_id[row])
                today["score"][QUANTITIES["score"].bin_of(float(tracks.score[row]))] += 1
                today["box_size"][QUANTITIES["box_size"].bin_of(math.sqrt(share))] += 1
                today["class"][classes[class_id] if 0 <= class_id < len(classes) else str(class_id)] += 1
            if len(self._counted_s) > _MOST_REMEMBERED:
                recent = {one: at_s for one, at_s in self._counted_s.items() if abs(tracks.time_s - at_s) < _AGAIN_S}
                self._counted_s = recent

    def take(self) -> dict[str, dict[str, Histogram]]:
        """What was counted, by day and quantity; the counting begins anew."""
        with self._lock:
            taken: dict[str, dict[str, Histogram]] = {day: dict(quantities) for day, quantities in self._days.items()}
            self._days.clear()
        return taken

    def give_back(self, taken: dict[str, dict[str, Histogram]]) -> None:
        """Counts that could not be saved."""
        with self._lock:
            for day, quantities in taken.items():
                for name, counts in quantities.items():
                    self._days[day][name].update(counts)
