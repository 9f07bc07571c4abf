"""The courier with a real outbox in a real database, a clock that stands still, and a sink that does as it is told."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from panops.alerts.courier import Courier
from panops.config.alert_schema import EmailConfig, FileConfig, MqttConfig, WebhookConfig
from panops.domain.alerts import Alert, Delivery, DeliveryState, Moment
from panops.domain.errors import SinkRefused, SinkUnreachable, StorageFull
from panops.domain.events import Event, EventPhase, EvidenceKind, Severity
from panops.storage.database import Database
from panops.storage.events import EventRepository
from panops.storage.outbox import Outbox
from panops.storage.records import ReviewStatus
from panops.storage.scope import Scope
from panops.testing.fake_clock import FakeClock

from .makers import NOON_S, make_event

EVERYTHING = Scope.everything()
ZONE = ZoneInfo("UTC")


class ScriptedSink:
    """Notes what it is given, unless it is told to fail."""

    def __init__(self) -> None:
        self.alerts: list[Alert] = []
        self.fail: Callable[[Alert], Exception | None] = lambda alert: None
        self.closed = 0
        self.problem = ""

    def deliver(self, alert: Alert) -> str:
        error = self.fail(alert)
        if error is not None:
            raise error
        self.alerts.append(alert)
        return "taken"

    def close(self) -> None:
        self.closed += 1

    @property
    def told(self) -> list[str]:
        return [f"{alert.event.event_id} {alert.moment.value}" for alert in self.alerts]


def wait_until(condition: Callable[[], Any]) -> None:
    until_s = time.monotonic() + 5.0
    while not condition():
        assert time.monotonic() < until_s, "waited in vain"
        time.sleep(0.02)


class Site:
    """A database, a sink and its courier."""

    def __init__(self, folder: Path, config: Any) -> None:
        self.database = Database.at(folder).open()
        self.clock = FakeClock(NOON_S)
        self.events = EventRepository(self.database, self.clock)
        self.outbox = Outbox(self.database)
        self.outbox.sync([config.id], NOON_S)
        self.sink = ScriptedSink()
        self.pictures: dict[str, Path] = {}
        self.courier = self.new_courier(config)

    def new_courier(self, config: Any) -> Courier:
        return Courier(config, lambda: self.sink, self.outbox, self.alert, self.clock, None)

    def alert(self, delivery: Delivery) -> Alert | None:
        found = self.events.get(EVERYTHING, delivery.event_id)
        if found is None:
            return None
        picture = self.pictures.get(delivery.event_id)
        files = {EvidenceKind.SNAPSHOT: picture} if picture else {}
        return Alert(delivery.delivery_id, delivery.moment, found.event, "Gate", found.status.value, files)

    def happens(self, *numbers: int, ended: bool = False, **fields: Any) -> None:
        for number in numbers:
            settings: dict[str, Any] = {"phase": EventPhase.END, "ended_at_s": NOON_S + 1} if ended else {}
            self.events.save([make_event(number, **settings, **fields)])

    def run(self, seconds: float = 0.0) -> None:
        """Do all that is due until then, as the courier's thread would."""
        until_s = self.clock.now_s + seconds
        while True:
            pause_s = self.courier.step()
            if pause_s > 0 and self.clock.now_s + pause_s > until_s:
                break
            self.clock.now_s += pause_s
        self.clock.now_s = until_s

    def states(self) -> dict[str, DeliveryState]:
        return {f"{delivery.event_id} {delivery.moment.value}": delivery.state for delivery in self.outbox.log(EVERYTHING)}

    def answer(self, event_id: str, moment: Moment = Moment.BEGIN) -> str:
        found = self.outbox.find(self.courier.sink_id, event_id, moment)
        assert found is not None
        return found.answer


def webhook(**settings: Any) -> WebhookConfig:
    return WebhookConfig.model_validate({"id": "hook", "kind": "webhook", "url": "http://x", **settings})


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path, webhook())


def test_what_happened_is_told_in_order(site: Site) -> None:
    site.happens(0, 1)
    site.happens(0, ended=True)
    site.run()
    assert site.sink.told == ["gate-1-0 begin", "gate-1-1 begin", "gate-1-0 end"]
    assert set(site.states().values()) == {DeliveryState.SENT}
    assert (site.courier.status.sent, site.courier.status.problem) == (3, "")
    site.run(60.0)
    assert len(site.sink.alerts) == 3


