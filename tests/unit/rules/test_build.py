from __future__ import annotations

import logging
from typing import Any

import pytest

from panops.config.schema import CameraConfig, SiteConfig
from panops.domain.protocols import Rule
from panops.domain.tracks import Tracks
from panops.rules.build import build_rules, check_rules, watched_classes
from panops.rules.engine import RuleEngine
from panops.rules.intrusion import Intrusion
from panops.rules.line_crossing import LineCrossing
from panops.rules.loitering import Loitering
from panops.rules.occupancy import Occupancy
from panops.rules.schedule import ScheduledRule
from panops.testing.rule_conformance import Sighting, make_tracks

SQUARE = [[0.2, 0.2], [0.8, 0.2], [0.8, 0.8], [0.2, 0.8]]
CLASSES = ("person", "Traffic Light", "car")


def site(*rules: dict[str, Any]) -> SiteConfig:
    cameras = {
        "gate": {"source": "sim://gate", "zones": {"floor": {"polygon": SQUARE}}, "lines": {"door": {"points": [[0.5, 0], [0.5, 1]]}}},
        "yard": {"source": "sim://yard"},
    }
    return SiteConfig.model_validate({"cameras": cameras, "rules": [{"id": f"r{n}", **rule} for n, rule in enumerate(rules)]})


def build(config: SiteConfig, camera_id: str = "gate", classes: tuple[str, ...] = CLASSES) -> list[tuple[Any, Rule]]:
    return build_rules(config, camera_id, classes, (640, 360), None)


def test_every_kind_is_built_in_the_files_order() -> None:
    config = site(
        {"kind": "occupancy", "limit": 3},
        {"kind": "line_crossing", "line": "door"},
        {"kind": "intrusion", "zone": "floor"},
        {"kind": "loitering", "zone": "floor"},
    )
    built = build(config)
    assert [type(rule) for _, rule in built] == [Occupancy, LineCrossing, Intrusion, Loitering]
    assert [label.id for label, _ in built] == ["r0", "r1", "r2", "r3"]
    assert check_rules(config, "gate", CLASSES) == []


GROUND = {"points": [[0.1, 0.9], [0.9, 0.9], [0.7, 0.4], [0.3, 0.4]], "metres": [[0, 0], [8, 0], [8, 30], [0, 30]]}


def test_every_further_kind_is_built_too() -> None:
    kinds: list[dict[str, Any]] = [
        {"kind": "direction", "heading_deg": 90},
        {"kind": "crowding", "count": 3},
        {"kind": "object_left", "classes": ["car"]},
        {"kind": "object_removed", "classes": ["car"]},
        {"kind": "speed", "limit_kmh": 30, "classes": ["car"]},
        {"kind": "tailgating", "line": "door"},
        {"kind": "absence"},
        {"kind": "dwell"},
        {"kind": "combined", "of": ["r0", "r1"]},
    ]
    plain = site(*kinds)
    config = plain.model_copy(
        update={"cameras": {**plain.cameras, "gate": CameraConfig.model_validate({**plain.cameras["gate"].plain(), "ground": GROUND})}}
    )
    assert [label.kind for label, _ in build(config)] == [one["kind"] for one in kinds]
    assert check_rules(config, "gate", CLASSES) == []


def test_speed_needs_a_ground() -> None:
    config = site({"kind": "speed", "limit_kmh": 30, "classes": ["car"], "cameras": ["gate"]})
    assert build(config) == []
    assert [str(one) for one in check_rules(config, "gate", CLASSES)] == [
        "rules.r0.kind: camera 'gate' has no `ground`, so no speed can be measured there"
    ]


