"""What faces on a few cameras cost beside all cameras, and what rare looks save against every face in every picture.

Run it as `python -m benchmarks.faces_cost FOLDER`, a folder of photographs with one face or more each; it needs `panops models add yunet`,
`dlib_faces` and `minifasnet`, or a mirror of them. Cameras are films, 640x360 at 5 pictures a second, without a network:

    base    all stages of a camera of the simulated site, ms of CPU a camera-second: decoder, gate, detector, tracker, rules
    faces   the stage `faces` alone, of a camera before which somebody of the photographs stands or walks all the time: 20 s each,
            then somebody else; half of them are known, among a thousand others
    every   the same reader on the whole picture at every check, as a camera without looks in turns would have it

All ways take turns on the same pictures. The figure that counts: what 20 of 200 cameras with faces add to the CPU time of all 200, with
somebody before each of the 20 all the time, and with somebody there in a quarter of it. The detector of people on the faces' film is its
truth, so `faces` counts no detector.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.machine import describe
from panops.config.load import parse_site
from panops.config.schema import FacesConfig
from panops.domain.clock import SystemClock
from panops.domain.faces import KnownFaces, KnownPerson
from panops.domain.frame import ArrayPixels, Frame
from panops.domain.protocols import Detector
from panops.domain.tracks import Tracks
from panops.models.store import ModelStore
from panops.pipeline.analyst import Analyst
from panops.pipeline.camera_loop import CameraLoop
from panops.pipeline.detectors import DetectorPool
from panops.pipeline.face_looks import FaceLooks
from panops.pipeline.face_models import FaceModels
from panops.pipeline.face_reader import ModelFaceReader
from panops.pipeline.followed import followed_classes
from panops.pipeline.stage_meter import StageMeter
from panops.rules.build import build_rules
from panops.rules.engine import RuleEngine
from panops.simulation.source import SimulatedSource
from panops.storage.home import Home
from panops.tracking.tracker import BatchTracker
from panops.vision.face_search import FaceSearch

_SITE = """
cameras:
  film: {{source: "sim://{scene}?seed={seed}&activity={activity}&rate_fps=5&size=640x360", sleep: never}}
