"""Faces on a camera: who is looked at when, whose face it is, how rare looks become, and what a reader that fails costs."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from panops.config.schema import CameraConfig, FacesConfig, SiteConfig
from panops.domain.clock import SystemClock
from panops.domain.detections import Detections
from panops.domain.errors import DeviceFull, ModelError, ModelNotFound
from panops.domain.events import Event, EventPhase
from panops.domain.face_votes import FaceVerdict
from panops.domain.faces import FaceFault, KnownFaces, KnownPerson, SeenFaces
from panops.domain.frame import ArrayPixels, Frame
from panops.domain.protocols import Detector
from panops.domain.tracks import Tracks
from panops.pipeline.analyst import Analyst
from panops.pipeline.camera_loop import CameraLoop
from panops.pipeline.face_looks import FaceLooks, PartReader, clearness, upper_body
from panops.pipeline.face_models import FaceModels
from panops.pipeline.known_people import KnownHere, known_to_wire
from panops.pipeline.track_looks import TrackLooks
from panops.rules.build import build_rules
from panops.rules.engine import RuleEngine
from panops.testing.rule_conformance import Sighting, make_tracks
from panops.tracking.tracker import BatchTracker

CLASSES = ("person", "car")
NOTICE = {"notice": "sign at the gate"}
ADA, BOB = KnownPerson("p-1", "Ada", ("staff",)), KnownPerson("p-2", "Bob", ("watch",))
NAMES = np.eye(4, dtype=np.float32)
KNOWN = KnownFaces("fake", (ADA, BOB), NAMES[:2].copy(), np.array([0, 1]), np.zeros(2, np.bool_))


def face_of(index: int) -> NDArray[np.uint8]:
    """The colour of a face: the reader takes it for the embedding with that index."""
    return np.array([250, 60 * index, 10], np.uint8)


class Reader:
    """Sees every patch of red as a face; its green says whose."""

    name = "fake"
    dimensions = 4
    threshold = 0.5

    def __init__(self) -> None:
        self.shown: list[tuple[int, int]] = []
        self.error: Exception | None = None
        self.fault: FaceFault | None = None
        self.quality = 0.8
        self.live = np.nan

    def read(self, frame: Frame) -> SeenFaces:
        return self.read_part(frame, (0, 0, *frame.size_wh))

    def read_part(self, frame: Frame, part: tuple[int, int, int, int]) -> SeenFaces:
        if self.error is not None:
            raise self.error
        image = frame.pixels.rgb(None, part)
        self.shown.append((image.shape[1], image.shape[0]))
        red = image[:, :, 0] > 240
        greens = sorted({int(green) for green in image[red][:, 1]}) if red.any() else []
        boxes, embeddings = [], []
        for green in greens:
            rows, columns = np.nonzero(red & (image[:, :, 1] == green))
            boxes.append([columns.min() + part[0], rows.min() + part[1], columns.max() + 1 + part[0], rows.max() + 1 + part[1]])
            embeddings.append(NAMES[green // 60])
        count = len(boxes)
        return SeenFaces(
            np.array(boxes, np.float32).reshape(count, 4),
            np.full(count, 0.9, np.float32),
            np.zeros((count, 5, 2), np.float32),
            np.full(count, self.quality, np.float32),
            (self.fault,) * count,
            np.array(embeddings, np.float32).reshape(count, 4),
            np.full(count, self.live, np.float32),
        )


class Readers:
    """Gives one reader, until somebody decides otherwise."""

    def __init__(self, reader: PartReader) -> None:
        self.reader: PartReader | None = reader
        self.works_again = False

    def get(self, config: FacesConfig) -> PartReader:
        if self.reader is None or config.embedding == "missing":
            raise ModelNotFound(f"model {config.embedding!r} is not installed")
        return self.reader

    def may_work(self, config: FacesConfig) -> bool:
        del config
        return self.works_again


def told(looks: TrackLooks) -> None:
    """As the supervisor tells a shard."""
    here = KnownHere({})
    here.take({"galleries": [known_to_wire(KNOWN)]})
    here.tell(looks)


def looks(reader: PartReader, known: KnownFaces | None = KNOWN, **settings: object) -> FaceLooks:
    made = FaceLooks(FacesConfig.model_validate({**NOTICE, **settings}), Readers(reader), CLASSES)
    made.faces_known(known)
    return made


def scene(time_s: float, *people: tuple[int, float, int | None]) -> tuple[Frame, Tracks]:
    """People: track, where they stand, and whose face they show, None for the back of a head."""
    image = np.full((360, 640, 3), 90, np.uint8)
    tracks = make_tracks(time_s, [Sighting(track_id, x, 0.9, height=0.6) for track_id, x, _ in people])
    for (_, _, whose), box in zip(people, tracks.xyxy.tolist(), strict=True):
        if whose is not None:
            middle, top = int((box[0] + box[2]) / 2), int(box[1])
            image[top + 8 : top + 40, middle - 14 : middle + 14] = face_of(whose)
    return Frame("gate", 0, time_s, time_s, ArrayPixels(image)), tracks


def names(tracks: Tracks) -> list[tuple[int, str]]:
    return [(look.track_id, look.name) for look in tracks.faces]


def test_each_face_goes_to_the_person_who_shows_it() -> None:
    reader = Reader()
    tracks = looks(reader).add(*scene(0.0, (1, 0.2, 1), (2, 0.5, 0)))
    assert names(tracks) == [(1, "Bob"), (2, "Ada")]
    ada = tracks.faces[1]
    assert (ada.person_id, ada.lists, ada.similarity, ada.live) == ("p-1", ("staff",), 1.0, None)
    assert ada.quality == pytest.approx(0.8)
    assert ada.clear == 1.0
    assert all(width * height < 640 * 360 / 6 for width, height in reader.shown), "only the upper bodies are read"


def test_a_face_that_may_be_somebody_elses_is_nobodys() -> None:
    frame, tracks = scene(0.0, (1, 0.5, 0))
    assert names(looks(Reader()).add(frame, tracks)) == [(1, "Ada")]
    _, two = scene(0.0, (1, 0.5, 0), (2, 0.52, None))
    assert names(looks(Reader()).add(frame, two)) == []


def test_of_two_faces_in_the_part_the_nearer_one_counts() -> None:
    frame, tracks = scene(0.0, (1, 0.5, 0))
    image = frame.image
    image[250:270, 330:350] = face_of(1)  # on a shirt, say
    assert names(looks(Reader()).add(Frame("gate", 0, 0.0, 0.0, ArrayPixels(image)), tracks)) == [(1, "Ada")]


def test_who_resembles_nobody_is_told_as_such() -> None:
    (look,) = looks(Reader()).add(*scene(0.0, (1, 0.5, 3))).faces
    assert (look.person_id, look.name, look.similarity, look.clear) == ("", "", 0.0, 1.0)


def test_a_known_nobody_is_no_gallery_that_has_not_come() -> None:
    reader = Reader()
    frame, tracks = scene(0.0, (1, 0.5, 0))
    assert looks(reader, None).add(frame, tracks) is tracks
    assert reader.shown == []
    nobody = KnownFaces("fake", (), np.zeros((0, 4), np.float32), np.zeros(0, np.int64), np.zeros(0, np.bool_))
    (look,) = looks(reader, nobody).add(frame, tracks).faces
    assert (look.person_id, look.similarity) == ("", -1.0)


def test_known_faces_of_another_model_are_not_compared() -> None:
    other = KnownFaces("other@2", (ADA,), NAMES[:1].copy(), np.array([0]), np.zeros(1, np.bool_))
    made = looks(Reader(), other)
    frame, tracks = scene(0.0, (1, 0.5, 0))
    assert made.add(frame, tracks) is tracks
    assert made.problem == "the known faces were read by other@2, and the camera reads faces by fake"
    made.faces_known(KNOWN)
    assert made.problem == ""
    assert names(made.add(frame, tracks)) == [(1, "Ada")]


@pytest.mark.parametrize("fault", list(FaceFault))
def test_a_face_with_a_fault_says_nothing(fault: FaceFault) -> None:
    reader = Reader()
    reader.fault = fault
    assert looks(reader).add(*scene(0.0, (1, 0.5, 3))).faces == ()


def test_a_picture_of_a_face_is_nobodys_and_says_so() -> None:
    reader = Reader()
    made = looks(reader, live="required")
    reader.live = 0.1
    (look,) = made.add(*scene(0.0, (1, 0.5, 0))).faces
    assert look.is_spoof
    assert (look.person_id, look.name, look.similarity) == ("", "", -1.0)
    assert look.clear == pytest.approx(0.8)
    reader.live = 0.9
    (look,) = made.add(*scene(2.0, (1, 0.5, 0))).faces
    assert (look.name, look.is_spoof) == ("Ada", False)
    reader.live = np.nan
    assert made.add(*scene(4.0, (1, 0.5, 0))).faces == (), "nobody could say whether it lives"


def test_looks_become_rare_once_they_agree_and_frequent_when_one_contradicts() -> None:
    reader = Reader()
    made = looks(reader, refresh_s=1.0, settled_s=20.0)
    for step in range(300):
        made.add(*scene(step * 0.2, (1, 0.5, 0)))
    assert len(reader.shown) == 3 + 3  # three to be sure, then every 15 to 20 s
    assert made.opinions()[1].name == "Ada"
    before = len(reader.shown)
    for step in range(300, 700):
        made.add(*scene(step * 0.2, (1, 0.5, 1)))
    assert made.opinions()[1].name == "Bob"
    assert len(reader.shown) - before < 16


def test_backs_of_heads_are_looked_at_less_often_and_a_face_at_once_again() -> None:
    reader = Reader()
    made = looks(reader, refresh_s=1.0)
    for step in range(150):
        made.add(*scene(step * 0.2, (1, 0.5, None)))
    assert 9 <= len(reader.shown) <= 14
    assert made.opinions() == {}


def test_at_most_so_many_at_once() -> None:
    reader = Reader()
    made = looks(reader, most=2)
    crowd = [(number, 0.1 + 0.2 * number, 0) for number in range(4)]
    made.add(*scene(0.0, *crowd))
    assert len(reader.shown) == 2
    made.add(*scene(0.2, *crowd))
    assert len(reader.shown) == 4


def test_who_is_gone_is_forgotten() -> None:
    made = looks(Reader())
    for step in range(6):
        made.add(*scene(float(step), (1, 0.5, 0)))
    assert made.opinions()[1].verdict is FaceVerdict.KNOWN
    made.add(*scene(7.0, (2, 0.3, None)))
    assert made.opinions() == {}


def test_a_reader_that_fails_is_told_and_the_tracks_stay() -> None:
    reader = Reader()
    made = looks(reader)
    frame, tracks = scene(0.0, (1, 0.5, 0))
    reader.error = ModelError("it broke")
    assert made.add(frame, tracks) is tracks
    assert made.problem == "it broke"
    reader.error = DeviceFull("too much")
    frame, tracks = scene(1.0, (1, 0.5, 0))
    assert made.add(frame, tracks) is tracks
    assert made.problem == "it broke", "load says nothing about the models"
    reader.error = None
    assert names(made.add(frame, tracks)) == [(1, "Ada")]
    assert made.problem == ""


def test_a_face_that_breaks_the_model_keeps_nobody_else_from_being_looked_at(caplog: pytest.LogCaptureFixture) -> None:
    class Fragile(Reader):
        """Cannot read what lies on the left."""

        def read_part(self, frame: Frame, part: tuple[int, int, int, int]) -> SeenFaces:
            if part[0] < 200:
                raise ModelError("this face breaks it")
            return super().read_part(frame, part)

    made = looks(Fragile(), most=1)
    seen = []
    for step in range(8):
        seen += names(made.add(*scene(0.5 * step, (1, 0.2, 1), (2, 0.5, 0))))
        assert made.problem == "this face breaks it"
    assert set(seen) == {(2, "Ada")}
    assert len(seen) >= 3
    assert len(caplog.records) == 1, "it is said once, not at every look"
    made.add(*scene(60.0, (2, 0.5, 0)))
    assert made.problem == "", "who broke it is gone"


def test_a_camera_has_faces_only_where_it_asks_for_them() -> None:
    def no_detector(name: str) -> Detector:
        raise ModelNotFound(f"model {name!r} is not installed")

    plain = CameraConfig.model_validate({"source": "sim://yard"})
    assert len(TrackLooks.of(plain, no_detector, CLASSES, Finder, Readers(Reader()))) == 0
    wanted = CameraConfig.model_validate({"source": "sim://yard", "faces": NOTICE})
    made = TrackLooks.of(wanted, no_detector, CLASSES, Finder, Readers(Reader()))
    told(made)
    tracks, _ = made.add(*scene(0.0, (1, 0.5, 0)), lambda _stage, began_s: began_s, 0.0)
    assert names(tracks) == [(1, "Ada")]
    assert (made.opinions(), made.may_work_now) == ({}, False)


def test_without_a_model_a_camera_says_so_and_is_tried_again_once_somebody_decides() -> None:
    lacks = CameraConfig.model_validate({"source": "sim://yard", "faces": {**NOTICE, "embedding": "missing"}})
    readers = Readers(Reader())
    without = TrackLooks.of(lacks, lambda _name: Finder(), CLASSES, Finder, readers)
    assert without.trouble == "nobody's face is compared (faces): model 'missing' is not installed"
    assert (len(without), without.lacking, without.may_work_now) == (0, (), False)
    readers.works_again = True
    assert without.may_work_now


def test_newer_models_are_taken_up_and_known_faces_of_older_ones_are_not_compared() -> None:
    readers = Readers(Reader())
    made = FaceLooks(FacesConfig.model_validate(NOTICE), readers, CLASSES)
    made.faces_known(KNOWN)
    assert (made.face_model, made.is_outdated(lambda _name: None)) == ("fake", False)
    newer = Reader()
    newer.name = "fake@2"
    readers.reader = newer
    assert made.is_outdated(lambda _name: None)
    readers.reader = None
    made.renew(lambda _name: None)  # between two rounds, which do not wait for models: it asks nobody
    readers.reader = newer
    assert (made.face_model, made.is_outdated(lambda _name: None)) == ("fake@2", False)
    assert made.problem == "the known faces were read by fake, and the camera reads faces by fake@2"
    readers.reader = None
    assert not made.is_outdated(lambda _name: None), "what cannot be opened takes nobody's place"
    made.renew(lambda _name: None)
    assert made.face_model == "fake@2"


class Store:
    """Says what somebody decided about models."""

    def __init__(self) -> None:
        self.decided = 0

    def stamp(self, name: str) -> tuple[int, int, int]:
        del name
        return (self.decided, 0, 0)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Reader | Exception]:
    """What is opened next, the last one again and again."""
    coming: list[Reader | Exception] = [Reader()]

    def opener(*_given: object, **_named: object) -> Reader:
        if isinstance(coming[-1], Exception):
            raise coming[-1]
        return coming[-1]

    monkeypatch.setattr("panops.pipeline.face_models.open_face_reader", opener)
    return coming


def test_every_camera_of_a_shard_takes_up_a_newer_model(opened: list[Reader | Exception]) -> None:
    store = Store()
    models = FaceModels(store)  # type: ignore[arg-type]  # of a store it asks for stamps only
    cameras = [FaceLooks(FacesConfig.model_validate(NOTICE), models, CLASSES) for _ in range(3)]
    assert not any(camera.is_outdated(lambda _name: None) for camera in cameras)
    newer = Reader()
    newer.name = "fake@2"
    opened.append(newer)
    store.decided += 1
    for camera in cameras:
        assert camera.is_outdated(lambda _name: None)
        camera.renew(lambda _name: None)
    assert {camera.face_model for camera in cameras} == {"fake@2"}
    opened.append(ModelNotFound("it is gone"))
    store.decided += 1
    assert not any(camera.is_outdated(lambda _name: None) for camera in cameras)


def test_every_camera_without_a_reader_is_tried_again_once_one_works(opened: list[Reader | Exception]) -> None:
    opened.append(ModelNotFound("it is not installed"))
    store = Store()
    models = FaceModels(store)  # type: ignore[arg-type]  # of a store it asks for stamps only
    wanted = CameraConfig.model_validate({"source": "sim://yard", "faces": NOTICE})
    first, second = (TrackLooks.of(wanted, lambda _name: Finder(), CLASSES, Finder, models) for _ in range(2))
    assert (first.may_work_now, second.may_work_now) == (False, False)
    opened.append(Reader())
    store.decided += 1
    assert first.may_work_now
    assert len(TrackLooks.of(wanted, lambda _name: Finder(), CLASSES, Finder, models)) == 1
    assert second.may_work_now, "the first camera's new try is no answer for the second"


def test_cameras_that_ask_at_once_have_one_reader_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    count = 0

    def slowly(*_given: object, **_named: object) -> Reader:
        nonlocal count
        count += 1
        time.sleep(0.1)
        return Reader()

    monkeypatch.setattr("panops.pipeline.face_models.open_face_reader", slowly)
    models = FaceModels(Store())  # type: ignore[arg-type]  # of a store it asks for stamps only
    with ThreadPoolExecutor(4) as threads:
        readers = list(threads.map(models.get, [FacesConfig.model_validate(NOTICE)] * 4))
    assert (count, len({id(reader) for reader in readers})) == (1, 1)


def test_the_upper_body_is_a_part_of_the_box() -> None:
    assert upper_body((10, 20, 50, 120)) == (10, 20, 50, 68)
    assert upper_body((10, 20, 90, 120)) == (10, 20, 90, 116)
    assert upper_body((10, 20, 200, 120)) == (10, 20, 200, 120)


@pytest.mark.parametrize(("similarity", "threshold", "clear"), [(0.5, 0.5, 0.0), (0.55, 0.5, 0.5), (0.4, 0.5, 1.0), (0.93, 0.92, 0.625)])
def test_how_clear_an_answer_is(similarity: float, threshold: float, clear: float) -> None:
    assert clearness(similarity, threshold) == pytest.approx(clear)


def test_settings_are_refused_that_tell_nobody() -> None:
    with pytest.raises(ValueError, match="expected a few words on how people are told"):
        FacesConfig.model_validate({"notice": " sign "})
    with pytest.raises(ValueError, match=r"expected settled_s of at least refresh_s \(9\), got 3"):
        FacesConfig.model_validate({**NOTICE, "refresh_s": 9, "settled_s": 3})


def test_a_threshold_of_ones_own_takes_the_models_place() -> None:
    (look,) = looks(Reader(), threshold=0.99).add(*scene(0.0, (1, 0.5, 0))).faces
    assert (look.name, look.clear) == ("Ada", 1.0)
    half = KnownFaces("fake", (ADA,), (NAMES[:1] * 0.6).copy(), np.array([0]), np.zeros(1, np.bool_))
    assert [one.name for one in looks(Reader(), half).add(*scene(0.0, (1, 0.5, 0))).faces] == ["Ada"]
    assert [one.name for one in looks(Reader(), half, threshold=0.7).add(*scene(0.0, (1, 0.5, 0))).faces] == [""]
    assert replace(look, live=0.49).is_spoof


class Finder:
    """Sees a person wherever there is a face, whose box is that of the scene."""

    classes = CLASSES

    def __init__(self) -> None:
        self.box = np.zeros((0, 4), np.float32)

    def detect(self, frame: Frame) -> Detections:
        del frame
        count = len(self.box)
        return Detections(self.box.copy(), np.full(count, 0.9, np.float32), np.zeros(count, np.int64))

    def forget(self, camera_id: str) -> None:
        """It keeps nothing."""


def test_from_a_cameras_pictures_to_an_event_with_a_name() -> None:
    config = CameraConfig.model_validate({"source": "x.mp4", "motion": {"enabled": False}, "faces": NOTICE})
    rules = [
        {"id": "watch", "kind": "identity", "who": "listed", "lists": ["watch"]},
        {"id": "guest", "kind": "identity", "who": "unknown"},
    ]
    site = SiteConfig.model_validate({"cameras": {"gate": {"source": "x.mp4", "faces": NOTICE}}, "rules": rules})
    finder = Finder()

    def make_rules(size_wh: tuple[int, int], first: int) -> RuleEngine:
        return RuleEngine("gate", build_rules(site, "gate", CLASSES, size_wh, None, wall_clock=False), 1, first)

    loop = CameraLoop("gate", config, finder, make_rules, np.array([True, False]), SystemClock())
    loop.looks = TrackLooks.of(config, lambda _name: finder, CLASSES, Finder, Readers(Reader()))
    told(loop.looks)
    analyst = Analyst(BatchTracker(), {"gate": loop})
    analyst.begin(loop)
    events: dict[str, list[Event]] = {}
    for number in range(100):
        frame, tracks = scene(number / 5, (1, 0.3 + number / 400, 1), (2, 0.8, 0)) if number < 80 else scene(number / 5)
        finder.box = tracks.xyxy
        check = loop.consider(Frame("gate", number, number / 5, number / 5, frame.pixels))
        for outcome in analyst.round([check] if check is not None else []):
            for event in outcome.events:
                events.setdefault(event.rule_id, []).append(event)
    assert set(events) == {"watch"}
    begin, end = events["watch"][0], events["watch"][-1]
    assert (begin.incident.kind, begin.phase, end.phase) == ("identity", EventPhase.BEGIN, EventPhase.END)
    assert begin.incident.details["name"] == "Bob"
    assert begin.incident.details["lists"] == "watch"
    assert 1.5 < begin.incident.updated_at_s < 4.0
    assert loop.looks.problem == ""
