"""The cameras of a run: a load server on loopback, or the films on disk, played without end."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from panops.bench.film_encoder import turn_film
from panops.bench.film_shelf import Film
from panops.bench.leashed import Leashed
from panops.testing.load_cameras import LoadCamera, LoadCameras, Mode, Offered

Source = Literal["rtsp", "file"]

# Cameras that show one film are spread over it by the golden ratio: however many there are, no two show the same moment.
_SPREAD = 0.6180339887498949
# Films on disk begin where they begin, so each is written with so many beginnings.
_BEGINNINGS = 10


class Offer:
    """So many cameras, each with a film and a place in it of its own.

    Args:
        films: What they show, in turns.
        cameras: How many.
        source: Whether they are RTSP cameras or files.

    Attributes:
        films: The film of each camera, by its id.
        addresses: The address of each camera, by its id; RTSP ones are known once it is started.
    """

    def __init__(self, films: Sequence[Film], cameras: int, source: Source = "rtsp") -> None:
        """Nothing is started yet."""
        self._source = source
        self._stack = ExitStack()
        self._server: LoadCameras | None = None
        self.films = {f"cam-{number:03}": films[(number - 1) % len(films)] for number in range(1, cameras + 1)}
        self.addresses: dict[str, str] = {}

    @property
    def pid(self) -> int:
        """The server's process id; 0 where there is none."""
        return self._server.pid if self._server else 0

    def counts(self) -> dict[str, Offered]:
        """What each camera has sent so far, and what nobody read; empty where there is no server to count it.

        Raises:
            LoadServerFailed: The server is gone.
        """
        if self._server is None:
            return {}
        return {path.removeprefix("/"): offered for path, offered in self._server.counts().items()}

    def set_mode(self, camera_id: str, mode: Mode) -> None:
        """Let a camera play, say nothing, repeat itself or be cut off; without a server nothing happens.

        Raises:
            LoadServerFailed: The server is gone.
        """
        if self._server is not None:
            self._server.set_mode(f"/{camera_id}", mode)

    def __enter__(self) -> Self:
        """Start."""
        if self._source == "file":
            folder = Path(tempfile.mkdtemp(prefix="panops-films-"))
            try:
                # Its only work is to go with this process, and the folder with it, also after kill -9.
                keeper = Leashed(["sleep", "infinity"], folder, folder / "log", os.environ)
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)
                raise
            self._stack.callback(keeper.stop)
            self._write_files(folder)
            return self
        places = {camera_id: number * _SPREAD % 1.0 for number, camera_id in enumerate(self.films)}
        cameras = [
            LoadCamera(f"/{camera_id}", film.path, film.shape.rate_fps, places[camera_id] * film.shape.seconds)
            for camera_id, film in self.films.items()
        ]
        self._server = self._stack.enter_context(LoadCameras(cameras))
        self.addresses = {camera_id: self._server.url(f"/{camera_id}") for camera_id in self.films}
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Stop."""
        self._stack.close()
        self._server = None

    def _write_files(self, folder: Path) -> None:
        written: dict[tuple[Path, int], Path] = {}
        for number, (camera_id, film) in enumerate(self.films.items()):
            groups = film.shape.pictures // film.shape.group
            first = int(number * _SPREAD % 1.0 * _BEGINNINGS) * groups // _BEGINNINGS
            key = film.path, first
            if key not in written:
                written[key] = turn_film(film.path, first, folder / f"{len(written)}.mp4")
            self.addresses[camera_id] = str(written[key])
