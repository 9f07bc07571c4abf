"""Classifiers that look at a part of each person: where their answers lie, what is told of them, and that rules decide by them."""

from __future__ import annotations

import numpy as np
import pytest

from panops.config.rule_schema import ComplianceConfig, IntrusionConfig
from panops.config.schema import CameraConfig, SecondaryConfig
from panops.domain.body_parts import part_box
from panops.domain.class_scores import ClassScores
from panops.domain.clock import SystemClock
from panops.domain.compliance import Worn
from panops.domain.detections import Detections
from panops.domain.errors import DeviceLate, ModelUnsupported
from panops.domain.frame import ArrayPixels, Frame
from panops.domain.protocols import Detector
from panops.pipeline.analyst import Analyst
from panops.pipeline.camera_loop import CameraLoop
from panops.pipeline.followed import also_followed, followed_classes
from panops.pipeline.looking import Look
from panops.pipeline.secondary import SecondaryLooks
from panops.rules.compliance import Compliance
from panops.rules.engine import RuleEngine
from panops.rules.scene import Scene
from panops.tracking.tracker import BatchTracker

SIZE = (640, 360)
PERSON = (300.0, 120.0, 340.0, 240.0)


class People:
    """Finds one person, always at the same place but for `left`."""

    classes = ("person", "car")

    def __init__(self) -> None:
        self.left = PERSON[0]

    def detect(self, frame: Frame) -> Detections:
        box = np.array([[self.left, PERSON[1], self.left + 40, PERSON[3]]], np.float32)
        return Detections(box, np.array([0.9], np.float32), np.array([0]))

    def forget(self, camera_id: str) -> None:
        pass


class Heads:
    """Says of the places that it is shown what `says` has for their brightness: a white one has a hat on it, a grey one is bare."""

    classes = ("bare_head", "hardhat", "unseen")

    def __init__(self, classes: tuple[str, ...] = classes) -> None:
        self.classes = classes
        self.shown: list[list[float]] = []

    def detect(self, frame: Frame) -> Detections:
        raise ModelUnsupported("it finds nothing")

    def forget(self, camera_id: str) -> None:
        pass

    def close(self) -> None:
        pass

    def read_signs(self, frame: Frame, hands: Detections) -> ClassScores:
        self.shown += hands.xyxy.tolist()
        rows = []
        for left, top, right, bottom in hands.xyxy.astype(int).tolist():
            light = float(frame.image[max(top, 0) : bottom, max(left, 0) : right].mean())
            rows.append([0.06, 0.9, 0.04] if light > 150 else [0.8, 0.18, 0.02] if light > 100 else [0.02, 0.02, 0.96])
        return ClassScores(np.array(rows, np.float32))


def frame(light: int, at_s: float = 0.0) -> Frame:
    return Frame("cam", round(at_s * 5), at_s, at_s, ArrayPixels(np.full((SIZE[1], SIZE[0], 3), light, np.uint8)))


def made(models: dict[str, Detector], **settings: object) -> SecondaryLooks:
    return SecondaryLooks.made(SecondaryConfig.model_validate(settings), models.__getitem__, People.classes)


@pytest.mark.parametrize(("light", "told"), [(200, {"hardhat": 0.9}), (120, {"bare_head": 0.8}), (20, {})])
def test_the_likeliest_answer_becomes_a_box_where_such_a_thing_is_and_unseen_none(light: int, told: dict[str, float]) -> None:
    heads = Heads()
    looks = made({"heads": heads}, parts={"head": "heads"})
    assert looks.classes == ("person", "car", "bare_head", "hardhat")
    found = looks.look(frame(light), People().detect(frame(light)), None)
    assert heads.shown == [pytest.approx(part_box(PERSON, "head"))]
    names = [looks.classes[index] for index in found.class_id.tolist()]
    assert dict(zip(names, found.score.tolist(), strict=True)) == pytest.approx(told)
    for left, top, right, bottom in found.xyxy.tolist():
        assert 300 < left < 320 < right < 340
        assert 110 < top < bottom < 145


