"""From pictures to people who are known, and from a picture to who is in it.

A picture becomes one of a person only if it shows exactly one face that is good enough; whatever is refused says why.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np

from panops.domain.errors import ModelError
from panops.domain.faces import LEAST_LIVE, FaceFault, FaceReader, KnownFaces, KnownPerson, SeenFaces
from panops.domain.frame import Frame
from panops.pipeline.face_matches import Match, matches
from panops.pipeline.sent_picture import PictureRefused, read_sent_picture
from panops.storage.errors import RequestRefused
from panops.storage.gallery import Gallery, may_change, may_look
from panops.storage.gallery_records import FaceFact, NewFace
from panops.storage.scope import Scope
from panops.vision.face_search import NOBODY, FaceSearch

NEAR_COPY = 0.97
"""From this similarity on two pictures are taken for one in two files, the second of which tells nothing more: docs/people.md."""

# Faces in the background are not meant: less than so much of the main one's side.
_BACKGROUND = 0.4
# So much room around a face, of its longer side, that another model finds it again; and how long the kept picture's longer side may be.
_ROOM = 0.6
_KEPT_PX = 320
_JPEG_QUALITY = 90


class Refusal(StrEnum):
    """Why a picture does not become one of a person; the faults of faces have the words of `FaceFault`."""

    UNREADABLE = "unreadable"
    NO_FACE = "no face"
    SEVERAL = "several faces"
    SMALL = "small"
    TURNED = "turned"
    BLURRED = "blurred"
    DARK = "dark"
    BRIGHT = "bright"
    CUT_OFF = "cut off"
    NOT_LIVING = "not living"
    SAME_PICTURE = "same picture"
    NEAR_COPY = "near copy"
    SOMEBODY_ELSE = "somebody else"
    NOT_KEPT = "not kept"


_FAULTS = {
    FaceFault.SMALL: "the face is too small: take a picture from nearer by, or a larger one",
    FaceFault.TURNED: "the face is turned away: take a picture in which it looks at the camera",
    FaceFault.BLURRED: "the face is blurred: take a sharper picture",
    FaceFault.DARK: "the face is too dark: take a picture with more light on it",
    FaceFault.BRIGHT: "the face is too bright: take a picture with less light on it",
    FaceFault.CUT_OFF: "the face is cut off by the picture's edge: take one with the whole head in it",
}


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What became of a picture.

    Attributes:
        face: What is kept of it; None where it was refused.
        refusal: Why it was refused; None where it was not.
        words: The reason for people; empty where it was not refused.
        other: Whom else the face resembles, where that is why.
    """

    face: FaceFact | None = None
    refusal: Refusal | None = None
    words: str = ""
    other: Match | None = None


@dataclass(frozen=True, slots=True)
class FoundFace:
    """A face in a picture, and whose it is.

    Attributes:
        box: Left, top, right, bottom, px of the picture.
        quality: What an opinion on it is worth, 0..1.
        fault: Why nobody can say whose it is; None where it is good enough.
        live: How surely it is a living face, 0..1; None where nobody asked.
        person: Whose it is; None for nobody known.
        nearest: Whom it resembles most, the nearest first; `person` is among them, and not the first where that one is refuted.
    """

    box: tuple[float, float, float, float]
    quality: float
    fault: FaceFault | None
    live: float | None
    person: KnownPerson | None
    nearest: tuple[Match, ...] = ()


@dataclass(frozen=True, slots=True)
class Searched:
    """What a search found.

    Attributes:
        faces: The faces in the picture, the largest first.
        model: By what they were read.
        threshold: From which similarity on a face is taken for somebody's.
    """

    faces: list[FoundFace]
    model: str
    threshold: float


