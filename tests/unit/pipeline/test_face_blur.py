"""Faces made unknown: what is left of them, where they are looked for, and what happens when nobody can look."""

from __future__ import annotations

from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from panops.config.schema import CameraConfig, PrivacyConfig
from panops.domain.detections import Detections
from panops.domain.errors import ModelError, ModelNotFound, SourceCorrupt
from panops.domain.frame import ArrayPixels, Frame
from panops.domain.protocols import Detector
from panops.models.mirrors import MIRROR_VARIABLE
from panops.models.store import ModelStore
from panops.pipeline.blurred_film import blur_film
from panops.pipeline.detectors import DetectorPool
from panops.pipeline.face_blur import BLOCKS, FaceBlur, head_of, pixelate
from panops.pipeline.previews import Previewer
from panops.testing.rule_conformance import Sighting, make_tracks

ASKS = PrivacyConfig(blur_faces=["live"])


def noise(seed: int = 1, size: tuple[int, int] = (360, 640)) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8)


def shown(image: NDArray[np.uint8], time_s: float = 0.0, camera_id: str = "gate") -> Frame:
    return Frame(camera_id, 0, time_s, time_s, ArrayPixels(image))


class Finder:
    """Finds what it is told."""

    classes = ("face",)

    def __init__(self, *boxes: tuple[int, int, int, int]) -> None:
        self.boxes = list(boxes)
        self.error: Exception | None = None

    def detect(self, frame: Frame) -> Detections:
        del frame
        if self.error is not None:
            raise self.error
        count = len(self.boxes)
        return Detections(np.array(self.boxes, np.float32).reshape(count, 4), np.full(count, 0.9, np.float32), np.zeros(count, np.int64))

    def forget(self, camera_id: str) -> None:
        """It keeps nothing."""


def colours(part: NDArray[np.uint8]) -> int:
    return len(np.unique(part.reshape(-1, 3), axis=0))


@given(st.integers(0, 300), st.integers(0, 300), st.integers(4, 200), st.integers(4, 200))
def test_of_a_face_a_few_means_are_left_and_the_rest_is_as_it_was(left: int, top: int, width: int, height: int) -> None:
    image = noise()
    before = image.copy()
    pixelate(image, np.array([[left, top, left + width, top + height]], np.float32), room=0.0)
    right, bottom = min(640, left + width), min(360, top + height)
    inner = image[top + 2 : bottom - 2, left + 2 : right - 2]
    assert colours(image[top:bottom, left:right]) <= (BLOCKS + 1) ** 2 or min(inner.shape[:2], default=0) < BLOCKS
    image[max(0, top - 2) : bottom + 2, max(0, left - 2) : right + 2] = before[max(0, top - 2) : bottom + 2, max(0, left - 2) : right + 2]
    assert (image == before).all()


def test_nothing_brings_a_face_back() -> None:
    """Two faces with the same means in the blocks are the same afterwards, however different they were."""
    first, second = noise(1, (120, 120)), np.zeros((120, 120, 3), np.uint8)
    for row in range(0, 120, 20):
        for column in range(0, 120, 20):
            block = first[row : row + 20, column : column + 20]
            second[row : row + 20, column : column + 20] = np.rint(block.reshape(-1, 3).mean(axis=0))
    assert np.abs(first.astype(int) - second).mean() > 40
    for image in (first, second):
        pixelate(image, np.array([[0, 0, 120, 120]], np.float32), room=0.0)
    assert np.abs(first.astype(int) - second).max() <= 1


def test_faces_and_the_heads_of_people_are_blurred_and_nothing_else() -> None:
    image = noise()
    blur = FaceBlur(lambda _name: Finder((500, 40, 540, 90)))
    tracks = make_tracks(0.0, [Sighting(1, 0.2, 0.9, height=0.6), Sighting(2, 0.6, 0.9, class_id=1)])
    out = blur.picture(shown(image), "yunet", tracks=tracks, classes=("person", "car"))
    assert colours(out[45:85, 505:535]) <= 49
    left, top, right, bottom = (int(edge) for edge in head_of(tuple(tracks.xyxy[0].tolist())))
    assert colours(out[top + 2 : bottom - 2, left + 2 : right - 2]) <= 49
    car = [int(edge) for edge in tracks.xyxy[1]]
    assert (out[car[1] : car[3], car[0] : car[2]] == image[car[1] : car[3], car[0] : car[2]]).all()
    small = blur.picture(shown(image), "yunet", (320, 180))
    assert small.shape == (180, 320, 3)
    assert colours(small[24:42, 253:267]) <= 49


def test_a_face_that_is_missed_for_a_moment_stays_blurred() -> None:
    finder = Finder((500, 40, 540, 90))
    blur = FaceBlur(lambda _name: finder)
    blur.picture(shown(noise(), 0.0), "yunet", film=True)
    finder.boxes = []
    assert colours(blur.picture(shown(noise(), 0.4), "yunet", film=True)[45:85, 505:535]) <= 49
    assert colours(blur.picture(shown(noise(), 0.4, "yard"), "yunet", film=True)[45:85, 505:535]) > 1000, "another camera"
    assert colours(blur.picture(shown(noise(), 1.2), "yunet", film=True)[45:85, 505:535]) > 1000


def test_without_a_detector_nobody_is_shown_at_all(caplog: pytest.LogCaptureFixture) -> None:
    def missing(name: str) -> Detector:
        raise ModelNotFound(f"model {name!r} is not installed")

    blur = FaceBlur(missing)
    assert blur.trouble(PrivacyConfig()) == ""
    wrong = "whole pictures are blurred, for faces cannot be found (privacy.detector): model 'yunet' is not installed"
    assert blur.trouble(ASKS) == wrong
    assert colours(blur.picture(shown(noise()), "yunet")) <= 25 * 25
    assert len(caplog.records) == 1, "told once, not for every picture"
    finder = Finder()
    finder.error = ModelError("it broke")
    assert colours(FaceBlur(lambda _name: finder).picture(shown(noise()), "yunet")) <= 25 * 25


