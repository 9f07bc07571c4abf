"""What can go wrong with a running panops, in the words of the server.

The tree::

    PanopsError
    `-- ApiError               every one of these
        |-- Unreachable           nothing answers, the connection broke, or it is no panops
        |-- NotSignedIn           401: the token is not valid (any more)
        |-- NotAllowed            403: the token's role is too low
        |-- NotThere              404: it does not exist, or not for this token
        |-- Conflict              409: it contradicts what is there
        |-- Stale                 412, 428: it was changed since it was read
        |-- Invalid               400, 413, 422: something in the request is wrong; `errors` names the fields
        |-- TooOften              429: wait `retry_after_s`
        |-- ServerFault           500 and above
        `-- BadDownload           a file came that is not the one it should be
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from panops.domain.errors import PanopsError


class ApiError(PanopsError):
    """A request did not do what it should.

    Attributes:
        status: The HTTP status; 0 where there was no answer.
        errors: What is wrong with single fields, as (field, message).
        retry_after_s: How long to wait before the next try, s; 0 where the server said nothing.
        request_id: By this the server's log names the request; empty where there was no answer.
    """

    def __init__(
        self,
        detail: str,
        status: int = 0,
        errors: Sequence[tuple[str, str]] = (),
        retry_after_s: float = 0.0,
        request_id: str = "",
    ) -> None:
        said = "".join(f"\n  {field}: {message}" if field else f"\n  {message}" for field, message in errors)
        super().__init__(f"{detail}{said}")
        self.detail = detail
        self.status = status
        self.errors = tuple(errors)
        self.retry_after_s = retry_after_s
        self.request_id = request_id


class Unreachable(ApiError):
    """Nothing answers, the connection broke, or what answers is no panops."""


class NotSignedIn(ApiError):
    """The token is not valid, or not any more."""


class NotAllowed(ApiError):
    """The token's role is too low for this."""


class NotThere(ApiError):
    """It does not exist, or not for this token."""


class Conflict(ApiError):
    """It contradicts what is there."""


class Stale(ApiError):
    """It was changed since it was read: read it again."""


class Invalid(ApiError):
    """Something in the request is wrong."""


class TooOften(ApiError):
    """Too many at once, or too often."""


class ServerFault(ApiError):
    """The server could not do it; its log says why."""


class BadDownload(ApiError):
    """A file came that is not the one it should be; nothing was kept of it."""


_BY_STATUS: Mapping[int, type[ApiError]] = {
    400: Invalid,
    401: NotSignedIn,
    403: NotAllowed,
    404: NotThere,
    409: Conflict,
    412: Stale,
    413: Invalid,
    422: Invalid,
    428: Stale,
    429: TooOften,
}


def error_of(status: int, problem: Any, headers: Mapping[str, str]) -> ApiError:
    """The error that an answer means.

    Args:
        status: Its HTTP status.
        problem: Its body, where that is a problem of RFC 9457; else anything.
        headers: Its headers, by lower-case names.
    """
    kind = _BY_STATUS.get(status, ServerFault if status >= 500 else ApiError)
    said = problem if isinstance(problem, dict) else {}
    faults = [(str(one.get("field", "")), str(one.get("message", ""))) for one in said.get("errors") or () if isinstance(one, dict)]
    detail = str(said.get("detail") or said.get("title") or f"the server answered {status} without saying why")
    wait = headers.get("retry-after", "")
    return kind(detail, status, faults, float(wait) if wait.isdecimal() else 0.0, headers.get("x-request-id", ""))
