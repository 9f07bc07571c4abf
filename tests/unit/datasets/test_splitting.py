from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panops.datasets.checking import class_counts
from panops.datasets.splitting import split_set, units_of
from panops.domain.labels import DetectionSet
from tests.unit.datasets.drawn import CLASSES, picture


def made_up(count: int, groups: int, seed: int = 0) -> DetectionSet:
    """Pictures of unequal groups, each with boxes of its own mix of classes."""
    rng = np.random.default_rng(seed)
    pictures = []
    for index in range(count):
        group = int(rng.integers(0, groups) * rng.random())
        ids = rng.choice(len(CLASSES), rng.integers(0, 6), p=[0.6, 0.3, 0.1])
        boxes = [(1.0 + place, 2.0, 30.0 + place, 40.0) for place in range(len(ids))]
        pictures.append(picture(Path(f"{index}.jpg"), boxes, class_id=ids, group=f"cam{group}", source=f"s{group % 3}"))
    return DetectionSet("all", CLASSES, tuple(pictures))


def alone(count: int) -> np.ndarray:
    return np.arange(count, dtype=np.int64)


@given(
    groups=st.lists(st.sampled_from(["", "a", "b", "c", "d"]), min_size=1, max_size=30),
    copies=st.data(),
    seed=st.integers(0, 5),
    shares=st.sampled_from([{"train": 0.8, "val": 0.2}, {"train": 0.7, "val": 0.15, "test": 0.15}]),
)
def test_no_group_and_no_copies_are_ever_parted_and_nothing_is_lost(
    groups: list[str], copies: st.DataObject, seed: int, shares: dict[str, float]
) -> None:
    dataset = DetectionSet("all", CLASSES, tuple(picture(Path(f"{index}.jpg"), group=group) for index, group in enumerate(groups)))
    copy_of = np.array(copies.draw(st.lists(st.integers(0, 8), min_size=len(groups), max_size=len(groups))), np.int64)
    splitting = split_set(dataset, copy_of, shares, seed)
    home = {one.path: name for name, part in splitting.sets.items() for one in part.pictures}

    assert sorted(home) == sorted(one.path for one in dataset.pictures)
    assert sum(map(len, splitting.sets.values())) == len(groups)
    for mine in ({group: home[one.path] for group, one in zip(groups, dataset.pictures, strict=True) if group}, {}):
        assert all(home[one.path] == mine.get(one.group, home[one.path]) for one in dataset.pictures)
    of_copy: dict[int, str] = {}
    for place, one in zip(copy_of.tolist(), dataset.pictures, strict=True):
        assert of_copy.setdefault(place, home[one.path]) == home[one.path]


def test_units_join_groups_that_share_a_copy() -> None:
    groups = ["a", "a", "b", "", "", "c"]
    dataset = DetectionSet("all", CLASSES, tuple(picture(Path(str(index)), group=group) for index, group in enumerate(groups)))

    assert units_of(dataset, np.array([0, 1, 1, 2, 2, 3])).tolist() == [0, 0, 0, 1, 1, 2]


@pytest.mark.parametrize("seed", range(3))
def test_shares_and_classes_come_out_as_wanted(seed: int) -> None:
    dataset = made_up(600, 120, seed)
    shares = {"train": 0.7, "val": 0.2, "test": 0.1}
    splitting = split_set(dataset, alone(600), shares, seed)
    total = class_counts(dataset)

    for name, share in shares.items():
        assert splitting.reached(name) == pytest.approx(share, abs=0.02)
        np.testing.assert_allclose(class_counts(splitting.sets[name]) / total, share, atol=0.04)


def test_the_seed_decides() -> None:
    dataset = made_up(200, 80)
    shares = {"train": 0.8, "val": 0.2}
    names = [[one.path.name for one in split_set(dataset, alone(200), shares, seed).sets["val"].pictures] for seed in (1, 1, 2)]

    assert names[0] == names[1] != names[2]


def test_one_group_goes_to_one_set_and_the_report_says_so() -> None:
    dataset = DetectionSet("all", CLASSES, tuple(picture(Path(str(index)), group="cam") for index in range(10)))
    splitting = split_set(dataset, alone(10), {"train": 0.8, "val": 0.2}, 0)

    assert sorted(map(len, splitting.sets.values())) == [0, 10]
    assert len(splitting.sets["train"]) == 10
    assert (splitting.unit_count, splitting.largest_unit) == (1, 10)


def test_what_stands_in_for_groups_is_counted() -> None:
    groups = ["a", "b", "c", "", ""]
    dataset = DetectionSet("all", CLASSES, tuple(picture(Path(str(index)), group=group) for index, group in enumerate(groups)))
    splitting = split_set(dataset, np.array([0, 0, 1, 2, 3]), {"train": 0.5, "val": 0.5}, 0)

    assert (splitting.ungrouped, splitting.joined_groups, splitting.unit_count) == (2, 1, 4)


def test_a_source_of_its_own_for_each_picture_takes_no_square_of_memory() -> None:
    dataset = DetectionSet("all", CLASSES, tuple(picture(Path(str(index)), source=f"http://{index}") for index in range(3000)))
    splitting = split_set(dataset, alone(3000), {"train": 0.8, "val": 0.2}, 0)

    assert [len(part) for part in splitting.sets.values()] == [2400, 600]


def test_no_picture_gives_empty_sets() -> None:
    splitting = split_set(DetectionSet("all", CLASSES, ()), alone(0), {"train": 0.8, "val": 0.2}, 0)

    assert [len(part) for part in splitting.sets.values()] == [0, 0]
