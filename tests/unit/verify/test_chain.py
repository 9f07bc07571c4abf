from __future__ import annotations

import json
import math

import numpy as np
import pytest

from panops.config.rule_schema import LineCrossingConfig
from panops.config.verify_schema import VerifyConfig
from panops.domain.events import EventPhase
from panops.domain.geometry import Tripwire
from panops.domain.verdicts import Finding, Verdict
from panops.rules.engine import RuleEngine
from panops.rules.line_crossing import LineCrossing
from panops.rules.scene import Scene
from panops.verify.build import build_chain
from panops.verify.case import Case
from panops.verify.registry import STEPS
from panops.verify.size import Size
from panops.verify.static_memory import StaticMemory
from panops.verify.step import Opinion, QuietStep
from tests.unit.verify.story import CLASSES, FPS, PERSON, SIZE_WH, Camera, Thing

# As the scene is there: what a detector takes for a person though nothing stands out.
POST = (300.0, 120.0, 330.0, 200.0)


# A second look has to be asked for.
USUAL = [name for name in STEPS if name != "second_look"]


class Odd(QuietStep):
    """Answers what it is told to."""

    name = "odd"

    def __init__(self, answer: object) -> None:
        self.judge = lambda case: answer  # type: ignore[method-assign]


def only(*steps: str) -> VerifyConfig:
    return VerifyConfig.model_validate({name: {"enabled": name in steps} for name in STEPS})


def test_who_walks_in_is_told_at_once_with_the_reasons() -> None:
    camera = Camera()
    camera.empty(12)
    camera.walks(6, track_id=1)
    camera.empty(3)
    begun = camera.begun()
    assert [event.event_id for event in begun] == ["gate-1-0"]
    verdict = begun[0].verdict
    assert verdict is not None
    assert not begun[0].is_suppressed
    assert verdict.took_s == 0.0
    assert [finding.step for finding in verdict.findings] == USUAL
    assert [finding.step for finding in verdict.findings if finding.passed] == [
        "persistence", "background", "displacement", "light", "static_memory",
    ]  # fmt: skip
    assert verdict.travelled is not None
    assert verdict.travelled > 0.5
    assert verdict.appearance
    phases = [event.phase for event in camera.said]
    assert phases[0] is EventPhase.BEGIN
    assert phases[-1] is EventPhase.END
    assert set(phases[1:-1]) == {EventPhase.UPDATE}
    assert all(event.verdict == verdict for event in camera.said), "every message carries it"


@pytest.mark.parametrize("stops", [False, True], ids=["it leaves", "the camera stops"])
def test_the_verdict_keeps_the_best_score_that_its_object_ever_had(stops: bool) -> None:
    camera = Camera()
    camera.empty(12)
    first_s = camera.time_s + 1 / FPS
    for step in range(30):
        x = 100 + 12.0 * step
        camera.look(Thing((x, 150, x + 40, 250), 1, first_s, PERSON, score=0.9 if step == 20 else 0.5))
    assert camera.chain is not None
    last = camera.chain.finish(camera.engine.finish(camera.time_s))[-1] if stops else camera.empty(3)[-1]
    begun = camera.begun()[0].verdict
    assert last.phase is EventPhase.END
    assert begun is not None
    assert last.verdict is not None
    assert (begun.best_score, last.verdict.best_score) == pytest.approx((0.5, 0.9)), "also what came after it was told"
    assert Verdict.from_plain(last.verdict.plain()).best_score == pytest.approx(0.9)
    older = {name: value for name, value in last.verdict.plain().items() if name != "best_score"}
    assert Verdict.from_plain(older).best_score is None, "an older version stored none"


def test_a_post_that_looks_as_ever_is_held_back_then_suppressed_and_stays_so() -> None:
    camera = Camera()
    camera.empty(12)
    start_s = camera.time_s
    post = Thing(POST, 1, start_s + 1 / FPS)
    assert camera.stands(post, 2.9) == [], "a second of dwell, two of doubt"
    camera.stands(post, 6)
    camera.empty(3)
    assert camera.told == []
    (event,) = camera.suppressed
    assert event.verdict is not None
    assert event.verdict.suppressed_by == "background"
    assert event.verdict.took_s == pytest.approx(2.0, abs=0.25)
    assert event.phase is EventPhase.END, "it is stored to its end"
    assert camera.begun()[0].is_suppressed
    assert camera.chain is not None
    assert camera.chain.suppressed == {"background": 1}
    assert camera.chain.told == 0


