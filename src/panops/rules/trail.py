"""Where each followed object was lately: its last few places, about evenly spaced in time, on the rows of a `TrackTable`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from panops.domain.geometry import PointArray
from panops.rules.scene import Rows
from panops.rules.track_table import Table

SAMPLES = 12
# However short the window is: a movement is judged by at least so many of the last places.
LEAST_SAMPLES = 4
COLUMNS: list[Any] = [("noted", "?"), ("trail_s", "f8", (SAMPLES,)), ("trail", "f8", (SAMPLES, 2))]


class Trail:
    """Keeps the places of the last `window_s`, the newest one last. A row that begins has its first place in all of them.

    Args:
        window_s: How far back, s.
    """

    def __init__(self, window_s: float) -> None:
        self._window_s = window_s
        self._step_s = window_s / (SAMPLES - 2)

    def note(self, table: Table, slots: Rows, time_s: float, places: PointArray) -> None:
        """Enter where the objects in rows `slots` (K,) of the table are now, (K, 2) in any unit.

        With looks that come fast, the newest place is replaced until it is a step away from the one before it.
        """
        times, trail = table["trail_s"], table["trail"]
        fresh = ~table["noted"][slots]
        if fresh.any():
            new = slots[fresh]
            table["noted"][new] = True
            times[new] = time_s
            trail[new] = places[fresh][:, None]
        on = slots[time_s - times[slots, -2] >= self._step_s - 1e-6]
        times[on, :-1] = times[on, 1:]
        trail[on, :-1] = trail[on, 1:]
        times[slots, -1] = time_s
        trail[slots, -1] = places

    def first(self, table: Table, slots: Rows, time_s: float) -> NDArray[np.intp]:
        """Which sample (K,) is the oldest that counts: the first of the window, or the first of the last `LEAST_SAMPLES`."""
        within = table["trail_s"][slots] >= time_s - self._window_s - 1e-6
        return np.asarray(np.minimum(within.argmax(axis=1), SAMPLES - LEAST_SAMPLES))
