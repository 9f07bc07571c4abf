"""How well people are found again by how they look, on films: the same person earlier and later, and against everybody who was there too.

Run it as `python -m benchmarks.reid FILM...`; it needs `panops models add person_reid` and the detector. Who is who is told by the tracker:
two people who are followed at the same moment are two, and whoever is followed without a gap is one. So it says nothing of other cameras,
and a track that jumped from one person to another counts against the model.

`--pictures COCO.json` adds pictures with labelled people: whoever is in one picture with somebody is somebody else. They say nothing of one
person's two looks, and much of how often two people are taken for one.

`--visits FILM` is a film in which people come one after the other, each once. They are compared with the same film as it might look from
another camera: mirrored, darker, and in warmer light.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.machine import describe
from panops.domain.detections import Detections
from panops.domain.frame import ArrayPixels, Frame
from panops.domain.protocols import Detector, Observation
from panops.models.store import ModelStore
from panops.pipeline.detectors import DetectorPool
from panops.pipeline.model_file import open_model_file
from panops.storage.home import Home
from panops.tracking.tracker import BatchTracker
from panops.vision.reid import PersonEmbedder

_EVERY_S = 0.2
_LEAST_S = 1.5
_DWELL_S = 1.0
_LEAST_HEIGHT_PX = 60
_THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9)
# Two boxes of one picture that share more than this of the smaller one show a part of each other.
_MOST_SHARED = 0.1
# How much of red, green and blue is left in the light of another camera.
_OTHER_LIGHT = np.array([0.75, 0.65, 0.5], np.float32)


@dataclass(slots=True)
class Walk:
    """One track: when it was seen, and how it looked then."""

    times_s: list[float] = field(default_factory=list)
    looks: list[NDArray[np.float32]] = field(default_factory=list)

    @property
    def early(self) -> NDArray[np.float32]:
        """A look from the middle of its first third."""
        return self.looks[len(self.looks) // 6]

    @property
    def late(self) -> NDArray[np.float32]:
        """A look from the middle of its last third."""
        return self.looks[-1 - len(self.looks) // 6]

    @property
    def told(self) -> NDArray[np.float32]:
        """A look from when a rule with a dwell of a second tells of it."""
        at = next((row for row, time_s in enumerate(self.times_s) if time_s >= self.times_s[0] + _DWELL_S), -1)
        return self.looks[at]

    def meets(self, other: Walk) -> bool:
        """Whether both were followed at one moment."""
        return bool(set(self.times_s) & set(other.times_s))


def frames(path: Path) -> Iterator[Frame]:
    """A film's pictures, one every fifth of a second."""
    with av.open(str(path)) as film:
        next_s, number = 0.0, 0
        for picture in film.decode(video=0):
            at_s = float(picture.time or 0.0)
            if at_s + 1e-6 < next_s:
                continue
            next_s = at_s + _EVERY_S
            number += 1
            yield Frame("film", number, at_s, at_s, ArrayPixels(picture.to_ndarray(format="rgb24")))


def walks(pictures: Iterator[Frame], detector: Detector, embedder: PersonEmbedder, taken_s: list[float]) -> list[Walk]:
    """Everybody who was followed for long enough."""
    tracker, found = BatchTracker(), dict[int, Walk]()
    tracker.describe("film", detector.classes)
    person = detector.classes.index("person")
    for frame in pictures:
        seen = detector.detect(frame)
        (tracks,) = tracker.update([Observation("film", frame.captured_at_s, _people(seen, person))])
        for row in np.flatnonzero(tracks.detection_index >= 0):
            box = tracks.xyxy[row]
            if box[3] - box[1] < _LEAST_HEIGHT_PX:
                continue
            began_s = time.process_time()
            look = embedder.embed(frame, box[None])[0]
            taken_s.append(time.process_time() - began_s)
            walk = found.setdefault(int(tracks.track_id[row]), Walk())
            walk.times_s.append(frame.captured_at_s)
            walk.looks.append(look)
    return [walk for walk in found.values() if len(walk.looks) >= 4 and walk.times_s[-1] - walk.times_s[0] >= _LEAST_S]


def _people(seen: Detections, person: int) -> Detections:
    return seen.select((seen.class_id == person) & (seen.score >= 0.35))


def figures(films: list[list[Walk]]) -> dict[str, Any]:
    """Rank 1, and how often a threshold says "the same" of one person's two looks and of two people's."""
    same = [float(walk.early @ walk.late) for film in films for walk in film]
    different: list[float] = []
    first = asked = 0
    for film in films:
        for walk in film:
            others = [other for other in film if other is not walk and other.meets(walk)]
            scores = [float(walk.early @ other.late) for other in others]
            different += scores
            if others:
                asked += 1
                first += float(walk.early @ walk.late) > max(scores)
    return {
        "people": len(same),
        "apart_s": round(float(np.median([walk.times_s[-1] - walk.times_s[0] for film in films for walk in film])), 1) if same else None,
        "rank_1": {"right": first, "of": asked, "against": round(len(different) / asked, 1) if asked else None},
        "same": spread(same),
        "different": spread(different),
        "said_same_from": {str(limit): {"same": share(same, limit), "different": share(different, limit)} for limit in _THRESHOLDS},
    }


def elsewhere(found: Iterator[Frame]) -> Iterator[Frame]:
    """A film's pictures from the other side and in other light."""
    for frame in found:
        pixels = np.ascontiguousarray((frame.image[:, ::-1] * _OTHER_LIGHT).astype(np.uint8))
        yield Frame(frame.camera_id, frame.sequence, frame.pts_s, frame.captured_at_s, ArrayPixels(pixels))


