"""The running product's API as its own page would use it, with the time of each answer."""

from __future__ import annotations

import http.client
import json
import secrets
import threading
import time
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from panops.bench.tally import ApiTally
from panops.domain.errors import PanopsError

# What is asked once a second: the cameras' states, and the newest events.
ASKED = ("/api/v1/cameras", "/api/v1/events?limit=50")
_EVERY_S = 1.0
_PATIENCE_S = 20.0


class ProductApi:
    """One connection, for one thread.

    Args:
        address: Such as `http://127.0.0.1:8440`.
        cookie: Of somebody who is signed in; empty for a stranger.
    """

    def __init__(self, address: str, cookie: str = "") -> None:
        """Connect when something is asked."""
        self.address = address
        self.cookie = cookie
        self._connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=_PATIENCE_S)

    def close(self) -> None:
        """End the connection."""
        self._connection.close()

    def get(self, path: str) -> tuple[int, bytes]:
        """Status and body of an answer.

        Raises:
            OSError: Nobody answers, or not in time.
        """
        return self._ask("GET", path, None)

    def put(self, path: str, content: dict[str, Any]) -> int:
        """Status of what a change of settings was answered with.

        Raises:
            OSError: Nobody answers, or not in time.
        """
        return self._ask("PUT", path, json.dumps(content).encode())[0]

    def post(self, path: str, content: dict[str, Any]) -> tuple[int, bytes]:
        """Status and body of what something new was answered with.

        Raises:
            OSError: Nobody answers, or not in time.
        """
        return self._ask("POST", path, json.dumps(content).encode())

    def delete(self, path: str) -> int:
        """Status of what a removal was answered with.

        Raises:
            OSError: Nobody answers, or not in time.
        """
        return self._ask("DELETE", path, None)[0]

    def sign_up(self) -> None:
        """Create the first account, with a password that nobody else knows, and stay signed in.

        Raises:
            PanopsError: It was refused.
            OSError: Nobody answers.
        """
        account = json.dumps({"username": "bench", "password": secrets.token_urlsafe()}).encode()
        status, body = self._ask("POST", "/api/v1/setup", account)
        if status != http.client.CREATED:
            raise PanopsError(f"the site refused the first account: {status} {body[:200].decode(errors='replace')}")

    def _ask(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        headers = {"Origin": self.address, **({"Cookie": self.cookie} if self.cookie else {})}
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            try:
                return self._exchange(method, path, body, headers)
            except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
                # A connection that rested for half a minute has been closed at the other end; a new one is made.
                self._connection.close()
                return self._exchange(method, path, body, headers)
        except http.client.HTTPException as error:
            self._connection.close()
            raise OSError(f"{path}: {error}") from error
        except OSError:
            self._connection.close()
            raise

    def _exchange(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> tuple[int, bytes]:
        self._connection.request(method, path, body, headers)
        answer = self._connection.getresponse()
        content = answer.read()
        given = answer.headers.get("Set-Cookie", "")
        if given:
            self.cookie = given.partition(";")[0]
        return answer.status, content


class ApiProbe:
    """Asks the API once a second on a thread of its own and notes how long it takes.

    Args:
        address: Of the product.
        cookie: Of somebody who is signed in.
    """

    def __init__(self, address: str, cookie: str) -> None:
        """Begin to ask."""
        self._took_s: list[float] = []
        self._failed = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(ProductApi(address, cookie),), name="api-probe", daemon=True)
        self._thread.start()

    def stop(self) -> ApiTally:
        """Ask no more; what came of it."""
        self._stop.set()
        self._thread.join(_PATIENCE_S)
        took = np.array(self._took_s or [0.0])
        p50_s, p95_s = (float(value) for value in np.percentile(took, (50, 95)))
        return ApiTally(len(self._took_s), self._failed, p50_s, p95_s, float(took.max()))

    def _run(self, api: ProductApi) -> None:
        while not self._stop.wait(_EVERY_S):
            for path in ASKED:
                began_s = time.perf_counter()
                try:
                    status: Any = api.get(path)[0]
                except OSError:
                    status = None
                self._took_s.append(time.perf_counter() - began_s)
                self._failed += status != http.client.OK
        api.close()