class Hats(People):
    """Finds a hat and a vest on whoever is cut out."""

    classes = ("hardhat", "vest", "unseen")

    def detect(self, frame: Frame) -> Detections:
        boxes = np.array([[20, 16, 44, 30], [20, 50, 44, 80]], np.float32)
        return Detections(boxes, np.array([0.7, 0.6], np.float32), np.array([0, 1]))


def test_a_second_detector_is_believed_where_no_classifier_has_an_answer() -> None:
    looks = made({"hats": Hats(), "heads": Heads()}, model="hats", parts={"head": "heads"})
    assert looks.classes == ("person", "car", "hardhat", "vest", "unseen", "bare_head")
    assert (looks.models, looks.in_use) == (("hats", "heads"), ("hats", "heads"))
    for light, names in ((120, ["bare_head", "person", "vest"]), (20, ["hardhat", "person", "vest"])):
        picture = frame(light)
        joined = looks.add(picture, Look(True, None, Detections.empty()), People().detect(picture), None)
        assert sorted(looks.classes[index] for index in joined.class_id.tolist()) == names


class SeesHats(People):
    """A camera's own detector that takes every head for a hat."""

    classes = ("person", "hardhat")

    def detect(self, frame: Frame) -> Detections:
        person = super().detect(frame).xyxy[0]
        hat = [person[0] + 10, 122, person[0] + 30, 136]
        return Detections(np.array([person, hat], np.float32), np.array([0.9, 0.6], np.float32), np.array([0, 1]))


def test_between_its_turns_the_answer_stands_against_what_the_camera_sees_at_every_check() -> None:
    """The classifier is asked ten times and then now and then, the detector always: by number of votes it would always win."""
    config = CameraConfig.model_validate({"source": "x.mp4", "motion": {"enabled": False}, "secondary": {"parts": {"head": "heads"}}})
    models: dict[str, Detector] = {"heads": Heads()}
    secondary, _ = SecondaryLooks.of(config, models.__getitem__, SeesHats.classes)
    assert secondary is not None
    rule = ComplianceConfig.model_validate({"id": "r", "kind": "compliance", "required": ["hardhat"], "grace_s": 5})

    def make_rules(size_wh: tuple[int, int], first: int) -> RuleEngine:
        return RuleEngine("cam", [(rule, Compliance(rule, Scene("cam", size_wh, secondary.classes, {}, {})))], 7, first)

    people = SeesHats()
    loop = CameraLoop("cam", config, people, make_rules, followed_classes([rule], secondary.classes), SystemClock(), secondary=secondary)
    analyst = Analyst(BatchTracker(), {"cam": loop})
    analyst.begin(loop)
    told: set[str] = set()
    scores: list[float] = []
    for number in range(100):
        people.left += 1
        check = loop.consider(frame(120, number / 5))
        assert check is not None
        for outcome in analyst.round([check]):
            told |= {loop.classes[index] for index in outcome.tracks.class_id.tolist()}
            scores += [event.incident.score for event in outcome.events]
    loop.finish()
    (record,) = [one.record for one in loop.take_records()]
    assert (record.worn, told) == (Worn.ABSENT, {"person", "bare_head"})
    assert scores
    assert scores[0] > 0.4, "the event begins seconds after the classifier was asked last, and says what was said then"


def test_one_model_that_is_missing_or_fails_costs_only_what_it_would_have_said() -> None:
    class Broken(Heads):
        classes = ("vest", "unseen")

        def read_signs(self, frame: Frame, hands: Detections) -> ClassScores:
            raise ModelUnsupported("it cannot be run")

    models: dict[str, Detector] = {"heads": Heads(), "broken": Broken()}

    def detectors(name: str) -> Detector:
        if name not in models:
            raise ModelUnsupported(f"there is no model {name}")
        return models[name]

    def of(**parts: str) -> tuple[SecondaryLooks | None, str]:
        return SecondaryLooks.of(CameraConfig.model_validate({"source": "x", "secondary": {"parts": parts}}), detectors, People.classes)

    looks, problem = of(head="heads", torso="nobody")
    assert looks is not None
    assert (looks.in_use, problem) == (("heads",), "nobody looks closer (secondary): there is no model nobody")
    looks, problem = of(head="heads", torso="broken")
    assert looks is not None
    assert problem == ""
    assert len(looks.look(frame(200), People().detect(frame(200)), None)) == 1
    assert looks.problem == "it cannot be run"
    assert of(torso="nobody")[0] is None


