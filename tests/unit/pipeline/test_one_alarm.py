"""One person, one alarm: who is told of an event whose person raised an alarm before; and that nothing unclear is kept from anybody."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import delete

from panops.alerts.courier import Courier
from panops.config.load import parse_site
from panops.config.schema import EvidenceConfig, SiteConfig
from panops.domain.alerts import Alert, Delivery, DeliveryState, Moment
from panops.domain.clock import SystemClock
from panops.domain.errors import SinkUnreachable, StorageLocked
from panops.domain.events import Event, EventPhase, Incident, Severity
from panops.pipeline.alerting import Alerting
from panops.pipeline.one_alarm import PATIENCE_S, REVIEWED_BEFORE, TOLD_BEFORE, OneAlarm
from panops.pipeline.site_board import SiteBoard
from panops.pipeline.subscription import FeedHub
from panops.pipeline.switchboard import Switchboard
from panops.pipeline.upkeep import Upkeep
from panops.pipeline.wire import assignment
from panops.storage.database import Database
from panops.storage.embeddings import Embedding, EventEmbeddings
from panops.storage.events import EventRepository
from panops.storage.evidence import EvidenceStore
from panops.storage.home import Home
from panops.storage.outbox import Outbox
from panops.storage.records import ReviewStatus
from panops.storage.scope import Role, Scope
from panops.storage.sightings import Sightings
from panops.storage.tables import events as events_table
from panops.testing.fake_clock import FakeClock

EVERYTHING = Scope.everything()
NOW_S = 1_795_176_000.0
ADA, BEN = (1.0, 0.0, 0.1), (0.0, 1.0, 0.1)
ADA_AGAIN = (1.0, 0.3, 0.1)  # .96 like Ada, .29 like Ben
HOOK = "{id: hook, kind: webhook, url: 'http://x'}"


def site_of(*sinks: str, **changed: Any) -> SiteConfig:
    settings = {"groups": "[north]", "within_s": 120, "likeness": 0.8, **changed}
    one_alarm = ", ".join(f"{name}: {value}" for name, value in settings.items())
    return parse_site(f"""
cameras: {{gate: {{source: "sim://yard"}}, yard: {{source: "sim://yard"}}, shop: {{source: "sim://yard"}}}}
groups: {{north: [gate, yard]}}
alerts: [{", ".join(sinks or [HOOK])}]
one_alarm: {{{one_alarm}}}
""")


class Place:
    """A site with couriers over a real database, whose sinks note what they are given; a clock that stands still."""

    def __init__(self, folder: Path, site: SiteConfig) -> None:
        self.database = Database.at(folder).open()
        self.clock = FakeClock(NOW_S)
        self.events = EventRepository(self.database, self.clock)
        self.outbox, self.embeddings = Outbox(self.database), EventEmbeddings(self.database)
        self.told: list[str] = []
        self.alerts: list[Alert] = []
        self.fail: Callable[[Alert], Exception | None] = lambda alert: None
        self.start(site)

    def start(self, site: SiteConfig) -> None:
        """As after a restart: nothing is known but what is stored."""
        self.site = site
        self.one_alarm = OneAlarm(self.database, self.clock)
        self.one_alarm.follow(site)
        self.outbox.sync([sink.id for sink in site.alerts], self.clock.now_s)
        self.couriers = {sink.id: self._courier(sink) for sink in site.alerts}

    def _courier(self, sink: Any) -> Courier:
        receiver = _Receiver(self, sink.id)
        return Courier(sink, lambda: receiver, self.outbox, self._alert, self.clock, None, self.one_alarm.repeats)

    def _alert(self, delivery: Delivery) -> Alert | None:
        found = self.events.get(EVERYTHING, delivery.event_id)
        if found is None:
            return None
        return Alert(delivery.delivery_id, delivery.moment, found.event, found.event.camera_id, found.status.value)

    def happens(
        self,
        event_id: str,
        look: tuple[float, ...] | None = None,
        *,
        kind: str = "intrusion",
        severity: Severity = Severity.WARNING,
        tracks: tuple[int, ...] = (1,),
        ended: bool = False,
        class_name: str = "person",
    ) -> None:
        """An event at the camera its id begins with, now; with a picture in which somebody looks like that, unless nobody does."""
        now_s = self.clock.now_s
        phase, ended_s = (EventPhase.END, now_s) if ended else (EventPhase.BEGIN, None)
        incident = Incident("k", phase, kind, class_name, "", tracks, 0.9, now_s - 1.0, now_s, ended_s)
        self.events.save([Event(event_id, event_id.split("-", maxsplit=1)[0], "night", severity, incident)])
        if look is not None:
            self.looks(event_id, look)

    def looks(self, event_id: str, look: tuple[float, ...], model: str = "person_reid@1") -> None:
        vector = np.zeros(8, np.float32)
        vector[: len(look)] = look
        self.embeddings.save(event_id, Embedding(model, vector / np.linalg.norm(vector)))
        self.one_alarm.pictured(event_id)

    def run(self, seconds: float = 0.0) -> list[str]:
        """Do all that is due until then, as the couriers' threads would; what was told since the last time."""
        before, until_s = len(self.told), self.clock.now_s + seconds
        while True:
            pause_s = min(courier.step() for courier in self.couriers.values())
            if pause_s > 0:
                if self.clock.now_s + pause_s > until_s:
                    break
                self.clock.now_s += pause_s
        self.clock.now_s = until_s
        return self.told[before:]

    def delivery(self, event_id: str, sink_id: str = "hook", moment: Moment = Moment.BEGIN) -> Delivery:
        found = self.outbox.find(sink_id, event_id, moment)
        assert found is not None
        return found


