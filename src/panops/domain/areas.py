"""How much of a camera's zones each class covers: what one look at a whole picture says of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from panops.domain.area_names import covered

WHOLE = ""
"""Stands for the whole picture where a zone is named."""


@dataclass(frozen=True, slots=True, eq=False)
class AreaLook:
    """One look at one camera.

    Attributes:
        time_s: The picture's capture time, s.
        classes: The model's class names.
        zones: The camera's zones by name, the whole picture (`WHOLE`) first.
        share: (Z, C) float64, which share of each zone's pixels each class takes, 0..1. Read-only. The row of a zone that is smaller than
            one cell of the map is NaN.
    """

    time_s: float
    classes: tuple[str, ...]
    zones: tuple[str, ...]
    share: NDArray[np.float64]

    def __post_init__(self) -> None:
        """Check the shape and make the array read-only."""
        if self.share.shape != (len(self.zones), len(self.classes)):
            raise ValueError(f"expected shares {(len(self.zones), len(self.classes))}, got {self.share.shape}")
        self.share.setflags(write=False)

    def of(self, zone: str, names: Iterable[str]) -> float | None:
        """Which share of a zone the classes take together, 0..1; None where the zone or a class is not known.

        Args:
            zone: Its name; `WHOLE` for the whole picture.
            names: Class names, upper and lower case alike; one that begins with `NOT` stands for everything else.
        """
        if zone not in self.zones:
            return None
        chosen = covered(names, self.classes)
        if chosen is None:
            return None
        share = float(self.share[self.zones.index(zone), sorted(chosen)].sum())
        return None if np.isnan(share) else min(1.0, share)
