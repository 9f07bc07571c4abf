"""The site file: every problem at once, with line and field, and never a password."""

from __future__ import annotations

from contextlib import suppress
from datetime import time
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from panops.config import yaml_reader
from panops.config.load import load_site, parse_site
from panops.config.rule_schema import PluginRuleConfig, RuleConfig
from panops.config.schema import SiteConfig
from panops.domain.errors import ConfigError

GOOD = """
cameras:
  room:
    source: rtsp://viewer:${ROOM_PASSWORD}@camera.example/sub
    zones: {floor: {polygon: [[0, 0], [1, 0], [1, 1], [0, 1]]}}
    lines: {door: {points: [[0.5, 0], [0.5, 1]]}}
rules:
  - {id: night, kind: intrusion, cameras: [room], zone: floor, classes: [person], after_s: 1.0}
  - {id: door, kind: line_crossing, line: door}
"""


def problems(text: str, environ: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse_site(text, environ=environ or {})
    return [str(problem) for problem in caught.value.problems]


def test_a_good_site() -> None:
    site = parse_site(GOOD, environ={"ROOM_PASSWORD": "p@ss/word"})
    assert site.cameras["room"].source.get_secret_value() == "rtsp://viewer:p%40ss%2Fword@camera.example/sub"
    assert [rule.id for rule in site.camera_rules("room")] == ["night", "door"]
    assert "p@ss" not in repr(site)
    assert "p%40" not in repr(site)


def test_all_problems_at_once_with_line_and_field() -> None:
    text = """
cameras:
  room:
    source: rtsp://camera.example/sub
    zones: {floor: {polygon: [[0, 0], [1, 0]]}}
    chek_fps: 3
  yard:
    source: gopher://x
    zones: {z: {polygon: [[0, 0], [.nan, 0], [1, 1]]}}
rules:
  - {id: night, kind: intrusion, zone: floor, after_s: -1}
  - {kind: burglary, id: x}
"""
    found = problems(text)
    assert any(p.startswith("line 5: cameras.room.zones.floor.polygon: a zone needs at least 3 points, got 2") for p in found)
    assert any(p.startswith("line 6: cameras.room.chek_fps: no such setting") for p in found)
    assert any("line 8: cameras.yard.source: cannot read gopher: addresses" in p for p in found)
    assert any("line 9: cameras.yard.zones.z.polygon" in p and "nan" in p for p in found)
    assert any("line 11: rules.0.after_s" in p and "got -1" in p for p in found)
    assert any("line 12: rules.1" in p and "burglary" in p for p in found)
    assert len(found) == 6


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ("- {id: a, kind: intrusion, cameras: [attic]}", "no camera 'attic'; there are: room"),
        ("- {id: a, kind: intrusion, zone: roof}", "camera 'room' has no zone 'roof'; it has: floor"),
        ("- {id: a, kind: line_crossing, line: fence}", "camera 'room' has no line 'fence'; it has: none"),
        ("- {id: a, kind: intrusion, leave_out: [flor]}", "none of its cameras has a zone 'flor'; did you mean 'floor'?"),
        ("- {id: a, kind: intrusion}\n  - {id: a, kind: intrusion}", "the id 'a' is used twice"),
        ("- {id: camera_health, kind: intrusion}", "the id 'camera_health' is taken"),
    ],
)
def test_names_that_point_to_nothing(rules: str, said: str) -> None:
    text = f"cameras:\n  room: {{source: a.mp4, zones: {{floor: {{polygon: [[0,0],[1,0],[1,1]]}}}}}}\nrules:\n  {rules}\n"
    (found,) = problems(text)
    assert said in found
    assert found.startswith(("line 4", "line 5"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cameras: [", "line 1: not valid YAML"),
        ("- a\n- b", "expected a mapping"),
        ("cameras: {a: {source: x.mp4}, a: {source: y.mp4}}", "line 1: cameras.a: is given twice"),
        ("cameras: {a: {source: 'rtsp://u:${NOPE}@h/'}}", "the environment variable NOPE is not set"),
        ("cameras: {a: {source: '${file:/no/such/secret}'}}", "cannot read /no/such/secret"),
        ("timezone: Mars/Base", "expected a time zone's name such as Europe/Berlin, got 'Mars/Base'"),
        ("cameras: {'../x': {source: a}}", "cameras.../x"),
    ],
)
def test_broken_files(text: str, said: str) -> None:
    assert said in "\n".join(problems(text))


def test_a_zone_that_crosses_itself() -> None:
    zone = "cameras: {a: {source: x.mp4, zones: {z: {polygon: [[.1,.4],[.9,.4],[0,1],[1,1]]}}}}"
    (found,) = problems(zone)
    assert "a zone's edges must not cross; the edges after points 2 and 4 do" in found
    star = [[0.5, 0.0], [0.6, 0.4], [1.0, 0.5], [0.6, 0.6], [0.5, 1.0], [0.4, 0.6], [0.0, 0.5], [0.4, 0.4]]
    concave = f"cameras: {{a: {{source: x.mp4, zones: {{z: {{polygon: {star}}}}}}}}}"
    assert parse_site(concave, environ={}).cameras["a"].zones["z"].polygon[1] == (0.6, 0.4)


def test_a_missing_variable_never_repeats_the_rest_of_the_address() -> None:
    found = "\n".join(problems("cameras: {a: {source: 'foo://u:secret${NOPE}@h/'}}"))
    assert "secret" not in found


@pytest.mark.parametrize(
    "text",
    [
        "cameras: {a: 'rtsp://u:hunter2@h/'}",
        "cameras: 'rtsp://u:hunter2@h/'",
        "cameras: {a: {source: x.mp4, zones: 'rtsp://u:hunter2@h/', name: ['hunter2']}}",
        "cameras: {a: {source: x.mp4, transport: hunter2}}",
        "rules: ['rtsp://u:hunter2@h/']",
    ],
)
def test_an_address_in_the_wrong_place_is_never_repeated(text: str) -> None:
    assert "hunter2" not in "\n".join(problems(text))


def test_secret_from_a_file_and_defaults(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("s3:cret\n")
    text = f"cameras: {{a: {{source: 'rtsp://u:${{file:{tmp_path / 'password'}}}@${{HOST:-cam.example}}/x'}}}}"
    assert parse_site(text, environ={}).cameras["a"].source.get_secret_value() == "rtsp://u:s3%3Acret@cam.example/x"


@pytest.mark.parametrize("content", [b"\xff\xfe\x00binary", b"", b"a: *x"])
def test_files_that_are_not_a_site(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "site.yaml"
    path.write_bytes(content)
    if content == b"":
        assert load_site(path).cameras == {}
        return
    with pytest.raises(ConfigError, match=r"site\.yaml: 1 problem"):
        load_site(path)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read the file"):
        load_site(tmp_path / "no.yaml")


@given(st.text(max_size=200))
def test_any_text_is_a_site_or_a_config_error(text: str) -> None:
    with suppress(ConfigError):
        parse_site(text, environ={})


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["cameras", "rules", "a", "source", "zones", "polygon"]), inner, max_size=4)
        ),
        max_leaves=12,
    )
)
def test_any_structure_is_a_site_or_a_config_error(data: object) -> None:
    with suppress(ConfigError):
        parse_site(yaml.safe_dump(data), environ={})


