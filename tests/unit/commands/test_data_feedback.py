"""`panops data feedback` on a database as the live pipeline leaves it, with a small real detector."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner, Result

from panops.cli import app
from panops.datasets.opening import open_dataset
from panops.datasets.verdict_file import read_verdicts
from panops.domain.errors import PanopsError
from tests.unit.commands.judged_site import JudgedSite
from tests.unit.commands.tiny_detector import BOXES, write_detector

# The small detector sees a lamp at the first place, sure, and one at the second, unsure, in a picture of 640x320 of this brightness.
SURE_AND_UNSURE = 200


def grey(level: int = SURE_AND_UNSURE) -> NDArray[np.uint8]:
    return np.full((320, 640, 3), level, np.uint8)


def noise(seed: int) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(150, 250, (320, 640, 3), dtype=np.uint8)


def feedback(*words: object) -> Result:
    result = CliRunner().invoke(app, ["data", "feedback", *map(str, words)], env={"COLUMNS": "60"})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_detector(tmp_path / "bright", classes=("lamp", "cat"))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def test_judged_events_become_a_set_with_what_was_said_of_them(tmp_path: Path, home: Path, model: Path) -> None:
    with JudgedSite(home) as site:
        false = site.event(noise(1), BOXES[0], false_alarm=True, class_name="lamp")
        true = site.event(noise(2), BOXES[1], false_alarm=False, class_name="lamp", camera="gate")
        site.event(noise(3), BOXES[1], false_alarm=None, class_name="lamp")  # nobody judged it
        site.event(noise(4), BOXES[1], false_alarm=True, class_name="dog")
        site.event(None, BOXES[1], false_alarm=True, class_name="lamp")
        site.event(noise(5), BOXES[0], false_alarm=True, class_name="lamp", kind="compliance")
    out = tmp_path / "out"
    told = json.loads(feedback("--out", out, "--home", home, "--model", model, "--json").stdout)
    assert (told["judged"], told["false_alarms"], told["true_alarms"]) == (5, 1, 1)
    assert told["left_out"] == {
        "the model does not know its class": 1,
        "no picture is kept of it": 1,
        "a false alarm of its rule does not say what the thing is": 1,
    }
    assert "at least 20 judged events" in told["too_few"]
    report = open_dataset(out / "feedback.json")
    assert not report.problems
    by_name = {picture.path.stem: picture for picture in report.dataset.pictures}
    assert set(by_name) == {false, true}
    # The first lamp is false: not a box, and not unknown either. The second one was judged by nobody, and is unsure.
    assert by_name[false].crowd.tolist() == [True]
    assert np.allclose(by_name[false].xyxy, [BOXES[1]], atol=1)
    # The true one is a box although the model is not sure of it; the first one is a label, because it is sure of that.
    assert by_name[true].crowd.tolist() == [False, False]
    assert np.allclose(by_name[true].xyxy, [BOXES[1], BOXES[0]], atol=1)
    assert by_name[true].group != by_name[false].group
    judged = {one.event_id: one for one in read_verdicts(out / "verdicts.json")}
    assert (judged[false].false_alarm, judged[true].false_alarm) == (True, False)
    assert judged[false].min_score == 0.35
    assert judged[false].path.is_file()
    assert (out / "pictures").stat().st_mode & 0o077 == 0


def test_the_picture_is_the_clean_one_byte_by_byte(tmp_path: Path, home: Path, model: Path) -> None:
    with JudgedSite(home) as site:
        name = site.event(grey(), BOXES[0], false_alarm=True, class_name="lamp")
    feedback("--out", tmp_path / "out", "--home", home, "--model", model)
    [snapshot] = home.glob(f"evidence/*/{name}/snapshot.jpg")
    assert (tmp_path / "out" / "pictures" / f"{name}.jpg").read_bytes() == snapshot.read_bytes()


def test_near_copies_of_one_false_alarm_are_thinned_and_told(tmp_path: Path, home: Path, model: Path) -> None:
    picture = noise(1)
    with JudgedSite(home) as site:
        for _ in range(8):
            site.event(picture, BOXES[0], false_alarm=True, class_name="lamp")
    result = feedback("--out", tmp_path / "out", "--home", home, "--model", model)
    assert "5 left out: it looks like others of the same thing" in result.stdout.replace("\n", "")
    assert "too few to train on" in result.stdout
    assert len(open_dataset(tmp_path / "out" / "feedback.json").dataset) == 3


def test_one_camera_and_one_rule(tmp_path: Path, home: Path, model: Path) -> None:
    with JudgedSite(home) as site:
        site.event(noise(1), BOXES[0], false_alarm=True, class_name="lamp", camera="gate", rule="helmets", kind="compliance")
        site.event(noise(2), BOXES[0], false_alarm=True, class_name="lamp", camera="yard", rule="helmets", kind="compliance")
    words = ("--home", home, "--model", model, "--json", "--rule", "helmets")
    told = json.loads(feedback("--out", tmp_path / "out", *words, "--camera", "gate").stdout)
    assert (told["judged"], told["false_alarms"]) == (1, 1)


def test_a_picture_that_is_damaged_is_left_out(tmp_path: Path, home: Path, model: Path) -> None:
    with JudgedSite(home) as site:
        name = site.event(noise(1), BOXES[0], false_alarm=True, class_name="lamp")
        site.event(noise(2), BOXES[0], false_alarm=True, class_name="lamp")
    [snapshot] = home.glob(f"evidence/*/{name}/snapshot.jpg")
    snapshot.write_bytes(b"broken")
    told = json.loads(feedback("--out", tmp_path / "out", "--home", home, "--model", model, "--json").stdout)
    assert told["left_out"] == {"its picture cannot be read": 1}
    assert told["false_alarms"] == 1


def test_faults_are_sentences(tmp_path: Path, home: Path, model: Path) -> None:
    with JudgedSite(home) as site:
        site.event(noise(1), BOXES[0], false_alarm=None, class_name="lamp")
    with pytest.raises(PanopsError, match="judge some on the page first"):
        feedback("--out", tmp_path / "out", "--home", home, "--model", model)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    with pytest.raises(PanopsError, match="empty or new folder"):
        feedback("--out", tmp_path / "full", "--home", home, "--model", model)
