"""`panops process`: odd names, and a disk that is full."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from panops.commands.process import process
from panops.domain.errors import ConfigError, PanopsError
from panops.testing.films import make_film


def run(video: Path, tmp_path: Path, **options: object) -> Path:
    out = tmp_path / "out"
    settings = {"site": None, "camera": "", "model": "motion", "annotate": False, "home": tmp_path / "home", "as_json": False, **options}
    process(video, out, **settings)  # type: ignore[arg-type]  # the options of the command line
    return out


@pytest.mark.parametrize("name", ["clip:1.mp4", "me:secret@host.mp4", "clip[1]?*.mp4"])
def test_a_file_may_have_any_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    make_film(tmp_path / "film.mp4", count=10).rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    out = run(Path(name), tmp_path)
    assert json.loads((out / "summary.json").read_text())["frames_decoded"] == 10
    (tmp_path / "site.yaml").write_text("cameras: {gate: {source: x.mp4}}")
    assert run(Path(name), tmp_path, site=tmp_path / "site.yaml", annotate=True) == out
    assert sorted(path.name for path in out.iterdir()) == ["annotated.mp4", "events.jsonl", "summary.json", "tracks.txt"]


def test_a_camera_that_cannot_be_one_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="camera 'a b': 2 problems"):
        run(tmp_path / "x.mp4", tmp_path, camera="a b")


@pytest.mark.parametrize("name", ["tracks.txt", "events.jsonl", "annotated.mp4", "summary.json"])
def test_a_full_disk_is_a_sentence_and_leaves_nothing_half_written(tmp_path: Path, name: str) -> None:
    site = tmp_path / "site.yaml"
    site.write_text("cameras: {gate: {source: x.mp4, motion: {enabled: false}}}\nrules: [{id: any, kind: intrusion, after_s: 0}]")
    film = make_film(tmp_path / "film.mp4")
    before = {path.name: path.read_bytes() for path in run(film, tmp_path, site=site).iterdir()}
    # A device that is always full stands in for the disk.
    (tmp_path / "out" / f"{name}.partial").symlink_to("/dev/full")
    with pytest.raises(PanopsError, match=r"cannot write the results to .*out: No space left on device$"):
        run(film, tmp_path, site=site, annotate=True)
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before
