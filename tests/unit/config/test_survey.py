"""`panops config check` knows the models, and so the classes that rules can name."""

from __future__ import annotations

from pathlib import Path

import pytest

from panops.config.load import read_site
from panops.config.survey import ANY_CLASS, KnownModels, survey
from panops.domain.errors import ConfigError
from panops.rules import scene

STREET = ("person", "bicycle", "car")
PPE = ("person", "hardhat", "safety_vest")
MODELS = KnownModels({"street": STREET, "ppe": PPE, "motion": None}, default="street")

SITE = """
cameras:
  gate: {source: sim://gate}
  site: {source: sim://yard, model: ppe}
  wild: {source: sim://fence, model: motion}
rules:
  - {id: r, kind: intrusion, RULE}
"""


def found(tmp_path: Path, text: str, models: KnownModels = MODELS) -> list[str]:
    path = tmp_path / "site.yaml"
    path.write_text(text)
    return [str(problem) for problem in survey(read_site(path, environ={}), models)]


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (
            "cameras: [gate], classes: [persn]",
            ["no class 'persn' in the model street; did you mean 'person'? It has: person, bicycle, car"],
        ),
        ("cameras: [gate], classes: [hardhat]", ["no class 'hardhat' in the model street; it has: person, bicycle, car"]),
        ("cameras: [gate], classes: [person, Car, ANY]", []),
        ("cameras: [site], classes: [hardhat]", []),
        ("cameras: [gate, site], classes: [hardhat, bicycle]", []),
        ("cameras: [gate, site], classes: [hat]", ["no class 'hat' in any of the models street, ppe; did you mean 'hardhat'?"]),
        ("cameras: [gate], classes: [caar, persn]", ["no class 'caar'", "no class 'persn'"]),
        ("cameras: [wild], classes: [unicorn]", []),
        ("classes: [unicorn]", []),
    ],
)
def test_classes(tmp_path: Path, rule: str, said: list[str]) -> None:
    problems = found(tmp_path, SITE.replace("RULE", rule))
    assert len(problems) == len(said)
    for problem, words in zip(problems, said, strict=True):
        assert problem.startswith("line 7: rules.0.classes: ")
        assert words in problem


AREA = """
cameras:
  gate: {source: sim://gate, maps: {model: MODEL}}
rules:
  - {id: full, kind: area, above: 0.5, CLASSES}
"""
MAPS = KnownModels({**MODELS.classes, "voc": ("background", "car", "tv monitor")}, default="street")


@pytest.mark.parametrize(
    ("model", "classes", "said"),
    [
        ("voc", "classes: [car, tv monitor, not Background]", []),
        (
            "voc",
            "classes: [caar]",
            ["line 5: rules.0.classes: no class 'caar' in voc; did you mean 'car'? It has: background, car, tv monitor"],
        ),
        ("voc", "classes: [not water]", ["line 5: rules.0.classes: no class 'water' in voc; it has: background, car, tv monitor"]),
        (
            "vok",
            "classes: [water]",
            ["line 3: cameras.gate.maps.model: no model 'vok' is installed or in the catalogue; did you mean 'voc'?"],
        ),
    ],
)
def test_classes_of_areas_are_those_of_the_model_for_maps(tmp_path: Path, model: str, classes: str, said: list[str]) -> None:
    problems = found(tmp_path, AREA.replace("MODEL", model).replace("CLASSES", classes), MAPS)
    assert len(problems) == len(said)
    for problem, words in zip(problems, said, strict=True):
        assert problem.startswith(words)


def test_a_rule_about_areas_needs_maps(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"camera 'gate' has no `maps`, so nothing is known of areas there; give it `maps: \{\}`"):
        found(tmp_path, AREA.replace(", maps: {model: MODEL}", "").replace("CLASSES", "classes: [car]"))


def test_models_are_guessed(tmp_path: Path) -> None:
    text = "model: stret\ncameras:\n  a: {source: sim://yard, model: helmet}\n  b: {source: sim://yard}\nrules: [{id: r, kind: intrusion}]"
    assert found(tmp_path, text) == [
        "line 1: model: no model 'stret' is installed or in the catalogue; did you mean 'street'? There are: street, ppe, motion",
        "line 3: cameras.a.model: no model 'helmet' is installed or in the catalogue; there are: street, ppe, motion",
    ]


def test_the_sites_model_stands_for_its_cameras(tmp_path: Path) -> None:
    text = "model: ppe\ncameras: {a: {source: sim://yard}}\nrules: [{id: r, kind: intrusion, classes: [CLASS]}]"
    assert found(tmp_path, text.replace("CLASS", "hardhat")) == []
    assert "in the model ppe" in found(tmp_path, text.replace("CLASS", "bicycle"))[0]


