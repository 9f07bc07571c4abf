"""Finding events: filters, pages and the cursors between pages."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, false, func, literal_column, or_, select, true, tuple_

from panops.domain.events import Severity
from panops.storage.errors import InvalidCursor
from panops.storage.records import BETWEEN_FACTS, ReviewStatus, StoredEvent, as_fact
from panops.storage.scope import Scope
from panops.storage.tables import IS_REVIEWED, IS_SUPPRESSED, events

# SQLite refuses patterns above 50,000 bytes; nobody looks for a text as long as that.
LONGEST_TEXT = 1000


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Things of which an event must have one: conditions that are joined by "or"; with none of them nothing is found.

    Attributes:
        cameras: Camera ids.
        rules: Rule ids.
        kinds: Rule kinds.
        classes: Class names.
        zones: Zone or line names.
        severities: Severities.
        statuses: Review statuses.
        facts: Facts of the kind, as `name=value`: `item=hardhat`.
        texts: Parts of the event id, rule id, kind, class, zone, facts, suppressing step or note.
    """

    cameras: Collection[str] = ()
    rules: Collection[str] = ()
    kinds: Collection[str] = ()
    classes: Collection[str] = ()
    zones: Collection[str] = ()
    severities: Collection[Severity] = ()
    statuses: Collection[ReviewStatus] = ()
    facts: Collection[str] = ()
    texts: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events to find. Conditions are joined by "and"; an empty one is no condition.

    Attributes:
        cameras: Camera ids.
        rules: Rule ids.
        kinds: Rule kinds, such as `intrusion`.
        classes: Class names.
        zones: Zone or line names.
        severities: Severities.
        statuses: Review statuses.
        is_open: True: only events that have not ended; False: only those that have.
        suppressed: True: only what was taken for a false alarm; False: only what was believed.
        kept: True: only events that are kept; False: only those that are not.
        min_score: The least score, 0..1.
        since_s: Began at or after this, UTC s.
        until_s: Began before this, UTC s.
        text: Part of the event id, rule id, class, zone or note; upper and lower case ASCII letters are
            the same. More than 1000 characters find nothing.
        any_of: More conditions, each of which must hold.
    """

    cameras: Collection[str] = ()
    rules: Collection[str] = ()
    kinds: Collection[str] = ()
    classes: Collection[str] = ()
    zones: Collection[str] = ()
    severities: Collection[Severity] = ()
    statuses: Collection[ReviewStatus] = ()
    is_open: bool | None = None
    suppressed: bool | None = None
    kept: bool | None = None
    min_score: float | None = None
    since_s: float | None = None
    until_s: float | None = None
    text: str = ""
    any_of: Collection[AnyOf] = ()


@dataclass(frozen=True, slots=True)
class EventPage:
    """A page of events, newest first by start.

    Attributes:
        events: The page.
        next_cursor: Pass it to get the page after this one; None at the end.
    """

    events: tuple[StoredEvent, ...]
    next_cursor: str | None


def page_query(scope: Scope, wanted: EventFilter, cursor: str | None, limit: int, *, like_ignores_case: bool) -> Select[Any]:
    """Event ids and starts of one page and one event more, newest first.

    Args:
        scope: Whose eyes.
        wanted: What to find.
        cursor: Where to go on, or None.
        limit: How many events a page has.
        like_ignores_case: Whether the database's LIKE does so by itself (SQLite's does, three times as fast as ILIKE is there).

    Raises:
        InvalidCursor: The cursor is not one of `cursor_after`.
    """
    # An index of the few is read, newest first; without this a planner would rather read each row that one camera ever had.
    only_few = bool(wanted.suppressed) or _only_reviewed(wanted)
    camera: ColumnElement[str] = func.coalesce(events.c.camera_id, literal_column("''")) if only_few else events.c.camera_id
    conditions = [scope.where(camera), *_conditions(wanted, camera)]
    if wanted.text:
        conditions.append(_holds_text(wanted.text, like_ignores_case=like_ignores_case))
    conditions += [_any_condition(one, camera, like_ignores_case=like_ignores_case) for one in wanted.any_of]
    if cursor is not None:
        conditions.append(tuple_(events.c.started_at_s, events.c.event_id) < tuple_(*_read_cursor(cursor)))
    order = (events.c.started_at_s.desc(), events.c.event_id.desc())
    return select(events.c.event_id, events.c.started_at_s).where(and_(*conditions)).order_by(*order).limit(limit + 1)


def cursor_after(started_at_s: float, event_id: str) -> str:
    """The cursor that continues after this event. It stays right while events come and go: it names a place, not a number of rows."""
    return base64.urlsafe_b64encode(json.dumps([started_at_s, event_id]).encode()).decode().rstrip("=")


def _read_cursor(cursor: str) -> tuple[float, str]:
    try:
        started_at_s, event_id = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        place = float(started_at_s), str(event_id)
    except (ValueError, TypeError, OverflowError, binascii.Error, RecursionError) as error:
        raise InvalidCursor("expected a cursor from an earlier page, got something else; begin again without one") from error
    if place[0] - place[0] != 0.0 or "\x00" in place[1] or not place[1].isascii():
        raise InvalidCursor("expected a cursor from an earlier page, got something else; begin again without one")
    return place


def _only_reviewed(wanted: EventFilter) -> bool:
    return bool(wanted.statuses) and ReviewStatus.NEW not in wanted.statuses


def _choices(wanted: EventFilter | AnyOf, camera: ColumnElement[str]) -> list[ColumnElement[bool]]:
    """A condition for each column of which only some values are wanted."""
    column = events.c
    columns = (
        (wanted.cameras, camera),
        (wanted.rules, column.rule_id),
        (wanted.kinds, column.kind),
        (wanted.classes, column.class_name),
        (wanted.zones, column.zone),
        (wanted.severities, column.severity),
        (wanted.statuses, column.status),
    )
    return [target.in_(sorted(str(value) for value in values)) for values, target in columns if values]


def _conditions(wanted: EventFilter, camera: ColumnElement[str]) -> list[ColumnElement[bool]]:
    column = events.c
    found = _choices(wanted, camera)
    if _only_reviewed(wanted):
        found.append(IS_REVIEWED)  # as they all are
    if wanted.is_open is not None:
        found.append(column.ended_at_s.is_(None) if wanted.is_open else column.ended_at_s.is_not(None))
    if wanted.suppressed is not None:
        found.append(IS_SUPPRESSED if wanted.suppressed else column.suppressed_by == "")
    if wanted.kept is not None:
        found.append(column.kept.is_(wanted.kept))
    if wanted.min_score is not None:
        found.append(column.score >= wanted.min_score)
    if wanted.since_s is not None:
        found.append(column.started_at_s >= wanted.since_s)
    if wanted.until_s is not None:
        found.append(column.started_at_s < wanted.until_s)
    return found


def _any_condition(wanted: AnyOf, camera: ColumnElement[str], *, like_ignores_case: bool) -> ColumnElement[bool]:
    column = events.c
    found = _choices(wanted, camera)
    whole = [f"{BETWEEN_FACTS}{as_fact(fact)}{BETWEEN_FACTS}" for fact in wanted.facts]
    found += [_holds(column.facts, fact, like_ignores_case=like_ignores_case) for fact in whole]
    for text in wanted.texts:
        more = (column.kind, column.facts, column.suppressed_by)
        found.append(_holds_text(text, *more, like_ignores_case=like_ignores_case))
    return or_(false(), *found)


def _holds_text(text: str, *more: ColumnElement[str], like_ignores_case: bool) -> ColumnElement[bool]:
    """Whether an event's id, rule, class, zone, note or `more` of its columns have `text` in them."""
    if len(text) > LONGEST_TEXT or "\x00" in text or not _encodes(text):
        return false()
    column = events.c
    noted = select(column.event_id).where(column.note != "", _holds(column.note, text, like_ignores_case=like_ignores_case))
    texts = (column.event_id, column.rule_id, column.class_name, column.zone, *more)
    looked_for = [(one, as_fact(text) if one is column.facts else text) for one in texts]
    return or_(*(_holds(one, part, like_ignores_case=like_ignores_case) for one, part in looked_for), column.event_id.in_(noted))


def _holds(column: ColumnElement[str], text: str, *, like_ignores_case: bool) -> ColumnElement[bool]:
    pattern = "%" + re.sub(r"([/%_])", r"/\1", text) + "%"
    return column.like(pattern, escape="/") if like_ignores_case else column.ilike(pattern, escape="/")


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def changed_queries(scope: Scope, since_s: float, limit: int) -> tuple[Select[str, float], ...]:
    """The events in the scope that were heard of last, and those that were reviewed last, each with its moment, newest first.

    Two queries, as one with a condition on both moments could read no index in order: of each at most `limit` rows are read.
    """
    # As an expression, so that no database takes the index of cameras instead and sorts all that these ever saw.
    camera_id = func.coalesce(events.c.camera_id, "")
    heard_s, reviewed_s = events.c.updated_at_s, events.c.reviewed_at_s
    return tuple(
        select(events.c.event_id, at_s)
        .where(condition, at_s >= since_s, scope.where(camera_id))
        .order_by(at_s.desc(), events.c.event_id.desc())
        .limit(limit)
        for at_s, condition in ((heard_s, true()), (reviewed_s, IS_REVIEWED))
    )