rules: [{{id: anyone, kind: intrusion}}]
"""
_SCENES = ("yard", "street", "gate", "room", "fence")
_RATE_FPS, _SIZE_WH = 5.0, (640, 360)
_VISIT_S = 20.0
# A face before a door camera is about so high, px.
_FACE_PX = 64
_STRANGERS = 1000
_CAMERAS, _WITH_FACES = 200, 20
_Image = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class _Portrait:
    """Somebody, cut out of a photograph, and the box of a person that a detector would give."""

    image: _Image
    embedding: NDArray[np.float32]


def _portraits(folder: Path, reader: ModelFaceReader) -> list[_Portrait]:
    found = []
    for path in sorted(folder.iterdir()):
        photo = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
        if photo is None:
            continue
        photo = np.asarray(photo, np.uint8)
        seen = reader.read(Frame("photo", 0, 0.0, 0.0, ArrayPixels(photo)))
        for index in range(len(seen)):
            if seen.faults[index] is not None:
                continue
            left, top, right, bottom = seen.xyxy[index].tolist()
            middle, height = (left + right) / 2, bottom - top
            x1, x2 = max(0, int(middle - 1.4 * height)), min(photo.shape[1], int(middle + 1.4 * height))
            y1, y2 = max(0, int(top - 0.6 * height)), min(photo.shape[0], int(bottom + 2.2 * height))
            scale = _FACE_PX / height
            size = max(2, round((x2 - x1) * scale)), min(_SIZE_WH[1] - 20, max(2, round((y2 - y1) * scale)))
            found.append(_Portrait(cv2.resize(photo[y1:y2, x1:x2], size, interpolation=cv2.INTER_AREA), seen.embedding[index]))
    return found


def _film(portraits: Sequence[_Portrait], seconds: float, seed: int) -> Iterator[tuple[Frame, Tracks]]:
    """Somebody in view all the time: they come from the left, each under a number of their own."""
    random = np.random.default_rng(seed)
    ground = cv2.resize(random.integers(90, 150, (18, 32, 3), np.uint8), _SIZE_WH, interpolation=cv2.INTER_CUBIC)
    for step in range(round(seconds * _RATE_FPS)):
        time_s = step / _RATE_FPS
        visit, within_s = divmod(time_s, _VISIT_S)
        who = portraits[int(visit) % len(portraits)].image
        height, width = who.shape[:2]
        left = round((_SIZE_WH[0] - width) * within_s / _VISIT_S)
        top = _SIZE_WH[1] - height
        image = ground.copy()
        image[top:, left : left + width] = who
        noisy = np.clip(image.astype(np.int16) + random.normal(0, 3, image.shape).astype(np.int16), 0, 255).astype(np.uint8)
        box = np.array([[left, top, left + width, _SIZE_WH[1]]], np.float32)
        one = np.ones(1, np.int64)
        times = np.array([time_s])
        tracks = Tracks("film", time_s, one * (int(visit) + 1), box, np.ones(1, np.float32), one * 0, one, times, times, one * 0)
        yield Frame("film", step, time_s, time_s, ArrayPixels(noisy)), tracks


def _gallery(portraits: Sequence[_Portrait], reader: ModelFaceReader, seed: int) -> KnownFaces:
    random = np.random.default_rng(seed)
    others = random.normal(size=(_STRANGERS, reader.dimensions)).astype(np.float32)
    others /= np.linalg.norm(others, axis=1, keepdims=True)
    known = [one.embedding for one in portraits[::2]]
    people = tuple(KnownPerson(f"p{index}", f"person {index}", ("staff",)) for index in range(len(known) + _STRANGERS))
    count = len(people)
    return KnownFaces(reader.name, people, np.concatenate([np.stack(known), others]), np.arange(count), np.zeros(count, np.bool_))


def _faces_ms(
    config: FacesConfig, models: FaceModels, known: KnownFaces, film: Iterator[tuple[Frame, Tracks]]
) -> tuple[float, FaceLooks, int]:
    """CPU ms of looks in turns; the looks, and how many visitors it got right."""
    looks = FaceLooks(config, models, ("person",))
    looks.faces_known(known)
    used_s, told = 0.0, {}
    for frame, tracks in film:
        began_s = time.thread_time()
        looks.add(frame, tracks)
        used_s += time.thread_time() - began_s
        told.update(looks.opinions())
    if looks.problem:
        sys.exit(looks.problem)
    return 1000 * used_s, looks, len(told)


def _every_ms(reader: ModelFaceReader, known: KnownFaces, film: Iterator[tuple[Frame, Tracks]]) -> float:
    search, used_s = FaceSearch(known), 0.0
    for frame, _ in film:
        began_s = time.thread_time()
        seen = reader.read(frame)
        if len(seen):
            search.find(seen.embedding, reader.threshold)
        used_s += time.thread_time() - began_s
    return 1000 * used_s


def _base_ms(scene: str, detector: Detector, asked: argparse.Namespace) -> tuple[float, float]:
    """CPU ms a camera-second of all stages, and the share of checks at which the detector ran."""
    site = parse_site(_SITE.format(scene=scene, seed=asked.seed, activity=asked.activity), environ={})
    config, clock, meter = site.cameras["film"], SystemClock(), StageMeter()
    source = SimulatedSource("film", config, clock, realtime=False)
    info = source.open()

    def make_rules(size_wh: tuple[int, int], first_sequence: int) -> RuleEngine:
        return RuleEngine("film", build_rules(site, "film", detector.classes, size_wh, None, wall_clock=False), 1, first_sequence)

    followed = followed_classes(site.camera_rules("film"), detector.classes)
    loop = CameraLoop("film", config, detector, make_rules, followed, clock, meter)
    analyst = Analyst(BatchTracker(), {"film": loop}, meter)
    analyst.begin(loop)
    decoded_s = 0.0
    try:
        while (packet := source.read()) is not None and packet.pts_s < asked.base_seconds:
            began_s = time.thread_time()
            checks = [check for frame in loop.frames([packet], info) if (check := loop.consider(frame)) is not None]
            decoded_s += time.thread_time() - began_s
            for check in checks:
                list(analyst.round([check]))
    finally:
        source.close()
    used_s = decoded_s + sum(meter.cpu_s.values())
    return 1000 * used_s / asked.base_seconds, loop.counters.analysed / max(1, loop.counters.checks)


def main(words: Sequence[str] | None = None) -> int:
    """Measure, and print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="photographs with faces")
    parser.add_argument("--model", default="street", help="the detector of people on the cameras without faces")
    parser.add_argument("--seconds", type=float, default=120.0, help="of the film with faces")
    parser.add_argument("--base-seconds", type=float, default=60.0, help="of each scene of the simulated site")
    parser.add_argument("--activity", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--live", choices=("required", "off"), default="required")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--home", type=Path, default=None)
    asked = parser.parse_args(words)
    store = ModelStore(Home(asked.home).models)
    config = FacesConfig.model_validate({"notice": "a bench, nobody is there", "live": asked.live})
    models = FaceModels(store)
    reader = models.get(config)
    portraits = _portraits(asked.folder, reader)
    if len(portraits) < 2:
        sys.exit(f"expected photographs with at least two good faces in {asked.folder}, got {len(portraits)}")
    known = _gallery(portraits, reader, asked.seed)
    detector = DetectorPool(store).get(asked.model)
    faces, every, base, shares = [], [], [], []
    looked = visitors = decided = 0
    for round_number in range(asked.rounds):
        print(f"round {round_number + 1} of {asked.rounds} ...", file=sys.stderr, flush=True)
        used_ms, looks, told = _faces_ms(config, models, known, _film(portraits, asked.seconds, round_number))
        faces.append(used_ms / asked.seconds)
        looked, decided, visitors = looked + looks.looks, decided + told, visitors + int(np.ceil(asked.seconds / _VISIT_S))
        every.append(_every_ms(reader, known, _film(portraits, asked.seconds, round_number)) / asked.seconds)
        for scene in _SCENES:
            used, share = _base_ms(scene, detector, asked)
            base.append(used)
            shares.append(share)
    faces_ms, every_ms, base_ms = statistics.median(faces), statistics.median(every), statistics.mean(base)
    more = _WITH_FACES / _CAMERAS / base_ms
    figures = {
        "base_ms_a_camera_second": round(base_ms, 2),
        "checks_with_the_detector": round(statistics.mean(shares), 3),
        "faces_ms_a_camera_second": round(faces_ms, 2),
        "looks_a_second": round(looked / asked.rounds / asked.seconds, 3),
        "ms_a_look": round(statistics.mean(faces) * asked.rounds * asked.seconds / max(1, looked), 1),
        "visitors": visitors,
        "visitors_decided": decided,
        "every_face_ms_a_camera_second": round(every_ms, 2),
        "times_dearer_without_turns": round(every_ms / faces_ms, 1),
        "more_cpu_for_20_of_200": {
            "somebody there always": round(more * faces_ms, 3),
            "somebody there a quarter of the time": round(more * faces_ms / 4, 3),
            "every face in every picture, always": round(more * every_ms, 3),
        },
    }
    settings = {name: str(value) for name, value in vars(asked).items() if name not in ("home", "folder")}
    print(
        json.dumps({"bench": "faces_cost", "machine": describe(), "settings": settings, "portraits": len(portraits), **figures}, indent=2)
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
