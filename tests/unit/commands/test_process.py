"""`panops process`: odd names, and a disk that is full."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer

from panops.commands.process import process
from panops.domain.errors import ConfigError, PanopsError
from panops.testing.films import make_film


def run(video: Path, tmp_path: Path, **options: object) -> Path:
    out = tmp_path / "out"
    settings = {
        "site": None,
        "camera": "",
        "model": "motion",
        "classes": "",
        "annotate": False,
        "home": tmp_path / "home",
        "as_json": False,
        **options,
    }
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


def test_an_annotated_video_of_an_earlier_run_does_not_stay(tmp_path: Path) -> None:
    film = make_film(tmp_path / "film.mp4", count=10)
    assert (run(film, tmp_path, annotate=True) / "annotated.mp4").exists()
    with pytest.raises(PanopsError):
        run(tmp_path / "none.mp4", tmp_path)
    assert (tmp_path / "out" / "annotated.mp4").exists(), "a run that failed changes nothing"
    out = run(film, tmp_path)
    assert sorted(path.name for path in out.iterdir()) == ["events.jsonl", "summary.json", "tracks.txt"]


@pytest.mark.parametrize("content", ["a film", "a text"])
def test_what_panops_did_not_make_is_left_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str) -> None:
    film = make_film(tmp_path / "film.mp4", count=10)
    own = tmp_path / "out" / "annotated.mp4"
    own.parent.mkdir()
    own.write_bytes(film.read_bytes() if content == "a film" else b"my notes")
    before = own.read_bytes()
    run(film, tmp_path)
    assert own.read_bytes() == before
    assert "annotated.mp4 is not of this run" in capsys.readouterr().out


def test_a_folder_is_no_video(tmp_path: Path) -> None:
    with pytest.raises(typer.BadParameter, match=r"expected a video file, got the folder .*; name one of the files in it"):
        run(tmp_path, tmp_path)
    assert not (tmp_path / "out").exists()


def test_results_cannot_go_into_a_file(tmp_path: Path) -> None:
    (tmp_path / "out").touch()
    with pytest.raises(PanopsError, match="out: expected a folder, got a file"):
        run(make_film(tmp_path / "film.mp4", count=10), tmp_path)


@pytest.mark.parametrize(
    ("model", "classes", "said"), [("street", "", "person"), ("street", "car, truck", "car, truck"), ("motion", "", "person")]
)
def test_it_says_who_raises_an_event(tmp_path: Path, capsys: pytest.CaptureFixture[str], model: str, classes: str, said: str) -> None:
    run(make_film(tmp_path / "film.mp4", count=5), tmp_path, model=model, classes=classes)
    assert f"events: {said}, anywhere in the picture" in capsys.readouterr().out


def test_classes_of_a_site_are_those_of_its_rules(tmp_path: Path) -> None:
    with pytest.raises(typer.BadParameter, match="a site file has its own rules"):
        run(tmp_path / "film.mp4", tmp_path, site=tmp_path / "site.yaml", classes="car")
