"""Suggestions of a site: found in what people said, applied, taken back, put aside. Every method blocks on the database."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from panops.config.rule_schema import RuleConfig
from panops.config.schema import CameraConfig, SiteConfig, ZoneConfig
from panops.domain.clock import Clock, SystemClock
from panops.domain.errors import ConfigError
from panops.domain.feedback import JudgedEvent
from panops.domain.suggestions import Change, Lever, Suggestion, Value
from panops.storage.audit import AuditEntry, AuditLog
from panops.storage.database import Database
from panops.storage.errors import RequestRefused, StaleEdit
from panops.storage.judgements import JudgementStore
from panops.storage.put_aside import PutAside
from panops.storage.scope import Scope
from panops.storage.site import SiteRepository
from panops.storage.trail import TrackTrail, TrailPoint
from panops.verify.suggestions import AREA_KINDS, LEAST_FALSE, LEAST_TRUE, suggest

log = logging.getLogger(__name__)

APPLY, TAKE_BACK, ASIDE, AGAIN = "suggestion.apply", "suggestion.take_back", "suggestion.put_aside", "suggestion.show_again"
MOST_APPLIED = 20
"""So many of the newest that were applied are told."""
# Boxes of an event are stored when its clip is, which may be after it was judged.
_HOLDS_S = 60.0
# Those of an event that ended so long ago change no more.
_SETTLED_S = 600.0
# So many of them are kept read: some 10 kB each, and a millisecond or two to read.
_MOST_SEEN = 2000
# Callers with as many different sets of cameras are answered from what was found before.
_MOST_SCOPES = 16
_STALE = "the site or what people said of events has changed, so that this does not stand any more; look at the suggestions again"
_RULE: TypeAdapter[RuleConfig] = TypeAdapter(RuleConfig)


@dataclass(frozen=True, slots=True)
class Applied:
    """A change that somebody applied.

    Attributes:
        suggestion_id: The suggestion's id.
        change: From what to what.
        cameras: The cameras on which it counts.
        words: The suggestion's sentence, as it stood then.
        at_s: When, UTC s.
        user: Who.
        holds: Whether the setting is still what it was changed to, so that it can be taken back.
    """

    suggestion_id: str
    change: Change
    cameras: tuple[str, ...]
    words: str
    at_s: float
    user: str
    holds: bool


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a rule is from a suggestion.

    Attributes:
        rule_id: The rule.
        false_alarms: False alarms of it that people were told of and marked.
        true_alarms: True ones that were marked.
        needs_false: So many of the first it takes before anything is suggested.
        needs_true: So many of the second.
    """

    rule_id: str
    false_alarms: int
    true_alarms: int
    needs_false: int = LEAST_FALSE
    needs_true: int = LEAST_TRUE