class Enrolment:
    """Adds pictures of people, and says who is in a picture. Used by any number of threads, one at a time.

    Args:
        gallery: Who is known.
        open_reader: Gives what finds and reads faces; asked before each picture, since other models may be chosen. None where nothing does.
    """

    def __init__(self, gallery: Gallery, open_reader: Callable[[], FaceReader] | None) -> None:
        self._gallery = gallery
        self._open = open_reader
        self._turn = threading.Lock()

    def add(self, scope: Scope, person_id: str, data: bytes, source: str = "", *, negative: bool = False, force: bool = False) -> Enrolled:
        """Keep the face in a picture as one of a person, if it is good enough.

        Args:
            scope: Whose hand.
            person_id: Whose face it is; with `negative`, who only looks like it.
            data: A JPEG, PNG or WebP. It is not kept; what is kept is the face, cut out with room around it.
            source: Where it came from, in words.
            negative: It looks like the person and is somebody else.
            force: Also where it resembles somebody else who is known.

        Raises:
            NotAllowed, NotFound, StorageError: See `Gallery.add_face`.
            ModelError: Faces cannot be read.
        """
        may_change(scope)
        if self._gallery.has_picture(person_id, data):
            return Enrolled(refusal=Refusal.SAME_PICTURE, words="this very picture is among those of this person already")
        with self._turn:
            try:
                frame = read_sent_picture(memoryview(data))
            except PictureRefused as error:
                return Enrolled(refusal=Refusal.UNREADABLE, words=str(error))
            reader = self._current()
            seen = reader.read(frame)
            refused = _unfit(seen)
            if refused is not None:
                return refused
            row = _main(seen)
            if not negative:
                known = self._gallery.known(reader.name)
                refused = _like_another(known, seen, row, person_id, reader.threshold, force=force)
            if refused is not None:
                return refused
            picture = face_picture(frame, seen, row)
            new = NewFace(reader.name, seen.embedding[row], picture, data, float(seen.quality[row]), negative, source)
            try:
                return Enrolled(self._gallery.add_face(scope, person_id, new))
            except RequestRefused as error:
                if type(error) is not RequestRefused:
                    raise
                return Enrolled(refusal=Refusal.NOT_KEPT, words=str(error))

    def reread(self, scope: Scope) -> tuple[str, int, int]:
        """Read the kept pictures that another model has read, so that cameras with the present one know these people, too.

        Returns:
            By what, how many were read anew, and how many the present model finds no good face in: these stay as they are.

        Raises:
            NotAllowed: The scope does not cover it.
            ModelError: Faces cannot be read.
            StorageError: The gallery cannot be read or written; what was read anew stays so.
        """
        may_change(scope)
        done = left = 0
        with self._turn:
            reader = self._current()
            model = reader.name
            for person in self._gallery.people(scope):
                for fact in self._gallery.faces(scope, person.person_id):
                    picture = None if fact.model == reader.name else self._gallery.picture(scope, person.person_id, fact.face_id)
                    if picture is None:
                        continue
                    seen = reader.read(read_sent_picture(memoryview(picture)))
                    row = _main(seen) if len(seen) else -1
                    if row < 0 or seen.faults[row] is not None or not np.isfinite(seen.embedding[row]).all():
                        left += 1
                        continue
                    self._gallery.reread(scope, fact, reader.name, seen.embedding[row], float(seen.quality[row]))
                    done += 1
        return model, done, left

    def search(self, scope: Scope, data: bytes) -> Searched:
        """The faces in a picture, the largest first, and whose they are. Nothing of it is kept.

        Raises:
            NotAllowed: The scope does not cover it.
            PictureRefused: It is no picture that can be looked at.
            ModelError: Faces cannot be read.
            StorageError: The gallery cannot be read.
        """
        may_look(scope)
        with self._turn:
            frame = read_sent_picture(memoryview(data))
            reader = self._current()
            model, threshold = reader.name, reader.threshold
            seen = reader.read(frame)
            known = self._gallery.known(model)
        order = np.argsort(-_sides(seen), kind="stable").tolist()
        return Searched([_found(seen, row, known, threshold) for row in order], model, threshold)

    def _current(self) -> FaceReader:
        """What finds and reads faces now; for whoever has the turn."""
        if self._open is None:
            raise ModelError("faces cannot be read here: this server has no models for it")
        return self._open()


