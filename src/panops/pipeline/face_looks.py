"""Who a camera's people are: each one's upper body is shown to a face reader, often at first, rarely once it is clear who that is.

Rules see what it says beside the tracks. A face is compared with those that are known and kept nowhere.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from panops.config.schema import FacesConfig
from panops.domain.crops import part_around
from panops.domain.errors import DeviceFull, DeviceLate, ModelError, PanopsError
from panops.domain.face_votes import FaceOpinion, FaceVerdict, FaceVotes
from panops.domain.faces import LEAST_LIVE, FaceLook, FaceReader, KnownFaces, KnownPerson, SeenFaces
from panops.domain.frame import Frame
from panops.domain.places import Box
from panops.domain.protocols import Detector
from panops.domain.tracks import Tracks, TrackState
from panops.pipeline.look_turns import LookTurns
from panops.vision.face_search import NOBODY, FaceSearch

log = logging.getLogger(__name__)

# The upper body: so much of the box's height, or so many times its width where that is more: of whom is near one sees no more.
_UPPER_HEIGHT, _UPPER_WIDTH = 0.45, 1.2
# Room around it, as a share of its longer side: heads reach over boxes, and a face needs something around it to be found.
_ROOM = 0.15
_LEAST_PART_PX = 64
# Where in the upper body a face's middle is expected, from its top, and how far from there it may be, in halves of its sides.
_FACE_AT = 0.3
_FARTHEST = 1.0
# Somebody else who is as near, in the same unit: then it is not clear whose face it is.
_CLEARLY_NEARER = 0.35
# So much more similar or different than the threshold is clear, as a share of what is above it.
_CLEAR_SHARE = 0.2
# Whoever shows no face is looked at less often, up to so many times `refresh_s`: backs of heads cost as much as faces.
_LONGEST_WAIT = 3.0
_LONGER = 1.5


class PartReader(FaceReader, Protocol):
    """Reads the faces in parts of pictures."""

    def read_part(self, frame: Frame, part: tuple[int, int, int, int]) -> SeenFaces:
        """The faces in a part (left, top, right, bottom, whole px) of a picture, px of the whole picture.

        Raises:
            ModelError: As `read`.
        """
        ...


class FaceReaders(Protocol):
    """Gives cameras what they read faces by."""

    def get(self, config: FacesConfig) -> PartReader:
        """Of the versions that are active now: the same one again, at little cost, until somebody decides otherwise.

        Raises:
            ModelError: A model is missing, or cannot be used.
        """
        ...

    def may_work(self, config: FacesConfig) -> bool:
        """Whether `get`, which failed, is worth another try."""
        ...


class _Turn:
    """What is remembered of somebody who is followed."""

    __slots__ = ("pause_s", "votes")

    def __init__(self, pause_s: float) -> None:
        self.votes = FaceVotes()
        self.pause_s = pause_s


class FaceLooks:
    """One camera's. Used by the analysis thread; `faces_known` and `opinions` by any.

    Args:
        config: Whom to look at, and how often.
        readers: Gives what finds faces and says what tells them apart.
        classes: The class names of the camera's tracks.

    Attributes:
        looks: How many people were looked at so far.

    Raises:
        ModelError: A model is missing, or cannot be used.
    """

    stage = "faces"
    lack = "nobody's face is compared (faces)"

    def __init__(self, config: FacesConfig, readers: FaceReaders, classes: Sequence[str]) -> None:
        self._config = config
        self._readers = readers
        self._reader = self._newer = readers.get(config)
        self._refused = ""
        self._turns = LookTurns(config, classes)
        self._people: dict[int, _Turn] = {}
        self._decided: dict[int, FaceOpinion] = {}  # never changed, only replaced: other threads read it
        self._known: KnownFaces | None = None
        self._named: dict[str, KnownPerson] = {}
        self._search: FaceSearch | None = None
        self._misfit = ""
        self.looks = 0

    @property
    def problem(self) -> str:
        """Why known faces cannot be compared, or the last look at somebody failed; empty where all is well."""
        return self._misfit or self._turns.problem

    @property
    def models(self) -> tuple[str, ...]:
        """The names of its models. None of them is a detector of cameras: it looks after them itself."""
        return ()

    @property
    def face_model(self) -> str:
        """By what faces are read: known faces must have been read by the same."""
        return self._reader.name

    @property
    def threshold(self) -> float:
        """From which similarity on two faces are taken for one person's."""
        return self._reader.threshold if self._config.threshold is None else self._config.threshold

    def is_outdated(self, loaded: Callable[[str], Detector | None]) -> bool:
        """Whether another reader is to take over. It is opened here, outside rounds of analysis, which must not wait for it.

        Where the models that were chosen cannot be used, those before go on.
        """
        del loaded
        try:
            self._newer = self._readers.get(self._config)
        except PanopsError as error:
            if self._refused != str(error):  # it is asked about once a second
                log.error("faces are read as before: %s", error)
            self._refused = str(error)
            return False
        self._refused = ""
        return self._newer is not self._reader

    def renew(self, loaded: Callable[[str], Detector | None]) -> None:
        """Take up the reader that `is_outdated` found."""
        del loaded
        self._reader = self._newer
        self.faces_known(self._known)

    def faces_known(self, known: KnownFaces | None) -> None:
        """These are known from now on; None while nobody has told, and then nobody is compared."""
        self._known = known
        self._named = {} if known is None else {person.person_id: person for person in known.people}
        fits = known is None or not len(known) or known.model == self._reader.name
        self._search = FaceSearch(known) if known is not None and fits else None
        self._misfit = ""
        if known is not None and not fits:
            self._misfit = f"the known faces were read by {known.model}, and the camera reads faces by {self._reader.name}"
            log.error("%s", self._misfit)

    def opinions(self) -> dict[int, FaceOpinion]:
        """What looks agree on, by track id, of those who are followed now.

        Votes outlive what they were about: whoever was deleted since is left out, and a name that was changed is the new one.
        """
        found: dict[int, FaceOpinion] = {}
        named = self._named
        for track_id, opinion in self._decided.items():
            person = named.get(opinion.person_id)
            if person is not None:
                found[track_id] = replace(opinion, name=person.name, lists=person.lists)
            elif opinion.verdict is not FaceVerdict.KNOWN:
                found[track_id] = opinion
        return found

    def add(self, frame: Frame, tracks: Tracks) -> Tracks:
        """The tracks with what was seen of the faces of those whose turn it is; the same tracks where that is nothing."""
        self._forget(tracks)
        search = self._search
        rows = self._turns.due(tracks) if search is not None else []
        if not rows or search is None:
            return tracks
        found: list[FaceLook] = []
        for row in rows:
            try:
                look = self._one(frame, tracks, row, search)
            except (DeviceLate, DeviceFull):
                break  # load, which says nothing about the models; who was not looked at is next time
            except ModelError as error:
                if self._turns.failed(int(tracks.track_id[row]), tracks.time_s, str(error)):
                    log.error("camera %s: faces cannot be read: %s", frame.camera_id, error)
                continue
            self.looks += 1
            self._note(tracks, row, look)
            if look is not None:
                found.append(look)
        return replace(tracks, faces=tuple(found)) if found else tracks

    def _one(self, frame: Frame, tracks: Tracks, row: int, search: FaceSearch) -> FaceLook | None:
        """What one person's face says; None where it shows none that is good enough."""
        upper = upper_body(_plain(tracks.xyxy[row]))
        part = part_around(upper, frame.size_wh, _ROOM, _LEAST_PART_PX)
        seen = self._reader.read_part(frame, part)
        index = own_face(seen, tracks, row)
        if index is None or seen.faults[index] is not None:
            return None
        return self._compared(int(tracks.track_id[row]), seen, index, search)

    def _compared(self, track_id: int, seen: SeenFaces, index: int, search: FaceSearch) -> FaceLook | None:
        quality, live = float(seen.quality[index]), float(seen.live[index])
        if self._config.live == "required":
            if math.isnan(live):
                return None  # nobody could say whether it lives, so it is nobody's face
            if live < LEAST_LIVE:
                return FaceLook(track_id, "", "", (), -1.0, quality, live, (LEAST_LIVE - live) / LEAST_LIVE)
        embedding = seen.embedding[index : index + 1]
        if not np.isfinite(embedding).all():
            return None
        match = search.find(embedding, self.threshold)
        similarity = float(match.similarity[0])
        clear = clearness(similarity, self.threshold)
        told = None if math.isnan(live) else live
        if match.person[0] == NOBODY:
            return FaceLook(track_id, "", "", (), similarity, quality, told, clear)
        person = search.known.people[int(match.person[0])]
        return FaceLook(track_id, person.person_id, person.name, person.lists, similarity, quality, told, clear)

    def _note(self, tracks: Tracks, row: int, look: FaceLook | None) -> None:
        """When somebody's next turn is: soon while it is not clear who it is, or where a look contradicts what was clear."""
        track_id, refresh_s = int(tracks.track_id[row]), self._config.refresh_s
        turn = self._people.setdefault(track_id, _Turn(refresh_s))
        if look is None:
            turn.pause_s = min(max(turn.pause_s, refresh_s) * _LONGER, max(turn.pause_s, refresh_s * _LONGEST_WAIT))
        else:
            turn.votes.add(look)
            opinion = turn.votes.opinion
            if opinion is not None:
                self._decided = {**self._decided, track_id: opinion}
            turn.pause_s = self._config.settled_s if opinion is not None and opinion.agrees(look) else refresh_s
        self._turns.note(track_id, tracks.time_s, turn.pause_s)

    def _forget(self, tracks: Tracks) -> None:
        """Who is gone; ids never come back."""
        if self._people:
            present = set(tracks.track_id.tolist())
            gone = [track_id for track_id in self._people if track_id not in present]
            for track_id in gone:
                del self._people[track_id]
            if gone:
                self._decided = {track_id: opinion for track_id, opinion in self._decided.items() if track_id in self._people}


