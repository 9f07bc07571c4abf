"""Every route against every kind of caller, and that no route forgets to say who may use it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute, APIWebSocketRoute
from starlette.routing import BaseRoute

from panops.api.security import ACCESS_MARK
from panops.domain.events import Event, EventPhase, EvidenceKind, Incident, Severity
from panops.storage.scope import Role

from .conftest import PASSWORD, MakeSite, Site

pytestmark = pytest.mark.anyio


def all_routes(routes: Iterable[BaseRoute]) -> Iterator[APIRoute | APIWebSocketRoute]:
    """Every route, also those of included routers, which newer FastAPIs keep nested."""
    for route in routes:
        inner = getattr(route, "original_router", None)
        if inner is not None:
            yield from all_routes(inner.routes)
        else:
            assert isinstance(route, APIRoute | APIWebSocketRoute), f"a route that cannot be checked: {route}"
            yield route


def access_of(route: APIRoute | APIWebSocketRoute) -> set[str]:
    """What the route's dependencies say of who may use it."""
    found: set[str] = set()
    waiting = [route.dependant]
    while waiting:
        dependant = waiting.pop()
        waiting += dependant.dependencies
        mark = getattr(dependant.call, ACCESS_MARK, None)
        found |= {mark} if mark else set()
    # In an included router the marks of the router itself are on the router's context, so look there too.
    return found | {mark for item in route.dependencies if (mark := getattr(item.dependency, ACCESS_MARK, None))}


def unguarded(app: FastAPI) -> list[str]:
    return [route.path for route in all_routes(app.routes) if len(access_of(route)) != 1]


def test_every_route_says_who_may_use_it(make_site: MakeSite, empty_database: Path) -> None:
    assert unguarded(make_site(empty_database).app) == []


def test_a_route_that_says_nothing_is_found(make_site: MakeSite, empty_database: Path) -> None:
    app = make_site(empty_database).app
    forgotten = APIRouter()
    forgotten.add_api_route("/api/v1/forgotten", lambda: "all cameras", methods=["GET"])
    app.include_router(forgotten)
    assert unguarded(app) == ["/api/v1/forgotten"]


@pytest.mark.parametrize("path", ["/api/v1/forgotten", "/api/v2/whatever", "/v2/forgotten"])
async def test_even_a_route_that_says_nothing_is_closed_to_strangers(site: Site, path: str) -> None:
    forgotten = APIRouter()
    forgotten.add_api_route(path, lambda: "all cameras", methods=["GET"])
    site.app.include_router(forgotten)
    assert (await site.get(None, path)).status_code == 401
    assert (await site.get("vera", path)).status_code == 200


GATE_EVENT, YARD_EVENT = "gate-1-1", "yard-1-1"
CAMERA = {"source": "sim://room"}
RULE = {"kind": "occupancy", "limit": 3}
PERSON = {"name": "Anna Berg", "consent": "signed form of 3 May"}
NOBODY = "/api/v1/people/" + "0" * 24
NEW_USER = {"username": "nina", "password": PASSWORD}

