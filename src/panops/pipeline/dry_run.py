"""What would a rule have said? What was followed in the last hours goes once more through the rules' own engine.

The same looks give the same events as they gave live. What only the live site has is left out: the chain that looks for false alarms has
no pictures here.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from panops.config.load import cross_check
from panops.config.rule_schema import POSTURE_KINDS, CombinedConfig, RuleConfig
from panops.config.schedule import site_timezone
from panops.config.schema import SiteConfig
from panops.domain.clock import Clock
from panops.domain.errors import ConfigError
from panops.domain.events import Event
from panops.domain.places import Box
from panops.domain.tracks import Tracks
from panops.rules.build import build_rules, check_rules
from panops.rules.engine import RuleEngine
from panops.rules.scene import ANY_CLASS, MOVING_CLASS
from panops.storage.look_file import Ended, LookHead
from panops.storage.look_shelf import LookShelf

WARM_UP_S = 600.0
"""So much before the beginning is replayed as well, s, so that a rule knows who was there already."""
MOST_EVENTS = 500
"""So many of the events are told one by one; all are counted."""
MOST_BOXES = 24
_PATIENCE_S = 20.0
# What rules of some kinds ask for, and looks are kept without.
_NOT_KEPT = {**dict.fromkeys(POSTURE_KINDS, "joints"), "identity": "faces", "area": "areas"}
_LOOK_AT_CLOCK_EVERY = 64
# A log whose newest look is older was not cut off by now: what was open then had ended.
_FRESH_S = 150.0


@dataclass(eq=False, slots=True)
class WouldBe:
    """An event that there would have been.

    Attributes:
        event: Its newest word. The id is of the dry run only.
        boxes: Who took part, at its best moment: track, class, score, relative box.
        at_s: When that was, capture time, s.
    """

    event: Event
    boxes: list[tuple[int, str, float, Box]] = field(default_factory=list)
    at_s: float = 0.0


@dataclass(eq=False, slots=True)
class CameraReplay:
    """What is known of one camera.

    Attributes:
        camera_id: The camera.
        looks: How many looks were replayed, without those of the warm-up.
        from_s: The first of them, capture time, s; None where there was none.
        to_s: The last of them.
        notes: What limits the answer, one sentence each.
    """

    camera_id: str
    looks: int = 0
    from_s: float | None = None
    to_s: float | None = None
    notes: list[str] = field(default_factory=list)


@dataclass(eq=False, slots=True)
class DryRunResult:
    """What a rule would have said.

    Attributes:
        since_s: From when on it was asked, UTC s.
        until_s: Until when.
        total: How many events there would have been.
        per_hour: How many began in each hour since `since_s`; what began before it counts for the first.
        events: The newest of them, the newest first; at most `MOST_EVENTS`.
        cameras: Every camera that the rule watches.
        complete: Whether all looks were replayed within the time that is given to it.
    """

    since_s: float
    until_s: float
    total: int = 0
    per_hour: list[int] = field(default_factory=list)
    events: list[WouldBe] = field(default_factory=list)
    cameras: list[CameraReplay] = field(default_factory=list)
    complete: bool = True


class DryRunStoppedError(Exception):
    """Nobody waits for the answer any more."""


class DryRun:
    """Tries one rule. Made and run by one thread.

    Args:
        site: The site as it is.
        rule: The rule; it takes the place of the one with its id.
        shelf: Where looks are kept.
        clock: Time.
        stop: Ends the replay when it is set.
        patience_s: How long it may take, s.

    Raises:
        ConfigError: The rule does not fit the site.
    """

    def __init__(
        self, site: SiteConfig, rule: RuleConfig, shelf: LookShelf, clock: Clock, stop: threading.Event, patience_s: float = _PATIENCE_S
    ) -> None:
        others = [one for one in site.rules if one.id != rule.id]
        # Off or silent, it is tried all the same.
        self._rule = rule.model_copy(update={"enabled": True, "silent": False})
        whole = site.model_copy(update={"rules": [*others, self._rule]})
        problems = list(cross_check(whole))
        if problems:
            raise ConfigError("the rule", problems)
        self._site = whole.model_copy(update={"rules": [*_parts(self._rule, others), self._rule]})
        self._shelf = shelf
        self._clock = clock
        self._stop = stop
        self._ends_s = clock.monotonic_s() + patience_s
        self._seen = 0

    def run(self, camera_ids: Sequence[str], since_s: float, until_s: float) -> DryRunResult:
        """Replay what was followed from `since_s` to `until_s`, UTC s, on those of the cameras that the rule watches.

        Raises:
            DryRunStoppedError: `stop` was set.
        """
        result = DryRunResult(since_s, until_s, per_hour=[0] * max(1, int(np.ceil((until_s - since_s) / 3600 - 1e-9))))
        for camera_id in camera_ids:
            if not self._rule.cameras or camera_id in self._rule.cameras:
                self._replay(camera_id, result)
        result.events.sort(key=lambda one: one.event.incident.started_at_s, reverse=True)
        del result.events[MOST_EVENTS:]
        return result

    def _replay(self, camera_id: str, result: DryRunResult) -> None:
        camera = CameraReplay(camera_id)
        result.cameras.append(camera)
        found: dict[str, WouldBe] = {}
        run = _Run(self._site, camera_id, self._rule.id, found)
        head: LookHead | None = None
        for look in self._shelf.read(camera_id, result.since_s - WARM_UP_S):
            if isinstance(look, LookHead):
                if head is None or look.run != head.run:
                    run.end()
                    run.begin(look)
                    camera.notes += [note for note in self._notes(look) if note not in camera.notes]
                head = look
                continue
            if isinstance(look, Ended):
                run.end()
                continue
            if look.time_s > result.until_s:
                break
            if not self._may_go_on():
                result.complete = False
                break
            run.look(look)
            if look.time_s >= result.since_s:
                camera.looks += 1
                camera.from_s = look.time_s if camera.from_s is None else camera.from_s
                camera.to_s = look.time_s
        if result.until_s - run.time_s > _FRESH_S:
            run.end()
        if camera.from_s is None:
            camera.notes.append("nothing is kept of this time: it was not looked at, or `retention.looks_hours` is shorter")
        _add(result, found)

    def _may_go_on(self) -> bool:
        self._seen += 1
        if self._seen % _LOOK_AT_CLOCK_EVERY:
            return True
        if self._stop.is_set():
            raise DryRunStoppedError
        return self._clock.monotonic_s() < self._ends_s

    def _notes(self, head: LookHead) -> list[str]:
        """What of the rule could not be known from these looks."""
        notes = [problem.message for problem in check_rules(self._site, head.camera_id, head.classes)]
        unkept = {_NOT_KEPT[rule.kind] for rule in self._site.rules if rule.kind in _NOT_KEPT}
        notes += [f"what was followed is kept without {what}, so a rule about them finds nothing here" for what in sorted(unkept)]
        if head.followed is None or head.classes == (MOVING_CLASS,):
            return notes
        followed = {name.casefold() for name in head.followed}
        wanted = {name.strip().casefold(): name for rule in self._site.rules for name in rule.needed_classes}
        known = {name.casefold() for name in head.classes}
        if ANY_CLASS in wanted:
            notes.append(f"only {', '.join(sorted(head.followed))} were followed: the rules of then asked for nothing else")
        missed = sorted(name for folded, name in wanted.items() if folded in known - followed)
        if missed:
            notes.append(f"{', '.join(missed)} {'was' if len(missed) == 1 else 'were'} not followed: no rule of then asked for it")
        return notes


class _Run:
    """The engine of one camera over its looks, and what it found."""

    def __init__(self, site: SiteConfig, camera_id: str, rule_id: str, found: dict[str, WouldBe]) -> None:
        self._site, self._camera_id, self._rule_id, self._found = site, camera_id, rule_id, found
        self._timezone = site_timezone(site.timezone)
        self._engine: RuleEngine | None = None
        self._head: LookHead | None = None
        self._sequence = 0
        self.time_s = float("-inf")

    def begin(self, head: LookHead) -> None:
        """Looks of this head follow."""
        self._head = head

    def look(self, tracks: Tracks) -> None:
        """One look."""
        head = self._head
        if head is None:
            return
        if self._engine is None:
            rules = build_rules(self._site, self._camera_id, head.classes, head.size_wh, self._timezone)
            self._engine = RuleEngine(self._camera_id, rules, 0, self._sequence)
        self.time_s = tracks.time_s
        self._take(self._engine.update(tracks), tracks)

    def end(self) -> None:
        """The rules end where they last looked."""
        if self._engine is not None:
            self._take(self._engine.finish(self.time_s), None)
            self._sequence = self._engine.next_sequence
            self._engine = None

    def _take(self, events: Sequence[Event], tracks: Tracks | None) -> None:
        for event in events:
            if event.rule_id != self._rule_id:
                continue
            known = self._found.setdefault(event.event_id, WouldBe(event, at_s=event.incident.started_at_s))
            is_better = not known.boxes or event.incident.box != known.event.incident.box
            known.event = event
            if tracks is not None and is_better and self._head is not None:
                boxes = list(_boxes(tracks, event.incident.track_ids, self._head))
                if boxes:
                    known.boxes, known.at_s = boxes, tracks.time_s


def _boxes(tracks: Tracks, track_ids: Sequence[int], head: LookHead) -> Iterator[tuple[int, str, float, Box]]:
    scale = np.array([*head.size_wh, *head.size_wh], np.float64)
    for row in np.flatnonzero(np.isin(tracks.track_id, track_ids))[:MOST_BOXES]:
        left, top, right, bottom = (round(float(edge), 5) for edge in np.clip(tracks.xyxy[row] / scale, 0, 1))
        class_id = int(tracks.class_id[row])
        name = head.classes[class_id] if 0 <= class_id < len(head.classes) else ""
        yield int(tracks.track_id[row]), name, round(float(tracks.score[row]), 3), (left, top, right, bottom)


def _add(result: DryRunResult, found: dict[str, WouldBe]) -> None:
    """Count what went on within the time that was asked for, and keep the newest of it."""
    for one in found.values():
        incident = one.event.incident
        last_s = incident.updated_at_s if incident.ended_at_s is None else max(incident.ended_at_s, incident.updated_at_s)
        if last_s < result.since_s:
            continue
        result.total += 1
        hour = int((incident.started_at_s - result.since_s) // 3600)
        result.per_hour[min(max(hour, 0), len(result.per_hour) - 1)] += 1
        result.events.append(one)
    if len(result.events) > 4 * MOST_EVENTS:
        result.events.sort(key=lambda one: one.event.incident.started_at_s, reverse=True)
        del result.events[MOST_EVENTS:]


def _parts(rule: Any, others: Sequence[Any]) -> list[Any]:
    """The rules that a combination listens to, and theirs, with nothing told of them."""
    by_id = {one.id: one for one in others}
    wanted, todo = set(), [rule]
    while todo:
        one = todo.pop()
        for name in one.of if isinstance(one, CombinedConfig) else ():
            if name in by_id and name not in wanted:
                wanted.add(name)
                todo.append(by_id[name])
    return [one for one in others if one.id in wanted]
