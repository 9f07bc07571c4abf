"""From what people said of events to changes of a setting that would have kept false alarms away and no true one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from panops.config.schema import CameraConfig, SiteConfig
from panops.domain.feedback import JudgedEvent
from panops.domain.suggestions import Change, Lever, Suggestion
from panops.verify.judged import STAY_FIELDS, Facts, facts_of
from panops.verify.left_out import distance, rectangle
from panops.verify.thresholds import SCORES, SECONDS, threshold

LEAST_FALSE = 5
"""From so many false alarms on something is suggested."""
LEAST_GOING = 3
"""So many of them must go."""
LEAST_TRUE = 1
"""Without a true alarm nobody knows what a change would cost."""
STAY_MARGIN_S = 0.3
"""A true alarm's stay is longer by at least this, s: looks are 0.2 s apart."""
SCORE_MARGIN = 0.02
"""A true alarm's score is higher by at least this."""
AREA_KINDS = frozenset({*STAY_FIELDS, "line_crossing"})
"""Kinds of rules that tell nothing of what they do not see."""
_LEVERS = tuple(Lever)


@dataclass(frozen=True, slots=True)
class _Held:
    """The judged events that a change is held against, newest first."""

    false: list[Facts]
    true: list[Facts]

    @property
    def is_enough(self) -> bool:
        return len(self.false) >= LEAST_FALSE and len(self.true) >= LEAST_TRUE


def suggest(site: SiteConfig, judged: Sequence[JudgedEvent], visible: Collection[str]) -> list[Suggestion]:
    """The changes of single settings that would have kept false alarms away and no true one, those that take most away first.

    False alarms that nobody was told of, or that the settings as they are would keep away, are gone already and count for nothing. A change
    is held against every true alarm of every rule that it would count for: `min_score` against those of the whole camera.

    Args:
        site: The site as it is.
        judged: Judged events of the visible cameras; others are ignored.
        visible: A change that would count on any other camera is left out.

    Returns:
        At most one of each kind for a rule, a camera, or a rule on a camera. The same events give the same list, in any order.
    """
    rules = {rule.id: rule for rule in site.rules if rule.enabled}
    facts: dict[tuple[str, str], list[Facts]] = defaultdict(list)
    for one in sorted(judged, key=lambda one: (-one.event.incident.started_at_s, one.event.event_id)):
        event = one.event
        rule, camera = rules.get(event.rule_id), site.cameras.get(event.camera_id)
        if rule is not None and camera is not None and event.camera_id in visible and rule.kind == event.incident.kind:
            facts[rule.id, event.camera_id].append(facts_of(one, rule, camera))
    found: list[Suggestion | None] = []
    served = {name for rule in rules.values() for name in getattr(rule, "of", ())}
    for rule in rules.values():
        if rule.id in served or rule.kind not in AREA_KINDS:
            continue  # what other rules are made of has true alarms that are told by those
        watched = _watched(rule, site)
        if rule.kind in STAY_FIELDS and set(watched) <= set(visible):
            found.append(_longer_stay(rule, watched, [one for name in watched for one in facts[rule.id, name]], site))
        found += [_left_out(rule, name, site, facts[rule.id, name]) for name in watched if name in visible]
    for name, camera in site.cameras.items():
        watching = site.camera_rules(name)
        if name in visible and all(rule.kind in AREA_KINDS for rule in watching):
            found.append(_surer(name, camera, [one for rule in watching for one in facts[rule.id, name]], rules))
    return sorted((one for one in found if one is not None), key=_order)


def _watched(rule: Any, site: SiteConfig) -> list[str]:
    """The cameras of a rule; of one for all cameras, also those that have no zone of its name yet."""
    return [name for name in (rule.cameras or site.cameras) if name in site.cameras]


def _held(facts: Sequence[Facts], site_score: dict[str, float], rules: dict[str, Any]) -> _Held:
    false, true = [], []
    for one in sorted(facts, key=lambda one: (-one.judged.event.incident.started_at_s, one.event_id)):
        if not one.judged.false_alarm:
            true.append(one)
        elif not one.judged.event.is_suppressed and one.would_come(
            _need_s(rules[one.judged.event.rule_id]), site_score[one.judged.event.camera_id]
        ):
            false.append(one)
    return _Held(false, true)