# Method, path, body, and what a stranger, a viewer of one camera (gate), a viewer, an operator and an administrator get, in this order.
TABLE = [
    ("GET", "/healthz", None, (200, 200, 200, 200, 200)),
    ("GET", "/readyz", None, (200, 200, 200, 200, 200)),
    ("GET", "/metrics", None, (401, 403, 403, 403, 200)),
    ("GET", "/api/v1/setup", None, (200, 200, 200, 200, 200)),
    ("POST", "/api/v1/setup", NEW_USER, (409, 409, 409, 409, 409)),
    ("POST", "/api/v1/session", {"username": "vera", "password": "wrong"}, (401, 401, 401, 401, 429)),
    ("GET", "/api/v1/session", None, (401, 200, 200, 200, 200)),
    ("GET", "/api/v1/sessions", None, (401, 200, 200, 200, 200)),
    ("GET", "/api/v1/oidc/begin", None, (404, 404, 404, 404, 404)),
    ("GET", "/api/v1/oidc/end", None, (404, 404, 404, 404, 404)),
    ("GET", "/api/v1/account", None, (401, 200, 200, 200, 200)),
    ("POST", "/api/v1/account/second-factor", {"password": "wrong"}, (401, 403, 403, 403, 403)),
    ("POST", "/api/v1/account/second-factor/confirm", {"code": "000000"}, (401, 422, 422, 422, 422)),
    ("POST", "/api/v1/account/second-factor/remove", {"password": "wrong"}, (401, 403, 403, 403, 403)),
    ("POST", "/api/v1/account/recovery-codes", {"password": "wrong"}, (401, 403, 403, 403, 403)),
    ("GET", "/api/v1/account/tokens", None, (401, 200, 200, 200, 200)),
    ("POST", "/api/v1/account/tokens", {"name": "mine", "password": PASSWORD}, (401, 201, 201, 201, 201)),
    ("DELETE", "/api/v1/account/tokens/mine", None, (401, 204, 204, 204, 204)),
    ("DELETE", "/api/v1/sessions/0123456789abcdef", None, (401, 404, 404, 404, 404)),
    ("POST", "/api/v1/password", {"old": "wrong", "new": PASSWORD}, (401, 403, 403, 403, 403)),
    ("GET", "/api/v1/users", None, (401, 403, 403, 403, 200)),
    ("POST", "/api/v1/users", NEW_USER, (401, 403, 403, 403, 201)),
    ("PATCH", "/api/v1/users/nobody", {"role": "viewer"}, (401, 403, 403, 403, 404)),
    ("DELETE", "/api/v1/users/nobody", None, (401, 403, 403, 403, 404)),
    ("DELETE", "/api/v1/users/nobody/second-factor", None, (401, 403, 403, 403, 404)),
    ("DELETE", "/api/v1/users/nobody/sessions", None, (401, 403, 403, 403, 404)),
    ("GET", "/api/v1/tokens", None, (401, 403, 403, 403, 200)),
    ("POST", "/api/v1/tokens", {"name": "grafana"}, (401, 403, 403, 403, 201)),
    ("DELETE", "/api/v1/tokens/nothing", None, (401, 403, 403, 403, 404)),
    ("GET", "/api/v1/audit", None, (401, 403, 403, 403, 200)),
    ("GET", "/api/v1/audit.csv", None, (401, 403, 403, 403, 200)),
    ("GET", "/api/v1/groups", None, (401, 200, 200, 200, 200)),
    ("PUT", "/api/v1/groups/north", {"cameras": ["gate"]}, (401, 403, 403, 403, 201)),
    ("DELETE", "/api/v1/groups/north", None, (401, 403, 403, 403, 204)),
    ("GET", "/api/v1/views", None, (401, 200, 200, 200, 200)),
    ("POST", "/api/v1/views", {"name": "mine", "cameras": ["gate"]}, (401, 201, 201, 201, 201)),
    ("POST", "/api/v1/views", {"name": "all", "shared": True}, (401, 403, 403, 403, 201)),
    ("POST", "/api/v1/views", {"name": "yard", "cameras": ["yard"]}, (401, 422, 201, 201, 201)),
    ("GET", "/api/v1/views/1", None, (401, 200, 200, 200, 200)),
    ("GET", "/api/v1/views/9", None, (401, 404, 404, 404, 404)),
    ("PUT", "/api/v1/views/1", {"name": "renamed"}, (401, 200, 200, 200, 200)),
    ("PUT", "/api/v1/views/1", {"name": "renamed", "shared": True}, (401, 403, 403, 403, 200)),
    ("DELETE", "/api/v1/views/1", None, (401, 204, 204, 204, 204)),
    ("GET", "/api/v1/site", None, (401, 200, 200, 200, 200)),
    ("GET", "/api/v1/site/config", None, (401, 403, 403, 403, 200)),
    ("PUT", "/api/v1/site/config", {"cameras": {}}, (401, 403, 403, 403, 428)),
    ("GET", "/api/v1/openapi.json", None, (401, 200, 200, 200, 200)),
    ("GET", "/api/v1/models", None, (401, 200, 200, 200, 200)),
    ("GET", "/api/v1/models/street", None, (401, 403, 403, 404, 404)),
    ("GET", "/api/v1/models/street/versions/1", None, (401, 403, 403, 404, 404)),
    ("GET", "/api/v1/models/street/pictures/1/2/gate/1.jpg", None, (401, 403, 403, 404, 404)),
    ("HEAD", "/api/v1/models/street/pictures/1/2/gate/1.jpg", None, (401, 403, 403, 404, 404)),
    ("POST", "/api/v1/models/street/shadow", {"version": "2"}, (401, 403, 403, 403, 404)),
    ("POST", "/api/v1/models/street/promote", {"version": "2"}, (401, 403, 403, 403, 404)),
    ("POST", "/api/v1/models/street/rollback", {}, (401, 403, 403, 403, 404)),
    ("POST", "/api/v1/detect", None, (401, 403, 403, 422, 422)),
    ("POST", "/api/v1/faces", None, (401, 403, 403, 422, 422)),
    ("POST", "/api/v1/hands", None, (401, 403, 403, 422, 422)),
    ("POST", "/api/v1/classify", None, (401, 403, 403, 400, 400)),
    ("POST", "/api/v1/pose", None, (401, 403, 403, 422, 422)),
    ("POST", "/api/v1/segment", None, (401, 403, 403, 422, 422)),
    ("GET", "/v2", None, (401, 403, 403, 200, 200)),
    ("GET", "/v2/health/live", None, (401, 403, 403, 200, 200)),
    ("GET", "/v2/health/ready", None, (401, 403, 403, 200, 200)),
    ("POST", "/v2/repository/index", None, (401, 403, 403, 200, 200)),
    ("GET", "/v2/models/street", None, (401, 403, 403, 200, 200)),
    ("GET", "/v2/models/street/ready", None, (401, 403, 403, 200, 200)),
    ("POST", "/v2/models/street/infer", {}, (401, 403, 403, 400, 400)),
    ("GET", "/v2/models/street/versions/0", None, (401, 403, 403, 404, 404)),
    ("GET", "/v2/models/street/versions/0/ready", None, (401, 403, 403, 404, 404)),
    ("POST", "/v2/models/nobody/versions/1/infer", {"inputs": []}, (401, 403, 403, 404, 404)),
    ("GET", "/api/v1/cameras", None, (401, 200, 200, 200, 200)),
    ("POST", "/api/v1/cameras/test", CAMERA, (401, 403, 403, 403, 200)),
    ("POST", "/api/v1/cameras/discover", {"seconds": 0.1, "host": "127.0.0.1"}, (401, 403, 403, 403, 200)),
    ("POST", "/api/v1/cameras/import", {"file_name": "a.csv", "file_text": "source\nsim://yard"}, (401, 403, 403, 403, 200)),
    ("GET", "/api/v1/cameras/gate", None, (401, 200, 200, 200, 200)),
    ("GET", "/api/v1/cameras/yard", None, (401, 404, 200, 200, 200)),
    ("GET", "/api/v1/cameras/gate/snapshot.jpg", None, (401, 200, 200, 200, 200)),
    ("HEAD", "/api/v1/cameras/gate/snapshot.jpg", None, (401, 200, 200, 200, 200)),
    ("GET", "/api/v1/cameras/yard/snapshot.jpg", None, (401, 404, 200, 200, 200)),
    ("GET", "/api/v1/cameras/gate/recording?from=1000&to=2000", None, (401, 200, 200, 200, 200)),
    ("GET", "/api/v1/cameras/yard/recording?from=1000&to=2000", None, (401, 404, 200, 200, 200)),
    ("GET", "/api/v1/cameras/gate/recording/segments/1.mp4", None, (401, 404, 404, 404, 404)),
    ("HEAD", "/api/v1/cameras/gate/recording/segments/1.mp4", None, (401, 404, 404, 404, 404)),
    ("GET", "/api/v1/cameras/gate/recording/export.mp4?from=1000&to=2000", None, (401, 404, 404, 404, 404)),
    ("PUT", "/api/v1/cameras/gate/recording/protection", {"from_s": 1000.0, "to_s": 2000.0}, (401, 403, 403, 404, 404)),
    ("GET", "/api/v1/recordings", None, (401, 403, 403, 200, 200)),
    ("GET", "/api/v1/cameras/gate/drift", None, (401, 200, 200, 200, 200)),
    ("GET", "/api/v1/cameras/yard/drift", None, (401, 404, 200, 200, 200)),
    ("GET", "/api/v1/cameras/gate/drift/reference.jpg", None, (401, 404, 404, 404, 404)),
    ("HEAD", "/api/v1/cameras/gate/drift/reference.jpg", None, (401, 404, 404, 404, 404)),
    ("GET", "/api/v1/cameras/gate/places", None, (401, 403, 403, 403, 200)),
    ("PUT", "/api/v1/cameras/nobody/places", {}, (401, 403, 403, 403, 404)),
    ("PATCH", "/api/v1/cameras/gate", {"alerts": True}, (401, 403, 403, 200, 200)),
    ("PATCH", "/api/v1/cameras/nobody", {"alerts": True}, (401, 403, 403, 404, 404)),
    ("PUT", "/api/v1/cameras/new", CAMERA, (401, 403, 403, 403, 201)),
    ("DELETE", "/api/v1/cameras/new", None, (401, 403, 403, 403, 204)),
    ("GET", "/api/v1/rules", None, (401, 200, 200, 200, 200)),
    ("GET", "/api/v1/rules/night", None, (401, 200, 200, 200, 200)),
    ("GET", "/api/v1/rules/way-in", None, (401, 404, 200, 200, 200)),
    ("GET", "/api/v1/rule-kinds", None, (401, 200, 200, 200, 200)),
    ("POST", "/api/v1/rules/dry-run", {"rule": RULE}, (401, 403, 403, 403, 200)),
    ("PUT", "/api/v1/rules/crowd", RULE, (401, 403, 403, 403, 201)),
    ("DELETE", "/api/v1/rules/crowd", None, (401, 403, 403, 403, 204)),
    ("GET", "/api/v1/alerts", None, (401, 403, 403, 200, 200)),
    ("GET", "/api/v1/alerts/deliveries", None, (401, 403, 403, 200, 200)),
    ("POST", "/api/v1/alerts/deliveries/1/send-again", None, (401, 403, 403, 404, 404)),
    ("POST", "/api/v1/alerts/nobody/test", None, (401, 403, 403, 403, 404)),
    ("GET", "/api/v1/events", None, (401, 200, 200, 200, 200)),
    ("GET", "/api/v1/events/counts", None, (401, 200, 200, 200, 200)),
    ("GET", "/api/v1/events/new", None, (401, 200, 200, 200, 200)),
    ("GET", "/api/v1/events/stream?suppressed=nonsense", None, (401, 422, 422, 422, 422)),
    ("PATCH", "/api/v1/events", {"event_ids": [GATE_EVENT], "kept": True}, (401, 403, 403, 200, 200)),
    ("POST", "/api/v1/events/export", {"event_ids": [GATE_EVENT]}, (401, 403, 403, 200, 200)),
    ("POST", "/api/v1/events/similar", {"event_id": GATE_EVENT}, (401, 403, 403, 409, 409)),
    ("GET", f"/api/v1/events/{GATE_EVENT}", None, (401, 200, 200, 200, 200)),
    ("GET", f"/api/v1/events/{YARD_EVENT}", None, (401, 404, 200, 200, 200)),
    ("PATCH", f"/api/v1/events/{GATE_EVENT}", {"status": "acknowledged"}, (401, 403, 403, 200, 200)),
    ("GET", f"/api/v1/events/{GATE_EVENT}/snapshot.jpg", None, (401, 200, 200, 200, 200)),
    ("HEAD", f"/api/v1/events/{GATE_EVENT}/snapshot.jpg", None, (401, 200, 200, 200, 200)),
    ("GET", f"/api/v1/events/{YARD_EVENT}/snapshot.jpg", None, (401, 404, 200, 200, 200)),
    ("GET", "/api/v1/people", None, (401, 403, 403, 200, 200)),
    ("POST", "/api/v1/people", PERSON, (401, 403, 403, 403, 201)),
    ("POST", "/api/v1/people/search", None, (401, 403, 403, 400, 400)),
    ("GET", NOBODY, None, (401, 403, 403, 404, 404)),
    ("PATCH", NOBODY, {"lists": ["staff"]}, (401, 403, 403, 403, 404)),
    ("GET", f"{NOBODY}/deletion", None, (401, 403, 403, 403, 404)),
    ("DELETE", NOBODY, None, (401, 403, 403, 403, 404)),
    ("POST", f"{NOBODY}/faces", None, (401, 403, 403, 403, 400)),
    ("DELETE", f"{NOBODY}/faces/{'0' * 24}", None, (401, 403, 403, 403, 404)),
    ("GET", f"{NOBODY}/faces/{'0' * 24}/picture.jpg", None, (401, 403, 403, 404, 404)),
    ("GET", "/api/v1/compliance", None, (401, 200, 200, 200, 200)),
    ("GET", "/api/v1/compliance.csv", None, (401, 200, 200, 200, 200)),
    ("GET", "/api/v1/areas", None, (401, 200, 200, 200, 200)),
    ("GET", "/api/v1/areas.csv", None, (401, 200, 200, 200, 200)),
    ("GET", "/api/v1/suggestions", None, (401, 200, 200, 200, 200)),
    ("GET", "/api/v1/suggestions/progress", None, (401, 200, 200, 200, 200)),
    ("POST", "/api/v1/suggestions/0123456789abcdef/apply", None, (401, 403, 403, 403, 409)),
    ("POST", "/api/v1/suggestions/0123456789abcdef/take-back", None, (401, 403, 403, 403, 409)),
    ("POST", "/api/v1/suggestions/0123456789abcdef/dismiss", None, (401, 403, 403, 403, 409)),
    ("DELETE", "/api/v1/suggestions/0123456789abcdef/dismiss", None, (401, 403, 403, 403, 409)),
    ("DELETE", "/api/v1/session", None, (401, 204, 204, 204, 204)),
    ("DELETE", "/api/v1/sessions", None, (401, 401, 401, 401, 401)),
]
CALLERS = (None, "greta", "vera", "oscar", "ada")


