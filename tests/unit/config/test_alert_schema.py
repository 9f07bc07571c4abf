from __future__ import annotations

import json
from importlib.metadata import EntryPoint

import pytest

from panops.config.alert_schema import EmailConfig, PluginSinkConfig, WebhookConfig
from panops.config.load import parse_site
from panops.domain.alerts import Moment
from panops.domain.errors import ConfigError

CAMERA = "cameras: {gate: {source: 'sim://yard'}}\nrules: [{id: night, kind: intrusion}]\n"
MAIL = "server: mail.example, sender: a@b.example, to: [c@d.example]"


def sink(text: str) -> object:
    (found,) = parse_site(f"{CAMERA}alerts: [{{{text}}}]\n", environ={}).alerts
    return found


def test_a_webhook_has_usual_settings() -> None:
    found = sink("id: hook, kind: webhook, url: ' https://example.org/h?key=1 '")
    assert isinstance(found, WebhookConfig)
    assert found.url.get_secret_value() == "https://example.org/h?key=1"
    assert found.moments == [Moment.BEGIN, Moment.END]
    assert "key=1" not in repr(found) + json.dumps(found.model_dump(mode="json"))


def test_a_mail_tells_beginnings() -> None:
    found = sink(f"id: mail, kind: email, {MAIL}")
    assert isinstance(found, EmailConfig)
    assert (found.port, found.security, found.moments) == (587, "starttls", [Moment.BEGIN])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("id: a, kind: webhok, url: 'http://x'", "alerts.0.kind: no sink is of kind 'webhok'; did you mean 'webhook'?"),
        ("id: a, url: 'http://x'", "alerts.0.kind: is required and missing; expected one of: webhook, email, mqtt, file, apprise"),
        ("id: a, kind: webhook", "alerts.0.url: is required and missing"),
        ("id: a, kind: webhook, url: 'ftp://user:pw@host/'", "alerts.0.url: expected an address such as https://example.org/hook"),
        ("id: a, kind: webhook, url: 'http://:80/'", "alerts.0.url: expected an address such as"),
        ("id: a, kind: webhook, url: 'http://x:port/'", "alerts.0.url: expected an address such as"),
        ("id: a, kind: webhook, url: 'http://x', headers: {'A b': c}", "'A b' cannot be a header's name"),
        ('id: a, kind: webhook, url: "http://x", headers: {A: "b\\r\\nC: d"}', "characters that a header cannot have"),
        ("id: a, kind: webhook, url: 'http://x', moments: []", "expected at least one word"),
        ("id: a, kind: webhook, url: 'http://x', moments: [start]", "unknown word; expected one of: begin, clip, end"),
        ("id: a, kind: webhook, url: 'http://x', unless_reviewed: true", "unless_reviewed needs after_s"),
        ("id: a, kind: webhook, url: 'http://x', cameras: [gat]", "alerts.0.cameras: no camera 'gat'; did you mean 'gate'?"),
        ("id: a, kind: webhook, url: 'http://x', rules: [day]", "alerts.0.rules: no rule 'day'"),
        (f"id: a, kind: email, {MAIL.replace('c@d.example', 'nobody')}", "expected a mail address"),
        (f"id: a, kind: email, {MAIL}, security: none, password: pw", "a password needs an encrypted connection"),
        ("id: a, kind: webhook, url: 'http://x', template: '{{ title'", "the template cannot be used"),
        ("id: a, kind: mqtt, host: x, group_s: 5", "MQTT tells each event by itself"),
        ("id: a, kind: file, path: a}, {id: a, kind: file, path: b", "alerts.1.id: the id 'a' is used twice"),
    ],
)
def test_mistakes_are_named(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        sink(text)
    assert said in str(caught.value)
    assert "pw" not in str(caught.value).replace("password", "")


def test_something_else_in_the_place_of_a_sink() -> None:
    with pytest.raises(ConfigError, match=r"alerts\.0: expected a sink such as"):
        parse_site("alerts: [phone]")


def test_secrets_are_kept_for_the_database_only() -> None:
    site = parse_site("alerts: [{id: hook, kind: webhook, url: 'https://x/?key=1', secret: '${S}', headers: {A: b}}]", environ={"S": "pw"})
    (kept,) = site.plain_settings()["alerts"]
    assert kept == {"id": "hook", "kind": "webhook", "url": "https://x/?key=1", "secret": "pw", "headers": {"A": "b"}}
    (shown,) = site.model_dump(mode="json", exclude_defaults=True)["alerts"]
    assert shown == {"id": "hook", "kind": "webhook", "url": "**********", "secret": "**********", "headers": {"A": "**********"}}


@pytest.mark.parametrize("address", ["https://panops.example.org", "http://10.0.0.5:8440/", "https://example.org/panops"])
def test_the_page_has_an_address(address: str) -> None:
    assert parse_site(f"server: {{public_url: '{address}'}}").server.public_url == address.rstrip("/")


@pytest.mark.parametrize("address", ["panops.example.org", "https://user:pw@example.org", "javascript:alert(1)", "https://x/?a=b"])
def test_an_address_that_is_none(address: str) -> None:
    with pytest.raises(ConfigError, match="expected an address such as https"):
        parse_site(f"server: {{public_url: '{address}'}}")


def test_a_sink_of_a_plug_in_keeps_its_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("pager", "pager_plugin:Pager", "panops.sinks")
    monkeypatch.setattr("panops.config.fields.entry_points", lambda group: [point] if group == "panops.sinks" else [])
    found = sink("id: boss, kind: pager, number: 17, severities: [alarm]")
    assert isinstance(found, PluginSinkConfig)
    assert (found.kind, found.model_extra, found.moments) == ("pager", {"number": 17}, [Moment.BEGIN, Moment.END])
    with pytest.raises(ConfigError, match="no sink is of kind 'pagr'; did you mean 'pager'"):
        sink("id: boss, kind: pagr, number: 17")


ROOM = "cameras: {gate: {source: 'sim://yard'}, yard: {source: 'sim://yard'}}\ngroups: {room: [gate], all: [gate, yard]}\n"


def test_one_person_is_one_alarm_in_the_groups_that_are_named() -> None:
    site = parse_site(ROOM + "one_alarm: {groups: [room]}")
    assert site.one_alarm_cameras("gate") == {"gate"}
    assert (site.one_alarm_cameras("yard"), site.looks_model("yard")) == (frozenset(), "")
    assert site.looks_model("gate") == "person_reid"
    assert parse_site(ROOM + "one_alarm: {groups: [room, all]}").one_alarm_cameras("gate") == {"gate", "yard"}
    off = parse_site(ROOM)
    assert (off.one_alarm_cameras("gate"), off.looks_model("gate"), off.plain_settings()) == (frozenset(), "", {})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{groups: [rom]}", "line 3: one_alarm.groups: no group 'rom'; did you mean 'room'?"),
        ("{groups: [room], kinds: [intrusoin]}", "line 3: one_alarm.kinds: no kind of rule 'intrusoin'; did you mean 'intrusion'?"),
        ("{groups: [room], within_s: 0}", "line 3: one_alarm.within_s: expected"),
        ("{groups: [room], likeness: 1.5}", "line 3: one_alarm.likeness: expected"),
        ("{groups: [room], kinds: []}", "line 3: one_alarm.kinds: expected"),
        ("{group: [room]}", "line 3: one_alarm.group"),
        (
            "{groups: [room]}\nevidence: {find_again: other}",
            "line 3: one_alarm.model: expected 'other', for that is what evidence.find_again",
        ),
    ],
)
def test_mistakes_in_one_alarm_are_named(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_site(f"{ROOM}one_alarm: {text}")
    assert said in str(caught.value)