def _need_s(rule: Any) -> float:
    return float(getattr(rule, STAY_FIELDS[rule.kind])) if rule.kind in STAY_FIELDS else 0.0


def _longer_stay(rule: Any, watched: Sequence[str], facts: Sequence[Facts], site: SiteConfig) -> Suggestion | None:
    held = _held(facts, {name: site.cameras[name].min_score for name in watched}, {rule.id: rule})
    if not held.is_enough:
        return None
    nearest = min(held.true, key=lambda one: (one.stay_s[0], one.event_id))
    before = _need_s(rule)
    after = threshold([one.stay_s[1] for one in held.false], nearest.stay_s[0], before, SECONDS, STAY_MARGIN_S, LEAST_GOING)
    if after is None:
        return None
    change = Change(Lever.STAY, STAY_FIELDS[rule.kind], rule.id, "", before, after)
    goes = [one for one in held.false if one.stay_s[1] < after]
    said = f"Raise {change.field} of the rule {rule.id} from {before:g} s to {after:g} s"
    return _suggestion(
        change, watched, held, goes, nearest, nearest.stay_s[0], f"{said}: {{}}. True ones are told {after - before:.6g} s later."
    )


def _surer(camera_id: str, camera: CameraConfig, facts: Sequence[Facts], rules: dict[str, Any]) -> Suggestion | None:
    held = _held(facts, {camera_id: camera.min_score}, rules)
    if not held.is_enough:
        return None
    nearest = min(held.true, key=lambda one: (one.score[0], one.event_id))
    after = threshold([one.score[1] for one in held.false], nearest.score[0], camera.min_score, SCORES, SCORE_MARGIN, LEAST_GOING)
    if after is None:
        return None
    change = Change(Lever.SCORE, "min_score", "", camera_id, camera.min_score, after)
    goes = [one for one in held.false if one.score[1] < after]
    said = f"Raise min_score of the camera {camera_id} from {camera.min_score:g} to {after:g}"
    return _suggestion(change, [camera_id], held, goes, nearest, nearest.score[0], said + ": {}.")


def _left_out(rule: Any, camera_id: str, site: SiteConfig, facts: Sequence[Facts]) -> Suggestion | None:
    camera = site.cameras[camera_id]
    held = _held(facts, {camera_id: camera.min_score}, {rule.id: rule})
    found = rectangle(held.false, held.true, LEAST_GOING) if held.is_enough else None
    if found is None:
        return None
    # One that stood nowhere where the rule looks now is as far away as can be.
    apart = {one.event_id: min(distance(found.box, one.points), 1.0) for one in held.true}
    nearest = min(held.true, key=lambda one: (apart[one.event_id], one.event_id))
    before = tuple(rule.leave_out)
    change = Change(Lever.AREA, "leave_out", rule.id, camera_id, before, (*before, _free_name(rule, site)), found.corners)
    goes = [one for one in held.false if one.event_id in found.goes]
    said = f"Leave out an area of the camera {camera_id} for the rule {rule.id}, {100 * found.share:.2g} % of the picture"
    return _suggestion(change, [camera_id], held, goes, nearest, apart[nearest.event_id], said + ": {}.")


def _free_name(rule: Any, site: SiteConfig) -> str:
    """A zone's name that no camera has, for the rule would leave that out as well, and that no rule leaves out anywhere."""
    taken = {name for camera in site.cameras.values() for name in (*camera.zones, *camera.lines)}
    taken.update(name for one in site.rules for name in one.leave_out)
    return next(name for number in range(1, len(taken) + 2) if (name := f"{rule.id[:48]}-left-out-{number}") not in taken)


def _suggestion(
    change: Change, cameras: Sequence[str], held: _Held, goes: Sequence[Facts], nearest: Facts, nearest_value: float, words: str
) -> Suggestion:
    gone = tuple(one.event_id for one in goes)
    stays = tuple(one.event_id for one in held.false if one.event_id not in set(gone))
    true = len(held.true)
    costs = "the true one stays" if true == 1 else f"all {true} true ones stay"
    told = words.format(f"{len(gone)} of {len(held.false)} false alarms go, {costs}")
    return Suggestion(change, tuple(cameras), gone, stays, true, nearest.event_id, round(nearest_value, 4), told)


def _order(one: Suggestion) -> tuple[int, int, str, str]:
    return -len(one.goes), _LEVERS.index(one.change.lever), one.change.rule_id, one.change.camera_id
