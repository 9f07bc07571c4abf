"""Events on an MQTT broker, in Frigate's shape, with discovery for Home Assistant; and the cameras' switches, where it is allowed."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Collection
from typing import Any

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from panops import __version__
from panops.alerts.switch_topics import Refusal, command_filter, command_of, state_topic, switch_discovery
from panops.alerts.words import picture
from panops.config.advice import OPEN_COMMANDS, takes_commands_from_anybody
from panops.config.alert_schema import MqttConfig
from panops.domain.alerts import Alert, Moment, SiteFacts
from panops.domain.errors import SinkRefused, SinkUnreachable
from panops.domain.events import EvidenceKind
from panops.domain.switches import Switch

log = logging.getLogger(__name__)

_KEEPALIVE_S = 30
_LONGEST_PAUSE_S = 30
_TYPES = {Moment.BEGIN: "new", Moment.CLIP: "update", Moment.END: "end"}


class Mqtt:
    """A broker. The connection stands from the start on, so that `PREFIX/available` tells whether panops runs.

    Where `site` has switches, their states are told; commands are only taken with `commands: true`.

    Args:
        config: The sink's settings.
        site: Cameras and rules, for discovery, and the switches.

    Raises:
        SinkRefused: The certificates cannot be used.
    """

    def __init__(self, config: MqttConfig, site: SiteFacts) -> None:
        self._config = config
        self._site = site
        if takes_commands_from_anybody(config):
            log.warning("sink %s: %s", config.id, OPEN_COMMANDS)
        self._connected = threading.Event()
        self._alone_since_s = time.monotonic()
        self._refusal = ""
        self._open: dict[tuple[str, str], set[str]] = {}
        self._telling = threading.Lock()
        self._told: dict[tuple[str, Switch], bool] = {}
        self._client = self._make_client()
        self._client.connect_async(config.host, config.port, _KEEPALIVE_S)
        # Not before nothing can fail any more: nobody would close what was not made.
        self._unfollow = None if site.switches is None else site.switches.follow(self._tell_switches)
        self._client.loop_start()

    @property
    def problem(self) -> str:
        """Why there has been no connection for longer than the time-out, in one sentence; empty otherwise."""
        waited_s = time.monotonic() - self._alone_since_s
        return "" if self._connected.is_set() or waited_s < self._config.timeout_s else self._why_alone

    def deliver(self, alert: Alert) -> str:
        """Publish it, and wait until the broker has it.

        Raises:
            SinkUnreachable: There is no connection, or the broker does not confirm in time.
        """
        if not self._connected.wait(self._config.timeout_s):
            raise SinkUnreachable(self._why_alone)
        if alert.is_test:
            self._publish("test", json.dumps({"test": True}))
            return "confirmed"
        camera_id, rule_id = alert.event.camera_id, alert.event.rule_id
        self._publish("events", json.dumps(frigate_event(alert), allow_nan=False))
        found = picture(alert)
        if alert.moment is Moment.BEGIN and found is not None and found.is_file():
            jpeg = found.read_bytes()
            self._publish(f"{camera_id}/snapshot", jpeg, retain=True)
            if alert.event.incident.class_name:
                self._publish(f"{camera_id}/{topic_level(alert.event.incident.class_name)}/snapshot", jpeg, retain=True)
        if alert.moment is not Moment.CLIP and Moment.END in self._config.moments:
            self._publish(f"{camera_id}/{rule_id}", self._state(alert), retain=True)
        return "confirmed"

    @property
    def _why_alone(self) -> str:
        return self._refusal or "no connection to the broker"

    def close(self) -> None:
        """Say that panops is gone, and disconnect. Safe to call twice."""
        if self._unfollow is not None:
            self._unfollow()
        if self._client.is_connected():
            self._client.publish(self._topic("available"), "offline", qos=1, retain=True).wait_for_publish(2.0)
        self._client.disconnect()
        self._client.loop_stop()

    def _make_client(self) -> paho.Client:
        config = self._config
        client = paho.Client(CallbackAPIVersion.VERSION2, client_id=config.client_id or f"panops-{config.id}")
        if config.username:
            client.username_pw_set(config.username, config.password.get_secret_value())
        if config.tls:
            try:
                client.tls_set(ca_certs=config.ca_file or None)
            except (OSError, ValueError) as error:
                raise SinkRefused(f"the certificates cannot be used: {error}") from error
        client.will_set(self._topic("available"), "offline", qos=1, retain=True)
        client.reconnect_delay_set(1, _LONGEST_PAUSE_S)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        return client

    def _on_connect(
        self, client: paho.Client, data: Any, flags: paho.ConnectFlags, reason: ReasonCode, properties: Properties | None
    ) -> None:
        del data, flags, properties
        if reason.is_failure:
            self._refusal = f"the broker refuses the connection: {reason}"
            return
        self._refusal = ""
        client.publish(self._topic("available"), "online", qos=1, retain=True)
        if self._config.discovery:
            switchable = self._switchable if self._site.switches is not None else frozenset()
            for topic, content in discovery(self._config.prefix, self._config.discovery_prefix, self._site, switchable):
                client.publish(topic, json.dumps(content), qos=1, retain=True)
        if self._config.commands:
            client.subscribe(command_filter(self._config.prefix), qos=1)  # at each connection anew: the session begins clean
        with self._telling:
            self._told.clear()
        self._connected.set()
        self._tell_switches()

    def _on_disconnect(self, client: paho.Client, data: Any, flags: Any, reason: ReasonCode, properties: Properties | None) -> None:
        del client, data, flags, reason, properties
        if self._connected.is_set():
            self._alone_since_s = time.monotonic()
        self._connected.clear()

    # --- switches -------------------------------------------------------------------------------------------------------------

    @property
    def _switchable(self) -> frozenset[str]:
        """The cameras whose switches take commands here."""
        named = frozenset(self._config.cameras) or self._site.cameras.keys()
        return frozenset(self._site.cameras.keys() & named) if self._config.commands else frozenset()

    def _tell_switches(self) -> None:
        """Publish the states that are not as they were told last. Any thread; never waits for the broker."""
        panel = self._site.switches
        if panel is None or not self._connected.is_set():
            return  # they are all told at the next connection
        with self._telling:
            for (camera_id, switch), on in panel.states().items():
                if self._told.get((camera_id, switch)) != on:
                    self._told[camera_id, switch] = on
                    topic = state_topic(self._config.prefix, camera_id, switch)
                    # QoS 0: what a broken connection swallows is told anew, and nothing old is repeated behind that.
                    self._client.publish(topic, "ON" if on else "OFF", qos=0, retain=True)

    def _on_message(self, client: paho.Client, data: Any, message: paho.MQTTMessage) -> None:
        del client, data
        panel = self._site.switches
        if panel is None or not self._config.commands:
            return
        try:
            topic = message.topic
        except UnicodeDecodeError:
            panel.refuse("unknown_topic", "a topic is no text")
            return
        found = command_of(self._config.prefix, self._switchable, topic, bytes(message.payload), retained=message.retain)
        if isinstance(found, Refusal):
            panel.refuse(found.outcome, found.why)
        else:
            panel.ask(found.camera_id, found.switch, on=found.on)

    def _publish(self, topic: str, content: str | bytes, *, retain: bool = False) -> None:
        told = self._client.publish(self._topic(topic), content, qos=1, retain=retain)
        try:
            told.wait_for_publish(self._config.timeout_s)
        except (RuntimeError, ValueError) as error:
            raise SinkUnreachable(f"the broker is gone: {error}") from error
        if not told.is_published():
            raise SinkUnreachable("the broker does not confirm")

    def _state(self, alert: Alert) -> str:
        """Whether any event of the rule goes on at the camera."""
        going = self._open.setdefault((alert.event.camera_id, alert.event.rule_id), set())
        if alert.moment is Moment.BEGIN and alert.event.incident.ended_at_s is None:
            going.add(alert.event.event_id)
        else:
            going.discard(alert.event.event_id)
        return "ON" if going else "OFF"

    def _topic(self, name: str) -> str:
        return f"{self._config.prefix}/{name}"


def frigate_event(alert: Alert) -> dict[str, Any]:
    """An event as programs made for Frigate read it: what was before, and what is after."""
    incident = alert.event.incident
    zones = [incident.zone] if incident.zone else []
    after = {
        "id": alert.event.event_id,
        "camera": alert.event.camera_id,
        "label": incident.class_name,
        "sub_label": incident.kind,
        "score": incident.score,
        "top_score": incident.score,
        "false_positive": alert.status == "false_alarm",
        "start_time": incident.started_at_s,
        "end_time": incident.ended_at_s,
        "frame_time": incident.updated_at_s,
        "box": None if incident.box is None else list(incident.box),
        "current_zones": zones if incident.ended_at_s is None else [],
        "entered_zones": zones,
        "has_snapshot": picture(alert) is not None,
        "has_clip": EvidenceKind.CLIP in alert.files,
        # Beyond Frigate's.
        "rule": alert.event.rule_id,
        "severity": alert.event.severity.value,
        "delivery_id": alert.delivery_id,
        "details": dict(incident.details),
        "link": alert.link,
    }
    before = after if alert.moment is Moment.BEGIN else {**after, "end_time": None, "has_clip": False, "current_zones": zones}
    return {"type": _TYPES[alert.moment], "before": before, "after": after}


def discovery(prefix: str, discovery_prefix: str, site: SiteFacts, switchable: Collection[str] = ()) -> list[tuple[str, dict[str, Any]]]:
    """What Home Assistant is told: a picture for each camera, for each of its rules whether an event goes on, and the switches.

    Args:
        prefix: The sink's topics begin with this.
        discovery_prefix: Home Assistant's own topics begin with this.
        site: Cameras and rules.
        switchable: The cameras whose switches take commands.
    """
    told: list[tuple[str, dict[str, Any]]] = []
    for camera_id, name in site.cameras.items():
        shared = {
            "availability_topic": f"{prefix}/available",
            "device": {"identifiers": [f"panops_{camera_id}"], "name": name, "manufacturer": "panops", "sw_version": __version__},
        }
        node = f"panops_{camera_id}"
        image = {"name": "Latest alarm", "unique_id": f"{node}_snapshot", "image_topic": f"{prefix}/{camera_id}/snapshot"}
        told.append((f"{discovery_prefix}/image/{node}/snapshot/config", {**image, "content_type": "image/jpeg", **shared}))
        for rule_id in site.rules.get(camera_id, ()):
            sensor = {"name": rule_id, "unique_id": f"{node}_{rule_id}", "state_topic": f"{prefix}/{camera_id}/{rule_id}"}
            told.append((f"{discovery_prefix}/binary_sensor/{node}/{rule_id}/config", {**sensor, "device_class": "safety", **shared}))
        for switch in Switch if camera_id in switchable else ():
            content = switch_discovery(prefix, camera_id, node, switch)
            told.append((f"{discovery_prefix}/switch/{node}/{switch.value}/config", {**content, **shared}))
    return told


def topic_level(name: str) -> str:
    """A class name as one level of a topic: no separators, no wildcards."""
    return "".join("_" if character in "/+#\x00" else character for character in name)
