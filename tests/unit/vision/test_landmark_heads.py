"""Faces, hands and bodies as the catalogue describes them, from the files of the wheel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from blaze_models import FileFinder, picture
from manifests import frame

from panops.domain.detections import Detections
from panops.domain.errors import ModelUnsupported
from panops.inference.open_backend import open_backend
from panops.models.catalogue import load_catalogue
from panops.models.checksum import sha256_of
from panops.vision.composites import Part, open_composite
from panops.vision.model_detector import ModelDetector
from panops.vision.registry import open_task

MODELS = load_catalogue().models
FROM_THE_WHEEL = [name for name, entry in MODELS.items() if entry.manifest.source.location.startswith("mediapipe==")]


def part(name: str, mediapipe_file: FileFinder) -> Part:
    manifest = MODELS[name].manifest
    return Part(manifest, open_backend(mediapipe_file(manifest.source.member.removeprefix("mediapipe/modules/"))))


def look(name: str, mediapipe_file: FileFinder, path: Path) -> Detections:
    own = part(name, mediapipe_file)
    if not own.manifest.needs:
        return ModelDetector(own.manifest, open_task(own.manifest), own.backend).detect(picture(path))
    return open_composite(own, {role: part(other, mediapipe_file) for role, other in own.manifest.needs.items()}).detect(picture(path))


@pytest.mark.parametrize("name", FROM_THE_WHEEL)
def test_sizes_and_checksums_are_those_of_the_wheel(mediapipe_file: FileFinder, name: str) -> None:
    entry = MODELS[name]
    path = mediapipe_file(entry.manifest.source.member.removeprefix("mediapipe/modules/"))
    assert (path.name, path.stat().st_size, sha256_of(path)) == (entry.manifest.file_name, entry.size_bytes, entry.manifest.sha256)


@pytest.mark.parametrize(
    ("name", "file", "count", "points"),
    [
        ("blazeface", "faces/fr_obama.jpg", 1, 6),
        ("blazeface_short", "faces/fr_obama.jpg", 1, 6),
        ("face_mesh", "faces/fnp_multiface.jpg", 6, 468),
        ("hands", "rf/hand.png", 1, 21),
        ("hands_lite", "rf/hand.png", 1, 21),
        ("blazepose", "coral/squat.bmp", 1, 33),
    ],
)
def test_each_sees_what_is_there_with_its_points(
    shared_data: Path, mediapipe_file: FileFinder, name: str, file: str, count: int, points: int
) -> None:
    found = look(name, mediapipe_file, shared_data / "images" / file)
    assert len(found) == count
    assert found.keypoints is not None
    assert found.keypoints.shape == (count, points, 3)
    middle = found.keypoints[:, :, :2].mean(axis=1)
    assert (middle > found.xyxy[:, :2]).all()
    assert (middle < found.xyxy[:, 2:]).all()


def test_a_part_for_another_role_is_refused(mediapipe_file: FileFinder) -> None:
    with pytest.raises(ModelUnsupported, match="hands: its head hands needs finder; its manifest has eyes"):
        open_composite(part("hands", mediapipe_file), {"eyes": part("palm_detection", mediapipe_file)})


def test_a_finder_with_other_points_is_refused_at_the_first_find(shared_data: Path, mediapipe_file: FileFinder) -> None:
    mesh = open_composite(part("face_mesh", mediapipe_file), {"finder": part("palm_detection", mediapipe_file)})
    with pytest.raises(ModelUnsupported, match="FaceMesh needs a finder with 6 points"):
        mesh.detect(picture(shared_data / "images" / "rf" / "hand.png"))
    assert len(mesh.detect(frame(np.full((90, 160, 3), 114, np.uint8)))) == 0
