"""The OpenAPI description of this API: FastAPI's, with every error that a route can answer, examples, and what the tags mean."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import BaseModel

from panops.api.examples import EXAMPLES
from panops.api.security import COOKIE, OPEN_ROUTES

TAGS = {
    "setup": "What a page asks first, and the first administrator.",
    "session": "Signing in and out, one's own sessions and password.",
    "account": "One's own account: second factor, tokens.",
    "users": "Accounts of people.",
    "tokens": "Tokens for programs.",
    "groups": "Groups of cameras.",
    "views": "Saved views of the wall.",
    "audit": "Who did what, and looked at what.",
    "site": "The site as a whole, and its settings as one document.",
    "cameras": "Cameras: settings, state, pictures, switches, drift.",
    "rules": "What counts as an event.",
    "events": "What happened: search, follow, judge, export, and the files that prove it.",
    "compliance": "Who wore what is required.",
    "people": "People who are known by their faces: who agreed to it, their pictures, who is in a picture.",
    "areas": "What covered the zones of cameras.",
    "suggestions": "What to change so that false alarms do not come.",
    "alerts": "Who is told of events, and how that goes.",
    "models": "Detectors: their versions, cards and comparisons.",
    "recording": "What cameras recorded: look, export, protect.",
    "inference": "What is in a picture.",
    "open inference protocol": "Any model for programs, as the Open Inference Protocol has it.",
    "health": "Health checks and metrics.",
}

_WORDS = {
    400: "the body cannot be read as JSON",
    401: "sign in, or send a valid bearer token",
    403: "the role is too low, or the request comes from another site",
    404: "it is not there, or not for you",
    409: "it contradicts what is there",
    412: "it was changed since it was read",
    413: "the body is over 1 MiB",
    415: "the body is of another kind than is expected",
    416: "the range lies beyond the end of the file",
    422: "something in the request is wrong; `errors` names the fields",
    428: "send `If-Match`",
    429: "too many at once, or too often; wait `Retry-After` seconds",
    500: "what is stored is damaged or does not fit this version; the server's log says more",
    503: "it cannot be had now; try again soon",
    507: "the disk is full",
}
_WRITES = frozenset({"post", "put", "patch", "delete"})
_SECURITY = {
    "session": {"type": "apiKey", "in": "cookie", "name": COOKIE, "description": "of `POST /api/v1/session`"},
    "token": {"type": "http", "scheme": "bearer", "description": "of `POST /api/v1/tokens`"},
}
# What single routes answer beside what follows from their parameters.
_MORE: Mapping[tuple[str, str], tuple[int, ...]] = {
    ("post", "/api/v1/setup"): (403, 409, 429),
    ("post", "/api/v1/session"): (401, 429),
    ("post", "/api/v1/password"): (403, 429),
    ("post", "/api/v1/users"): (409,),
    ("patch", "/api/v1/users/{username}"): (409,),
    ("delete", "/api/v1/users/{username}"): (409,),
    ("post", "/api/v1/tokens"): (409,),
    **{("post", f"/api/v1/{task}"): (400, 404, 415) for task in ("classify", "detect", "faces", "hands", "pose", "segment")},
    ("post", "/api/v1/views"): (409,),
    ("get", "/api/v1/oidc/begin"): (404,),
    ("get", "/api/v1/oidc/end"): (404,),
    ("patch", "/api/v1/cameras/{camera_id}"): (409,),
    ("put", "/api/v1/cameras/{camera_id}"): (409,),
    ("put", "/api/v1/rules/{rule_id}"): (409,),
    ("get", "/api/v1/events/stream"): (429,),
    ("get", "/api/v1/events/{event_id}/{file_name}"): (416,),
    ("post", "/api/v1/events/export"): (404, 429),
    ("post", "/api/v1/events/similar"): (400, 404, 409, 415),
    ("put", "/api/v1/site/config"): (409, 428),
    ("post", "/api/v1/suggestions/{suggestion_id}/apply"): (409,),
    ("post", "/api/v1/suggestions/{suggestion_id}/take-back"): (409,),
    ("post", "/api/v1/suggestions/{suggestion_id}/dismiss"): (409,),
    ("delete", "/api/v1/suggestions/{suggestion_id}/dismiss"): (409,),
    ("post", "/api/v1/alerts/deliveries/{delivery_id}/send-again"): (409,),
    ("post", "/api/v1/people"): (409,),
    ("patch", "/api/v1/people/{person_id}"): (409,),
    ("post", "/api/v1/people/search"): (400, 409, 415),
    ("post", "/api/v1/people/{person_id}/faces"): (400, 409, 415),
    ("get", "/api/v1/models/{name}/versions/{version}"): (409,),
    ("post", "/api/v1/models/{name}/shadow"): (409,),
    ("post", "/api/v1/models/{name}/promote"): (409,),
    ("post", "/api/v1/models/{name}/rollback"): (409,),
}


# Of every route of the Open Inference Protocol.
_V2_ERRORS = (400, 401, 403, 404, 413, 422, 429, 500, 503)


class FieldProblemOut(BaseModel):
    """What is wrong with one field; `field` is its dotted path, empty for the whole."""

    field: str
    message: str


class ProblemOut(BaseModel):
    """An error, as RFC 9457 says."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldProblemOut] | None = None


