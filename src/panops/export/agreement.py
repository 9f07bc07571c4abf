"""Do two forms of one model say the same? Compared on real pictures: the raw rows, and the detections that come out of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from panops.domain.boxes import iou
from panops.domain.detections import Detections
from panops.domain.labels import LabelledPicture
from panops.domain.manifest import ModelManifest
from panops.export.deployed import still_frame
from panops.inference.registry import BACKENDS
from panops.vision.candidates import KeepSettings
from panops.vision.registry import open_task

Rows = NDArray[np.float32]
Run = Callable[[NDArray[Any]], Rows]

# Boxes that a person would call the same: they overlap by more than this.
_SAME_IOU = 0.9
_SETTINGS = KeepSettings(min_score=0.25)


@dataclass(frozen=True, slots=True)
class Agreement:
    """How near a form is to its source.

    Attributes:
        pictures: How many were compared.
        largest: The largest difference of any number in the rows: boxes in cells (or logarithms), scores 0 to 1.
        score: The largest difference of a detection's score.
        detections: How many detections the source reports, at scores from .25.
        found_again: How many of them the form reports too: the same class, IoU over .9.
        extra: How many the form reports that the source does not.
    """

    pictures: int
    largest: float
    score: float
    detections: int
    found_again: int
    extra: int

    @property
    def share(self) -> float:
        """The share of detections that are the same in both, 0 to 1; 1 where there are none."""
        return 2 * self.found_again / max(1, self.detections + self.found_again + self.extra) if self.detections + self.extra else 1.0

    def record(self) -> dict[str, float | int]:
        """For JSON."""
        return {**asdict(self), "share": round(self.share, 4)}


def compare(source: tuple[ModelManifest, Run], form: tuple[ModelManifest, Run], pictures: Sequence[LabelledPicture]) -> Agreement:
    """Run both on pictures.

    Args:
        source: The manifest that says how to feed it, and what runs it: input tensor to rows (1, N, 5 + C).
        form: Likewise; its rows may be another runtime's or another precision's.
        pictures: A few dozen.

    Raises:
        SourceCorrupt: A picture cannot be decoded.
    """
    sides = [(open_task(manifest, _SETTINGS), run) for manifest, run in (source, form)]
    largest = score = 0.0
    total = again = extra = 0
    for picture in pictures:
        frame = still_frame(picture)
        rows: list[Rows] = []
        found: list[Detections] = []
        for task, run in sides:
            inputs, box = task.prepare(frame)
            (tensor,) = inputs.values()
            rows.append(run(tensor))
            found.append(task.finish({"rows": rows[-1]}, box))
        largest = max(largest, _largest_gap(rows[0], rows[1]))
        pairs = _matched(found[0], found[1])
        total, again, extra = total + len(found[0]), again + len(pairs), extra + len(found[1]) - len(pairs)
        gaps = [abs(float(found[0].score[one]) - float(found[1].score[other])) for one, other in pairs]
        score = max([score, *gaps])
    return Agreement(len(pictures), largest, score, total, again, extra)


def _largest_gap(one: Rows, other: Rows) -> float:
    """The largest difference; infinite where either has what is no number, or another shape."""
    if one.shape != other.shape or not (np.isfinite(one).all() and np.isfinite(other).all()):
        return float("inf")
    return float(np.abs(one - other).max(initial=0.0))


def file_run(path: Path, preferred: str) -> Run:
    """A model file as something to compare: its rows by the backend `preferred`, in full precision.

    Raises:
        ModelUnsupported: The backend cannot run it.
        PluginError: The backend is not installed.
    """
    factory = BACKENDS.load(preferred)
    # OpenVINO computes floats in BF16 where the processor can; that would be compared, not the file.
    options: dict[str, Any] = {"precision": "f32"} if preferred == "openvino" else {}
    backend = factory(path, **options)
    name = backend.inputs[0].name

    def run(tensor: NDArray[Any]) -> Rows:
        (rows,) = backend.infer({name: tensor}).values()
        return np.asarray(rows, np.float32)

    return run


def torch_run(network: Any) -> Run:
    """A torch module as something to compare."""
    import torch  # noqa: PLC0415  # only where a torch network is exported

    def run(tensor: NDArray[Any]) -> Rows:
        with torch.no_grad():
            return np.asarray(network(torch.from_numpy(np.array(tensor))).numpy(), np.float32)

    return run


def _matched(one: Detections, other: Detections) -> list[tuple[int, int]]:
    """Pairs of the same class whose boxes overlap by more than .9, best first; each detection at most once."""
    overlap = iou(one.xyxy, other.xyxy) * (one.class_id[:, None] == other.class_id[None, :])
    pairs = []
    while overlap.size and overlap.max() > _SAME_IOU:
        row, column = np.unravel_index(int(overlap.argmax()), overlap.shape)
        pairs.append((int(row), int(column)))
        overlap[row, :] = overlap[:, column] = 0.0
    return pairs
