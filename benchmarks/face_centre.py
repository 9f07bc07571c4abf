"""The middle of dlib's vectors, for `panops/inference/dlib_centre.py`: the mean of many people's, of pictures that nothing is measured on.

Run it as `python -m benchmarks.face_centre FOLDER`; it needs `panops models add yunet` and `dlib_faces`. Faces that are nearer to each
other than dlib's own threshold count as one person's, whose mean counts once, for some stand in many pictures.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from panops.inference.dlib_centre import CENTRE
from panops.models.store import ModelStore
from panops.pipeline.model_file import open_model_file
from panops.pipeline.open_detector import open_detector
from panops.pipeline.sent_picture import read_sent_picture
from panops.storage.home import Home
from panops.vision.face_alignment import DLIB_TEMPLATE, aligned_faces

_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
_LEAST_SCORE, _LEAST_HEIGHT_PX, _LEAST_EYES_PX = 0.75, 40.0, 15.0
_ONE_PERSON = 0.6
_MEAN = np.array([122.782, 117.001, 104.298], np.float32)


def _vectors(folder: Path, store: ModelStore) -> NDArray[np.float32]:
    finder, network = store.get("yunet"), open_model_file(store.get("dlib_faces"))
    detector = open_detector(finder, open_model_file(finder), store, open_model_file, wait=True)
    rows = []
    for file in sorted(file for file in folder.rglob("*") if file.suffix.lower() in _SUFFIXES):
        frame = read_sent_picture(memoryview(file.read_bytes()))
        found = detector.detect(frame)
        if found.keypoints is None or not len(found):
            continue
        apart = np.linalg.norm(found.keypoints[:, 1, :2] - found.keypoints[:, 0, :2], axis=1)
        high = found.xyxy[:, 3] - found.xyxy[:, 1]
        fits = (found.score >= _LEAST_SCORE) & (high >= _LEAST_HEIGHT_PX) & (apart > _LEAST_EYES_PX)
        for face in aligned_faces(frame, found.keypoints[fits], DLIB_TEMPLATE, 150):
            planes = ((face.astype(np.float32) - _MEAN) / 256).transpose(2, 0, 1)[None]
            rows.append(network.infer({"faces": np.ascontiguousarray(planes)})["embedding"][0] + CENTRE)
    return np.array(rows, np.float32).reshape(-1, len(CENTRE))


def _people(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    left, means = list(range(len(vectors))), []
    while left:
        near = [row for row in left if np.linalg.norm(vectors[left[0]] - vectors[row]) < _ONE_PERSON]
        means.append(vectors[near].mean(axis=0))
        left = [row for row in left if row not in near]
    return np.array(means, np.float32)


def main(words: Sequence[str] | None = None) -> int:
    """Print the mean, and how far it is from the one in use."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--home", type=Path, default=None)
    asked = parser.parse_args(words)
    vectors = _vectors(asked.folder, ModelStore(Home(asked.home).models))
    if not len(vectors):
        sys.exit(f"no faces are found in {asked.folder}")
    people = _people(vectors)
    centre = people.mean(axis=0)
    print(f"{len(vectors)} faces of {len(people)} people; {np.linalg.norm(centre - CENTRE):.4f} from the centre in use, at a distance")
    print(f"of {np.median(np.linalg.norm(people - centre, axis=1)):.3f} between a person and the centre (median)")
    print(", ".join(f"{value:.4f}" for value in centre.tolist()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
