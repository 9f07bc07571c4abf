from __future__ import annotations

import threading
from pathlib import Path

import pytest

from panops.config.schema import SiteConfig
from panops.domain.alerts import DeliveryState, Moment
from panops.domain.events import Event, EventPhase, Incident, Severity
from panops.domain.switches import Switch, SwitchedOff
from panops.domain.verdicts import Finding, Verdict
from panops.storage.database import Database
from panops.storage.errors import NotAllowed, NotFound, OffInSettings
from panops.storage.events import EventRepository
from panops.storage.outbox import Outbox
from panops.storage.scope import Role, Scope
from panops.storage.site import SiteRepository
from panops.storage.switches import SwitchStore
from panops.testing.fake_clock import FakeClock

EVERYTHING = Scope.everything()
OPERATOR = Scope(Role.OPERATOR, None)
SITE = {"cameras": {"gate": {"source": "sim://gate"}, "yard": {"source": "sim://yard"}, "dock": {"source": "sim://room", "enabled": False}}}


def apply(database: Database, site: object = SITE, *, keep_edits: bool = True) -> None:
    SiteRepository(database).apply(SiteConfig.model_validate(site), keep_edits=keep_edits)


@pytest.fixture
def database(tmp_path: Path) -> Database:
    found = Database.at(tmp_path).open()
    apply(found)
    return found


def switch(
    database: Database, camera_id: str, what: Switch, *, on: bool, scope: Scope = OPERATOR, by: str = "oscar", at_s: float = 5.0
) -> bool:
    return SwitchStore(database).switch(scope, camera_id, what, on=on, by=by, at_s=at_s)


def test_what_is_off_says_since_when_and_by_whom_and_is_there_after_a_restart(database: Database, tmp_path: Path) -> None:
    before = SiteRepository(database).revision()
    assert switch(database, "gate", Switch.ALERTS, on=False, by="MQTT sink home")
    assert switch(database, "gate", Switch.DETECT, on=False, at_s=7.0)
    assert SiteRepository(database).revision() == before + 2  # whoever runs the camera looks at this
    database.close()
    with Database.at(tmp_path) as again:
        off = SwitchStore(again).off(EVERYTHING)
        assert off == {"gate": (SwitchedOff(Switch.DETECT, 7.0, "oscar"), SwitchedOff(Switch.ALERTS, 5.0, "MQTT sink home"))}
        assert switch(again, "gate", Switch.ALERTS, on=True)
        assert SwitchStore(again).off(EVERYTHING) == {"gate": (SwitchedOff(Switch.DETECT, 7.0, "oscar"),)}


def test_what_is_as_it_was_changes_nothing(database: Database) -> None:
    assert not switch(database, "gate", Switch.ALERTS, on=True)
    assert switch(database, "gate", Switch.ALERTS, on=False)
    before = SiteRepository(database).revision()
    assert not switch(database, "gate", Switch.ALERTS, on=False, by="vera", at_s=99.0)
    assert SwitchStore(database).off(EVERYTHING)["gate"] == (SwitchedOff(Switch.ALERTS, 5.0, "oscar"),)
    assert SiteRepository(database).revision() == before


def test_who_may_not_sees_and_switches_nothing(database: Database) -> None:
    switch(database, "yard", Switch.ALERTS, on=False)
    only_gate = Scope(Role.OPERATOR, frozenset({"gate"}))
    assert SwitchStore(database).off(only_gate) == {}
    for camera_id in ("yard", "nobody"):
        with pytest.raises(NotFound, match=f"no camera '{camera_id}' that this user may see"):
            switch(database, camera_id, Switch.ALERTS, on=True, scope=only_gate)
    with pytest.raises(NotAllowed, match="needs the role operator, got viewer"):
        switch(database, "yard", Switch.ALERTS, on=True, scope=Scope(Role.VIEWER, None))
    assert set(SwitchStore(database).off(EVERYTHING)) == {"yard"}


def test_what_the_settings_switch_off_only_they_switch_on(database: Database) -> None:
    with pytest.raises(OffInSettings, match="off in its settings"):
        switch(database, "dock", Switch.ENABLED, on=True)
    assert switch(database, "dock", Switch.ENABLED, on=False)  # it stays off when the settings switch it on
    assert switch(database, "dock", Switch.ENABLED, on=True)


def test_a_site_file_leaves_switches_as_they_are_until_the_camera_goes(database: Database) -> None:
    switch(database, "gate", Switch.ALERTS, on=False)
    changed = {"cameras": {**SITE["cameras"], "gate": {"source": "sim://gate", "name": "New name"}}}
    for keep_edits in (True, False):
        apply(database, changed, keep_edits=keep_edits)
        assert set(SwitchStore(database).off(EVERYTHING)) == {"gate"}
    apply(database, {"cameras": {"yard": {"source": "sim://yard"}}})
    apply(database)
    assert SwitchStore(database).off(EVERYTHING) == {}


def test_editing_a_camera_by_hand_leaves_its_switches(database: Database) -> None:
    switch(database, "gate", Switch.ALERTS, on=False)
    sites = SiteRepository(database)
    etag = sites.camera_etag("gate")
    sites.put_camera("gate", sites.load().cameras["yard"], etag=etag)  # the switch did not make the edit stale
    assert set(SwitchStore(database).off(EVERYTHING)) == {"gate"}
    sites.delete_camera("gate")
    assert SwitchStore(database).off(EVERYTHING) == {}