class Suggesting:
    """Used by any number of threads.

    Args:
        database: An opened database.
        clock: Says how old an answer is.
    """

    def __init__(self, database: Database, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._sites = SiteRepository(database)
        self._judgements = JudgementStore(database)
        self._trails = TrackTrail(database)
        self._audit = AuditLog(database)
        self._aside = PutAside(database)
        # Held while something is found: it takes seconds of a processor, and others would only find the same.
        self._lock = threading.Lock()
        self._known: dict[frozenset[str] | None, tuple[Any, float, list[Suggestion]]] = {}
        self._seen: dict[str, NDArray[np.float64]] = {}

    def suggestions(self, scope: Scope) -> list[Suggestion]:
        """What the scope shows, those that take most false alarms away first; what was put aside is among them.

        A change that would count on a camera outside of the scope is not shown. Asking again within a minute costs little while nobody has
        changed the site or judged another event.
        """
        now_s = self._clock.monotonic_s()
        key = (self._sites.revision(), self._judgements.revision())
        with self._lock:
            known, found_s, found = self._known.pop(scope.cameras, (None, 0.0, []))
            if known != key or now_s - found_s > _HOLDS_S:
                found_s, found = now_s, self._find(scope, self._sites.load())
            self._known[scope.cameras] = key, found_s, found
            while len(self._known) > _MOST_SCOPES:
                del self._known[next(iter(self._known))]
        return found

    def progress(self, scope: Scope) -> list[Progress]:
        """How much was marked of each rule of which something can be suggested and anything was marked, in the order of the site."""
        site, tallies = self._sites.load(), self._judgements.tallies(scope)
        served = {name for rule in site.rules for name in getattr(rule, "of", ())}
        fit = [rule.id for rule in site.rules if rule.enabled and rule.kind in AREA_KINDS and rule.id not in served]
        return [Progress(rule_id, *tallies[rule_id]) for rule_id in fit if rule_id in tallies]

    def put_aside(self) -> frozenset[str]:
        """The ids of those that nobody wants to see for now."""
        return self._aside.ids()

    def applied(self, scope: Scope) -> list[Applied]:
        """The newest changes that were applied and count on cameras of the scope only, newest first."""
        site = self._sites.load()
        found: list[Applied] = []
        for entry in self._audit.newest_of([APPLY]):
            one = _applied(entry, site)
            if one is not None and all(scope.allows(name) for name in one.cameras):
                again = any(one.suggestion_id == newer.suggestion_id for newer in found)
                found.append(replace(one, holds=one.holds and not again))
        return found[:MOST_APPLIED]

    def apply(self, scope: Scope, suggestion_id: str, user: str, at_s: float) -> Suggestion:
        """Change the setting, after everything was looked at once more.

        Raises:
            RequestRefused: It does not stand any more, or never did; nothing was changed.
            StorageError: Nothing was changed, or the change is not in the audit log.
        """
        etags = _Etags(self._sites)
        site = etags.load()
        with self._lock:
            found = self._find(scope, site)
        wanted = next((one for one in found if one.suggestion_id == suggestion_id), None)
        if wanted is None:
            raise RequestRefused(_STALE)
        self._write(etags, site, wanted.change)
        detail = {
            **_named(wanted.change),
            "suggestion_id": suggestion_id,
            "cameras": list(wanted.cameras),
            "words": wanted.words,
            "false_alarms_gone": len(wanted.goes),
            "false_alarms_left": len(wanted.stays),
            "true_alarms_kept": wanted.true_alarms,
            "change": wanted.change.plain(),
        }
        self._audit.record(at_s, user, APPLY, wanted.change.rule_id or wanted.change.camera_id, detail)
        return wanted

    def take_back(self, scope: Scope, suggestion_id: str, user: str, at_s: float) -> Applied:
        """Change a setting back to what it was before a suggestion was applied; what was applied, which holds no more.

        Raises:
            RequestRefused: No such suggestion was applied, or the setting was changed since; nothing was changed.
            StorageError: Nothing was changed, or the change is not in the audit log.
        """
        done = next((one for one in self.applied(scope) if one.suggestion_id == suggestion_id), None)
        if done is None or not done.holds:
            raise RequestRefused("no such suggestion was applied lately, or its setting was changed since; change the setting itself")
        etags = _Etags(self._sites)
        site = etags.load()
        if _now(site, done.change) != done.change.after or not all(scope.allows(name) for name in _counts_on(site, done.change)):
            raise RequestRefused(_STALE)
        back = replace(done.change, before=done.change.after, after=done.change.before)
        self._write(etags, site, back)
        self._audit.record(at_s, user, TAKE_BACK, back.rule_id or back.camera_id, {**_named(back), "suggestion_id": suggestion_id})
        return replace(done, holds=False)

    def set_aside(self, scope: Scope, suggestion_id: str, user: str, at_s: float, *, aside: bool) -> None:
        """Put a suggestion aside until it proposes something else, or take it back.

        Raises:
            RequestRefused: There is no such suggestion now.
            StorageError: It was not written.
        """
        wanted = next((one for one in self.suggestions(scope) if one.suggestion_id == suggestion_id), None)
        if wanted is None:
            raise RequestRefused(_STALE)
        (self._aside.add if aside else self._aside.remove)(suggestion_id)
        detail = {**_named(wanted.change), "suggestion_id": suggestion_id}
        self._audit.record(at_s, user, ASIDE if aside else AGAIN, wanted.change.rule_id or wanted.change.camera_id, detail)

    def _find(self, scope: Scope, site: SiteConfig) -> list[Suggestion]:
        """The caller holds the lock."""
        judged = self._judgements.events(scope)
        false = [one.event for one in judged if one.false_alarm]
        # Boxes take long to read: only where there are enough false alarms for anything.
        many = {
            name
            for key in ("rule_id", "camera_id")
            for name, count in Counter((key, getattr(one, key)) for one in false).items()
            if count >= LEAST_FALSE
        }
        worth = {one.event.event_id: one for one in judged if {("rule_id", one.event.rule_id), ("camera_id", one.event.camera_id)} & many}
        for event_id, points in self._trails.trails(scope, [name for name in worth if name not in self._seen]):
            seen = seen_of(worth[event_id], points)
            worth[event_id] = replace(worth[event_id], seen=seen)
            ended_s = worth[event_id].event.incident.ended_at_s
            if ended_s is not None and self._clock.utc_s() - ended_s > _SETTLED_S and len(self._seen) < _MOST_SEEN:
                self._seen[event_id] = seen
        for event_id in worth.keys() & self._seen.keys():
            worth[event_id] = replace(worth[event_id], seen=self._seen[event_id])
        if scope.cameras is None:  # of others nobody asks any more
            self._seen = {event_id: seen for event_id, seen in self._seen.items() if event_id in worth}
        return suggest(site, list(worth.values()), [name for name in site.cameras if scope.allows(name)])

    def _write(self, etags: _Etags, site: SiteConfig, change: Change) -> None:
        """Set what `change` says; what was read before must still be there."""
        try:
            rule, camera = _changed(site, change)
            if camera is None:
                self._sites.put_rule(rule, etag=etags.rule(change.rule_id))
            elif rule is None:
                self._sites.put_camera(change.camera_id, camera, etag=etags.camera(change.camera_id))
            else:
                camera_etag, rule_etag = etags.camera(change.camera_id), etags.rule(change.rule_id)
                self._sites.put_both(change.camera_id, camera, rule, camera_etag=camera_etag, rule_etag=rule_etag)
        except (StaleEdit, ConfigError, LookupError) as error:
            raise RequestRefused(_STALE) from error


class _Etags:
    """The versions of all rules and cameras from before the site was read, so that what changes meanwhile is noticed."""

    def __init__(self, sites: SiteRepository) -> None:
        self._sites = sites
        self._rules: dict[str, str] = {}
        self._cameras: dict[str, str] = {}

    def load(self) -> SiteConfig:
        self._rules, self._cameras = self._sites.etags()
        return self._sites.load()

    def rule(self, rule_id: str) -> str:
        return self._rules[rule_id]

    def camera(self, camera_id: str) -> str:
        return self._cameras[camera_id]


def seen_of(judged: JudgedEvent, points: Sequence[TrailPoint]) -> NDArray[np.float64]:
    """Where an event's own objects were, as `JudgedEvent.seen` has it, from its stored boxes."""
    own = set(judged.event.incident.track_ids)
    rows = [
        (point.time_s, track_id, score, (left + right) / 2, bottom)
        for point in points
        for track_id, _, score, (left, _, right, bottom) in point.boxes
        if track_id in own
    ]
    return np.array(rows, np.float64).reshape(-1, 5)


def _changed(site: SiteConfig, change: Change) -> tuple[Any, CameraConfig | None]:
    """The rule and the camera as they would be; None for what stays.

    Raises:
        LookupError: The rule, the camera or the setting is not there.
        ConfigError: What would come of it is no such thing.
    """
    camera = site.cameras[change.camera_id] if change.camera_id else None
    if change.lever is Lever.SCORE and camera is not None:
        return None, camera.model_copy(update={change.field: change.after})
    rule: Any = next((one for one in site.rules if one.id == change.rule_id), None)
    if rule is None:
        raise LookupError(change.rule_id)
    after = list(change.after) if isinstance(change.after, tuple) else change.after
    changed = _RULE.validate_python({**rule.model_dump(mode="json"), change.field: after})
    return changed, None if camera is None else _with_zone(site, camera, change)


def _with_zone(site: SiteConfig, camera: CameraConfig, change: Change) -> CameraConfig:
    """The camera with the zone of the suggestion; without it where that is taken back and no other rule names it."""
    after, before = _names(change.after), _names(change.before)
    zones = dict(camera.zones)
    for name in after[len(before) :]:
        zones[name] = ZoneConfig(polygon=list(change.polygon))
    for name in before[len(after) :]:
        if not any(name in rule.leave_out or getattr(rule, "zone", None) == name for rule in site.rules if rule.id != change.rule_id):
            zones.pop(name, None)
    return camera.model_copy(update={"zones": zones})


def _names(value: Value) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else ()


def _named(change: Change) -> dict[str, Any]:
    """The change in the words of the audit log."""
    plain = change.plain()
    target = {"rule": change.rule_id, "camera": change.camera_id}
    return {
        **{name: value for name, value in target.items() if value},
        "field": change.field,
        "from": plain["before"],
        "to": plain["after"],
    }


def _applied(entry: AuditEntry, site: SiteConfig) -> Applied | None:
    """What an entry says; None where it cannot be read."""
    try:
        change = Change.from_plain(entry.detail["change"])
        cameras = tuple(str(name) for name in entry.detail["cameras"])
        words, suggestion_id = str(entry.detail["words"]), str(entry.detail["suggestion_id"])
    except (KeyError, TypeError, ValueError) as error:
        log.warning("an entry of the audit log cannot be read (%s); what it says was applied is not shown", error)
        return None
    return Applied(suggestion_id, change, cameras, words, entry.at_s, entry.user, _now(site, change) == change.after)


def _counts_on(site: SiteConfig, change: Change) -> list[str]:
    """The cameras on which a setting counts as the site is now."""
    if change.camera_id:
        return [change.camera_id]
    rule = next((one for one in site.rules if one.id == change.rule_id), None)
    return list(site.cameras) if rule is None or not rule.cameras else list(rule.cameras)


def _now(site: SiteConfig, change: Change) -> Value | None:
    """The setting as it is; None where there is none any more."""
    of: Any = site.cameras.get(change.camera_id) if change.lever is Lever.SCORE else None
    if change.lever is not Lever.SCORE:
        of = next((rule for rule in site.rules if rule.id == change.rule_id), None)
    value = getattr(of, change.field, None)
    return tuple(value) if isinstance(value, list) else value
