"""Reading a question in plain words: which phrases mean a camera, a class, a kind, a time, and which are looked for as they are."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import tzinfo
from difflib import get_close_matches

from panops.storage.question import Field, Meaning, Question, Term, Vocabulary
from panops.storage.question_time import read_time
from panops.storage.question_words import QuestionWords, Token, fold, question_words, stems, tokens

# Of longer questions the rest is not read.
LONGEST_QUESTION = 300
_LONGEST_PHRASE = 8
# Shorter words are not taken for a slip of another one.
_SHORTEST_CORRECTED = 5
_NEAR = 0.86
_BETWEEN = re.compile(r"(?:and|or|und|oder|[,/&+])")
_PLACES = frozenset({Field.CAMERA, Field.GROUP, Field.ZONE})
_QUOTED = re.compile(r'["“„]([^"“”„]+)["”“]')
_SECTIONS = {
    "classes": Field.CLASS,
    "items": Field.CLASS,
    "missing": Field.MISSING,
    "kinds": Field.KIND,
    "severities": Field.SEVERITY,
    "statuses": Field.STATUS,
    "flags": Field.FLAG,
    "facts": Field.FACT,
}


def understand(text: str, vocabulary: Vocabulary, now_s: float, timezone: tzinfo | None) -> Question:
    """Read a question.

    Args:
        text: What was asked, in English, German or both; of more than 300 characters the first 300 are read.
        vocabulary: The names that its words may be.
        now_s: What time it is, UTC s.
        timezone: The site's, in which "yesterday" is meant; None is the machine's own.
    """
    text = unicodedata.normalize("NFC", text)[:LONGEST_QUESTION]
    folded = fold(text)
    quoted = [_text_term(found[1].strip(), found.span()) for found in _QUOTED.finditer(text)]
    for term in quoted:
        folded = _blanked(folded, term.at[0])
    time_span, left = read_time(folded, now_s, timezone)
    reader = _Reader(vocabulary, question_words())
    terms, left_out = reader.read(tokens(left), text)
    if time_span is not None:
        terms.append(Term(time_span.at, (), time_span.since_s, time_span.until_s))
    ordered = sorted([*terms, *quoted], key=lambda term: term.at)
    return Question(text, tuple(_people(_joined(ordered, folded))), left_out)


class _Reader:
    """Finds the longest phrases that mean something."""

    def __init__(self, vocabulary: Vocabulary, words: QuestionWords) -> None:
        self._vocabulary, self._words = vocabulary, words
        self._phrases: dict[tuple[str, ...], list[tuple[Field, str]]] = defaultdict(list)
        self._parts: dict[str, list[tuple[Field, str]]] = defaultdict(list)
        for phrase, meanings in words.meanings.items():
            self._phrases[phrase] += [(_SECTIONS[section], value) for section, value in meanings]
        for where, names in self._named():
            for value, name in names:
                phrase = self._alike(name)
                if phrase and (where, value) not in self._phrases[phrase]:
                    self._phrases[phrase].append((where, value))
                if where in (Field.CAMERA, Field.GROUP, Field.ZONE, Field.RULE):
                    for word in phrase:
                        self._parts[word].append((where, value))
        self._items = frozenset(
            {*vocabulary.items, *(value for row in words.meanings.values() for section, value in row if section == "items")}
        )

    def _named(self) -> Iterator[tuple[Field, Iterable[tuple[str, str]]]]:
        known = self._vocabulary
        yield Field.CAMERA, [(camera, name) for camera, own in known.cameras.items() for name in (camera, own)]
        for where, names in (
            (Field.GROUP, known.groups),
            (Field.ZONE, known.zones),
            (Field.RULE, known.rules),
            (Field.KIND, known.kinds),
            (Field.CLASS, known.classes),
            (Field.CLASS, known.items),
        ):
            yield where, [(name, name) for name in names]

    def _alike(self, name: str) -> tuple[str, ...]:
        return tuple(map(self._words.alike, stems(name)))

    def read(self, words: Sequence[Token], text: str) -> tuple[list[Term], tuple[str, ...]]:
        """The terms, and the words that could not be used."""
        terms, left_out, at = [], [], 0
        while at < len(words):
            term, count = self._missing(words, at) or self._phrase(words, at, text)
            if term is not None:
                terms.append(term)
            elif words[at].word not in self._words.small:
                left_out.append(text[slice(*words[at].at)])
            at += count
        return terms, tuple(left_out)

    def _missing(self, words: Sequence[Token], at: int) -> tuple[Term | None, int] | None:
        """`without a helmet`: an item that is not worn. Small words may stand between; several negations, too (`does not wear a`)."""
        first, at = at, at + _begins(words, at, self._words.without)
        if at == first:
            return None
        while at < len(words) and (more := _begins(words, at, self._words.without) or int(words[at].word in self._words.small)):
            at += more
        for length in range(min(_LONGEST_PHRASE, len(words) - at), 0, -1):
            items = self._items_of(self._phrases.get(_stems(words[at : at + length]), ()))
            if items:
                return Term((_place(words[first : at + length]),), (self._not_worn(items),)), at + length - first
        return None

    def _phrase(self, words: Sequence[Token], at: int, text: str) -> tuple[Term | None, int]:
        for length in range(min(_LONGEST_PHRASE, len(words) - at), 0, -1):
            part = words[at : at + length]
            own = _stems(part)
            alike = tuple(map(self._words.alike, own))
            if length == 1 and part[0].word in self._words.small:
                return None, 1
            found = [*self._phrases.get(own, ()), *(self._phrases.get(alike, ()) if alike != own else ())]
            if length == 1:
                found += self._parts.get(alike[0], ())
            items, after = self._items_of(found), _begins(words, at + length, self._words.without_after)
            if items and after:
                return Term((_place(words[at : at + length + after]),), (self._not_worn(items),)), length + after
            if found:
                return Term((_place(part),), self._meanings(dict.fromkeys(found))), length
        word = words[at]
        if _begins(words, at, self._words.without):
            return None, 1
        return self._unknown(word, text[slice(*word.at)]), 1

    def _unknown(self, word: Token, written: str) -> Term:
        """A word that means nothing here: looked for as it is, and as what it is one slip of the finger away from."""
        meant: list[tuple[Field, str]] = []
        if len(word.word) >= _SHORTEST_CORRECTED:
            known = [*self._parts, *(phrase[0] for phrase in self._phrases if len(phrase) == 1)]
            for near in get_close_matches(word.stem, known, 1, _NEAR):
                meant = [*self._phrases.get((near,), ()), *self._parts.get(near, ())]
        return Term((word.at,), (*self._meanings(dict.fromkeys(meant)), Meaning(Field.TEXT, (written,))))

    def _items_of(self, found: Iterable[tuple[Field, str]]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(value for where, value in found if where is Field.CLASS and value in self._items))

    def _meanings(self, found: Iterable[tuple[Field, str]]) -> tuple[Meaning, ...]:
        values: dict[Field, list[str]] = defaultdict(list)
        for where, value in found:
            values[where].append(value)
        cameras = {*values[Field.CAMERA], *(camera for group in values[Field.GROUP] for camera in self._vocabulary.groups[group])}
        made = []
        for where, names in values.items():
            kept = names
            if where in (Field.ZONE, Field.RULE):
                # What is only on these cameras adds nothing.
                places = self._vocabulary.zones if where is Field.ZONE else self._vocabulary.rules
                kept = [name for name in names if not places[name] or not places[name] <= cameras]
            if where is Field.MISSING:
                made.append(self._not_worn(tuple(kept)))
            elif kept:
                made.append(Meaning(where, tuple(self._with_kinds(kept) if where is Field.CLASS else kept), self._also(where, kept)))
        return tuple(made)

    def _with_kinds(self, classes: Iterable[str]) -> Iterator[str]:
        for name in classes:
            yield name
            yield from self._words.kinds_of_class.get(name, ())

    def _also(self, where: Field, names: Sequence[str]) -> tuple[str, ...]:
        if where is Field.GROUP:
            return tuple(sorted({camera for name in names for camera in self._vocabulary.groups[name]}))
        # Events about a helmet are mostly about one that is not there.
        return tuple(f"item={name}" for name in names if name in self._items) if where is Field.CLASS else ()

    def _not_worn(self, items: tuple[str, ...]) -> Meaning:
        return Meaning(Field.MISSING, items, tuple(sorted({name for item in items for name in self._vocabulary.items.get(item, ())})))


def _begins(words: Sequence[Token], at: int, phrases: Iterable[tuple[str, ...]]) -> int:
    """How many words from `at` on are one of the phrases; 0: none is."""
    return max((len(row) for row in phrases if _stems(words[at : at + len(row)]) == row), default=0)


def _stems(words: Iterable[Token]) -> tuple[str, ...]:
    return tuple(word.stem for word in words)


def _place(words: Sequence[Token]) -> tuple[int, int]:
    return words[0].at[0], words[-1].at[1]


def _text_term(text: str, at: tuple[int, int]) -> Term:
    return Term((at,), (Meaning(Field.TEXT, (text,)),))


def _blanked(text: str, at: tuple[int, int]) -> str:
    return text[: at[0]] + " " * (at[1] - at[0]) + text[at[1] :]


def _people(terms: Sequence[Term]) -> Iterator[Term]:
    """Who is seen without an item is a person: where rules ask for its class alone, `person` means that class too."""
    shown = tuple(dict.fromkeys(name for term in terms for one in term.meanings if one.field is Field.MISSING for name in one.also))
    for term in terms:
        yield replace(term, meanings=tuple(_with_implied(one, shown) if _is_person(one) else one for one in term.meanings))


def _with_implied(meaning: Meaning, classes: tuple[str, ...]) -> Meaning:
    more = tuple(name for name in classes if name not in meaning.values)
    return replace(meaning, values=(*meaning.values, *more), implied=more)


def _is_person(meaning: Meaning) -> bool:
    return meaning.field is Field.CLASS and "person" in meaning.values


def _joined(terms: Sequence[Term], folded: str) -> list[Term]:
    """Terms about one and the same thing of an event that exclude each other become one, and so do places with an "or" between them."""
    made: list[Term] = []
    for term in terms:
        other = next((place for place, known in enumerate(made) if _exclude(known, term)), None)
        if other is None and made and _either(made[-1], term, folded):
            other = len(made) - 1
        if other is None:
            made.append(term)
            continue
        known = made[other]
        made[other] = Term((*known.at, *term.at), _together((*known.meanings, *term.meanings)))
    return made


def _together(meanings: Iterable[Meaning]) -> tuple[Meaning, ...]:
    """One meaning a field."""
    made: dict[Field, Meaning] = {}
    for one in meanings:
        known = made.get(one.field, Meaning(one.field, ()))
        made[one.field] = Meaning(one.field, (*known.values, *one.values), (*known.also, *one.also))
    return tuple(made.values())


def _exclude(term: Term, other: Term) -> bool:
    """Whether no event can fit both: each asks for another camera, class, kind ..."""
    if len(term.meanings) != 1 or len(other.meanings) != 1:
        return False
    (one,), (two,) = term.meanings, other.meanings
    if one.field is not two.field or one.field in (Field.MISSING, Field.TEXT, Field.FLAG, Field.FACT) or one.also or two.also:
        return False
    return not set(one.values) & set(two.values)


def _either(term: Term, other: Term, folded: str) -> bool:
    """Whether both are places with an "and" or "or" between them."""
    places = bool(term.meanings and other.meanings) and all(one.field in _PLACES for one in (*term.meanings, *other.meanings))
    return places and _BETWEEN.match(folded[term.at[-1][1] : other.at[0][0]].strip()) is not None