def test_a_receiver_that_is_away_for_ten_minutes_gets_everything_in_order_and_once(site: Site) -> None:
    site.sink.fail = lambda alert: SinkUnreachable("500 Internal Server Error")
    for number in range(5):
        site.happens(number)
        site.run(120.0)
    assert site.sink.told == []
    assert site.courier.status.problem == "500 Internal Server Error"
    assert site.courier.status.since_s == NOON_S
    site.sink.fail = lambda alert: None
    site.run(300.0)  # the longest pause between two tries
    assert site.sink.told == [f"gate-1-{number} begin" for number in range(5)]
    assert site.courier.status.problem == ""
    (first,) = site.outbox.log(EVERYTHING, event_id="gate-1-0")
    assert 10 < first.attempts < 20  # at 1, 2, 4 ... 256, 300 s


def test_pauses_grow_and_begin_anew_once_it_works(site: Site) -> None:
    tries: list[float] = []

    def fail(alert: Alert) -> Exception:
        tries.append(site.clock.now_s - NOON_S)
        return SinkUnreachable("no answer")

    site.sink.fail = fail
    site.happens(0)
    site.run(1200.0)
    assert tries == [0, 1, 3, 7, 15, 31, 63, 127, 255, 511, 811, 1111]


def test_what_is_refused_is_given_up_after_five_tries_and_the_next_goes_on(site: Site) -> None:
    site.sink.fail = lambda alert: SinkRefused("422 odd") if alert.event.event_id == "gate-1-0" else None
    site.happens(0, 1)
    site.run(60.0)
    assert site.sink.told == ["gate-1-1 begin"]
    assert site.states()["gate-1-0 begin"] is DeliveryState.DEAD
    assert site.answer("gate-1-0") == "422 odd"


def test_a_fault_of_the_sink_is_given_up_like_a_refusal(site: Site) -> None:
    site.sink.fail = lambda alert: ZeroDivisionError("oh") if alert.event.event_id == "gate-1-0" else None
    site.happens(0, 1)
    site.run(60.0)
    assert site.sink.told == ["gate-1-1 begin"]
    assert site.answer("gate-1-0") == "ZeroDivisionError in the sink; see the log"


def test_what_could_not_be_delivered_for_a_day_is_given_up_but_not_untried(site: Site) -> None:
    site.sink.fail = lambda alert: SinkUnreachable("no answer")
    site.happens(0)
    site.run(86_400.0 - 10)
    site.happens(1)
    site.run(1000.0)
    assert site.states() == {"gate-1-0 begin": DeliveryState.DEAD, "gate-1-1 begin": DeliveryState.WAITING}
    assert site.answer("gate-1-0") == "not delivered within 86400 s; the last answer: no answer"
    site.happens(2)
    site.clock.now_s += 2 * 86_400.0  # panops was off
    site.sink.fail = lambda alert: None
    site.run(1.0)
    assert site.sink.told == ["gate-1-2 begin"]  # late, but never tried before


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"cameras": ["gate"]}, ["gate-1-0 begin"]),
        ({"rules": ["day"]}, ["yard-1-0 begin"]),
        ({"severities": ["info"]}, ["yard-1-0 begin"]),
        ({"moments": ["end"]}, ["gate-1-0 end"]),
        ({"cameras": ["gate"], "rules": ["day"]}, []),
    ],
)
def test_a_sink_is_told_what_it_wants(tmp_path: Path, settings: dict[str, Any], told: list[str]) -> None:
    site = Site(tmp_path, webhook(**{"moments": ["begin"], **settings}))
    site.happens(0)
    site.happens(0, camera_id="yard", rule_id="day", severity=Severity.INFO)
    site.happens(0, ended=True)
    site.run(1.0)
    assert site.sink.told == told
    assert len(site.outbox.log(EVERYTHING)) == len(told)  # nothing is kept of what was not meant for it


def test_an_escalation_waits_for_the_review(tmp_path: Path) -> None:
    site = Site(tmp_path, webhook(after_s=120, unless_reviewed=True))
    site.happens(0, 1)
    site.happens(1, ended=True)
    site.run(100.0)
    assert site.sink.told == []
    site.events.review(EVERYTHING, "gate-1-0", status=ReviewStatus.ACKNOWLEDGED, user="ann", at_s=NOON_S)
    site.happens(0, ended=True)
    site.run(60.0)
    assert site.sink.told == ["gate-1-1 begin", "gate-1-1 end"]
    assert site.answer("gate-1-0") == "reviewed before its time: acknowledged"
    assert site.answer("gate-1-0", Moment.END) == "its beginning was not sent either"


def test_quiet_hours(tmp_path: Path) -> None:
    quiet = [{"start": "12:30", "end": "13:00"}]
    site = Site(tmp_path, webhook(quiet=quiet))
    site.courier = Courier(webhook(quiet=quiet), lambda: site.sink, site.outbox, site.alert, site.clock, ZONE)
    site.run(45 * 60.0)
    site.happens(0)
    site.run(30 * 60.0)
    site.happens(1)
    site.run(1.0)
    assert site.sink.told == ["gate-1-1 begin"]
    assert (site.states()["gate-1-0 begin"], site.answer("gate-1-0")) == (DeliveryState.SKIPPED, "quiet hours")


