"""A second model that looks at single people: who is shown to it when, and that rules know what it finds."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from panops.config.rule_schema import ComplianceConfig
from panops.config.schema import CameraConfig, SecondaryConfig
from panops.domain.clock import SystemClock
from panops.domain.compliance import Worn
from panops.domain.detections import Detections
from panops.domain.errors import DeviceLate, ModelNotFound, ModelUnsupported
from panops.domain.frame import ArrayPixels, Frame
from panops.domain.protocols import Detector
from panops.domain.tracks import Tracks
from panops.pipeline.analyst import Analyst
from panops.pipeline.camera_loop import CameraLoop
from panops.pipeline.followed import followed_classes
from panops.pipeline.health import HealthMeter
from panops.pipeline.live import CameraState
from panops.pipeline.looking import Look
from panops.pipeline.secondary import SecondaryLooks
from panops.rules.compliance import Compliance
from panops.rules.engine import RuleEngine
from panops.rules.scene import Scene
from panops.tracking.tracker import BatchTracker

SIZE = (640, 360)


class PersonFinder:
    """Finds grey people, px columns of 40; and says of each that the head is bare, which the second model knows better."""

    classes = ("person", "bare_head", "car")

    def detect(self, frame: Frame) -> Detections:
        columns = np.flatnonzero((frame.image[200, :, 0] > 100) & (frame.image[200, :, 0] < 150))
        lefts = [int(c) for c in columns if c - 1 not in set(columns.tolist())]
        boxes = np.array([[left, 120, left + 40, 240] for left in lefts], np.float32).reshape(-1, 4)
        heads = np.array([[left + 10, 120, left + 30, 140] for left in lefts], np.float32).reshape(-1, 4)
        count = len(lefts)
        ids = np.repeat(np.array([0, 1], np.int64), count)
        return Detections(np.concatenate([boxes, heads]), np.full(2 * count, 0.8, np.float32), ids)

    def forget(self, camera_id: str) -> None:
        pass


class HatFinder:
    """Finds white hats in what it is shown; fails on demand."""

    classes = ("hardhat", "bare_head")

    def __init__(self) -> None:
        self.shown: list[tuple[int, int]] = []
        self.broken = self.late = False

    def detect(self, frame: Frame) -> Detections:
        self.shown.append(frame.size_wh)
        if self.late:
            raise DeviceLate("the answer came too late")
        if self.broken:
            raise ModelUnsupported("the model cannot be run")
        rows, columns = np.nonzero(frame.image[..., 0] > 200)
        if not len(rows):
            return Detections.empty()
        box = np.array([[columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]], np.float32)
        return Detections(box, np.array([0.9], np.float32), np.array([0]))

    def forget(self, camera_id: str) -> None:
        pass


def frame(at_s: float, *lefts: int, hats: bool = True) -> Frame:
    image = np.full((SIZE[1], SIZE[0], 3), 40, np.uint8)
    for left in lefts:
        image[120:240, left : left + 40] = 120
        if hats:
            image[120:138, left + 8 : left + 32] = 255
    return Frame("cam", round(at_s * 5), at_s, at_s, ArrayPixels(image))


def make(finder: HatFinder | None = None, **settings: object) -> tuple[SecondaryLooks, HatFinder]:
    finder = finder or HatFinder()
    config = SecondaryConfig.model_validate({"model": "hats", **settings})
    return SecondaryLooks(config, finder, {}, PersonFinder.classes), finder


def tracked(found: Detections, at_s: float) -> Tracks:
    """People as tracks, numbered by where they stand."""
    people = found.select(found.class_id == 0)
    times = np.full(len(people), at_s)
    rows = np.arange(len(people))
    ids = people.xyxy[:, 0].astype(np.int64)
    return Tracks("cam", at_s, ids, people.xyxy, people.score, people.class_id, np.ones(len(people), np.int64), times, times.copy(), rows)


def test_classes_are_joined_and_only_what_is_followed_is_told() -> None:
    looks, _ = make()
    assert looks.classes == ("person", "bare_head", "car", "hardhat")
    picture = frame(0.0, 300)
    seen = PersonFinder().detect(picture)
    everything = Look(True, None, Detections.empty())
    assert len(looks.add(picture, everything, seen, None)) == 3
    looks.follow(np.array([True, True, True, False]))
    assert looks.add(picture, everything, seen, None).class_id.tolist() == [0, 1]


@pytest.mark.parametrize(("score", "expected"), [(0.95, 0.95), (0.5, 0.9)])
def test_what_both_see_counts_once_with_the_surer_box(score: float, expected: float) -> None:
    looks, _ = make()
    picture = frame(0.0, 300)
    boxes = np.array([[300, 120, 340, 240], [307, 119, 333, 139]], np.float32)
    seen = Detections(boxes, np.array([0.8, score], np.float32), np.array([0, 3]))
    joined = looks.add(picture, Look(True, None, Detections.empty()), seen, None)
    assert joined.class_id.tolist() == [0, 3]
    assert joined.score.tolist() == pytest.approx([0.8, expected])
    assert joined.xyxy[1].tolist() == (boxes[1].tolist() if score > 0.9 else [308, 120, 332, 138])


def test_a_person_is_shown_alone_and_what_is_found_lies_where_it_is_in_the_picture() -> None:
    looks, finder = make()
    picture = frame(0.0, 300)
    found = looks.look(picture, PersonFinder().detect(picture), None)
    ((width, height),) = finder.shown
    assert 40 < width < 90
    assert 120 < height < 170
    assert found.xyxy.tolist() == [[308, 120, 332, 138]]
    assert [looks.classes[index] for index in found.class_id] == ["hardhat"]


@pytest.mark.parametrize("left", [0, 599])
def test_at_the_edge_of_the_picture_nothing_is_out_of_it(left: int) -> None:
    looks, _ = make()
    picture = frame(0.0, left)
    found = looks.look(picture, PersonFinder().detect(picture), None)
    assert found.xyxy.tolist() == [[left + 8, 120, left + 32, 138]]


def test_who_is_known_is_looked_at_again_only_now_and_then() -> None:
    looks, finder = make(first_looks=4, refresh_s=2.0)
    looked_s = []
    tracks = None
    for number in range(50):
        at_s = number / 5
        picture = frame(at_s, 300)
        seen = PersonFinder().detect(picture)
        before = len(finder.shown)
        looks.look(picture, seen, tracks)
        tracks = tracked(seen, at_s)
        looked_s += [at_s] * (len(finder.shown) - before)
    # The first one counts for nobody: the person was no track yet.
    first, rest = looked_s[:5], looked_s[5:]
    assert first == pytest.approx([0.0, 0.2, 0.4, 0.6, 0.8])
    assert rest == pytest.approx([2.8, 3.0, 3.2, 5.2, 5.4, 5.6, 7.6, 7.8, 8.0])


def test_a_crowd_takes_turns() -> None:
    looks, finder = make(most=2, first_looks=100)
    lefts = (0, 100, 200, 300, 400)
    counts = dict.fromkeys(lefts, 0)
    tracks = None
    for number in range(10):
        picture = frame(number / 5, *lefts)
        seen = PersonFinder().detect(picture)
        for box in looks.look(picture, seen, tracks).xyxy.tolist():
            counts[int(box[0]) - 8] += 1
        tracks = tracked(seen, number / 5)
    assert len(finder.shown) == 20
    assert min(counts.values()) >= 3  # the first look of each counts for nobody yet


def test_who_was_only_told_again_is_not_looked_at() -> None:
    looks, finder = make()
    picture = frame(0.0, 100, 300)
    seen = PersonFinder().detect(picture)
    people = seen.select(seen.class_id == 0)
    told_again = people.select(np.array([1]))
    joined = Detections.concat([people.select(np.array([0])), told_again])
    result = looks.add(picture, Look(False, None, told_again), joined, None)
    assert len(finder.shown) == 1
    assert result.xyxy[:2].tolist() == joined.xyxy.tolist()
    assert [looks.classes[index] for index in result.class_id[2:]] == ["hardhat"]


def test_things_of_neighbours_are_told_once_and_never_halved() -> None:
    looks, finder = make()
    picture = frame(0.0, 300, 322)  # overlapping: each is cut out with part of the other's hat
    seen = Detections(
        np.array([[300, 120, 340, 240], [322, 120, 362, 240]], np.float32), np.full(2, 0.8, np.float32), np.zeros(2, np.int64)
    )
    found = looks.look(picture, seen, None)
    assert len(finder.shown) == 2
    assert len(found) <= 1


def test_a_model_that_fails_costs_only_what_it_would_have_found() -> None:
    looks, finder = make()
    picture = frame(0.0, 300)
    seen = PersonFinder().detect(picture)
    finder.broken = True
    assert looks.add(picture, Look(True, None, Detections.empty()), seen, None) is seen
    assert looks.problem == "the model cannot be run"
    finder.broken = False
    assert len(looks.look(picture, seen, None)) == 1
    assert looks.problem == ""


def test_a_device_that_is_late_is_no_fault_of_the_model() -> None:
    looks, finder = make()
    picture = frame(0.0, 300)
    seen = PersonFinder().detect(picture)
    finder.late = True
    assert len(looks.look(picture, seen, None)) == 0
    assert looks.problem == ""


def test_a_camera_whose_second_model_fails_lives_and_says_so() -> None:
    looks, finder = make()
    config = CameraConfig.model_validate({"source": "x.mp4", "secondary": {"model": "hats"}})
    loop = CameraLoop(
        "cam", config, PersonFinder(), lambda size, first: RuleEngine("cam", [], 7, first), np.ones(4, bool), SystemClock(), secondary=looks
    )
    analyst = Analyst(BatchTracker(), {"cam": loop})
    analyst.begin(loop)
    finder.broken = True
    check = loop.consider(frame(0.0, 300))
    assert check is not None
    (outcome,) = analyst.round([check])
    assert len(outcome.tracks)
    assert (loop.problem, looks.problem) == ("", "the model cannot be run")
    feed = SimpleNamespace(state="live", message="", keyframe_interval_s=None)
    state, message = HealthMeter._state(loop, feed)  # type: ignore[arg-type]  # all that is asked of it
    assert state is CameraState.LIVE
    assert "nobody looks closer (secondary): the model cannot be run" in message


def test_a_model_that_is_not_there_is_said_and_the_camera_runs_without() -> None:
    def missing(name: str) -> Detector:
        raise ModelNotFound(f"there is no model {name}")

    config = CameraConfig.model_validate({"source": "x.mp4", "secondary": {"model": "hats"}})
    assert SecondaryLooks.of(config, missing, PersonFinder.classes) == (
        None,
        "nobody looks closer (secondary): there is no model hats",
    )
    assert SecondaryLooks.of(config.model_copy(update={"secondary": None}), missing, ()) == (None, "")


class Headless(PersonFinder):
    """Knows people and says nothing of their heads."""

    classes = ("person", "car")

    def detect(self, frame: Frame) -> Detections:
        seen = super().detect(frame)
        return seen.select(seen.class_id == 0)


@pytest.mark.parametrize(("hats", "worn"), [(True, Worn.PRESENT), (False, Worn.NOT_VISIBLE)])
def test_the_rule_decides_by_what_the_second_model_sees(hats: bool, worn: Worn) -> None:
    finder = HatFinder()
    config = CameraConfig.model_validate({"source": "x.mp4", "motion": {"enabled": False}, "secondary": {"model": "hats"}})
    secondary, _ = SecondaryLooks.of(config, lambda name: finder, Headless.classes)
    assert secondary is not None
    rule = ComplianceConfig.model_validate({"id": "r", "kind": "compliance", "required": ["hardhat"]})
    followed = followed_classes([rule], secondary.classes)

    def make_rules(size_wh: tuple[int, int], first: int) -> RuleEngine:
        return RuleEngine("cam", [(rule, Compliance(rule, Scene("cam", size_wh, secondary.classes, {}, {})))], 7, first)

    loop = CameraLoop("cam", config, Headless(), make_rules, followed, SystemClock(), secondary=secondary)
    analyst = Analyst(BatchTracker(), {"cam": loop})
    analyst.begin(loop)
    told: set[str] = set()
    for number in range(30):
        check = loop.consider(frame(number / 5, 200 + 2 * number, hats=hats))
        assert check is not None
        for outcome in analyst.round([check]):
            told |= {loop.classes[index] for index in outcome.tracks.class_id.tolist()}
    loop.finish()
    (record,) = [one.record for one in loop.take_records()]
    assert record.worn is worn
    assert told == ({"person", "hardhat"} if hats else {"person"})
    assert loop.problem == ""


def test_while_looks_are_given_up_nobody_looks_closer() -> None:
    finder = HatFinder()
    config = CameraConfig.model_validate({"source": "x.mp4", "motion": {"enabled": False}, "secondary": {"model": "hats"}})
    secondary, _ = SecondaryLooks.of(config, lambda name: finder, PersonFinder.classes)
    assert secondary is not None
    loop = CameraLoop(
        "cam",
        config,
        PersonFinder(),
        lambda size, first: RuleEngine("cam", [], 7, first),
        np.ones(4, bool),
        SystemClock(),
        secondary=secondary,
    )
    analyst = Analyst(BatchTracker(), {"cam": loop})
    analyst.begin(loop)

    def look(number: int) -> int:
        before = len(finder.shown)
        check = loop.consider(frame(float(number), 200 + 2 * number))
        assert check is not None
        list(analyst.round([check]))
        return len(finder.shown) - before

    assert look(0) == 1
    loop.ease(may_sleep=False, check_fps=2.0, only_floor=False)
    assert look(1) == 0
    loop.ease(may_sleep=False, check_fps=5.0, only_floor=False)
    assert look(2) == 1


def test_settings_that_make_no_sense_are_refused() -> None:
    base = SecondaryConfig(model="hats")
    for wrong in ({"model": ""}, {"classes": []}, {"first_looks": 1}, {"most": 0}, {"refresh_s": -1}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            SecondaryConfig.model_validate({**base.model_dump(), **wrong})
