"""A store with versions of a model, and detectors for them that do what a test says, without a network or a real file."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np

from panops.config.schema import CameraConfig
from panops.domain.clock import SystemClock
from panops.domain.detections import Detections
from panops.domain.frame import ArrayPixels, Frame
from panops.domain.manifest import ModelManifest, ModelSource, SourceKind
from panops.domain.protocols import Detector, Observation
from panops.models.catalogue import Catalogue
from panops.models.manifest_file import dump_manifest
from panops.models.shelf import StoredModel
from panops.models.store import ModelStore
from panops.pipeline.camera_loop import CameraLoop
from panops.pipeline.check import Check
from panops.pipeline.detectors import DetectorPool
from panops.rules.engine import RuleEngine

CLASSES = ("person", "car")
See = Callable[[Frame], Detections]


class ScriptedDetector:
    """Sees what its function says."""

    def __init__(self, classes: tuple[str, ...], see: See) -> None:
        self.classes = classes
        self.calls = 0
        self._see = see

    def detect(self, frame: Frame) -> Detections:
        self.calls += 1
        return self._see(frame)

    def forget(self, camera_id: str) -> None:
        pass


class ScriptedPool(DetectorPool):
    """Versions of `net`: what each sees; one that is not named cannot be opened."""

    def __init__(self, store: ModelStore, sees: dict[str, See | Exception]) -> None:
        super().__init__(store)
        self.sees = sees
        self.opened: list[str] = []

    def open(self, model: StoredModel) -> Detector:
        self.opened.append(model.version)
        see = self.sees[model.version]
        if isinstance(see, Exception):
            raise see
        return ScriptedDetector(model.manifest.classes, see)


def boxes(*rows: tuple[float, float, float, float, float, int]) -> Detections:
    """Rows of left, top, right, bottom, score, class."""
    if not rows:
        return Detections.empty()
    table = np.array(rows, np.float32)
    return Detections(table[:, :4].copy(), table[:, 4].copy(), table[:, 5].astype(np.int64))


def store_of(root: Path, **classes: tuple[str, ...]) -> ModelStore:
    """A store with `net`, in versions v1, v2 ... with these classes; the first one is active."""
    store = ModelStore(root / "models", mirrors=[], catalogue=Catalogue({}, {}), builtin=root / "builtin")
    for version, names in classes.items():
        add_version(store, root, version, names)
    return store


def add_version(
    store: ModelStore, root: Path, version: str, names: tuple[str, ...] = CLASSES, weights: str = "", name: str = "net"
) -> None:
    folder = root / f"export-{name}-{version}{weights}"
    folder.mkdir()
    content = f"weights {name} {version} {weights}".encode()
    (folder / "net.onnx").write_bytes(content)
    source = ModelSource(SourceKind.FILE, "net.onnx")
    digest = hashlib.sha256(content).hexdigest()
    manifest = ModelManifest(name, "detection", "yolox", version, "MIT", source, "net.onnx", digest, (64, 64), names)
    (folder / "manifest.yaml").write_text(dump_manifest(manifest))
    store.add(str(folder), replace_installed=bool(weights))


def loop_of(detector: Detector, camera_id: str = "cam", followed: tuple[bool, ...] = (True, True), **config: object) -> CameraLoop:
    settings = CameraConfig.model_validate({"source": "/not/there.mp4", **config})
    return CameraLoop(
        camera_id, settings, detector, lambda size, first: RuleEngine(camera_id, (), 1, first), np.array(followed, np.bool_), SystemClock()
    )


def check_of(loop: CameraLoop, number: int) -> Check:
    image = np.full((48, 64, 3), 60, np.uint8)
    return Check(loop.camera_id, Frame(loop.camera_id, number, number / 5, 1e9 + number, ArrayPixels(image)), 0.0, True, loop)


def observed(check: Check, detections: Detections) -> Observation:
    return Observation(check.camera_id, check.frame.captured_at_s, detections)


class HandClock:
    """Goes on when the test says so."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def utc_s(self) -> float:
        return 1e9 + self.now_s

    def monotonic_s(self) -> float:
        return self.now_s

    def wait(self, stop: threading.Event, seconds: float) -> bool:
        self.now_s += seconds
        return stop.is_set()
