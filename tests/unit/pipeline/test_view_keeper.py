"""What was learnt of a view outlasts a restart, and is of no use for another camera."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from panops.config.schema import CameraConfig
from panops.domain.frame import ArrayPixels, Frame
from panops.pipeline.annotate import beside
from panops.pipeline.camera_view import PICTURE_S, CameraView
from panops.pipeline.view_keeper import SAVE_EVERY_S, ViewKeeper
from panops.storage.database import Database
from panops.storage.views import CameraViews
from panops.testing.fake_clock import FakeClock

CONFIG = CameraConfig.model_validate({"source": "rtsp://user:secret@camera/1"})


def frame(time_s: float, seed: int = 1) -> Frame:
    rng = np.random.default_rng(seed)
    picture = np.full((180, 320, 3), 120, np.uint8)
    for _ in range(120):
        x, y = rng.integers(0, 300), rng.integers(0, 160)
        picture[y : y + rng.integers(8, 60), x : x + rng.integers(8, 80)] = rng.integers(20, 235)
    return Frame("gate", 0, time_s, time_s, ArrayPixels(picture))


def learn(view: CameraView, from_s: float = 0.0) -> None:
    for number in range(40):
        view.look(frame(from_s + 2.0 * number))
    assert view.watch.is_well


@pytest.fixture
def views(tmp_path: Path) -> Iterator[CameraViews]:
    with Database.at(tmp_path) as database:
        yield CameraViews(database)


def begun(keeper: ViewKeeper, config: CameraConfig = CONFIG) -> CameraView:
    view = keeper.view("gate", config)
    assert view is not None
    return view


def test_a_view_is_remembered_over_a_restart(views: CameraViews) -> None:
    clock = FakeClock()
    first = ViewKeeper(views, clock)
    first.start()
    learn(begun(first))
    first.close()
    first.close()
    view = begun(ViewKeeper(views, clock))
    assert view.watch.is_learnt
    assert view.picture is not None
    stored = views.load("gate")
    assert stored is not None
    assert "secret" not in stored.address
    assert len(stored.memory) < 40_000
    again = cv2.imdecode(np.frombuffer(view.picture.jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert np.abs(again[..., ::-1].astype(int) - frame(0).image).mean() < 6


def test_another_address_is_another_view(views: CameraViews) -> None:
    keeper = ViewKeeper(views, FakeClock())
    learn(begun(keeper))
    keeper.remove("gate")
    keeper.save_due()
    assert not begun(keeper, CameraConfig.model_validate({"source": "rtsp://camera/2"})).watch.is_learnt
    assert begun(keeper, CameraConfig.model_validate({"source": "rtsp://user:changed@camera/1"})).watch.is_learnt


def test_settings_that_change_lose_nothing(views: CameraViews) -> None:
    keeper = ViewKeeper(views, FakeClock())
    learn(begun(keeper))
    keeper.remove("gate")  # and at once assigned anew, before anybody saved
    assert begun(keeper).watch.is_learnt


def test_it_is_saved_every_hour(views: CameraViews) -> None:
    clock = FakeClock()
    keeper = ViewKeeper(views, clock)
    learn(begun(keeper))
    keeper.save_due()
    assert views.load("gate") is None
    clock.now_s += SAVE_EVERY_S
    keeper.save_due()
    assert views.load("gate") is not None


def test_nothing_is_kept_of_a_camera_whose_health_nobody_asks_for(views: CameraViews) -> None:
    keeper = ViewKeeper(views, FakeClock())
    learn(begun(keeper))
    keeper.remove("gate")
    keeper.save_due()
    assert keeper.view("gate", CameraConfig.model_validate({"source": "rtsp://camera/1", "health": {"enabled": False}})) is None
    assert views.load("gate") is None


def test_a_damaged_memory_is_learnt_anew(views: CameraViews, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    keeper = ViewKeeper(views, FakeClock())
    learn(begun(keeper))
    keeper.remove("gate")
    keeper.save_due()
    with sqlite3.connect(tmp_path / "panops.db") as connection:
        connection.execute("UPDATE camera_views SET memory = x'00'")
    assert not begun(keeper).watch.is_learnt
    assert "learnt anew" in caplog.text


def test_the_picture_of_before_is_taken_while_all_is_well(views: CameraViews) -> None:
    view = CameraView(CONFIG.health)
    learn(view)
    before = view.picture
    assert before is not None
    black = np.zeros((180, 320, 3), np.uint8)
    for number in range(30):
        at_s = 100.0 + 2 * number
        view.look(Frame("gate", 0, at_s, at_s, ArrayPixels(black)))
    assert view.finding is not None
    assert view.picture is before
    for number in range(20):
        view.look(frame(before.at_s + PICTURE_S + 2 * number))
    assert view.picture is not before


def test_before_and_now_stand_side_by_side() -> None:
    one = np.full((100, 160, 3), 200, np.uint8)
    before = cv2.imencode(".jpg", np.full((50, 80, 3), 40, np.uint8))[1].tobytes()
    both = beside(before, one)
    assert both.shape == (100, 320, 3)
    assert abs(int(both[60, 80, 0]) - 40) < 4
    assert int(both[60, 240, 0]) == 200
    assert beside(b"no picture", one)[60, 80].tolist() == [0, 0, 0]
