"""Cameras from tables and from Frigate's settings."""

from __future__ import annotations

import pytest

from panops.config.imports.frigate_zone import zone_polygon
from panops.config.imports.plan import LARGEST_BYTES, ImportPlan, compare, id_for, read_import
from panops.config.load import cross_check, parse_site
from panops.config.schema import SiteConfig
from panops.domain.errors import ConfigError

TABLE = """id,name,address,username,password,check_fps,alarm,Floor
gate,Front gate,rtsp://10.0.0.5/sub,eva,p@ss/1,5,person car,2
,Yard (north),rtsp://10.0.0.6/sub,,,,,
"""

FRIGATE = """mqtt:
  host: broker
objects:
  track: [person, car]
  filters:
    person: {min_score: 0.6, threshold: 0.75}
detect:
  width: 1280
  height: 720
record:
  enabled: true
  alerts: {retain: {days: 14}}
go2rtc:
  streams:
    yard: ["rtsp://eva:secret@10.0.0.7/main#backchannel=0"]
    odd: ["ffmpeg:yard#video=h264"]
cameras:
  gate:
    friendly_name: Front gate
    ffmpeg:
      hwaccel_args: preset-vaapi
      inputs:
        - path: rtsp://{FRIGATE_USER}:{FRIGATE_PASSWORD}@10.0.0.5/sub
          roles: [detect]
        - path: rtsp://10.0.0.5/main
          roles: [record]
    detect: {fps: 7, enabled: false}
    motion: {mask: "0,0,1,1"}
    objects: {filters: {person: {min_score: 0.5}, car: {min_score: 0.4}}}
    zones:
      door: {coordinates: "0,0,640,0,640,720,0,720", objects: person, loitering_time: 12, inertia: 3}
      road: {coordinates: ["0.5,0.5", "1,0.5", "1,1"], objects: [car, traffic light]}
    review: {alerts: {required_zones: [door]}, detections: {labels: [car]}}
  yard:
    enabled: false
    ffmpeg:
      inputs:
        - path: rtsp://127.0.0.1:8554/yard
          roles: [detect, record]
  odd:
    ffmpeg:
      inputs:
        - path: rtsp://127.0.0.1:8554/odd
          roles: [detect]
"""
ENVIRON = {"FRIGATE_USER": "eva", "FRIGATE_PASSWORD": "secret"}


def frigate(text: str = FRIGATE) -> ImportPlan:
    return read_import(text, "config.yml", ENVIRON)


def faults(text: str, name: str = "a.csv") -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read_import(text, name, {})
    return [str(problem) for problem in caught.value.problems]


# --- tables -------------------------------------------------------------------------------------------------------------------


def test_a_table() -> None:
    plan = read_import(TABLE, "cameras.csv", {})
    assert list(plan.cameras) == ["gate", "yard-north"]
    gate = plan.cameras["gate"]
    assert (gate.name, gate.check_fps, gate.source.get_secret_value()) == ("Front gate", 5.0, "rtsp://eva:p%40ss%2F1@10.0.0.5/sub")
    assert [(rule.id, rule.kind, rule.cameras, rule.classes) for rule in plan.rules] == [
        ("gate-alarm", "intrusion", ["gate"], ["person", "car"])
    ]
    assert [str(one) for one in plan.left_out] == [
        "line 1: Floor: no such setting; columns are id, source, name, enabled, transport, loop, model, check_fps, min_score, stall_s, "
        "frozen_s, sleep, username, password, classes"
    ]
    assert plan.lines == {"gate": 2, "yard-north": 3}


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_as_spreadsheets_write_it(delimiter: str, end: str, mark: str) -> None:
    rows = [["Name", "URL", "enabled"], ['"A ""big"" gate"', "rtsp://a/1", "no"], ["", "", ""], ["B", "rtsp://b/1", "TRUE"]]
    plan = read_import(mark + end.join(delimiter.join(row) for row in rows) + end, "x.txt", {})
    assert {name: camera.enabled for name, camera in plan.cameras.items()} == {"a-big-gate": False, "b": True}
    assert plan.lines == {"a-big-gate": 2, "b": 4}


