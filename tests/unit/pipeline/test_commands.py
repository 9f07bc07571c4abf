"""Commands by MQTT on a whole site: a real Mosquitto, a supervisor, its shard processes and simulated cameras."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from running_supervisor import EVERYTHING, Play, play

from panops.domain.alerts import DeliveryState
from panops.domain.switches import Switch
from panops.pipeline.live import CameraState
from panops.pipeline.supervisor import SupervisorSettings
from panops.storage.audit import AuditLog
from panops.storage.outbox import Outbox
from panops.storage.switches import SwitchStore
from tests.mosquitto import Broker, Listener

log = logging.getLogger(__name__)

SETTINGS = SupervisorSettings(default_model="motion", cores=1)
BUSY = {"source": "sim://yard?seed=3&activity=12&rate_fps=10", "model": "motion"}
RULE = {"id": "anyone", "kind": "intrusion", "classes": ["person"], "end_after_s": 1}
NAMES = ("enabled", "detect", "alerts")
# How long a command is waited for, s. It takes .06 to 1.0 (measured, and told by the test); a machine that does other things is no fault.
PROMPT_S = 20.0


def site_of(broker: Broker, **sink: Any) -> dict[str, Any]:
    mqtt = {"id": "home", "kind": "mqtt", "host": "127.0.0.1", "port": broker.port, "timeout_s": 3, "commands": True, **sink}
    return {"cameras": {"yard": BUSY}, "rules": [RULE], "alerts": [mqtt]}


def states(listener: Listener) -> dict[str, bytes | None]:
    return {name: listener.last(f"panops/yard/{name}/state") for name in NAMES}


ALL_ON = dict.fromkeys(NAMES, b"ON")


class Hand:
    """Somebody who switches the camera through the broker and waits for the state."""

    def __init__(self, running: Play, listener: Listener) -> None:
        self._running, self._listener = running, listener
        self.took_s: dict[str, float] = {}

    async def switch(self, name: str, to: str) -> None:
        began_s = time.monotonic()
        await asyncio.to_thread(self._listener.publish, f"panops/yard/{name}/set", to)
        await self._running.until(lambda: states(self._listener)[name] == to.encode(), PROMPT_S, f"{name} is {to}")
        self.took_s[f"{name} {to}"] = round(time.monotonic() - began_s, 3)


async def first_of(ask: Callable[[], Awaitable[Any]], within_s: float) -> Any:
    """What is answered first that is something; None where nothing is in time."""
    until_s = time.monotonic() + within_s
    while (found := await ask()) is None and time.monotonic() < until_s:
        pass
    return found


async def stays(condition: Callable[[], object], for_s: float) -> None:
    until_s = time.monotonic() + for_s
    while time.monotonic() < until_s:
        assert condition()
        await asyncio.sleep(0.05)


def test_each_switch_through_the_broker_and_back(tmp_path: Path, broker: Broker, listener: Listener) -> None:
    async def act(running: Play) -> None:
        hand, yard = Hand(running, listener), lambda: running.status("yard")
        await running.until(lambda: states(listener) == ALL_ON, what="the states are told once the camera runs")
        await running.until(lambda: yard().analysed > 10 and running.stored("yard"), what="it is analysed and there is an event")
        found = json.loads(listener.last("homeassistant/switch/panops_yard/alerts/config") or b"{}")
        assert (found["command_topic"], found["state_topic"], found["availability_topic"]) == (
            "panops/yard/alerts/set", "panops/yard/alerts/state", "panops/available",
        )  # fmt: skip

        epoch = running.supervisor._epochs["yard"]
        await hand.switch("detect", "OFF")
        assert not yard().detects
        assert (running.events.counts(EVERYTHING).open, yard().tracks) == (0, 0)  # what went on has ended
        before, events = yard(), len(running.stored("yard"))
        await running.until(lambda: yard().decoded > before.decoded + 20, what="it is still read and decoded")
        assert (yard().analysed, yard().state, yard().reconnects) == (before.analysed, CameraState.LIVE, before.reconnects)
        # And shown: a snapshot waits for a second, a busy machine may need longer.
        assert await first_of(lambda: running.supervisor.snapshot("yard", "s"), PROMPT_S) is not None
        assert len(running.stored("yard")) == events
        await hand.switch("detect", "ON")
        await running.until(lambda: yard().analysed > before.analysed, what="it is analysed again")
        assert running.supervisor._epochs["yard"] == epoch  # all on one connection

        await hand.switch("alerts", "OFF")
        # What began before is told to its end, also where the chain of verification lets it be stored only now.
        (off,) = yard().off
        new = lambda: [one for one in running.stored("yard") if one.event.incident.started_at_s >= off.since_s]  # noqa: E731
        await running.until(new, what="events are stored as before")
        outbox = Outbox(running.database)
        told = outbox.log(EVERYTHING, event_id=new()[0].event.event_id)
        begin = next(delivery for delivery in told if delivery.moment == "begin")
        assert begin.state is DeliveryState.SKIPPED
        assert begin.answer.endswith("UTC, by MQTT sink home")
        await stays(lambda: all(told["after"]["start_time"] < off.since_s for told in listener.events()), 1.0)
        await hand.switch("alerts", "ON")

        await hand.switch("enabled", "OFF")
        assert (yard().state, yard().message) == (CameraState.DISABLED, "switched off by MQTT sink home")
        assert running.supervisor._leases.holder("yard") is None
        await hand.switch("enabled", "ON")
        await running.until(lambda: yard().state is CameraState.LIVE, what="it runs again")
        log.info("from the command to its state: %s", hand.took_s)
        assert running.supervisor.alerts.commands() == {("home", "taken"): 6}
        entries = AuditLog(running.database).entries().entries
        assert [(entry.user, entry.target, entry.detail["switch"], entry.detail["on"]) for entry in reversed(entries)] == [
            ("MQTT sink home", "yard", name, on) for name in ("detect", "alerts", "enabled") for on in (False, True)
        ]

    play(tmp_path / "home", site_of(broker), act, SETTINGS)


def test_states_are_kept_over_restarts_of_broker_and_panops(tmp_path: Path, broker: Broker) -> None:
    async def first(running: Play) -> None:
        listener = Listener(broker.port)
        await running.until(lambda: states(listener) == ALL_ON, what="the states are told")
        await Hand(running, listener).switch("alerts", "OFF")
        listener.close()
        await asyncio.to_thread(broker.stop)
        # Meanwhile somebody switches on the page, in another process.
        SwitchStore(running.database).switch(EVERYTHING, "yard", Switch.DETECT, on=False, by="ada", at_s=time.time())
        await running.until(lambda: not running.status("yard").detects, what="a switch of another hand is followed")
        await asyncio.to_thread(broker.start)  # it has forgotten everything
        listener = Listener(broker.port)
        expected = {"enabled": b"ON", "detect": b"OFF", "alerts": b"OFF"}
        await running.until(lambda: states(listener) == expected, 40, "the states are told at the next connection")
        await Hand(running, listener).switch("detect", "ON")  # it has subscribed again
        listener.close()

    async def second(running: Play) -> None:
        listener = Listener(broker.port)
        await running.until(lambda: states(listener)["alerts"] == b"OFF", 5, "it is retained from before")
        listener.publish("panops/yard/alerts/state", b"", retain=True)
        listener.heard.clear()
        listener.close()
        listener = Listener(broker.port)
        await running.until(lambda: states(listener)["enabled"] == b"ON", what="it runs")
        assert [one.by for one in running.status("yard").off] == ["MQTT sink home"]
        await Hand(running, listener).switch("alerts", "ON")
        listener.close()

    play(tmp_path / "home", site_of(broker), first, SETTINGS)
    play(tmp_path / "home", site_of(broker), second, SETTINGS)


def test_what_is_no_command_changes_nothing(tmp_path: Path, broker: Broker, listener: Listener, caplog: pytest.LogCaptureFixture) -> None:
    listener.publish("panops/yard/alerts/set", "OFF", retain=True)  # somebody set it long ago, and the broker repeats it

    async def act(running: Play) -> None:
        await running.until(lambda: states(listener) == ALL_ON, what="the states are told")
        for topic, payload in (
            ("panops/nobody/alerts/set", b"OFF"), ("panops/yard/alarms/set", b"OFF"), ("panops/yard/alerts/set", b"off"),
            ("panops/yard/alerts/set", b"\xff\x00\n"), ("panops/yard/detect/set", b"O" * 100_000),
        ):  # fmt: skip
            await asyncio.to_thread(listener.publish, topic, payload)
        outcomes = ("retained", "unknown_camera", "unknown_switch", "unknown_payload", "too_long")
        expected = {("home", name): 1 for name in outcomes} | {("home", "unknown_payload"): 2}
        await running.until(lambda: running.supervisor.alerts.commands() == expected, 10, "all are counted")
        await stays(lambda: states(listener) == ALL_ON and running.status("yard").off == (), 1.0)

    with caplog.at_level(logging.INFO, "panops"):
        play(tmp_path / "home", site_of(broker), act, SETTINGS)
    told = [record.getMessage() for record in caplog.records if "a command is not followed" in record.getMessage()]
    assert told == [
        "sink home: a command is not followed: panops/yard/alerts/set is retained (OFF) and nobody's wish now; "
        "publish commands without the retain flag"
    ]
    assert not any(record.exc_info for record in caplog.records)


@pytest.mark.parametrize("sink", [{"commands": False}, {"cameras": ["other"]}], ids=["no commands", "another camera's sink"])
def test_a_sink_that_may_not(tmp_path: Path, broker: Broker, listener: Listener, sink: dict[str, Any]) -> None:
    async def act(running: Play) -> None:
        await running.until(running.live, what="it runs")
        await running.until(lambda: listener.last("panops/available") == b"online", what="the sink is connected")
        for name in NAMES:
            await asyncio.to_thread(listener.publish, f"panops/yard/{name}/set", "OFF")
        await stays(lambda: running.status("yard").off == (), 2.0)
        assert not any("taken" in outcome for _, outcome in running.supervisor.alerts.commands())
        assert not any(topic.startswith("homeassistant/switch/panops_yard/") for topic, _ in listener.heard)

    site = site_of(broker, **sink)
    site["cameras"] = {"yard": BUSY, "other": {"source": "sim://fence?activity=0&rate_fps=2", "model": "motion"}}
    play(tmp_path / "home", site, act, SETTINGS)
