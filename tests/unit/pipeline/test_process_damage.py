"""A file that is damaged or cut short says so, although it could be read to an end."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from panops.config.schema import SiteConfig
from panops.domain.clock import SystemClock
from panops.ingest.registry import open_source
from panops.pipeline.followed import followed_classes
from panops.pipeline.process_file import ProcessJob, ProcessResult, process_file
from panops.rules.build import build_rules
from panops.rules.engine import RuleEngine
from panops.testing.films import make_film
from panops.tracking.tracker import BatchTracker
from panops.vision.moving import MovingDetector


def run(film: Path, folder: Path) -> ProcessResult:
    site = SiteConfig.model_validate({"cameras": {"v": {"source": str(film)}}, "rules": [{"id": "r", "kind": "intrusion"}]})
    detector, clock = MovingDetector(), SystemClock()

    def make_rules(size_wh: tuple[int, int], first: int) -> RuleEngine:
        return RuleEngine("v", build_rules(site, "v", detector.classes, size_wh, None, wall_clock=False), 1, first)

    source = open_source("v", site.cameras["v"], clock, realtime=False)
    followed = followed_classes(site.camera_rules("v"), detector.classes)
    folder.mkdir()
    job = ProcessJob("v", site.cameras["v"], source, detector, "motion", make_rules, followed, BatchTracker(), folder)
    return process_file(job, clock, lambda *_: None)


@pytest.mark.parametrize("name", ["film.mp4", "film.mkv", "film.avi"])
def test_a_whole_film_has_no_problem(tmp_path: Path, name: str) -> None:
    result = run(make_film(tmp_path / name, count=100), tmp_path / "out")
    assert result.problem == ""
    assert result.frames == 100


def test_a_film_that_was_cut_short_says_so(tmp_path: Path) -> None:
    film = make_film(tmp_path / "film.mkv", count=200)
    film.write_bytes(film.read_bytes()[: film.stat().st_size // 2])
    result = run(film, tmp_path / "out")
    assert 20 < result.frames < 180
    assert "a part is missing" in result.problem or "damaged" in result.problem


def test_damage_in_the_middle_is_told(tmp_path: Path) -> None:
    film = make_film(tmp_path / "film.mkv", count=200, gop=50)
    data = bytearray(film.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 3000] = np.random.default_rng(3).bytes(3000)
    film.write_bytes(data)
    result = run(film, tmp_path / "out")
    assert result.problem
    assert result.frames > 40
