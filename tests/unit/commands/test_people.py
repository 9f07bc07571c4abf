"""`panops people`: from a folder to a search, a deletion and an export; with a reader of drawn faces."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from panops.cli import app
from panops.domain.errors import PanopsError
from panops.storage.audit import AuditLog
from panops.storage.database import Database
from panops.storage.home import Home
from panops.testing.fake_faces import FakeFaceReader, drawn

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `panops people` on a home of its own."""
    monkeypatch.delenv("PANOPS_FACES_KEY", raising=False)
    monkeypatch.setattr("panops.commands.people_desk.reader_opener", lambda _store, _site: FakeFaceReader)
    home = Home(tmp_path / "home").create()
    Database.at(home.path).open().close()

    def invoke(*words: object, answer: str | None = None) -> Result:
        return CliRunner().invoke(app, ["people", *map(str, words), "--home", str(home.path)], input=answer, catch_exceptions=False)

    return invoke


@pytest.fixture
def staff(tmp_path: Path) -> Path:
    """Three people: two pictures and a negative; one good picture and three bad ones; none that is good."""
    pictures: dict[str, bytes] = {
        "Anna Berg/1.png": drawn((1, 0)),
        "Anna Berg/2.png": drawn((1, 1)),
        "Anna Berg/not/sister.png": drawn((1, 3)),
        "Anna Berg/notes.txt": b"not a picture",
        "Bo/1.png": drawn((2, 0)),
        "Bo/again.png": drawn((2, 0)),
        "Bo/two.jpg": drawn((2, 1), (3, 0)),
        "Bo/anna.png": drawn((1, 2)),
        "Cy/far.png": drawn((3, 0), side_px=30),
    }
    folder = tmp_path / "staff"
    for name, data in pictures.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def enrolled(run: Run, staff: Path) -> Any:
    done = run("enrol", staff, "--consent", "works agreement of May", "--list", "staff", "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_a_folder_is_enrolled_and_what_was_refused_says_why(run: Run, staff: Path) -> None:
    told = enrolled(run, staff)
    assert (told["taken"], told["refused"]) == (4, 4)
    people = {one["name"]: one for one in told["people"]}
    assert [people[name]["taken"] for name in ("Anna Berg", "Bo", "Cy")] == [3, 1, 0]
    refused = {Path(one["file"]).name: one["refusal"] for name in ("Bo", "Cy") for one in people[name]["refused"]}
    assert refused == {"again.png": "same picture", "anna.png": "somebody else", "two.jpg": "several faces", "far.png": "small"}
    listed = json.loads(run("list", "--json").stdout)["people"]
    assert [(one["name"], one["faces"], one["negatives"], one["lists"]) for one in listed] == [
        ("Anna Berg", 2, 1, ["staff"]),
        ("Bo", 1, 0, ["staff"]),
    ], "of whom no picture could be taken nothing is kept"


def test_the_summary_for_people(run: Run, staff: Path) -> None:
    done = run("enrol", staff, "--consent", "works agreement of May")
    assert done.exit_code == 0
    assert "the face resembles Anna Berg, who is known already" in done.stdout
    assert "Cy: no picture could be taken, so nothing of them is kept" in done.stdout
    assert "4 pictures taken, 4 refused" in done.stdout
    again = run("enrol", staff, "--consent", "works agreement of May")
    assert again.exit_code == 1, "nothing was taken"
    assert "0 pictures taken" in again.stdout
    assert "Anna Berg" in run("list").stdout


def test_show_add_and_search(run: Run, staff: Path, tmp_path: Path) -> None:
    enrolled(run, staff)
    shown = json.loads(run("show", "anna berg", "--json").stdout)
    assert (shown["consent"], len(shown["pictures"])) == ("works agreement of May", 3)
    assert "works agreement of May" in run("show", shown["person_id"]).stdout
    picture = tmp_path / "new.png"
    picture.write_bytes(drawn((4, 0)))
    with pytest.raises(PanopsError, match="expected --consent with Dora, who is not known yet"):
        run("add", "Dora", picture)
    added = json.loads(run("add", "Dora", picture, "--consent", "asked at the door", "--keep-days", "30", "--json").stdout)
    assert (added["faces"], added["added"][0]["refusal"]) == (1, None)
    assert added["keep_until_s"] == pytest.approx(added["created_at_s"] + 30 * 86_400, abs=60)
    assert run("add", "Dora", picture).exit_code == 1
    with pytest.raises(PanopsError, match="Dora is known already"):
        run("add", "Dora", picture, "--consent", "again")
    both = tmp_path / "both.png"
    both.write_bytes(drawn((4, 1), (6, 0)))
    found = json.loads(run("search", both, "--json").stdout)
    assert {face["name"] for face in found["faces"]} == {"Dora", None}
    told = run("search", both).stdout
    assert "Dora (similarity 0.9" in told or "Dora (similarity 0.8" in told
    assert "unknown (nearest is" in told


def test_a_person_is_deleted_after_a_question_that_names_what_goes(run: Run, staff: Path, tmp_path: Path) -> None:
    enrolled(run, staff)
    kept = run("remove", "Anna Berg", answer="n\n")
    assert kept.exit_code == 1
    assert "Delete Anna Berg, 3 pictures, and 0 files" in kept.output
    assert run("remove", "Anna Berg", answer="y\n").exit_code == 0
    content = b"".join(path.read_bytes() for path in (tmp_path / "home").rglob("*") if path.is_file())
    assert b"Anna Berg" not in content
    with pytest.raises(PanopsError, match="nobody is known by the name or id 'Anna Berg'"):
        run("show", "Anna Berg")
    face_id = json.loads(run("show", "Bo", "--json").stdout)["pictures"][0]["face_id"]
    assert "one picture of Bo" in run("remove", "Bo", "--picture", face_id).stdout
    with pytest.raises(PanopsError, match="expected --yes with --json"):
        run("remove", "Bo", "--json")
    assert json.loads(run("remove", "Bo", "--yes", "--json").stdout)["clean"]
    assert "nobody is known" in run("list").stdout


def test_an_export_holds_all_that_is_kept(run: Run, staff: Path, tmp_path: Path) -> None:
    enrolled(run, staff)
    folder = tmp_path / "out"
    told = json.loads(run("export", folder, "--json").stdout)
    assert (told["people"], told["pictures"]) == (2, 4)
    assert folder.stat().st_mode & 0o777 == 0o700
    (anna, _) = json.loads((folder / "people.json").read_text())["people"]
    for picture in anna["pictures"]:
        assert (folder / anna["person_id"] / f"{picture['face_id']}.jpg").read_bytes()[:2] == b"\xff\xd8"
    with pytest.raises(PanopsError, match="expected a folder that is not there yet"):
        run("export", folder)
    assert "1 people, 1 pictures" in run("export", tmp_path / "bo", "--who", "Bo").stdout


def test_pictures_are_read_anew_after_another_model_was_chosen(run: Run, staff: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    enrolled(run, staff)
    assert json.loads(run("reread", "--json").stdout) == {"model": "fake@1", "reread": 0, "left": 0}
    monkeypatch.setattr("panops.commands.people_desk.reader_opener", lambda _store, _site: lambda: FakeFaceReader("fake@2"))
    assert "4 pictures are known by fake@2 now" in run("reread").stdout


def test_every_command_is_in_the_audit_log(run: Run, staff: Path, tmp_path: Path) -> None:
    enrolled(run, staff)
    run("list")
    run("show", "Bo")
    run("search", staff / "Bo" / "1.png")
    run("export", tmp_path / "out", "--who", "Bo")
    run("remove", "Bo", "--yes")
    with Database.at(tmp_path / "home") as database:
        entries = AuditLog(database).entries().entries
    actions = [entry.action for entry in reversed(entries)]
    # Cy was added and deleted again, for none of the pictures could be taken.
    assert actions == [
        "person.enrol", "person.enrol", "person.delete", "person.list", "person.view", "person.search", "person.export", "person.delete",
    ]  # fmt: skip
    assert not any("Bo" in str(entry.detail) or "Bo" in entry.target for entry in entries)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("enrol", "nowhere", "--consent", "x"), "expected a folder with a folder of pictures for each person, got nowhere"),
        (("search", "nowhere.jpg"), "nowhere.jpg cannot be read"),
        (("remove", "Nobody", "--yes"), "nobody is known by the name or id 'Nobody'"),
    ],
)
def test_what_is_wrong_is_one_sentence(run: Run, words: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(PanopsError, match=sentence):
        run(*words)


def test_a_folder_without_pictures_and_a_home_without_a_site(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty" / "Anna").mkdir(parents=True)
    with pytest.raises(PanopsError, match="one for each person and named as they are; there is none"):
        run("enrol", tmp_path / "empty", "--consent", "x")
    with pytest.raises(PanopsError, match="there is no site in"):
        CliRunner().invoke(app, ["people", "list", "--home", str(tmp_path / "no")], catch_exceptions=False)
