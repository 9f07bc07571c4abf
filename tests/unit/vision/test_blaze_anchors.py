from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panops.vision.blaze_anchors import AnchorLayout, blaze_anchors
from panops.vision.detect_blaze import DetectBodies, DetectFaces, DetectPalms

SHORT, FULL = DetectFaces.layouts


def by_loops(layout: AnchorLayout) -> list[list[float]]:
    """The published scheme, one anchor after the other."""
    layers = len(layout.strides)

    def size(layer: int) -> float:
        if layer == layers:
            return 1.0
        if layers == 1:
            return (layout.smallest + layout.largest) / 2
        return layout.smallest + (layout.largest - layout.smallest) * layer / (layers - 1)

    anchors = []
    layer = 0
    while layer < layers:
        last = layer
        sizes = []
        while last < layers and layout.strides[last] == layout.strides[layer]:
            sizes.append(size(last))
            if layout.interpolated:
                sizes.append(math.sqrt(size(last) * size(last + 1)))
            last += 1
        cells = math.ceil(layout.input_px / layout.strides[layer])
        for y in range(cells):
            for x in range(cells):
                for one in sizes:
                    side = 1.0 if layout.fixed_size else one
                    anchors.append([(x + 0.5) / cells, (y + 0.5) / cells, side, side])
        layer = last
    return anchors


@pytest.mark.parametrize(
    ("layout", "count"),
    [(SHORT, 896), (FULL, 2304), (DetectPalms.layouts[0], 2016), (DetectBodies.layouts[0], 2254)],
    ids=["short range", "full range", "palms", "bodies"],
)
def test_the_published_models_have_so_many_rows(layout: AnchorLayout, count: int) -> None:
    anchors = blaze_anchors(layout)
    assert (layout.count, anchors.shape, anchors.dtype) == (count, (count, 4), np.float32)
    np.testing.assert_allclose(anchors, by_loops(layout), atol=1e-6)


def test_where_the_first_and_last_anchors_of_the_short_range_are() -> None:
    anchors = blaze_anchors(SHORT)
    np.testing.assert_allclose(anchors[:3, :2] * 128, [[4, 4], [4, 4], [12, 4]])
    np.testing.assert_allclose(anchors[512:519, :2] * 128, [[8, 8]] * 6 + [[24, 8]])
    np.testing.assert_allclose(anchors[-1, :2] * 128, [120, 120])


@given(
    st.integers(16, 100),
    st.lists(st.sampled_from([4, 7, 8, 16]), min_size=1, max_size=5),
    st.booleans(),
    st.booleans(),
)
def test_any_layout_as_by_loops(side: int, strides: list[int], interpolated: bool, fixed: bool) -> None:
    layout = AnchorLayout(side, tuple(strides), interpolated, fixed)
    np.testing.assert_allclose(blaze_anchors(layout), by_loops(layout), atol=1e-6)
    assert len(blaze_anchors(layout)) == layout.count


@pytest.mark.parametrize("layout", [AnchorLayout(128, ()), AnchorLayout(128, (8, 0)), AnchorLayout(0, (8,))])
def test_layouts_without_anchors(layout: AnchorLayout) -> None:
    with pytest.raises(ValueError, match="at least one stride"):
        blaze_anchors(layout)
