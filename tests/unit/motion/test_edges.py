from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from panops.motion import edges as edge
from tests.unit.motion.plates import mapped, scenery


@pytest.mark.parametrize("size_wh", [(640, 360), (1920, 1080), (2560, 1440), (704, 576), (320, 240), (161, 91), (90, 160), (8, 8), (1, 1)])
def test_pictures_of_all_sizes_become_small_ones_of_the_same_brightness(size_wh: tuple[int, int]) -> None:
    width, height = size_wh
    picture = np.full((height, width), 77, np.uint8)
    small = edge.small_picture(edge.middle_picture(picture))
    assert small.shape == (90, 160)
    assert small.dtype == np.float32
    assert np.abs(small - 77).max() <= 1
    assert float(np.abs(edge.edge_map(small)).max()) < 1e-3


def test_a_map_says_which_way_edges_run_and_not_which_side_is_brighter() -> None:
    small = edge.small_picture(edge.middle_picture(scenery()))
    here, negative = edge.edge_map(small), edge.edge_map(255 - small)
    assert np.abs(here - negative).max() < 0.001
    assert float(np.hypot(here[0], here[1]).max()) <= 1.0


@pytest.mark.parametrize("factor", [0.4, 0.7, 1.2])
def test_light_changes_little(factor: float) -> None:
    picture = scenery()
    relit = np.clip(picture * factor, 0, 255).astype(np.uint8)
    assert float(np.median(edge.tile_fit(mapped(relit), mapped(picture)))) > 0.9


def test_noise_leaves_nothing_in_the_average() -> None:
    rng = np.random.default_rng(0)
    noise = [mapped(np.clip(100 + rng.normal(0, 12, (360, 640)), 0, 255).astype(np.uint8)) for _ in range(60)]
    assert float(edge.tile_strength(np.mean(noise, axis=0, dtype=np.float32)).max()) < 0.02


def fit_by_loops(now: NDArray[np.float32], learnt: NDArray[np.float32]) -> NDArray[np.float64]:
    """`tile_fit` as its words say it, tile by tile and pixel by pixel."""
    found = np.zeros((6, 10))
    for row in range(6):
        for column in range(10):
            part = np.s_[:, 15 * row : 15 * row + 15, 16 * column : 16 * column + 16]
            one, other = now[part].astype(float), learnt[part].astype(float)
            together = sum(float(one[0, y, x] * other[0, y, x] + one[1, y, x] * other[1, y, x]) for y in range(15) for x in range(16)) / 240
            of_one, of_other = float((one**2).sum()) / 240, float((other**2).sum()) / 240
            found[row, column] = together / np.sqrt((of_one + 0.1 * of_other) * of_other + 1e-9)
    return found


def test_the_fit_agrees_with_the_plain_one() -> None:
    now, learnt = mapped(scenery(3)), mapped(np.roll(scenery(3), 9, axis=1))
    assert edge.tile_fit(now, learnt) == pytest.approx(fit_by_loops(now, learnt), abs=1e-4)