def test_who_stands_still_at_first_is_believed_as_soon_as_he_moves() -> None:
    camera = Camera(only("displacement"))
    camera.empty(2)
    first_s = camera.time_s + 1 / FPS
    camera.stands(Thing((300, 120, 340, 220), 1, first_s, PERSON), 6)
    assert [event.is_suppressed for event in camera.begun()] == [True]
    said = []
    for step in range(10):
        x = 300 + 12 * step
        said += camera.look(Thing((x, 120, x + 40, 220), 1, first_s, PERSON))
    believed = [event for event in said if not event.is_suppressed]
    assert believed
    assert believed[0].event_id == camera.begun()[0].event_id
    assert believed[0].verdict is not None
    assert believed[0].verdict.revised
    camera.stands(Thing((430, 120, 470, 220), 1, first_s, PERSON), 3)
    camera.empty(3)
    assert len(camera.told) == 1, "what was believed is never taken back"


def test_who_was_not_there_before_is_told_though_he_stands() -> None:
    camera = Camera()
    camera.empty(12)
    camera.stands(Thing((300, 120, 340, 220), 1, camera.time_s + 1 / FPS, PERSON), 4)
    (event,) = camera.told
    assert event.verdict is not None
    words = {finding.step: finding.words for finding in event.verdict.findings}
    assert "stands still, but" in words["displacement"]


def test_an_event_that_ends_while_it_is_held_back_is_decided_by_what_is_known() -> None:
    camera = Camera(VerifyConfig(hold_s=10))
    camera.empty(12)
    camera.stands(Thing(POST, 1, camera.time_s + 1 / FPS), 2)
    camera.empty(3)
    assert camera.said == [], "it is over, but its object may still show what it is"
    camera.empty(8)
    (message,) = camera.said
    assert message.phase is EventPhase.END
    assert message.is_suppressed


def test_a_camera_that_stops_decides_what_is_held_back() -> None:
    camera = Camera(VerifyConfig(hold_s=10))
    camera.empty(12)
    camera.stands(Thing(POST, 1, camera.time_s + 1 / FPS), 2)
    assert camera.chain is not None
    (message,) = camera.chain.finish(camera.engine.finish(camera.time_s))
    assert message.phase is EventPhase.END
    assert message.is_suppressed
    assert camera.chain.finish([]) == []


@pytest.mark.parametrize("step", USUAL)
def test_every_step_can_be_switched_off(step: str) -> None:
    camera = Camera(VerifyConfig.model_validate({step: {"enabled": False}}))
    camera.empty(12)
    camera.walks(4, track_id=1)
    (event,) = camera.told
    assert event.verdict is not None
    assert [finding.step for finding in event.verdict.findings] == [name for name in USUAL if name != step]


def test_without_steps_everything_is_told_at_once() -> None:
    camera = Camera(only())
    camera.stands(Thing(POST, 1, camera.time_s + 1 / FPS), 1.4)
    assert [event.phase for event in camera.said][:1] == [EventPhase.BEGIN]


def test_a_step_that_fails_has_no_say_and_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        name = "broken"

        def judge(self, case: Case) -> Opinion:
            raise RuntimeError("no such thing")

        def decided(self, case: Case, suppressed_by: str) -> None:
            raise RuntimeError("nor this")

    camera = Camera(only("persistence"))
    assert camera.chain is not None
    camera.chain._steps.append(Broken())  # type: ignore[arg-type]
    camera.walks(5, track_id=1)
    (event,) = camera.told
    assert event.verdict is not None
    assert event.verdict.findings[-1].passed is None
    assert "no such thing" in event.verdict.findings[-1].words
    assert camera.chain.failures["broken"] >= 1
    camera.chain.forget_view()  # which it does not even have
    assert caplog.text.count("step broken failed") == 1


@pytest.mark.parametrize(
    "answer",
    [
        None,
        Finding("odd", False),
        Opinion(Finding("odd", False, math.nan), sure=True),
        Opinion(Finding("odd", False, 1.0, math.inf), sure=True),
        Opinion(Finding("odd", False, "much"), sure=True),  # type: ignore[arg-type]
    ],
)
def test_a_step_that_answers_nonsense_has_no_say(answer: object) -> None:
    camera = Camera(only("persistence"))
    assert camera.chain is not None
    camera.chain._steps.append(Odd(answer))
    camera.walks(5, track_id=1)
    camera.empty(3)
    (event,) = camera.told
    assert event.verdict is not None
    assert (event.verdict.findings[-1].step, event.verdict.findings[-1].passed) == ("odd", None)
    assert camera.chain.failures["odd"] >= 1
    json.dumps(event.verdict.plain(), allow_nan=False)