def test_who_somebody_is_needs_faces() -> None:
    config = site({"kind": "identity", "who": "known", "cameras": ["gate"]}, {"kind": "identity", "who": "spoof", "cameras": ["gate"]})
    assert build(config) == []
    message = "rules.r0.kind: camera 'gate' has no `faces`, so nobody's face is looked at there"
    assert str(check_rules(config, "gate", CLASSES)[0]) == message
    faces = {"faces": {"notice": "sign at the gate"}}
    gate = CameraConfig.model_validate({**config.cameras["gate"].plain(), **faces})
    with_faces = config.model_copy(update={"cameras": {**config.cameras, "gate": gate}})
    assert [label.who for label, _ in build(with_faces)] == ["known"]
    assert [str(one) for one in check_rules(with_faces, "gate", CLASSES)] == [
        "rules.r1.who: camera 'gate' has `live: off`, so no face is taken for a picture there"
    ]
    everywhere = site({"kind": "hands_up"}).model_copy(update={"cameras": with_faces.cameras})
    assert len(check_rules(everywhere, "gate", CLASSES)) == 1, "no camera has what it needs"


@pytest.mark.parametrize("kind", ["object_left", "object_removed"])
def test_objects_need_a_model_that_knows_people(kind: str) -> None:
    config = site({"kind": kind})
    assert [str(one) for one in check_rules(config, "gate", ("moving",))] == [
        "rules.r0.classes: camera 'gate' has no model that tells objects from people, so nothing is found; choose a detector"
    ]
    engine = RuleEngine("gate", build(config, classes=("moving",)), epoch=0)
    assert [event for n in range(600) for event in engine.update(make_tracks(n / 5, [Sighting(1, 0.5, 0.5)]))] == []


def test_who_may_own_an_object_is_followed_with_it() -> None:
    config = site({"kind": "object_left", "classes": ["car"]}, {"kind": "combined", "of": ["r0", "r2"]})
    assert watched_classes(config, "gate", CLASSES) == {0, 2}
    assert [str(one) for one in check_rules(config, "gate", ("car",))] == [
        "rules.r0.classes: the model of camera 'gate' knows no class 'person'; expected 'any' or one of: car",
        "rules.r1.of: the rule 'r2' is off, or not on camera 'gate'",
    ]


def test_only_enabled_rules_of_the_camera() -> None:
    config = site(
        {"kind": "intrusion", "enabled": False}, {"kind": "intrusion", "cameras": ["yard"]}, {"kind": "intrusion", "cameras": ["gate"]}
    )
    assert [label.id for label, _ in build(config)] == ["r2"]


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        pytest.param(
            {"kind": "intrusion", "classes": ["dog"]},
            "rules.r0.classes: the model of camera 'gate' knows no class 'dog'; expected 'any' or one of: person, Traffic Light, car",
            id="class",
        ),
        pytest.param(
            {"kind": "intrusion", "cameras": ["gate"], "zone": "flor"},
            "rules.r0.zone: camera 'gate' has no zone 'flor'; its zones are: floor",
            id="zone",
        ),
        pytest.param(
            {"kind": "line_crossing", "cameras": ["gate"], "line": "floor"},
            "rules.r0.line: camera 'gate' has no line 'floor'; its lines are: door",
            id="a zone's name for a line",
        ),
        pytest.param(
            {"kind": "loitering", "zone": "flor"},
            "rules.r0.zone: camera 'gate' has no zone 'flor'; its zones are: floor",
            id="no camera has it",
        ),
    ],
)
def test_what_cannot_work_is_said_and_left_out(rule: dict[str, Any], message: str, caplog: pytest.LogCaptureFixture) -> None:
    config = site(rule)
    assert [str(problem) for problem in check_rules(config, "gate", CLASSES)] == [message]
    with caplog.at_level(logging.WARNING):
        assert build(config) == []
    assert [record.message for record in caplog.records] == [f"camera gate: {message}"]


def test_a_rule_for_all_cameras_passes_over_those_without_its_zone() -> None:
    config = site({"kind": "intrusion", "zone": "floor"})
    assert build(config, "yard") == []
    assert check_rules(config, "yard", CLASSES) == []


