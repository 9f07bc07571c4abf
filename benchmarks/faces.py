"""Faces: down to which size, sharpness and light they are told apart, what liveness says of pictures of faces, and what it all costs.

Run it as `python -m benchmarks.faces PEOPLE --more FOLDER`; it needs `panops models add yunet`, `dlib_faces` and `minifasnet`. `PEOPLE` has
a folder of pictures for each person, as for `panops evaluate faces`; in `--more` lie pictures of anybody, for liveness.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from benchmarks.face_attacks import ATTACKS, living
from benchmarks.machine import describe
from panops.domain.faces import KnownFaces, KnownPerson
from panops.domain.frame import Frame
from panops.ingest.pixels import VideoPixels
from panops.models.store import ModelStore
from panops.pipeline.face_reader import ModelFaceReader
from panops.pipeline.model_file import open_model_file
from panops.pipeline.open_face_reader import open_face_reader, open_liveness
from panops.storage.home import Home
from panops.vision.face_embedding import ModelFaceEmbedder
from panops.vision.face_quality import judge, measure_faces
from panops.vision.face_search import FaceSearch

_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")
_EYES_PX = (64, 48, 40, 32, 28, 24, 20, 18, 16, 14, 12, 10, 8)
_BLUR = (0.0, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0)
_LIGHT = (1.0, 0.6, 0.4, 0.3, 0.2, 0.15, 0.1, 0.07, 0.05)
_LIGHTER = (1.0, 1.4, 1.8, 2.2, 2.6, 3.0)


@dataclass(frozen=True, slots=True)
class _Face:
    """A face that can be used: whose, its picture, points (5, 2) and numbers."""

    person: str
    rgb: NDArray[np.uint8]
    points: NDArray[np.float32]
    embedding: NDArray[np.float32]


def _frame(rgb: NDArray[np.uint8]) -> Frame:
    return Frame("", 0, 0.0, 0.0, VideoPixels(VideoFrame.from_ndarray(rgb, format="rgb24")))


def _pictures(folder: Path) -> list[NDArray[np.uint8]]:
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in _SUFFIXES)
    read = (cv2.imread(str(file), cv2.IMREAD_COLOR_RGB) for file in files)
    return [np.asarray(picture, np.uint8) for picture in read if picture is not None]


def _faces(reader: ModelFaceReader, people: Path) -> list[_Face]:
    found = []
    for folder in sorted(child for child in people.iterdir() if child.is_dir()):
        for rgb in _pictures(folder):
            seen = reader.read(_frame(rgb))
            good = [row for row, fault in enumerate(seen.faults) if fault is None]
            if good:
                row = max(good, key=lambda row: float(seen.xyxy[row, 3] - seen.xyxy[row, 1]))
                found.append(_Face(folder.name, rgb, seen.keypoints[row], seen.embedding[row]))
    return found


Spoil = Callable[[_Face, float], tuple[NDArray[np.uint8], NDArray[np.float32]]]


def _smaller(face: _Face, eyes_px: float) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """The picture and the points with eyes so far apart."""
    share = eyes_px / float(np.linalg.norm(face.points[1] - face.points[0]))
    small = cv2.resize(face.rgb, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
    coded = cv2.imencode(".jpg", small[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])[1]
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR_RGB), np.uint8), ((face.points + 0.5) * share - 0.5).astype(np.float32)


def _blurred(face: _Face, sigma_px: float) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """With eyes 48 px apart, and so many px out of focus."""
    rgb, points = _smaller(face, 48.0)
    return (np.asarray(cv2.GaussianBlur(rgb, (0, 0), sigma_px), np.uint8) if sigma_px else rgb), points


def _lit(face: _Face, light: float) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """With eyes 48 px apart, in so much of the light, with the noise of a sensor that makes up for none of it."""
    rgb, points = _smaller(face, 48.0)
    noise = np.random.default_rng(7).normal(0, 2.5, rgb.shape)
    return np.clip(rgb * light + noise, 0, 255).astype(np.uint8), points


def _spoilt(faces: Sequence[_Face], embedder: ModelFaceEmbedder, spoil: Spoil, levels: Sequence[float]) -> list[dict[str, Any]]:
    """For each level: pairs of a spoilt face with other faces that nothing was done to."""
    rows = []
    for level in levels:
        same, different, verdicts, measured = [], [], [], []
        for index, face in enumerate(faces):
            rgb, points = spoil(face, level)
            frame = _frame(rgb)
            (measures,) = measure_faces(frame, points[None])
            verdicts.append(judge(measures))
            measured.append(measures)
            numbers = embedder.embed(frame, points[None])[0]
            for other, its in enumerate(faces):
                if other != index:
                    (same if its.person == face.person else different).append(float(numbers @ its.embedding))
        rows.append({
            "level": level,
            "frr": round(float(np.mean(np.array(same) < embedder.threshold)), 3),
            "far": round(float(np.mean(np.array(different) >= embedder.threshold)), 4),
            "one_person": round(float(np.median(same)), 3),
            "refused": sum(verdict.fault is not None for verdict in verdicts),
            "faces": len(faces),
            "why": sorted({verdict.fault.value for verdict in verdicts if verdict.fault is not None}),
            "quality": round(float(np.median([verdict.quality for verdict in verdicts])), 2),
            "sharpness": round(float(np.median([one.sharpness for one in measured])), 3),
            "brightness": round(float(np.median([one.brightness for one in measured])), 1),
            "white": round(float(np.median([one.white for one in measured])), 2),
            "black": round(float(np.median([one.black for one in measured])), 2),
        })  # fmt: skip
    return rows


def _liveness(reader: ModelFaceReader, store: ModelStore, pictures: Sequence[NDArray[np.uint8]]) -> dict[str, Any]:
    liveness = open_liveness(store)
    answers: dict[str, list[float]] = {}
    number = 0
    for rgb in pictures:
        seen = reader.read(_frame(rgb))
        for row in (row for row, fault in enumerate(seen.faults) if fault is None):
            number += 1
            for name, make in {"living": living, **ATTACKS}.items():
                frame = _frame(make(rgb, seen.xyxy[row], number))
                found = reader.read(frame)
                if len(found):
                    largest = int(np.argmax(found.xyxy[:, 3] - found.xyxy[:, 1]))
                    answers.setdefault(name, []).append(float(liveness.live(frame, found.xyxy[largest : largest + 1])[0]))
    liveness.close()
    return {
        name: {"faces": len(live), "called_live": sum(one >= 0.5 for one in live), "median": round(statistics.median(live), 3)}
        for name, live in answers.items()
    }


def _ms(work: Callable[[], object], times: int = 25) -> dict[str, float]:
    work()
    walls, cpus = [], []
    for _ in range(times):
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return {"wall_ms": round(statistics.median(walls) * 1000, 2), "cpu_ms": round(statistics.median(cpus) * 1000, 2)}


def _search(known: int, dimensions: int) -> dict[str, Any]:
    dice = np.random.default_rng(1)
    rows = dice.standard_normal((known, dimensions)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    people = tuple(KnownPerson(f"p{index}", "") for index in range(max(known // 4, 1)))
    gallery = KnownFaces("m", people, rows, np.arange(known, dtype=np.int64) % len(people), np.zeros(known, np.bool_))
    search, asked = FaceSearch(gallery), rows[:1] + dice.normal(0, 0.03, (1, dimensions)).astype(np.float32)
    asked /= np.linalg.norm(asked)
    if search.find(asked, 0.5).person[0] != 0:
        raise RuntimeError("the search does not find what is there")
    return {"pictures": known, "dimensions": dimensions, **_ms(lambda: search.find(asked, 0.5))}


def _costs(reader: ModelFaceReader, embedder: ModelFaceEmbedder, store: ModelStore, face: _Face) -> dict[str, Any]:
    liveness = open_liveness(store)
    share = 640 / face.rgb.shape[1]
    rgb = np.asarray(cv2.resize(face.rgb, None, fx=share, fy=share, interpolation=cv2.INTER_AREA), np.uint8)
    frame, points = _frame(rgb), face.points * np.float32(share)
    box = np.concatenate([points.min(axis=0) - 20, points.max(axis=0) + 20]).astype(np.float32)[None]
    costs = {
        "whole picture, one face": _ms(lambda: reader.read(frame)),
        "quality of a face": _ms(lambda: measure_faces(frame, points[None])),
        "embedding of a face": _ms(lambda: embedder.embed(frame, points[None])),
        "liveness of a face": _ms(lambda: liveness.live(frame, box)),
    }
    liveness.close()
    return costs


def main(words: Sequence[str] | None = None) -> int:
    """Measure, and print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("people", type=Path)
    parser.add_argument("--more", type=Path, default=None, help="pictures of anybody, for liveness")
    parser.add_argument("--detector", default="yunet")
    parser.add_argument("--model", default="dlib_faces")
    parser.add_argument("--home", type=Path, default=None)
    asked = parser.parse_args(words)
    store = ModelStore(Home(asked.home).models)
    reader = open_face_reader(store, asked.detector, asked.model)
    stored = store.get(asked.model)
    embedder = ModelFaceEmbedder(stored.manifest, open_model_file(stored))
    faces = _faces(reader, asked.people)
    large = [face for face in faces if float(np.linalg.norm(face.points[1] - face.points[0])) >= max(_EYES_PX)]
    pictures = _pictures(asked.people) + (_pictures(asked.more) if asked.more else [])
    figures = {
        "bench": "faces",
        "machine": describe(),
        "model": reader.name,
        "detector": asked.detector,
        "threshold": reader.threshold,
        "faces": len(faces),
        "people": len({face.person for face in faces}),
        "eyes_px": _spoilt(large, embedder, _smaller, _EYES_PX),
        "blur_px": _spoilt(large, embedder, _blurred, _BLUR),
        "less_light": _spoilt(large, embedder, _lit, _LIGHT),
        "more_light": _spoilt(large, embedder, _lit, _LIGHTER),
        "liveness": _liveness(reader, store, pictures),
        "search": [_search(known, reader.dimensions) for known in (1_000, 10_000, 100_000)],
        "costs": _costs(reader, embedder, store, faces[0]),
    }
    print(json.dumps(figures, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
