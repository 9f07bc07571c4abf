"""Films of a few seconds, looked at with the detector that needs no model."""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path

import pytest

from panops.bench import kept_tallies
from panops.bench.alarm_film import AlarmFilm
from panops.bench.alarm_lane import Key, LaneTally, ladder
from panops.bench.false_alarms import FalseAlarmSettings, count_false_alarms
from panops.bench.kept_tallies import KeptTallies
from panops.domain.clock import SystemClock
from panops.domain.errors import PanopsError
from panops.vision.moving import MovingDetector

SETTINGS = FalseAlarmSettings(ladder()[:4], (0.3, 0.5), "moving")


def film(seconds: float = 20.0, scene: str = "room") -> AlarmFilm:
    return AlarmFilm.simulated(scene, "wind", 5, 6.0, 5.0, seconds)


def kept_in(folder: Path, *, detector: str = "motion") -> KeptTallies:
    return KeptTallies(folder, (detector, ""), SETTINGS.ways, SETTINGS.min_scores, SETTINGS.wanted)


def count(films: list[AlarmFilm], kept: KeptTallies | None = None) -> tuple[dict[Key, LaneTally], list[str]]:
    """The tallies, and the films that were really looked at."""
    looked: list[str] = []

    class Noted(MovingDetector):
        def forget(self, camera_id: str) -> None:
            looked.append(camera_id)
            super().forget(camera_id)

    return count_false_alarms(films, Noted(), SETTINGS, SystemClock(), lambda *_: None, kept), looked


def test_what_was_stopped_goes_on_and_comes_to_the_same(tmp_path: Path) -> None:
    films = [film(), film(scene="fence")]
    whole, looked = count(films)
    assert len(looked) == 2
    assert all(math.isclose(tally.seconds, 39.6, abs_tol=0.5) for tally in whole.values())
    assert sum(tally.visits for tally in whole.values()) > 0
    assert sum(tally.true_alarms + tally.false_alarms for tally in whole.values()) > 0
    _, looked = count(films[:1], kept_in(tmp_path))
    assert len(looked) == 1
    resumed, looked = count([film(), film(scene="fence")], kept_in(tmp_path))
    assert len(looked) == 1
    assert resumed == whole
    assert count(films, kept_in(tmp_path)) == (whole, [])


def test_every_figure_is_kept(tmp_path: Path) -> None:
    one = LaneTally(60.0, 3, 2, 4, 2, 1, Counter({"room, wind": 2}), Counter(size=3), [0.0, 1.5], ["room, wind 1.0-2.0"])
    kept = kept_in(tmp_path)
    kept.put(film(), dict.fromkeys(kept._keys, one))
    assert kept_in(tmp_path).get(film()) == dict.fromkeys(kept._keys, one)
    both = LaneTally()
    both.add(one)
    both.add(one)
    assert both == LaneTally(120.0, 6, 4, 8, 4, 2, Counter({"room, wind": 4}), Counter(size=6), [0.0, 1.5] * 2, ["room, wind 1.0-2.0"] * 2)


def test_what_is_not_the_same_is_looked_at_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = kept_in(tmp_path)
    kept.put(film(), {key: LaneTally(seconds=1.0) for key in kept._keys})
    assert kept_in(tmp_path).get(film()) is not None
    assert kept_in(tmp_path).get(film(21.0)) is None
    assert kept_in(tmp_path).get(film(scene="fence")) is None
    assert kept_in(tmp_path, detector="street").get(film()) is None
    assert KeptTallies(tmp_path, ("motion", ""), ladder()[:3], SETTINGS.min_scores, "moving").get(film()) is None
    with monkeypatch.context() as patched:
        patched.setattr(kept_tallies, "_CODE", ("verify",))
        assert kept_in(tmp_path).get(film()) is None  # as if the code had changed
    assert kept_in(tmp_path).get(film()) is not None


@pytest.mark.parametrize("damage", ["", "nothing", "{}", '{"tallies": [1]}', "[]", '{"tallies": [{"seconds": 1}]}'])
def test_what_was_kept_damaged_is_looked_at_again(tmp_path: Path, damage: str) -> None:
    kept = kept_in(tmp_path)
    kept.put(film(), {key: LaneTally(seconds=1.0) for key in kept._keys})
    (path,) = tmp_path.iterdir()
    assert json.loads(path.read_text())["film"] == "room, wind"
    assert kept.get(film()) is not None
    path.write_text(damage)
    assert kept.get(film()) is None


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PanopsError, match="cannot make the folder"):
        kept_in(tmp_path / "file" / "folder")


def test_a_clip_of_another_size_is_another_film(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"1")
    before = AlarmFilm.clip(path, 5.0).mark
    path.write_bytes(b"12")
    other = AlarmFilm.clip(path, 5.0).mark
    (tmp_path / "clip.mp4.visits.json").write_text("[[1, 2]]")
    assert len({before, other, AlarmFilm.clip(path, 5.0).mark}) == 3
