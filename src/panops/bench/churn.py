"""What happens to a site's cameras on a bad day, one thing every few seconds: removed and added again, cut, silent, frozen, restored."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import CREATED, NO_CONTENT, OK
from typing import Any

from panops.bench.offer import Offer
from panops.bench.product_api import ProductApi
from panops.domain.errors import PanopsError
from panops.testing.load_cameras import Mode

# What is done to a camera, and for how long, s.
_TROUBLES: Mapping[Mode, tuple[float, float]] = {"refuse": (2.0, 15.0), "stall": (2.0, 20.0), "freeze": (5.0, 40.0)}
_REMOVED_S = (1.0, 20.0)
# At most so much of the site is in trouble at once: the rest shows whether neighbours suffer.
_MOST_IN_TROUBLE = 0.5


@dataclass(slots=True)
class Churn:
    """Decides and does. The same seed does the same things in the same order.

    Args:
        offer: The cameras, started.
        api: Of the product, signed in.
        cameras: The settings of each camera, for adding it again.
        rng: Decides.
    """

    offer: Offer
    api: ProductApi
    cameras: Mapping[str, dict[str, Any]]
    rng: random.Random
    done: Counter[str] = field(default_factory=Counter)
    _until_s: dict[str, tuple[float, str]] = field(default_factory=dict)

    def step(self, now_s: float) -> str:
        """Put right what is due, and do one thing to one camera; what was done, in words.

        Raises:
            PanopsError: The product refuses a change of its cameras.
            OSError: It does not answer.
        """
        for camera_id in [name for name, (until_s, _) in self._until_s.items() if until_s <= now_s]:
            self._restore(camera_id)
        well = sorted(set(self.cameras) - set(self._until_s))
        if len(self._until_s) >= _MOST_IN_TROUBLE * len(self.cameras) or not well:
            return "nothing: enough cameras are in trouble"
        camera_id = self.rng.choice(well)
        trouble = self.rng.choice(["remove", *_TROUBLES])
        if trouble == "remove":
            self._check(self.api.delete(f"/api/v1/cameras/{camera_id}"), NO_CONTENT, "remove", camera_id)
            lasts_s = self.rng.uniform(*_REMOVED_S)
        else:
            mode: Mode = next(mode for mode in _TROUBLES if mode == trouble)
            self.offer.set_mode(camera_id, mode)
            lasts_s = self.rng.uniform(*_TROUBLES[mode])
        self._until_s[camera_id] = now_s + lasts_s, trouble
        self.done[trouble] += 1
        return f"{camera_id}: {trouble} for {lasts_s:.0f} s"

    def restore_all(self) -> None:
        """Put everything right.

        Raises:
            PanopsError: The product refuses a change of its cameras.
            OSError: It does not answer.
        """
        for camera_id in list(self._until_s):
            self._restore(camera_id)

    def _restore(self, camera_id: str) -> None:
        _, trouble = self._until_s.pop(camera_id)
        if trouble == "remove":
            status = self.api.put(f"/api/v1/cameras/{camera_id}", self.cameras[camera_id])
            self._check(status, CREATED, "add", camera_id)
        else:
            self.offer.set_mode(camera_id, "play")

    @staticmethod
    def _check(status: int, expected: int, what: str, camera_id: str) -> None:
        if status not in (expected, OK):
            raise PanopsError(f"expected {expected} for the order to {what} {camera_id}, got {status}")