class V2ErrorOut(BaseModel):
    """An error, as the Open Inference Protocol says."""

    error: str


def operation_id(route: APIRoute) -> str:
    """A name for generators of clients: `events_review_all`."""
    name = f"{route.tags[0]}_{route.name}" if route.tags else route.name
    return name.strip("_")


def describe(app: FastAPI) -> dict[str, Any]:
    """The description, made once and kept."""
    if app.openapi_schema is None:
        tags = [{"name": name, "description": words} for name, words in TAGS.items()]
        document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes, tags=tags)
        _add_schemas(document)
        for path, method, operation in _operations(document):
            _add_errors(path, method, operation)
            _split_words(operation)
            if (method.upper(), path) in OPEN_ROUTES or not path.startswith("/api/"):
                operation["security"] = [] if path != "/metrics" else [{}, {"session": []}, {"token": []}]
        app.openapi_schema = document
    return app.openapi_schema


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            yield path, method, operation


def _add_schemas(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    problem = ProblemOut.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(problem.pop("$defs"))
    schemas["ProblemOut"] = problem
    schemas["V2ErrorOut"] = V2ErrorOut.model_json_schema()
    for name, example in EXAMPLES.items():
        schemas[name]["examples"] = [example]
    document["components"]["securitySchemes"] = _SECURITY
    document["security"] = [{"session": []}, {"token": []}]


def _add_errors(path: str, method: str, operation: dict[str, Any]) -> None:
    answers = operation["responses"]
    for status in sorted({*_errors_of(path, method, operation)}):
        said, kind = ("V2ErrorOut", "application/json") if path.startswith("/v2") else ("ProblemOut", "application/problem+json")
        content = {kind: {"schema": {"$ref": f"#/components/schemas/{said}"}}}
        answers[str(status)] = {"description": _WORDS[status], "content": content}


def _errors_of(path: str, method: str, operation: dict[str, Any]) -> Iterator[int]:
    """The errors that a route can answer, by what it takes and does."""
    yield from _MORE.get((method, path), ())
    if path.startswith("/v2"):
        yield from _V2_ERRORS
        return
    if not path.startswith("/api/"):
        yield from (401, 403, 503) if path == "/metrics" else (503,)
        return
    names = {parameter["name"].lower() for parameter in operation.get("parameters", ())}
    yield from (429, 500, 503)
    if (method.upper(), path) not in OPEN_ROUTES:
        yield from (401, 403)
    if "{" in path:
        yield 404
    if operation.get("parameters") or "requestBody" in operation:
        yield 422
    if method in _WRITES:
        yield from (403, 507)
    if "requestBody" in operation:
        yield from (400, 413)
    if names & {"if-match", "if-none-match"}:
        yield 412


def _split_words(operation: dict[str, Any]) -> None:
    """The first sentence of a route's description is its summary."""
    words = " ".join(operation.get("description", "").split("\n\n")[0].split())
    first = re.match(r".*?[.:](?=\s|$)", words)
    if first:
        operation["summary"] = first[0].rstrip(".:")
