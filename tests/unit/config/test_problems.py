"""Faults in plain sentences: what was expected, what came, and the likely right word."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from panops.config.load import parse_site
from panops.config.problems import problems_of
from panops.config.rule_schema import RuleConfig
from panops.config.schema import CameraConfig
from panops.domain.errors import ConfigError

# What pydantic says by itself; none of it is for people.
JARGON = ("Input ", "input ", "tag", "discriminator", "dictionary", "instance of", "extra", "parse", "Tuple", "should", "valid ", "string")


def camera(text: str) -> str:
    return f"cameras: {{a: {{source: x.mp4, {text}}}}}"


def rule(text: str) -> str:
    return f"cameras: {{a: {{source: x.mp4}}}}\nrules:\n  - {{id: r, kind: intrusion, {text}}}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rules: [{id: a, kind: intrusoin}]", "rules.0.kind: no rule is of kind 'intrusoin'; did you mean 'intrusion'? Expected one of: "),
        ("rules: [{id: a, kind: zumba}]", "rules.0.kind: no rule is of kind 'zumba'; expected one of: intrusion, line_crossing"),
        ("rules: [{id: a}]", "rules.0.kind: is required and missing; expected one of: intrusion, line_crossing, loitering, occupancy"),
        ("rules: [night]", "rules.0: expected a rule such as {id: night, kind: intrusion}, got text"),
        ("rules: {night: 1}", "rules: expected a list, [..., ...], got a mapping"),
        ("cameras: [a]", "cameras: expected a mapping, each as `name: value`, got a list"),
        ("cameras: {a: rtsp://h/}", "cameras.a: expected settings such as {source: ...}, got text"),
        ("cameras: {a: }", "cameras.a: expected settings such as {source: ...}, got nothing"),
        ("cameras: {a: {name: x}}", "cameras.a.source: is required and missing"),
        ("cameras: {'a b': {source: x.mp4}}", "cameras.a b: expected a name of letters, digits, _ and -, at most 63"),
        ("evidence: {before: 3}", "evidence.before: no such setting here; did you mean 'before_s'? Expected one of: before_s, after_s"),
        (camera("motion: {treshold: 3}"), "cameras.a.motion.treshold: no such setting here; did you mean 'threshold'?"),
        (camera("zones: {z: {polygon: [[0, 0], [0, 1], [1, 1]], nam: z}}"), "zones.z.nam: no such setting here; expected one of: polygon"),
        (rule("zon: x"), "line 3: rules.0.zon: no such setting here; did you mean 'zone'? Expected one of: id, cameras"),
        (camera("transport: tpc"), "cameras.a.transport: unknown word; did you mean 'tcp'? Expected one of: tcp, udp"),
        (camera("transport: 3"), "cameras.a.transport: expected one of: tcp, udp, got 3"),
        (rule("severity: alrm"), "rules.0.severity: unknown word; did you mean 'alarm'? Expected one of: info, warning, alarm"),
        (rule("schedule: [{days: [monday]}]"), "rules.0.schedule.0.days.0: unknown word; did you mean 'mon'?"),
        (rule("schedule: [{start: late}]"), "rules.0.schedule.0.start: expected a time of day such as 18:00, got text"),
        (rule("after_s: soon"), "rules.0.after_s: expected a number, got text"),
        (rule("after_s: -1"), "rules.0.after_s: expected at least 0, got -1"),
        (camera("check_fps: 0"), "cameras.a.check_fps: expected more than 0, got 0"),
        ("server: {port: 99999}", "server.port: expected at most 65535, got 99999"),
        ("shards: 1.5", "shards: expected a whole number, got 1.5"),
        (camera("enabled: maybe"), "cameras.a.enabled: expected true or false, got text"),
        (camera("name: [a]"), "cameras.a.name: expected text, got a list"),
        (camera("name: true"), "cameras.a.name: expected text, got true"),
        (camera(f"name: {'x' * 121}"), "cameras.a.name: expected at most 120 characters, got text"),
        (camera("frozen_s: .inf"), "cameras.a.frozen_s: expected a number that is not infinite, got inf"),
        (camera("zones: {z: {polygon: [[0.1], [0, 1], [1, 1]]}}"), "zones.z.polygon.0: expected two numbers in brackets, [x, y], got one"),
        (camera("zones: {z: {polygon: [[0, 1, 2], [0, 1], [1, 1]]}}"), "z.polygon.0: expected two numbers in brackets, [x, y]"),
        (camera("zones: {z: {polygon: [3]}}"), "cameras.a.zones.z.polygon.0: expected two numbers in brackets, [x, y], got 3"),
        (camera("simulation: {weather: snow}"), "cameras.a.simulation.weather: unknown word; expected one of: clear, wind, rain, night"),
    ],
)  # fmt: skip
def test_one_fault(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_site(text, environ={})
    (found,) = map(str, caught.value.problems)
    assert said in found
    assert not [word for word in JARGON if word in found.replace("no such setting", "")]


@pytest.mark.parametrize("name", ["intrusion", "occupancy", "kind"])
def test_a_camera_may_be_called_like_a_rule(name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_site(f"cameras: {{{name}: {{source: x.mp4, check_fps: -1, zones: {{{name}: {{polygons: []}}}}}}}}", environ={})
    fields = {problem.field for problem in caught.value.problems}
    assert {f"cameras.{name}.check_fps", f"cameras.{name}.zones.{name}.polygons"} <= fields


def test_a_camera_or_rule_by_itself() -> None:
    with pytest.raises(ValidationError) as caught:
        CameraConfig.model_validate({"source": "x.mp4", "chek_fps": 1})
    (found,) = problems_of(caught.value, prefix=("cameras", "a"))
    assert (found.field, found.line) == ("cameras.a.chek_fps", None)
    assert found.message == "no such setting here; did you mean 'check_fps'?"
    with pytest.raises(ValidationError) as caught:
        TypeAdapter[RuleConfig](RuleConfig).validate_python({"id": "a", "kind": "loitering", "after": 3})
    (found,) = problems_of(caught.value)
    assert found.field == "after"
    assert "did you mean 'after_s'?" in found.message


def test_a_missing_variable_says_how_to_set_it_and_nothing_else() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_site("cameras: {a: {source: '${CAM_ADDRESS}'}, b: {source: 'sim://yard', check_fps: '${FPS}'}}", environ={})
    first, second = map(str, caught.value.problems)
    assert first == (
        "line 1: cameras.a.source: the environment variable CAM_ADDRESS is not set; set it where panops is started "
        "(export CAM_ADDRESS=...), or give a default: ${CAM_ADDRESS:-...}"
    )
    assert second.startswith("line 1: cameras.b.check_fps: the environment variable FPS is not set;")


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ("{id: a, kind: intrusion, cameras: [rom]}", "no camera 'rom'; did you mean 'room'? There are: room, yard"),
        ("{id: a, kind: intrusion, cameras: [room], zone: flor}", "camera 'room' has no zone 'flor'; did you mean 'floor'?"),
        ("{id: a, kind: line_crossing, cameras: [room], line: dor}", "camera 'room' has no line 'dor'; did you mean 'door'?"),
    ],
)
def test_names_of_the_site_are_guessed(rules: str, said: str) -> None:
    text = f"""
