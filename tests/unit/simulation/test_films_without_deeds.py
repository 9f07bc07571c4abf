"""Films without deeds are those that there were before people did anything: pictures and boxes kept from then."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from panops.config.schema import SimulationConfig
from panops.simulation.scene import Scene

FILMS = json.loads((Path(__file__).parent / "films_without_deeds.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("film", FILMS, ids=[film["config"]["scene"] for film in FILMS])
def test_films_are_what_they_were(film: dict[str, Any]) -> None:
    scene = Scene(SimulationConfig.model_validate(film["config"]))
    for kept in film["frames"]:
        truth = scene.truth(kept["frame"])
        assert truth.track_id.tolist() == kept["track_id"]
        assert list(truth.class_name) == kept["class_name"]
        assert np.allclose(truth.xyxy, np.reshape(kept["xyxy"], (-1, 4)), atol=0.02)
        assert np.allclose(truth.visible, kept["visible"], atol=0.02)
        # Coarse, for another build of OpenCV may round otherwise.
        coarse = cv2.resize(scene.render(kept["frame"]), (16, 9), interpolation=cv2.INTER_AREA)
        assert np.abs(coarse.astype(int) - np.reshape(kept["picture"], (9, 16, 3))).max() <= 1
        assert set(truth.posture) <= {"walking", "standing", "riding", ""}
