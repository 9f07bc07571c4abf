"""After ten false alarms of one tarp, no more of it; whoever walks in front of it is still told."""

from __future__ import annotations

from pathlib import Path

from panops.storage.database import Database
from panops.storage.events import EventRepository, ReviewStatus
from panops.storage.judgements import JudgementStore
from panops.storage.scope import Role, Scope
from tests.unit.verify.story import Camera

OPERATOR = Scope(Role.OPERATOR, None)


def teach(camera: Camera, database: Database, said: dict[str, ReviewStatus]) -> None:
    """Store what the camera said, have somebody judge it, and let the chain know, as a shard does."""
    events = EventRepository(database)
    events.save(list(camera.events.values()))
    for event_id, status in said.items():
        events.review(OPERATOR, event_id, status=status, user="olga", at_s=camera.time_s)
    assert camera.chain is not None
    camera.chain.learn(JudgementStore(database).of(["gate"]).get("gate", ()))


def test_after_ten_marks_of_one_tarp_no_more_of_it_but_who_walks_in_front_is_told(tmp_path: Path) -> None:
    camera = Camera()
    camera.empty(12)
    with Database.at(tmp_path) as database:
        for visit in range(10):
            camera.flaps(4, track_id=visit + 1)
            camera.empty(4)
        marked = [event.event_id for event in camera.told]
        assert len(marked) == 10, "until somebody says so, a tarp is as good as anything that moves"
        teach(camera, database, dict.fromkeys(marked, ReviewStatus.FALSE_ALARM))
        for visit in range(20, 25):
            camera.flaps(5, track_id=visit)
            camera.empty(4)
        assert len(camera.told) == 10, "no more of it"
        assert len(camera.suppressed) == 5
        findings = [{one.step: one.passed for one in event.verdict.findings} for event in camera.suppressed if event.verdict]
        assert [found["feedback"] for found in findings] == [False] * 5

        camera.walks(8, track_id=30, start=(250, 190), pace_px=8)  # right in front of it
        camera.empty(4)
        assert len(camera.told) == 11

        # It can be taken back: then the tarp is told again.
        teach(camera, database, dict.fromkeys(marked, ReviewStatus.NEW))
        camera.flaps(4, track_id=40)
        camera.empty(4)
        assert len(camera.told) == 12


def test_what_was_called_true_and_looks_more_alike_wins(tmp_path: Path) -> None:
    camera = Camera()
    camera.empty(12)
    with Database.at(tmp_path) as database:
        for visit in range(2):
            camera.flaps(4, track_id=visit + 1)
            camera.empty(4)
        first, second = (event.event_id for event in camera.told)
        teach(camera, database, {first: ReviewStatus.FALSE_ALARM})
        camera.flaps(4, track_id=5)
        camera.empty(4)
        assert len(camera.told) == 2
        teach(camera, database, {first: ReviewStatus.NEW, second: ReviewStatus.TRUE_ALARM})
        camera.flaps(4, track_id=6)
        camera.empty(4)
        assert len(camera.told) == 3


def test_judgements_come_newest_last_with_what_the_chain_knew(tmp_path: Path) -> None:
    camera = Camera()
    camera.empty(12)
    camera.walks(5, track_id=1)
    camera.empty(3)
    camera.walks(5, track_id=2)
    camera.empty(3)
    first, second = (event.event_id for event in camera.told)
    with Database.at(tmp_path) as database:
        store, events = JudgementStore(database), EventRepository(database)
        events.save(list(camera.events.values()))
        assert store.of(["gate"]) == {}
        assert store.revision() == 0
        events.review(OPERATOR, second, status=ReviewStatus.FALSE_ALARM, user="olga", at_s=1.0)
        events.review(OPERATOR, first, status=ReviewStatus.TRUE_ALARM, user="olga", at_s=2.0)
        assert store.revision() == 2
        said = store.of(["gate", "yard"])
        assert [(one.event_id, one.false_alarm) for one in said["gate"]] == [(second, True), (first, False)]
        assert all(one.box and one.appearance and one.travelled and one.travelled > 0.2 for one in said["gate"])
        events.review(OPERATOR, first, status=ReviewStatus.ACKNOWLEDGED, user="olga", at_s=3.0)
        assert [one.event_id for one in store.of(["gate"])["gate"]] == [second], "acknowledged says nothing of true or false"
