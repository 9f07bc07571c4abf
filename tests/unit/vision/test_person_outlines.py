"""MediaPipe's outlines of people, as they hide people on a camera: how much of simulated ones stays hidden, and what it costs."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from panops.config.schema import SimulationConfig
from panops.domain.frame import ArrayPixels, Frame
from panops.models.mirrors import MIRROR_VARIABLE
from panops.models.store import ModelStore
from panops.pipeline.map_looks import MapModels
from panops.pipeline.person_mask import FILL, PersonMask
from panops.simulation.scene import Parts, Scene
from panops.testing.rule_conformance import Sighting, make_tracks

MODEL = "selfie_segmentation"
# A pixel is changed by whoever stands there by more than this.
_CHANGED = 12


@pytest.fixture
def models(mediapipe_file: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MapModels:
    pytest.importorskip("ai_edge_litert")
    file = mediapipe_file("selfie_segmentation/selfie_segmentation.tflite")
    (tmp_path / "mirror").mkdir()
    shutil.copy(file, tmp_path / "mirror" / "selfie_segmentation_256.tflite")
    monkeypatch.setenv(MIRROR_VARIABLE, str(tmp_path / "mirror"))
    return MapModels(ModelStore(tmp_path / "models"))


@pytest.mark.parametrize(("model", "outwards", "least"), [(MODEL, 0.05, 0.97), (MODEL, 0.0, 0.9), ("", 0.05, 0.99)])
def test_hardly_anything_of_people_stays_to_be_seen(
    models: MapModels, model: str, outwards: float, least: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of each person's own pixels, in a yard of 1280x720, those that are filled; `-s` tells the figures."""
    monkeypatch.setattr("panops.pipeline.person_mask._OUTWARDS", outwards)
    scene = Scene(SimulationConfig(scene="yard", seed=5, activity=8, rate_fps=5, size_wh=(1280, 720)))
    mask, shares, filled_of_box, took_ms = PersonMask(models), [], [], []
    for index in range(0, 400, 20):
        truth = scene.truth(index)
        rows = [row for row in range(len(truth)) if truth.class_name[row] == "person" and truth.xyxy[row, 3] - truth.xyxy[row, 1] >= 60]
        if not rows:
            continue
        empty = scene.render(index, Parts(actors=False, shadows=False, air=False)).astype(np.int16)
        there = np.abs(scene.render(index, Parts(actors=True, shadows=False, air=False)) - empty).max(axis=2) > _CHANGED
        picture = scene.render(index)
        for row in rows:
            image, box = picture.copy(), truth.xyxy[row].astype(np.float32)
            tracks = make_tracks(0.0, [Sighting(1, 0.5, 0.5)], (1280, 720))
            tracks = type(tracks)(*(getattr(tracks, name) if name != "xyxy" else box[None] for name in tracks.__slots__))
            began_s = time.thread_time()
            mask.fill(image, Frame("yard", 0, 0.0, 0.0, ArrayPixels(picture)), tracks, ("person",), model)
            took_ms.append(1000 * (time.thread_time() - began_s))
            left, top, right, bottom = np.clip(box, 0, [1280, 720, 1280, 720]).astype(int)
            hidden, own = (image == FILL).all(axis=2)[top:bottom, left:right], there[top:bottom, left:right]
            shares.append(float((hidden & own).sum() / max(1, own.sum())))
            filled_of_box.append(float(hidden.mean()))
    print(  # noqa: T201 - the figures of docs/maps.md
        f"{model or 'boxes'}, drawn outwards by {outwards}: {len(shares)} people, {100 * np.mean(shares):.1f} % of their pixels hidden, "
        f"the worst {100 * min(shares):.1f} %; "
        f"{100 * np.mean(filled_of_box):.0f} % of their boxes filled; {np.median(took_ms):.1f} ms each"
    )
    assert np.mean(shares) > least
    assert mask.trouble(model) == ""
