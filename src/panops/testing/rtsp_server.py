"""Starts and stops a real RTSP server (GStreamer, in a process of its own) for tests and benchmarks."""

from __future__ import annotations

import functools
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Literal, Self
from urllib.parse import quote

from panops.domain.errors import PanopsError

_SCRIPT = Path(__file__).with_name("gst_rtsp_server.py")
_CHECK = """
import gi
gi.require_version('Gst', '1.0')
gi.require_version('GstRtspServer', '1.0')
from gi.repository import Gst, GstRtspServer
Gst.init(None)
assert all(Gst.ElementFactory.find(name) for name in ('h264parse', 'rtph264pay', 'appsrc', 'qtdemux'))
"""


class RtspServerUnavailable(PanopsError):
    """No Python on this machine can run the server; the message says what to install."""


class RtspServerFailed(PanopsError):
    """The server did not start: a port that is taken, a file that is no video ..."""


@functools.cache
def find_interpreter() -> str:
    """A Python that can import GStreamer's bindings.

    Raises:
        RtspServerUnavailable: There is none.
    """
    for python in (os.environ.get("PANOPS_GST_PYTHON", ""), "/usr/bin/python3", sys.executable):
        if not python or not Path(python).exists():
            continue
        check = subprocess.run([python, "-c", _CHECK], capture_output=True, check=False, timeout=30)  # noqa: S603  # a fixed list of interpreters
        if check.returncode == 0:
            return python
    raise RtspServerUnavailable(
        "no Python here can import GStreamer's RTSP server; on Debian install: python3-gi gir1.2-gst-rtsp-server-1.0 "
        "gstreamer1.0-plugins-good gstreamer1.0-plugins-bad"
    )


@dataclass(frozen=True, slots=True)
class Mount:
    """What one path of the server shows.

    Attributes:
        file: A video file of the codec (mp4, mkv, elementary stream ...); looped without end.
        codec: What is in the file.
        user: Needed to watch; empty lets everybody in.
        password: The user's password.
        auth: How the password is asked for; one server asks all of its mounts in the same way.
    """

    file: Path
    codec: Literal["h264", "h265", "jpeg"] = "h264"
    user: str = ""
    password: str = ""
    auth: Literal["basic", "digest"] = "basic"


class RtspServer:
    """A real RTSP server on 127.0.0.1 in a process of its own.

    Parsing and packing only: no encoder or decoder runs, all viewers of a path share one pipeline, all paths of a file share its pictures.

    Args:
        mounts: Path such as `/gate` -> what it shows.
        port: Where to listen; 0 takes a free port, which then stays the same over `stop` and `start`.
    """

    def __init__(self, mounts: Mapping[str, Mount], port: int = 0) -> None:
        self._mounts = dict(mounts)
        self._process: subprocess.Popen[str] | None = None
        self.port = port

    @property
    def pid(self) -> int:
        """The server's process id, 0 while it does not run."""
        return self._process.pid if self._process else 0

    def url(self, path: str, user: str | None = None, password: str | None = None) -> str:
        """The address of a path, with the mount's own user and password unless others are given."""
        mount = self._mounts.get(path)
        user = (mount.user if mount else "") if user is None else user
        password = (mount.password if mount else "") if password is None else password
        login = f"{quote(user, safe='')}:{quote(password, safe='')}@" if user else ""
        return f"rtsp://{login}127.0.0.1:{self.port}{path}"

    def start(self, timeout_s: float = 20.0) -> Self:
        """Start the process and wait until it listens.

        Raises:
            RtspServerUnavailable: GStreamer is missing.
            RtspServerFailed: It did not come up.
        """
        if self._process is not None:
            raise RtspServerFailed("the server runs already")
        process = subprocess.Popen(  # noqa: S603  # our own script
            [find_interpreter(), str(_SCRIPT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        self._process = process
        watchdog = threading.Timer(timeout_s, process.kill)
        watchdog.start()
        try:
            _stream(process.stdin).write(json.dumps(self._settings()) + "\n")
            _stream(process.stdin).flush()
            word, _, rest = _stream(process.stdout).readline().strip().partition(" ")
        except OSError:
            word, rest = "", ""
        finally:
            watchdog.cancel()
            watchdog.join()
        if word != "READY":
            self.kill()
            raise RtspServerFailed(f"the RTSP server did not start: {rest or 'it ended without a word'}")
        self.port = int(rest)
        return self

    def _settings(self) -> dict[str, object]:
        mounts = [
            {
                "path": path,
                "file": str(mount.file),
                "codec": mount.codec,
                "user": mount.user,
                "password": mount.password,
                "auth": mount.auth,
            }
            for path, mount in self._mounts.items()
        ]
        return {"address": "127.0.0.1", "port": self.port, "mounts": mounts}

    def stop(self) -> None:
        """End the process in good order. Safe to call twice."""
        if self._process is not None:
            _stream(self._process.stdin).close()
            self._reap(timeout_s=5.0)

    def kill(self) -> None:
        """End the process as a power cut would: no goodbye to its viewers. Safe to call twice."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._reap(timeout_s=5.0)

    def _reap(self, timeout_s: float) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        try:
            process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None and not stream.closed:
                stream.close()

    def __enter__(self) -> Self:
        """Start."""
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Stop."""
        self.stop()


def _stream(pipe: IO[str] | None) -> IO[str]:
    if pipe is None:
        raise RtspServerFailed("the server's pipes are gone")
    return pipe