def test_quiet_hours_that_hold(tmp_path: Path) -> None:
    config = webhook(quiet=[{"start": "12:30", "end": "13:00"}], when_quiet="hold")
    site = Site(tmp_path, config)
    site.courier = Courier(config, lambda: site.sink, site.outbox, site.alert, site.clock, ZONE)
    site.run(45 * 60.0)
    site.happens(0, 1)
    site.happens(0, ended=True)
    site.run(14 * 60.0)
    assert site.sink.told == []
    site.run(2 * 60.0)
    assert site.sink.told == ["gate-1-0 begin", "gate-1-1 begin", "gate-1-0 end"]


def test_further_events_of_one_rule_and_camera_come_together(tmp_path: Path) -> None:
    site = Site(tmp_path, webhook(group_s=60, moments=["begin"]))
    site.happens(0)
    site.run(10.0)
    site.happens(1, 2)
    site.happens(0, camera_id="yard")
    site.run(10.0)
    assert site.sink.told == ["gate-1-0 begin", "yard-1-0 begin"]
    site.run(60.0)
    assert site.sink.told[2:] == ["gate-1-1 begin"]
    assert [other.event_id for other in site.sink.alerts[2].others] == ["gate-1-2"]
    assert set(site.states().values()) == {DeliveryState.SENT}
    assert site.answer("gate-1-2").startswith("together with delivery")


def test_a_mail_waits_for_its_picture_for_a_while(tmp_path: Path) -> None:
    config = EmailConfig.model_validate(
        {"id": "mail", "kind": "email", "server": "x", "sender": "a@b", "to": ["c@d"], "picture_wait_s": 10}
    )
    site = Site(tmp_path, config)
    site.happens(0, 1)
    site.run(3.0)
    assert site.sink.told == []
    site.pictures["gate-1-1"] = tmp_path / "x.jpg"
    site.run(1.0)
    assert site.sink.told == ["gate-1-1 begin"]
    site.run(10.0)
    assert site.sink.told == ["gate-1-1 begin", "gate-1-0 begin"]


def test_a_sink_that_cannot_be_opened_is_tried_again(tmp_path: Path) -> None:
    site = Site(tmp_path, webhook())
    broken = [SinkRefused("the template cannot be used")]

    def make() -> ScriptedSink:
        if broken:
            raise broken.pop()
        return site.sink

    site.courier = Courier(webhook(), make, site.outbox, site.alert, site.clock, None)
    site.happens(0)
    site.run(0.0)
    assert site.courier.status.problem == "the template cannot be used"
    site.run(2.0)
    assert site.sink.told == ["gate-1-0 begin"]


def test_killed_between_sending_and_noting_it_is_sent_again_under_the_same_number(site: Site) -> None:
    class Killed(BaseException):
        pass

    def kill(*_: Any) -> None:
        raise Killed

    site.happens(0, 1)
    site.outbox.close = kill  # type: ignore[method-assign]
    with pytest.raises(Killed):
        site.courier.step()
    del site.outbox.close
    site.courier = site.new_courier(webhook())
    site.run(1.0)
    assert site.sink.told == ["gate-1-0 begin", "gate-1-0 begin", "gate-1-1 begin"]
    assert site.sink.alerts[0].delivery_id == site.sink.alerts[1].delivery_id


def test_what_was_sent_is_not_sent_again_though_it_cannot_be_noted(site: Site) -> None:
    """A disk that is full: the courier waits until it can note what it did."""
    real, broken = site.outbox.close, [StorageFull("no space")] * 3

    def close(*arguments: Any) -> None:
        if broken:
            raise broken.pop()
        real(*arguments)

    site.outbox.close = close  # type: ignore[method-assign]
    site.happens(0, 1)
    for _ in range(3):
        with pytest.raises(StorageFull):
            site.courier.step()
    site.run(1.0)
    assert site.sink.told == ["gate-1-0 begin", "gate-1-1 begin"]
    assert set(site.states().values()) == {DeliveryState.SENT}


def test_a_failure_that_cannot_be_noted_is_followed_by_a_pause(site: Site) -> None:
    def tried(*_: Any) -> int:
        raise StorageFull("no space")

    site.outbox.tried = tried  # type: ignore[method-assign]
    site.sink.fail = lambda alert: SinkUnreachable("no answer")
    site.happens(0)
    with pytest.raises(StorageFull):
        site.courier.step()
    assert site.courier.step() == 1.0
    assert site.courier.status.problem == "no answer"


