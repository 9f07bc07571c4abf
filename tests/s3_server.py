"""A real object store that speaks S3 on loopback: moto's server. It needs older packages than others here, so it is installed apart."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from panops.config.archive_schema import ArchiveConfig


class S3Server:
    """It can be stopped and started again; what it holds lives in its memory, so a stop loses it."""

    def __init__(self, folder: Path) -> None:
        # `make test` puts it into an environment of its own beside ours.
        program = shutil.which("moto_server", path=f"{Path(sys.prefix) / 'servers' / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}")
        if program is None:
            pytest.skip("needs moto_server, which make test installs; or: pipx install 'moto[server]'")
        if importlib.util.find_spec("obstore") is None:
            pytest.skip("needs obstore: pip install 'panops[s3]'")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self.address = f"http://127.0.0.1:{self.port}"
        self._program, self._log = program, folder / "moto.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            command = [self._program, "-H", "127.0.0.1", "-p", str(self.port)]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        until_s = time.monotonic() + 60
        while not self._answers():
            assert self._process.poll() is None, self._log.read_text()
            assert time.monotonic() < until_s, "the object store did not come up"
            time.sleep(0.1)

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            process.wait(10)

    def ask(self, path: str, method: str = "GET", body: bytes | None = None) -> bytes:
        request = urllib.request.Request(f"{self.address}/{path}", body, method=method)  # noqa: S310 - http
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - http
            data: bytes = answer.read()
        return data

    def make(self, bucket: str, **settings: object) -> ArchiveConfig:
        """A new bucket, and the settings of an archive in it."""
        self.ask(bucket, "PUT")
        return ArchiveConfig.model_validate(
            {"bucket": bucket, "endpoint": self.address, "access_key": "test-key", "secret_key": "test-secret", **settings}
        )

    def _answers(self) -> bool:
        try:
            self.ask("")
        except (urllib.error.URLError, OSError):
            return False
        return True


@contextmanager
def s3_server(folder: Path) -> Iterator[S3Server]:
    """The store, while the block runs."""
    server = S3Server(folder)
    try:
        server.start()
        yield server
    finally:
        server.stop()