class _Receiver:
    def __init__(self, place: Place, sink_id: str) -> None:
        self._place, self._sink_id = place, sink_id

    def deliver(self, alert: Alert) -> str:
        error = self._place.fail(alert)
        if error is not None:
            raise error
        self._place.told.append(f"{self._sink_id} {alert.event.event_id} {alert.moment.value}")
        self._place.alerts.append(alert)
        return "taken"

    def close(self) -> None:
        pass


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path, site_of())


def test_who_walks_to_the_next_camera_raises_one_alarm(place: Place) -> None:
    place.happens("gate-1", ADA)
    assert place.run() == ["hook gate-1 begin"]
    place.clock.now_s += 30
    place.happens("yard-1", ADA_AGAIN)
    place.happens("yard-1", ended=True)
    assert place.run(10.0) == []
    assert (place.delivery("yard-1").state, place.delivery("yard-1").answer) == (DeliveryState.SKIPPED, TOLD_BEFORE)
    assert place.delivery("yard-1", moment=Moment.END).state is DeliveryState.SKIPPED
    assert place.one_alarm.skipped == 1
    stored = place.events.get(EVERYTHING, "yard-1")
    assert stored is not None
    assert stored.status is ReviewStatus.NEW
    (seen,) = Sightings(place.database).seen(EVERYTHING, "gate-1")
    assert (seen.event_id, seen.camera_id, seen.is_first, seen.is_told) == ("yard-1", "yard", False, False)
    assert seen.likeness == pytest.approx(0.96, abs=0.01)
    (first,) = Sightings(place.database).seen(EVERYTHING, "yard-1")
    assert (first.event_id, first.is_first, first.is_told) == ("gate-1", True, True)


TOLD_ALL_THE_SAME: dict[str, Callable[[Place], None]] = {
    "somebody else": lambda place: place.happens("yard-1", BEN),
    "more severe": lambda place: place.happens("yard-1", ADA, severity=Severity.ALARM),
    "another kind": lambda place: place.happens("yard-1", ADA, kind="loitering"),
    "a kind that it is not for": lambda place: place.happens("yard-1", ADA, kind="fall"),
    "several people": lambda place: place.happens("yard-1", ADA, tracks=(1, 2)),
    "a camera that is in no such group": lambda place: place.happens("shop-1", ADA),
    "no person": lambda place: place.happens("yard-1", ADA, class_name="car"),
    "another model's look": lambda place: (place.happens("yard-1"), place.looks("yard-1", ADA, "other@1"))[0],
    "nobody large enough in the picture": lambda place: (place.happens("yard-1"), place.one_alarm.pictured("yard-1"))[0],
}


@pytest.mark.parametrize("what", TOLD_ALL_THE_SAME)
def test_what_says_more_or_nobody_can_tell_is_told_at_once(place: Place, what: str) -> None:
    place.happens("gate-1", ADA)
    place.run()
    TOLD_ALL_THE_SAME[what](place)
    (told,) = place.run()
    assert told.endswith("-1 begin")
    assert place.one_alarm.skipped == 0


def test_a_picture_that_does_not_come_is_waited_for_a_short_while(place: Place) -> None:
    place.happens("gate-1", ADA)
    place.run()
    place.happens("yard-1")
    assert place.run(PATIENCE_S - 0.1) == []
    assert place.run(0.2) == ["hook yard-1 begin"]