def test_an_answer_stands_also_at_a_check_at_which_the_device_was_late() -> None:
    class Late(Hats):
        def detect(self, frame: Frame) -> Detections:
            raise DeviceLate("the answer came too late")

    looks = SecondaryLooks.made(
        SecondaryConfig.model_validate({"model": "late", "parts": {"head": "heads"}}),
        {"late": Late(), "heads": Heads()}.__getitem__,
        SeesHats.classes,
    )
    picture = frame(120)
    joined = looks.add(picture, Look(True, None, Detections.empty()), SeesHats().detect(picture), None)
    assert [looks.classes[index] for index in joined.class_id.tolist()] == ["person"]


def test_a_rule_that_names_only_what_a_classifier_says_has_people_followed_for_it() -> None:
    config = CameraConfig.model_validate({"source": "x", "secondary": {"parts": {"head": "heads"}}})
    rule = IntrusionConfig.model_validate({"id": "r", "kind": "intrusion", "classes": ["bare_head"]})
    classes = ("person", "car", "bare_head")
    assert followed_classes([rule], classes, also_followed(config)).tolist() == [True, False, True]


@pytest.mark.parametrize(("light", "worn"), [(200, Worn.PRESENT), (120, Worn.ABSENT), (20, Worn.NOT_VISIBLE)])
def test_the_rule_decides_by_what_is_said_of_the_head(light: int, worn: Worn) -> None:
    config = CameraConfig.model_validate({"source": "x.mp4", "motion": {"enabled": False}, "secondary": {"parts": {"head": "heads"}}})
    models: dict[str, Detector] = {"heads": Heads()}
    secondary, problem = SecondaryLooks.of(config, models.__getitem__, People.classes)
    assert secondary is not None, problem
    rule = ComplianceConfig.model_validate({"id": "r", "kind": "compliance", "required": ["hardhat"]})

    def make_rules(size_wh: tuple[int, int], first: int) -> RuleEngine:
        return RuleEngine("cam", [(rule, Compliance(rule, Scene("cam", size_wh, secondary.classes, {}, {})))], 7, first)

    people = People()
    followed = followed_classes([rule], secondary.classes)
    loop = CameraLoop("cam", config, people, make_rules, followed, SystemClock(), secondary=secondary)
    analyst = Analyst(BatchTracker(), {"cam": loop})
    analyst.begin(loop)
    for number in range(30):
        people.left += 2
        check = loop.consider(frame(light, number / 5))
        assert check is not None
        list(analyst.round([check]))
    loop.finish()
    (record,) = [one.record for one in loop.take_records()]
    assert record.worn is worn


def test_a_model_in_the_wrong_place_is_refused_in_a_sentence() -> None:
    with pytest.raises(ModelUnsupported, match=r"heads says what is on a part of somebody and finds nothing; name it in secondary\.parts"):
        made({"heads": Heads()}, model="heads")
    with pytest.raises(
        ModelUnsupported, match=r"people does not say what a picture shows; secondary\.parts needs a classifier, such as ppe_head"
    ):
        made({"people": People()}, parts={"torso": "people"})
    for wrong in ({}, {"parts": {}}, {"parts": {"leg": "heads"}}, {"parts": {"head": ""}}):
        with pytest.raises(ValueError, match=r"expected a model, or parts|head"):
            SecondaryConfig.model_validate(wrong)


def test_a_newer_version_is_taken_up_and_other_classes_are_seen() -> None:
    old, new, other = Heads(), Heads(), Heads(("cap", "unseen"))
    looks = made({"heads": old}, parts={"head": "heads"})
    assert not looks.is_outdated({"heads": old}.get)
    assert looks.is_outdated({"heads": new}.get)
    assert not looks.has_other_classes({"heads": new}.get)
    assert looks.has_other_classes({"heads": other}.get)
    assert looks.has_other_classes({"heads": People()}.get)
    looks.renew({"heads": new}.get)
    looks.look(frame(200), People().detect(frame(200)), None)
    assert (len(old.shown), len(new.shown)) == (0, 1)
