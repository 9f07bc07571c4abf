from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import anyio
import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from panops.api.rates import RATES, CallerRates, Rate
from panops.domain.clock import SystemClock
from panops.domain.events import Event, EventPhase, Incident, Severity
from panops.domain.verdicts import Finding, Verdict

from .conftest import HOST, Site, open_site

pytestmark = pytest.mark.anyio


def save(site: Site, count: int = 6) -> None:
    cameras, kinds = ("gate", "yard"), ("intrusion", "line_crossing", "loitering")
    events = []
    for number in range(count):
        start_s = 1000.0 + 10 * number
        incident = Incident(
            str(number), EventPhase.END, kinds[number % 3], "person" if number % 2 else "car", "floor", (number,), number / count, start_s,
            start_s + 2, start_s + 2 if number else None, (0.1, 0.2, 0.3, 0.4), {"dwell_s": 2.0},
        )  # fmt: skip
        events.append(Event(f"e-{number}", cameras[number % 2], "night", Severity.ALARM if number % 2 else Severity.INFO, incident))
    site.services.events.save(events)


def save_doubted(site: Site) -> None:
    """One that the chain believes, and one that it does not."""
    for number, passed in ((7, True), (8, False)):
        findings = (
            Finding("persistence", True, 1.0, 0.5, "Seen at 9 of 9 looks."),
            Finding("displacement", passed, 0.1, 0.25, "It came 0.1 of its own size."),
        )
        incident = Incident(str(number), EventPhase.BEGIN, "intrusion", "person", "floor", (number,), 0.5, 1100.0 + number, 1103.0 + number)
        site.services.events.save([Event(f"e-{number}", "gate", "night", Severity.ALARM, incident, Verdict(findings, 2.0))])


async def test_what_is_suppressed_is_shown_to_who_asks_for_it_with_the_reasons(site: Site) -> None:
    save_doubted(site)
    assert await ids(site, "") == ["e-7"]
    assert await ids(site, "suppressed=only") == ["e-8"]
    assert await ids(site, "suppressed=also") == ["e-8", "e-7"]
    detail = (await site.get("vera", "/api/v1/events/e-8")).json()
    assert detail["suppressed_by"] == "displacement"
    assert detail["verdict"]["took_s"] == 2.0
    assert detail["verdict"]["findings"][1] == {
        "step": "displacement", "passed": False, "value": 0.1, "limit": 0.25, "words": "It came 0.1 of its own size.",
    }  # fmt: skip
    counts = (await site.get("vera", "/api/v1/events/counts")).json()
    assert (counts["total"], counts["suppressed"]) == (1, 1)
    changed = await site.ask("PATCH", "oscar", "/api/v1/events/e-8", json={"status": "true_alarm"})
    assert changed.json()["status"] == "true_alarm"


async def ids(site: Site, query: str, who: str = "vera") -> list[str]:
    answer = await site.get(who, f"/api/v1/events?{query}")
    assert answer.status_code == 200, answer.text
    return [event["event_id"] for event in answer.json()["events"]]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", "543210"),
        ("limit=2", "54"),
        ("camera=gate", "420"),
        ("camera=gate&camera=yard", "543210"),
        ("camera=nothing", ""),
        ("kind=intrusion", "30"),
        ("kind=intrusion&kind=loitering", "5320"),
        ("class=car", "420"),
        ("rule=night&rule=other", "543210"),
        ("severity=info", "420"),
        ("status=new", "543210"),
        ("status=acknowledged", ""),
        ("since=1020&until=1040", "32"),
        ("kept=true", ""),
        ("kept=false&open=true", "0"),
        ("min_score=0.5", "543"),
        ("text=E-3", "3"),
        ("zone=floor&camera=yard&kind=intrusion", "3"),
    ],
)
async def test_filters(site: Site, query: str, found: str) -> None:
    save(site)
    assert await ids(site, query) == [f"e-{number}" for number in found]


async def test_pages_join_without_gap_or_repeat_while_new_events_come(site: Site) -> None:
    save(site, 5)
    seen: list[str] = []
    cursor = ""
    while True:
        answer = (await site.get("vera", f"/api/v1/events?limit=2{cursor}")).json()
        seen += [event["event_id"] for event in answer["events"]]
        if answer["next_cursor"] is None:
            break
        cursor = f"&cursor={quote(answer['next_cursor'])}"
        save(site, 5 + len(seen))
    assert seen == ["e-4", "e-3", "e-2", "e-1", "e-0"]


