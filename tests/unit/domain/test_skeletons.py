from __future__ import annotations

import pytest

from panops.domain.skeletons import BLAZEPOSE33, COCO17, FACE_MESH468, HAND21, SKELETONS, Skeleton

NAMED = [skeleton for skeleton in SKELETONS.values() if skeleton.points]


@pytest.mark.parametrize("skeleton", SKELETONS.values(), ids=SKELETONS.keys())
def test_lines_join_two_points_that_exist_and_none_twice(skeleton: Skeleton) -> None:
    assert all(0 <= a < skeleton.count and 0 <= b < skeleton.count and a != b for a, b in skeleton.edges)
    assert len({frozenset(edge) for edge in skeleton.edges}) == len(skeleton.edges)


@pytest.mark.parametrize("skeleton", NAMED, ids=[skeleton.name for skeleton in NAMED])
def test_points_are_named_once_and_all_drawn(skeleton: Skeleton) -> None:
    assert len(set(skeleton.points)) == len(skeleton.points) == skeleton.count
    assert {point for edge in skeleton.edges for point in edge} == set(range(skeleton.count))


def test_counts() -> None:
    assert {name: skeleton.count for name, skeleton in SKELETONS.items()} == {
        "coco17": 17,
        "blazepose33": 33,
        "hand21": 21,
        "face5": 5,
        "face6": 6,
        "face_mesh468": 468,
    }


@pytest.mark.parametrize("skeleton", [COCO17, BLAZEPOSE33], ids=["coco17", "blazepose33"])
def test_left_and_right_are_mirrored(skeleton: Skeleton) -> None:
    """Each line of the left side is there on the right, too."""
    other = {name: name.replace("left", "?").replace("right", "left").replace("?", "right") for name in skeleton.points}
    lines = {frozenset((skeleton.points[a], skeleton.points[b])) for a, b in skeleton.edges}
    assert lines == {frozenset(other[name] for name in line) for line in lines}


def test_names_that_others_rely_on() -> None:
    assert [HAND21.points[index] for index in (0, 4, 8, 20)] == ["wrist", "thumb tip", "index tip", "little tip"]
    assert [BLAZEPOSE33.points[index] for index in (0, 11, 16, 32)] == ["nose", "left shoulder", "right wrist", "right toes"]
    assert [COCO17.points[index] for index in (0, 5, 10, 16)] == ["nose", "left shoulder", "right wrist", "right ankle"]
    assert FACE_MESH468.points == ()