def test_a_receiver_that_refuses_everything_is_told_of_as_one_trouble(site: Site) -> None:
    site.sink.fail = lambda alert: SinkRefused("404 Not Found")
    for number in range(6):
        site.happens(number)
        site.run(20.0)
    assert site.courier.status.since_s == NOON_S


def test_what_was_held_has_its_time_from_when_it_was_due(tmp_path: Path) -> None:
    config = webhook(quiet=[{"start": "12:00", "end": "06:00"}], when_quiet="hold", give_up_after_s=3600)
    site = Site(tmp_path, config)
    site.courier = Courier(config, lambda: site.sink, site.outbox, site.alert, site.clock, ZONE)
    site.sink.fail = lambda alert: SinkUnreachable("no answer")
    site.happens(0)
    site.run(18 * 3600.0 + 600)
    site.sink.fail = lambda alert: None
    site.run(600.0)
    assert site.sink.told == ["gate-1-0 begin"]


def test_who_keeps_a_state_learns_of_the_end_in_quiet_hours_too(tmp_path: Path) -> None:
    config = MqttConfig.model_validate(
        {"id": "m", "kind": "mqtt", "host": "x", "picture_wait_s": 0, "quiet": [{"start": "12:30", "end": "13:00"}]}
    )
    site = Site(tmp_path, config)
    site.courier = Courier(config, lambda: site.sink, site.outbox, site.alert, site.clock, ZONE)
    site.happens(0)
    site.run(45 * 60.0)
    site.happens(0, ended=True)
    site.happens(1)
    site.run(10.0)
    assert site.sink.told == ["gate-1-0 begin", "gate-1-0 end"]


def test_a_sink_that_stays_connected_and_cannot_be_opened_is_told(tmp_path: Path) -> None:
    def refuse() -> ScriptedSink:
        raise SinkRefused("the certificates cannot be used")

    config = MqttConfig.model_validate({"id": "m", "kind": "mqtt", "host": "x"})
    site = Site(tmp_path, config)
    site.courier = Courier(config, refuse, site.outbox, site.alert, site.clock, None)
    thread = threading.Thread(target=site.courier.run)
    thread.start()
    wait_until(lambda: site.courier.status.problem)
    site.courier.stop()
    thread.join(5)
    assert site.courier.status.problem == "the certificates cannot be used"


def test_a_connection_that_is_down_is_told_before_an_alarm_waits_for_it(tmp_path: Path) -> None:
    config = MqttConfig.model_validate({"id": "m", "kind": "mqtt", "host": "x"})
    site = Site(tmp_path, config)
    site.sink.problem = "no connection to the broker"
    thread = threading.Thread(target=site.courier.run)
    thread.start()
    wait_until(lambda: site.courier.status.problem == "no connection to the broker")
    site.sink.problem = ""
    site.courier.wake()
    wait_until(lambda: site.courier.status.problem == "")
    site.courier.stop()
    thread.join(5)


def test_an_escalation_takes_along_only_what_is_due(tmp_path: Path) -> None:
    site = Site(tmp_path, webhook(after_s=120, unless_reviewed=True, group_s=60))
    site.happens(0)
    site.run(100.0)
    site.happens(1)
    site.run(30.0)
    assert [(alert.event.event_id, len(alert.others)) for alert in site.sink.alerts] == [("gate-1-0", 0)]


def test_the_clock_is_set_back_while_a_sink_pauses(site: Site) -> None:
    site.sink.fail = lambda alert: SinkUnreachable("no answer")
    site.happens(0)
    site.run(0.0)
    site.clock.now_s -= 7200.0
    site.sink.fail = lambda alert: None
    site.happens(1)
    site.run(7200.0 + 10)
    assert sorted(site.sink.told) == ["gate-1-0 begin", "gate-1-1 begin"]


def test_a_test_passes_everything_that_waits(site: Site) -> None:
    event: Event = make_event()
    assert site.courier.test(Alert(0, Moment.BEGIN, event, "Gate", is_test=True)) == "taken"
    assert site.sink.closed == 1


def test_its_thread_delivers_when_it_is_woken_and_stops(tmp_path: Path) -> None:
    config = FileConfig.model_validate({"id": "file", "kind": "file", "path": "-"})
    site = Site(tmp_path, config)
    arrived = threading.Event()
    site.sink.fail = lambda alert: arrived.set()
    thread = threading.Thread(target=site.courier.run)
    thread.start()
    site.happens(0)
    site.courier.wake()
    assert arrived.wait(5.0)
    site.courier.stop()
    thread.join(5.0)
    assert not thread.is_alive()
    assert site.sink.closed == 1