async def test_an_event_as_the_page_gets_it(site: Site) -> None:
    event_id = await site.live.raise_event("gate")
    answer: dict[str, Any] = (await site.get("vera", f"/api/v1/events/{event_id}")).json()
    assert (answer["camera_id"], answer["camera_name"], answer["kind"], answer["severity"]) == ("gate", "North gate", "intrusion", "alarm")
    assert (answer["has_snapshot"], answer["has_annotated"], answer["has_clip"]) == (True, True, True)
    assert answer["has_clip_so_far"] is False
    hashes = {piece["kind"]: piece["sha256"] for piece in answer["evidence"]}
    assert {piece["kind"]: piece["url"].rpartition("/")[2] for piece in answer["evidence"]} == {
        kind: f"{kind}.{suffix}?v={hashes[kind][:16]}" for kind, suffix in (("annotated", "jpg"), ("clip", "mp4"), ("snapshot", "jpg"))
    }
    for piece in answer["evidence"]:
        file = await site.get("vera", piece["url"])
        assert len(file.content) == piece["size_bytes"]
    assert [point["time_s"] for point in answer["tracks"]] == sorted(point["time_s"] for point in answer["tracks"])
    assert answer["tracks"][0]["boxes"][0].keys() == {"track_id", "class_name", "score", "box"}
    assert answer["history"] == []
    listed = (await site.get("vera", "/api/v1/events")).json()["events"][0]
    assert listed == {
        key: value
        for key, value in answer.items()
        if key not in ("evidence", "history", "deliveries", "tracks", "verdict", "can_find_again", "seen_again")
    }


async def test_an_event_outlives_its_camera(site: Site) -> None:
    save(site, 1)
    await site.ask("DELETE", "ada", "/api/v1/cameras/gate")
    assert (await site.get("vera", "/api/v1/events/e-0")).json()["camera_name"] == "gate"


async def test_a_review_is_kept_with_who_and_when(site: Site) -> None:
    save(site, 1)
    path = "/api/v1/events/e-0"
    first = await site.ask("PATCH", "oscar", path, json={"status": "false_alarm", "note": "a cat <b>"})
    assert (first.json()["status"], first.json()["note"], first.json()["kept"]) == ("false_alarm", "a cat <b>", False)
    site.clock.now_s += 60
    await site.ask("PATCH", "ada", path, json={"kept": True})
    await site.ask("PATCH", "ada", path, json={"kept": False, "status": "new"})
    answer = (await site.get("vera", path)).json()
    assert (answer["status"], answer["kept"]) == ("new", False)
    assert [(entry["user"], entry["action"], entry["note"]) for entry in answer["history"]] == [
        ("oscar", "false_alarm, note", "a cat <b>"),
        ("ada", "kept", ""),
        ("ada", "new, released", ""),
    ]
    assert answer["history"][1]["at_s"] - answer["history"][0]["at_s"] == 60


@pytest.mark.parametrize(
    "body", [{"status": "maybe"}, {"note": "x" * 4001}, {"kept": "perhaps"}, {"note": "a\x00b"}, {"stat": "new"}, [], {"note": 5}]
)
async def test_reviews_that_cannot_be(site: Site, body: object) -> None:
    save(site, 1)
    assert (await site.ask("PATCH", "oscar", "/api/v1/events/e-0", json=body)).status_code == 422


async def test_a_review_stays_within_the_scope(site: Site) -> None:
    save(site, 2)
    await site.ask("PATCH", "ada", "/api/v1/users/greta", json={"role": "operator"})
    assert (await site.ask("PATCH", "greta", "/api/v1/events/e-1", json={"kept": True})).status_code == 404
    assert (await site.ask("PATCH", "greta", "/api/v1/events/e-0", json={"kept": True})).status_code == 200