def test_a_picture_that_comes_a_little_late_is_in_time(place: Place) -> None:
    place.happens("gate-1", ADA)
    place.run()
    place.happens("yard-1")
    assert place.run(1.0) == []
    place.looks("yard-1", ADA)
    assert place.run(10.0) == []
    assert place.delivery("yard-1").answer == TOLD_BEFORE


@pytest.mark.parametrize(("after_s", "told"), [(110.0, []), (125.0, ["hook yard-1 begin"])])
def test_an_alarm_lasts_for_so_long(place: Place, after_s: float, told: list[str]) -> None:
    place.happens("gate-1", ADA, ended=True)
    place.run()
    place.clock.now_s += after_s
    place.happens("yard-1", ADA)
    assert place.run() == told


def test_who_was_told_of_a_severe_event_is_not_told_of_a_lesser_one(place: Place) -> None:
    place.happens("gate-1", ADA)
    place.happens("yard-1", ADA, severity=Severity.ALARM)
    assert place.run() == ["hook gate-1 begin", "hook yard-1 begin"]
    place.happens("gate-2", ADA_AGAIN, severity=Severity.ALARM)
    place.happens("yard-2", ADA_AGAIN)
    assert place.run(10.0) == []


def test_somebody_who_joins_an_event_that_was_not_told_is_told_of(place: Place) -> None:
    place.happens("gate-1", ADA)
    place.happens("yard-1", ADA)
    assert place.run() == ["hook gate-1 begin"]
    assert place.one_alarm.look_again() == 0
    place.happens("yard-1", tracks=(1, 2))
    assert place.one_alarm.look_again() == 1
    assert place.run() == ["hook yard-1 begin"]
    assert place.one_alarm.look_again() == 0


def test_a_sink_is_told_unless_it_was_told_itself(tmp_path: Path) -> None:
    place = Place(tmp_path, site_of(HOOK, "{id: yard-only, kind: file, path: /dev/null, cameras: [yard]}"))
    place.happens("gate-1", ADA)
    place.happens("yard-1", ADA)
    place.happens("yard-2", ADA)
    assert place.run(10.0) == ["hook gate-1 begin", "yard-only yard-1 begin"]


def test_a_sink_can_want_every_camera(tmp_path: Path) -> None:
    place = Place(tmp_path, site_of(HOOK, "{id: home, kind: mqtt, host: x, every_camera: true}"))
    place.happens("gate-1", ADA)
    place.happens("yard-1", ADA)
    assert sorted(place.run(10.0)) == ["home gate-1 begin", "home yard-1 begin", "hook gate-1 begin"]


def test_while_the_first_waits_for_its_receiver_the_others_do_too(place: Place) -> None:
    place.fail = lambda alert: SinkUnreachable("500")
    place.happens("gate-1", ADA)
    place.happens("yard-1", ADA)
    assert place.run(60.0) == []
    place.fail = lambda alert: None
    assert place.run(300.0) == ["hook gate-1 begin"]
    assert place.delivery("yard-1").answer == TOLD_BEFORE


def test_when_the_first_is_given_up_the_next_is_told(tmp_path: Path) -> None:
    place = Place(tmp_path, site_of("{id: hook, kind: webhook, url: 'http://x', give_up_after_s: 60}"))
    place.fail = lambda alert: SinkUnreachable("500") if alert.event.event_id == "gate-1" else None
    place.happens("gate-1", ADA)
    place.happens("yard-1", ADA)
    assert place.run(600.0) == ["hook yard-1 begin"]
    assert place.delivery("gate-1").state is DeliveryState.DEAD


def test_of_two_that_wait_one_waits_for_the_other(tmp_path: Path) -> None:
    place = Place(tmp_path, site_of("{id: hook, kind: webhook, url: 'http://x', after_s: 20}"))
    place.happens("gate-1", ADA)
    place.happens("yard-1", ADA)
    place.clock.now_s += 5
    place.happens("gate-2", ADA)
    assert place.run(60.0) == ["hook gate-1 begin"]


def test_what_was_dropped_in_quiet_hours_keeps_nothing_back_afterwards(tmp_path: Path) -> None:
    quiet = "quiet: [{start: '11:00', end: '12:00'}]"
    place = Place(tmp_path, site_of("{id: hook, kind: webhook, url: 'http://x', " + quiet + "}"))
    place.couriers["hook"]._timing._quiet.active = lambda now_s: now_s < NOW_S + 10  # type: ignore[union-attr, method-assign]
    place.happens("gate-1", ADA)
    assert place.run(10.0) == []
    assert place.delivery("gate-1").answer == "quiet hours"
    place.happens("yard-1", ADA)
    place.happens("gate-2", ADA)
    assert place.run() == ["hook yard-1 begin"]


