"""What looking at parts of pictures saves, and what it costs in people found: the live code, with and without, frame by frame.

Run it as `python -m benchmarks.regions [SECONDS] [CLIP...]`. Without clips it renders SECONDS (60) of simulated scenes, whose truth is
exact. In a clip the truth is what the detector finds in the whole picture at each check, at a score of .35 and more.

    detector   CPU time in the detector with its pixels, ms, and how often it ran on a whole picture and on a part
    recall     persons of the truth with a track at IoU .5, at every check, also those without a look
    false      tracks of persons without a truth

`square` is the detector before: every look at the whole picture with the padding of a square input. Ratios hold on a busy machine.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from benchmarks.machine import describe
from panops.config.rule_schema import IntrusionConfig
from panops.config.schema import CameraConfig, SimulationConfig
from panops.domain.boxes import iou, xywh_to_xyxy
from panops.domain.clock import SystemClock
from panops.domain.detections import Detections
from panops.domain.frame import Frame
from panops.domain.protocols import Detector, RegionDetector
from panops.domain.region import Region
from panops.inference.open_backend import open_backend
from panops.ingest.registry import open_source
from panops.models.store import ModelStore
from panops.pipeline.analyst import Analyst
from panops.pipeline.camera_loop import CameraLoop
from panops.pipeline.detectors import DetectorPool
from panops.rules.engine import RuleEngine
from panops.rules.intrusion import Intrusion
from panops.rules.scene import Scene
from panops.simulation.recording import record
from panops.tracking.tracker import BatchTracker
from panops.vision.model_detector import ModelDetector
from panops.vision.registry import open_task

PERSON = "person"
_IOU = 0.5
_SCORE = 0.35
SCENES = (
    SimulationConfig(scene="yard", seed=11, activity=4),
    SimulationConfig(scene="street", seed=12, activity=6),
    SimulationConfig(scene="gate", seed=13, activity=4),
    SimulationConfig(scene="room", seed=14, activity=4),
    SimulationConfig(scene="room", seed=18, activity=2),
    SimulationConfig(scene="street", seed=17, activity=3, weather="wind"),
    SimulationConfig(scene="yard", seed=16, activity=2, weather="rain"),
)
Boxes = NDArray[np.float32]
Truth = dict[int, Boxes]


@dataclass(slots=True)
class Figures:
    """What one way of looking gave on one film."""

    checks: int = 0
    whole: int = 0
    parts: int = 0
    detector_ms: float = 0.0
    found: int = 0
    missed: int = 0
    false: int = 0
    events: int = 0
    inputs: dict[str, int] = field(default_factory=dict)

    def add(self, other: Figures) -> None:
        """Sum up films."""
        for name in ("checks", "whole", "parts", "detector_ms", "found", "missed", "false", "events"):
            setattr(self, name, getattr(self, name) + getattr(other, name))


class Metered:
    """A detector whose looks are counted and timed."""

    def __init__(self, detector: Detector, figures: Figures) -> None:
        self._detector = detector
        self._figures = figures
        self.classes = detector.classes

    def detect(self, frame: Frame) -> Detections:
        """The whole picture."""
        self._figures.whole += 1
        return self._timed(lambda: self._detector.detect(frame))

    def forget(self, camera_id: str) -> None:
        """Pass it on."""
        self._detector.forget(camera_id)

    def _timed(self, look: object) -> Detections:
        began = time.thread_time()
        found: Detections = look()  # type: ignore[operator]
        self._figures.detector_ms += 1000 * (time.thread_time() - began)
        return found


class MeteredRegions(Metered):
    """The same of one that looks at parts, too."""

    _detector: RegionDetector

    def region(self, size_wh: tuple[int, int], xyxy: tuple[float, float, float, float]) -> Region | None:
        """Pass it on."""
        return self._detector.region(size_wh, xyxy)

    def look(self, frame: Frame, region: Region) -> Detections:
        """A part."""
        self._figures.parts += 1
        name = "x".join(map(str, region.input_wh))
        self._figures.inputs[name] = self._figures.inputs.get(name, 0) + 1
        return self._timed(lambda: self._detector.look(frame, region))


def watch(film: Path, detector: Detector, whole_every_s: float) -> Iterator[tuple[Frame, Boxes, int]]:
    """Each check's frame, the tracked persons, and how many events there were so far."""
    config = CameraConfig.model_validate({"source": str(film), "motion": {"whole_every_s": whole_every_s}})
    source = open_source("cam", config, SystemClock(), realtime=False)
    info = source.open()
    rule = IntrusionConfig(id="r", kind="intrusion")

    def make_rules(size_wh: tuple[int, int], first: int) -> RuleEngine:
        return RuleEngine("cam", [(rule, Intrusion(rule, Scene("cam", size_wh, detector.classes, {}, {})))], 1, first)

    followed = np.array([name == PERSON for name in detector.classes])
    loop = CameraLoop("cam", config, detector, make_rules, followed, SystemClock())
    analyst = Analyst(BatchTracker(), {"cam": loop})
    analyst.begin(loop)
    events: set[str] = set()

    def frames() -> Iterator[Frame]:
        yield from loop.frames(iter(source.read, None), info)
        yield from loop.flush()

    for frame in frames():
        check = loop.consider(frame)
        for outcome in analyst.round([check]) if check is not None else ():
            events.update(event.event_id for event in outcome.events)
            yield frame, outcome.tracks.xyxy, len(events)
    source.close()