def test_every_fault_of_a_table_has_its_line() -> None:
    text = "id,source,check_fps,user\na,rtsp://a,99,\nb,,5,\na b,rtsp://c,5,\na2,rtsp://a,5,\na2,rtsp://a,5,\nc,rtsp://u:p@h/1,5,eva\n"
    assert faults(text) == [
        "line 2: check_fps: expected at most 60, got 99.0",
        "line 3: source: is required and missing",
        "line 4: id: expected letters, digits, `_` and `-`, at most 63, got 'a b'",
        "line 6: id: 'a2' is used twice; it is in line 5, too",
        "line 7: username: expected an address such as rtsp://HOST/... without a login in it",
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "expected a first row that names the columns, source among them"),
        ("gate,rtsp://a\n", "expected a first row that names the columns"),
        ("source\n", "expected at least one camera, got none"),
        ("source,url\nrtsp://a,rtsp://b\n", "source: is the name of two columns"),
        ("source\nrtsp://a,extra\n", "line 2: expected 1 fields, got 2"),
        ('source\n"rtsp://a\n', "line 2: cannot be read"),
        ("source\n" + "x" * LARGEST_BYTES, "expected a file of at most 768 KiB"),
        ("source\n192.168.1.5/live\n", "line 2: source: expected an address with its scheme"),
    ],
)
def test_what_is_no_table(text: str, sentence: str) -> None:
    assert any(sentence in fault for fault in faults(text)), faults(text)


def test_ids_made_of_names_stay_apart() -> None:
    assert [id_for("Gate 2 (north)", ()), id_for("Gate", ["gate", "gate-2"]), id_for("門", ()), id_for("x" * 99, ())] == [
        "gate-2-north",
        "gate-3",
        "camera",
        "x" * 55,
    ]


# --- Frigate ------------------------------------------------------------------------------------------------------------------


def test_frigates_cameras_zones_and_rules() -> None:
    plan = frigate()
    gate, yard = plan.cameras["gate"], plan.cameras["yard"]
    assert gate.source.get_secret_value() == "rtsp://eva:secret@10.0.0.5/sub"
    assert (gate.name, gate.check_fps, gate.min_score, gate.enabled, yard.enabled) == ("Front gate", 7.0, 0.4, True, False)
    assert yard.min_score == 0.6
    assert gate.zones["door"].polygon == [(0, 0), (0.5, 0), (0.5, 1), (0, 1)]
    assert gate.zones["road"].polygon == [(0.5, 0.5), (1, 0.5), (1, 1)]
    assert yard.source.get_secret_value() == "rtsp://eva:secret@10.0.0.7/main", "read from the camera, not through Frigate"
    found = [(rule.id, rule.kind, getattr(rule, "zone", None), rule.classes, rule.severity.value) for rule in plan.rules]
    assert found == [
        ("gate-door", "loitering", "door", ["person"], "alarm"),
        ("gate-road", "intrusion", "road", ["car", "traffic_light"], "info"),
        ("yard-anywhere", "intrusion", None, ["person", "car"], "alarm"),
        ("odd-anywhere", "intrusion", None, ["person", "car"], "alarm"),
    ]
    assert list(cross_check(SiteConfig(cameras=dict(plan.cameras), rules=list(plan.rules)))) == []


