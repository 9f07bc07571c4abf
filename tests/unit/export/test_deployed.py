"""Pictures go through the live path: boxes come back in the picture's pixels, thresholds hold, bad files are named."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from panops.domain.errors import SourceCorrupt
from panops.domain.labels import LabelledPicture
from panops.domain.manifest import ModelManifest
from panops.export.deployed import AP_SETTINGS, detect_pictures, frame_of, read_bgr, readable, run_pictures
from panops.inference.open_backend import open_backend
from panops.models.store import ModelStore
from panops.vision.candidates import KeepSettings
from panops.vision.model_detector import ModelDetector
from panops.vision.registry import open_task
from tests.unit.commands.tiny_detector import BOXES, manifest_of, write_detector, write_grey


@pytest.fixture
def brightness_model(tmp_path: Path) -> tuple[ModelManifest, Path]:
    """A box at a fixed place of the input, whose score is the picture's brightness."""
    path = write_detector(tmp_path / "bright")
    return manifest_of(path), path


def labelled(path: Path, size_wh: tuple[int, int], level: int | None) -> LabelledPicture:
    """A grey picture on disk with one label; no file where `level` is None."""
    if level is not None:
        write_grey(path, level, size_wh)
    box = np.array([[0, 0, 4, 4]], np.float32)
    return LabelledPicture(path, size_wh, box, np.zeros(1, np.int64), np.zeros(1, bool), np.ones(1, bool))


def test_boxes_come_back_in_the_pictures_own_pixels(brightness_model: tuple[ModelManifest, Path], tmp_path: Path) -> None:
    pictures = [labelled(tmp_path / "bright.png", (640, 320), 204), labelled(tmp_path / "dark.png", (128, 64), 51)]
    told: list[tuple[int, int]] = []
    run = run_pictures(*brightness_model, pictures, progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 2), (2, 2)]
    bright, dark = run.detections
    np.testing.assert_allclose(bright.xyxy, BOXES, atol=1e-3)
    np.testing.assert_allclose(dark.xyxy, [[16, 8, 48, 24], [88, 40, 104, 56]], atol=1e-3)
    np.testing.assert_allclose(bright.score, [0.8, 0.4], atol=0.01)
    np.testing.assert_allclose(dark.score, [0.2, 0.1], atol=0.01)
    speed = run.speed.record()
    assert speed["pictures"] == 2
    assert speed["threads"] == 1
    assert min(speed["prepare_ms"], speed["infer_ms"], speed["finish_ms"], speed["cpu_ms"]) > 0


@pytest.mark.parametrize(
    ("settings", "counts"),
    [(AP_SETTINGS, (2, 2)), (KeepSettings(min_score=0.15), (2, 1)), (KeepSettings(most=1), (1, 1)), (KeepSettings(min_score=0.9), (0, 0))],
)
def test_the_settings_decide_what_is_kept(
    brightness_model: tuple[ModelManifest, Path], tmp_path: Path, settings: KeepSettings, counts: tuple[int, int]
) -> None:
    pictures = [labelled(tmp_path / "bright.png", (640, 320), 204), labelled(tmp_path / "dark.png", (128, 64), 51)]
    assert tuple(len(seen) for seen in detect_pictures(*brightness_model, pictures, settings)) == counts


def test_bad_pictures_are_named(brightness_model: tuple[ModelManifest, Path], tmp_path: Path) -> None:
    with pytest.raises(SourceCorrupt, match=r"gone\.png: expected a picture"):
        detect_pictures(*brightness_model, [labelled(tmp_path / "gone.png", (64, 32), None)])
    small = labelled(tmp_path / "small.png", (64, 32), 9)
    lying = LabelledPicture(small.path, (99, 32), small.xyxy, small.class_id, small.crowd, small.labelled)
    with pytest.raises(SourceCorrupt, match="labels are for 99x32 pixels, the file has 64x32"):
        detect_pictures(*brightness_model, [lying])


def test_broken_pictures_are_told_and_do_not_stop_the_rest(brightness_model: tuple[ModelManifest, Path], tmp_path: Path) -> None:
    pictures = [labelled(tmp_path / "gone.png", (64, 32), None), labelled(tmp_path / "bright.png", (640, 320), 204)]
    run = run_pictures(*brightness_model, pictures, skip_broken=True)
    assert [len(seen) for seen in run.detections] == [0, 2]
    assert list(run.broken) == [0]
    assert "gone.png" in run.broken[0]
    assert run.speed.pictures == 1


def test_no_pictures_is_no_fault(brightness_model: tuple[ModelManifest, Path]) -> None:
    run = run_pictures(*brightness_model, [])
    assert run.detections == []
    assert run.speed.pictures == 0


def test_a_real_model_sees_what_a_camera_would(shared_data: Path, tmp_path: Path) -> None:
    model = ModelStore(tmp_path, mirrors=[shared_data / "models"]).get("yolox_nano")
    paths = sorted((shared_data / "train" / "images" / "val").glob("construction-site-safety*.webp"))[:3]
    pictures = []
    for path in paths:
        image = cv2.imread(str(path))
        assert image is not None
        size_wh = (image.shape[1], image.shape[0])
        pictures.append(LabelledPicture(path, size_wh, *(np.zeros((0, 4), np.float32), np.zeros(0, np.int64)), *(np.zeros(0, bool),) * 2))
    run = run_pictures(model.manifest, model.path, pictures)
    detector = ModelDetector(model.manifest, open_task(model.manifest), open_backend(model.path))
    assert sum(len(seen) for seen in run.detections) > 10
    for picture, seen in zip(pictures, run.detections, strict=True):
        live = detector.detect(frame_of(read_bgr(picture)))
        strong = seen.select(seen.score >= KeepSettings().min_score)
        # The same up to suppression: what is weaker than a box never removes it.
        np.testing.assert_array_equal(strong.xyxy, live.xyxy)
        np.testing.assert_array_equal(strong.score, live.score)
    detector.close()


def test_pictures_that_cannot_be_used_are_left_out_and_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    pictures = [labelled(tmp_path / "a.png", (64, 32), 100), labelled(tmp_path / "gone.png", (64, 32), None)]
    assert readable(pictures) == pictures[:1]
    assert "gone.png" in caplog.text
    assert "left out" in caplog.text
