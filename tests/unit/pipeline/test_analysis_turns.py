"""Whose turn it is at the detector: every camera's comes, however often the others send."""

from __future__ import annotations

from panops.domain.clock import SystemClock
from panops.pipeline.analysis_loop import AnalysisLoop
from panops.pipeline.analyst import Analyst
from panops.pipeline.check import Check
from panops.tracking.tracker import BatchTracker

from .test_camera_loop import BoxDetector, frame, make_loop


def made(names: list[str]) -> tuple[AnalysisLoop, dict[str, int]]:
    loops = {name: make_loop(BoxDetector(), camera_id=name) for name in names}
    analysis = AnalysisLoop(Analyst(BatchTracker(), loops), loops, SystemClock(), lambda _: None)
    return analysis, dict.fromkeys(names, 0)


def check(name: str, number: int, *, replayed: bool = False) -> Check:
    return Check(name, frame(number, person=False, camera_id=name), 0.0, True, None, replayed)


def test_a_camera_that_sends_more_does_not_push_others_out() -> None:
    names = [f"cam-{number}" for number in range(40)]
    analysis, served = made(names)
    for tick in range(60):
        for name in names:
            for again in range(6 if name == "cam-0" else 1):  # one sends six times as often
                analysis.offer(check(name, 10 * tick + again))
        taken = analysis._take()  # eight of forty: five times too much to do
        assert len(taken) == len({one.camera_id for one in taken}) == 8
        for one in taken:
            served[one.camera_id] += 1
            # What comes to its turn is the newest of its camera.
            assert one.frame.sequence >= 10 * tick
    assert set(served.values()) == {12}


def test_what_was_slept_through_is_not_replaced_and_keeps_its_order() -> None:
    analysis, _ = made(["cam", "other"])
    for number in range(3):
        analysis.offer(check("cam", number, replayed=True))
    analysis.offer(check("cam", 3))
    analysis.offer(check("cam", 4))  # takes the place of 3, which came live
    analysis.offer(check("other", 0))
    assert not analysis.room("cam")
    assert analysis.room("other")
    order = [(one.camera_id, one.frame.sequence) for _ in range(5) for one in analysis._take()]
    assert order == [("cam", 0), ("other", 0), ("cam", 1), ("cam", 2), ("cam", 4)]
    assert analysis.waiting == 0
    assert analysis._loops["cam"].counters.dropped == {"superseded": 1}
