"""A file that is damaged or cut short says so, although it could be read to an end."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from panops.config.schema import SiteConfig
from panops.domain.clock import SystemClock
from panops.ingest.registry import open_source
from panops.pipeline.followed import followed_classes
from panops.pipeline.process_file import ProcessJob, ProcessResult, process_file
from panops.rules.build import build_rules
from panops.rules.engine import RuleEngine
from panops.testing.films import make_film, walking_square
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


def make_odd_film(path: Path, times_s: Sequence[float], rate_fps: Fraction, sound_s: float = 0.0) -> Path:
    """A film whose pictures come when they like, perhaps with sound that lasts longer."""
    picture = walking_square((160, 120))
    with av.open(str(path), "w") as output:
        video = output.add_stream("libx264", rate=rate_fps, options={"preset": "ultrafast", "tune": "zerolatency"})
        video.width, video.height, video.pix_fmt = 160, 120, "yuv420p"
        video.codec_context.time_base = Fraction(1, 1000)
        if sound_s:
            sound = output.add_stream("aac", rate=8000, layout="mono")
            for start in range(0, int(sound_s * 8000), 1024):
                noise = av.AudioFrame.from_ndarray(np.full((1, 1024), 0.1, np.float32), format="fltp", layout="mono")
                noise.sample_rate, noise.pts, noise.time_base = 8000, start, Fraction(1, 8000)
                output.mux(sound.encode(noise))
            output.mux(sound.encode(None))
        for number, time_s in enumerate(times_s):
            frame = av.VideoFrame.from_ndarray(picture(number), format="rgb24")
            frame.pts, frame.time_base = round(time_s * 1000), Fraction(1, 1000)
            output.mux(video.encode(frame))
        output.mux(video.encode(None))
    return path


ODD = {
    "a picture in five seconds": ([5.0 * n for n in range(4)], Fraction(1, 5), 0.0),
    "sound that lasts longer": ([n / 10 for n in range(60)], Fraction(10), 12.0),
    "sound that begins earlier": ([3 + n / 10 for n in range(60)], Fraction(10), 9.0),
    "a varying rate": (list(np.cumsum(np.tile([0.1, 0.1, 0.5, 0.1, 3.0], 12))), Fraction(10), 0.0),
}


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("container", ["mp4", "mkv", "ts"])
def test_an_odd_film_is_not_a_damaged_one(tmp_path: Path, odd: str, container: str) -> None:
    times_s, rate_fps, sound_s = ODD[odd]
    result = run(make_odd_film(tmp_path / f"film.{container}", times_s, rate_fps, sound_s), tmp_path / "out")
    assert result.problem == ""
    assert result.frames == len(times_s)


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