def test_a_false_alarm_keeps_nothing_back(place: Place) -> None:
    place.happens("gate-1", ADA)
    place.run()
    place.events.review(EVERYTHING, "gate-1", status=ReviewStatus.FALSE_ALARM, user="ada", at_s=NOW_S)
    place.happens("yard-1", ADA)
    assert place.run() == ["hook yard-1 begin"]


@pytest.mark.parametrize("is_reviewed", [False, True])
def test_an_escalation_asks_whether_the_persons_alarm_was_reviewed(tmp_path: Path, is_reviewed: bool) -> None:
    chief = "{id: chief, kind: webhook, url: 'http://x', after_s: 60, unless_reviewed: true}"
    place = Place(tmp_path, site_of(HOOK, chief))
    place.happens("gate-1", ADA)
    place.happens("yard-1", ADA)
    assert place.run(30.0) == ["hook gate-1 begin"]
    if is_reviewed:
        place.events.review(EVERYTHING, "gate-1", status=ReviewStatus.ACKNOWLEDGED, user="ada", at_s=NOW_S)
    assert place.run(60.0) == ([] if is_reviewed else ["chief gate-1 begin"])
    assert place.delivery("yard-1", "chief").answer == (REVIEWED_BEFORE if is_reviewed else TOLD_BEFORE)


def test_who_is_told_of_clips_only_gets_one(tmp_path: Path) -> None:
    place = Place(tmp_path, site_of("{id: hook, kind: webhook, url: 'http://x', moments: [end]}"))
    for name in ("gate-1", "yard-1"):
        place.happens(name, ADA)
        place.happens(name, ended=True)
    assert place.run(10.0) == ["hook gate-1 end"]


def test_nobody_is_told_again_beside_another_event(tmp_path: Path) -> None:
    place = Place(tmp_path, site_of("{id: hook, kind: webhook, url: 'http://x', group_s: 30}"))
    place.happens("gate-1", ADA)
    place.happens("yard-1", BEN)
    place.run()
    place.happens("yard-2", ADA)
    place.happens("yard-3", (0.0, 0.0, 1.0))
    assert place.run(60.0) == ["hook yard-3 begin"]
    assert place.alerts[-1].others == ()


def test_a_restart_between_two_events_and_one_before_a_delivery_is_closed_change_nothing(place: Place) -> None:
    place.happens("gate-1", ADA)
    place.run()
    place.start(place.site)
    place.happens("yard-1", ADA)
    assert place.one_alarm.repeats(place.delivery("yard-1"), place._alert(place.delivery("yard-1")).event).skip  # type: ignore[union-attr]
    assert place.delivery("yard-1").state is DeliveryState.WAITING  # killed here
    place.start(place.site)
    assert place.run(10.0) == []
    assert place.delivery("yard-1").answer == TOLD_BEFORE


