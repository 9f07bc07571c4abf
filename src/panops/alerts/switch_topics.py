"""The MQTT topics of cameras' switches: what is said of them, and what a command asks for. As Frigate has them."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from typing import Any

from panops.domain.switches import Switch

PAYLOADS = {b"ON": True, b"OFF": False}
# A word for people and Home Assistant's icon.
_SHOWN = {Switch.ENABLED: ("Camera", "mdi:cctv"), Switch.DETECT: ("Detection", "mdi:motion-sensor"), Switch.ALERTS: ("Alerts", "mdi:bell")}
_LONGEST_PAYLOAD, _LONGEST_SHOWN = 64, 60


@dataclass(frozen=True, slots=True)
class Command:
    """What a message asks for."""

    camera_id: str
    switch: Switch
    on: bool


@dataclass(frozen=True, slots=True)
class Refusal:
    """A message that is not followed.

    Attributes:
        outcome: A stable word: `unknown_topic`, `unknown_camera`, `unknown_switch`, `too_long`, `unknown_payload`, `retained`.
        why: One sentence for the log. Of what came it shows little, and nothing that could break a line.
    """

    outcome: str
    why: str


def state_topic(prefix: str, camera_id: str, switch: Switch) -> str:
    """Where it is said whether a switch is on; retained."""
    return f"{prefix}/{camera_id}/{switch.value}/state"


def command_topic(prefix: str, camera_id: str, switch: Switch) -> str:
    """Where a switch takes commands."""
    return f"{prefix}/{camera_id}/{switch.value}/set"


def command_filter(prefix: str) -> str:
    """What to subscribe to for the commands of all cameras; also such as are none, so that a wrong topic is told."""
    return f"{prefix}/+/+/set"


def command_of(prefix: str, cameras: Container[str], topic: str, payload: bytes, *, retained: bool) -> Command | Refusal:
    """What a message asks for, whatever came.

    Args:
        prefix: The sink's.
        cameras: Ids of the cameras that the sink may switch.
        topic: Where it came.
        payload: What came; `ON` or `OFF`.
        retained: Whether the broker had kept it: nobody asks for that now, and it would be done again after each restart.
    """
    levels = topic.removeprefix(f"{prefix}/").split("/") if topic.startswith(f"{prefix}/") else []
    if len(levels) != 3 or levels[2] != "set":
        return Refusal("unknown_topic", f"expected {prefix}/CAMERA/SWITCH/set, got {_shown(topic)}")
    camera_id, name = levels[0], levels[1]
    if camera_id not in cameras:
        return Refusal("unknown_camera", f"there is no camera {_shown(camera_id)} for this sink")
    if name not in {switch.value for switch in Switch}:
        return Refusal("unknown_switch", f"a camera has {', '.join(Switch)}, got {_shown(name)}")
    on = _on(payload, topic)
    if isinstance(on, bool) and retained:
        why = f"{topic} is retained ({'ON' if on else 'OFF'}) and nobody's wish now; publish commands without the retain flag"
        return Refusal("retained", why)
    return Command(camera_id, Switch(name), on) if isinstance(on, bool) else on


def _on(payload: bytes, topic: str) -> bool | Refusal:
    if len(payload) > _LONGEST_PAYLOAD:
        return Refusal("too_long", f"expected ON or OFF at {topic}, got {len(payload)} bytes")
    on = PAYLOADS.get(payload)
    return Refusal("unknown_payload", f"expected ON or OFF at {topic}, got {_shown(payload)}") if on is None else on


def switch_discovery(prefix: str, camera_id: str, node: str, switch: Switch) -> dict[str, Any]:
    """What Home Assistant is told of a switch, but for its device and availability."""
    name, icon = _SHOWN[switch]
    return {
        "name": name,
        "unique_id": f"{node}_switch_{switch.value}",
        "command_topic": command_topic(prefix, camera_id, switch),
        "state_topic": state_topic(prefix, camera_id, switch),
        "icon": icon,
        "entity_category": "config",
    }


def _shown(got: str | bytes) -> str:
    return repr(got[:_LONGEST_SHOWN])