def test_times_and_words_are_what_people_wrote() -> None:
    text = """
cameras:
  off: {source: a.mp4}
  on: {source: 010.mp4}
rules:
  - {id: yes, kind: intrusion, schedule: [{start: 18:00, end: 06:30}]}
"""
    site = parse_site(text, environ={})
    assert list(site.cameras) == ["off", "on"]
    (rule,) = site.rules
    assert rule.id == "yes"
    assert (rule.schedule[0].start, rule.schedule[0].end) == (time(18), time(6, 30))


@pytest.mark.parametrize(
    ("written", "value"),
    [("12", 12), ("-3", -3), ("010", 10), ("1.5", 1.5), (".5", 0.5), ("1e3", 1000.0), ("true", True), ("no", "no"), ("~", None),
     ("", None), ("12:30:45", "12:30:45"), ("2026-01-02", "2026-01-02"), ("0x10", "0x10"), ("'7'", "7")],
)  # fmt: skip
def test_plain_values(written: str, value: object) -> None:
    assert yaml_reader.load(f"a: {written}") == {"a": value}


@pytest.fixture
def queueing(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if a plug-in with a rule were installed."""
    points = EntryPoints([EntryPoint("queueing", "acme.queueing:Queueing", "panops.rules")])
    monkeypatch.setattr("panops.config.fields.entry_points", lambda group: points.select(group=group))


CROWD = """
cameras: {room: {source: a.mp4, zones: {floor: {polygon: [[0, 0], [1, 0], [1, 1]]}}}}
rules:
  - {id: crowd, kind: queueing, zone: ZONE, density: 2.5, levels: [1, 2], after_s: 3}
  - {id: anyone, kind: intrusion}
"""


@pytest.mark.usefixtures("queueing")
def test_a_rule_of_a_plug_in_keeps_its_settings() -> None:
    site = parse_site(CROWD.replace("ZONE", "floor"))
    rule = site.rules[0]
    assert isinstance(rule, PluginRuleConfig)
    assert (rule.classes, rule.zone, rule.model_extra) == (["person"], "floor", {"density": 2.5, "levels": [1, 2], "after_s": 3})
    dumped = site.model_dump(mode="json", exclude_defaults=True)
    assert SiteConfig.model_validate(dumped).rules == site.rules
    one = TypeAdapter(RuleConfig)
    assert one.validate_json(one.dump_json(rule)) == rule
    assert [rule.id for rule in site.camera_rules("room")] == ["crowd", "anyone"]


@pytest.mark.usefixtures("queueing")
def test_what_all_rules_have_is_checked_for_plug_ins_too() -> None:
    assert problems(CROWD.replace("ZONE", "roof")) == ["line 4: rules.0.zone: camera 'room' has no zone 'roof'; it has: floor"]
    assert problems(CROWD.replace("ZONE", "[1]"))[0].startswith("line 4: rules.0.zone: ")
    found = problems(CROWD.replace("ZONE", "floor, severity: loud"))
    assert len(found) == 1
    assert found[0].startswith("line 4: rules.0.severity: ")


def test_without_its_plug_in_a_kind_is_unknown() -> None:
    (found,) = problems(CROWD.replace("ZONE", "floor"))
    assert "rules.0" in found
    assert "'queueing'" in found
    assert "expected one of: intrusion, line_crossing, loitering, occupancy" in found


def test_the_device_is_checked_and_kept_as_one_spelling() -> None:
    assert parse_site("device: CUDA:0\ncameras: {}\n", environ={}).device == "cuda"
    assert parse_site("cameras: {}\n", environ={}).device == "cpu"
    (problem,) = problems("device: gpu\ncameras: {}\n")
    assert problem.startswith("line 1: device: expected cpu, cuda or tensorrt")
    assert problem.endswith("did you mean 'cuda'?")


def test_a_rule_for_signs_needs_a_camera_that_looks_for_them() -> None:
    text = """
cameras: {hall: {source: "sim://room"}}
rules: [{id: help, kind: gesture, signs: ["8"]}]
"""
    with pytest.raises(ConfigError, match="camera 'hall' has no `gestures`, so nobody's signs are known there"):
        parse_site(text, environ={})
    parse_site(text.replace('"sim://room"', '"sim://room", gestures: {}'), environ={})
