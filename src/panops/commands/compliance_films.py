"""What is decided of people of the simulated site, through decoder, gate, detector, tracker and rule as on cameras."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from panops.commands.closer import Closer
from panops.config.rule_schema import ComplianceConfig
from panops.config.schema import SiteConfig
from panops.domain.boxes import iou
from panops.domain.clock import Clock, SystemClock
from panops.domain.compliance import Worn
from panops.domain.packets import Packet
from panops.domain.protocols import Detector
from panops.domain.tracks import Tracks
from panops.evaluation.compliance_score import Judged
from panops.pipeline.analyst import Analyst
from panops.pipeline.camera_loop import CameraLoop
from panops.pipeline.followed import also_followed, followed_classes
from panops.rules.build import build_rules
from panops.rules.engine import RuleEngine
from panops.simulation.source import SimulatedSource
from panops.simulation.truth import SceneTruth
from panops.tracking.tracker import BatchTracker

KNOWN = ("hardhat", "vest")
"""The items that the simulated site has."""
_CAMERA = "simulated"
_RULE = "wear"
_LEAST_IOU = 0.5
# Of a track's looks so many must show one and the same person, and of that person so much must be in sight, for the truth to be its.
_LEAST_SHARE = 0.6
_LEAST_VISIBLE = 0.5
_LEAST_LOOKS = 5
_ON_A_CYCLE = 0.1


@dataclass(slots=True)
class _Seen:
    """A track as it was seen: who it showed, and how high it was."""

    who: Counter[int] = field(default_factory=Counter)
    heights_px: list[float] = field(default_factory=list)


@dataclass(slots=True)
class _Film:
    """What one film gave: tracks by number, and the truth by person."""

    seen: dict[int, _Seen] = field(default_factory=lambda: defaultdict(_Seen))
    wears: dict[int, tuple[str, ...]] = field(default_factory=dict)
    decided: dict[int, dict[str, Worn]] = field(default_factory=lambda: defaultdict(dict))
    mixed: int = 0


def judge_film(
    address: str,
    seconds: float,
    detector: Detector,
    input_wh: tuple[int, int],
    rule: dict[str, Any],
    min_score: float,
    closer: Closer | None = None,
) -> tuple[list[Judged], int]:
    """Decisions about the people of one simulated camera.

    Args:
        address: A `sim://` address.
        seconds: How long to look.
        detector: The detector.
        input_wh: The size of its input, px.
        rule: The settings of the rule, without id and kind.
        min_score: The camera's.
        closer: What looks at single people, as a camera's `secondary` does; None for nothing.

    Returns:
        One row a track and item, and how many tracks were left out because they showed several people or none. Riders are left out, too:
        a rider's helmet is not one of a site.
    """
    site = SiteConfig.model_validate(
        {
            "cameras": {_CAMERA: {"source": address, "min_score": min_score, "secondary": closer and closer.config.model_dump()}},
            "rules": [{"id": _RULE, "kind": "compliance", **rule}],
        }
    )
    clock, film = SystemClock(), _Film()
    source = SimulatedSource(_CAMERA, site.cameras[_CAMERA], clock, realtime=False)
    try:
        _run(site, source, seconds, detector, closer, clock, film)
    finally:
        source.close()
    config = site.rules[0]
    assert isinstance(config, ComplianceConfig)  # noqa: S101 - as made above
    scale = min(side / of_picture for side, of_picture in zip(input_wh, source.settings.size_wh, strict=True))
    return _rows(film, [one.item for one in config.required if one.item in KNOWN], scale), film.mixed


def _run(
    site: SiteConfig, source: SimulatedSource, seconds: float, detector: Detector, closer: Closer | None, clock: Clock, film: _Film
) -> None:
    config = site.cameras[_CAMERA]
    secondary = None if closer is None else closer.looks(detector.classes)
    classes = tuple(detector.classes) if secondary is None else secondary.classes

    def make_rules(size_wh: tuple[int, int], first_sequence: int) -> RuleEngine:
        rules = build_rules(site, _CAMERA, classes, size_wh, None, wall_clock=False)
        return RuleEngine(_CAMERA, rules, epoch=0, first_sequence=first_sequence)

    info = source.open()
    followed = followed_classes(site.camera_rules(_CAMERA), classes, also_followed(config))
    loop = CameraLoop(_CAMERA, config, detector, make_rules, followed, clock, secondary=secondary)
    analyst = Analyst(BatchTracker(), {_CAMERA: loop})
    analyst.begin(loop)
    person = detector.classes.index("person")
    assert source.scene is not None  # noqa: S101 - it is open
    for frame in loop.frames(_packets(source, seconds), info):
        check = loop.consider(frame)
        for outcome in analyst.round([check]) if check is not None else ():
            truth = source.scene.truth(round(frame.pts_s * source.settings.rate_fps))
            _note(film, outcome.tracks, truth, person)
            _note_records(film, outcome.records)
    loop.finish()
    _note_records(film, loop.take_records())


def _packets(source: SimulatedSource, seconds: float) -> Iterator[Packet]:
    while (packet := source.read()) is not None and packet.pts_s < seconds:
        yield packet


def _note(film: _Film, tracks: Tracks, truth: SceneTruth, person: int) -> None:
    """Remember which person each track shows."""
    names = np.array(truth.class_name)
    people = np.flatnonzero((names == "person") & (truth.visible >= _LEAST_VISIBLE))
    cycles = np.flatnonzero(np.isin(names, ["bicycle", "motorcycle"]))
    if len(cycles) and len(people):
        people = people[iou(truth.xyxy[people], truth.xyxy[cycles]).max(axis=1) < _ON_A_CYCLE]
    film.wears.update((int(truth.track_id[row]), truth.wears[row]) for row in people.tolist())
    rows = np.flatnonzero(tracks.class_id == person)
    overlap = iou(tracks.xyxy[rows], truth.xyxy[people]) if len(people) else np.zeros((len(rows), 1), np.float32)
    for row, of_row in zip(rows.tolist(), overlap, strict=True):
        seen = film.seen[int(tracks.track_id[row])]
        best = int(np.argmax(of_row))
        seen.who[int(truth.track_id[people[best]]) if of_row[best] >= _LEAST_IOU else -1] += 1
        seen.heights_px.append(float(tracks.xyxy[row, 3] - tracks.xyxy[row, 1]))


def _note_records(film: _Film, records: Sequence[Any]) -> None:
    for one in records:
        film.decided[one.record.track_id][one.record.item] = one.record.worn


def _rows(film: _Film, items: Sequence[str], scale: float) -> list[Judged]:
    rows = []
    for track_id, said in sorted(film.decided.items()):
        seen = film.seen[track_id]
        (who, looks), *_ = seen.who.most_common(1) or [(-1, 0)]
        if who < 0 or looks < _LEAST_SHARE * sum(seen.who.values()) or looks < _LEAST_LOOKS:
            film.mixed += 1
            continue
        height_px = scale * float(np.median(seen.heights_px))
        rows += [Judged(item, Worn.PRESENT if item in film.wears[who] else Worn.ABSENT, said[item], height_px) for item in items]
    return rows
