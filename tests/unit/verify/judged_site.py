"""A camera with real rules on made-up objects: what they tell, what is stored of it, and what they would have told under other settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from panops.config.schema import SiteConfig
from panops.domain.events import Event, EventPhase
from panops.domain.feedback import JudgedEvent
from panops.domain.suggestions import Change, Lever
from panops.domain.tracks import Tracks, TrackState
from panops.domain.verdicts import Verdict
from panops.rules.build import build_rules
from panops.rules.engine import RuleEngine

FPS = 5.0
SIZE_WH = (640, 360)
START_S = 1_760_000_000.0
# Between two visits: every event of the first is over, and its clip too.
APART_S = 20.0


@dataclass(frozen=True)
class Visit:
    """One object, or two: where its feet are and how sure the detector is, look by look; the second one comes so many looks later."""

    points: list[tuple[float, float]]
    scores: list[float]
    false_alarm: bool
    second: Visit | None = None
    later: int = 0

    def objects(self, number: int) -> dict[int, tuple[int, Visit]]:
        """By track id: the look at which each comes, and it itself."""
        return {number: (0, self)} | ({SECOND + number: (self.later, self.second)} if self.second is not None else {})

    @property
    def looks(self) -> int:
        """Until the last one is gone."""
        return max(begins + len(one.points) for begins, one in self.objects(0).values())


# The track ids of those who come second.
SECOND = 1000


def site_of(*rules: dict[str, Any], min_score: float = 0.35, zones: dict[str, Any] | None = None) -> SiteConfig:
    camera = {
        "source": "sim://gate",
        "min_score": min_score,
        "zones": zones or {"floor": {"polygon": [[0.0, 0.3], [1.0, 0.3], [1.0, 1.0], [0.0, 1.0]]}},
        "lines": {"door": {"points": [[0.5, 0.0], [0.5, 1.0]]}},
    }
    return SiteConfig.model_validate({"cameras": {"gate": camera}, "rules": [{"cameras": ["gate"], **rule} for rule in rules]})


def changed(site: SiteConfig, change: Change) -> SiteConfig:
    """The site with one setting changed, written out by hand."""
    plain: dict[str, Any] = {
        "cameras": {name: camera.plain() for name, camera in site.cameras.items()},
        "rules": [rule.model_dump(mode="json") for rule in site.rules],
    }
    after = list(change.after) if isinstance(change.after, tuple) else change.after
    if change.lever is Lever.SCORE:
        plain["cameras"][change.camera_id][change.field] = after
    else:
        next(rule for rule in plain["rules"] if rule["id"] == change.rule_id)[change.field] = after
    if change.lever is Lever.AREA:
        assert isinstance(after, list)
        plain["cameras"][change.camera_id].setdefault("zones", {})[after[-1]] = {"polygon": [list(corner) for corner in change.polygon]}
    return SiteConfig.model_validate(plain)


def told(site: SiteConfig, visits: Sequence[Visit]) -> list[Event]:
    """The last message of every event that the rules tell, visit after visit; the visit's number is the track's id."""
    engine = RuleEngine("gate", build_rules(site, "gate", ("person",), SIZE_WH, None), epoch=1)
    newest: dict[str, Event] = {}
    time_s = START_S
    least = site.cameras["gate"].min_score
    for number, visit in enumerate(visits, 1):
        strong: set[int] = set()
        start_s = time_s
        for look in range(visit.looks):
            seen = []
            for track_id, (begins, one) in visit.objects(number).items():
                if not begins <= look < begins + len(one.points):
                    continue
                if one.scores[look - begins] >= least:
                    strong.add(track_id)
                if track_id in strong:
                    seen.append((track_id, one.points[look - begins], one.scores[look - begins], start_s + begins / FPS))
            newest.update({event.event_id: event for event in engine.update(_tracks(time_s, seen))})
            time_s += 1 / FPS
        for _ in range(round(APART_S * FPS)):
            newest.update({event.event_id: event for event in engine.update(_tracks(time_s, []))})
            time_s += 1 / FPS
    assert all(event.phase is EventPhase.END for event in newest.values())
    return list(newest.values())


def judged(site: SiteConfig, visits: Sequence[Visit]) -> list[JudgedEvent]:
    """What is stored of the events: the boxes as the clip has them, the best score, and what somebody said."""
    found = []
    starts_s, time_s = [], START_S
    for visit in visits:
        starts_s.append(time_s)
        time_s += visit.looks / FPS + APART_S
    least = site.cameras["gate"].min_score
    for event in told(site, visits):
        number = event.incident.track_ids[0] % SECOND
        rows, best = [], 0.0
        for track_id in event.incident.track_ids:
            begins, one = visits[number - 1].objects(number)[track_id]
            first = next(at for at, score in enumerate(one.scores) if score >= least)
            best = max(best, *one.scores[first:])
            rows += [
                (starts_s[number - 1] + (begins + at) / FPS, track_id, round(score, 2), x, y)
                for at, ((x, y), score) in enumerate(zip(one.points, one.scores, strict=True))
                if at >= first
            ]
        rows = [row for row in sorted(rows) if row[0] >= event.incident.started_at_s - 5.0]
        found.append(JudgedEvent(replace(event, verdict=Verdict((), best_score=best)), visits[number - 1].false_alarm, np.array(rows)))
    return found


def _tracks(time_s: float, seen: Sequence[tuple[int, tuple[float, float], float, float]]) -> Tracks:
    count = len(seen)
    boxes = [(x * SIZE_WH[0] - 20, y * SIZE_WH[1] - 80, x * SIZE_WH[0] + 20, y * SIZE_WH[1]) for _, (x, y), _, _ in seen]
    return Tracks(
        "gate", time_s, np.array([one[0] for one in seen], np.int64), np.array(boxes, np.float32).reshape(-1, 4),
        np.array([one[2] for one in seen], np.float32), np.zeros(count, np.int64), np.full(count, TrackState.CONFIRMED.value, np.int64),
        np.array([one[3] for one in seen], np.float64), np.full(count, time_s), np.arange(count),
    )  # fmt: skip
