"""Films are made once and kept: the same settings find the same film again. What the gate makes of it is measured anew by a new gate."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from panops.bench.film_recording import make_recording_film, recordings_in
from panops.bench.film_scene import SCENES, FilmFigures, make_scene_film
from panops.bench.film_shape import FilmShape
from panops.bench.gate_share import GateShare, film_lumas, gate_fingerprint, gate_share
from panops.domain.errors import StorageError

Told = Callable[[str], None]
Make = Callable[[Path, Callable[[float], None]], FilmFigures]

# Films made in another way are other films.
_RECIPE = 1


@dataclass(frozen=True, slots=True)
class Film:
    """A film that is ready to be shown.

    Attributes:
        name: What it shows.
        path: The mp4 file.
        shape: Size, rate, keyframes; its length may be less than asked for.
        figures: What passes the gate, bit rate, zone and line.
    """

    name: str
    path: Path
    shape: FilmShape
    figures: FilmFigures

    def record(self) -> dict[str, Any]:
        """For JSON."""
        share = self.figures.share
        told = {"moved_share": share.moved, "detector_share": share.detector, "kbps": self.figures.kbps}
        return {"name": self.name, **{key: round(value, 3) for key, value in told.items()}}


class FilmShelf:
    """A folder of films.

    Args:
        folder: Where they are kept; made when it is missing.
        told: Told what is being made, for a progress line.
    """

    def __init__(self, folder: Path, told: Told = lambda _: None) -> None:
        """Make nothing yet."""
        self._folder = folder
        self._told = told

    def of_scenes(self, activity: float, shape: FilmShape, scenes: Sequence[str] = SCENES) -> list[Film]:
        """A film of each scene in which that share of the checks passes the gate.

        Raises:
            StorageError: The folder cannot be written.
        """
        films = []
        for seed, scene in enumerate(scenes, 1):

            def make(path: Path, told: Callable[[float], None], scene: str = scene, seed: int = seed) -> FilmFigures:
                return make_scene_film(scene, activity, shape, path, told, seed)

            films.append(self._film(scene, {"scene": scene, "seed": seed, "activity": activity}, shape, make))
        return films

    def of_recordings(self, folder: Path, shape: FilmShape) -> list[Film]:
        """A film of each recording in a folder.

        Raises:
            SourceError: There are none, or one cannot be read.
            StorageError: The shelf's folder cannot be written.
        """
        films = []
        for recording in recordings_in(folder):
            state = recording.stat()

            def make(path: Path, told: Callable[[float], None], recording: Path = recording) -> FilmFigures:
                return make_recording_film(recording, shape, path, told)

            about = {"recording": str(recording.absolute()), "bytes": state.st_size, "modified": state.st_mtime_ns}
            films.append(self._film(recording.stem, about, shape, make))
        return films

    def _film(self, name: str, about: dict[str, Any], shape: FilmShape, make: Make) -> Film:
        key = hashlib.sha256(json.dumps([_RECIPE, about, asdict(shape)], sort_keys=True).encode()).hexdigest()[:16]
        place = self._folder / f"{name}-{key}"
        try:
            if not (place / "film.json").is_file():
                self._make(name, place, make)
            figures = self._read(name, place, shape)
        except OSError as error:
            raise StorageError(
                f"films cannot be kept in {self._folder}: {error.strerror or error}; choose another place with --home"
            ) from error
        return Film(name, place / "film.mp4", shape, figures)

    def _read(self, name: str, place: Path, shape: FilmShape) -> FilmFigures:
        """What is known of a film; its share is measured anew where another gate measured it."""
        told = json.loads((place / "film.json").read_text(encoding="utf-8"))
        figures = _figures(told)
        if told.get("gate") != gate_fingerprint():
            self._told(f"looking at the film of {name} with the gate of today")
            share = gate_share(lambda: film_lumas(place / "film.mp4"), shape.rate_fps, shape.check_fps)
            figures = replace(figures, share=share)
            _write(place, figures)
        return figures

    def _make(self, name: str, place: Path, make: Make) -> None:
        """Make it beside its place and move it there whole, so that two who make the same film do not meet."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._folder, prefix=".making-") as temporary:
            making = Path(temporary) / "film"
            making.mkdir()
            self._told(f"making a film of {name}")
            figures = make(making / "film.mp4", lambda share: self._told(f"making a film of {name} ({100 * share:.0f} %)"))
            _write(making, figures)
            try:
                os.replace(making, place)  # noqa: PTH105  # a folder; fails where somebody was first, whose film is as good
            except OSError:
                if not (place / "film.json").is_file():
                    raise


def _write(place: Path, figures: FilmFigures) -> None:
    """Write what is known of a film, whole or not at all."""
    fresh = place / f".film-{os.getpid()}.json"
    fresh.write_text(json.dumps({**asdict(figures), "gate": gate_fingerprint()}) + "\n", encoding="utf-8")
    fresh.replace(place / "film.json")


def _figures(told: dict[str, Any]) -> FilmFigures:
    zone, line = (tuple((float(x), float(y)) for x, y in told[key]) for key in ("zone", "line"))
    return FilmFigures(GateShare(**told["share"]), float(told["kbps"]), zone, line)
