"""Small scenes that the tests of the simulation share: a backdrop takes half a second to paint."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from panops.config.schema import SimulationConfig
from panops.simulation.scene import Scene

SIZE = (480, 270)


def settings(scene: str = "yard", **more: object) -> SimulationConfig:
    return SimulationConfig.model_validate({"scene": scene, "size_wh": SIZE, "activity": 6.0, "seed": 3, **more})


@pytest.fixture(scope="session")
def scene_of() -> Callable[..., Scene]:
    """Makes scenes and keeps them, so that their backdrops stay shared."""
    kept: dict[str, Scene] = {}

    def make(name: str = "yard", **more: object) -> Scene:
        config = settings(name, **more)
        key = config.model_dump_json()
        if key not in kept:
            kept[key] = Scene(config)
        return kept[key]

    return make
