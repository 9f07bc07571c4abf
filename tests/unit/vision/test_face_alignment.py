from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from manifests import frame
from numpy.typing import NDArray

from panops.vision.face_alignment import TEMPLATE, aligned_faces, similarity


def umeyama(source: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
    """(2, 3), by the paper's equations 34 to 43."""
    source_mean, target_mean = source.mean(axis=0), target.mean(axis=0)
    covariance = (target - target_mean).T @ (source - source_mean) / len(source)
    left, values, right = np.linalg.svd(covariance)
    sign = np.diag([1.0, 1.0 if np.linalg.det(left) * np.linalg.det(right) > 0 else -1.0])
    rotation = left @ sign @ right
    scale = np.trace(np.diag(values) @ sign) / ((source - source_mean) ** 2).sum(axis=1).mean()
    return np.concatenate([scale * rotation, (target_mean - scale * rotation @ source_mean)[:, None]], axis=1)


def warped(rgb: NDArray[np.uint8], matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """(112, 112, 3): each pixel mixed from four of the picture; black outside."""
    height, width = rgb.shape[:2]
    back = np.linalg.inv(np.concatenate([matrix, [[0, 0, 1]]]))
    out = np.zeros((112, 112, 3))
    for y in range(112):
        for x in range(112):
            at_x, at_y, _ = back @ (x, y, 1)
            left, top = int(np.floor(at_x)), int(np.floor(at_y))
            for row, share_y in ((top, top + 1 - at_y), (top + 1, at_y - top)):
                for column, share_x in ((left, left + 1 - at_x), (left + 1, at_x - left)):
                    if 0 <= row < height and 0 <= column < width:
                        out[y, x] += share_x * share_y * rgb[row, column]
    return out


def posed(angle: float, scale: float, shift: tuple[float, float], noise: float = 0.0, seed: int = 0) -> NDArray[np.float64]:
    """The template's points, turned, scaled, moved and shaken."""
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return TEMPLATE @ turn.T + shift + noise * np.random.default_rng(seed).standard_normal((5, 2))


def smooth(width: int, height: int) -> NDArray[np.uint8]:
    y, x = np.mgrid[:height, :width]
    waves = [np.sin(x / 9) + np.cos(y / 7), np.sin((x + y) / 11) * 2, np.cos(x / 15) - np.sin(y / 5)]
    return np.asarray(np.stack([(wave + 2) * 60 for wave in waves], axis=2), np.uint8)


@settings(max_examples=80)
@given(
    angle=st.floats(-3.1, 3.1), scale=st.floats(0.05, 20), x=st.floats(-500, 4000), y=st.floats(-500, 4000),
    noise=st.sampled_from([0.0, 0.5, 5.0, 60.0]), seed=st.integers(0, 999),
)  # fmt: skip
def test_the_transform_is_umeyamas(angle: float, scale: float, x: float, y: float, noise: float, seed: int) -> None:
    points = posed(angle, scale, (x, y), noise, seed)
    found = similarity(points[None])[0]
    np.testing.assert_allclose(found, umeyama(points, TEMPLATE), rtol=1e-6, atol=1e-6)
    if not noise:
        np.testing.assert_allclose(points @ found[:, :2].T + found[:, 2], TEMPLATE, atol=1e-6)


def test_a_mirrored_face_is_not_mirrored_back() -> None:
    points = TEMPLATE * [-1, 1] + [112, 0]
    found = similarity(points[None])[0]
    assert np.linalg.det(found[:, :2]) > 0
    np.testing.assert_allclose(found, umeyama(points, TEMPLATE), atol=1e-9)


def test_many_faces_at_once_are_each_for_itself() -> None:
    points = np.stack([posed(0.3, 2, (50, 80)), posed(-1.0, 0.4, (10, 5), 1.0)])
    np.testing.assert_allclose(similarity(points), [similarity(points[:1])[0], similarity(points[1:])[0]], atol=1e-12)
    assert similarity(points[:0]).shape == (0, 2, 3)


POSES = {
    "as it is": (0.0, 1.0, (0.0, 0.0)),
    "turned and larger": (0.4, 1.7, (90.0, 30.0)),
    "turned far and smaller": (-2.0, 0.6, (120.0, 160.0)),
    "half out of the picture": (0.1, 1.5, (-70.0, 20.0)),
}


@pytest.mark.parametrize("pose", POSES.values(), ids=POSES.keys())
def test_a_warped_face_equals_the_plain_version(pose: tuple[float, float, tuple[float, float]]) -> None:
    rgb = smooth(300, 220)
    points = posed(*pose)
    found = aligned_faces(frame(rgb), points[None])
    assert (found.shape, found.dtype) == ((1, 112, 112, 3), np.uint8)
    difference = np.abs(found[0] - warped(rgb, umeyama(points, TEMPLATE)))
    # OpenCV finds a place by 1/32 px. At the picture's edge that shows most, where colours end.
    assert np.quantile(difference, 0.98) < 2.0
    assert difference.mean() < 0.7


def test_only_the_part_around_a_face_is_converted() -> None:
    asked: list[tuple[int, int, int, int]] = []

    class Watched:
        size_wh = (1920, 1080)

        def rgb(self, size_wh: tuple[int, int] | None = None, crop_xyxy: tuple[int, int, int, int] | None = None) -> NDArray[np.uint8]:
            assert crop_xyxy is not None
            asked.append(crop_xyxy)
            return np.zeros((crop_xyxy[3] - crop_xyxy[1], crop_xyxy[2] - crop_xyxy[0], 3), np.uint8)

    watched = frame(smooth(8, 8))
    object.__setattr__(watched, "pixels", Watched())
    aligned_faces(watched, posed(0.0, 1.0, (500.0, 400.0))[None])
    assert len(asked) == 1
    np.testing.assert_allclose(asked[0], (498, 398, 614, 514), atol=1)  # 112 px, a margin, and a px for roundings


def test_points_with_scores_and_no_faces_and_faces_far_outside() -> None:
    rgb = frame(smooth(200, 200))
    points = posed(0.1, 1.2, (20.0, 20.0))
    scored = np.concatenate([points, np.full((5, 1), 0.9)], axis=1).astype(np.float32)
    assert np.abs(aligned_faces(rgb, scored[None]).astype(int) - aligned_faces(rgb, points[None])).max() <= 2
    assert aligned_faces(rgb, np.zeros((0, 5, 3), np.float32)).shape == (0, 112, 112, 3)
    assert not aligned_faces(rgb, (points + 1e7)[None]).any()


@pytest.mark.parametrize(("points", "words"), [(np.full((1, 5, 2), 7.0), "all in one place"), (np.full((1, 5, 2), np.nan), "no numbers")])
def test_points_that_are_no_face(points: NDArray[np.float64], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        similarity(points)
