from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from panops.datasets import picking
from panops.datasets.coco import read_coco
from panops.datasets.picking import pick
from panops.datasets.picture_look import PictureLook
from panops.domain.labels import DetectionSet, LabelledPicture
from tests.unit.datasets.drawn import CLASSES, picture, save, scene

BOX = (1.0, 2.0, 30.0, 40.0)


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> dict[str, PictureLook]:
    """What a look at a picture shows, by name; a fingerprint of its own where nothing is said."""
    told: dict[str, PictureLook] = {}
    rng = np.random.default_rng(1)

    def look_at(path: Path) -> PictureLook:
        return told.setdefault(path.name, PictureLook((96, 64), int(rng.integers(0, 2**63)), whole=True))

    monkeypatch.setattr(picking, "look_at", look_at)
    return told


def named(name: str, classes: tuple[int, ...] = (0,), **more: object) -> LabelledPicture:
    return picture(Path(name), [BOX] * len(classes), class_id=list(classes), **more)


def whole(*pictures: LabelledPicture) -> DetectionSet:
    return DetectionSet("all", CLASSES, pictures)


def names(dataset: DetectionSet) -> list[str]:
    return [one.path.name for one in dataset.pictures]


@pytest.mark.usefixtures("looks")
def test_every_camera_gives_one_before_any_gives_two() -> None:
    dataset = whole(*(named(f"{index}", group="big" if index < 90 else f"cam{index}") for index in range(100)))
    few, more = pick(dataset, 11), pick(dataset, 14)

    assert Counter(one.group for one in few.dataset.pictures) == {"big": 1, **{f"cam{index}": 1 for index in range(90, 100)}}
    assert Counter(one.group for one in more.dataset.pictures)["big"] == 4
    assert (few.showing, few.fitting) == (11, 100)


@pytest.mark.usefixtures("looks")
def test_sources_are_kept_even_where_cameras_are_not_named() -> None:
    dataset = whole(*(named(f"{index}", source="large" if index < 95 else "small") for index in range(100)))

    assert Counter(one.source for one in pick(dataset, 8).dataset.pictures) == {"large": 4, "small": 4}


@pytest.mark.usefixtures("looks")
def test_rare_classes_come_as_often_as_frequent_ones() -> None:
    dataset = whole(*(named(f"{index}", (index % 20 == 0,)) for index in range(100)))
    counts = Counter(int(one.class_id[0]) for one in pick(dataset, 10).dataset.pictures)

    assert counts == {0: 5, 1: 5}
    assert Counter(int(one.class_id[0]) for one in pick(dataset, 50).dataset.pictures)[1] == 5, "all there are"


@pytest.mark.usefixtures("looks")
def test_only_pictures_that_show_the_class_and_not_as_a_crowd() -> None:
    dataset = whole(named("car", (1, 0)), named("person"), named("crowd", (1,), crowd=[True]), named("none", ()))
    picked = pick(dataset, 50, classes=["car"])

    assert names(picked.dataset) == ["car"]
    assert (picked.showing, picked.fitting, picked.without) == (1, 1, 0)


@pytest.mark.usefixtures("looks")
def test_pictures_without_it_are_those_in_which_it_was_looked_for() -> None:
    dataset = whole(
        named("car", (1,)),
        named("looked for", (0,)),
        named("empty", ()),
        named("not looked for", (0,), labelled=[True, False, True]),
        named("crowd", (1,), crowd=[True]),
    )
    picked = pick(dataset, 50, classes=["car"], without=50)

    assert names(picked.dataset) == ["car", "looked for", "empty"]
    assert (picked.showing, picked.without, picked.fitting_without) == (1, 2, 2)


def test_near_copies_and_broken_pictures_are_passed_over(looks: dict[str, PictureLook]) -> None:
    looks.update({name: PictureLook((96, 64), value, whole=True) for name, value in (("a", 0), ("b", 0b111), ("far", 2**40 - 1))})
    looks.update({"broken": PictureLook(None, None, whole=False), "flat": PictureLook((96, 64), None, whole=True)})
    picked = pick(whole(*(named(name, group=name) for name in ("a", "b", "broken", "far", "flat"))), 50)

    assert set(names(picked.dataset)) in ({"a", "far", "flat"}, {"b", "far", "flat"})
    assert (picked.near_copies, picked.unreadable) == (1, 1)