cameras:
  room: {{source: a.mp4, zones: {{floor: {{polygon: [[0,0],[1,0],[1,1]]}}}}, lines: {{door: {{points: [[0,0],[1,1]]}}}}}}
  yard: {{source: b.mp4}}
rules: [{rules}]
"""
    with pytest.raises(ConfigError, match="1 problem") as caught:
        parse_site(text, environ={})
    assert str(caught.value.problems[0]).endswith(said)


GROUND = "ground: {points: [[0.1, 0.9], [0.9, 0.9], [0.7, 0.4], [0.3, 0.4]], metres: [[0, 0], [8, 0], [8, 30], [0, 30]]}"


@pytest.mark.parametrize(
    ("ground", "said"),
    [
        ("{points: [[0, 0], [1, 0], [1, 1]], metres: [[0, 0], [1, 0], [1, 1], [0, 1]]}", "expected four points and four places in metres"),
        ("{points: [[0, 0], [0.5, 0], [1, 0], [0, 1]], metres: [[0, 0], [1, 0], [1, 1], [0, 1]]}", "on one line in the picture; take the"),
        ("{points: [[0, 0], [1, 0], [1, 1], [0, 1]], metres: [[0, 0], [1, 1], [1, 0], [0, 1]]}", "not in the same order on the ground"),
        ("{points: [[0, 0], [1, 0], [1, 1], [0, 1.5]], metres: []}", "expected a number from 0 to 1"),
    ],
)
def test_a_ground_that_is_none(ground: str, said: str) -> None:
    with pytest.raises(ConfigError, match="1 problem") as caught:
        parse_site(camera(f"ground: {ground}"), environ={})
    assert said in str(caught.value.problems[0])
    assert "a.ground" in caught.value.problems[0].field


def rules_of(*rules: str) -> str:
    lines = "\n".join(f"  - {{{one}}}" for one in rules)
    return f"cameras: {{a: {{source: x.mp4, {GROUND}}}, b: {{source: y.mp4}}}}\nrules:\n{lines}\n"


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        (["id: r, kind: speed, limit_kmh: 30, cameras: [b]"], "line 3: rules.0.kind: camera 'b' has no `ground`, so no speed can be"),
        (["id: r, kind: direction"], "line 3: rules.0: expected either along or heading_deg, got neither"),
        (["id: r, kind: direction, heading_deg: 3, along: [[0, 0], [1, 1]]"], "rules.0: expected either along or heading_deg, got both"),
        (["id: r, kind: direction, along: [[0, 0], [0, 0]]"], "rules.0: expected along to be two different points"),
        (["id: r, kind: combined, of: [p]", "id: p, kind: intrusion"], "rules.0.of: expected the ids of at least two rules, got 1"),
        (["id: r, kind: combined, of: [p, p]", "id: p, kind: intrusion"], "rules.0.of: the rule 'p' is named twice"),
        (["id: r, kind: combined, of: [p, door]", "id: p, kind: intrusion"], "line 3: rules.0.of: no rule 'door'; there are: r, p"),
        (["id: r, kind: combined, of: [night, nigth]", "id: night, kind: intrusion"], "no rule 'nigth'; did you mean 'night'?"),
        (["id: r, kind: combined, of: [p, r]", "id: p, kind: intrusion"], "rules.0.of: the rule listens to itself (r -> r); take one"),
        (
            ["id: r, kind: combined, of: [p, q]", "id: p, kind: intrusion, cameras: [a]", "id: q, kind: intrusion"],
            "rules.0.of: the rule 'p' does not watch camera 'b', as this one does; name the cameras of both",
        ),
    ],
)
def test_rules_that_cannot_work(rules: list[str], said: str) -> None:
    with pytest.raises(ConfigError, match="1 problem") as caught:
        parse_site(rules_of(*rules), environ={})
    assert said in str(caught.value.problems[0])


def test_every_rule_of_a_circle_is_told() -> None:
    circle = [f"id: {one}, kind: combined, of: [{other}, p]" for one, other in (("r", "s"), ("s", "t"), ("t", "r"), ("u", "r"))]
    with pytest.raises(ConfigError) as caught:
        parse_site(rules_of(*circle, "id: p, kind: intrusion"), environ={})
    ways = [problem.message.split("(")[1].split(")")[0] for problem in caught.value.problems]
    assert ways == ["r -> s -> t -> r", "s -> t -> r -> s", "t -> r -> s -> t"]


def test_combined_rules_that_work() -> None:
    site = parse_site(
        rules_of(
            "id: r, kind: combined, of: [p, q], cameras: [a]",
            "id: p, kind: intrusion, cameras: [a], silent: true",
            "id: q, kind: combined, of: [p, s], how: any",
            "id: s, kind: speed, limit_kmh: 30, cameras: [a]",
        ).replace("how: any", "how: any, cameras: [a]"),
        environ={},
    )
    assert [rule.needed_classes for rule in site.rules] == [[], ["person"], [], ["car", "motorcycle", "bus", "truck"]]


def test_a_time_zone_is_guessed() -> None:
    with pytest.raises(ConfigError, match="got 'Europe/Berln'; did you mean Europe/Berlin"):
        parse_site("timezone: Europe/Berln", environ={})


@pytest.mark.parametrize(
    ("required", "wanted"),
    [
        ("[helm]", "rules.0.required.0: no item is known as 'helm'; expected one of: hardhat, vest, mask, or settings"),
        ("[{item: gloves}]", "rules.0.required.0.present: is required and missing"),
        ("[hardhat, hardhat]", "rules.0.required: the item 'hardhat' is named twice"),
        ("[{item: hardhat, part: feet}]", "rules.0.required.0.part: unknown word"),
        ("[{item: hardhat, presnt: [x]}]", "rules.0.required.0.presnt"),
    ],
)
def test_what_must_be_worn_is_checked(required: str, wanted: str) -> None:
    text = f"cameras: {{a: {{source: 'sim://yard'}}}}\nrules: [{{id: a, kind: compliance, required: {required}}}]"
    with pytest.raises(ConfigError) as caught:
        parse_site(text, "test", {})
    assert wanted in str(caught.value)


def test_a_known_item_keeps_what_it_stands_for_beside_settings_of_ones_own() -> None:
    text = (
        "cameras: {a: {source: 'sim://yard'}}\n"
        "rules: [{id: a, kind: compliance, required: [vest, {item: mask, least_height_px: 60}, {item: hardhat, present: [cap]}]}]"
    )
    vest, mask, hat = parse_site(text, "test", {}).rules[0].required
    assert (vest.part, vest.absent) == ("torso", ["no_safety_vest", "no_vest"])
    assert (mask.present, mask.least_height_px) == (["face_mask", "mask"], 60)
    assert (hat.present, hat.absent, hat.part) == (["cap"], [], "head")


def test_shifts_are_sorted_times_of_day() -> None:
    assert [f"{one:%H:%M}" for one in parse_site("shifts: ['22:00', '06:00']", "test", {}).shifts] == ["06:00", "22:00"]
    with pytest.raises(ConfigError, match="twice"):
        parse_site("shifts: ['06:00', '06:00']", "test", {})