def test_a_rule_sees_nobody_in_what_it_leaves_out() -> None:
    config = site(
        {"kind": "intrusion", "after_s": 0, "leave_out": ["floor"]},
        {"kind": "intrusion", "after_s": 0},
    )
    (less, first), (_, second) = build(config)
    inside = make_tracks(0.0, [Sighting(1, 0.5, 0.5)])
    assert less.leave_out == ["floor"]
    assert (len(first.update(inside)), len(second.update(inside))) == (0, 1)
    (_, elsewhere), _ = build(config, "yard")
    assert len(elsewhere.update(inside)) == 1, "a camera without such a zone leaves nothing out"


def test_known_classes_work_when_others_are_unknown() -> None:
    config = site({"kind": "intrusion", "classes": ["dog", "PERSON"], "after_s": 0})
    assert len(check_rules(config, "gate", CLASSES)) == 1
    assert fired(build(config)) == ["person"]


@pytest.mark.parametrize(
    ("names", "classes", "class_id", "expected"),
    [
        pytest.param(["person"], CLASSES, 0, ["person"], id="by name"),
        pytest.param(["person"], CLASSES, 2, [], id="another class"),
        pytest.param(["traffic light"], CLASSES, 1, ["Traffic Light"], id="upper and lower case are alike"),
        pytest.param(["any"], CLASSES, 2, ["car"], id="any"),
        pytest.param(["person"], ("moving",), 0, ["moving"], id="the zero-weight detector stands in"),
        pytest.param(["person", "dog"], ("moving",), 0, ["moving"], id="for every name"),
    ],
)
def test_classes(names: list[str], classes: tuple[str, ...], class_id: int, expected: list[str]) -> None:
    config = site({"kind": "intrusion", "classes": names, "after_s": 0})
    assert fired(build(config, classes=classes), class_id) == expected
    assert check_rules(config, "gate", classes) == []


def fired(built: list[tuple[Any, Rule]], class_id: int = 0) -> list[str]:
    engine = RuleEngine("gate", built, epoch=0)
    return [event.incident.class_name for event in engine.update(make_tracks(0.0, [Sighting(1, 0.5, 0.5, class_id=class_id)]))]


def test_a_schedule_is_kept_by_the_clock_and_not_by_a_files_time() -> None:
    config = site({"kind": "intrusion", "schedule": [{"start": "08:00", "end": "08:01", "days": ["mon"]}]})
    ((_, scheduled),) = build(config)
    assert isinstance(scheduled, ScheduledRule)
    ((_, plain),) = build_rules(config, "gate", CLASSES, (640, 360), None, wall_clock=False)
    assert isinstance(plain, Intrusion)


def test_nothing_happens_in_an_empty_picture() -> None:
    config = site(
        {"kind": "intrusion", "zone": "floor"},
        {"kind": "line_crossing", "line": "door"},
        {"kind": "loitering"},
        {"kind": "occupancy", "limit": 0},
    )
    engine = RuleEngine("gate", build(config), epoch=0)
    assert [event for n in range(20) for event in engine.update(Tracks.empty("gate", n / 5))] == []
    assert engine.finish(5.0) == []


def test_watched_classes_are_those_of_all_rules_together() -> None:
    config = site(
        {"kind": "intrusion"},
        {"kind": "loitering", "classes": ["car", "dog"]},
        {"kind": "intrusion", "cameras": ["yard"], "classes": ["any"]},
    )
    assert watched_classes(config, "gate", CLASSES) == {0, 2}
    assert watched_classes(config, "yard", CLASSES) == {0, 1, 2}
    assert watched_classes(config, "gate", ("moving",)) == {0}
    assert watched_classes(site(), "gate", CLASSES) == frozenset()


def test_items_of_which_the_model_shows_nothing_are_told() -> None:
    config = site({"kind": "compliance", "required": ["hardhat", {"item": "thing", "present": ["Car"]}]})
    (problem,) = check_rules(config, "gate", CLASSES)
    assert "'hardhat' (hardhat, helmet), which stays not visible" in problem.message
    assert len(build(config)) == 1
