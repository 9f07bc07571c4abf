"""The MQTT sink against a real Mosquitto."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from panops.alerts.mqtt import Mqtt, discovery, frigate_event, topic_level
from panops.config.alert_schema import MqttConfig
from panops.domain.alerts import Alert, Moment, SiteFacts
from panops.domain.errors import SinkRefused, SinkUnreachable
from panops.domain.events import EventPhase, EvidenceKind
from panops.pipeline.switchboard import Switchboard
from panops.storage.database import Database
from panops.testing.fake_clock import FakeClock
from tests.mosquitto import Broker, Listener, wait_for

from .makers import NOON_S, make_alert, make_event

SITE = SiteFacts(cameras={"gate": "North gate", "yard": "yard"}, rules={"gate": ("night", "way-in"), "yard": ()})


@pytest.fixture
def make_sink(broker: Broker) -> Iterator[Callable[..., Mqtt]]:
    made: list[Mqtt] = []

    def make(**settings: Any) -> Mqtt:
        fixed = {"id": "mqtt", "kind": "mqtt", "host": "127.0.0.1", "port": broker.port, "timeout_s": 3}
        made.append(Mqtt(MqttConfig.model_validate({**fixed, **settings}), SITE))
        return made[-1]

    yield make
    for sink in made:
        sink.close()


def ended() -> Alert:
    return make_alert(Moment.END, event=make_event(phase=EventPhase.END, ended_at_s=NOON_S + 5))


def test_an_event_in_frigates_shape(listener: Listener, make_sink: Callable[..., Mqtt], tmp_path: Path) -> None:
    picture = tmp_path / "annotated.jpg"
    picture.write_bytes(b"\xff\xd8 jpeg \xff\xd9")
    sink = make_sink()
    assert sink.deliver(make_alert(picture=picture)) == "confirmed"
    assert sink.deliver(ended()) == "confirmed"
    wait_for(lambda: len(listener.events()) == 2 and listener.last("panops/gate/night") == b"OFF")
    new, end = listener.events()
    assert (new["type"], end["type"]) == ("new", "end")
    assert {key: new["after"][key] for key in ("id", "camera", "label", "top_score", "current_zones", "end_time", "has_snapshot")} == {
        "id": "gate-1-0", "camera": "gate", "label": "person", "top_score": 0.8125, "current_zones": ["yard"], "end_time": None,
        "has_snapshot": True,
    }  # fmt: skip
    assert (end["before"]["end_time"], end["after"]["end_time"], end["after"]["current_zones"]) == (None, NOON_S + 5, [])
    assert listener.last("panops/gate/snapshot") == listener.last("panops/gate/person/snapshot") == picture.read_bytes()


def test_a_rule_is_on_while_any_of_its_events_goes_on(listener: Listener, make_sink: Callable[..., Mqtt]) -> None:
    sink = make_sink()
    states = []
    for alert in (make_alert(), make_alert(event=make_event(1)), ended(), make_alert(Moment.END, event=make_event(1))):
        sink.deliver(alert)
        states.append(alert)
    wait_for(lambda: sum(topic == "panops/gate/night" for topic, _ in listener.heard) == 4)
    assert [payload for topic, payload in listener.heard if topic == "panops/gate/night"] == [b"ON", b"ON", b"ON", b"OFF"]


def test_who_comes_later_finds_what_is_retained(broker: Broker, make_sink: Callable[..., Mqtt]) -> None:
    sink = make_sink()
    sink.deliver(make_alert())
    late = Listener(broker.port)
    config = "homeassistant/binary_sensor/panops_gate/night/config"
    wait_for(lambda: all(late.last(topic) for topic in ("panops/gate/night", "panops/available", config)))  # in any order
    assert (late.last("panops/gate/night"), late.last("panops/available")) == (b"ON", b"online")
    sensor = json.loads(late.last(config) or b"{}")
    assert (sensor["state_topic"], sensor["availability_topic"], sensor["device"]["name"]) == (
        "panops/gate/night", "panops/available", "North gate",
    )  # fmt: skip
    sink.close()
    wait_for(lambda: late.last("panops/available") == b"offline")
    late.close()


def test_the_will_says_that_panops_is_gone(listener: Listener, make_sink: Callable[..., Mqtt]) -> None:
    sink = make_sink()
    wait_for(lambda: listener.last("panops/available") == b"online")
    sink._client.socket().shutdown(socket.SHUT_RDWR)  # type: ignore[union-attr]  # the line is cut, as by kill -9
    wait_for(lambda: (b"offline") in [payload for topic, payload in listener.heard if topic == "panops/available"])
    wait_for(lambda: listener.last("panops/available") == b"online")  # and back by itself


def test_a_broker_that_is_down_and_comes_back(broker: Broker, make_sink: Callable[..., Mqtt]) -> None:
    sink = make_sink(timeout_s=0.5)
    sink.deliver(make_alert())
    broker.stop()
    with pytest.raises(SinkUnreachable):
        sink.deliver(ended())
    broker.start()
    listener = Listener(broker.port)

    def delivered() -> bool:
        try:
            return sink.deliver(ended()) == "confirmed"
        except SinkUnreachable:
            return False

    wait_for(delivered, 15)
    wait_for(lambda: any(event["type"] == "end" for event in listener.events()))
    assert listener.last("panops/available") == b"online"
    listener.close()


def test_a_refused_login_is_said(broker: Broker, make_sink: Callable[..., Mqtt], tmp_path: Path) -> None:
    made = shutil.which("mosquitto_passwd")
    if made is None:
        pytest.skip("needs mosquitto_passwd")
    broker.stop()
    broker.passwords = tmp_path / "passwords"
    subprocess.run([made, "-b", "-c", str(broker.passwords), "panops", "secret"], check=True, capture_output=True)
    broker.start()
    with pytest.raises(SinkUnreachable, match="the broker refuses the connection: Not authorized"):
        make_sink(username="panops", password="wrong", timeout_s=1.0).deliver(make_alert())
    assert make_sink(username="panops", password="secret", client_id="two").deliver(make_alert()) == "confirmed"


def test_a_connection_that_is_down_for_longer_is_a_problem(broker: Broker, make_sink: Callable[..., Mqtt]) -> None:
    sink = make_sink(timeout_s=0.4)
    assert sink.problem == ""  # it has only just begun to connect
    sink.deliver(make_alert())
    broker.stop()
    wait_for(lambda: sink.problem == "no connection to the broker")
    broker.start()
    wait_for(lambda: sink.problem == "", 15)


def test_nobody_there() -> None:
    sink = Mqtt(MqttConfig.model_validate({"id": "m", "kind": "mqtt", "host": "127.0.0.1", "port": 1, "timeout_s": 0.2}), SITE)
    with pytest.raises(SinkUnreachable, match="no connection to the broker"):
        sink.deliver(make_alert())
    sink.close()


def test_certificates_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nonsense")
    config = MqttConfig.model_validate({"id": "m", "kind": "mqtt", "host": "x", "tls": True, "ca_file": str(tmp_path / "ca.pem")})
    with pytest.raises(SinkRefused, match="the certificates cannot be used"):
        Mqtt(config, SITE)


def test_a_sink_that_cannot_be_made_does_not_stay_among_those_told_of_switches(tmp_path: Path) -> None:
    board = Switchboard(Database.at(tmp_path).open(), FakeClock())
    site = SiteFacts(cameras=SITE.cameras, rules=SITE.rules, switches=board.panel("m", ()))
    (tmp_path / "ca.pem").write_text("nonsense")
    config = {"id": "m", "kind": "mqtt", "host": "127.0.0.1", "port": 1, "tls": True}
    for _ in range(2):  # the courier tries for ever
        with pytest.raises(SinkRefused):
            Mqtt(MqttConfig.model_validate({**config, "ca_file": str(tmp_path / "ca.pem")}), site)
    assert board._followers == []
    sink = Mqtt(MqttConfig.model_validate({**config, "tls": False}), site)
    assert len(board._followers) == 1
    sink.close()
    assert board._followers == []


def test_a_test_is_no_event(listener: Listener, make_sink: Callable[..., Mqtt]) -> None:
    assert make_sink().deliver(make_alert(is_test=True)) == "confirmed"
    wait_for(lambda: listener.last("panops/test"))
    assert listener.events() == []


def test_the_clip_is_an_update() -> None:
    alert = make_alert(Moment.CLIP)
    told = frigate_event(Alert(alert.delivery_id, alert.moment, alert.event, "x", files={EvidenceKind.CLIP: Path("clip.mp4")}))
    assert (told["type"], told["before"]["has_clip"], told["after"]["has_clip"]) == ("update", False, True)


def test_what_home_assistant_is_told() -> None:
    told = dict(discovery("panops", "ha", SITE))
    assert set(told) == {
        "ha/image/panops_gate/snapshot/config",
        "ha/image/panops_yard/snapshot/config",
        "ha/binary_sensor/panops_gate/night/config",
        "ha/binary_sensor/panops_gate/way-in/config",
    }
    assert len({content["unique_id"] for content in told.values()}) == 4


@pytest.mark.parametrize(("name", "level"), [("person", "person"), ("a/b", "a_b"), ("#", "_"), ("traffic light+", "traffic light_")])
def test_names_in_topics(name: str, level: str) -> None:
    assert topic_level(name) == level


def test_only_switches_that_take_commands_are_discovered() -> None:
    told = dict(discovery("panops", "ha", SITE, {"gate"}))
    found = {topic: content for topic, content in told.items() if "/switch/" in topic}
    assert set(found) == {f"ha/switch/panops_gate/{name}/config" for name in ("enabled", "detect", "alerts")}
    assert all(content["availability_topic"] == "panops/available" for content in found.values())
    assert len({content["unique_id"] for content in told.values()}) == len(told)
