"""Who is who in live pictures: from the votes on faces to the box beside the picture; not where pictures hide it, or somebody is gone."""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from test_face_looks import ADA, CLASSES, KNOWN, NAMES, NOTICE, Reader, Readers, looks, scene

from panops.config.schema import CameraConfig
from panops.domain.face_votes import FaceVerdict
from panops.domain.faces import KnownFaces, KnownPerson
from panops.pipeline.face_looks import FaceLooks
from panops.pipeline.live import LiveIdentity, Preview
from panops.pipeline.live_names import LiveNames
from panops.pipeline.previews import Previewer
from panops.pipeline.track_looks import TrackLooks
from panops.pipeline.wire import preview_from_wire, preview_to_wire

KNOWN_ADA = LiveIdentity(FaceVerdict.KNOWN, "p-1", "Ada")


class Camera:
    """As a camera's loop, for who asks it for names."""

    def __init__(self, reading: FaceLooks, **settings: object) -> None:
        self.config = CameraConfig.model_validate({"source": "sim://yard", "faces": NOTICE, **settings})
        self.faces = reading
        self.looks = TrackLooks([reading])


def names(camera: Camera) -> dict[int, LiveIdentity]:
    return dict(LiveNames({"gate": camera}).of("gate"))


def see(faces: FaceLooks, seconds: int, *people: tuple[int, float, int | None], from_s: int = 0) -> None:
    for step in range(seconds):
        faces.add(*scene(float(from_s + step), *people))


def test_nobody_is_named_before_the_votes_are_counted_and_who_shows_no_face_never() -> None:
    camera = Camera(looks(Reader()))
    people = (1, 0.2, 0), (2, 0.5, 3), (3, 0.8, None)
    see(camera.faces, 2, *people)
    assert names(camera) == {}
    see(camera.faces, 5, *people, from_s=2)
    assert names(camera) == {1: KNOWN_ADA, 2: LiveIdentity(FaceVerdict.UNKNOWN)}
    see(camera.faces, 1, people[1], from_s=7)
    assert names(camera) == {2: LiveIdentity(FaceVerdict.UNKNOWN)}
    assert dict(LiveNames({}).of("gate")) == {}


def test_a_picture_of_a_face_names_nobody() -> None:
    reader = Reader()
    reader.live = 0.1
    camera = Camera(looks(reader, live="required"))
    see(camera.faces, 5, (1, 0.5, 0))
    assert names(camera) == {1: LiveIdentity(FaceVerdict.SPOOF)}


def test_who_is_deleted_is_nobody_at_once_and_a_new_name_counts() -> None:
    camera = Camera(looks(Reader()))
    see(camera.faces, 5, (1, 0.5, 0))
    renamed = KnownPerson("p-1", "Ada Lovelace", ("staff",))
    camera.faces.faces_known(KnownFaces("fake", (renamed,), NAMES[:1].copy(), np.array([0]), np.zeros(1, np.bool_)))
    assert names(camera)[1].name == "Ada Lovelace"
    camera.faces.faces_known(KnownFaces("fake", (), np.zeros((0, 4), np.float32), np.zeros(0, np.int64), np.zeros(0, np.bool_)))
    assert names(camera) == {}
    camera.faces.faces_known(KNOWN)
    camera.faces.faces_known(None)
    assert names(camera) == {}, "nobody has told"


@pytest.mark.parametrize("privacy", [{"blur_faces": ["live"]}, {"mask_persons": ["live"]}])
def test_where_live_pictures_hide_faces_nobody_is_named(privacy: dict[str, list[str]]) -> None:
    faces = looks(Reader())
    see(faces, 5, (1, 0.5, 0))
    assert names(Camera(faces, privacy=privacy)) == {}
    assert names(Camera(faces, privacy={name: ["snapshots"] for name in privacy})) == {1: KNOWN_ADA}
    assert names(Camera(faces, faces=None)) == {}


def test_the_name_is_told_beside_the_picture_and_is_not_in_it() -> None:
    faces = looks(Reader())
    see(faces, 5, (1, 0.5, 0), (2, 0.2, None))
    frame, tracks = scene(5.0, (1, 0.5, 0), (2, 0.2, None))
    shown: dict[bool, Preview] = {}
    for named in (True, False):
        previewer = Previewer(
            lambda preview, named=named: bool(shown.setdefault(named, preview)),
            None,
            LiveNames({"gate": Camera(faces)}).of if named else None,
        )
        previewer.watch([("gate", "s", 5.0)])
        previewer.offer(frame, tracks, CLASSES)
    assert [box.who for box in shown[True].boxes] == [KNOWN_ADA, None]
    assert [box.who for box in shown[False].boxes] == [None, None]
    assert shown[True].jpeg == shown[False].jpeg
    assert cv2.imdecode(np.frombuffer(shown[True].jpeg, np.uint8), cv2.IMREAD_COLOR).shape == (240, 426, 3)
    message = preview_to_wire(shown[True])
    assert [box.who for box in preview_from_wire(message, b"").boxes] == [KNOWN_ADA, None]
    assert [len(row) for row in message["boxes"]] == [10, 7], "who is nobody costs nothing on the way"


def test_other_threads_may_ask_while_people_come_and_go() -> None:
    """What is read is replaced and never changed: a reader holds one version of it."""
    faces = FaceLooks(CameraConfig.model_validate({"source": "sim://yard", "faces": NOTICE}).faces, Readers(Reader()), CLASSES)  # type: ignore[arg-type]  # it has some
    faces.faces_known(KNOWN)
    see(faces, 5, (1, 0.5, 0))
    held = faces._decided
    kept = dict(held)
    see(faces, 5, (2, 0.5, 1), from_s=5)
    assert held == kept
    assert {track_id: opinion.name for track_id, opinion in faces.opinions().items()} == {2: "Bob"}
    assert ADA.name not in str(faces.opinions())
