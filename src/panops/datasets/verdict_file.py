"""`verdicts.json` beside a set made of judged events: the boxes that were judged, which a COCO file cannot say of false alarms."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from panops.datasets.coco import relative
from panops.datasets.whole_file import write_whole
from panops.domain.errors import SourceCorrupt
from panops.domain.judged_pictures import JudgedBoxes


def verdicts_text(judged: Sequence[JudgedBoxes], folder: Path) -> str:
    """What the file in the folder says."""
    rows = [
        {
            "event_id": one.event_id,
            "camera": one.camera_id,
            "class": one.class_name,
            "verdict": "false_alarm" if one.false_alarm else "true_alarm",
            "picture": relative(one.path, folder.resolve()),
            "size_wh": list(one.size_wh),
            "boxes": [[round(float(edge), 2) for edge in box] for box in one.xyxy],
            "min_score": one.min_score,
        }
        for one in judged
    ]
    return json.dumps({"verdicts": rows}, indent=1) + "\n"


def write_verdicts(judged: Sequence[JudgedBoxes], path: Path) -> None:
    """Write the file; it appears whole or not at all. Boxes are px of the picture: left, top, right, bottom.

    Raises:
        OSError: It cannot be written.
    """
    write_whole(path, verdicts_text(judged, path.parent))


def read_verdicts(path: Path) -> list[JudgedBoxes]:
    """Read what `write_verdicts` wrote.

    Raises:
        SourceCorrupt: It is missing or no such file.
    """
    try:
        rows: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["verdicts"]
        return [_judged(row, path.parent) for row in rows]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SourceCorrupt(
            f"{path}: expected the verdicts that `panops data feedback` writes ({type(error).__name__}: {error})"
        ) from error


def _judged(row: dict[str, Any], folder: Path) -> JudgedBoxes:
    width, height = row["size_wh"]
    return JudgedBoxes(
        row["event_id"],
        row["camera"],
        row["class"],
        row["verdict"] == "false_alarm",
        np.array(row["boxes"], np.float32),
        float(row["min_score"]),
        folder / row["picture"],
        (int(width), int(height)),
    )
