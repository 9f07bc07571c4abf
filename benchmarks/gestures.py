"""Signs of hands: how often a look reads one that is shown, how often it reads one where none is, and what the rule makes of both.

Run it as `python -m benchmarks.gestures --signs FOLDER --nothing PATH ...`; it needs `panops models add hands` (and `hand_points` for
`--classifier hand_points`). FOLDER holds a folder of pictures of hands for each sign; each picture is put into a grey room and shown as if
somebody held it up, with small movements. PATH is a clip, or a folder of pictures, of people whose hands show none of the signs.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from benchmarks.machine import describe
from panops.config.rule_schema import GestureConfig
from panops.config.schema import GesturesConfig
from panops.domain.events import EventPhase
from panops.domain.frame import Frame
from panops.domain.tracks import Tracks
from panops.ingest.pixels import VideoPixels
from panops.models.store import ModelStore
from panops.pipeline.detectors import DetectorPool
from panops.pipeline.gesture_looks import GestureLooks
from panops.rules.gesture import Gesture
from panops.rules.scene import Scene
from panops.storage.home import Home
from panops.testing.rule_conformance import Sighting, make_tracks

Image = NDArray[np.uint8]
_PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")
_ROOM_WH = (640, 360)
_HELD_S = 4.0


class _Watch:
    """One person before a camera, with the rule for all signs.

    Args:
        pool: The models.
        asked: The command's settings.
    """

    def __init__(self, pool: DetectorPool, asked: argparse.Namespace) -> None:
        config = GesturesConfig(classifier=asked.classifier, min_score=asked.min_score, refresh_s=0.0)
        self._looks = GestureLooks(config, pool.part(config.model), pool.part(asked.classifier), ("person",))
        self.signs = self._looks.signs
        self._rule_config = GestureConfig.model_validate({"id": "signs", "kind": "gesture", "signs": list(self.signs)})

    def film(self, frames: Iterator[tuple[float, Image]], person: tuple[float, float, float, float]) -> tuple[Counter[str], int, list[str]]:
        """What each look said, how many hands were read, and the signs that the rule told; `person` is a box as shares of the picture."""
        said: Counter[str] = Counter()
        told: list[str] = []
        rule: Gesture | None = None
        hands = self._looks.hands
        for time_s, image in frames:
            height, width = image.shape[:2]
            rule = rule or Gesture(self._rule_config, Scene("film", (width, height), ("person",)))
            frame = Frame("film", 0, time_s, time_s, VideoPixels(VideoFrame.from_ndarray(image, format="rgb24")))
            box = np.array([person], np.float32) * np.array([width, height, width, height], np.float32)
            tracks: Tracks = replace(make_tracks(time_s, [Sighting(1, 0.5, 0.9)]), xyxy=box)
            looked = self._looks.add(frame, tracks)
            if self._looks.problem:
                sys.exit(self._looks.problem)
            said[looked.gestures[0].name] += 1
            told += [str(one.details["sign"]) for one in rule.update(looked) if one.phase is EventPhase.BEGIN]
        return said, self._looks.hands - hands, told


def _held(file: Path, every_s: float, chance: np.random.Generator) -> Iterator[tuple[float, Image]]:
    """A film of a hand that is held up, 240 px high of 360 like its picture, and trembles, turns and comes a little nearer."""
    image = cv2.imread(str(file), cv2.IMREAD_COLOR_RGB)
    if image is None:
        sys.exit(f"{file}: expected a picture, it cannot be decoded")
    longer = max(image.shape[:2])
    back = image[:5, :5].mean(axis=(0, 1))
    for number in range(round(_HELD_S / every_s)):
        turn = cv2.getRotationMatrix2D(
            (image.shape[1] / 2, image.shape[0] / 2), chance.uniform(-8, 8), 120 / longer * chance.uniform(0.9, 1.1)
        )
        middle = np.array([320, 170]) + chance.uniform(-8, 8, 2)
        turn[:, 2] += middle - np.array([image.shape[1] / 2, image.shape[0] / 2])
        room = cv2.warpAffine(image, turn, _ROOM_WH, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=back.tolist())
        yield 1000.0 + number * every_s, np.asarray(room, np.uint8)


def _clip(path: Path, every_s: float) -> Iterator[tuple[float, Image]]:
    next_s = 0.0
    with av.open(str(path)) as container:
        for number, frame in enumerate(container.decode(container.streams.video[0])):
            time_s = float(frame.time) if frame.time is not None else number / 30.0
            if time_s >= next_s:
                next_s = time_s + every_s
                yield 1000.0 + time_s, _even(frame.to_ndarray(format="rgb24"))


def _even(image: Image) -> Image:
    return np.ascontiguousarray(image[: image.shape[0] // 2 * 2, : image.shape[1] // 2 * 2])


def _shown(watch: _Watch, folder: Path, asked: argparse.Namespace) -> dict[str, Any]:
    """Of pictures of each sign: looks that read it, another one or none, and films in which the rule told it."""
    figures: dict[str, Any] = {}
    chance = np.random.default_rng(asked.seed)
    for sign in watch.signs:
        files = [file for file in sorted((folder / sign).glob("*")) if file.suffix.lower() in _PICTURES][: asked.most]
        count: Counter[str] = Counter(films=0, looks=0, right=0, other=0, told=0, told_other=0)
        for file in files:
            said, _, told = watch.film(_held(file, asked.every_s, chance), (0.35, 0.2, 0.65, 0.98))
            count.update(films=1, looks=said.total(), right=said[sign], other=said.total() - said[sign] - said[""])
            count.update(told=sign in told, told_other=any(one != sign for one in told))
        figures[sign] = dict(count)
    return figures


def _nothing(watch: _Watch, path: Path, asked: argparse.Namespace) -> dict[str, Any]:
    """Of hands that show no sign: how many hands were read, what signs the looks said, and what the rule told."""
    if path.is_dir():
        said, hands, told = Counter[str](), 0, []
        for file in sorted(path.glob("*")):
            image = cv2.imread(str(file), cv2.IMREAD_COLOR_RGB) if file.suffix.lower() in _PICTURES else None
            if image is not None:
                one, read, _ = watch.film(iter([(1000.0, _even(np.asarray(image, np.uint8)))]), (0.0, 0.0, 1.0, 1.0))
                said.update(one)
                hands += read
    else:
        said, hands, told = watch.film(_clip(path, asked.every_s), (0.0, 0.0, 1.0, 1.0))
    signs = {name: count for name, count in said.items() if name}
    return {"looks": said.total(), "hands": hands, "looks_with_a_sign": sum(signs.values()), "signs": signs, "told": told}


def main(words: Sequence[str] | None = None) -> int:
    """Measure, and print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--signs", type=Path, default=None, help="a folder with a folder of pictures for each sign")
    parser.add_argument("--nothing", type=Path, nargs="*", default=[], help="clips, or folders of pictures, without signs")
    parser.add_argument("--classifier", default="sign_digits")
    parser.add_argument("--min-score", type=float, default=GesturesConfig().min_score)
    parser.add_argument("--every-s", type=float, default=0.4)
    parser.add_argument("--most", type=int, default=20, help="pictures of each sign")
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--home", type=Path, default=None)
    asked = parser.parse_args(words)
    watch = _Watch(DetectorPool(ModelStore(Home(asked.home).models), patient=True), asked)
    figures: dict[str, Any] = {}
    if asked.signs is not None:
        figures["signs"] = _shown(watch, asked.signs, asked)
    figures["nothing"] = {path.name: _nothing(watch, path, asked) for path in asked.nothing}
    shape = {name: getattr(asked, name) for name in ("classifier", "min_score", "every_s", "most", "seed")}
    print(json.dumps({"bench": "gestures", "machine": describe(), "settings": shape, **figures}, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
