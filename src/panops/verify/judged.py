"""What the stored data of a judged event show, and no more: how long it was there, how sure the detector was, where it stood.

Whether an event would come under another setting is never known from one number, so each figure is a pair: what it was **at least**, which
counts for a true alarm, and what it was **at most**, which counts for a false one. Nothing known is 0 and infinity: such a true alarm is
lost by any change, such a false one goes by none.

**How long.** A rule counts the stay of one object. At most that was the event's whole duration, from its beginning to its end: the moment
of telling lies in between, is not stored, and says only how long the rule had to wait. Several objects can make one long event, so the
duration is no stay of any of them; at least it was the longest stay of one object that the stored boxes show. Where the rule itself writes
the stay into the event (`details.dwell_s`), both are that. Of an event that goes on or was interrupted the most is infinite. One that was
ended because its camera was switched off, or moved to another process, looks like one that ended by itself.

**How sure.** An object counts from the first look at which it has `min_score`. At most its score was the best that its objects ever had,
inside the zone or not, which the verdict keeps since panops does (`Verdict.best_score`). At least it was the best score that it had
reached early enough: so that it was still there for as long as the rule asks, and a second for the tracker to find it.

**Where.** Its ground points in the rule's zone, as far as its clip goes (`whole`: from its beginning to its end).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from panops.config.schema import CameraConfig
from panops.domain.feedback import JudgedEvent
from panops.domain.geometry import Polygon

STAY_FIELDS = {"intrusion": "after_s", "loitering": "after_s", "dwell": "least_s"}
"""The setting of each kind of rule that asks how long one object stays."""
# Rules that write the longest stay of their object into the event.
_SAYS_ITS_STAY = frozenset({"loitering", "dwell"})
# It is written with one digit.
_ROUNDED_S = 0.05
# Sightings further apart are two stays.
_GAP_S = 1.0
# A tracker needs some looks to find an object that was too weak before.
_FOUND_S = 1.0
_EPSILON_S = 0.011

Span = tuple[float, float]
"""At least and at most."""


@dataclass(frozen=True, slots=True, eq=False)
class Facts:
    """What is known of one judged event, for one rule of one camera.

    Attributes:
        judged: The event.
        stay_s: How long one object stayed, s.
        score: The `min_score` up to which it comes, and the one above which it does not.
        points: (N, 2) relative ground points in the rule's zone, of its own objects.
        whole: The points are all that there were, from its beginning to its end.
        told: The points go from its beginning until the rule could tell it.
    """

    judged: JudgedEvent
    stay_s: Span
    score: Span
    points: NDArray[np.float64]
    whole: bool
    told: bool

    @property
    def event_id(self) -> str:
        """The event's id."""
        return self.judged.event.event_id

    def would_come(self, need_s: float, min_score: float) -> bool:
        """False where the settings as they are would have kept it away already."""
        gone = self.stay_s[1] < need_s or self.score[1] < min_score or (self.whole and len(self.points) == 0)
        return not gone


def facts_of(judged: JudgedEvent, rule: Any, camera: CameraConfig) -> Facts:
    """Look at one event with the eyes of its rule, as rule and camera are set now.

    Args:
        judged: The event.
        rule: Its rule's settings.
        camera: Its camera's settings; a zone of the rule that it does not have is taken for the whole picture.
    """
    incident = judged.event.incident
    own = judged.seen
    inside = own[_counts(own[:, 3:], rule, camera)]
    ended_s = inf if incident.ended_at_s is None or incident.details.get("interrupted") else incident.ended_at_s
    need_s = float(getattr(rule, STAY_FIELDS[rule.kind])) if rule.kind in STAY_FIELDS else 0.0
    slack_s = max(0.5, 2.0 / camera.check_fps)
    begins = len(own) > 0 and float(own[0, 0]) <= incident.started_at_s + slack_s
    last_s = float(own[-1, 0]) if len(own) else -inf
    whole = begins and last_s >= ended_s - slack_s and not incident.details.get("more_tracks")
    return Facts(
        judged,
        _stay_s(judged, rule.kind, inside, ended_s),
        (_least_score(judged, rule.kind, inside, need_s), _most_score(judged, whole)),
        inside[:, 3:],
        whole,
        begins and last_s >= incident.started_at_s + need_s - slack_s,
    )


def _counts(points: NDArray[np.float64], rule: Any, camera: CameraConfig) -> NDArray[np.bool_]:
    """Which ground points (N, 2) the rule looks at, (N,)."""
    counts = np.ones(len(points), np.bool_)
    zone = camera.zones.get(getattr(rule, "zone", None) or "")
    if zone is not None:
        counts &= Polygon("zone", np.array(zone.polygon)).contains(points)
    for name in rule.leave_out:
        if name in camera.zones:
            counts &= ~Polygon(name, np.array(camera.zones[name].polygon)).contains(points)
    return counts


def _stay_s(judged: JudgedEvent, kind: str, inside: NDArray[np.float64], ended_s: float) -> Span:
    incident = judged.event.incident
    said = incident.details.get("dwell_s")
    if kind in _SAYS_ITS_STAY and isinstance(said, int | float):
        return said - _ROUNDED_S, said + _ROUNDED_S if ended_s < inf else inf
    meanwhile = inside[(inside[:, 0] >= incident.started_at_s - _EPSILON_S) & (inside[:, 0] <= ended_s + _EPSILON_S)]
    least = max((float(stay[-1, 0] - stay[0, 0]) for stay in _stays(meanwhile)), default=0.0)
    return least, max(ended_s - incident.started_at_s, least)


def _most_score(judged: JudgedEvent, whole: bool) -> float:
    verdict = judged.event.verdict
    if not whole or verdict is None or verdict.best_score is None:
        return inf
    return max(judged.event.incident.score, verdict.best_score, float(judged.seen[:, 2].max()))


def _least_score(judged: JudgedEvent, kind: str, inside: NDArray[np.float64], need_s: float) -> float:
    """The best score with which one of its objects was early enough; 0 where nobody can say."""
    own, started_s = judged.seen, judged.event.incident.started_at_s
    if kind == "line_crossing":
        return _best_until(own, started_s - _FOUND_S)
    if kind not in STAY_FIELDS:
        return 0.0
    return max(
        (
            _best_until(own[own[:, 1] == stay[0, 1]], float(stay[-1, 0]) - need_s - _FOUND_S)
            for stay in _stays(inside)
            if stay[-1, 0] - stay[0, 0] >= need_s
        ),
        default=0.0,
    )


def _best_until(rows: NDArray[np.float64], time_s: float) -> float:
    early = rows[rows[:, 0] <= time_s]
    return float(early[:, 2].max()) if len(early) else 0.0


def _stays(rows: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """The sightings of each object without a break, in order of time."""
    found = []
    for track_id in np.unique(rows[:, 1]):
        mine = rows[rows[:, 1] == track_id]
        found += np.split(mine, np.flatnonzero(np.diff(mine[:, 0]) > _GAP_S + _EPSILON_S) + 1)
    return found
