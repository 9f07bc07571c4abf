"""What happened in a training, a line of JSON each: read by the report, by people with `tail -f`, and by a resumed training."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

# Losses of single steps jump; their mean over so many is written.
_STEPS_A_LINE = 20


class History:
    """Appends to a file.

    Args:
        path: The file; made when the first line is written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._sums: dict[str, float] = {}
        self._count = 0

    def step(self, step: int, losses: Mapping[str, float], pictures_per_s: float) -> None:
        """Take in one step; every 20th writes a line of means."""
        for name, value in {**losses, "pictures_per_s": pictures_per_s}.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
        self._count += 1
        if step % _STEPS_A_LINE == 0:
            self._write({"step": step, **{name: total / self._count for name, total in self._sums.items()}})
            self._sums, self._count = {}, 0

    def evaluation(self, step: int, figures: Mapping[str, float]) -> None:
        """Write an evaluation's figures."""
        self._write({"step": step, "evaluation": dict(figures)})

    def cut(self, step: int) -> None:
        """Forget what came after `step`: a resumed training will do it again."""
        if not self._path.is_file():
            return
        kept = [json.dumps(_plain(line)) for line in self.lines() if line["step"] <= step]
        half_made = self._path.with_name(f".{self._path.name}.part")
        half_made.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")
        half_made.replace(self._path)

    def lines(self) -> Iterator[dict[str, Any]]:
        """Every line; a half-written last one is left out."""
        if not self._path.is_file():
            return
        for text in self._path.read_text(encoding="utf-8").splitlines():
            try:
                line = json.loads(text)
            except ValueError:
                continue
            if isinstance(line, dict) and "step" in line:
                yield line

    def _write(self, line: Mapping[str, Any]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(_plain(line)) + "\n")


def _plain(value: Any) -> Any:
    """With null for what is no number, which JSON has no word for."""
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