class Camera:
    def __init__(self, **privacy: object) -> None:
        self.config = CameraConfig.model_validate({"source": "x.mp4", "privacy": privacy})


def test_live_pictures_are_blurred_where_the_camera_asks_for_it() -> None:
    image = noise()
    cameras = {"gate": Camera(blur_faces=["live"]), "yard": Camera(blur_faces=["exports"])}
    blur = FaceBlur(lambda _name: Finder((100, 40, 300, 300)), cameras)
    jpegs: dict[str, bytes] = {}

    def deliver(preview: object) -> bool:
        jpegs[preview.camera_id] = preview.jpeg  # type: ignore[attr-defined]
        return True

    previewer = Previewer(deliver, blur.paint)
    previewer.watch([(name, "l", 5.0) for name in ("gate", "yard")])
    for name in ("gate", "yard"):
        previewer.offer(shown(image, camera_id=name), None, ("person",))
    found = {name: cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR) for name, jpeg in jpegs.items()}
    spread = {name: float(np.abs(np.diff(picture[80:260, 140:260].astype(int), axis=1)).mean()) for name, picture in found.items()}
    assert spread["gate"] < 0.1 * spread["yard"]


def test_a_jpeg_without_faces() -> None:
    blur = FaceBlur(lambda _name: Finder((100, 40, 300, 300)))
    image = cv2.GaussianBlur(noise(), (0, 0), 3)
    _, data = cv2.imencode(".jpg", image)
    out = cv2.imdecode(np.frombuffer(blur.jpeg(data.tobytes(), "yunet", 90), np.uint8), cv2.IMREAD_COLOR)
    assert np.abs(out.astype(int) - image)[:, 400:].mean() < 4
    assert (
        np.abs(np.diff(out[80:260, 140:260].astype(int), axis=1)).mean()
        < 0.5 * np.abs(np.diff(image[80:260, 140:260].astype(int), axis=1)).mean()
    )
    assert blur.jpeg(b"no picture", "yunet", 90) == b""
    assert blur.jpeg(b"", "yunet", 90) == b""


class Blinking(Finder):
    """Misses every second picture."""

    def detect(self, frame: Frame) -> Detections:
        found = super().detect(frame)
        return found if frame.sequence % 2 == 0 else Detections.empty()


def film(path: Path, count: int = 20) -> Path:
    still = cv2.resize(noise(3, (90, 160)), (320, 180), interpolation=cv2.INTER_NEAREST)
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=10, options={"crf": "12"})
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for number in range(count):
            picture = av.VideoFrame.from_ndarray(still, format="rgb24")
            picture.pts = number
            output.mux(stream.encode(picture))
        output.mux(stream.encode(None))
    return path


def pictures(path: Path) -> list[NDArray[np.uint8]]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def test_a_film_without_faces_also_where_one_was_missed(tmp_path: Path) -> None:
    source, target = film(tmp_path / "in.mp4"), tmp_path / "out.mp4"
    finder = Blinking((40, 40, 100, 120))
    blurred = blur_film(source, target, FaceBlur(lambda _name: finder), "yunet", lambda _at: np.array([[0.75, 0.5, 0.9, 0.8]], np.float32))
    before, after = pictures(source), pictures(target)
    assert (len(after), blurred) == (20, 10)
    for old, new in zip(before, after, strict=True):
        for area in (np.s_[60:100, 55:85], np.s_[100:136, 250:280]):
            assert np.abs(np.diff(new[area].astype(int), axis=1)).mean() < 0.3 * np.abs(np.diff(old[area].astype(int), axis=1)).mean()
        assert np.abs(new[150:, :200].astype(int) - old[150:, :200]).mean() < 12
    with av.open(str(target)) as container:
        assert float(container.duration) / 1e6 == pytest.approx(2.0, abs=0.15)


def test_a_film_that_cannot_be_searched_is_not_given_away(tmp_path: Path) -> None:
    finder = Finder()
    finder.error = ModelError("it broke")
    target = tmp_path / "out.mp4"
    with pytest.raises(SourceCorrupt, match="faces cannot be found with yunet, so the film is not given away"):
        blur_film(film(tmp_path / "in.mp4"), target, FaceBlur(lambda _name: finder), "yunet")
    assert not target.exists()
    (tmp_path / "text.mp4").write_text("no film")
    with pytest.raises(SourceCorrupt, match="the film cannot be blurred"):
        blur_film(tmp_path / "text.mp4", target, FaceBlur(lambda _name: Finder()), "yunet")


def test_on_photographs_no_face_is_found_afterwards(shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MIRROR_VARIABLE, str(shared_data / "models"))
    pool = DetectorPool(ModelStore(tmp_path / "models"))
    blur = FaceBlur(pool.open_alone)
    faces = left = 0
    for path in sorted((shared_data / "images" / "faces").rglob("*.*")):
        image = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB) if path.suffix.lower() in {".jpg", ".jpeg", ".png", ".bmp"} else None
        if image is None:
            continue
        frame = shown(np.asarray(image, np.uint8))
        before = blur.faces(frame, "yunet")
        after = blur.faces(shown(blur.picture(frame, "yunet")), "yunet")
        assert before is not None
        assert after is not None
        faces, left = faces + len(before), left + len(after)
    assert faces >= 15
    assert left == 0
