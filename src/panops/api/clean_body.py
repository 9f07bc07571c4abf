"""A check of every request's JSON before any route sees it: only text that can be stored, logged and shown, only numbers that JSON knows.

JSON may hold lone surrogates and control characters as escapes, and Python's reader takes `NaN` and `1e999`. Once stored, one of them would
break every later answer that has it inside. Here they are refused for all routes at once; a route written tomorrow cannot forget it.
"""

from __future__ import annotations

import math
import re
from typing import Any

from starlette.requests import HTTPConnection, Request

from panops.api.problems import FieldError, ProblemError

# Control characters (C0, DEL, C1), the line and paragraph separators, and halves of surrogate pairs.
_UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_UNFIT_IN_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
# People write these in several lines.
_TEXTS = re.compile(r"note|file_text|alerts\.\d+\.template")
_MOST_NAMED = 20
LONGER_BODIES = (
    "/v2/models/",
    *(f"/api/v1/{task}" for task in ("classify", "detect", "faces", "hands", "pose", "segment")),
)
"""How paths begin whose bodies may be longer than others: none of them is ever read here."""

_PICTURE_OF_A_PERSON = re.compile(r"/api/v1/people/(?:search|[0-9a-f]{24}/faces)")


def takes_longer(path: str) -> bool:
    """Whether a path takes a picture or tensors."""
    return path.startswith(LONGER_BODIES) or bool(_PICTURE_OF_A_PERSON.fullmatch(path))


async def clean_body(connection: HTTPConnection) -> None:
    """A dependency of the whole app.

    Raises:
        ProblemError: 422; names the fields. 415: JSON where a picture is expected.
    """
    if not isinstance(connection, Request) or connection.method in ("GET", "HEAD", "OPTIONS"):
        return
    # Tensors are numbers for a model: nothing of them is stored, logged or shown, and they are read in another process.
    if connection.scope["path"].startswith("/v2/"):
        return
    if "json" not in connection.headers.get("content-type", "").lower():
        return
    if takes_longer(connection.scope["path"]):
        raise ProblemError(415, "expected a JPEG, PNG or WebP picture as the body, got JSON")
    if not await connection.body():
        return
    try:
        body = await connection.json()  # kept by the request: FastAPI has read it already
    except (ValueError, RecursionError):
        return  # a route that wants a body has refused it by now
    if errors := unfit(body):
        raise ProblemError(422, "the request holds text or numbers that cannot be stored", errors)


def unfit(body: Any) -> list[FieldError]:
    """What in a parsed body cannot be stored; at most 20 faults."""
    errors: list[FieldError] = []
    left: list[tuple[str, Any]] = [("", body)]
    while left and len(errors) < _MOST_NAMED:
        field, value = left.pop()
        if isinstance(value, dict):
            for key, item in value.items():
                path = _join(field, key.encode("ascii", "backslashreplace").decode()[:80])
                if _UNFIT.search(key):
                    errors.append(FieldError(path, "a name must not hold control characters or halves of characters"))
                left.append((path, item))
        elif isinstance(value, list):
            left.extend((_join(field, str(number)), item) for number, item in enumerate(value))
        elif isinstance(value, str) and (_UNFIT_IN_TEXT if _TEXTS.fullmatch(field) else _UNFIT).search(value):
            errors.append(FieldError(field, "must not hold control characters (such as line breaks) or halves of characters"))
        elif isinstance(value, float) and not math.isfinite(value):
            errors.append(FieldError(field, "expected a finite number"))
    return errors


def _join(field: str, part: str) -> str:
    # Deep nesting must not make a path of a megabyte.
    return f"{field}.{part}"[-400:] if field else part