def test_the_table_names_every_route(make_site: MakeSite, empty_database: Path) -> None:
    app = make_site(empty_database).app
    routes = [route for route in all_routes(app.routes) if isinstance(route, APIRoute)]
    missing = [
        f"{method} {route.path}"
        for route in routes
        for method in route.methods
        if not any(method == row[0] and route.path_regex.match(row[1].partition("?")[0]) for row in TABLE)
    ]
    assert missing == []


def store_event(site: Site, event_id: str, camera_id: str, started_at_s: float = 1000.0) -> None:
    incident = Incident("1", EventPhase.END, "intrusion", "person", "floor", (1,), 0.9, started_at_s, started_at_s + 2, started_at_s + 2)
    site.services.events.save([Event(event_id, camera_id, "night", Severity.ALARM, incident)])
    jpeg = b"\xff\xd8 a picture \xff\xd9"
    site.services.evidence.add_bytes(event_id, EvidenceKind.SNAPSHOT, jpeg, started_at_s, started_at_s)


@pytest.mark.parametrize("position", range(len(CALLERS)), ids=["stranger", "viewer of one camera", "viewer", "operator", "admin"])
async def test_each_route_for_each_caller(site: Site, position: int) -> None:
    store_event(site, GATE_EVENT, "gate")
    store_event(site, YARD_EVENT, "yard")
    if position == 4:  # the sign-in limit: five wrong passwords from one address
        for _ in range(5):
            await site.ask("POST", None, "/api/v1/session", json={"username": "vera", "password": "wrong"})
    got, wanted = {}, {}
    for method, path, body, statuses in TABLE:
        answer = await site.ask(method, CALLERS[position], path, json=body)
        got[f"{method} {path}"] = answer.status_code
        wanted[f"{method} {path}"] = statuses[position]
        if answer.status_code >= 400 and path.startswith("/v2"):
            assert list(answer.json()) == ["error"], path
        elif answer.status_code >= 400 and method != "HEAD":
            assert answer.headers["content-type"] == "application/problem+json", path
            assert answer.json()["status"] == answer.status_code
    assert got == wanted


