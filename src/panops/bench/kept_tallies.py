"""What came of each film of the bench of false alarms, kept on disk: a day of film takes hours, and goes on where it was stopped."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import panops
from panops.bench.alarm_film import AlarmFilm
from panops.bench.alarm_lane import Key, LaneTally, Way
from panops.domain.errors import PanopsError

# Where a look goes through. What other code measured is measured again.
_CODE = (
    "bench", "config", "domain", "inference", "ingest", "models", "motion",
    "pipeline", "rules", "simulation", "tracking", "verify", "vision",
)  # fmt: skip


class KeptTallies:
    """A folder with a file a film.

    Args:
        folder: The folder; made where it is not there.
        detector: What tells this detector from others: its name, and its file's checksum.
        ways: The rows of the table.
        min_scores: The thresholds.
        wanted: The class that alarms.

    Raises:
        PanopsError: The folder cannot be made.
    """

    def __init__(self, folder: Path, detector: Sequence[str], ways: Sequence[Way], min_scores: Sequence[float], wanted: str) -> None:
        self._folder = folder
        self._keys: list[Key] = [(way, score) for way in ways for score in min_scores]
        rows = [[way.name, way.bare, None if way.steps is None else sorted(way.steps), score] for way, score in self._keys]
        self._shape = [list(detector), rows, wanted, _code_mark()]
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise PanopsError(f"cannot make the folder {folder}: {error.strerror}") from error

    def get(self, film: AlarmFilm) -> dict[Key, LaneTally] | None:
        """What came of a film before; None where it was not looked at in the same way, or what was kept cannot be read."""
        try:
            kept = json.loads(self._path(film).read_text(encoding="utf-8"))
            return {key: _tally(plain) for key, plain in zip(self._keys, kept["tallies"], strict=True)}
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def put(self, film: AlarmFilm, tallies: Mapping[Key, LaneTally]) -> None:
        """Keep what came of a film.

        Raises:
            PanopsError: It cannot be written.
        """
        path = self._path(film)
        begun = path.with_suffix(".part")
        content = {"film": film.name, "tallies": [_plain(tallies[key]) for key in self._keys]}
        try:
            begun.write_text(json.dumps(content), encoding="utf-8")
            begun.replace(path)
        except OSError as error:
            raise PanopsError(f"cannot write {path}: {error.strerror}") from error

    def _path(self, film: AlarmFilm) -> Path:
        mark = hashlib.sha256(json.dumps([film.mark, self._shape]).encode()).hexdigest()
        return self._folder / f"{film.name.replace(', ', '-')}-{mark[:16]}.json"


def _plain(tally: LaneTally) -> dict[str, Any]:
    # `asdict` makes counters of pairs out of counters.
    return {field.name: getattr(tally, field.name) for field in fields(tally)}


def _tally(plain: dict[str, Any]) -> LaneTally:
    if set(plain) != {field.name for field in fields(LaneTally)}:
        raise ValueError("kept by another version")
    counted = {name: Counter(plain[name]) for name in ("false_by_film", "stopped_by")}
    return LaneTally(**{**plain, **counted})


def _code_mark() -> str:
    root = Path(panops.__file__).parent
    mark = hashlib.sha256()
    for room in _CODE:
        for path in sorted((root / room).rglob("*.py")):
            mark.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    return mark.hexdigest()
