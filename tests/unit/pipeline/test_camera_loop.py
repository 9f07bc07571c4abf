"""One camera's loop: what is checked, what reaches the detector, and what a failing detector means."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from panops.config.health_schema import HealthConfig
from panops.config.rule_schema import ComplianceConfig, IntrusionConfig
from panops.config.schema import CameraConfig, SiteConfig
from panops.config.verify_schema import VerifyConfig
from panops.domain.clock import SystemClock
from panops.domain.compliance import Worn
from panops.domain.detections import Detections
from panops.domain.errors import ModelUnsupported
from panops.domain.events import Event, EventPhase, Severity
from panops.domain.frame import ArrayPixels, Frame
from panops.domain.tracks import Tracks
from panops.motion.view import ViewFinding, ViewKind
from panops.pipeline.analysis_loop import AnalysisLoop
from panops.pipeline.analyst import Analyst
from panops.pipeline.camera_loop import CameraLoop
from panops.pipeline.camera_view import CameraView
from panops.pipeline.check import Outcome
from panops.pipeline.dry_run import DryRun
from panops.pipeline.followed import followed_classes
from panops.pipeline.look_keeper import LookLog
from panops.rules.compliance import Compliance
from panops.rules.engine import RuleEngine
from panops.rules.intrusion import Intrusion
from panops.rules.scene import Scene
from panops.storage.look_file import Ended
from panops.storage.look_shelf import LookShelf
from panops.tracking.tracker import BatchTracker
from panops.verify.build import build_chain
from panops.vision.moving import MovingDetector

SIZE = (64, 48)


class BoxDetector:
    """Sees the white rectangle of the test pictures; fails on demand."""

    classes = ("person", "chair")

    def __init__(self) -> None:
        self.broken = False
        self.calls = 0

    def detect(self, frame: Frame) -> Detections:
        self.calls += 1
        if self.broken:
            raise ModelUnsupported("the model cannot be run")
        rows, columns = np.nonzero(frame.luma > 200)
        if len(rows) == 0:
            return Detections.empty()
        box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        boxes = np.array([box, [0, 0, 9, 9]], np.float32)
        return Detections(boxes, np.array([0.9, 0.9], np.float32), np.array([0, 1]))

    def forget(self, camera_id: str) -> None:
        pass


def frame(number: int, *, person: bool, camera_id: str = "cam") -> Frame:
    image = np.full((SIZE[1], SIZE[0], 3), 60, np.uint8)
    if person:
        image[10:40, 10 + number % 20 : 26 + number % 20] = 255
    return Frame(camera_id, number, number / 5, number / 5, ArrayPixels(image))


def make_loop(detector: BoxDetector, *, gate: bool = True, camera_id: str = "cam") -> CameraLoop:
    config = CameraConfig.model_validate({"source": "x.mp4", "motion": {"enabled": gate, "refresh_s": 1000}})

    def make_rules(size_wh: tuple[int, int], first: int) -> RuleEngine:
        rule = IntrusionConfig(id="r", kind="intrusion", after_s=0.4, end_after_s=1.0)
        return RuleEngine(camera_id, [(rule, Intrusion(rule, Scene(camera_id, size_wh, detector.classes, {}, {})))], 7, first)

    return CameraLoop(camera_id, config, detector, make_rules, np.array([True, False]), SystemClock())


def play(loop: CameraLoop, frames: Sequence[Frame]) -> list[Outcome]:
    analyst = Analyst(BatchTracker(), {loop.camera_id: loop})
    analyst.begin(loop)
    return [outcome for item in frames if (check := loop.consider(item)) for outcome in analyst.round([check])]


def test_a_visit_is_one_event_and_only_followed_classes_are_tracked() -> None:
    loop = make_loop(BoxDetector())
    outcomes = play(loop, [frame(n, person=30 <= n < 60) for n in range(120)])
    events = [event for outcome in outcomes for event in outcome.events]
    assert {event.event_id for event in events} == {"cam-7-0"}
    assert events[0].phase is EventPhase.BEGIN
    assert events[0].severity is Severity.ALARM
    assert events[-1].phase is EventPhase.END
    assert events[-1].incident.started_at_s == pytest.approx(6.0, abs=0.41)
    assert events[-1].incident.ended_at_s == pytest.approx(11.8, abs=0.41)
    assert {int(c) for outcome in outcomes for c in outcome.tracks.class_id} == {0}


def test_what_the_rules_see_is_kept_and_gives_the_same_event_once_more(tmp_path: Path) -> None:
    loop = make_loop(BoxDetector())
    loop.look_log = log = LookLog("cam", "7", ("person", "chair"), loop.followed_names)
    outcomes = play(loop, [frame(n, person=30 <= n < 60) for n in range(80)])
    outcomes += play(loop, [frame(n, person=True) for n in range(80, 100)])
    events = {event.event_id: event for outcome in outcomes for event in outcome.events}
    events.update({event.event_id: event for event in loop.finish()})
    loop.detects = False
    play(loop, [frame(n, person=True) for n in range(100, 120)])
    shelf = LookShelf(tmp_path)
    log.write(shelf, 0.0, everything=True)
    kept = list(shelf.read("cam", 0.0))
    assert [look.time_s for look in kept if isinstance(look, Tracks)] == [outcome.tracks.time_s for outcome in outcomes]
    assert isinstance(kept[-1], Ended)
    site = SiteConfig.model_validate(
        {
            "cameras": {"cam": {"source": "x.mp4"}},
            "rules": [{"id": "r", "kind": "intrusion", "after_s": 0.4, "end_after_s": 1.0}],
        }
    )
    dry = DryRun(site, site.rules[0], shelf, SystemClock(), threading.Event()).run(["cam"], 0.0, 3600.0)
    assert len(events) == 2
    assert [one.event.incident for one in reversed(dry.events)] == [event.incident for event in events.values()]
    assert dry.cameras[0].notes == []


def test_an_empty_scene_costs_no_detection() -> None:
    detector = BoxDetector()
    play(make_loop(detector), [frame(n, person=False) for n in range(200)])
    assert detector.calls <= 15  # the first moments, until the gate knows the scene
    play(make_loop(always := BoxDetector(), gate=False), [frame(n, person=False) for n in range(200)])
    assert always.calls == 200


def test_a_view_that_moves_and_comes_back_is_learnt_anew_by_the_chain(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = make_loop(BoxDetector(), gate=False)
    loop.view = CameraView(HealthConfig())
    loop.chain = build_chain(VerifyConfig(), BoxDetector.classes)
    assert loop.chain is not None
    forgotten: list[int] = []
    monkeypatch.setattr(loop.chain, "forget_view", lambda: forgotten.append(seen))
    monkeypatch.setattr(loop.view, "look", lambda frame: None)
    for seen in range(40):
        kind = ViewKind.MOVED if 10 <= seen < 20 else ViewKind.COVERED if seen >= 30 else None
        loop.view.watch.finding = None if kind is None else ViewFinding(kind, 0.0, 1.0)
        play(loop, [frame(seen, person=False)])
    assert forgotten == [10, 20]


def test_what_was_learnt_since_a_camera_was_turned_stays_when_that_is_its_view(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = make_loop(BoxDetector(), gate=False)
    loop.view, loop.chain = CameraView(HealthConfig()), build_chain(VerifyConfig(), BoxDetector.classes)
    forgotten: list[int] = []
    monkeypatch.setattr(loop.chain, "forget_view", lambda: forgotten.append(seen))
    monkeypatch.setattr(loop.view, "look", lambda frame: None)
    for seen in range(60):
        if seen == 20:
            loop.view.watch.relearnt += 1
        loop.view.watch.finding = ViewFinding(ViewKind.MOVED, 0.0, 1.0) if 10 <= seen < 20 or 40 <= seen < 50 else None
        play(loop, [frame(seen, person=False)])
    assert forgotten == [10, 40, 50]


def test_a_chain_that_fails_as_the_camera_stops_costs_no_event(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = make_loop(BoxDetector(), gate=False)
    loop.chain = build_chain(VerifyConfig(), BoxDetector.classes)

    def fails(*_: object) -> None:
        raise RuntimeError("a fault that nobody foresaw")

    outcomes = play(loop, [frame(n, person=n >= 5) for n in range(30)])
    assert [event.phase for outcome in outcomes for event in outcome.events][:1] == [EventPhase.BEGIN]
    monkeypatch.setattr(loop.chain, "finish", fails)
    assert [event.phase for event in loop.finish()] == [EventPhase.END]
    assert loop.counters.dropped["chain_error"] == 1


def test_failed_is_never_nothing_there() -> None:
    detector = BoxDetector()
    loop = make_loop(detector)
    analyst = Analyst(BatchTracker(), {"cam": loop})
    analyst.begin(loop)
    events: list[Event] = []
    for n in range(60):
        detector.broken = 30 <= n < 50
        check = loop.consider(frame(n, person=n >= 10))
        assert check is not None
        events += [event for outcome in analyst.round([check]) for event in outcome.events]
        assert bool(loop.problem) == detector.broken
    assert loop.counters.dropped["detector_error"] == 20
    assert not any(event.phase is EventPhase.END for event in events)
    assert {event.event_id for event in events} == {"cam-7-0"}


def test_a_camera_is_blind_from_a_look_that_failed_to_one_that_did_not() -> None:
    detector = BoxDetector()
    loop = make_loop(detector)
    still = [frame(n, person=False) for n in range(30)]
    assert not any(outcome.is_blind for outcome in play(loop, still))
    detector.broken = True
    moving = play(loop, [frame(n, person=True) for n in range(30, 40)])
    assert (moving, loop.is_blind) == ([], True)
    empty = play(loop, [frame(n, person=False) for n in range(40, 80)])
    assert empty, "nothing moves any more, so the rules see an empty picture"
    assert all(outcome.is_blind for outcome in empty)
    detector.broken = False
    seen = play(loop, [frame(n, person=True) for n in range(80, 90)])
    assert len(seen[-1].tracks)
    assert not any(outcome.is_blind for outcome in seen)
    assert not loop.is_blind


def test_a_fault_of_the_rules_leaves_a_camera_blind(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = make_loop(BoxDetector(), gate=False)
    monkeypatch.setattr(loop, "conclude", lambda *_: 1 / 0)
    assert play(loop, [frame(0, person=True)]) == []
    assert loop.is_blind


def test_finish_ends_what_is_open() -> None:
    loop = make_loop(BoxDetector())
    play(loop, [frame(n, person=n > 5) for n in range(30)])
    (event,) = loop.finish()
    assert event.phase is EventPhase.END
    assert event.incident.ended_at_s == pytest.approx(29 / 5, abs=0.3)


def test_a_new_picture_size_ends_and_goes_on_with_new_ids() -> None:
    loop = make_loop(BoxDetector())
    first = play(loop, [frame(n, person=True) for n in range(20)])
    large = [
        Frame("cam", n, n / 5, n / 5, ArrayPixels(np.kron(frame(n, person=True).image, np.ones((2, 2, 1), np.uint8))))
        for n in range(20, 40)
    ]
    second = play(loop, large)
    ids = {event.event_id for outcome in first + second for event in outcome.events}
    assert ids == {"cam-7-0", "cam-7-1"}
    assert any(event.event_id == "cam-7-0" and event.phase is EventPhase.END for outcome in second for event in outcome.events)


def test_time_that_goes_back_is_dropped_and_counted() -> None:
    loop = make_loop(BoxDetector())
    play(loop, [frame(n, person=False) for n in range(20)])
    old = frame(3, person=False)
    assert loop.consider(old) is None
    assert loop.counters.dropped["time_went_back"] == 1


def test_waiting_checks_are_replaced_and_counted() -> None:
    loop = make_loop(BoxDetector())
    outcomes: list[Outcome] = []
    loops = {"cam": loop}
    analyst = Analyst(BatchTracker(), loops)
    analyst.begin(loop)
    concluded = threading.Event()

    def take(outcome: Outcome) -> None:
        outcomes.append(outcome)
        concluded.set()

    analysis = AnalysisLoop(analyst, loops, SystemClock(), take)
    checks = [check for n in range(10) if (check := loop.consider(frame(n, person=True)))]
    for check in checks:
        analysis.offer(check)
    assert loop.counters.dropped["superseded"] == len(checks) - 1
    analysis.start()
    assert concluded.wait(5)
    analysis.stop()
    assert [outcome.check for outcome in outcomes] == [checks[-1]]


def test_stale_checks_are_given_up_and_counted() -> None:
    loop = make_loop(detector := BoxDetector())
    loops = {"cam": loop}
    analysis = AnalysisLoop(Analyst(BatchTracker(), loops), loops, SystemClock(), lambda _: None, staleness_s=-1.0)
    check = loop.consider(frame(0, person=True))
    assert check is not None
    analysis._round([check])
    assert loop.counters.dropped["stale"] == 1
    assert detector.calls == 0


def test_batches_keep_cameras_apart() -> None:
    loops = {name: make_loop(BoxDetector(), camera_id=name) for name in ("a", "b")}
    analyst = Analyst(BatchTracker(), loops)
    for loop in loops.values():
        analyst.begin(loop)
    seen: list[Tracks] = []
    for n in range(20):
        checks = [c for name, loop in loops.items() if (c := loop.consider(frame(n, person=name == "a", camera_id=name)))]
        seen += [outcome.tracks for outcome in analyst.round(checks)]
    assert {tracks.camera_id for tracks in seen if len(tracks)} == {"a"}


class BrokenDetector(BoxDetector):
    """Fails in a way that nobody foresaw."""

    def detect(self, frame: Frame) -> Detections:
        raise RuntimeError("not a model error")


def test_a_fault_of_one_camera_costs_the_others_nothing() -> None:
    loops = {"good": make_loop(BoxDetector(), camera_id="good"), "bad": make_loop(BrokenDetector(), camera_id="bad")}
    analyst = Analyst(BatchTracker(), loops)
    for loop in loops.values():
        analyst.begin(loop)
    events: list[Event] = []
    for n in range(40):
        checks = [c for name, loop in loops.items() if (c := loop.consider(frame(n, person=True, camera_id=name)))]
        events += [event for outcome in analyst.round(checks) for event in outcome.events]
    assert {event.event_id for event in events} == {"good-7-0"}
    assert loops["bad"].counters.dropped["analysis_error"] == 40
    assert loops["good"].counters.dropped["analysis_error"] == 0


def test_a_clock_set_back_ends_what_is_open_and_goes_on() -> None:
    loop = make_loop(BoxDetector())
    before = play(loop, [frame(n, person=True) for n in range(500, 530)])
    after = play(loop, [frame(n, person=True) for n in range(30)])
    assert loop.counters.dropped["time_went_back"] == 0
    events = [event for outcome in before + after for event in outcome.events]
    assert [event.phase for event in events if event.event_id == "cam-7-0"][-1] is EventPhase.END
    assert {event.event_id for event in events} == {"cam-7-0", "cam-7-1"}


def test_a_check_of_a_loop_that_was_replaced_is_void() -> None:
    old, new = make_loop(BoxDetector()), make_loop(BoxDetector())
    check = old.consider(frame(0, person=True))
    assert check is not None
    assert list(Analyst(BatchTracker(), {"cam": new}).round([check])) == []


def test_a_clock_set_back_is_noticed_though_its_first_check_was_given_up() -> None:
    loop = make_loop(BoxDetector())
    analyst = Analyst(BatchTracker(), {"cam": loop})
    analyst.begin(loop)
    analysis = AnalysisLoop(analyst, {"cam": loop}, SystemClock(), lambda _: None)
    seen: list[Outcome] = []

    def look(number: int) -> None:
        check = loop.consider(frame(number, person=True))
        assert check is not None
        analysis.offer(check)

    def analyse() -> None:
        seen.extend(analyst.round([analysis._slots.pop("cam").pop()]))

    for n in range(500, 530):
        look(n)
        analyse()
    look(0)  # superseded by the next one before it was analysed
    for n in range(1, 30):
        look(n)
        analyse()
    events = [event for outcome in seen for event in outcome.events]
    assert [event.phase for event in events if event.event_id == "cam-7-0"][-1] is EventPhase.END
    assert {event.event_id for event in events} == {"cam-7-0", "cam-7-1"}


def test_after_a_clock_was_set_back_the_motion_detector_sees_again() -> None:
    config = CameraConfig.model_validate({"source": "x.mp4"})
    detector = MovingDetector()
    loop = CameraLoop("cam", config, detector, lambda _, first: RuleEngine("cam", [], 1, first), np.array([True]), SystemClock())

    def walk(start_s: float) -> list[Outcome]:
        pictures = []
        for n in range(100):
            image = np.full((120, 160, 3), 60, np.uint8)
            if n >= 50:
                image[40:100, (n - 50) * 2 : (n - 50) * 2 + 30] = 200
            pictures.append(Frame("cam", n, start_s + n / 5, start_s + n / 5, ArrayPixels(image)))
        return play(loop, pictures)

    assert any(len(outcome.tracks) for outcome in walk(4000.0))
    assert any(len(outcome.tracks) for outcome in walk(400.0))


class HatDetector(BoxDetector):
    """Sees a bare head on the white rectangle."""

    classes = ("person", "bare_head", "hardhat")

    def detect(self, frame: Frame) -> Detections:
        found = super().detect(frame)
        if not len(found):
            return found
        left, top, right, _ = found.xyxy[0].tolist()
        boxes = np.array([found.xyxy[0], [left + 3, top, right - 3, top + 7]], np.float32)
        return Detections(boxes, np.array([0.9, 0.9], np.float32), np.array([0, 1]))


def compliance_loop(detector: HatDetector) -> CameraLoop:
    rule = ComplianceConfig.model_validate({"id": "wear", "kind": "compliance", "required": ["hardhat"], "grace_s": 1, "end_after_s": 2})
    config = CameraConfig.model_validate({"source": "x.mp4", "motion": {"enabled": False}})

    def make_rules(size_wh: tuple[int, int], first: int) -> RuleEngine:
        return RuleEngine("cam", [(rule, Compliance(rule, Scene("cam", size_wh, detector.classes)))], 7, first)

    return CameraLoop("cam", config, detector, make_rules, followed_classes([rule], detector.classes), SystemClock())


def test_what_people_wore_comes_with_the_outcome_once_they_are_gone() -> None:
    outcomes = play(compliance_loop(HatDetector()), [frame(n, person=n < 20) for n in range(50)])
    assert {event.event_id for outcome in outcomes for event in outcome.events} == {"cam-7-0"}
    (record,) = [record for outcome in outcomes for record in outcome.records]
    assert (record.record_id, record.record.item, record.record.worn) == ("cam-7-1", "hardhat", Worn.ABSENT)


def test_what_people_wore_who_are_still_there_is_left_when_the_camera_stops() -> None:
    loop = compliance_loop(HatDetector())
    assert not [record for outcome in play(loop, [frame(n, person=True) for n in range(20)]) for record in outcome.records]
    loop.finish()
    assert [record.record.worn for record in loop.take_records()] == [Worn.ABSENT]
    assert loop.take_records() == ()
