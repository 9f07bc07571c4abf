"""A whole panops as a user starts it: a process of its own, spoken to over HTTP."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psutil


def free_port() -> int:
    """A port of loopback that nobody uses now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class RunningSite:
    """`panops run` or `panops demo` on a home folder."""

    def __init__(self, home: Path, *arguments: str, command: str = "run", environ: dict[str, str] | None = None) -> None:
        self.home = home
        self.port = free_port()
        self.log = home.parent / f"{home.name}.log"
        self._arguments = [sys.executable, "-m", "panops.cli", command, *arguments, "--home", str(home), "--port", str(self.port)]
        self._environ = {**os.environ, **(environ or {})}
        self.process: subprocess.Popen[bytes] | None = None
        self.http = self._client()

    @property
    def url(self) -> str:
        """The page's address."""
        return f"http://127.0.0.1:{self.port}"

    def _client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=10, headers={"Origin": self.url}, trust_env=False)

    def __enter__(self) -> RunningSite:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()
        self.http.close()

    def start(self, timeout_s: float = 60) -> None:
        """Start it and wait until it answers."""
        if self.http.is_closed:
            self.http = self._client()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self._arguments, stdout=log, stderr=log, env=self._environ, stdin=subprocess.DEVNULL)
        try:
            self.wait_for(self._answers, timeout_s, "it answers")
        except BaseException:
            if self.process.poll() is None:
                self.kill()  # its shards see that and end by themselves
            raise

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, f"panops ended with {self.process.returncode}:\n{self.output()}"
        try:
            return self.http.get("/healthz").status_code == 200
        except httpx.TransportError:
            return False

    def stop(self, timeout_s: float = 40) -> int:
        """SIGTERM, and the exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self) -> None:
        """SIGKILL to the supervisor only."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)

    def shards(self) -> list[psutil.Process]:
        """The shard processes that live now."""
        assert self.process is not None
        found = []
        for child in psutil.Process(self.process.pid).children():
            with contextlib.suppress(psutil.Error):  # gone, or dead and not yet waited for
                if "panops.pipeline.shard_process" in " ".join(child.cmdline()):
                    found.append(child)
        return found

    def sign_in(self) -> None:
        """Create the first account, or sign in with it."""
        account = {"username": "admin", "password": "a-long-enough-passphrase"}
        if self.http.get("/api/v1/setup").json()["needed"]:
            assert self.http.post("/api/v1/setup", json=account).status_code == 201
        else:
            assert self.http.post("/api/v1/session", json=account).status_code == 200

    def get(self, path: str, **params: Any) -> Any:
        """A JSON answer of the API."""
        answer = self.http.get(f"/api/v1{path}", params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def camera(self, camera_id: str) -> dict[str, Any]:
        """One camera's state."""
        found: dict[str, Any] = self.get(f"/cameras/{camera_id}")
        return found

    def events(self, **params: Any) -> list[dict[str, Any]]:
        """All events, newest first."""
        found: list[dict[str, Any]] = []
        cursor = ""
        while True:
            page = self.get("/events", **params, **({"cursor": cursor} if cursor else {}))
            found += page["events"]
            cursor = page.get("next_cursor") or ""
            if not cursor:
                return found

    def output(self) -> str:
        """What it printed."""
        return self.log.read_text(errors="replace")

    def wait_for(self, condition: Callable[[], Any], timeout_s: float, what: str) -> Any:
        """Poll until `condition` is true and return it."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            found = condition()
            if found:
                return found
            time.sleep(0.2)
        raise AssertionError(f"waited {timeout_s} s in vain until {what}; its output:\n{self.output()[-4000:]}")