def test_what_of_frigate_has_no_counterpart_is_named_with_its_line() -> None:
    told = [str(one) for one in frigate().left_out]
    for wanted in (
        "line 1: mqtt: add a sink of kind mqtt under `alerts`",
        "line 6: objects.filters.person.threshold: not taken over",
        "line 10: record: events are kept for `retention.days` of the site (30); the file says 14 at most: set it there",
        "line 21: cameras.gate.ffmpeg.hwaccel_args: not taken over",
        "line 25: cameras.gate.ffmpeg.inputs.1: a camera has one stream here, that for detect; not taken over: record",
        "line 27: cameras.gate.detect.enabled: is false here",
        "line 28: cameras.gate.motion: motion masks are not taken over",
        "line 29: cameras.gate.objects.filters: a camera has one `min_score`; the least one, 0.4, is taken",
        "line 31: cameras.gate.zones.door.inertia: not taken over",
        "line 33: cameras.gate.review.detections: not taken over",
        "line 38: cameras.yard.ffmpeg.inputs.0.path: read from the camera itself",
        "line 43: cameras.odd.ffmpeg.inputs.0.path: is read through Frigate's go2rtc",
    ):
        assert any(one.startswith(wanted) for one in told), (wanted, told)
    assert "secret" not in " ".join(told)


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (
            "[detect]\n        - path: rtsp://10.0.0.5/main",
            "[audio]\n        - path: rtsp://x",
            "line 22: cameras.gate.ffmpeg.inputs: expected an input",
        ),
        ("fps: 7", "fps: 0", "line 27: cameras.gate.detect.fps: expected more than 0, got 0.0"),
        ('"0,0,640,0,640,720,0,720"', '"0,0,640"', "line 31: cameras.gate.zones.door.coordinates: expected at least three corners"),
        (
            '"0,0,640,0,640,720,0,720"',
            '"0,0,9999,0,640,720"',
            "line 31: cameras.gate.zones.door.coordinates: the corner 9999,0 lies outside",
        ),
        ('"0,0,640,0,640,720,0,720"', "north", "line 31: cameras.gate.zones.door.coordinates: expected pairs of numbers"),
        ("  width: 1280\n", "", "line 30: cameras.gate.zones.door.coordinates: these are pixels"),
        ("{FRIGATE_USER}", "{FRIGATE_NOBODY}", "line 23: cameras.gate.ffmpeg.inputs.0.path: the variable FRIGATE_NOBODY is not set here"),
        ("  yard:\n    enabled: false", "  yard:\n    enabled: 7", "line 35: cameras.yard.enabled: expected"),
    ],
)
def test_faults_of_frigates_settings_have_their_lines(old: str, new: str, fault: str) -> None:
    assert old in FRIGATE
    with pytest.raises(ConfigError) as caught:
        frigate(FRIGATE.replace(old, new, 1))
    assert any(str(problem).startswith(fault) for problem in caught.value.problems), str(caught.value)


@pytest.mark.parametrize("text", ["", "cameras: 3", "[1]", "cameras: {}", "a: [", "a: &a [*a]", "cameras: {gate: 3}", "cameras: {gate: }"])
def test_what_is_no_frigate(text: str) -> None:
    assert faults(text, "config.yaml")


def test_many_aliases_take_no_time() -> None:
    text = "a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} {{l: *a{n - 1}, r: *a{n - 1}}}\n" for n in range(1, 60)) + FRIGATE
    assert len(frigate(text).cameras) == 3


def test_corners_on_the_edge() -> None:
    assert zone_polygon("-1,-0.5,1281,0,1280,721", 1280, 720) == [(0, 0), (1, 0), (1, 1)]


# --- beside a site ------------------------------------------------------------------------------------------------------------


def test_what_is_there_stays_and_a_second_time_adds_nothing() -> None:
    plan = frigate()
    site = parse_site("cameras: {gate: {source: 'rtsp://other'}, old: {source: 'rtsp://eva:secret@10.0.0.7/main'}}")
    preview = compare(plan, site)
    assert dict(preview.cameras) == {"gate": "different", "yard": "new", "odd": "new"}
    assert preview.rules["gate-door"] == "different", "its zone is not there"
    told = " ".join(str(one) for one in preview.left_out)
    assert "cameras.gate: is there with other settings, which stay as they are" in told
    assert "rules.gate-door: is left out: the camera gate stays as it is and has no zone door" in told
    assert "cameras.yard: has the same address as the camera old" in told
    cameras, rules = {**site.cameras, **preview.new_cameras(plan)}, preview.new_rules(plan)
    after = SiteConfig(cameras=cameras, rules=rules)
    assert list(cross_check(after)) == []
    again = compare(plan, after)
    assert (again.new_cameras(plan), again.new_rules(plan)) == ({}, [])
