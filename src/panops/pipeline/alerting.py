"""Joins stored events, couriers and sinks: who is told is what the site says, also while it changes."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from panops.alerts.courier import Courier, CourierStatus
from panops.alerts.registry import SINKS
from panops.config.alert_schema import MqttConfig
from panops.config.fields import WITH_SECRETS
from panops.config.schedule import site_timezone
from panops.config.schema import SiteConfig
from panops.domain.alerts import Alert, Delivery, DeliveryState, Moment, SiteFacts
from panops.domain.clock import Clock
from panops.domain.errors import PluginError, SinkRefused
from panops.domain.events import Event, EventPhase, Incident, Severity
from panops.domain.protocols import Sink
from panops.pipeline.live import SinkStatus
from panops.pipeline.one_alarm import OneAlarm
from panops.pipeline.switchboard import Switchboard
from panops.storage.database import Database
from panops.storage.events import EventRepository
from panops.storage.evidence import EvidenceStore
from panops.storage.outbox import Outbox
from panops.storage.scope import Scope

log = logging.getLogger(__name__)

_EVERYTHING = Scope.everything()
_STOP_S = 5.0
# A sink in trouble for so long is something that an operator should know, s.
_TROUBLE_S = 60.0


@dataclass(slots=True)
class _Desk:
    """One sink that is on."""

    config: Any
    settings: str
    courier: Courier
    thread: threading.Thread = field(init=False)


class Alerting:
    """Runs a courier for each sink of the site. `follow`, `test`, `statuses` and `stop` may block; one thread at a time calls `follow`.

    Args:
        database: Open database.
        evidence: Where pictures and clips are.
        clock: Time.
        switchboard: The cameras' switches, for sinks that tell of them and take commands.
    """

    def __init__(self, database: Database, evidence: EvidenceStore, clock: Clock, switchboard: Switchboard) -> None:
        self._switchboard = switchboard
        self._outbox = Outbox(database)
        self._events = EventRepository(database, clock)
        self._evidence = evidence
        self._clock = clock
        self._one_alarm = OneAlarm(database, clock)
        self._site = SiteConfig()
        self._desks: dict[str, _Desk] = {}

    def follow(self, site: SiteConfig) -> None:
        """Tell those that the site names, from now on.

        Raises:
            StorageError: The database cannot be used.
        """
        self._site = site
        self._one_alarm.follow(site)
        wanted = {sink.id: sink for sink in site.alerts if sink.enabled}
        settings = {name: _settings(sink, site) for name, sink in wanted.items()}
        self._outbox.sync(list(wanted), self._clock.utc_s())
        self._close([name for name, desk in self._desks.items() if settings.get(name) != desk.settings])
        for name, config in wanted.items():
            if name not in self._desks:
                self._desks[name] = self._open(config, settings[name])

    def wake(self, pictured: str = "") -> None:
        """Something was stored: proof of the event `pictured`, it may be. Any thread."""
        if pictured:
            self._one_alarm.pictured(pictured)
        for desk in tuple(self._desks.values()):
            desk.courier.wake()

    def stop(self) -> None:
        """End all couriers; what waits is sent after the next start. Safe to call twice."""
        self._close(list(self._desks))

    def statuses(self) -> list[SinkStatus]:
        """How each sink does, in the site's order; those that are off, too."""
        counts = self._outbox.counts()
        found = []
        for config in self._site.alerts:
            desk, its = self._desks.get(config.id), counts.get(config.id, {})
            status = CourierStatus() if desk is None else desk.courier.status
            found.append(
                SinkStatus(
                    config.id, config.kind, config.enabled, status.problem, status.since_s, status.last_sent_s,
                    its.get(DeliveryState.WAITING, 0), its.get(DeliveryState.SENT, 0), its.get(DeliveryState.DEAD, 0),
                )
            )  # fmt: skip
        return found

    def troubles(self) -> list[str]:
        """What an operator should know, in sentences; empty when all is well. Never blocks."""
        now_s = self._clock.utc_s()
        told = []
        for name, desk in tuple(self._desks.items()):
            status = desk.courier.status
            if status.problem and status.since_s is not None and now_s - status.since_s >= _TROUBLE_S:
                told.append(f"alerts do not reach {name}; the page Alerts says why")
        return told

    def look_again(self) -> None:
        """Tell of events after all that somebody joined who was not looked at; see `OneAlarm`. May block.

        Raises:
            StorageError: The database cannot be used.
        """
        if self._one_alarm.look_again():
            self.wake()

    @property
    def seen_again(self) -> int:
        """How many alerts were not sent since the start, for their person had been told of. Never blocks."""
        return self._one_alarm.skipped

    def commands(self) -> Mapping[tuple[str, str], int]:
        """How many commands of sinks came to what since the start, by sink and outcome. Never blocks."""
        return self._switchboard.counts()

    def test(self, sink_id: str) -> str:
        """Deliver a test through a sink at once, whether it is on or off; what the receiver answered.

        Raises:
            KeyError: There is no such sink.
            SinkError: It was not delivered.
        """
        config = next((sink for sink in self._site.alerts if sink.id == sink_id), None)
        if config is None:
            raise KeyError(sink_id)
        if isinstance(config, MqttConfig):  # a client of its own, which must not drive out the one that runs
            apart = {"client_id": f"{config.id}-test"[:23], "prefix": f"{config.prefix}-test", "discovery": False, "commands": False}
            config = config.model_copy(update=apart)
        return self._courier(config, _facts(self._site)).test(_test_alert(self._site, self._clock.utc_s()))

    def _open(self, config: Any, settings: str) -> _Desk:
        facts = _facts(self._site)
        if isinstance(config, MqttConfig):
            facts = replace(facts, switches=self._switchboard.panel(config.id, config.cameras))
        desk = _Desk(config, settings, self._courier(config, facts))
        desk.thread = threading.Thread(target=desk.courier.run, name=f"alerts-{config.id}", daemon=True)
        desk.thread.start()
        return desk

    def _close(self, names: Sequence[str]) -> None:
        """End some; a delivery that is under way for longer is left to itself, and may arrive twice."""
        desks = [self._desks.pop(name) for name in names]
        for desk in desks:
            desk.courier.stop()
        until_s = time.monotonic() + _STOP_S  # for all together: who waits for this has leases to renew
        for desk in desks:
            desk.thread.join(max(0.0, until_s - time.monotonic()))

    def _courier(self, config: Any, facts: SiteFacts) -> Courier:
        return Courier(
            config, partial(_open_sink, config, facts), self._outbox, self._alert, self._clock, facts.timezone, self._one_alarm.repeats
        )

    def _alert(self, delivery: Delivery) -> Alert | None:
        stored = self._events.get(_EVERYTHING, delivery.event_id)
        if stored is None:
            return None
        event = stored.event
        found = ((piece.kind, self._evidence.path(_EVERYTHING, event.event_id, piece.kind)) for piece in stored.evidence)
        files = {kind: path for kind, path in found if path is not None}
        camera = self._site.cameras.get(event.camera_id)
        name = (camera.name if camera is not None else "") or event.camera_id
        page = self._site.server.public_url
        link = f"{page}/events/{event.event_id}" if page else ""
        return Alert(delivery.delivery_id, delivery.moment, event, name, stored.status.value, files, link)


