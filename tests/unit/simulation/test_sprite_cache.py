from __future__ import annotations

import numpy as np

from panops.simulation.shading import Sprite
from panops.simulation.sprite_cache import SpriteCache


def sprite() -> Sprite:
    return Sprite(np.zeros((10, 10, 4), np.uint8), 0.0, 0.0, 10.0)


def test_the_least_used_goes_first_and_the_limit_holds() -> None:
    cache = SpriteCache(limit_bytes=1000)
    first = cache.get("first", sprite)
    cache.get("second", sprite)
    assert cache.get("first", sprite) is first
    cache.get("third", sprite)  # 1200 bytes: `second` was used longest ago
    assert cache.size_bytes == 800
    assert cache.get("first", sprite) is first
    made: list[str] = []

    def again() -> Sprite:
        made.append("second")
        return sprite()

    cache.get("second", again)
    assert made == ["second"]


def test_a_sprite_over_the_limit_is_still_given() -> None:
    cache = SpriteCache(limit_bytes=1)
    assert cache.get("big", sprite).size_bytes == 400