def measure(film: Path, truth: Truth, detector: Detector, whole_every_s: float, figures: Figures) -> Figures:
    """One way of looking on one film; `figures` belongs to the detector."""
    for frame, tracked, events in watch(film, detector, whole_every_s):
        true = truth.get(frame.sequence, np.zeros((0, 4), np.float32))
        overlap = iou(true, tracked)
        rows, columns = linear_sum_assignment(-overlap)
        found = int((overlap[rows, columns] >= _IOU).sum())
        figures.checks += 1
        figures.found += found
        figures.missed += len(true) - found
        figures.false += len(tracked) - found
        figures.events = events
    return figures


def simulated_truth(folder: Path) -> Truth:
    """Persons of a recording of whom half or more is to be seen, by frame number."""
    coco = json.loads((folder / "truth.coco.json").read_text())
    rows: dict[int, list[list[float]]] = {}
    for one in coco["annotations"]:
        if one["category_id"] == 1 and one["visible"] >= 0.5:
            rows.setdefault(one["image_id"] - 1, []).append(one["bbox"])
    return {number: xywh_to_xyxy(np.array(boxes, np.float32)) for number, boxes in rows.items()}


def seen_truth(film: Path, detector: Detector) -> Truth:
    """What a detector finds in whole pictures, at every check."""
    truth = {}
    for frame, _, _ in watch(film, detector, 0.0):
        found = detector.detect(frame)
        truth[frame.sequence] = found.xyxy[(found.class_id == detector.classes.index(PERSON)) & (found.score >= _SCORE)]
    return truth


def films(folder: Path, seconds: float, clips: list[Path], square: Detector) -> Iterator[tuple[str, Path, Truth]]:
    """Names, films and what is to be seen in them."""
    for clip in clips:
        yield clip.stem, clip, seen_truth(clip, square)
    for scene in () if clips else SCENES:
        name = f"{scene.scene} {scene.weather}, seed {scene.seed}"
        record(scene, seconds, folder / name)
        yield name, folder / name / "video.mp4", simulated_truth(folder / name)


def main(seconds: float, clips: list[Path]) -> dict[str, object]:
    """The figures of all films, each way of looking beside the others."""
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = ModelStore(folder / "models")
        model = store.get("street")
        square = ModelDetector(model.manifest, open_task(model.manifest), open_backend(model.path))
        parts = DetectorPool(store, patient=True).get("street")
        assert isinstance(parts, RegionDetector)  # noqa: S101 - it comes with panops
        result: dict[str, dict[str, object]] = {}
        total = {way: Figures() for way in ("square", "whole", "parts")}
        for title, film, truth in films(folder, seconds, clips, square):
            one = {way: Figures() for way in total}
            measure(film, truth, Metered(square, one["square"]), 0.0, one["square"])
            measure(film, truth, Metered(parts, one["whole"]), 0.0, one["whole"])
            measure(film, truth, MeteredRegions(parts, one["parts"]), CameraConfig(source="x").motion.whole_every_s, one["parts"])
            result[title] = _told(one)
            for way, figures in one.items():
                total[way].add(figures)
    return {"machine": describe(), "films": result, "all": _told(total)}


def _told(ways: dict[str, Figures]) -> dict[str, object]:
    """The figures with the ratios that count."""
    told: dict[str, object] = {}
    for way, figures in ways.items():
        people = figures.found + figures.missed
        told[way] = {
            **asdict(figures),
            "detector_ms": round(figures.detector_ms, 1),
            "recall": round(figures.found / people, 4) if people else None,
            "times_cheaper": round(ways["square"].detector_ms / max(figures.detector_ms, 1e-9), 2),
        }
    return told


if __name__ == "__main__":
    arguments = sys.argv[1:]
    length_s = float(arguments.pop(0)) if arguments and arguments[0].replace(".", "", 1).isdigit() else 60.0
    json.dump(main(length_s, [Path(name) for name in arguments]), sys.stdout, indent=2)
    sys.stdout.write("\n")
