"""`panops backup`, `check` and `restore`, as people call them."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from panops.cli import app
from panops.config.load import parse_site
from panops.domain.clock import SystemClock
from panops.domain.errors import PanopsError
from panops.storage.accounts import Accounts
from panops.storage.database import Database
from panops.storage.face_seal import KeyPlace
from panops.storage.gallery import Gallery
from panops.storage.gallery_records import NewFace, PersonFacts
from panops.storage.home import Home
from panops.storage.scope import Role, Scope
from panops.storage.site import SiteRepository
from panops.testing.fake_faces import face


def run(*arguments: object, code: int = 0) -> str:
    result = CliRunner().invoke(app, [*map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result.output


@pytest.fixture
def home(tmp_path: Path) -> Path:
    with Database.at(Home(tmp_path / "home").create().path) as database:
        SiteRepository(database).apply(parse_site("cameras: {gate: {source: 'rtsp://eva:hunter2@cam/1'}}"))
    return tmp_path / "home"


def test_there_and_back(home: Path, tmp_path: Path) -> None:
    file, other = tmp_path / "b.tar.gz", tmp_path / "other"
    told = run("backup", file, "--home", home)
    assert "1 files" in told
    assert "passwords are in it; only you can read it" in told
    assert "all is well" in run("check", file)
    assert "1 files restored" in run("restore", file, "--home", other)
    assert "all is well" in run("check", "--home", other)
    assert json.loads(run("config", "dump", "--home", other, "--json", "--secrets")) == json.loads(
        run("config", "dump", "--home", home, "--json", "--secrets")
    )


def test_for_machines(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "b.tar.gz"
    assert json.loads(run("backup", file, "--home", home, "--json"))["files"] == 1
    found = json.loads(run("check", file, "--json"))
    assert (found["ok"], found["findings"]) == (True, [])
    file.write_bytes(file.read_bytes()[:-20])
    found = json.loads(run("check", file, "--json", code=1))
    assert (found["ok"], found["findings"][0]["kind"]) == (False, "damaged")
    run("backup", file, "--home", home, "--replace")
    done = json.loads(run("restore", file, "--home", home, "--replace", "--json"))
    assert done["aside"].startswith(str(home / "before-restore-"))


def test_tokens_that_came_back_are_named(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "b.tar.gz"
    with Database.at(home) as database:
        Accounts(database, SystemClock()).create_token("lab", Role.VIEWER)
    run("backup", file, "--home", home)
    assert "tokens of the backup that give access again: lab; revoke those that you had revoked" in run(
        "restore", file, "--home", tmp_path / "other"
    )
    assert json.loads(run("restore", file, "--home", tmp_path / "another", "--json"))["tokens"] == ["lab"]


def test_what_is_wrong_is_a_sentence(home: Path, tmp_path: Path) -> None:
    assert "expected either a file or --home" in run("check", tmp_path / "b.tar.gz", "--home", home, code=2)
    with pytest.raises(PanopsError, match=r"ends in \.tar\.gz or \.tar\.zst"):
        run("backup", tmp_path / "b.zip", "--home", home)
    with pytest.raises(PanopsError, match=r"cannot be read: No such file"):
        run("restore", tmp_path / "none.tar.gz", "--home", home, "--replace")


def test_no_backup_holds_the_key_of_known_faces(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PANOPS_FACES_KEY", raising=False)
    place, file = Home(home), tmp_path / "b.tar.gz"
    with Database.at(home) as database:
        gallery = Gallery(database, KeyPlace(place.faces_key))
        anna = gallery.add(Scope.everything(), PersonFacts("Anna", (), "asked", 0.0), "ada").person_id
        kept = gallery.add_face(Scope.everything(), anna, NewFace("fake@1", face(1), b"jpeg", b"png", 0.9)).face_id
    key = place.faces_key.read_bytes()
    told = run("backup", file, "--home", home)
    assert f"1 faces of known people are in it, sealed. Their key ({place.faces_key}) is not" in told
    with tarfile.open(file) as archive:
        names = archive.getnames()
        content = b"".join(member.read() for name in names if (member := archive.extractfile(name)) is not None)
    assert "faces.key" not in names
    assert key.strip() not in content

    other = tmp_path / "other"
    told = run("restore", file, "--home", other)
    assert "who was deleted since the backup has to be deleted again" in told
    assert f"note: the faces of known people are sealed, and their key is not there: expected {other / 'faces.key'}" in told
    (other / "faces.key").write_bytes(key)
    (other / "faces.key").chmod(0o600)
    told = run("restore", file, "--home", other, "--replace")
    assert "their key" not in told
    assert (other / "faces.key").read_bytes() == key, "the key stays where it is: it is of no backup"
    with Database.at(other) as database:
        assert Gallery(database, KeyPlace(other / "faces.key")).picture(Scope.everything(), anna, kept) == b"jpeg"
    machine = json.loads(run("restore", file, "--home", tmp_path / "third", "--json"))
    assert (machine["sealed_faces"], "their key is not there" in machine["sealed_problem"]) == (1, True)
