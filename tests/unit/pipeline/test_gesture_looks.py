"""Signs on a camera: who is looked at, whose hand it is, what counts as a sign, and what models that fail cost."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from panops.config.load import parse_site
from panops.config.schema import CameraConfig, GesturesConfig
from panops.domain.class_scores import ClassScores
from panops.domain.detections import Detections
from panops.domain.errors import DeviceFull, ModelError, ModelNotFound, ModelUnsupported, PanopsError
from panops.domain.frame import Frame
from panops.domain.gestures import GestureLook
from panops.domain.protocols import Detector
from panops.domain.tracks import Tracks
from panops.ingest.pixels import VideoPixels
from panops.models.store import ModelStore
from panops.pipeline.detectors import DetectorPool
from panops.pipeline.gesture_looks import GestureLooks
from panops.pipeline.track_looks import TrackLooks
from panops.testing.rule_conformance import Sighting, make_tracks

CLASSES = ("person", "car")


def shown(image: NDArray[np.uint8], time_s: float = 0.0) -> Frame:
    return Frame("gate", 0, time_s, time_s, VideoPixels(VideoFrame.from_ndarray(image, format="rgb24")))


GREY = shown(np.full((360, 640, 3), 114, np.uint8))


class Finder:
    """Finds hands at the same places, as shares, of whatever it is shown."""

    classes = ("left hand", "right hand")

    def __init__(self, *at: tuple[float, float]) -> None:
        self.at = at
        self.shown: list[tuple[int, int]] = []
        self.fault: Exception | None = None

    def detect(self, frame: Frame) -> Detections:
        if self.fault is not None:
            raise self.fault
        self.shown.append(frame.size_wh)
        middles = np.array(self.at, np.float32).reshape(-1, 2) * np.array(frame.size_wh, np.float32)
        boxes = np.concatenate([middles - 8, middles + 8], axis=1)
        points = np.tile(np.array([1, 1, 0.9], np.float32), (len(self.at), 21, 1))
        points[:, :, :2] = middles[:, None]
        return Detections(boxes, np.full(len(self.at), 0.9, np.float32), np.zeros(len(self.at), np.int64), points)

    def forget(self, camera_id: str) -> None:
        """It keeps nothing."""


class Reader(Finder):
    """Says of one hand after the other what it was told to."""

    classes = ("help", "ok", "none")

    def __init__(self, *says: tuple[float, float, float]) -> None:
        super().__init__()
        self.says = says
        self.boxes: list[NDArray[np.float32]] = []

    def read_signs(self, frame: Frame, hands: Detections) -> ClassScores:
        self.boxes.append(hands.xyxy)
        return ClassScores(np.array(self.says[: len(hands)], np.float32))

    def close(self) -> None:
        """Nothing to free."""


def looks(finder: Detector, reader: Detector, **settings: object) -> GestureLooks:
    return GestureLooks(GesturesConfig.model_validate({"least_px": 40, **settings}), finder, reader, CLASSES)


def people(time_s: float, *sightings: Sighting) -> Tracks:
    return make_tracks(time_s, sightings)


ONE = people(0.0, Sighting(1, 0.5, 0.9))


def said(finder: Finder, reader: Reader, tracks: Tracks = ONE, **settings: object) -> tuple[GestureLook, ...]:
    return looks(finder, reader, **settings).add(GREY, tracks).gestures


def test_the_surest_sign_of_somebodys_hands_counts() -> None:
    two = Finder((0.4, 0.5), (0.6, 0.5))
    (look,) = said(two, Reader((0.9, 0.1, 0.0), (0.02, 0.98, 0.0)))
    assert (look.track_id, look.name) == (1, "ok")
    assert look.score == pytest.approx(0.98)


@pytest.mark.parametrize("scores", [(0.8, 0.2, 0.0), (0.01, 0.01, 0.98)], ids=["not sure", "a class that is no sign"])
def test_what_is_nobodys_sign_is_none(scores: tuple[float, float, float]) -> None:
    assert said(Finder((0.5, 0.5)), Reader(scores)) == (GestureLook(1, "", 0.0),)
    assert said(Finder(), Reader()) == (GestureLook(1, "", 0.0),)


def test_hands_are_in_px_of_the_frame_and_lie_in_the_person() -> None:
    reader = Reader((1.0, 0.0, 0.0))
    said(Finder((0.5, 0.5)), reader)
    left, top, right, bottom = ONE.xyxy[0]
    x, y = (reader.boxes[0][0, :2] + reader.boxes[0][0, 2:]) / 2
    assert left < x < right
    assert top < y < bottom


def test_a_hand_in_a_neighbours_box_is_the_neighbours() -> None:
    tracks = replace(ONE, track_id=np.array([1]), xyxy=np.array([[300, 100, 340, 200]], np.float32))
    both = people(0.0, Sighting(1, 0.3, 0.9), Sighting(2, 0.5, 0.9))
    both = replace(both, xyxy=np.array([[300, 100, 340, 200], [340, 100, 380, 200]], np.float32))
    at_the_right = Finder((0.9, 0.5))  # outside of the person's box, in the room around it
    first, second = said(at_the_right, Reader((1.0, 0.0, 0.0)), both)
    assert (first.name, second.name) == ("", "help")
    assert said(at_the_right, Reader((1.0, 0.0, 0.0)), tracks)[0].name == "help"


def test_whoever_stands_is_shown_from_the_head_to_below_the_hips() -> None:
    finder = Finder()
    standing = replace(ONE, xyxy=np.array([[280, 60, 360, 300]], np.float32))
    sitting = replace(ONE, xyxy=np.array([[200, 60, 440, 300]], np.float32))
    said(finder, Reader(), standing)
    said(finder, Reader(), sitting)
    assert finder.shown[0][1] < 0.9 * 240
    assert finder.shown[1][1] >= 240


def test_each_is_looked_at_every_so_often() -> None:
    watch = looks(Finder((0.5, 0.5)), Reader((1.0, 0.0, 0.0)), refresh_s=0.4)
    seen = [bool(watch.add(GREY, people(step * 0.2, Sighting(1, 0.5, 0.9))).gestures) for step in range(7)]
    assert seen == [True, False, True, False, True, False, True]
    assert (watch.looks, watch.hands) == (4, 4)


def test_models_that_fail_are_told_and_the_tracks_stay() -> None:
    finder = Finder((0.5, 0.5))
    watch = looks(finder, Reader((1.0, 0.0, 0.0)))
    finder.fault = ModelError("it broke")
    assert watch.add(GREY, ONE) is ONE
    assert watch.problem == "it broke"
    finder.fault = DeviceFull("too much")
    assert watch.add(GREY, people(1.0, Sighting(1, 0.5, 0.9))).gestures == ()
    assert watch.problem == "it broke", "load says nothing about the models"
    finder.fault = None
    assert watch.add(GREY, people(2.0, Sighting(1, 0.5, 0.9))).gestures[0].name == "help"
    assert watch.problem == ""


def test_somebody_who_breaks_the_models_keeps_nobody_else_from_being_looked_at() -> None:
    class Fragile(Finder):
        """Cannot read what is wider."""

        def detect(self, frame: Frame) -> Detections:
            if frame.size_wh[1] > 180:
                raise ModelError("this one breaks it")
            return super().detect(frame)

    watch = looks(Fragile((0.5, 0.5)), Reader((1.0, 0.0, 0.0)), most=1, refresh_s=0.4)
    seen: list[int] = []
    for step in range(8):
        tracks = watch.add(GREY, people(0.2 * step, Sighting(1, 0.2, 0.9, height=0.9), Sighting(2, 0.6, 0.9, height=0.3)))
        seen += [look.track_id for look in tracks.gestures]
        assert watch.problem == "this one breaks it"
    assert set(seen) == {2}
    assert len(seen) >= 3


def test_versions_that_were_chosen_meanwhile_are_taken_up() -> None:
    old, new = Reader((1.0, 0.0, 0.0)), Reader((0.0, 1.0, 0.0))
    finder = Finder((0.5, 0.5))
    watch = looks(finder, old)
    loaded: dict[str, Detector] = {"hands": finder, "sign_digits": old}
    assert not watch.is_outdated(loaded.get)
    loaded["sign_digits"] = new
    assert watch.is_outdated(loaded.get)
    watch.renew(loaded.get)
    assert watch.add(GREY, ONE).gestures[0].name == "ok"


def test_without_its_models_a_camera_says_so_and_runs() -> None:
    def missing(name: str) -> Detector:
        raise ModelNotFound(f"model {name!r} is not installed")

    wanted = CameraConfig.model_validate({"source": "sim://room", "gestures": {}})
    without = TrackLooks.of(wanted, missing, CLASSES, Finder)
    assert without.trouble == "nobody's signs are known (gestures): model 'hands' is not installed"
    assert (len(without), without.lacking) == (0, ("hands", "sign_digits"))
    swapped = TrackLooks.of(wanted, {"hands": Finder(), "sign_digits": Finder()}.__getitem__, CLASSES, Finder)
    assert "sign_digits finds things and does not say which sign a hand shows" in swapped.trouble


def test_signs_that_the_classifier_does_not_know_are_told() -> None:
    site = parse_site(
        """
