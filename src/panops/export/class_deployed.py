"""A classifier's file over labelled pictures, through the very code of live cameras: preprocessing, backend, task."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from panops.domain.class_pictures import ClassPicture, ClassSet
from panops.domain.errors import ModelUnsupported, SourceCorrupt
from panops.domain.frame import Frame
from panops.domain.manifest import ModelManifest
from panops.export.deployed import frame_of
from panops.inference.open_backend import open_backend
from panops.vision.classify import Classify
from panops.vision.model_classifier import ModelClassifier

logger = logging.getLogger(__name__)
Progress = Callable[[int, int], None]
_WARM_UP = 3


def _silent(_done: int, _total: int) -> None:
    """Told nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class ClassRun:
    """What a run gave.

    Attributes:
        truth: (N,) int64 of the pictures that could be used, in the model's classes.
        scores: (N, C) float32 of them.
        broken: Pictures that could not be used, and why.
        backend: The backend's class name.
        wall_ms: Median of a whole look, wall time.
        cpu_ms: Median of its CPU time.
        threads: Threads of the session.
    """

    truth: NDArray[np.int64]
    scores: NDArray[np.float32]
    broken: dict[str, str]
    backend: str
    wall_ms: float
    cpu_ms: float
    threads: int

    def speed(self) -> dict[str, float | int]:
        """For JSON."""
        return {
            "wall_ms": round(self.wall_ms, 3),
            "cpu_ms": round(self.cpu_ms, 3),
            "pictures": len(self.truth),
            "threads": self.threads,
        }


def classify_pictures(
    manifest: ModelManifest, path: Path, dataset: ClassSet, progress: Progress = _silent, *, preferred: str = "", threads: int = 1
) -> ClassRun:
    """Run a classifier's file over pictures.

    Args:
        manifest: How the file is fed and read.
        path: The file.
        dataset: Pictures of classes that the model has, too, by name.
        progress: Told how many pictures of how many are done.
        preferred: The backend to try first; empty takes the one that live cameras take.
        threads: Threads of the session.

    Raises:
        ModelError: The model cannot be run, or does not have a class of the pictures.
        SourceCorrupt: No picture can be decoded.
    """
    strangers = [name for name in dataset.classes if name not in manifest.classes]
    if strangers:
        raise ModelUnsupported(
            f"{manifest.name} does not have the classes {', '.join(strangers[:10])}; it has {', '.join(manifest.classes[:20])}"
        )
    index = np.array([manifest.classes.index(name) for name in dataset.classes], np.int64)
    backend = open_backend(path, preferred=preferred, threads=threads)
    classifier = ModelClassifier(manifest, backend)
    truth, scores, broken = list[int](), list[NDArray[np.float32]](), dict[str, str]()
    wall_s, cpu_s = list[float](), list[float]()
    try:
        for done, picture in enumerate(dataset.pictures, 1):
            try:
                frame = picture_frame(picture)
            except SourceCorrupt as error:
                logger.warning("%s; left out", error)
                broken[picture.path.name] = str(error)
                continue
            began_s, cpu_began_s = time.perf_counter(), time.process_time()
            scores.append(classifier.classify(frame).scores)
            wall_s.append(time.perf_counter() - began_s)
            cpu_s.append(time.process_time() - cpu_began_s)
            truth.append(int(index[picture.class_id]))
            progress(done, len(dataset))
    finally:
        classifier.close()
    if not truth:
        raise SourceCorrupt(f"{dataset.name}: expected pictures to look at, none can be decoded")
    steady = slice(_WARM_UP if len(wall_s) > 2 * _WARM_UP else 0, None)
    wall_ms, cpu_ms = (1000.0 * float(np.median(part[steady])) for part in (wall_s, cpu_s))
    return ClassRun(np.array(truth, np.int64), np.concatenate(scores), broken, type(backend).__name__, wall_ms, cpu_ms, threads)


def picture_frame(picture: ClassPicture) -> Frame:
    """A picture from its file as a camera's frame.

    Raises:
        SourceCorrupt: It cannot be decoded.
    """
    image = cv2.imread(str(picture.path), cv2.IMREAD_COLOR)
    if image is None:
        raise SourceCorrupt(f"{picture.path}: expected a picture, but it is missing or cannot be decoded")
    return frame_of(np.asarray(image, np.uint8), str(picture.path))


def class_tensors(manifest: ModelManifest, pictures: Sequence[ClassPicture], input_name: str) -> list[dict[str, NDArray[Any]]]:
    """Pictures as the model's input, by the preprocessing of live frames; those that cannot be decoded are left out."""
    task = Classify(manifest)
    found = []
    for picture in pictures:
        try:
            inputs, _ = task.prepare(picture_frame(picture))
        except SourceCorrupt as error:
            logger.warning("%s; left out", error)
            continue
        (tensor,) = inputs.values()
        found.append({input_name: np.array(tensor)})  # a copy: the task fills one tensor again and again
    return found
