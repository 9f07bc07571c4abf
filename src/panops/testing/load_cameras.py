"""Starts, orders and stops the load server: hundreds of RTSP cameras on 127.0.0.1 from a few films."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Literal, Self

from panops.domain.errors import PanopsError

Mode = Literal["play", "stall", "freeze", "refuse"]


class LoadServerFailed(PanopsError):
    """The server did not start, or ended: a port that is taken, a film that cannot be shown ..."""


@dataclass(frozen=True, slots=True)
class LoadCamera:
    """One camera of the load.

    Attributes:
        path: As in its address, such as `/cam-1`.
        film: An H.264 file that begins with a keyframe.
        rate_fps: Pictures a second, whatever the film says.
        phase_s: How far into the film it is at the start, s.
    """

    path: str
    film: Path
    rate_fps: float
    phase_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Offered:
    """What a camera has offered since the server's start.

    Attributes:
        viewers: Who watches now.
        due: Pictures that were due while somebody watched.
        sent: Those that went out.
        unsent: Those that were given up because the viewer did not read.
    """

    viewers: int = 0
    due: int = 0
    sent: int = 0
    unsent: int = 0


class LoadCameras:
    """A load server in a process of its own.

    Args:
        cameras: What it offers.
        port: Where to listen; 0 takes a free port.
        mtu: The longest RTP payload, bytes; cameras use about 1,400.
    """

    def __init__(self, cameras: Sequence[LoadCamera], port: int = 0, mtu: int = 1400) -> None:
        self._settings = {"port": port, "mtu": mtu, "cameras": [{**asdict(camera), "film": str(camera.film)} for camera in cameras]}
        self._process: subprocess.Popen[str] | None = None
        self._speaking = threading.Lock()
        self.port = port

    @property
    def pid(self) -> int:
        """The server's process id, 0 while it does not run."""
        return self._process.pid if self._process else 0

    def url(self, path: str) -> str:
        """The address of a camera."""
        return f"rtsp://127.0.0.1:{self.port}{path}"

    def start(self) -> Self:
        """Start the process and wait until it listens.

        Raises:
            LoadServerFailed: It did not come up; the message says why.
        """
        command = [sys.executable, "-m", "panops.testing.load_server"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)  # noqa: S603  # our own
        word, _, rest = self._ask(self._settings).partition(" ")
        if word != "READY":
            self.stop()
            raise LoadServerFailed(f"the load server did not start: {rest or 'it ended without a word'}")
        self.port = int(rest)
        return self

    def stop(self) -> None:
        """End the process. Safe to call twice."""
        process, self._process = self._process, None
        if process is None:
            return
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with suppress(OSError):  # what could not be written is still in the buffer of a pipe whose reader is gone
                    stream.close()
        try:
            process.wait(5.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def counts(self) -> dict[str, Offered]:
        """What every camera has offered so far, by path.

        Raises:
            LoadServerFailed: The server is gone.
        """
        answer: dict[str, dict[str, int]] = self._answer({"do": "counts"})
        return {path: Offered(**counts) for path, counts in answer.items()}

    def set_mode(self, path: str, mode: Mode) -> None:
        """Let a camera play, say nothing (`stall`), repeat itself (`freeze`), or be cut off (`refuse`).

        Raises:
            LoadServerFailed: The server is gone.
        """
        self._answer({"do": "set", "path": path, "mode": mode})

    def _ask(self, order: dict[str, Any]) -> str:
        process = self._process
        if process is None:
            raise LoadServerFailed("the load server does not run")
        with self._speaking:
            try:
                into, out = _stream(process.stdin), _stream(process.stdout)
                into.write(json.dumps(order) + "\n")
                into.flush()
                return out.readline().strip()
            except OSError as error:
                raise LoadServerFailed("the load server is gone") from error

    def _answer(self, order: dict[str, Any]) -> Any:
        answer = self._ask(order)
        if not answer:
            raise LoadServerFailed("the load server ended in the middle of the run")
        return json.loads(answer)

    def __enter__(self) -> Self:
        """Start."""
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Stop."""
        self.stop()


def _stream(pipe: IO[str] | None) -> IO[str]:
    if pipe is None:
        raise LoadServerFailed("the load server's pipes are gone")
    return pipe
