"""A model file over labelled pictures, through the very code of live cameras: preprocessing, backend, head, suppression.

What is measured here is what a camera gets, up to two things: the lowest score is lower, so that whole precision-recall curves can be
drawn, and a picture comes from a file instead of a decoder.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from panops.domain.detections import Detections
from panops.domain.errors import SourceCorrupt
from panops.domain.frame import Frame
from panops.domain.labels import LabelledPicture
from panops.domain.manifest import ModelManifest
from panops.domain.protocols import Backend, TensorSpec, VisionTask
from panops.inference.open_backend import open_backend
from panops.ingest.pixels import VideoPixels
from panops.vision.candidates import KeepSettings
from panops.vision.model_detector import ModelDetector
from panops.vision.registry import open_task

logger = logging.getLogger(__name__)

Progress = Callable[[int, int], None]

# For average precision: weak detections make the curve's tail. COCO looks at 100 a class and picture; all classes share these 300.
AP_SETTINGS = KeepSettings(min_score=0.01, most_candidates=3000, most=300)
_WARM_UP = 3


@dataclass(frozen=True, slots=True)
class Speed:
    """What one picture costs, as medians over all pictures.

    Attributes:
        prepare_ms: Scaling and packing, wall time.
        infer_ms: The network, wall time.
        finish_ms: Decoding, suppression, back to the picture, wall time.
        cpu_ms: CPU time of the whole process for all three: what counts on a busy machine.
        pictures: How many were measured.
        threads: Threads of the session.
    """

    prepare_ms: float
    infer_ms: float
    finish_ms: float
    cpu_ms: float
    pictures: int
    threads: int

    def record(self) -> dict[str, float | int]:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True, eq=False)
class DeployedRun:
    """What a run gave.

    Attributes:
        detections: One for each picture, in px of the picture, best first.
        speed: What a picture cost.
        backend: The backend's class name.
        size_wh: The network's input, px.
        broken: The pictures that could not be used, by index, and why; their detections are empty.
    """

    detections: list[Detections]
    speed: Speed
    backend: str
    size_wh: tuple[int, int]
    broken: dict[int, str]


def detect_pictures(
    manifest: ModelManifest,
    model_path: Path,
    pictures: Iterable[LabelledPicture],
    settings: KeepSettings = AP_SETTINGS,
    progress: Progress | None = None,
    *,
    preferred: str = "",
    threads: int = 1,
) -> list[Detections]:
    """The detections alone; see `run_pictures`."""
    return run_pictures(manifest, model_path, pictures, settings, progress, preferred=preferred, threads=threads).detections


def run_pictures(
    manifest: ModelManifest,
    model_path: Path,
    pictures: Iterable[LabelledPicture],
    settings: KeepSettings = AP_SETTINGS,
    progress: Progress | None = None,
    *,
    preferred: str = "",
    threads: int = 1,
    skip_broken: bool = False,
) -> DeployedRun:
    """Run a model file over pictures.

    Args:
        manifest: How the file is fed and read; its `input_size_wh` must be one that the file takes.
        model_path: The model's file.
        pictures: What to look at.
        settings: What is kept.
        progress: Told how many pictures of how many are done.
        preferred: The backend to try first; empty takes the one that live cameras take.
        threads: Threads of the session.
        skip_broken: Go on without pictures that cannot be used; they are named in the result, and their detections are empty.

    Raises:
        ModelError: The model cannot be run.
        SourceCorrupt: A picture cannot be decoded, or is not of the size that its labels say, and `skip_broken` is false.
    """
    chosen = list(pictures)
    broken: dict[int, str] = {}
    backend = open_backend(model_path, preferred=preferred, threads=threads)
    try:
        measured = _Measured(manifest, settings, backend)
        for index, picture in enumerate(chosen):
            try:
                frame = still_frame(picture)
            except SourceCorrupt as error:
                if not skip_broken:
                    raise
                broken[index] = str(error)
                measured.pass_over()
            else:
                measured.look(frame)
            if progress is not None:
                progress(index + 1, len(chosen))
    finally:
        backend.close()
    return DeployedRun(measured.detections, measured.speed(threads), type(backend).__name__, manifest.input_size_wh, broken)


def readable(pictures: Iterable[LabelledPicture]) -> list[LabelledPicture]:
    """The pictures that can be used, in order; each of the others is named in a warning."""
    good = []
    for picture in pictures:
        try:
            still_frame(picture)
        except SourceCorrupt as error:
            logger.warning("%s; left out", error)
        else:
            good.append(picture)
    return good


def still_frame(picture: LabelledPicture) -> Frame:
    """A picture from its file as a camera's frame.

    Raises:
        SourceCorrupt: It cannot be decoded, or is not of the size that its labels say.
    """
    return frame_of(read_bgr(picture), str(picture.path))


def frame_of(image: NDArray[np.uint8], name: str = "") -> Frame:
    """A BGR picture (H, W, 3) uint8 as a camera's frame: scaled by the same code as decoded video, but not made YUV first.

    swscale's way to YUV 4:2:0 would darken it by three levels, which no camera does.
    """
    return Frame(name, 0, 0.0, 0.0, VideoPixels(VideoFrame.from_ndarray(image, format="bgr24")))


def read_bgr(picture: LabelledPicture) -> NDArray[np.uint8]:
    """The picture (H, W, 3) BGR uint8, upright as its EXIF says.

    Raises:
        SourceCorrupt: It cannot be decoded, or is not of the size that its labels say.
    """
    image = cv2.imread(str(picture.path), cv2.IMREAD_COLOR)
    if image is None:
        raise SourceCorrupt(f"{picture.path}: expected a picture, but it is missing or cannot be decoded")
    height, width = image.shape[:2]
    if (width, height) != picture.size_wh:
        expected = "x".join(map(str, picture.size_wh))
        raise SourceCorrupt(f"{picture.path}: its labels are for {expected} pixels, the file has {width}x{height}; correct the labels")
    return np.asarray(image, np.uint8)


class _Measured:
    """A `ModelDetector` whose parts are timed from outside, so that what runs is exactly what a camera runs."""

    def __init__(self, manifest: ModelManifest, settings: KeepSettings, backend: Backend) -> None:
        self.detections: list[Detections] = []
        self._task = _TimedTask(open_task(manifest, settings))
        self._backend = _TimedBackend(backend)
        self._detector = ModelDetector(manifest, self._task, self._backend)
        self._cpu_s: list[float] = []

    def look(self, frame: Frame) -> None:
        began = time.process_time()
        self.detections.append(self._detector.detect(frame))
        self._cpu_s.append(time.process_time() - began)

    def pass_over(self) -> None:
        self.detections.append(Detections.empty())

    def speed(self, threads: int) -> Speed:
        # The first calls allocate; with few pictures they are all there is.
        parts = (self._task.prepare_s, self._backend.infer_s, self._task.finish_s, self._cpu_s)
        steady = [part[_WARM_UP:] if len(part) > 2 * _WARM_UP else part for part in parts]
        prepare, infer, finish, cpu = (1000.0 * float(np.median(part)) if part else float("nan") for part in steady)
        return Speed(prepare, infer, finish, cpu, len(self._cpu_s), threads)


class _TimedTask:
    """`VisionTask` that notes the time of each call, s."""

    def __init__(self, task: VisionTask[Detections]) -> None:
        self._task = task
        self.prepare_s: list[float] = []
        self.finish_s: list[float] = []

    def prepare(self, frame: Frame) -> tuple[dict[str, NDArray[Any]], Any]:
        began = time.perf_counter()
        result = self._task.prepare(frame)
        self.prepare_s.append(time.perf_counter() - began)
        return result

    def finish(self, outputs: Mapping[str, NDArray[Any]], context: Any) -> Detections:
        began = time.perf_counter()
        result = self._task.finish(outputs, context)
        self.finish_s.append(time.perf_counter() - began)
        return result


class _TimedBackend:
    """`Backend` that notes the time of each call, s."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self.infer_s: list[float] = []

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        return self._backend.inputs

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        return self._backend.outputs

    def infer(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        began = time.perf_counter()
        result = self._backend.infer(inputs)
        self.infer_s.append(time.perf_counter() - began)
        return result

    def close(self) -> None:
        self._backend.close()