def test_near_copies_are_not_picked_among_those_without_either(looks: dict[str, PictureLook]) -> None:
    looks.update({name: PictureLook((96, 64), value, whole=True) for name, value in (("car", 0), ("same place", 1))})
    picked = pick(whole(named("car", (1,)), named("same place", (0,))), 1, classes=["car"], without=1)

    assert names(picked.dataset) == ["car"]
    assert (picked.without, picked.near_copies) == (0, 1)


@pytest.mark.usefixtures("looks")
def test_the_seed_decides_and_labels_stay_as_they_are() -> None:
    dataset = whole(*(named(f"{index}", labelled=[True, index % 2 == 0, True]) for index in range(60)))
    one, same, other = (pick(dataset, 9, seed=seed).dataset for seed in (1, 1, 2))

    assert names(one) == names(same) != names(other)
    assert all(any(it is original for original in dataset.pictures) for it in one.pictures)
    assert names(one) == sorted(names(one), key=int), "in the set's order"


@settings(max_examples=60)
@given(data=st.data(), count=st.integers(1, 30))
def test_no_camera_gives_two_more_than_another_that_has_more_to_give(data: st.DataObject, count: int) -> None:
    groups = data.draw(st.lists(st.sampled_from(["a", "b", "c", "d"]), min_size=1, max_size=40))
    looks = (PictureLook((9, 9), print_, whole=True) for print_ in range(100))
    with mock.patch.object(picking, "look_at", side_effect=looks):
        picked = pick(whole(*(named(f"{index}", group=group) for index, group in enumerate(groups))), count, near_bits=0)
    has, gave = Counter(groups), Counter(one.group for one in picked.dataset.pictures)

    assert len(picked.dataset) == min(count, len(groups))
    for group in has:
        assert gave[group] == has[group] or gave[group] >= max(gave.values()) - 1


@pytest.mark.usefixtures("looks")
def test_rare_sources_together_give_as_much_as_they_would_one_by_one() -> None:
    """Of 150 sources 100 are kept even; the 50 others together give their share."""
    dataset = whole(*(named(f"{index}", source=f"{index % 150}") for index in range(1500)))
    gave = Counter(one.source for one in pick(dataset, 450).dataset.pictures)
    frequent = [source for source, _ in Counter(one.source for one in dataset.pictures).most_common(100)]

    assert {gave[source] for source in frequent} == {3}


@pytest.mark.parametrize(("groups", "sources"), [(1, 1), (20_000, 1), (1, 20_000), (20_000, 20_000)])
@pytest.mark.usefixtures("looks")
def test_thousands_out_of_twenty_thousand_take_seconds(groups: int, sources: int) -> None:
    of = [{"group": f"{index % groups}", "source": f"{index % sources}"} for index in range(20_000)]
    dataset = whole(*(named(f"{index}", (index % 3,), **more) for index, more in enumerate(of)))
    start_s = time.process_time()

    assert len(pick(dataset, 2000).dataset) == 2000
    assert time.process_time() - start_s < 8, "seconds; the square of them would be minutes"


def test_real_pictures(tmp_path: Path) -> None:
    paths = [save(tmp_path / f"{index}.png", scene(index)) for index in range(4)] + [save(tmp_path / "copy.jpg", scene(2), quality=70)]
    (tmp_path / "broken.png").write_bytes(b"no picture")
    picked = pick(whole(*(picture(path, [BOX]) for path in [*paths, tmp_path / "broken.png"])), 50)

    assert len(picked.dataset) == 4
    assert (picked.near_copies, picked.unreadable) == (1, 1)


def test_the_training_pack(shared_data: Path) -> None:
    if not (shared_data / "train" / "val.json").is_file():
        pytest.skip("needs the training pack in the shared data")
    picked = pick(read_coco(shared_data / "train" / "val.json"), 60)
    shown = Counter(index for one in picked.dataset.pictures for index in set(one.class_id.tolist()))

    assert len({one.group for one in picked.dataset.pictures}) > 50
    assert len(shown) == 15
    assert min(shown.values()) >= 4
