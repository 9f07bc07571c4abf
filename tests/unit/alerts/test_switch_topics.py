"""What a message on a switch's topic asks for, whatever comes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panops.alerts.switch_topics import Command, Refusal, command_filter, command_of, command_topic, state_topic
from panops.domain.switches import Switch

CAMERAS = frozenset({"gate", "yard"})


@pytest.mark.parametrize(
    ("topic", "payload", "expected"),
    [
        ("panops/gate/enabled/set", b"OFF", Command("gate", Switch.ENABLED, on=False)),
        ("panops/gate/detect/set", b"ON", Command("gate", Switch.DETECT, on=True)),
        ("panops/yard/alerts/set", b"OFF", Command("yard", Switch.ALERTS, on=False)),
        ("panops/street/alerts/set", b"OFF", "unknown_camera"),
        ("panops/gate/recordings/set", b"OFF", "unknown_switch"),
        ("panops/gate/alerts/state", b"OFF", "unknown_topic"),
        ("panops/gate/alerts/set/now", b"OFF", "unknown_topic"),
        ("other/gate/alerts/set", b"OFF", "unknown_topic"),
        ("panops", b"OFF", "unknown_topic"),
        ("panops/gate/alerts/set", b"off", "unknown_payload"),
        ("panops/gate/alerts/set", b"", "unknown_payload"),
        ("panops/gate/alerts/set", b"ON\n", "unknown_payload"),
        ("panops/gate/alerts/set", b"O" * 64, "unknown_payload"),
        ("panops/gate/alerts/set", b"O" * 65, "too_long"),
        ("panops/gate/alerts/set", b"\xff\xfe", "unknown_payload"),
    ],
)
def test_what_is_asked_for(topic: str, payload: bytes, expected: Command | str) -> None:
    found = command_of("panops", CAMERAS, topic, payload, retained=False)
    assert (found.outcome if isinstance(found, Refusal) else found) == expected


@pytest.mark.parametrize("payload", [b"ON", b"OFF"])
def test_what_the_broker_had_kept_is_nobodys_wish(payload: bytes) -> None:
    found = command_of("panops", CAMERAS, "panops/gate/alerts/set", payload, retained=True)
    assert isinstance(found, Refusal)
    assert found.outcome == "retained"


def test_a_prefix_of_several_levels() -> None:
    found = command_of("home/panops", CAMERAS, "home/panops/gate/alerts/set", b"ON", retained=False)
    assert found == Command("gate", Switch.ALERTS, on=True)


@given(topic=st.text(), payload=st.binary(max_size=200), retained=st.booleans())
def test_anything_at_all_is_refused_in_one_line(topic: str, payload: bytes, retained: bool) -> None:
    for given_topic in (topic, f"panops/{topic}/set", f"panops/gate/{topic}/set", f"panops/{topic}/alerts/set", "panops/gate/alerts/set"):
        found = command_of("panops", CAMERAS, given_topic, payload, retained=retained)
        if isinstance(found, Command):
            assert (found.camera_id in CAMERAS, payload, retained) == (True, b"ON" if found.on else b"OFF", False)
            assert given_topic == command_topic("panops", found.camera_id, found.switch)
        else:
            assert found.why.isprintable(), "nothing that came can break a line of the log"
            assert len(found.why) < 500


@given(camera=st.sampled_from(sorted(CAMERAS)), switch=st.sampled_from(Switch), on=st.booleans())
def test_what_is_told_where_it_is_taken(camera: str, switch: Switch, on: bool) -> None:
    topic = command_topic("panops", camera, switch)
    assert command_of("panops", CAMERAS, topic, b"ON" if on else b"OFF", retained=False) == Command(camera, switch, on)
    assert command_filter("panops").count("/") == topic.count("/")
    assert state_topic("panops", camera, switch) == topic.removesuffix("set") + "state"