@pytest.mark.parametrize("error", [StorageLocked("busy"), ZeroDivisionError("a fault of ours")])
def test_an_alarm_that_nobody_can_look_into_is_told(place: Place, error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    place.happens("gate-1", ADA)
    place.run()

    def fails(*args: Any) -> None:
        raise error

    monkeypatch.setattr(place.one_alarm._sightings, "find", fails)
    place.happens("yard-1", ADA)
    assert place.run() == ["hook yard-1 begin"]


def test_switched_off_every_alarm_is_told(tmp_path: Path) -> None:
    place = Place(tmp_path, site_of(groups="[]"))
    place.happens("gate-1", ADA)
    place.happens("yard-1", ADA)
    assert place.run() == ["hook gate-1 begin", "hook yard-1 begin"]
    assert place.one_alarm.look_again() == 0


def test_a_sighting_goes_with_its_event_and_with_the_first(place: Place) -> None:
    place.happens("gate-1", ADA)
    place.happens("yard-1", ADA)
    place.run()
    with place.database.session() as connection:
        connection.execute(delete(events_table).where(events_table.c.event_id == "gate-1"))
    assert Sightings(place.database).get("yard-1") is None
    assert place.events.get(EVERYTHING, "yard-1") is not None


def test_whoever_may_not_see_the_first_camera_learns_nothing_of_it(place: Place) -> None:
    place.happens("gate-1", ADA)
    place.happens("yard-1", ADA)
    place.happens("yard-2", ADA)
    place.run()
    yard, gate = Scope(Role.OPERATOR, frozenset({"yard"})), Scope(Role.OPERATOR, frozenset({"gate"}))
    sightings = Sightings(place.database)
    assert [seen.event_id for seen in sightings.seen(EVERYTHING, "yard-1")] == ["gate-1", "yard-2"]
    assert sightings.seen(yard, "yard-1") == ()
    assert sightings.seen(gate, "gate-1") == ()
    assert sightings.seen(yard, "gate-1") == ()
    assert sightings.hidden(yard, ["yard-1", "yard-2"]) == {"yard-1", "yard-2"}
    assert sightings.hidden(EVERYTHING, ["yard-1"]) == frozenset()


def test_what_people_look_like_stays_only_as_long_as_it_tells_alarms_apart(place: Place) -> None:
    place.happens("gate-1", ADA)
    place.happens("shop-1", ADA)
    place.clock.now_s += 100
    place.happens("gate-2", ADA)
    assert place.embeddings.forget({"gate", "yard"}, place.clock.now_s - 60) == 2
    assert place.embeddings.get(EVERYTHING, "gate-2") is not None
    assert place.embeddings.forget({"gate", "yard"}, place.clock.now_s - 60) == 0
    assert place.embeddings.forget() == 1


def test_switched_off_what_people_look_like_goes_with_the_next_clean_up(place: Place, tmp_path: Path) -> None:
    alerting = Alerting(place.database, EvidenceStore(place.database, tmp_path), place.clock, Switchboard(place.database, place.clock))
    store, board = EvidenceStore(place.database, tmp_path), SiteBoard(FeedHub(lambda: None))
    upkeep = Upkeep(Home(tmp_path / "home").create(), place.database, store, alerting, board, place.clock)
    for name in ("gate-1", "yard-1", "shop-1"):
        place.happens(name, ADA)
    place.clock.now_s += 100
    upkeep._forget_looks(site_of().model_copy(update={"evidence": EvidenceConfig(find_again="person_reid")}))
    assert place.embeddings.count() == 3
    upkeep._forget_looks(site_of())
    assert place.embeddings.count() == 2
    upkeep._forget_looks(site_of(within_s=90))
    assert place.embeddings.count() == 0
    place.happens("gate-2", ADA)
    upkeep._forget_looks(site_of(groups="[]"))
    assert place.embeddings.count() == 0


def test_a_camera_of_such_a_group_is_told_to_keep_what_people_look_like() -> None:
    site = site_of()
    assert [assignment(site, camera)["evidence"]["find_again"] for camera in ("gate", "shop")] == ["person_reid", ""]


def test_a_file_gets_one_line_for_one_person(tmp_path: Path) -> None:
    lines = tmp_path / "alarms.jsonl"
    database, clock = Database.at(tmp_path / "home").open(), SystemClock()
    alerting = Alerting(database, EvidenceStore(database, tmp_path / "evidence"), clock, Switchboard(database, clock))
    alerting.follow(site_of(f"{{id: log, kind: file, path: '{lines}', moments: [begin]}}"))
    events, embeddings, outbox = EventRepository(database, clock), EventEmbeddings(database), Outbox(database)
    for number, (camera, look) in enumerate([("gate", ADA), ("yard", ADA_AGAIN), ("yard", BEN)]):
        now_s, event_id = clock.utc_s(), f"{camera}-1-{number}"
        incident = Incident("k", EventPhase.BEGIN, "intrusion", "person", "", (1,), 0.9, now_s, now_s)
        events.save([Event(event_id, camera, "night", Severity.ALARM, incident)])
        alerting.wake()
        vector = np.zeros(8, np.float32)
        vector[:3] = look
        embeddings.save(event_id, Embedding("person_reid@1", vector / np.linalg.norm(vector)))
        alerting.wake(event_id)
        _wait_until(partial(_is_closed, outbox, event_id))
    alerting.stop()
    told = [json.loads(line)["event"]["event_id"] for line in lines.read_text().splitlines()]
    assert told == ["gate-1-0", "yard-1-2"]
    assert alerting.seen_again == 1
    database.close()


def _is_closed(outbox: Outbox, event_id: str) -> bool:
    found = outbox.find("log", event_id, Moment.BEGIN)
    return found is not None and found.state is not DeliveryState.WAITING


def _wait_until(condition: Callable[[], bool]) -> None:
    until_s = time.monotonic() + 10.0
    while not condition():
        assert time.monotonic() < until_s, "waited in vain"
        time.sleep(0.02)
