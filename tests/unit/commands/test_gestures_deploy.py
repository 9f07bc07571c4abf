"""`panops gestures deploy`: a folder, or a classifier that is there, becomes a rule on a camera; what is wrong is said first."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from panops.cli import app
from panops.config.load import parse_site
from panops.domain.manifest import ModelManifest, ModelSource, SourceKind
from panops.models.checksum import sha256_of
from panops.models.store import ModelStore
from panops.storage.audit import AuditLog
from panops.storage.database import Database
from panops.storage.home import Home
from panops.storage.site import SiteRepository
from tests.unit.training.class_folder import write_classes

RUN = CliRunner()
DIGITS = ("--classifier", "sign_digits")
SITE = """
cameras:
  hall: {source: "sim://room", zones: {desk: {polygon: [[0, 0.3], [1, 0.3], [1, 1], [0, 1]]}}}
  yard: {source: "sim://yard", gestures: {most: 1, classifier: sign_digits}}
rules:
  - {id: came, kind: intrusion, cameras: [hall]}
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A site of two cameras, and a model that stands for the one for hands."""
    monkeypatch.setenv("PANOPS_MODEL_MIRROR", "")
    folder = Home(tmp_path / "home").create()
    with Database.at(folder.path) as database:
        SiteRepository(database).apply(parse_site(SITE, environ={}))
    file = tmp_path / "hands.onnx"
    file.write_bytes(b"a model for hands")
    source = ModelSource(SourceKind.FILE, str(file))
    shape, classes = (8, 8), ("left hand", "right hand")
    manifest = ModelManifest("hands", "hands", "yolox", "1", "MIT", source, file.name, sha256_of(file), shape, classes, {})
    ModelStore(folder.models).add(str(file), manifest=manifest)
    return folder.path


def deployed(home: Path, *words: object, code: int = 0) -> str:
    done = RUN.invoke(app, ["gestures", "deploy", *map(str, words), "--home", str(home)])
    assert done.exit_code == code or (code and done.exception is not None), done.output
    return done.output + ("" if done.exception is None else str(done.exception))


def test_a_classifier_that_is_there_becomes_a_rule(home: Path) -> None:
    told = deployed(home, *DIGITS, "--camera", "hall", "--sign", "8", "--sign", "9", "--zone", "desk", "--after-s", "2")
    assert "added the rule 'hand_sign': it tells when somebody shows 8 or 9 in the zone 'desk'" in told
    with Database.at(home) as database:
        site = SiteRepository(database).load()
        entry = AuditLog(database).entries(limit=1).entries[0]
    (rule,) = [one for one in site.rules if one.id == "hand_sign"]
    assert (rule.kind, rule.cameras, rule.zone, rule.signs, rule.after_s) == ("gesture", ["hall"], "desk", ["8", "9"], 2.0)
    assert site.cameras["hall"].gestures is not None
    assert site.cameras["hall"].gestures.classifier == "sign_digits"
    assert site.cameras["hall"].source.get_secret_value() == "sim://room"
    assert (entry.action, entry.target) == ("gestures.deploy", "hand_sign")


def test_again_it_replaces_the_rule_and_keeps_the_cameras_other_settings(home: Path) -> None:
    first = (*DIGITS, "--camera", "yard", "--sign", "8")
    deployed(home, *first)
    told = json.loads(deployed(home, *DIGITS, "--camera", "yard", "--sign", "5", "--sign", "0", "--in-order", "--json"))
    assert (told["rule_added"], told["rule"]["sequence"]) == (False, ["5", "0"])
    with Database.at(home) as database:
        site = SiteRepository(database).load()
    assert site.cameras["yard"].gestures is not None
    assert site.cameras["yard"].gestures.most == 1
    assert [rule.id for rule in site.rules] == ["came", "hand_sign"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((*DIGITS, "--camera", "hal", "--sign", "8"), "no camera 'hal'; did you mean 'hall'?"),
        ((*DIGITS, "--camera", "hall", "--sign", "help"), "sign_digits knows no sign 'help'; it knows: 0, 1"),
        ((*DIGITS, "--camera", "hall", "--sign", "8", "--zone", "door"), "has no zone 'door'; it has: desk"),
        (
            (*DIGITS, "--camera", "hall", "--sign", "8", "--rule", "came"),
            "is of the kind intrusion; choose another id",
        ),
        ((*DIGITS, "--camera", "hall", "--sign", "8", "--in-order"), "a sequence of at least two signs"),
        ((*DIGITS, "--camera", "hall", "--sign", "8", "--rule", "a b"), "the rule cannot be made: id: "),
        (("--classifier", "street", "--camera", "hall", "--sign", "car"), "street is a model for detection; expected a classifier"),
        (("--classifier", "nothing", "--camera", "hall", "--sign", "8"), "there is no model 'nothing'"),
        (("nowhere", "--camera", "hall", "--sign", "8"), "nowhere: expected a folder with a folder for each class"),
        (("--camera", "hall", "--sign", "8"), "expected a folder of pictures, or --classifier"),
        ((*DIGITS, "--camera", "hall"), "at least one sign to tell"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_changes(home: Path, words: tuple[str, ...], says: str) -> None:
    with Database.at(home) as database:
        before = SiteRepository(database).revision()
    said = " ".join(deployed(home, *words, code=1).replace("│", " ").split())
    assert says in said
    with Database.at(home) as database:
        assert SiteRepository(database).revision() == before


def test_without_a_model_for_hands_nothing_is_trained(tmp_path: Path, home: Path) -> None:
    ModelStore(Home(home).models).remove("hands", force=True)
    data = write_classes(tmp_path / "signs", 3)
    assert "model 'hands' is not installed; get it with: panops models add hands" in deployed(
        home, data, "--camera", "hall", "--sign", "ring", "--out", tmp_path / "run", code=1
    )
    assert not (tmp_path / "run").exists()


def test_from_a_folder_to_a_rule(tmp_path: Path, home: Path) -> None:
    pytest.importorskip("torch", reason="needs panops[train]")
    data = write_classes(tmp_path / "signs", 10)
    words = (data, "--camera", "hall", "--sign", "ring", "--start", "none", "--size", 32, "--epochs", 1, "--threads", 1, "--json")
    refused = deployed(home, *words, "--out", tmp_path / "run", "--least-accuracy", 1.0, code=1)
    if "nothing was deployed" in refused:
        with Database.at(home) as database:
            assert [rule.id for rule in SiteRepository(database).load().rules] == ["came"]
    output = deployed(home, *words, "--out", tmp_path / "run", "--least-accuracy", 0.0)
    told = json.loads(output[output.index("{\n") :])
    assert (told["classifier"], told["classes"]) == ("signs@1", ["bar", "disc", "ring"])
    assert 0.0 <= told["accuracy"] <= 1.0
    with Database.at(home) as database:
        site = SiteRepository(database).load()
    assert site.cameras["hall"].gestures is not None
    assert site.cameras["hall"].gestures.classifier == "signs"
    assert ModelStore(Home(home).models).get("signs").manifest.task == "classification"
    # Other pictures make another version, which is put into use.
    write_classes(data, 12, seed=7)
    again = deployed(home, *words, "--out", tmp_path / "run2", "--least-accuracy", 0.0)
    assert json.loads(again[again.index("{\n") :])["classifier"] == "signs@2"
    assert ModelStore(Home(home).models).shelf("signs").active == "2"