def test_a_step_may_answer_with_numbers_of_numpy() -> None:
    camera = Camera(only("persistence"))
    assert camera.chain is not None
    camera.chain._steps.append(Odd(Opinion(Finding("", np.bool_(False), np.float32(0.5)), sure=np.bool_(True))))  # type: ignore[arg-type]
    camera.walks(5, track_id=1)
    camera.empty(3)
    (event,) = camera.suppressed
    assert event.verdict is not None
    assert event.verdict.suppressed_by == "odd"
    json.dumps(event.verdict.plain(), allow_nan=False)


def test_what_was_learnt_of_places_is_forgotten_with_the_view() -> None:
    camera = Camera()
    camera.empty(12)
    assert camera.chain is not None
    scene = camera.chain._around.scene
    (memory,) = [step for step in camera.chain._steps if isinstance(step, StaticMemory)]
    (size,) = [step for step in camera.chain._steps if isinstance(step, Size)]
    for number in range(4):
        camera.stands(Thing(POST, 10 + number, camera.time_s + 1 / FPS), 4)
        camera.empty(3)
    camera.walks(8, track_id=1)
    camera.empty(3)
    relative = (POST[0] / SIZE_WH[0], POST[1] / SIZE_WH[1], POST[2] / SIZE_WH[0], POST[3] / SIZE_WH[1])
    assert scene.knows(relative)
    assert memory._places
    assert size._scales
    assert len(camera.suppressed) == 4
    camera.chain.forget_view()
    assert not scene.knows(relative)
    assert not memory._places
    assert not size._scales
    camera.empty(12)
    assert scene.knows(relative), "it is learnt anew"


def test_a_rule_may_be_told_unasked() -> None:
    camera = Camera(chain=build_chain(VerifyConfig(), CLASSES, trusted=["night"]))
    camera.empty(12)
    camera.stands(Thing(POST, 1, camera.time_s + 1 / FPS), 2)
    (event,) = camera.told
    assert event.verdict is None


@pytest.mark.parametrize("real", [True, False])
def test_that_a_camera_stops_is_no_reason_to_believe_an_event_or_not_to(*, real: bool) -> None:
    camera = Camera()
    camera.empty(12)
    if real:
        camera.walks(4, track_id=1)
    else:
        camera.stands(Thing(POST, 1, camera.time_s + 1 / FPS), 5)
    camera.empty(0.6)  # out of sight, and not over yet
    (before,) = camera.events.values()
    assert camera.chain is not None
    (last,) = camera.chain.finish(camera.engine.finish(camera.time_s))
    assert last.phase is EventPhase.END
    assert last.verdict == before.verdict
    assert last.is_suppressed is not real


def test_what_is_over_when_it_is_told_is_looked_at_a_little_longer() -> None:
    """A crossing has one message. Who comes with a lamp is believed once he outlasts its jump, though no further message comes."""
    camera = Camera(only("light"))
    config = LineCrossingConfig(id="door", kind="line_crossing", line="door")
    door = Tripwire("door", np.array([[0.4, 0.0], [0.4, 1.0]]))
    camera.engine = RuleEngine("gate", [(config, LineCrossing(config, Scene("gate", SIZE_WH, CLASSES, lines={"door": door})))], epoch=1)
    camera.empty(12)
    camera.gain = 1.6
    camera.walks(5, track_id=1, start=(150, 150), pace_px=14)
    (event,) = camera.told
    assert event.phase is EventPhase.END
    assert event.verdict is not None
    assert event.verdict.took_s == 0.0 or event.verdict.findings[0].passed
    assert not camera.suppressed


def test_who_comes_straight_at_the_camera_is_told() -> None:
    camera = Camera()
    camera.empty(12)
    first_s = camera.time_s + 1 / FPS
    for step in range(30):
        height = 60 + 4 * step
        left, bottom = 320 - height * 0.2, 200 + height * 0.25
        camera.look(Thing((left, bottom - height, left + height * 0.4, bottom), 1, first_s, PERSON))
    (event,) = camera.told
    assert event.verdict is not None


def test_a_thing_that_is_never_found_again_does_not_hide_who_comes_after_it() -> None:
    camera = Camera(only("second_look"))
    scores = {POST: 0.0}
    assert camera.chain is not None
    camera.chain.look_again(lambda frame, box, name: next((s for b, s in scores.items() if abs(b[0] / 640 - box[0]) < 0.01), 0.9))
    first_s = camera.time_s + 1 / FPS
    camera.stands(Thing(POST, 1, first_s), 6)
    assert camera.told == []
    came_s = camera.time_s + 1 / FPS
    for step in range(15):
        x = 60 + 10 * step
        camera.look(Thing(POST, 1, first_s), Thing((x, 150, x + 40, 250), 2, came_s, PERSON))
    assert [event.is_suppressed for event in camera.events.values()] == [False]
