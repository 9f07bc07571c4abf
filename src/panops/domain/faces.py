"""Faces as they are seen, and the people whose faces an installation was told to know."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from panops.domain.frame import Frame

FACE_POINTS = 5
"""Eyes, nose and corners of the mouth, left and right as one sees them, as `vision.face_alignment.TEMPLATE` has them."""


LEAST_LIVE = 0.5
"""What is alive by less is taken for a picture of a face."""


class FaceFault(StrEnum):
    """Why a face is not good enough to tell whose it is."""

    SMALL = "small"
    TURNED = "turned"
    BLURRED = "blurred"
    DARK = "dark"
    BRIGHT = "bright"
    CUT_OFF = "cut off"


@dataclass(frozen=True, slots=True, eq=False)
class SeenFaces:
    """N faces of one picture. Arrays are read-only.

    Attributes:
        xyxy: (N, 4) float32 boxes, px of the picture.
        score: (N,) float32, 0..1, how surely it is a face.
        keypoints: (N, 5, 2) float32 x, y in px of the picture, in the order of `FACE_POINTS`.
        quality: (N,) float32, 0..1: how much an opinion on whose face it is is worth.
        faults: N of them; None where the face is good enough.
        embedding: (N, D) float32 of length 1; NaN where the face has a fault and was not looked at.
        live: (N,) float32, 0..1, how surely it is a living face and no picture of one; NaN where nobody asked.
    """

    xyxy: NDArray[np.float32]
    score: NDArray[np.float32]
    keypoints: NDArray[np.float32]
    quality: NDArray[np.float32]
    faults: tuple[FaceFault | None, ...]
    embedding: NDArray[np.float32]
    live: NDArray[np.float32]

    def __post_init__(self) -> None:
        """Check the lengths and make the arrays read-only."""
        count = len(self.faults)
        for array in (self.xyxy, self.score, self.keypoints, self.quality, self.embedding, self.live):
            if len(array) != count:
                raise ValueError(f"expected {count} rows in every array, got {len(array)}")
            array.setflags(write=False)

    def __len__(self) -> int:
        """How many faces."""
        return len(self.faults)


class FaceReader(Protocol):
    """Finds faces in pictures and says what tells them apart. Used by one thread at a time."""

    @property
    def name(self) -> str:
        """The model that makes the embeddings, with its version: those of two names cannot be compared."""
        ...

    @property
    def dimensions(self) -> int:
        """How many numbers an embedding has."""
        ...

    @property
    def threshold(self) -> float:
        """The similarity (cosine, -1..1) from which on two faces are taken for one person's, as it was measured for this model."""
        ...

    def read(self, frame: Frame) -> SeenFaces:
        """All faces of a picture, px of the picture.

        Raises:
            ModelError: A model failed; that is never "nobody there".
        """
        ...


@dataclass(frozen=True, slots=True)
class KnownPerson:
    """Somebody with pictures in the gallery.

    Attributes:
        person_id: Never used for anybody else.
        name: What people call them.
        lists: What they are on: `staff`, `watch` ...; rules name these.
    """

    person_id: str
    name: str
    lists: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class KnownFaces:
    """The gallery as a search needs it. Arrays are read-only.

    Attributes:
        model: What made the embeddings, as `FaceReader.name`.
        people: Those who are known.
        embedding: (F, D) float32 of length 1, a row a picture.
        person: (F,) int64, whose it is: an index into `people`.
        negative: (F,) bool: it looks like them and is somebody else. Whoever is nearest to such a face is not that person.
    """

    model: str
    people: tuple[KnownPerson, ...]
    embedding: NDArray[np.float32]
    person: NDArray[np.int64]
    negative: NDArray[np.bool_]

    def __post_init__(self) -> None:
        """Check the lengths and make the arrays read-only."""
        count = len(self.embedding)
        for array in (self.embedding, self.person, self.negative):
            if len(array) != count:
                raise ValueError(f"expected {count} rows in every array, got {len(array)}")
            array.setflags(write=False)

    def __len__(self) -> int:
        """How many pictures."""
        return len(self.embedding)


@dataclass(frozen=True, slots=True)
class FaceLook:
    """What one look at the face of somebody who is followed said.

    Attributes:
        track_id: Who was looked at.
        person_id: Whom it looks like; empty where nobody known.
        name: Their name; empty where nobody known.
        lists: What they are on.
        similarity: To the nearest face that is known, -1..1; -1 where none is.
        quality: What the opinion is worth, 0..1.
        live: How surely it is no picture of a face, 0..1; None where nobody asked.
        clear: How far from the threshold it is, 0..1: right there, an opinion either way is worth nothing.
    """

    track_id: int
    person_id: str
    name: str
    lists: tuple[str, ...]
    similarity: float
    quality: float
    live: float | None = None
    clear: float = 1.0

    @property
    def is_spoof(self) -> bool:
        """Whether it is taken for a picture of a face: then it is nobody's, whoever is in the picture."""
        return self.live is not None and self.live < LEAST_LIVE
