"""Looks at whole pictures on a camera: when, what becomes of the zones, and what a model that fails costs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from panops.config.rule_schema import AreaConfig
from panops.config.schema import CameraConfig, MapsConfig
from panops.domain.areas import WHOLE, AreaLook
from panops.domain.class_map import ClassMap
from panops.domain.errors import ModelError, StorageLocked
from panops.domain.frame import ArrayPixels, Frame
from panops.domain.geometry import Polygon
from panops.domain.tracks import Tracks
from panops.models.mirrors import MIRROR_VARIABLE
from panops.models.store import ModelStore
from panops.pipeline.map_looks import MapLooks, MapModels, MapsInPlace, ZoneCells
from panops.pipeline.map_watch import AreaMeans, MapWatch
from panops.pipeline.stage_meter import StageMeter
from panops.storage.areas import SPAN_S, AreaSpan
from panops.testing.fake_clock import FakeClock

CLASSES = ("background", "car")
LEFT = Polygon("left", np.array([[0.0, 0.0], [0.5, 0.0], [0.5, 1.0], [0.0, 1.0]]))


def shown(time_s: float, camera_id: str = "gate") -> Frame:
    return Frame(camera_id, 0, time_s, time_s, ArrayPixels(np.zeros((36, 64, 3), np.uint8)))


def nobody(time_s: float) -> Tracks:
    return Tracks.empty("gate", time_s)


class Models:
    """Says that the left third of any picture is a car."""

    def __init__(self) -> None:
        self.fault: Exception | None = None
        self.go = threading.Event()
        self.go.set()
        self.looks = 0
        self.closed = False
        self.during: Callable[[], None] = lambda: None

    def classes(self, model: str) -> tuple[str, ...]:
        if self.fault is not None:
            raise self.fault
        return CLASSES

    def look(self, model: str, frame: Frame) -> tuple[tuple[str, ...], ClassMap]:
        self.go.wait(5.0)
        self.looks += 1
        self.during()
        if self.fault is not None:
            raise self.fault
        ids = np.zeros((10, 30), np.uint8)
        ids[:, :10] = 1
        return CLASSES, ClassMap(ids, frame.size_wh)

    def close(self) -> None:
        self.closed = True


def in_place(models: Models, **config: Any) -> MapLooks:
    return MapLooks(MapsConfig.model_validate(config), {"left": LEFT}, MapsInPlace(models))  # type: ignore[arg-type]


def test_shares_of_zones_come_beside_the_tracks() -> None:
    tracks = in_place(Models()).add(shown(7.0), nobody(7.0), hurried=False)
    assert tracks.areas is not None
    assert (tracks.areas.time_s, tracks.areas.zones, tracks.areas.classes) == (7.0, (WHOLE, "left"), CLASSES)
    assert tracks.areas.of(WHOLE, ["car"]) == pytest.approx(1 / 3)
    assert tracks.areas.of("left", ["car"]) == pytest.approx(2 / 3)


def test_they_go_along_when_tracks_are_left_out() -> None:
    tracks = in_place(Models()).add(shown(7.0), nobody(7.0), hurried=False)
    assert tracks.select(np.zeros(0, np.bool_)).areas is tracks.areas


def test_it_looks_every_so_often_and_never_in_a_hurry() -> None:
    maps = in_place(Models(), refresh_s=2.0)
    looked = []
    for step in range(20):
        found = maps.add(shown(step * 0.5), nobody(step * 0.5), hurried=4 <= step <= 6)
        looked += [step * 0.5] if found.areas is not None else []
    assert looked == [0.0, 3.5, 5.5, 7.5, 9.5]


def test_time_that_goes_back_begins_anew() -> None:
    maps = in_place(Models(), refresh_s=3600.0)
    assert maps.add(shown(100.0), nobody(100.0), hurried=False).areas is not None
    assert maps.add(shown(3.0), nobody(3.0), hurried=False).areas is not None


def test_an_answer_of_before_the_time_went_back_is_nothing() -> None:
    class Late:
        """Answers when it is told to."""

        def classes(self, model: str) -> tuple[str, ...]:
            return CLASSES

        def ask(self, looks: MapLooks, frame: Frame) -> bool:
            return True

    maps = MapLooks(MapsConfig(refresh_s=10.0), {"left": LEFT}, Late())
    maps.add(shown(100.0), nobody(100.0), hurried=False)
    maps.answer(shown(100.0), CLASSES, ClassMap(np.zeros((10, 30), np.uint8), (64, 36)))
    assert maps.add(shown(3.0), nobody(3.0), hurried=True).areas is None
    maps.answer(shown(3.0), CLASSES, ClassMap(np.zeros((10, 30), np.uint8), (64, 36)))
    assert maps.add(shown(4.0), nobody(4.0), hurried=True).areas is not None


def test_a_model_that_fails_is_told_and_the_tracks_stay() -> None:
    models = Models()
    maps, tracks = in_place(models, refresh_s=1.0), nobody(0.0)
    models.fault = ModelError("it broke")
    assert maps.add(shown(0.0), tracks, hurried=False) is tracks
    assert maps.trouble == "nothing is known of areas (maps.model): it broke"
    models.fault = None
    assert maps.add(shown(1.0), nobody(1.0), hurried=False).areas is not None
    assert maps.trouble == ""


def test_a_model_that_is_missing_is_told_before_the_first_look() -> None:
    models = Models()
    models.fault = ModelError("model 'deeplab_voc' is not installed")
    maps = in_place(models)
    assert maps.classes is None
    assert maps.trouble == "nothing is known of areas (maps.model): model 'deeplab_voc' is not installed"


@settings(max_examples=50, deadline=None)
@given(
    st.integers(1, 70),
    st.integers(1, 70),
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=3, max_size=3, unique=True),
    st.integers(0, 1000),
)
def test_cells_of_a_zone_are_those_whose_middle_lies_in_it(rows: int, columns: int, corners: list[tuple[float, float]], seed: int) -> None:
    zone = Polygon("zone", np.array(corners))
    ids = np.random.default_rng(seed).integers(0, 3, (rows, columns), np.uint8)
    middles = [(ids[y, x], ((x + 0.5) / columns, (y + 0.5) / rows)) for y in range(rows) for x in range(columns)]
    inside = [int(class_id) for class_id, middle in middles if zone.contains(np.array([middle]))[0]]
    share = ZoneCells({"zone": zone}).shares(ClassMap(ids, (640, 360)), 3)
    assert share[0].tolist() == pytest.approx([(ids == class_id).mean() for class_id in range(3)])
    if inside:
        assert share[1].tolist() == pytest.approx([inside.count(class_id) / len(inside) for class_id in range(3)])
    else:
        assert np.isnan(share[1]).all()


def test_a_camera_that_wants_none_has_none() -> None:
    camera = CameraConfig.model_validate({"source": "sim://yard"})
    assert MapLooks.of(camera, MapsInPlace(Models())) is None  # type: ignore[arg-type]


# --- the shard's thread ----------------------------------------------------------------------------------------------------------


class Areas:
    """Keeps what it is given, or refuses."""

    def __init__(self) -> None:
        self.spans: list[AreaSpan] = []
        self.fault = False

    def add(self, spans: list[AreaSpan]) -> None:
        if self.fault:
            raise StorageLocked("busy")
        self.spans += spans


def watch(models: Models, areas: Areas, clock: FakeClock, busy: Callable[[], bool] = lambda: False) -> MapWatch:
    return MapWatch(models, areas, clock, busy, StageMeter())  # type: ignore[arg-type]


def waited(ready: Callable[[], bool]) -> bool:
    ends_s = time.monotonic() + 5.0
    while not ready() and time.monotonic() < ends_s:
        time.sleep(0.005)
    return ready()


CAMERA = CameraConfig.model_validate(
    {"source": "sim://yard", "maps": {"refresh_s": 1}, "zones": {"left": {"polygon": LEFT.points.tolist()}}}
)
RULE = AreaConfig.model_validate({"id": "r", "kind": "area", "zone": "left", "classes": ["not Car"], "above": 0.1})


def test_the_answer_comes_at_a_later_check_and_nobody_waits_for_it() -> None:
    models, clock = Models(), FakeClock()
    maps = watch(models, Areas(), clock)
    gate, yard = maps.looks("gate", CAMERA, []), maps.looks("yard", CAMERA, [])
    assert gate is not None
    assert yard is not None
    models.go.clear()
    assert gate.add(shown(0.0), nobody(0.0), hurried=False).areas is None
    assert yard.add(shown(0.0, "yard"), nobody(0.0), hurried=False).areas is None  # one picture at a time
    models.go.set()
    assert waited(lambda: gate.looks == 1 and maps.is_idle)
    late = gate.add(shown(0.4), nobody(0.4), hurried=False).areas
    assert late is not None
    assert late.time_s == 0.0
    assert gate.add(shown(0.6), nobody(0.6), hurried=False).areas is None  # once
    clock.now_s += 10.0  # it has rested
    yard.add(shown(0.8, "yard"), nobody(0.8), hurried=False)
    assert waited(lambda: yard.looks == 1)
    assert gate.looks == 1
    maps.close()
    assert models.closed


def test_it_rests_as_long_as_it_looked_and_never_looks_while_others_wait() -> None:
    models, clock, waiting = Models(), FakeClock(), [True]
    maps = watch(models, Areas(), clock, lambda: waiting[0])
    looks = maps.looks("gate", CAMERA, [])
    assert looks is not None
    looks.add(shown(0.0), nobody(0.0), hurried=False)
    waiting[0] = False

    def half_a_second() -> None:
        clock.now_s += 0.5

    models.during = half_a_second
    looks.add(shown(1.0), nobody(1.0), hurried=False)
    assert waited(lambda: looks.looks == 1 and maps.is_idle)
    clock.now_s += 0.4
    assert not maps.ask(looks, shown(3.0))
    clock.now_s += 0.2
    assert maps.ask(looks, shown(4.0))
    assert waited(lambda: looks.looks == 2)
    maps.close()


def test_a_fault_that_nobody_foresaw_costs_one_look() -> None:
    models, clock = Models(), FakeClock()
    maps = watch(models, Areas(), clock)
    looks = maps.looks("gate", CAMERA, [])
    assert looks is not None
    models.fault = RuntimeError("segfault, nearly")
    looks.add(shown(0.0), nobody(0.0), hurried=False)
    assert waited(lambda: maps.is_idle)
    assert looks.problem == "it failed: segfault, nearly"
    models.fault = None
    clock.now_s += 10.0
    looks.add(shown(1.0), nobody(1.0), hurried=False)
    assert waited(lambda: looks.looks == 1)
    maps.close()


def test_means_are_kept_when_their_time_is_over_and_wait_for_a_database() -> None:
    models, clock, areas = Models(), FakeClock(30 * SPAN_S + 1.0), Areas()
    maps = watch(models, areas, clock)
    looks = maps.looks("gate", CAMERA, [RULE])
    assert looks is not None
    looks.add(shown(30 * SPAN_S + 1.0), nobody(0.0), hurried=False)
    assert waited(lambda: looks.looks == 1 and maps.is_idle)
    maps.save()
    assert areas.spans == []
    clock.now_s += SPAN_S
    areas.fault = True
    maps.save()
    areas.fault = False
    maps.save()
    assert {(one.span, one.zone, one.class_name, one.looks, round(one.mean, 4)) for one in areas.spans} == {
        (30, "", "background", 1, 0.6667),
        (30, "", "car", 1, 0.3333),
        (30, "left", "background", 1, 0.3333),
        (30, "left", "car", 1, 0.6667),
    }
    maps.close()
    assert len(areas.spans) == 4


def look(time_s: float, *shares: float) -> AreaLook:
    return AreaLook(time_s, ("background", "car", "cat"), (WHOLE,), np.array([shares]))


def test_means_have_the_least_and_most_and_leave_out_what_nobody_asked_for() -> None:
    means = AreaMeans("gate", frozenset({(WHOLE, "cat")}))
    for time_s, share in ((0.0, 0.2), (10.0, 0.4), (299.9, 0.0), (300.0, 1.0)):
        means.add(look(time_s, 1 - share, share, 0.0))
    first = means.take(1)
    assert [(one.class_name, one.looks, round(one.mean, 4), one.least, one.most) for one in first] == [
        ("background", 3, 0.8, 0.6, 1.0),
        ("car", 3, 0.2, 0.0, 0.4),
        ("cat", 3, 0.0, 0.0, 0.0),
    ]
    assert [(one.span, one.class_name, one.mean) for one in means.take(None)] == [(1, "car", 1.0), (1, "cat", 0.0)]
    assert means.take(None) == []


# --- with a real model -----------------------------------------------------------------------------------------------------------


def bird(shared_data: Path) -> tuple[np.ndarray, np.ndarray]:
    folder = shared_data / "images" / "coral"
    image = cv2.imread(str(folder / "bird_segmentation.bmp"), cv2.IMREAD_COLOR_RGB)
    mask = cv2.imread(str(folder / "bird_segmentation_mask.bmp"), cv2.IMREAD_COLOR_RGB)
    assert image is not None
    assert mask is not None
    return image, mask.reshape(*mask.shape[:2], 3).any(axis=2)


ZONES = {
    "": [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]],
    "left": [[0.0, 0.0], [0.5, 0.0], [0.5, 1.0], [0.0, 1.0]],
    "right": [[0.5, 0.0], [1.0, 0.0], [1.0, 1.0], [0.5, 1.0]],
    "middle": [[0.3, 0.2], [0.8, 0.3], [0.7, 0.9], [0.2, 0.7]],
}


def test_shares_of_zones_are_those_of_the_truth(shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Coral's bird with Coral's own mask, in four zones; `-s` tells the figures."""
    monkeypatch.setenv(MIRROR_VARIABLE, str(shared_data / "models"))
    image, truth = bird(shared_data)
    zones = {name: Polygon(name, np.array(corners)) for name, corners in ZONES.items() if name}
    looks = MapLooks(MapsConfig(), zones, MapsInPlace(MapModels(ModelStore(tmp_path / "models"))))
    tracks = looks.add(Frame("gate", 0, 0.0, 0.0, ArrayPixels(image)), nobody(0.0), hurried=False)
    assert tracks.areas is not None
    right = ZoneCells(zones).shares(ClassMap(truth.astype(np.uint8), (image.shape[1], image.shape[0])), 2)[:, 1]
    for row, zone in enumerate(("", *zones)):
        found = tracks.areas.of(zone, ["bird"])
        print(f"{zone or 'whole picture':13} {found:.3f} of the pixels, in truth {right[row]:.3f}")  # noqa: T201 - the figures of docs/maps.md
        assert found == pytest.approx(right[row], abs=0.04)
