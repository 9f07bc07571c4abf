"""Where the next page of a list is, as RFC 8288 says it: a client follows `Link` and need not know how a cursor is called."""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response


def link_next(request: Request, response: Response, name: str, value: str | int | None) -> None:
    """Add `Link: <...>; rel="next"` to an answer: the address that was asked, with its parameter `name` set to `value`; None: the end."""
    if value is None:
        return
    kept = [(key, text) for key, text in request.query_params.multi_items() if key != name]
    response.headers["Link"] = f'<{request.url.path}?{urlencode([*kept, (name, value)])}>; rel="next"'
