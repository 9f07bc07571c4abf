from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from panops.alerts.file import LineFile
from panops.alerts.payload import payload
from panops.alerts.words import picture, text, title
from panops.config.alert_schema import FileConfig
from panops.domain.alerts import Alert, Moment, SiteFacts
from panops.domain.errors import SinkUnreachable
from panops.domain.events import EventPhase, EvidenceKind, Severity

from .makers import NOON_S, make_alert, make_event

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("alert", "said"),
    [
        (make_alert(), "Line crossing: North gate"),
        (make_alert(Moment.CLIP), "Line crossing (its clip is there): North gate"),
        (make_alert(Moment.END), "Line crossing is over: North gate"),
        (make_alert(others=(make_event(1), make_event(2))), "Line crossing: North gate and 2 more"),
        (make_alert(camera_name="a\r\nBcc: x@y\x00\x1b[31m"), "Line crossing: a Bcc: x@y [31m"),
        (make_alert(is_test=True), "panops: a test"),
    ],
)
def test_title(alert: Alert, said: str) -> None:
    assert title(alert) == said


def test_the_text_says_what_where_and_when_in_the_sites_time() -> None:
    ended = make_event(phase=EventPhase.END, ended_at_s=NOON_S + 10)
    lines = text(make_alert(Moment.END, event=ended, others=(make_event(1),)), BERLIN).splitlines()
    assert lines == [
        "Line crossing (night, alarm): person at yard, camera North gate, 2026-11-20 12:59:57, score 0.81, direction a_to_b.",
        "It ended at 2026-11-20 13:00:10, after 12 s.",
        "Also: Line crossing (night, alarm): person at yard, camera North gate, 2026-11-20 12:59:57, score 0.81, direction a_to_b.",
        "",
        "http://panops.example/events/gate-1-0",
    ]


def test_of_a_camera_that_is_not_well_there_is_no_object_to_name() -> None:
    event = make_event(rule_id="camera_health", severity=Severity.WARNING)
    event = replace(event, incident=replace(event.incident, kind="camera_covered", class_name="", zone="", details={"share": 1.0}))
    assert text(make_alert(event=event), BERLIN).splitlines()[0] == "Camera covered (warning): North gate, 2026-11-20 12:59:57."


def test_of_what_somebody_does_not_wear_it_is_said_that_it_is_missing() -> None:
    event = make_event()
    event = replace(event, incident=replace(event.incident, kind="compliance", zone="", details={"item": "hardhat", "votes": 7.0}))
    assert title(make_alert(event=event)) == "Hardhat missing: North gate"
    assert title(make_alert(Moment.END, event=event)) == "Hardhat missing is over: North gate"
    said = "Hardhat missing (night, alarm): person, camera North gate, 2026-11-20 12:59:57, score 0.81."
    assert text(make_alert(event=event), BERLIN).splitlines()[0] == said


def test_of_many_that_come_together_the_text_names_some() -> None:
    lines = text(make_alert(others=tuple(make_event(number) for number in range(1, 31))), BERLIN).splitlines()
    assert len(lines) == 1 + 20 + 1 + 2
    assert lines[21] == "And 10 more."


def test_the_best_picture(tmp_path: Path) -> None:
    plain, annotated = tmp_path / "snapshot.jpg", tmp_path / "annotated.jpg"
    alert = make_alert()
    assert picture(alert) is None
    both = Alert(1, Moment.BEGIN, alert.event, "x", files={EvidenceKind.SNAPSHOT: plain, EvidenceKind.ANNOTATED: annotated})
    assert picture(both) == annotated
    assert picture(Alert(1, Moment.BEGIN, alert.event, "x", files={EvidenceKind.SNAPSHOT: plain})) == plain


def test_the_payload_is_json_with_the_names_of_the_api() -> None:
    values = json.loads(json.dumps(payload(make_alert(picture=Path("x.jpg")), BERLIN), allow_nan=False))
    assert (values["delivery_id"], values["moment"], values["test"], values["evidence"]) == (7, "begin", False, ["annotated"])
    event = values["event"]
    assert (event["event_id"], event["camera_id"], event["camera_name"], event["status"]) == ("gate-1-0", "gate", "North gate", "new")
    assert (event["started_at"], event["ended_at"]) == ("2026-11-20T11:59:57.500Z", None)
    assert event["details"] == {"direction": "a_to_b", "dwell_s": 1.5}


def test_a_line_for_each_alert(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "alerts.jsonl"
    sink = LineFile(FileConfig.model_validate({"id": "f", "kind": "file", "path": str(path)}), SiteFacts(BERLIN))
    assert sink.deliver(make_alert()) == "written"
    path.rename(tmp_path / "rotated")
    sink.deliver(make_alert(Moment.END))
    sink.close()
    (line,) = path.read_text().splitlines()
    assert json.loads(line)["moment"] == "end"

    LineFile(FileConfig.model_validate({"id": "f", "kind": "file", "path": "-"}), SiteFacts(BERLIN)).deliver(make_alert())
    assert json.loads(capsys.readouterr().out)["title"] == "Line crossing: North gate"


def test_a_file_that_cannot_be_written_is_worth_another_try(tmp_path: Path) -> None:
    sink = LineFile(FileConfig.model_validate({"id": "f", "kind": "file", "path": str(tmp_path / "none" / "x")}), SiteFacts(BERLIN))
    with pytest.raises(SinkUnreachable, match="cannot be written: No such file"):
        sink.deliver(make_alert())
