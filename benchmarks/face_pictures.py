"""Lays the test pictures out as `panops evaluate faces` wants them: a folder for each person, pictures of several people cut up.

Run it as `python -m benchmarks.face_pictures SHARED OUT`, SHARED the folder of the test data with `images` and `videos` in it. Who is to be
seen is told by the names of the files; people without a name are called after their picture and place. Frames of a film are one person's on
one day, much more alike than photographs of different years; `OUT/photographs` leaves films and people without a name out.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

Box = tuple[int, int, int, int]

# Person, picture, and the part of it that shows nobody else: left, top, right, bottom, px.
_NAMED: tuple[tuple[str, str, Box | None], ...] = (
    ("obama", "faces/fr_obama.jpg", None),
    ("obama", "faces/fr_obama2.jpg", None),
    ("obama", "faces/fr_obama_partial_face2.jpg", None),
    ("obama", "faces/fr_knn_test_obama1.jpg", None),
    ("obama", "faces/fr_knn_test_obama_and_biden.jpg", (1020, 0, 2000, 900)),
    ("biden", "faces/fr_biden.jpg", None),
    ("biden", "faces/fr_knn_train_biden_biden2.jpg", None),
    ("biden", "faces/fr_knn_test_obama_and_biden.jpg", (0, 0, 1020, 1428)),
    ("kit_harington", "faces/fr_knn_test_johnsnow_test1.jpg", None),
    ("kit_harington", "faces/fr_knn_test_kit_with_rose.jpg", (225, 0, 501, 700)),
    ("rose_leslie", "faces/fr_knn_test_kit_with_rose.jpg", (0, 0, 200, 700)),
    ("rose_leslie", "faces/fr_knn_train_rose_leslie_img1.jpg", None),
    ("rose_leslie", "faces/fr_knn_train_rose_leslie_img2.jpg", None),
    ("alex_lacamoire", "faces/fr_knn_train_alex_lacamoire_img1.jpg", None),
)
_STRANGERS: dict[str, tuple[Box, ...]] = {
    "faces/fnp_multiface.jpg": (
        (203, 223, 329, 380), (390, 100, 531, 276), (531, 23, 658, 182), (604, 175, 719, 319), (703, 444, 822, 593), (840, 412, 977, 583),
    ),
    "ppe/shwd_4.jpg": (
        (275, 168, 468, 409), (654, 416, 809, 608), (1020, 293, 1215, 536), (1336, 453, 1505, 665), (1759, 437, 1966, 696),
    ),
    "coral/face.jpg": ((0, 86, 64, 176), (98, 44, 253, 237), (227, 13, 378, 202), (423, 101, 502, 200)),
    "coral/grace_hopper.bmp": ((142, 74, 394, 389),),
}  # fmt: skip
# Person, film, and each how many frames one is taken.
_FILMS = (
    ("woman", "intel_asl_book.mkv", 45),
    ("man", "intel_asl_help.mkv", 45),
    ("man", "intel_asl_no.mkv", 45),
    ("man", "intel_asl_yes.mkv", 45),
    ("head", "intel_head-pose-face-detection-female.gif", 3),
)


def _write(folder: Path, name: str, bgr: NDArray[np.uint8]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(folder / f"{name}.png"), bgr)


def _part(shared: Path, file: str, box: Box | None) -> NDArray[np.uint8]:
    bgr = cv2.imread(str(shared / "images" / file))
    if bgr is None:
        sys.exit(f"expected a picture, got {shared / 'images' / file}, which is not there")
    left, top, right, bottom = box or (0, 0, bgr.shape[1], bgr.shape[0])
    return np.asarray(bgr[top:bottom, left:right], np.uint8)


def main(words: Sequence[str] | None = None) -> int:
    """Write `OUT/photographs` and `OUT/all`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shared", type=Path)
    parser.add_argument("out", type=Path)
    asked = parser.parse_args(words)
    photographs, everything = asked.out / "photographs", asked.out / "all"
    for number, (person, file, box) in enumerate(_NAMED):
        _write(photographs / person, f"{Path(file).stem}-{number}", _part(asked.shared, file, box))
    shutil.copytree(photographs, everything, dirs_exist_ok=True)
    for file, boxes in _STRANGERS.items():
        for number, box in enumerate(boxes):
            _write(everything / f"{Path(file).stem}-{number}", "face", _part(asked.shared, file, box))
    for person, film, each in _FILMS:
        with av.open(str(asked.shared / "videos" / film)) as container:
            for number, frame in enumerate(container.decode(video=0)):
                if number % each == 0:
                    _write(everything / person, f"{Path(film).stem}-{number}", frame.to_ndarray(format="bgr24"))
    print(f"{asked.out}: {len(list(photographs.rglob('*.png')))} photographs, {len(list(everything.rglob('*.png')))} pictures in all")
    return 0


if __name__ == "__main__":
    sys.exit(main())
