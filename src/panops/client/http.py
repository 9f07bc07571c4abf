"""The one connection to the server: JSON in and out, files and streams in pieces, errors as `panops.client.errors`."""

from __future__ import annotations

import contextlib
import http.client
import json
import ssl
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from panops.client.errors import Unreachable, error_of

PIECE_BYTES = 256 * 1024
_LARGEST_JSON_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """A good answer: its JSON (None where there is none) and its headers by lower-case names."""

    data: Any
    headers: Mapping[str, str]

    @property
    def etag(self) -> str:
        """The version of what was read or written, for `If-Match`; empty where it has none."""
        return self.headers.get("etag", "")


class Http:
    """Speaks to one server. A connection is kept between requests; one thread at a time may use it.

    Args:
        url: Where panops is, such as `http://127.0.0.1:8440`.
        token: A bearer token.
        timeout_s: How long to wait for the server to take or send something, s.
        ca_file: Certificates to trust for https; the machine's own when None.

    Raises:
        Unreachable: The URL is none.
    """

    def __init__(self, url: str, token: str, timeout_s: float = 30.0, ca_file: Path | None = None) -> None:
        parts = urlsplit(url)
        try:
            port = parts.port
        except ValueError:
            port = -1
        if parts.scheme not in ("http", "https") or not parts.hostname or port == -1:
            raise Unreachable(f"expected an address such as http://127.0.0.1:8440, got {url!r}")
        self.url = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}"
        self._base = parts.path.rstrip("/")
        self._host, self._port = parts.hostname, port
        self._token = token
        self._timeout_s = timeout_s
        self._tls = None if parts.scheme == "http" else ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
        self._kept: http.client.HTTPConnection | None = None

    def close(self) -> None:
        """Let the connection go. Safe to call twice; the next request makes a new one."""
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    def get(self, path: str, query: Mapping[str, Any] | None = None) -> Answer:
        """Read something."""
        return self.ask("GET", path + query_of(query))

    def ask(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
        """Send a request and read its whole answer.

        Args:
            method: The HTTP method.
            path: After `/api/v1`, such as `/cameras`; with its query.
            body: Becomes JSON; None sends none.
            headers: More headers.

        Raises:
            ApiError: One of its kinds.
        """
        with self._sent(method, path, body, headers or {}) as answer:
            told = _headers(answer)
            try:
                text = answer.read(_LARGEST_JSON_BYTES)
                more = answer.read(1)
            except (OSError, http.client.HTTPException) as error:
                raise Unreachable(f"the connection to {self.url} broke: {_reason(error)}") from error
            if answer.length:
                raise Unreachable(f"the connection to {self.url} broke: {answer.length} bytes are missing")
            if more:
                raise Unreachable(f"{self.url} sends more than {_LARGEST_JSON_BYTES} bytes, which cannot be meant for this")
            return Answer(_json_of(text, told, self.url) if text else None, told)

    @contextlib.contextmanager
    def pieces(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Iterator[Iterator[bytes]]:
        """Send a request and read its answer in pieces, over a connection of its own: nothing of it is kept in memory.

        Raises:
            ApiError: One of its kinds; also while it is read.
        """
        alone = Http.__new__(Http)
        alone.__dict__.update(self.__dict__, _kept=None)
        try:
            with alone._sent(method, path, body, headers or {}) as answer:  # noqa: SLF001 - of this class
                yield _read(answer, self.url)
        finally:
            alone.close()

    @contextlib.contextmanager
    def _sent(self, method: str, path: str, body: Any, headers: Mapping[str, str]) -> Iterator[http.client.HTTPResponse]:
        answer = self._answer(method, path, body, headers)
        try:
            if answer.status >= 400:
                told = _headers(answer)
                raise error_of(answer.status, _problem(answer), told)
            if answer.status >= 300:
                raise Unreachable(f"{self.url} leads to {answer.headers.get('location', 'somewhere else')}; give that address instead")
            yield answer
        finally:
            if not answer.isclosed():
                self.close()

    def _answer(self, method: str, path: str, body: Any, headers: Mapping[str, str]) -> http.client.HTTPResponse:
        data = None if body is None else json.dumps(body, allow_nan=False).encode()
        given = {"Authorization": f"Bearer {self._token}", "Accept": "application/json, */*", **headers}
        if data is not None:
            given["Content-Type"] = "application/json"
        if method != "GET":
            self.close()  # a kept connection may end while the request is on its way, and then nobody knows whether it was done
        elif self._kept is not None:
            with contextlib.suppress(OSError, http.client.HTTPException):
                return self._once(method, path, data, given)
            self.close()
        try:
            return self._once(method, path, data, given)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise Unreachable(f"nothing answers at {self.url}: {_reason(error)}; is panops running there?") from error

    def _once(self, method: str, path: str, data: bytes | None, headers: Mapping[str, str]) -> http.client.HTTPResponse:
        if self._kept is None:
            self._kept = (
                http.client.HTTPConnection(self._host, self._port, timeout=self._timeout_s)
                if self._tls is None
                else http.client.HTTPSConnection(self._host, self._port, timeout=self._timeout_s, context=self._tls)
            )
        self._kept.request(method, f"{self._base}/api/v1{path}", data, dict(headers))
        return self._kept.getresponse()


def part(name: str) -> str:
    """A name as one segment of a path."""
    return quote(name, safe="")


def query_of(values: Mapping[str, Any] | None) -> str:
    """`?a=1&b=2`; lists repeat their name, None and empty lists are left out, true and false are in lower case."""
    pairs = [
        (name, str(item).lower() if isinstance(item, bool) else str(item))
        for name, value in (values or {}).items()
        for item in (value if isinstance(value, Sequence) and not isinstance(value, str) else [value])
        if item is not None
    ]
    return f"?{urlencode(pairs)}" if pairs else ""


def _read(answer: http.client.HTTPResponse, url: str) -> Iterator[bytes]:
    try:
        while piece := answer.read1(PIECE_BYTES):
            yield piece
    except (OSError, http.client.HTTPException) as error:
        raise Unreachable(f"the connection to {url} broke: {_reason(error)}") from error
    if answer.length:
        raise Unreachable(f"the connection to {url} broke: {answer.length} bytes are missing")


def _headers(answer: http.client.HTTPResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in answer.getheaders()}


def _json_of(text: bytes, headers: Mapping[str, str], url: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise Unreachable(f"{url} answers with {headers.get('content-type', 'something')}, not with JSON: it is no panops") from error


def _problem(answer: http.client.HTTPResponse) -> Any:
    """The body of a refusal; None where it is no JSON."""
    try:
        return json.loads(answer.read(_LARGEST_JSON_BYTES))
    except (OSError, http.client.HTTPException, ValueError):
        return None


def _reason(error: BaseException) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
