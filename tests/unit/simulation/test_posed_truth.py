"""What the truth says of people who do something, against what is drawn."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from panops.cli import app
from panops.domain.geometry import Polygon
from panops.simulation.keypoints import keypoints_of
from panops.simulation.posed_figure import PosedFigure, in_the_world
from panops.simulation.recording import record
from panops.simulation.scene import Parts, Scene
from panops.simulation.truth import Person, SceneTruth, Stay, intrusions, postures
from tests.unit.simulation.conftest import settings

MakeScene = Callable[..., Scene]
FRAMES = range(200, 900, 13)
EVERYWHERE = Polygon("all", np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]))


@pytest.fixture(scope="module", params=["yard", "room"])
def film(request: pytest.FixtureRequest, scene_of: MakeScene) -> tuple[Scene, list[SceneTruth]]:
    scene = scene_of(request.param, deeds=1.0, activity=16.0)
    return scene, [scene.truth(frame) for frame in FRAMES]


def test_every_person_has_a_posture_and_points(film: tuple[Scene, list[SceneTruth]]) -> None:
    _, series = film
    seen = set()
    for truth in series:
        assert truth.keypoints.shape == (len(truth), 17, 3)
        for name, posture, points in zip(truth.class_name, truth.posture, truth.keypoints, strict=True):
            assert (name == "person") == bool(posture)
            assert points.any() == (name == "person")
            assert set(np.unique(points[:, 2]).tolist()) <= {0.0, 1.0}
            seen.add(posture)
    assert {"walking", "standing", "hands_up", "bending", "sitting", "lying"} <= seen


def test_points_are_inside_their_box(film: tuple[Scene, list[SceneTruth]]) -> None:
    scene, series = film
    width, height = scene.config.size_wh
    checked = 0
    for truth in series:
        for box, points, posture in zip(truth.xyxy, truth.keypoints, truth.posture, strict=True):
            # Eyes and ears are at the surface, so a helmet's brim or the picture's edge may cut them off.
            whole = (box[:2] > 1).all() and box[2] < width - 1 and box[3] < height - 1
            if posture and whole:
                assert (points[:, :2] >= box[:2] - 1.0).all(), posture
                assert (points[:, :2] <= box[2:] + 1.0).all(), posture
                checked += 1
            outside = (points[:, :2] < 0).any(axis=1) | (points[:, 0] >= width) | (points[:, 1] >= height)
            assert not points[outside, 2].any()
    assert checked > 50


def test_who_is_alone_is_drawn_where_box_and_points_are(film: tuple[Scene, list[SceneTruth]]) -> None:
    scene, series = film
    checked = 0
    for frame, truth in zip(FRAMES, series, strict=True):
        doing = [row for row, posture in enumerate(truth.posture) if posture in ("lying", "bending", "sitting", "hands_up", "crouching")]
        if not doing or checked >= 12:
            continue
        bare = scene.render(frame, Parts(actors=True, shadows=False, air=False)).astype(int)
        changed = np.abs(bare - scene.render(frame, Parts(actors=False, shadows=False, air=False))).max(axis=2) > 6
        for row in doing:
            x1, y1, x2, y2 = truth.xyxy[row].tolist()
            others = np.delete(np.arange(len(truth)), row)
            apart = (truth.xyxy[others, 0] > x2 + 3) | (truth.xyxy[others, 2] < x1 - 3)
            apart |= (truth.xyxy[others, 1] > y2 + 3) | (truth.xyxy[others, 3] < y1 - 3)
            if not apart.all() or truth.visible[row] < 0.99 or y2 - y1 < 15:
                continue
            part = changed[int(y1) : int(np.ceil(y2)), int(x1) : int(np.ceil(x2))]
            rows, columns = np.flatnonzero(part.any(axis=1)), np.flatnonzero(part.any(axis=0))
            assert np.ptp(rows) >= 0.8 * (y2 - y1) - 3
            assert np.ptp(columns) >= 0.8 * (x2 - x1) - 3
            at = np.floor(truth.keypoints[row]).astype(int)
            sure = at[at[:, 2] == 1]
            on_the_body = changed[sure[:, 1], sure[:, 0]]
            assert on_the_body.mean() > 0.75, truth.posture[row]
            checked += 1
    assert checked >= 3


def test_whoever_lies_has_a_shadow_around_them_and_depth_along_them(film: tuple[Scene, list[SceneTruth]]) -> None:
    scene, _ = film
    checked = 0
    for frame in FRAMES:
        for thing, figure in scene.walkers(frame):
            if thing.posture != "lying" or not isinstance(figure, PosedFigure):
                continue
            x1, y1, x2, y2 = figure.shadow_box(scene.camera, scene._backdrop.figure_light)
            left, top, right, bottom = figure.box
            assert min(right, x2) > max(left, x1)
            assert min(bottom, y2) > max(top, y1) - 2
            assert 5 <= len(figure.spots()) <= 12
            bones = keypoints_of(figure.body.skeleton)
            away = scene.camera.depth(in_the_world(bones, figure.standing_at, figure.heading))
            points = figure.keypoints(bones)
            for (x, y, _), far in zip(points.tolist(), away.tolist(), strict=True):
                told = figure.depth_in((int(x), int(y), int(x) + 1, int(y) + 1))
                assert told.shape == (2, 2)
                assert told.mean() == pytest.approx(far, abs=0.5)
            assert away.min() - 0.3 < figure.depth_m < away.max() + 0.5
            checked += 1
    assert checked


def test_the_truth_is_the_same_each_time(film: tuple[Scene, list[SceneTruth]]) -> None:
    scene, series = film
    again = Scene(scene.config)
    for number in (40, 11, 25):
        other = again.truth(FRAMES[number])
        assert other.posture == series[number].posture
        assert np.array_equal(other.keypoints, series[number].keypoints)
        assert np.array_equal(again.render(FRAMES[number]), scene.render(FRAMES[number]))


def test_postures_of_a_film_are_those_of_its_script(scene_of: MakeScene) -> None:
    scene = scene_of("yard", deeds=1.0, activity=5.0)
    series = [scene.truth(frame) for frame in range(0, 1200, 4)]
    script = {actor.track_id: actor for time in range(120) for actor, _ in scene._script.present(float(time))}
    found = postures(series, None, "lying", min_visible=0.0)
    assert found
    for stay in found:
        actor = script[stay.track_id]
        assert actor.deed is not None
        begins = actor.start_s + actor.deed.begins_s + actor.deed.motion.there_s
        if begins + actor.deed.held_s < 119.0:
            assert stay.start_s == pytest.approx(begins, abs=0.45)
            assert stay.end_s == pytest.approx(begins + actor.deed.held_s, abs=0.45)
    bent = {stay.track_id for stay in postures(series, EVERYWHERE, "bending", 1.0)}
    assert not bent & {stay.track_id for stay in found}, "a person bending down is no fall"


def doing(names: list[str], track_id: int = 1, visible: float = 1.0) -> list[SceneTruth]:
    points = np.ones((17, 3), np.float32)
    return [
        SceneTruth.of(
            frame, frame / 10, (100, 100), [(track_id, "person", (10.0, 10.0, 30.0, 60.0), visible)], {track_id: Person((), name, points)}
        )
        for frame, name in enumerate(names)
    ]


def test_stays_in_a_posture() -> None:
    series = doing(["walking"] * 5 + ["lying"] * 21 + ["getting_up"] * 10 + ["walking"] * 5)
    lying = Stay(1, "person", 0.5, 2.5)
    assert postures(series, None, "lying") == [lying]
    assert postures(series, EVERYWHERE, "lying", after_s=1.9) == [lying]
    assert postures(series, EVERYWHERE, "lying", after_s=2.1) == []
    assert postures(series, None, ("lying", "getting_up")) == [Stay(1, "person", 0.5, 3.5)]
    elsewhere = Polygon("there", np.array([[0.5, 0.5], [1.0, 0.5], [1.0, 1.0]]))
    assert postures(series, elsewhere, "lying") == []
    assert len(intrusions(series, EVERYWHERE)) == 1


def test_short_breaks_do_not_end_a_stay_but_long_ones_do() -> None:
    series = doing(["bending"] * 5 + ["standing"] * 8 + ["bending"] * 5 + ["standing"] * 20 + ["bending"] * 5)
    assert [(stay.start_s, stay.end_s) for stay in postures(series, None, "bending")] == [(0.0, 1.7), (3.8, 4.2)]
    assert len(postures(series, None, "bending", gap_s=0.0)) == 3
    assert postures(doing(["lying"] * 9, visible=0.1), None, "lying") == []
    assert postures([], None, "lying") == []


def test_what_is_written_has_postures_and_points(tmp_path: Path) -> None:
    record(settings("yard", size_wh=(240, 136), activity=20.0, rate_fps=2.0, deeds=1.0), 12.0, tmp_path, start_s=40.0)
    coco = json.loads((tmp_path / "truth.coco.json").read_text())
    person = next(category for category in coco["categories"] if category["name"] == "person")
    assert len(person["keypoints"]) == 17
    assert len(person["skeleton"]) == 19
    told = set()
    for row in coco["annotations"]:
        assert ("keypoints" in row) == ("posture" in row) == (row["category_id"] == 1)
        if row["category_id"] != 1:
            continue
        points = np.reshape(row["keypoints"], (17, 3))
        assert row["num_keypoints"] == int((points[:, 2] > 0).sum())
        assert set(points[:, 2].tolist()) <= {0, 1, 2}
        assert not points[points[:, 2] == 0].any()
        told.add(row["posture"])
    assert len(told) > 3


def test_the_command_takes_deeds(tmp_path: Path) -> None:
    words = ["simulate", "yard", "--out", str(tmp_path), "--seconds", "1", "--size", "160x90", "--fps", "2", "--activity", "20", "--json"]
    done = CliRunner().invoke(app, [*words, "--deeds", "1", "--start", "30"])
    assert done.exit_code == 0, done.output
    assert json.loads((tmp_path / "events.json").read_text())["scene"]["deeds"] == 1.0
    wrong = CliRunner().invoke(app, [*words, "--deeds", "2"])
    assert wrong.exit_code != 0
