"""The words that questions are asked in: `question_words.yaml`, read once, and how words are made alike."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

_WORD = re.compile(r"[^\W_]+")
_ENDINGS = ("en", "er", "es", "e", "s")
_SHORTEST_STEM = 3
_TWO_LETTERS = (("ae", "a"), ("oe", "o"), ("ue", "u"), ("ss", "s"))


def fold(text: str) -> str:
    """Small letters without accents, one character for each of `text`: places in the one are places in the other."""
    return "".join(_folded(letter) for letter in text)


@cache
def _folded(letter: str) -> str:
    if letter in "ßẞ":
        return "s"
    base = unicodedata.normalize("NFKD", letter)[0].lower()
    return base if len(base) == 1 else letter


def stem(word: str) -> str:
    """A folded word without its ending, so that `gates`, `Gate` and `gate` are one, and `Fußgänger` is `Fussgaenger`."""
    for two, one in _TWO_LETTERS:
        word = word.replace(two, one)
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _SHORTEST_STEM:
            return word[: -len(ending)]
    return word


@dataclass(frozen=True, slots=True)
class Token:
    """A word of a text: its stem, itself as it was folded, and where it stands."""

    stem: str
    word: str
    at: tuple[int, int]


def tokens(folded: str) -> list[Token]:
    """The words of a folded text. `_`, `-` and other signs part words, so that `north-gate` is two."""
    return [Token(stem(found[0]), found[0], found.span()) for found in _WORD.finditer(folded)]


def stems(text: str) -> tuple[str, ...]:
    """The stems of a text's words."""
    return tuple(token.stem for token in tokens(fold(text)))


@dataclass(frozen=True, slots=True)
class QuestionWords:
    """What `question_words.yaml` holds; phrases are tuples of stems.

    Attributes:
        meanings: By phrase: `(section, value)` of each thing it may mean; sections are those of the file.
        kinds_of_class: By class: the classes that it stands for too.
        without: Phrases that say that what follows is not worn.
        without_after: Phrases that say so of what stands before them.
        same: By stem: the stem that stands for it in names.
        small: Words that say nothing, folded.
        time: The section `time` as it is, its words folded.
    """

    meanings: Mapping[tuple[str, ...], tuple[tuple[str, str], ...]]
    kinds_of_class: Mapping[str, tuple[str, ...]]
    without: frozenset[tuple[str, ...]]
    without_after: frozenset[tuple[str, ...]]
    same: Mapping[str, str]
    small: frozenset[str]
    time: Mapping[str, Any]

    def alike(self, word: str) -> str:
        """The stem that stands for all that mean the same as `word`, a stem."""
        return self.same.get(word, word)


@cache
def question_words() -> QuestionWords:
    """The file's content."""
    data = yaml.safe_load((files("panops.storage") / "question_words.yaml").read_text("utf-8"))
    meanings: dict[tuple[str, ...], list[tuple[str, str]]] = {}
    for section in ("classes", "items", "missing", "kinds", "severities", "statuses", "flags", "facts"):
        for value, phrases in data[section].items():
            for phrase in phrases:
                meanings.setdefault(stems(phrase), []).append((section, value))
    return QuestionWords(
        meanings={phrase: tuple(dict.fromkeys(found)) for phrase, found in meanings.items()},
        kinds_of_class={name: tuple(found) for name, found in data["kinds_of_class"].items()},
        without=frozenset(map(stems, data["without"])),
        without_after=frozenset(map(stems, data["without_after"])),
        same={stem(fold(word)): stem(fold(row[0])) for row in data["same"] for word in row},
        small=frozenset(map(fold, data["small"])),
        time=_all_folded(data["time"]),
    )


def _all_folded(value: Any) -> Any:
    if isinstance(value, str):
        return fold(value)
    if isinstance(value, list):
        return [_all_folded(item) for item in value]
    return {name: _all_folded(item) for name, item in value.items()} if isinstance(value, dict) else value