def test_more_names_hold_for_cameras_without_a_model_only(tmp_path: Path) -> None:
    models = KnownModels(MODELS.classes, "street", more=("moving",))
    assert found(tmp_path, SITE.replace("RULE", "cameras: [gate], classes: [moving]"), models) == []
    assert found(tmp_path, SITE.replace("RULE", "cameras: [site], classes: [moving]"), models)


def test_a_rule_without_cameras_has_nothing_to_check(tmp_path: Path) -> None:
    assert found(tmp_path, "rules: [{id: r, kind: intrusion, classes: [unicorn]}]") == []


def test_sources_that_say_nothing(tmp_path: Path) -> None:
    (problem,) = found(tmp_path, "cameras:\n  a: {source: yard}\n")
    assert problem.startswith("line 2: cameras.a.source: it has no scheme")


def test_the_word_for_every_class_is_the_rules_own() -> None:
    assert ANY_CLASS == scene.ANY_CLASS


def test_of_an_item_of_compliance_one_name_is_enough(tmp_path: Path) -> None:
    rule = "rules: [{id: r, kind: compliance, cameras: [site], required: [hardhat, vest], classes: [CLASS]}]"
    text = SITE.partition("rules:")[0] + rule
    assert found(tmp_path, text.replace("CLASS", "person")) == []
    (problem,) = found(tmp_path, text.replace("CLASS", "persn"))
    assert "no class 'persn'" in problem


def test_a_secondary_model_must_be_there_and_brings_its_classes(tmp_path: Path) -> None:
    text = (
        "model: street\ncameras: {a: {source: sim://yard, secondary: {model: NAME}}}\nrules: [{id: r, kind: intrusion, classes: [hardhat]}]"
    )
    assert found(tmp_path, text.replace("NAME", "ppe")) == []
    assert found(tmp_path, text.replace("NAME", "pppe"))[0].startswith("line 2: cameras.a.secondary.model: no model 'pppe'")
    assert "no class 'hardhat' in the model street" in found(tmp_path, text.replace(", secondary: {model: NAME}", ""))[0]


def test_classifiers_of_parts_must_be_there_and_bring_their_classes_but_no_unseen(tmp_path: Path) -> None:
    text = (
        "model: street\ncameras: {a: {source: sim://yard, secondary: {parts: {head: NAME}}}}\n"
        "rules: [{id: r, kind: intrusion, classes: [CLASS]}]"
    )
    models = KnownModels({**MODELS.classes, "heads": ("bare_head", "hardhat", "unseen")}, default="street")
    assert found(tmp_path, text.replace("NAME", "heads").replace("CLASS", "bare_head"), models) == []
    assert "no class 'unseen' in the model street" in found(tmp_path, text.replace("NAME", "heads").replace("CLASS", "unseen"), models)[0]
    assert found(tmp_path, text.replace("NAME", "ppe_hed").replace("CLASS", "person"))[0].startswith(
        "line 2: cameras.a.secondary.parts.head: no model"
    )


def test_the_model_that_finds_people_again_is_looked_up_too(tmp_path: Path) -> None:
    (problem,) = found(tmp_path, "cameras: {a: {source: 'sim://yard'}}\nevidence: {find_again: person_rid}\n")
    assert problem.startswith("line 2: evidence.find_again: no model 'person_rid' is installed or in the catalogue")


def test_the_model_of_one_alarm_is_looked_up_where_it_is_used(tmp_path: Path) -> None:
    site = "cameras: {a: {source: 'sim://yard'}}\ngroups: {all: [a]}\none_alarm: {model: person_rid"
    assert found(tmp_path, site + "}\n") == []
    (problem,) = found(tmp_path, site + ", groups: [all]}\n")
    assert problem.startswith("line 3: one_alarm.model: no model 'person_rid' is installed or in the catalogue")


SIGNS = """
cameras:
  hall: {source: sim://room, gestures: {GESTURES}}
rules:
  - {id: help, kind: gesture, cameras: [hall], RULE}
"""


@pytest.mark.parametrize(
    ("gestures", "rule", "said"),
    [
        ("", "signs: ['8']", []),
        ("", "signs: [Ok, '8']", ["classifier 'sign_digits' of camera 'hall' knows no sign 'Ok'; it knows: 7, 8"]),
        ("", "sequence: [none, '7']", ["rules.0.sequence: the classifier 'sign_digits' of camera 'hall' knows no sign 'none'"]),
        ("classifier: own", "signs: [thumb]", ["cameras.hall.gestures.classifier: no model 'own' is installed or in the catalogue"]),
    ],
)  # fmt: skip
def test_signs(tmp_path: Path, gestures: str, rule: str, said: list[str]) -> None:
    models = KnownModels({"street": STREET, "hands": ("left hand", "right hand"), "sign_digits": ("7", "8", "none")}, default="street")
    got = found(tmp_path, SIGNS.replace("GESTURES", gestures).replace("RULE", rule), models)
    assert len(got) == len(said), got
    for one, wanted in zip(got, said, strict=True):
        assert wanted in one