def _unfit(seen: SeenFaces) -> Enrolled | None:
    """Why nobody can be told by this picture; None where it shows exactly one good face."""
    if not len(seen):
        return Enrolled(refusal=Refusal.NO_FACE, words="no face was found in the picture")
    sides = _sides(seen)
    row = _main(seen)
    count = int((sides >= _BACKGROUND * sides[row]).sum())
    if count > 1:
        return Enrolled(refusal=Refusal.SEVERAL, words=f"there are {count} faces in the picture: cut out the one that is meant")
    fault = seen.faults[row]
    if fault is not None:
        return Enrolled(refusal=Refusal(fault.value), words=_FAULTS[fault])
    if float(seen.live[row]) < LEAST_LIVE:  # NaN, where nobody asked, is not less
        words = "the face is taken for a picture of one, on paper or a screen: take a picture of the person"
        return Enrolled(refusal=Refusal.NOT_LIVING, words=words)
    if not np.isfinite(seen.embedding[row]).all():
        return Enrolled(refusal=Refusal.NO_FACE, words="the face could not be read; take another picture")
    return None


def _like_another(known: KnownFaces, seen: SeenFaces, row: int, person_id: str, threshold: float, *, force: bool) -> Enrolled | None:
    """A picture that the person has already in another file, or that is rather one of somebody else."""
    found = matches(known, seen.embedding[row], len(known.people))
    own = next((match for match in found if match.person.person_id == person_id), None)
    if own is not None and own.similarity >= NEAR_COPY:
        words = f"this person has a picture already that is almost the same (similarity {own.similarity:.2f}): one that differs tells more"
        return Enrolled(refusal=Refusal.NEAR_COPY, words=words, other=None)
    other = _who(known, seen, row, threshold)
    if not force and other is not None and other.person.person_id != person_id:
        words = (
            f"the face resembles {other.person.name}, who is known already (similarity {other.similarity:.2f}, the same person from "
            f"{threshold:.2f} on): add it to them, or force it if these are two people"
        )
        return Enrolled(refusal=Refusal.SOMEBODY_ELSE, words=words, other=other)
    return None


def _found(seen: SeenFaces, row: int, known: KnownFaces, threshold: float) -> FoundFace:
    left, top, right, bottom = (round(float(edge), 1) for edge in seen.xyxy[row])
    live = float(seen.live[row])
    readable = bool(np.isfinite(seen.embedding[row]).all())
    nearest = matches(known, seen.embedding[row]) if readable else ()
    who = _who(known, seen, row, threshold)
    person = None if who is None else who.person
    if who is not None and all(match.person is not who.person for match in nearest):
        nearest = (*nearest[:-1], who)  # the nearer ones are all refuted
    return FoundFace(
        (left, top, right, bottom), float(seen.quality[row]), seen.faults[row], None if np.isnan(live) else live, person, nearest
    )


def _who(known: KnownFaces, seen: SeenFaces, row: int, threshold: float) -> Match | None:
    """Who a face is, as cameras decide it; None for nobody known."""
    found = FaceSearch(known).find(seen.embedding[row : row + 1], threshold)
    index = int(found.person[0])
    return None if index == NOBODY else Match(known.people[index], float(found.similarity[0]))


def _sides(seen: SeenFaces) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """The longer side of each face, px."""
    extent = seen.xyxy[:, 2:] - seen.xyxy[:, :2]
    return np.asarray(extent.max(axis=1, initial=0.0), np.float32)


def _main(seen: SeenFaces) -> int:
    return int(np.argmax(_sides(seen)))


def face_picture(frame: Frame, seen: SeenFaces, row: int) -> bytes:
    """A face cut out with room around it, as JPEG of at most 320 px; nothing else of the picture, and none of its metadata."""
    left, top, right, bottom = (float(edge) for edge in seen.xyxy[row])
    width, height = frame.size_wh
    room = _ROOM * max(right - left, bottom - top)
    crop = (
        max(0, int(left - room)), max(0, int(top - room)), min(width, int(right + room) + 1), min(height, int(bottom + room) + 1),
    )  # fmt: skip
    image = frame.pixels.rgb(crop_xyxy=crop)
    longest = max(image.shape[:2])
    if longest > _KEPT_PX:
        size = tuple(max(1, round(side * _KEPT_PX / longest)) for side in image.shape[1::-1])
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    done, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    if not done:
        raise ModelError("the face could not be written as JPEG")
    return bytes(data)