async def test_counts(site: Site) -> None:
    save(site)
    await site.ask("PATCH", "oscar", "/api/v1/events/e-1", json={"status": "acknowledged"})
    answer = (await site.get("vera", "/api/v1/events/counts?since=1010")).json()
    assert answer["total"] == 5
    assert answer["by_status"] == {"new": 4, "acknowledged": 1, "true_alarm": 0, "false_alarm": 0}
    assert answer["by_camera"] == {"gate": 2, "yard": 3}
    assert answer["by_kind"] == {"intrusion": 1, "line_crossing": 2, "loitering": 2}
    assert answer["new_by_camera"] == {"gate": 2, "yard": 2}


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, filled_database: Path) -> Iterator[Site]:
    """One site for all examples of the fuzzing tests, with a few events; it lets one caller ask as often as a quick machine can."""
    site = open_site(tmp_path_factory.mktemp("fuzz") / "home", filled_database)
    boundless = CallerRates(SystemClock(), {kind: Rate(1_000_000, 1e6) for kind in RATES})
    site.app.state.services = replace(site.app.state.services, rates=boundless)
    save(site)
    yield site
    site.database.close()


TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
NUMBERS = st.one_of(st.floats().map(str), st.integers(-(10**20), 10**20).map(str), TEXT, st.just("1e999"), st.just("9" * 400))
VALUES: dict[str, st.SearchStrategy[str]] = {
    "camera": st.one_of(st.sampled_from(["gate", "yard"]), TEXT),
    "rule": TEXT,
    "kind": TEXT,
    "class": TEXT,
    "zone": TEXT,
    "severity": st.one_of(st.sampled_from(["info", "alarm"]), TEXT),
    "status": st.one_of(st.sampled_from(["new", "false_alarm"]), TEXT),
    "since": NUMBERS,
    "until": NUMBERS,
    "kept": st.one_of(st.sampled_from(["true", "0"]), TEXT),
    "open": st.one_of(st.sampled_from(["true", "0"]), TEXT),
    "min_score": NUMBERS,
    "text": st.one_of(st.sampled_from(["%", "_", "\\", "e-"]), TEXT),
    "cursor": st.one_of(TEXT, st.text("ABCDEFabcdef0123456789-_=", max_size=40)),
    "limit": NUMBERS,
    "size": TEXT,
    "download": TEXT,
    "id": TEXT,
}
QUERIES = st.lists(st.sampled_from(sorted(VALUES)).flatmap(lambda name: st.tuples(st.just(name), VALUES[name])), max_size=8)
PATHS = st.sampled_from(
    ["events", "events/counts", "events/e-0", "events/e-0/clip.mp4", "cameras", "cameras/gate/snapshot.jpg", "rules", "audit", "setup"]
)


def status_of(site: Site, method: str, path: str, body: object = None) -> tuple[int, str]:
    """One request outside the test's own loop, for hypothesis."""

    async def ask() -> httpx.Response:
        return await site.ask(method, "ada", path, json=body)

    answer = anyio.run(ask)
    return answer.status_code, answer.text


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=PATHS, query=QUERIES)
@example(path="events", query=[("cursor", "WzFlOTk5LCAiYSJd")])  # [1e999, "a"]
@example(path="events", query=[("cursor", "WzEsIG51bGxd"), ("since", "nan")])
@example(path="events", query=[("text", "\x00"), ("camera", "\x00")])
@example(path="events", query=[("cursor", b64encode(b"[" + b"9" * 400 + b', "a"]').decode())])
@example(path="events", query=[("cursor", "W1sxXSwgImEiXQ")])  # [[1], "a"]
def test_no_query_makes_the_server_fail(filled: Site, path: str, query: list[tuple[str, str]]) -> None:
    status, text = status_of(filled, "GET", f"/api/v1/{path}?{urlencode(query)}")
    assert status < 500 or path.endswith("snapshot.jpg"), text
    assert status in (200, 404, 422, 503), text


SEGMENTS = st.text(st.characters(codec="utf-8", min_codepoint=0), min_size=1, max_size=12)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    method=st.sampled_from(["GET", "HEAD", "PUT", "PATCH", "DELETE", "POST", "OPTIONS"]),
    resource=st.sampled_from(["cameras", "events", "rules", "users", "tokens", "sessions"]),
    segments=st.lists(SEGMENTS, max_size=3),
    body=st.recursive(
        st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["source", "zones", "kind", "id", "role", "note", "polygon", "x"]), inner, max_size=4)
        ),
        max_leaves=8,
    ),
)
def test_no_path_or_body_makes_the_server_fail(filled: Site, method: str, resource: str, segments: list[str], body: object) -> None:
    path = "/".join(["/api/v1", resource, *(quote(segment, safe="") for segment in segments)])
    status, text = status_of(filled, method, path, body)
    assert status < 500, text