cameras: {hall: {source: "sim://room", gestures: {}}}
rules: [{id: alarm, kind: gesture, signs: [help, thumb]}, {id: two, kind: gesture, sequence: [none, OK]}]
""",
        environ={},
    )
    found: dict[str, Detector] = {"hands": Finder(), "sign_digits": Reader()}
    problems = TrackLooks.of(site.cameras["hall"], found.__getitem__, CLASSES, Finder).rule_problems(site, "hall")
    assert [str(one) for one in problems] == [
        "rules.alarm.signs: the classifier 'sign_digits' of camera 'hall' knows no sign 'thumb'; it knows: help, ok",
        "rules.two.sequence: the classifier 'sign_digits' of camera 'hall' knows no sign 'none'; it knows: help, ok",
    ]


@pytest.fixture(scope="module")
def pool(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> DetectorPool:
    """The real models; skips the test where those for hands can neither be found nor fetched."""
    wheels = [Path(folder) for folder in os.environ.get("PANOPS_TEST_WHEELS", "").split(os.pathsep) if folder]
    store = ModelStore(tmp_path_factory.mktemp("models"), mirrors=[shared_data / "models", *wheels])
    try:
        store.add("hands")
    except PanopsError as error:
        pytest.skip(f"needs the model hands: {error}; or name a folder with its files in PANOPS_TEST_WHEELS")
    store.add("hand_points", allow_network=False)
    return DetectorPool(store, patient=True)


def pasted(file: Path, *, mirrored: bool = False) -> Frame:
    """A picture of a hand in a room, where somebody would hold it."""
    image = cv2.imread(str(file), cv2.IMREAD_COLOR_RGB)
    assert image is not None
    image = image[:, ::-1] if mirrored else image
    room = np.full((360, 640, 3), image[:5, :5].mean(axis=(0, 1)), np.uint8)
    room[100 : 100 + image.shape[0], 270 : 270 + image.shape[1]] = image
    return shown(room)


STANDING = replace(ONE, xyxy=np.array([[250, 80, 390, 350]], np.float32))


def signs_of(pool: DetectorPool, folder: Path, classifier: str, *, mirrored: bool = False, min_score: float = 0.85) -> list[str]:
    """What one look says of each of twelve pictures; empty where no hand is found, or no sign."""
    config = GesturesConfig.model_validate({"classifier": classifier, "min_score": min_score})
    found = []
    for file in sorted(folder.iterdir())[:12]:
        looks = GestureLooks(config, pool.part("hands"), pool.part(classifier), CLASSES)
        found.append(looks.add(pasted(file, mirrored=mirrored), STANDING).gestures[0].name)
    return found


def test_real_hands_by_their_pictures(pool: DetectorPool, shared_data: Path) -> None:
    for digit in "23456789":
        found = signs_of(pool, shared_data / "train" / "gestures" / "val" / digit, "sign_digits")
        assert found.count(digit) >= 6, (digit, found)
        assert set(found) <= {digit, ""}


def test_real_hands_by_their_points_right_and_left(pool: DetectorPool, shared_data: Path) -> None:
    for mirrored in (False, True):
        for digit, sign, least in (("0", "close", 5), ("1", "pointer", 5), ("5", "open", 11)):
            folder = shared_data / "train" / "gestures" / "train" / digit
            found = signs_of(pool, folder, "hand_points", mirrored=mirrored, min_score=0.6)
            assert found.count(sign) >= least, (digit, mirrored, found)


def test_a_classifier_is_no_detector_and_a_detector_no_classifier(pool: DetectorPool) -> None:
    with pytest.raises(ModelUnsupported, match="sign_digits says what pictures or hands show; a detector needs a model for detection"):
        pool.get("sign_digits")
    with pytest.raises(ModelUnsupported, match="hands finds things"):
        GestureLooks(GesturesConfig(classifier="hands"), pool.part("hands"), pool.part("hands"), CLASSES)