def test_two_hands_at_once(database: Database) -> None:
    before, changed = SiteRepository(database).revision(), []
    hands = [threading.Thread(target=lambda: changed.append(switch(database, "gate", Switch.ALERTS, on=False))) for _ in range(8)]
    for hand in hands:
        hand.start()
    for hand in hands:
        hand.join()
    assert sorted(changed) == [False] * 7 + [True]
    assert SiteRepository(database).revision() == before + 1


# --- nobody is told ----------------------------------------------------------------------------------------------------------------


def event(number: int, camera: str = "gate", *, began_at_s: float = 100.0, ended_at_s: float | None = None, believed: bool = True) -> Event:
    phase = EventPhase.BEGIN if ended_at_s is None else EventPhase.END
    incident = Incident("zone", phase, "intrusion", "person", "area", (1,), 0.8, began_at_s, ended_at_s or began_at_s + 1, ended_at_s)
    verdict = None if believed else Verdict((Finding("displacement", False, 0.1, 0.25, "It came 0.1 of its own size."),), 2.0)
    return Event(f"{camera}-1-{number}", camera, "night", Severity.ALARM, incident, verdict=verdict)


def fates(database: Database, event_id: str) -> dict[str, tuple[DeliveryState, str]]:
    return {delivery.moment.value: (delivery.state, delivery.answer) for delivery in Outbox(database).log(EVERYTHING, event_id=event_id)}


def test_of_what_begins_while_alerts_are_off_nobody_is_told_and_the_event_says_why(database: Database) -> None:
    outbox, events = Outbox(database), EventRepository(database, FakeClock(1000.0))
    outbox.sync(["phone"], 0.0)
    off_s = 1_795_957_320.0
    switch(database, "gate", Switch.ALERTS, on=False, by="MQTT sink home", at_s=off_s)
    events.save([event(1, began_at_s=off_s), event(1, "yard"), event(2, began_at_s=off_s + 2, ended_at_s=off_s + 10)])
    why = "alerts of the camera are off since 2026-11-29 13:02 UTC, by MQTT sink home"
    assert fates(database, "gate-1-1") == {"begin": (DeliveryState.SKIPPED, why)}
    assert fates(database, "gate-1-2")["begin"] == (DeliveryState.SKIPPED, why)
    assert fates(database, "yard-1-1") == {"begin": (DeliveryState.WAITING, "")}
    skipped = outbox.find("phone", "gate-1-1", Moment.BEGIN)
    assert skipped is not None
    assert (skipped.attempts, skipped.closed_at_s) == (0, 1000.0)
    switch(database, "gate", Switch.ALERTS, on=True)
    events.save([event(1, began_at_s=off_s, ended_at_s=off_s + 20), event(3, began_at_s=off_s + 15)])
    assert fates(database, "gate-1-1")["begin"] == (DeliveryState.SKIPPED, why)  # it is not told afterwards, either
    assert fates(database, "gate-1-3") == {"begin": (DeliveryState.WAITING, "")}
    assert events.counts(EVERYTHING).total == 4  # all of them are stored


def test_what_began_before_is_told_to_its_end(database: Database) -> None:
    outbox, events = Outbox(database), EventRepository(database, FakeClock(1000.0))
    outbox.sync(["phone"], 0.0)
    events.save([event(1)])
    switch(database, "gate", Switch.ALERTS, on=False, at_s=110.0)
    events.save([event(1, ended_at_s=120.0)])
    assert {moment: state for moment, (state, _) in fates(database, "gate-1-1").items()} == {
        "begin": DeliveryState.WAITING, "end": DeliveryState.WAITING,
    }  # fmt: skip


def test_what_began_before_and_is_stored_only_now_is_told(database: Database) -> None:
    # The chain held it for a moment, or it comes from the journal of a process that died.
    Outbox(database).sync(["phone"], 0.0)
    switch(database, "gate", Switch.ALERTS, on=False, at_s=1000.0)
    EventRepository(database, FakeClock(1002.0)).save([event(1, began_at_s=998.0)])
    assert fates(database, "gate-1-1") == {"begin": (DeliveryState.WAITING, "")}


def test_what_began_while_alerts_were_off_is_not_told_when_it_is_believed_later(database: Database) -> None:
    outbox, events = Outbox(database), EventRepository(database, FakeClock(1000.0))
    outbox.sync(["phone"], 0.0)
    switch(database, "gate", Switch.ALERTS, on=False)
    events.save([event(1, believed=False), event(1, "yard", believed=False)])
    assert fates(database, "gate-1-1")["begin"][0] is DeliveryState.SKIPPED
    assert fates(database, "yard-1-1") == {}  # of a false alarm there is nothing to tell
    switch(database, "gate", Switch.ALERTS, on=True)
    events.save([event(1), event(1, "yard")])
    assert fates(database, "gate-1-1")["begin"][0] is DeliveryState.SKIPPED
    assert fates(database, "yard-1-1")["begin"][0] is DeliveryState.WAITING


@pytest.mark.parametrize("what", [Switch.DETECT, Switch.ENABLED])
def test_the_other_switches_silence_nobody(database: Database, what: Switch) -> None:
    Outbox(database).sync(["phone"], 0.0)
    switch(database, "gate", what, on=False)
    EventRepository(database).save([event(1)])
    assert fates(database, "gate-1-1")["begin"][0] is DeliveryState.WAITING