def upper_body(box: Box) -> Box:
    """The part of a person's box, px, in which the face is."""
    left, top, right, bottom = box
    height = min(bottom - top, max(_UPPER_HEIGHT * (bottom - top), _UPPER_WIDTH * (right - left)))
    return left, top, right, top + height


def own_face(seen: SeenFaces, tracks: Tracks, row: int) -> int | None:
    """Which of some faces is that of the person at `row`; None where none is, or it may be somebody else's.

    Args:
        seen: The faces, px of the picture.
        tracks: Who is followed.
        row: The person.
    """
    if not len(seen):
        return None
    middles = (seen.xyxy[:, :2] + seen.xyxy[:, 2:]).astype(np.float64) / 2
    others = np.flatnonzero((tracks.class_id == tracks.class_id[row]) & (tracks.state != TrackState.TENTATIVE.value))
    best: tuple[float, int] | None = None
    for index, (x, y) in enumerate(middles.tolist()):
        mine = _distance((x, y), tracks.xyxy[row])
        if mine > _FARTHEST:
            continue
        rival = min((_distance((x, y), tracks.xyxy[other]) for other in others.tolist() if other != row), default=math.inf)
        if rival < mine + _CLEARLY_NEARER:
            continue
        if best is None or mine < best[0]:
            best = mine, index
    return None if best is None else best[1]


def clearness(similarity: float, threshold: float) -> float:
    """How far from the threshold a similarity is, 0..1."""
    return min(1.0, abs(similarity - threshold) / (_CLEAR_SHARE * max(1.0 - threshold, 1e-6)))


def _distance(point: tuple[float, float], xyxy: NDArray[np.float32]) -> float:
    """How far a face's middle is from where a person's face is expected, in halves of the upper body's sides."""
    left, top, right, bottom = upper_body(_plain(xyxy))
    across = (2 * point[0] - left - right) / max(right - left, 1e-3)
    down = (point[1] - top - _FACE_AT * (bottom - top)) / max((bottom - top) / 2, 1e-3)
    return math.hypot(across, down)


def _plain(xyxy: NDArray[np.float32]) -> Box:
    left, top, right, bottom = (float(edge) for edge in xyxy)
    return left, top, right, bottom