async def test_a_query_as_a_browser_would_send_it(site: Site) -> None:
    save(site)
    async with site.client("vera") as client:
        answer = await client.get(
            "/api/v1/events", params={"camera": ["gate", "yard"], "class": "person", "limit": 1}, headers={"Origin": HOST}
        )
    assert [event["event_id"] for event in answer.json()["events"]] == ["e-5"]


async def test_the_same_is_said_of_many_events_at_once(site: Site) -> None:
    save(site)
    body = {"event_ids": ["e-1", "gone", "e-0", "e-1"], "status": "false_alarm", "kept": True}
    answer = await site.ask("PATCH", "oscar", "/api/v1/events", json=body)
    assert answer.status_code == 200, answer.text
    assert [(one["event_id"], one["status"], one["kept"]) for one in answer.json()["events"]] == [
        ("e-1", "false_alarm", True),
        ("e-0", "false_alarm", True),
    ]
    assert answer.json()["missing"] == ["gone"]
    history = (await site.get("vera", "/api/v1/events/e-1")).json()["history"]
    assert [(entry["user"], entry["action"]) for entry in history] == [("oscar", "false_alarm, kept")]
    assert (await site.get("vera", "/api/v1/events/e-2")).json()["status"] == "new"
    assert (await site.ask("PATCH", "oscar", "/api/v1/events", json={"event_ids": []})).status_code == 422


async def test_events_of_other_cameras_are_missing_for_who_may_not_see_them(site: Site) -> None:
    from panops.storage.scope import Role  # noqa: PLC0415 - this test only

    save(site)
    site.accounts.create_user("olga", "a good password", Role.OPERATOR, ["gate"])
    answer = (await site.ask("PATCH", "olga", "/api/v1/events", json={"event_ids": ["e-0", "e-1"], "status": "acknowledged"})).json()
    assert ([one["event_id"] for one in answer["events"]], answer["missing"]) == (["e-0"], ["e-1"])
    assert (await site.get("vera", "/api/v1/events/e-1")).json()["status"] == "new"


async def test_a_question_in_words_says_how_it_was_understood(site: Site) -> None:
    save(site)
    answer = (await site.get("vera", "/api/v1/events?" + urlencode({"words": "cars at the gate or yard"}))).json()
    assert [event["class_name"] for event in answer["events"]] == ["car"] * 3
    cars, places = answer["understood"]["terms"]
    assert (cars["words"], places["words"]) == ("cars", "gate yard")
    assert cars["meanings"] == [{"field": "class", "values": ["car"], "names": ["car"], "also": []}]
    assert (places["meanings"][0]["field"], places["meanings"][0]["values"]) == ("camera", ["gate", "yard"])
    assert answer["understood"]["left_out"] == []
    assert (await site.get("vera", "/api/v1/events")).json()["understood"] is None


async def test_a_question_goes_on_from_page_to_page_and_beside_other_filters(site: Site) -> None:
    save(site)
    query = {"words": "person", "limit": 2}
    first = (await site.get("vera", "/api/v1/events?" + urlencode(query))).json()
    second = (await site.get("vera", "/api/v1/events?" + urlencode({**query, "cursor": first["next_cursor"]}))).json()
    assert [event["event_id"] for event in first["events"] + second["events"]] == ["e-5", "e-3", "e-1"]
    assert await ids(site, urlencode({"words": "person", "kind": "intrusion"})) == ["e-3"]


async def test_a_question_knows_no_name_that_the_caller_may_not_see(site: Site) -> None:
    save(site)
    seen = (await site.get("greta", "/api/v1/events?" + urlencode({"words": "yard"}))).json()
    assert [one["field"] for term in seen["understood"]["terms"] for one in term["meanings"]] == ["text"]
    assert seen["events"] == []


async def test_a_question_for_what_was_suppressed_finds_it(site: Site) -> None:
    save_doubted(site)
    assert await ids(site, urlencode({"words": "suppressed person"})) == ["e-8"]
    assert await ids(site, urlencode({"words": "displacement", "suppressed": "only"})) == ["e-8"]


async def test_a_question_that_is_too_long_is_refused(site: Site) -> None:
    assert (await site.get("vera", "/api/v1/events?" + urlencode({"words": "a" * 301}))).status_code == 422