def visits(path: Path, detector: Detector, embedder: PersonEmbedder) -> dict[str, Any]:
    """How much visitors look like themselves elsewhere, and like each other."""
    here = walks(frames(path), detector, embedder, [])
    there = walks(elsewhere(frames(path)), detector, embedder, [])
    if len(here) != len(there):
        raise SystemExit(f"{path}: {len(here)} people were followed here and {len(there)} elsewhere; take a film with clear visits")
    looks = {
        "early_and_late": ([walk.early for walk in here], [walk.late for walk in there]),
        "when_told": ([walk.told for walk in here], [walk.told for walk in there]),
    }
    told: dict[str, Any] = {"people": len(here)}
    for name, (mine, others) in looks.items():
        scores = np.array(mine) @ np.array(others).T
        apart = scores[~np.eye(len(here), dtype=bool)]
        told[name] = {
            "same": sorted(np.diag(scores).round(3).tolist()),
            "different": spread(apart.tolist()),
            "most": round(float(apart.max()), 3),
        }
    return told


def strangers(path: Path, embedder: PersonEmbedder) -> dict[str, Any]:
    """How much two people of one picture look alike, by where the pictures come from.

    Training pictures may be four photographs in one: `near` are pairs whose middles lie in the same quarter of a picture, who are most
    likely in the same photograph, and in the same light and clothes.

    Args:
        path: A COCO file; its pictures lie beside it under their `file_name`.
        embedder: The model.
    """
    told = json.loads(path.read_text(encoding="utf-8"))
    person = next(one["id"] for one in told["categories"] if one["name"] == "person")
    boxes: dict[int, list[tuple[float, float, float, float]]] = {}
    for one in told["annotations"]:
        left, top, width, height = one["bbox"]
        if one["category_id"] == person and height >= _LEAST_HEIGHT_PX:
            boxes.setdefault(one["image_id"], []).append((left, top, left + width, top + height))
    found: dict[str, list[tuple[float, bool]]] = {}
    people: Counter[str] = Counter()
    for picture in told["images"]:
        apart = np.array(boxes.get(picture["id"], []), np.float32).reshape(-1, 4)
        if len(apart) < 2:
            continue
        pixels = cv2.cvtColor(cv2.imread(str(path.parent / picture["file_name"])), cv2.COLOR_BGR2RGB)
        looks = embedder.embed(Frame("picture", 1, 0.0, 0.0, ArrayPixels(np.asarray(pixels, np.uint8))), apart)
        pairs = np.argwhere(np.triu(_shared(apart) <= _MOST_SHARED, 1))
        scores = (looks[pairs[:, 0]] * looks[pairs[:, 1]]).sum(1)
        quarter = ((apart[:, :2] + apart[:, 2:]) / 2 > np.array([picture["width"], picture["height"]]) / 2) @ np.array([1, 2])
        near = quarter[pairs[:, 0]] == quarter[pairs[:, 1]]
        source = str(picture.get("source", "pictures"))
        found.setdefault(source, []).extend(zip(map(float, scores), map(bool, near), strict=True))
        people[source] += len(np.unique(pairs))
    return {
        source: {
            "people": people[source],
            "all": _taken([score for score, _ in pairs]),
            "near": _taken([score for score, near in pairs if near]),
        }
        for source, pairs in found.items()
    }


def _taken(different: list[float]) -> dict[str, Any]:
    return {"different": spread(different), "said_same_from": {str(limit): share(different, limit) for limit in _THRESHOLDS}}


def _shared(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N, N) how much of the smaller one two boxes share, 0..1."""
    least, most = np.maximum(boxes[:, None, :2], boxes[None, :, :2]), np.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    area = (boxes[:, 2:] - boxes[:, :2]).prod(1)
    shared: NDArray[np.float32] = np.clip(most - least, 0, None).prod(2) / np.minimum(area[:, None], area[None, :])
    return shared


def spread(values: list[float]) -> dict[str, float]:
    """How likenesses lie: their count and 5th, 50th and 95th percentile; nothing of none."""
    if not values:
        return {}
    parts = np.percentile(values, [5, 50, 95])
    return {"count": len(values), **{name: round(float(part), 3) for name, part in zip(("p5", "median", "p95"), parts, strict=True)}}


def share(values: list[float], limit: float) -> float | None:
    """What share of them is at least `limit`; None of none."""
    return round(sum(value >= limit for value in values) / len(values), 4) if values else None


def main() -> None:
    """Measure, and print JSON."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("films", nargs="*", type=Path)
    reader.add_argument("--pictures", nargs="*", type=Path, default=[], help="COCO files of pictures with labelled people")
    reader.add_argument("--visits", nargs="*", type=Path, default=[], help="films in which people come one after the other, each once")
    reader.add_argument("--model", default="person_reid")
    reader.add_argument("--detector", default="yolox_nano")
    asked = reader.parse_args()
    store = ModelStore(Home().models)
    model, pool = store.get(asked.model), DetectorPool(store)
    embedder = PersonEmbedder(model.manifest, open_model_file(model))
    pictures = {f"{path.parent.name}/{path.name}": strangers(path, embedder) for path in asked.pictures}
    detector, taken_s = pool.get(asked.detector), list[float]()
    films = {path.name: walks(frames(path), detector, embedder, taken_s) for path in asked.films}
    came = {path.name: visits(path, detector, embedder) for path in asked.visits}
    told = {name: figures([film]) for name, film in films.items()}
    cost_ms = round(1000 * float(np.median(taken_s)), 2) if taken_s else None
    whole = {"bench": "reid", "machine": describe(), "model": embedder.name, "detector": asked.detector, "cpu_ms_a_person": cost_ms}
    sys.stdout.write(
        json.dumps({**whole, "films": told, "all": figures(list(films.values())), "pictures": pictures, "visits": came}, indent=2) + "\n"
    )


if __name__ == "__main__":
    main()