def _settings(sink: Any, site: SiteConfig) -> str:
    """All that decides how a sink does its work: also the time zone, and cameras and rules where it has to do with them."""
    facts = _facts(site)
    tells = getattr(sink, "discovery", False) or getattr(sink, "commands", False)
    known = [facts.cameras, facts.rules] if tells else []
    return json.dumps([sink.model_dump(mode="json", context=WITH_SECRETS), site.timezone, known], sort_keys=True)


def _facts(site: SiteConfig) -> SiteFacts:
    cameras = {camera_id: camera.name or camera_id for camera_id, camera in site.cameras.items()}
    rules = {camera_id: tuple(rule.id for rule in site.camera_rules(camera_id) if not rule.silent) for camera_id in cameras}
    return SiteFacts(site_timezone(site.timezone), cameras, rules)


def _open_sink(config: Any, facts: SiteFacts) -> Sink:
    try:
        sink: Sink = SINKS.load(config.kind)(config, facts)
    except PluginError as error:
        raise SinkRefused(str(error)) from error
    return sink


def _test_alert(site: SiteConfig, now_s: float) -> Alert:
    camera_id = next(iter(site.cameras), "camera")
    incident = Incident("test", EventPhase.BEGIN, "test", "", "", (), 0.0, now_s, now_s)
    event = Event(f"{camera_id}-0-0", camera_id, "test", Severity.INFO, incident)
    name = (site.cameras[camera_id].name if camera_id in site.cameras else "") or camera_id
    return Alert(0, Moment.BEGIN, event, name, link=site.server.public_url, is_test=True)
