"""Errors as `application/problem+json` (RFC 9457), for every error that the server can give."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from panops.domain.errors import ConfigError, ConfigProblem, ModelError, PanopsError, StorageCorrupt, StorageError, StorageFull
from panops.storage.errors import AccountRefused, InvalidCursor, NotAllowed, NotFound, RequestRefused, StaleEdit

log = logging.getLogger(__name__)

UNREADABLE = "what is stored cannot be used now; the server's log says why"

# The first that fits counts, so the special stand before the general.
_STATUS: Mapping[type[PanopsError], int] = {
    NotFound: 404,
    NotAllowed: 403,
    InvalidCursor: 422,
    StaleEdit: 412,
    RequestRefused: 409,
    ModelError: 409,
    StorageFull: 507,
    StorageCorrupt: 500,
    StorageError: 503,
}


@dataclass(frozen=True, slots=True)
class FieldError:
    """One field's fault. `field` is its dotted path, empty for the whole."""

    field: str
    message: str


class ProblemError(Exception):
    """Ends a request with a problem answer.

    Args:
        status: The HTTP status.
        detail: One sentence for people: expected what, got what, do what.
        errors: The faults of single fields.
        headers: More headers, for example `Retry-After`.
    """

    def __init__(
        self, status: int, detail: str, errors: Iterable[FieldError | ConfigProblem] = (), headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = [FieldError(error.field, error.message) for error in errors]
        self.headers = dict(headers or {})

    def response(self) -> Response:
        """The answer."""
        return problem(self.status, self.detail, self.errors, self.headers)


def problem(status: int, detail: str, errors: Sequence[FieldError] = (), headers: Mapping[str, str] | None = None) -> Response:
    """An RFC 9457 answer."""
    body: dict[str, Any] = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    if errors:
        body["errors"] = [{"field": error.field, "message": error.message} for error in errors]
    return JSONResponse(body, status, dict(headers or {}), media_type="application/problem+json")


def not_found(what: str) -> ProblemError:
    """404; also for what the caller's scope does not show, in the same words."""
    return ProblemError(404, f"there is no such {what}, or you may not see it")


def register(app: FastAPI) -> None:
    """Make `app` answer every error as a problem."""
    app.add_exception_handler(ProblemError, _on_problem)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(PanopsError, _on_panops_error)


async def _on_problem(_request: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)  # noqa: S101 - registered for this class only
    return error.response()


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class only
    details = {
        404: f"there is nothing at {request.url.path}",
        405: f"{request.method} is not possible at {request.url.path}",
        413: "the request's body is too long",
    }
    return problem(error.status_code, details.get(error.status_code, str(error.detail)), headers=error.headers)


async def _on_invalid(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class only
    # The input is never repeated: it may be a password.
    errors = [
        FieldError(".".join(str(part) for part in item["loc"][1:]), str(item["msg"]).removeprefix("Value error, "))
        for item in error.errors()
    ]
    return problem(422, f"{len(errors)} field{'s are' if len(errors) != 1 else ' is'} not as expected", errors)


async def _on_panops_error(request: Request, error: Exception) -> Response:
    if isinstance(error, ConfigError):
        if request.method in ("GET", "HEAD"):
            return problem(500, str(error))  # nothing in the request is wrong: what is stored does not fit this version
        return problem(422, "the settings have problems", [FieldError(item.field, item.message) for item in error.problems])
    if isinstance(error, AccountRefused):
        field = "password" if str(error).startswith("expected a password") else "username"
        return problem(422, str(error), [FieldError(field, str(error))])
    status = next((status for kind, status in _STATUS.items() if isinstance(error, kind)), 500)
    detail = str(error)
    if status >= 500:
        log.error("%s: %s", type(error).__name__, error)
        if getattr(request.state, "user", None) is None:
            detail = UNREADABLE  # a stranger learns nothing of this machine's folders
    return problem(status, detail, headers={"Retry-After": "1"} if status == 503 else None)
