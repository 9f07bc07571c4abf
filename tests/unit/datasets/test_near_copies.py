from __future__ import annotations

import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panops.datasets.near_copies import NEAR_BITS, copy_groups, distances, nearest_across
from panops.datasets.picture_look import fingerprint, look_at, look_at_all
from tests.unit.datasets.drawn import save, scene


def distance(left: int | None, right: int | None) -> int:
    assert left is not None
    assert right is not None
    return (left ^ right).bit_count()


def luma(seed: int, size_wh: tuple[int, int] = (384, 256)) -> np.ndarray:
    return cv2.cvtColor(scene(seed, size_wh), cv2.COLOR_BGR2GRAY)


CHANGES = {
    "smaller": lambda image: cv2.resize(image, (120, 80), interpolation=cv2.INTER_AREA),
    "other shape": lambda image: cv2.resize(image, (256, 256), interpolation=cv2.INTER_AREA),
    "brighter": lambda image: np.clip(image * 1.2 + 15, 0, 255).astype(np.uint8),
    "jpeg": lambda image: cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 25])[1], cv2.IMREAD_GRAYSCALE),
    "noise": lambda image: np.clip(image + np.random.default_rng(1).normal(0, 8, image.shape), 0, 255).astype(np.uint8),
    "a small thing in it": lambda image: cv2.rectangle(image.copy(), (150, 100), (170, 120), 255, -1),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_stays_near(change: str) -> None:
    far = [distance(fingerprint(luma(seed)), fingerprint(CHANGES[change](luma(seed)))) for seed in range(20)]

    assert max(far) <= NEAR_BITS


def test_other_pictures_are_far() -> None:
    prints = [fingerprint(luma(seed)) for seed in range(60)]
    far = [distance(left, right) for index, left in enumerate(prints) for right in prints[:index]]

    assert min(far) > NEAR_BITS


def test_a_flat_picture_has_no_fingerprint() -> None:
    assert fingerprint(np.full((64, 64), 90, np.uint8)) is None


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
def test_a_cut_off_file_is_not_whole(tmp_path: Path, suffix: str) -> None:
    path = save(tmp_path / f"a{suffix}", scene(1, (640, 480)))
    assert look_at(path).whole
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])

    assert not look_at(path).whole


def test_looks_come_in_order_and_progress_adds_up(tmp_path: Path) -> None:
    paths = [save(tmp_path / f"{index}.png", scene(index, (20 + index, 16))) for index in range(70)]
    paths.insert(5, tmp_path / "gone.png")
    told: list[int] = []
    looks = look_at_all(paths, told.append)

    assert [look.size_wh for look in looks if look.size_wh] == [(20 + index, 16) for index in range(70)]
    assert looks[5].size_wh is None
    assert sum(told) == 71


def plain_pairs(values: list[int], bits: int) -> list[list[int]]:
    """The reference: every pair compared."""
    return [
        [left, right]
        for left in range(len(values))
        for right in range(left + 1, len(values))
        if distance(values[left], values[right]) <= bits
    ]


@st.composite
def clustered(draw: st.DrawFn) -> list[int]:
    """Fingerprints of which many are near another one."""
    values = draw(st.lists(st.integers(0, 2**64 - 1), max_size=6))
    for _ in range(draw(st.integers(0, 20)) if values else 0):
        value = draw(st.sampled_from(values))
        for bit in draw(st.lists(st.integers(0, 63), max_size=8)):
            value ^= 1 << bit
        values.append(value)
    return values


def test_distances_are_counts_of_bits() -> None:
    assert distances(np.array([0, 1, 2**64 - 1], np.uint64), 3).tolist() == [2, 1, 62]


@given(values=clustered(), bits=st.integers(0, 12), unknown=st.integers(0, 2))
def test_groups_are_what_pairs_connect(values: list[int], bits: int, unknown: int) -> None:
    groups = copy_groups([*values, *[None] * unknown], bits).tolist()
    reference = list(range(len(values) + unknown))
    for left, right in plain_pairs(values, bits):
        old, new = reference[right], reference[left]
        reference = [new if label == old else label for label in reference]

    renamed: dict[int, int] = {}
    assert groups == [renamed.setdefault(label, len(renamed)) for label in reference]


@given(left=clustered(), right=clustered(), bits=st.integers(0, 12))
def test_the_nearest_across_is_nearest(left: list[int], right: list[int], bits: int) -> None:
    mixed = [*right, *left[:3]]
    found = {index: far for index, _, far in nearest_across(np.array(left, np.uint64), np.array(mixed, np.uint64), bits)}
    wanted = {index: min((distance(value, other) for other in mixed), default=99) for index, value in enumerate(left)}

    assert found == {index: far for index, far in wanted.items() if far <= bits}


def test_one_picture_ten_thousand_times_is_no_trouble() -> None:
    groups = copy_groups([7] * 10_000 + [2**64 - 1])

    assert groups.max() == 1


def test_thousands_of_frames_of_a_still_camera_are_one_group_in_no_time() -> None:
    rng = np.random.default_rng(0)
    prints = np.full(20_000, rng.integers(0, 2**63), np.uint64)
    for _ in range(4):
        prints ^= np.uint64(1) << rng.integers(0, 64, len(prints)).astype(np.uint64)
    start_s = time.process_time()

    assert len(np.unique(prints)) > 15_000
    assert copy_groups(prints.tolist()).max() == 0
    assert len(nearest_across(prints[:5000], prints[5000:])) == 5000
    assert time.process_time() - start_s < 5, "seconds; comparing all with bands took minutes and gigabytes"
