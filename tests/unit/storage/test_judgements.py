"""What the suggestions need of the database: judged events, their boxes, what was put aside, what was applied."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import update

from panops.config.rule_schema import IntrusionConfig
from panops.config.schema import CameraConfig
from panops.domain.errors import ConfigError
from panops.storage.audit import AuditLog
from panops.storage.database import Database
from panops.storage.errors import StaleEdit
from panops.storage.events import EventRepository, ReviewStatus
from panops.storage.judgements import MOST, JudgementStore
from panops.storage.put_aside import PutAside
from panops.storage.scope import SCOPE_NOTHING, Role, Scope
from panops.storage.site import SiteRepository
from panops.storage.tables import events
from panops.storage.trail import TrackTrail
from tests.unit.storage.makers import make_event

ALL = Scope.everything()
ONLY_GATE = Scope(Role.VIEWER, frozenset({"gate"}))


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with Database.at(tmp_path) as opened:
        yield opened


def fill(database: Database) -> None:
    stored = EventRepository(database)
    says = {"a": ReviewStatus.FALSE_ALARM, "b": ReviewStatus.TRUE_ALARM, "c": ReviewStatus.ACKNOWLEDGED, "d": None}
    for camera_id in ("gate", "yard"):
        for name, status in says.items():
            stored.save([make_event(f"{camera_id}-{name}", camera_id=camera_id)])
            if status is not None:
                stored.review(ALL, f"{camera_id}-{name}", status=status, user="olga", at_s=1.0)
            TrackTrail(database).save_trail(f"{camera_id}-{name}", [(1.0, [(1, "person", 0.5, (0.1, 0.2, 0.3, 0.4))])])


def test_judged_events_are_those_called_true_or_false(database: Database) -> None:
    fill(database)
    store = JudgementStore(database)
    assert [(one.event.event_id, one.false_alarm) for one in store.events(ALL)] == [
        ("gate-a", True), ("gate-b", False), ("yard-a", True), ("yard-b", False),
    ]  # fmt: skip
    assert [one.event.event_id for one in store.events(ONLY_GATE)] == ["gate-a", "gate-b"]
    assert store.events(SCOPE_NOTHING) == []


def test_of_each_camera_only_the_newest_count(database: Database) -> None:
    stored = EventRepository(database)
    stored.save(
        [make_event(f"{camera_id}-{number:04d}", camera_id=camera_id) for camera_id in ("gate", "yard") for number in range(MOST + 2)]
    )
    with database.session() as connection:
        connection.execute(update(events).values(status="false_alarm", reviewed_at_s=1.0))
        connection.execute(update(events).where(events.c.event_id.like("%0001")).values(reviewed_at_s=0.5))
    found = [one.event.event_id for one in JudgementStore(database).events(ALL)]
    assert len(found) == 2 * MOST
    assert "gate-0001" not in found


def test_a_damaged_event_silences_no_other(database: Database) -> None:
    fill(database)
    with database.session() as connection:
        connection.execute(update(events).where(events.c.event_id == "gate-a").values(details="{"))
    assert [one.event.event_id for one in JudgementStore(database).events(ONLY_GATE)] == ["gate-b"]


def test_many_trails_are_read_within_the_scope(database: Database) -> None:
    fill(database)
    trails = TrackTrail(database)
    wanted = ["gate-a", "yard-a", "nothing"]
    assert dict(trails.trails(ALL, wanted)) == {name: trails.trail(ALL, name) for name in ("gate-a", "yard-a")}
    assert [name for name, _ in trails.trails(ONLY_GATE, wanted)] == ["gate-a"]
    assert list(trails.trails(ALL, [])) == []


def test_what_is_put_aside_outlives_the_process_and_changes_no_site(database: Database, tmp_path: Path) -> None:
    aside, revision = PutAside(database), SiteRepository(database).revision()
    assert aside.ids() == frozenset()
    for name in ("1", "2", "1"):
        aside.add(name)
    aside.remove("2")
    aside.remove("3")
    with Database.at(tmp_path) as other:
        assert PutAside(other).ids() == {"1"}
        assert SiteRepository(other).revision() == revision
        assert SiteRepository(other).load().cameras == {}


def test_the_newest_entries_of_some_actions(database: Database) -> None:
    log = AuditLog(database)
    for number, action in enumerate(["a", "b", "a", "c"]):
        log.record(float(number), "ada", action)
    assert [entry.at_s for entry in log.newest_of(["a", "c"])] == [3.0, 2.0, 0.0]
    assert [entry.at_s for entry in log.newest_of(["a", "c"], limit=1)] == [3.0]
    assert log.newest_of([]) == ()


def test_a_camera_and_a_rule_are_written_together_or_not_at_all(database: Database) -> None:
    sites = SiteRepository(database)
    bare = CameraConfig.model_validate({"source": "sim://gate"})
    sites.put_camera("gate", bare)
    sites.put_rule(IntrusionConfig(id="night", kind="intrusion"))
    rule_etags, camera_etags = sites.etags()
    assert (rule_etags, camera_etags) == ({"night": sites.rule_etag("night")}, {"gate": sites.camera_etag("gate")})
    zoned = CameraConfig.model_validate({"source": "sim://gate", "zones": {"tree": {"polygon": [[0, 0], [1, 0], [1, 1]]}}})
    less = IntrusionConfig(id="night", kind="intrusion", leave_out=["tree"])
    with pytest.raises(StaleEdit):
        sites.put_both("gate", zoned, less, camera_etag=camera_etags["gate"], rule_etag="0")
    assert sites.load().cameras["gate"].zones == {}, "the camera was written first, and taken back"
    with pytest.raises(ConfigError):
        sites.put_both("gate", bare, less, camera_etag=None, rule_etag=None)
    sites.put_both("gate", zoned, less, camera_etag=camera_etags["gate"], rule_etag=rule_etags["night"])
    whole = sites.load()
    assert (list(whole.cameras["gate"].zones), whole.rules[0].leave_out) == (["tree"], ["tree"])
    revision = sites.revision()
    sites.put_both("gate", zoned, less, camera_etag=None, rule_etag=None)
    assert sites.revision() == revision, "nothing new"