@pytest.mark.parametrize("cameras", [None, ["gate"]])
@pytest.mark.parametrize("role", list(Role))
async def test_a_bearer_token_is_held_to_its_role_and_cameras(site: Site, role: Role, cameras: list[str] | None) -> None:
    token = site.accounts.create_token("program", role, cameras)
    headers = {"Authorization": f"Bearer {token}"}
    seen = (await site.get(None, "/api/v1/cameras", headers=headers)).json()["cameras"]
    assert [camera["id"] for camera in seen] == (["gate"] if cameras else ["dock", "gate", "yard"])
    status = (await site.ask("PUT", None, "/api/v1/rules/crowd", json=RULE, headers=headers)).status_code
    assert status == (201 if role is Role.ADMIN else 403)
    site.accounts.revoke("program")
    assert (await site.get(None, "/api/v1/cameras", headers=headers)).status_code == 401


async def test_lists_hold_only_what_the_scope_shows(site: Site) -> None:
    store_event(site, GATE_EVENT, "gate")
    store_event(site, YARD_EVENT, "yard")
    assert [event["camera_id"] for event in (await site.get("greta", "/api/v1/events")).json()["events"]] == ["gate"]
    assert (await site.get("greta", "/api/v1/events?camera=yard")).json()["events"] == []
    assert (await site.get("greta", "/api/v1/events/counts")).json()["by_camera"] == {"gate": 1}
    assert (await site.get("greta", "/api/v1/events/new")).json() == {"new": 1, "at_least": False}
    assert [rule["id"] for rule in (await site.get("greta", "/api/v1/rules")).json()["rules"]] == ["night"]
    assert [camera["id"] for camera in (await site.get("greta", "/api/v1/cameras")).json()["cameras"]] == ["gate"]
