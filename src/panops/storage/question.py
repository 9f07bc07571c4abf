"""What a question in plain words means, as values: terms about cameras, classes, kinds and times, and the filter that they make."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from panops.domain.events import Severity
from panops.storage.records import ReviewStatus
from panops.storage.search import AnyOf, EventFilter


class Field(StrEnum):
    """What a word of a question may be about."""

    CAMERA = "camera"
    GROUP = "group"
    ZONE = "zone"
    RULE = "rule"
    CLASS = "class"
    MISSING = "missing"
    KIND = "kind"
    SEVERITY = "severity"
    STATUS = "status"
    FLAG = "flag"
    FACT = "fact"
    TIME = "time"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The names of a site, as far as the one who asks may see it.

    Attributes:
        cameras: Names by camera id.
        groups: Cameras by group.
        zones: Cameras by zone or line.
        rules: Cameras by rule.
        kinds: The kinds of its rules.
        classes: Classes that its rules and models name.
        items: By item that must be worn: the classes that show that it is not.
    """

    cameras: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[str, frozenset[str]] = field(default_factory=dict)
    zones: Mapping[str, frozenset[str]] = field(default_factory=dict)
    rules: Mapping[str, frozenset[str]] = field(default_factory=dict)
    kinds: Collection[str] = ()
    classes: Collection[str] = ()
    items: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Meaning:
    """One thing that words may mean.

    Attributes:
        field: What it is about.
        values: Ids or names, one of which an event must have.
        also: Of a group its cameras; of an item that is missing the classes that show it.
        implied: Those of the values that nobody named: classes that show a person without something.
    """

    field: Field
    values: tuple[str, ...]
    also: tuple[str, ...] = ()
    implied: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Term:
    """Words of a question and what they mean; an event must fit one of the meanings.

    Attributes:
        at: Where the words stand in the question, pieces by first and last place.
        meanings: What they may mean; none for a time.
        since_s: Of a time: from here on, UTC s.
        until_s: Up to here.
    """

    at: tuple[tuple[int, int], ...]
    meanings: tuple[Meaning, ...]
    since_s: float | None = None
    until_s: float | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """What was understood of a question; an event must fit every term.

    Attributes:
        text: The question as it was read.
        terms: In the order of their words.
        left_out: Words that could not be used.
    """

    text: str
    terms: tuple[Term, ...]
    left_out: tuple[str, ...] = ()

    def narrow(self, wanted: EventFilter) -> EventFilter:
        """`wanted`, and what the question asks for besides."""
        any_of = []
        for term in self.terms:
            wanted = _within(wanted, term)
            flags = [meaning for meaning in term.meanings if meaning.field is Field.FLAG]
            for meaning in flags:
                wanted = _flagged(wanted, meaning.values[0])
            if term.meanings and not flags:
                any_of.append(_any_of(term.meanings))
        return replace(wanted, any_of=tuple(any_of))


def _any_of(meanings: Iterable[Meaning]) -> AnyOf:
    found: dict[Field, tuple[str, ...]] = defaultdict(tuple)
    also: dict[Field, tuple[str, ...]] = defaultdict(tuple)
    for meaning in meanings:
        found[meaning.field] += meaning.values
        also[meaning.field] += meaning.also
    return AnyOf(
        cameras=(*found[Field.CAMERA], *also[Field.GROUP]),
        rules=found[Field.RULE],
        kinds=found[Field.KIND],
        classes=(*found[Field.CLASS], *also[Field.MISSING]),
        zones=found[Field.ZONE],
        severities=tuple(map(Severity, found[Field.SEVERITY])),
        statuses=tuple(map(ReviewStatus, found[Field.STATUS])),
        facts=(*found[Field.FACT], *also[Field.CLASS], *(f"item={name}" for name in found[Field.MISSING])),
        texts=found[Field.TEXT],
    )


def _within(wanted: EventFilter, term: Term) -> EventFilter:
    if term.since_s is not None:
        wanted = replace(wanted, since_s=max(term.since_s, wanted.since_s if wanted.since_s is not None else term.since_s))
    if term.until_s is not None:
        wanted = replace(wanted, until_s=min(term.until_s, wanted.until_s if wanted.until_s is not None else term.until_s))
    return wanted


def _flagged(wanted: EventFilter, flag: str) -> EventFilter:
    match flag:
        case "open":
            return replace(wanted, is_open=True)
        case "ended":
            return replace(wanted, is_open=False)
        case "kept":
            return replace(wanted, kept=True)
        case _:
            return replace(wanted, suppressed=True)
