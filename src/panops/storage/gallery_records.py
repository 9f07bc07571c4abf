"""People and their faces as values, and which words may be kept of them."""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from panops.storage.errors import RequestRefused

LONGEST_NAME = 120
LONGEST_TEXT = 1000
MOST_LISTS = 16
_LIST = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is known.

    Attributes:
        person_id: Random, and never used for anybody else.
        name: What people call them; nobody else is called so.
        lists: What they are on, such as `staff` or `watch`, in alphabetical order.
        consent: Who agreed that they are known, and how.
        consented_at_s: When that was, UTC s.
        keep_until_s: When they are deleted, UTC s; None: when somebody deletes them.
        created_by: Who added them.
        created_at_s: When, UTC s.
        faces: How many pictures there are of them.
        negatives: How many there are besides, of people who look like them.
    """

    person_id: str
    name: str
    lists: tuple[str, ...]
    consent: str
    consented_at_s: float
    keep_until_s: float | None
    created_by: str
    created_at_s: float
    faces: int = 0
    negatives: int = 0


@dataclass(frozen=True, slots=True)
class PersonFacts:
    """What somebody says of a person; see `Person`."""

    name: str
    lists: tuple[str, ...]
    consent: str
    consented_at_s: float
    keep_until_s: float | None = None


@dataclass(frozen=True, slots=True)
class FaceFact:
    """What is known of a picture without opening it.

    Attributes:
        face_id: Random, and never used again.
        person_id: Whose it is, or, of a negative, who it is not.
        model: What made its embedding.
        negative: It looks like the person and is somebody else.
        quality: What an opinion on it is worth, 0..1.
        source: Where it came from, in words.
        created_at_s: When it was added, UTC s.
    """

    face_id: str
    person_id: str
    model: str
    negative: bool
    quality: float
    source: str
    created_at_s: float


@dataclass(frozen=True, slots=True, eq=False)
class NewFace:
    """A picture to keep.

    Attributes:
        model: What made the embedding.
        embedding: (D,) float32 of length 1.
        picture: The face, cut out of the picture, as JPEG.
        original: The bytes that somebody gave: only a fingerprint of them is kept, to tell the same again.
        quality: What an opinion on it is worth, 0..1.
        negative: It looks like the person and is somebody else.
        source: Where it came from, in words.
    """

    model: str
    embedding: NDArray[np.float32]
    picture: bytes
    original: bytes
    quality: float
    negative: bool = False
    source: str = ""


def checked(facts: PersonFacts) -> PersonFacts:
    """The same with its texts tidied up.

    Raises:
        RequestRefused: Something cannot be kept; the message says what was expected.
    """
    name = _text(facts.name)
    if not 1 <= len(name) <= LONGEST_NAME:
        raise RequestRefused(f"expected a name of 1 to {LONGEST_NAME} characters, got {len(name)}")
    consent = _text(facts.consent)
    if not 1 <= len(consent) <= LONGEST_TEXT:
        raise RequestRefused(
            f"expected a note on consent of 1 to {LONGEST_TEXT} characters, got {len(consent)}: who agreed that {name} is known, and how"
        )
    numbers = (facts.consented_at_s, 0.0 if facts.keep_until_s is None else facts.keep_until_s)
    if not all(math.isfinite(number) for number in numbers):
        raise RequestRefused("expected times in UTC seconds, got a number that is none")
    return PersonFacts(name, checked_lists(facts.lists), consent, facts.consented_at_s, facts.keep_until_s)


def checked_lists(lists: Iterable[str]) -> tuple[str, ...]:
    """Names of lists, each once, in alphabetical order.

    Raises:
        RequestRefused: One of them cannot be used in a rule, or there are too many.
    """
    found = tuple(sorted(set(lists)))
    for one in found:
        if not _LIST.fullmatch(one):
            raise RequestRefused(f"expected the name of a list of small letters, digits, `-` and `_`, such as staff, got {one[:63]!r}")
    if len(found) > MOST_LISTS:
        raise RequestRefused(f"expected at most {MOST_LISTS} lists for one person, got {len(found)}")
    return found


def person_from(row: Any, faces: int, negatives: int) -> Person:
    """The person of a row."""
    return Person(
        row.person_id, row.name, tuple(json.loads(row.lists)), row.consent, row.consented_at_s, row.keep_until_s, row.created_by,
        row.created_at_s, faces, negatives,
    )  # fmt: skip


def face_from(row: Any) -> FaceFact:
    """The facts of a row."""
    return FaceFact(row.face_id, row.person_id, row.model, bool(row.negative), row.quality, row.source, row.created_at_s)


def plain_text(text: str, longest: int = LONGEST_TEXT) -> str:
    """Text that both databases take, without control characters, cut to its longest."""
    return _text(text)[:longest]


def _text(text: str) -> str:
    kept = "".join(letter if unicodedata.category(letter) not in {"Cc", "Cs"} else " " for letter in text)
    return unicodedata.normalize("NFC", " ".join(kept.split()))
