"""People hidden in pictures: along their outline, as boxes where nobody knows it, and all of the picture where nobody is followed."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

from panops.config.schema import CameraConfig, PrivacyConfig
from panops.domain.class_map import ClassMap
from panops.domain.detections import Detections
from panops.domain.errors import ModelNotFound
from panops.domain.frame import ArrayPixels, Frame
from panops.domain.tracks import Tracks
from panops.pipeline.face_blur import FaceBlur
from panops.pipeline.hidden_parts import HiddenParts
from panops.pipeline.person_mask import FILL, PersonMask, people
from panops.testing.rule_conformance import Sighting, make_tracks

CLASSES = ("person", "car")


class Outlines:
    """Sees a person in the middle half of whatever it is shown."""

    def __init__(self, width: float = 0.5) -> None:
        self.width = width
        self.shown: list[tuple[int, int]] = []
        self.error: ModelNotFound | None = None
        self.names = ("background", "person")

    def classes(self, model: str) -> tuple[str, ...]:
        if self.error is not None:
            raise self.error
        return self.names

    def look(self, model: str, frame: Frame) -> tuple[tuple[str, ...], ClassMap]:
        names = self.classes(model)
        self.shown.append(frame.size_wh)
        ids = np.zeros((40, 40), np.uint8)
        ids[:, round(20 - 20 * self.width) : round(20 + 20 * self.width)] = 1
        return names, ClassMap(ids, frame.size_wh)


def noise() -> NDArray[np.uint8]:
    return np.random.default_rng(2).integers(150, 256, (360, 640, 3), np.uint8)


def shown(image: NDArray[np.uint8], camera_id: str = "gate") -> Frame:
    return Frame(camera_id, 0, 0.0, 0.0, ArrayPixels(image))


def filled(image: NDArray[np.uint8]) -> NDArray[np.bool_]:
    return np.asarray((image == FILL).all(axis=2))


def somebody(*sightings: Sighting) -> Tracks:
    return make_tracks(0.0, sightings or (Sighting(1, 0.5, 0.8, height=0.4),))


def masked(outlines: Outlines, tracks: Tracks, model: str = "selfie", image: NDArray[np.uint8] | None = None) -> NDArray[np.bool_]:
    image = noise() if image is None else image
    out = cv2.resize(image, (image.shape[1], image.shape[0])).copy()
    PersonMask(outlines).fill(out, shown(image), tracks, CLASSES, model)
    hidden = filled(out)
    assert (out[~hidden] == image[~hidden]).all(), "nothing else is touched"
    return hidden


def test_the_outline_is_filled_with_one_colour_and_some_room() -> None:
    hidden = masked(Outlines(), somebody())
    left, top, right, bottom = somebody().xyxy[0]
    rows, columns = np.flatnonzero(hidden.any(axis=1)), np.flatnonzero(hidden.any(axis=0))
    assert rows[0] < top  # what was shown has room around the box
    assert rows[-1] > bottom
    reach = 0.05 * (bottom - top)
    wide = (right - left) + 2 * 0.25 * (bottom - top)
    assert len(columns) == pytest.approx(0.5 * wide + 2 * reach, abs=6)


def test_a_smaller_picture_is_filled_in_the_same_place() -> None:
    image, tracks = noise(), somebody()
    small = np.ascontiguousarray(image[::2, ::2])
    PersonMask(Outlines()).fill(small, shown(image), tracks, CLASSES, "selfie")
    large = masked(Outlines(), tracks, image=image)
    assert (filled(small) == large[::2, ::2]).mean() > 0.99


@pytest.mark.parametrize(
    ("outlines", "model"), [(Outlines(), ""), (Outlines(0.05), "selfie")], ids=["none wanted", "an outline that is none"]
)
def test_where_no_outline_is_known_the_box_is_filled(outlines: Outlines, model: str) -> None:
    hidden = masked(outlines, somebody(), model)
    left, top, right, bottom = somebody().xyxy[0].round().astype(int)
    assert hidden[top:bottom, left:right].all()
    assert hidden.sum() < 2.2 * (bottom - top) * (right - left)


def test_a_model_that_is_missing_or_knows_nobody_fills_boxes_and_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    outlines = Outlines()
    outlines.error = ModelNotFound("model 'selfie' is not installed")
    mask, tracks, image = PersonMask(outlines), somebody(), noise()
    for _ in range(3):
        mask.fill(image, shown(noise()), tracks, CLASSES, "selfie")
    left, top, right, bottom = tracks.xyxy[0].round().astype(int)
    assert filled(image)[top:bottom, left:right].all()
    assert mask.trouble("selfie") == "model 'selfie' is not installed"
    assert len(caplog.records) == 1
    outlines.error, outlines.names = None, ("background", "bird")
    assert mask.trouble("selfie") == "selfie knows no class 'person'"
    outlines.names = ("background", "person")
    assert mask.trouble("selfie") == "", "the model was added meanwhile"


def test_only_people_are_hidden_and_those_at_the_edge_too() -> None:
    car, cut, gone = Sighting(2, 0.2, 0.9, class_id=1), Sighting(3, 0.0, 0.5, height=0.5), Sighting(4, 1.5, 0.9)
    hidden = masked(Outlines(1.0), somebody(car, cut, gone))
    assert hidden[60:180, :20].all()
    assert not hidden[:, 100:].any()
    assert people(somebody(car, cut), ("moving",)).tolist() == [0, 1]
    assert people(somebody(car, cut), ()).tolist() == []


def test_in_a_crowd_the_smaller_ones_are_boxes() -> None:
    outlines = Outlines()
    crowd = [Sighting(number, 0.05 + 0.075 * number, 0.9, height=0.2 + 0.01 * number) for number in range(12)]
    hidden = masked(outlines, somebody(*crowd))
    assert len(outlines.shown) == 8
    assert hidden[int(somebody(*crowd).xyxy[0, 1]) + 2, int(somebody(*crowd).xyxy[0, :3:2].mean())]


# --- on a camera -----------------------------------------------------------------------------------------------------------------


class Finder:
    """Sees a face in the left upper corner."""

    classes = ("face",)

    def detect(self, frame: Frame) -> Detections:
        return Detections(np.array([[0, 0, 60, 60]], np.float32), np.array([0.9], np.float32), np.zeros(1, np.int64))

    def forget(self, camera_id: str) -> None:
        """It keeps nothing."""


class Camera:
    def __init__(self, *, detects: bool = True, classes: tuple[str, ...] = CLASSES, **privacy: Any) -> None:
        self.config = CameraConfig.model_validate({"source": "x.mp4", "privacy": privacy})
        self.detects = detects
        self.is_blind = False
        self.followed_names: frozenset[str] | None = None
        self.classes = classes


def hidden_parts(camera: Camera, outlines: Outlines | None = None) -> HiddenParts:
    cameras = {"gate": camera}
    return HiddenParts(FaceBlur(lambda _name: Finder(), cameras), PersonMask(outlines or Outlines()), cameras)


def is_hidden(image: NDArray[np.uint8]) -> bool:
    """Whether all of a picture is a few blocks."""
    return len(np.unique(image.reshape(-1, 3), axis=0)) <= 25 * 25


def test_people_and_faces_are_hidden_where_the_camera_asks_for_it() -> None:
    image, tracks = noise(), somebody()
    for privacy, faces, whole in (
        ({}, False, False),
        ({"mask_persons": ["live"]}, False, True),
        ({"mask_persons": ["snapshots"], "blur_faces": ["live"]}, True, False),
        ({"mask_persons": ["live"], "blur_faces": ["live"]}, True, True),
    ):
        live = hidden_parts(Camera(**privacy)).paint(shown(image), tracks, CLASSES, (640, 360))
        assert filled(live).any() == whole
        assert (live[:50, :50] != image[:50, :50]).any() == faces
    snapshot = hidden_parts(Camera()).snapshot(shown(image), tracks, CLASSES, PrivacyConfig(mask_persons=["snapshots"]))
    assert filled(snapshot).any()


def test_where_nobody_can_be_followed_all_of_it_is_hidden() -> None:
    image = noise()
    asleep = Camera(detects=False, mask_persons=["live"])
    assert is_hidden(hidden_parts(asleep).paint(shown(image), somebody(), CLASSES, (320, 180)))
    assert is_hidden(hidden_parts(Camera(mask_persons=["live"])).paint(shown(image), None, CLASSES, (320, 180)))
    cars = Camera(mask_persons=["live"])
    cars.followed_names = frozenset(["car"])
    assert is_hidden(hidden_parts(cars).paint(shown(image), Tracks.empty("gate", 0.0), CLASSES, (320, 180)))
    birds = Camera(classes=("bird",), mask_persons=["live"])
    assert is_hidden(hidden_parts(birds).paint(shown(image), Tracks.empty("gate", 0.0), ("bird",), (320, 180)))
    assert (
        hidden_parts(birds).trouble(birds.config.privacy, ("bird",)).startswith("whole pictures are blurred, for the model knows no class")
    )
    assert hidden_parts(birds).trouble(birds.config.privacy, CLASSES) == ""


@pytest.mark.parametrize(("age_s", "hidden"), [(0.0, False), (0.9, False), (1.1, True), (60.0, True), (-0.1, True)])
def test_where_people_were_is_believed_for_a_second(age_s: float, hidden: bool) -> None:
    tracks = make_tracks(100.0, (Sighting(1, 0.5, 0.8, height=0.4),))
    frame = Frame("gate", 0, 0.0, 100.0 + age_s, ArrayPixels(noise()))
    parts = hidden_parts(Camera(mask_persons=["live"]))
    assert is_hidden(parts.paint(frame, tracks, CLASSES, (640, 360))) == hidden
    assert is_hidden(parts.snapshot(frame, tracks, CLASSES, PrivacyConfig(mask_persons=["snapshots"]))) == hidden


def test_while_the_detector_fails_all_of_it_is_hidden() -> None:
    image, asks = noise(), PrivacyConfig(mask_persons=["snapshots"])
    camera = Camera(mask_persons=["live"])
    camera.is_blind = True
    assert is_hidden(hidden_parts(camera).paint(shown(image), somebody(), CLASSES, (320, 180)))
    assert is_hidden(hidden_parts(camera).snapshot(shown(image), None, CLASSES, asks))
    assert (hidden_parts(Camera(blur_faces=["live"])).paint(shown(image), None, CLASSES, (640, 360))[100:] == image[100:]).all()


def test_of_a_camera_that_was_just_removed_nothing_is_shown() -> None:
    parts = hidden_parts(Camera())
    assert is_hidden(parts.paint(shown(noise(), "removed"), somebody(), CLASSES, (320, 180)))
    assert is_hidden(FaceBlur(lambda _name: Finder()).paint(shown(noise(), "removed"), None, CLASSES, (320, 180)))


def test_of_how_it_was_before_nothing_is_shown() -> None:
    _, data = cv2.imencode(".png", noise())
    parts, asks = hidden_parts(Camera()), PrivacyConfig(mask_persons=["snapshots"])
    before = cv2.imdecode(np.frombuffer(parts.before(data.tobytes(), asks, 95), np.uint8), cv2.IMREAD_COLOR)
    assert np.abs(np.diff(before.astype(int), axis=1)).mean() < 3
    assert parts.before(b"no picture", asks, 95) == b""
    assert parts.before(data.tobytes(), PrivacyConfig(), 95) == data.tobytes()


def test_what_is_hidden_where() -> None:
    privacy = PrivacyConfig(mask_persons=["live", "live"], blur_faces=["exports"])
    assert privacy.mask_persons == ["live"]
    assert [privacy.hides(where) for where in ("live", "snapshots", "exports")] == [True, False, True]  # type: ignore[arg-type]
    with pytest.raises(ValidationError):
        PrivacyConfig.model_validate({"mask_persons": ["exports"]})
