from __future__ import annotations

import json
import random
from typing import Any

import pytest
from starlette.requests import Request

from panops.api.clean_body import unfit

from .conftest import Site

pytestmark = pytest.mark.anyio

NASTY = ["a\ud800b", "\udfff", "a\r\nb", "a\nb", "\x00", "\x1b[31m", "\x7f", "a\x85b", "\u2028", "tab\there"]
CAMERA: dict[str, Any] = {
    "source": "sim://yard",
    "name": "Yard",
    "model": "motion",
    "transport": "tcp",
    "zones": {"floor": {"polygon": [[0, 0], [1, 0], [1, 1]]}},
    "simulation": {"scene": "yard"},
}
RULE: dict[str, Any] = {"kind": "intrusion", "cameras": ["gate"], "classes": ["person"], "zone": "floor", "severity": "alarm"}


def variants(value: Any, nasty: Any) -> list[Any]:
    """`value` with `nasty` in the place of each of its strings and numbers, and as a key."""
    if isinstance(value, dict):
        found: list[Any] = [{**value, key: changed} for key, item in value.items() for changed in variants(item, nasty)]
        return [*found, {**value, nasty: 1}] if isinstance(nasty, str) else found
    if isinstance(value, list):
        return [[*value[:at], changed, *value[at + 1 :]] for at, item in enumerate(value) for changed in variants(item, nasty)]
    return [nasty]


async def test_what_cannot_be_stored_is_refused_and_breaks_nothing(site: Site) -> None:
    tried = 0
    async with site.client("ada") as client:
        for path, whole in (("/api/v1/cameras/fresh", CAMERA), ("/api/v1/rules/fresh", RULE)):
            for nasty in [*NASTY, float("nan"), float("inf")]:
                for body in variants(whole, nasty):
                    answer = await client.put(path, content=json.dumps(body), headers={"Content-Type": "application/json"})
                    assert answer.status_code == 422, (body, answer.text)
                    assert answer.json()["errors"]
                    tried += 1
            assert (await client.put(path, json=whole)).status_code == 201
        for path in ("/api/v1/cameras", "/api/v1/rules", "/api/v1/audit"):
            assert (await client.get(path)).status_code == 200
    assert tried > 200


async def test_bodies_of_chance_never_fail_in_the_server(site: Site) -> None:
    """Any body is taken or refused, and whatever was taken can be read by everybody."""
    dice = random.Random(1)
    pieces = [
        *NASTY,
        "",
        "gate",
        "x" * 3000,
        "\U0001f600",
        "\u0301",
        -1,
        0,
        1e308,
        10**30,
        -(10**400),
        True,
        None,
        [],
        {},
        [[]],
        {"a": "\ud800"},
        1e-320,
    ]

    def chance(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: item if dice.random() < 0.7 else chance(item) for key, item in value.items() if dice.random() < 0.95}
        return dice.choice(pieces)

    async with site.client("ada") as client:
        for number in range(150):
            for kind, whole in (("cameras", CAMERA), ("rules", RULE)):
                content = json.dumps(chance(whole))
                answer = await client.put(f"/api/v1/{kind}/c{number % 5}", content=content, headers={"Content-Type": "application/json"})
                assert answer.status_code < 500, content
        for path in ("/api/v1/cameras", "/api/v1/rules", "/api/v1/audit", "/api/v1/site"):
            assert (await client.get(path)).status_code == 200
    assert (await site.get("vera", "/api/v1/cameras")).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/api/v1/session", {"username": "ve\ud800ra", "password": "x"}),
        ("POST", "/api/v1/session", {"username": "vera", "password": "\ud800"}),
        ("POST", "/api/v1/users", {"username": "nina", "password": "a password\ud800"}),
        ("POST", "/api/v1/tokens", {"name": "a\ud800"}),
        ("POST", "/api/v1/cameras/test", {"source": "rtsp://a\r\nb"}),
        ("PATCH", "/api/v1/users/vera", {"cameras": ["\ud800"]}),
        ("PUT", "/api/v1/cameras/new", {"\ud800": 1}),
    ],
)
async def test_every_route_refuses_it(site: Site, method: str, path: str, body: dict[str, Any]) -> None:
    answer = await site.ask(method, "ada", path, content=json.dumps(body), headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert "cannot be stored" in answer.json()["detail"]


async def test_a_note_may_have_lines_but_no_halves(site: Site) -> None:
    event_id = await site.live.raise_event("gate", evidence=False)
    for note, status in (("one\r\n\ttwo", 200), ("a\ud800", 422), ("a\x00", 422)):
        answer = await site.ask(
            "PATCH", "oscar", f"/api/v1/events/{event_id}", content=json.dumps({"note": note}), headers={"Content-Type": "application/json"}
        )
        assert answer.status_code == status


@pytest.mark.parametrize("body", ["[" * 100_000, "{", '"x', "9" * 5000])
async def test_what_is_no_json(site: Site, body: str) -> None:
    answer = await site.ask("PUT", "ada", "/api/v1/rules/x", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422)


@pytest.mark.parametrize("kind", ["application/json", "Application/JSON", "application/x+json; charset=utf-8"])
async def test_a_body_that_may_be_long_is_never_parsed_here(site: Site, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def parsed(_request: object) -> None:
        raise AssertionError("parsed on the event loop")

    monkeypatch.setattr(Request, "json", parsed)
    for who in ("vera", "oscar"):
        answer = await site.ask("POST", who, "/api/v1/detect", content=b"[" + b"0," * 1_000_000 + b"0]", headers={"Content-Type": kind})
        assert (answer.status_code, "got JSON" in answer.text) == (415, True)


async def test_a_kind_in_capitals_is_checked_too(site: Site) -> None:
    body = json.dumps({"name": "a\ud800"})
    answer = await site.ask("POST", "ada", "/api/v1/tokens", content=body, headers={"Content-Type": "Application/JSON"})
    assert (answer.status_code, "cannot be stored" in answer.json()["detail"]) == (422, True)


def test_ordinary_text_passes() -> None:
    body = {"name": "Zufahrt \u00fc \u4e2d \U0001f469\u200d\U0001f692", "n": [1, 2.5, None, True, {"x": ""}], "note": "a\nb"}
    assert unfit(body) == []


def test_faults_are_named_and_bounded() -> None:
    found = unfit({"a": ["x", "\n"], "b\ud800": 1, "c": {"note": "a\nb"}})
    assert sorted(error.field for error in found) == ["a.1", "b\\ud800", "c.note"]
    assert len(unfit(["\n"] * 1000)) == 20
    deep: Any = "\n"
    for _ in range(50_000):
        deep = [deep]
    assert len(unfit(deep)[0].field) <= 400
