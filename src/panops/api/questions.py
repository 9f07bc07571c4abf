"""Questions in plain words: the names of the site that the one who asks may use, and how a question was understood as an answer."""

from __future__ import annotations

from typing import Any, Self

from panops.api.schemas import EventOut, Out
from panops.api.services import Services
from panops.config.rule_schema import KNOWN_ITEMS
from panops.config.schedule import site_timezone
from panops.config.schema import SiteConfig
from panops.domain.errors import ConfigError
from panops.storage.question import Field, Meaning, Question, Term, Vocabulary
from panops.storage.question_reader import understand
from panops.storage.scope import Scope


class MeaningOut(Out):
    """What words may mean: one of `values` of `field`. `names` are those that were named, as people call them.

    `also`: of a group its cameras, of an item that is missing the classes that show it, of an item `item=name`, as events about it have it.
    """

    field: Field
    values: list[str]
    names: list[str]
    also: list[str]


class TermOut(Out):
    """Words of a question and what an event must have for them: one of the meanings, or a beginning between two moments.

    `at` says where the words stand in `text`, pieces by first and last place; `words` are these pieces.
    """

    words: str
    at: list[tuple[int, int]]
    meanings: list[MeaningOut]
    since_s: float | None
    until_s: float | None


class UnderstoodOut(Out):
    """How a question was understood. An event must fit every term; `left_out` are words that could not be used."""

    text: str
    terms: list[TermOut]
    left_out: list[str]

    @classmethod
    def of(cls, question: Question, site: SiteConfig) -> Self:
        """The question's terms, with the names of the site."""
        return cls(text=question.text, terms=[_term(question.text, one, site) for one in question.terms], left_out=list(question.left_out))


class EventsOut(Out):
    """One page of events, newest first; `next_cursor` gets the next page, null at the end. `understood` is null where no `words` came."""

    events: list[EventOut]
    next_cursor: str | None
    understood: UnderstoodOut | None = None


def asked(words: str, scope: Scope, services: Services) -> tuple[Question, UnderstoodOut]:
    """Read a question in the names that the caller may see; blocks on the database."""
    site = services.view.current()
    try:
        timezone = site_timezone(site.timezone)
    except ConfigError:
        timezone = None  # which the site says itself
    question = understand(words, vocabulary(site, scope), services.clock.utc_s(), timezone)
    return question, UnderstoodOut.of(question, site)


def vocabulary(site: SiteConfig, scope: Scope) -> Vocabulary:
    """The names that somebody with that scope may hear of."""
    cameras = {camera_id: camera for camera_id, camera in site.cameras.items() if scope.allows(camera_id)}
    zones: dict[str, set[str]] = {}
    rules: dict[str, frozenset[str]] = {}
    classes: set[str] = set()
    items = {name: list(known["absent"]) for name, known in KNOWN_ITEMS.items()}
    for camera_id, camera in cameras.items():
        for name in (*camera.zones, *camera.lines):
            zones.setdefault(name, set()).add(camera_id)
        for rule in site.camera_rules(camera_id):
            rules[rule.id] = rules.get(rule.id, frozenset()) | {camera_id}
    seen = [rule for rule in site.rules if rule.id in rules]
    for rule in seen:
        classes.update(rule.classes)
        for item in getattr(rule, "required", ()):
            classes.update(item.present)
            items[item.item] = [*items.get(item.item, ()), *item.absent]
    return Vocabulary(
        cameras={camera_id: camera.name for camera_id, camera in cameras.items()},
        groups={name: shown for name, members in site.groups.items() if (shown := frozenset(members) & cameras.keys())},
        zones={name: frozenset(found) for name, found in zones.items()},
        rules=rules,
        kinds=sorted({rule.kind for rule in seen}),
        classes=sorted(classes),
        items=items,
    )


def _term(text: str, term: Term, site: SiteConfig) -> TermOut:
    return TermOut(
        words=" ".join(text[begin:end] for begin, end in term.at),
        at=list(term.at),
        meanings=[MeaningOut(**_meaning(one, site)) for one in term.meanings],
        since_s=term.since_s,
        until_s=term.until_s,
    )


def _meaning(meaning: Meaning, site: SiteConfig) -> dict[str, Any]:
    names = [name for name in meaning.values if name not in meaning.implied]
    if meaning.field is Field.CAMERA:
        names = [camera.name or camera_id for camera_id in names if (camera := site.cameras.get(camera_id)) is not None]
    return {"field": meaning.field, "values": list(meaning.values), "names": names, "also": list(meaning.also)}
