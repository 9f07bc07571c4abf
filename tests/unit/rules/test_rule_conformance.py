"""The built-in rules keep the contract that plug-ins are held to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from panops.config.fields import ScheduleConfig
from panops.config.rule_schema import (
    AbsenceConfig,
    CombinedConfig,
    ComplianceConfig,
    CrowdingConfig,
    DirectionConfig,
    DwellConfig,
    IntrusionConfig,
    LineCrossingConfig,
    LoiteringConfig,
    ObjectLeftConfig,
    ObjectRemovedConfig,
    OccupancyConfig,
    SpeedConfig,
    TailgatingConfig,
)
from panops.config.schedule import Schedule
from panops.domain.events import Event, Incident, Severity
from panops.domain.geometry import Polygon, Tripwire
from panops.domain.ground_plane import GroundPlane
from panops.domain.protocols import ListeningRule, Rule
from panops.domain.tracks import Tracks
from panops.rules.absence import Absence
from panops.rules.combined import Combined
from panops.rules.compliance import Compliance
from panops.rules.crowding import Crowding
from panops.rules.direction import Direction
from panops.rules.dwell import Dwell
from panops.rules.intrusion import Intrusion
from panops.rules.line_crossing import LineCrossing
from panops.rules.loitering import Loitering
from panops.rules.object_left import ObjectLeft
from panops.rules.object_removed import ObjectRemoved
from panops.rules.occupancy import Occupancy
from panops.rules.scene import Scene
from panops.rules.schedule import ScheduledRule
from panops.rules.speed import Speed
from panops.rules.tailgating import Tailgating
from panops.testing.rule_conformance import RuleConformance


def scene(classes: tuple[str, ...] = ("person", "car")) -> Scene:
    zone = Polygon("middle", np.array([[0.3, 0.2], [0.7, 0.2], [0.7, 0.95], [0.3, 0.95]]))
    line = Tripwire("door", np.array([[0.4, 0.0], [0.45, 0.5], [0.4, 1.0]]))
    corners = [[0, 0], [1, 0], [1, 1], [0, 1]]
    plane = GroundPlane.of(corners, np.array(corners) * [16.0, 9.0])
    return Scene("gate", (640, 360), classes, {"middle": zone}, {"door": line}, plane)


class TestIntrusion(RuleConformance):
    def make(self) -> Rule:
        return Intrusion(IntrusionConfig(id="r", kind="intrusion", zone="middle", after_s=1.0, end_after_s=0.5), scene())


class TestIntrusionWithoutDwell(RuleConformance):
    def make(self) -> Rule:
        return Intrusion(IntrusionConfig(id="r", kind="intrusion", zone="middle", after_s=0.0, end_after_s=0.0), scene())


class TestLineCrossing(RuleConformance):
    def make(self) -> Rule:
        return LineCrossing(LineCrossingConfig(id="r", kind="line_crossing", line="door"), scene())


class TestLoitering(RuleConformance):
    def make(self) -> Rule:
        return Loitering(LoiteringConfig(id="r", kind="loitering", zone="middle", after_s=3.0), scene())


class TestOccupancyAbove(RuleConformance):
    def make(self) -> Rule:
        return Occupancy(OccupancyConfig(id="r", kind="occupancy", zone="middle", limit=1, after_s=0.4, end_after_s=0.4), scene())


class TestOccupancyBelow(RuleConformance):
    def make(self) -> Rule:
        config = OccupancyConfig(id="r", kind="occupancy", zone="middle", limit=3, when="below", after_s=0.4, end_after_s=0.4)
        return Occupancy(config, scene())


class TestDirection(RuleConformance):
    def make(self) -> Rule:
        return Direction(DirectionConfig(id="r", kind="direction", zone="middle", heading_deg=180, end_after_s=1.0), scene())


class TestDirectionOther(RuleConformance):
    def make(self) -> Rule:
        return Direction(DirectionConfig(id="r", kind="direction", along=[(0.5, 1), (0.5, 0)], when="other", end_after_s=0.0), scene())


class TestCrowding(RuleConformance):
    def make(self) -> Rule:
        return Crowding(CrowdingConfig(id="r", kind="crowding", count=2, distance=1.5, after_s=0.4, end_after_s=0.4), scene())


class TestObjectLeft(RuleConformance):
    """Those who stand for four seconds in the story are suitcases here."""

    classes = ("suitcase", "person")

    def make(self) -> Rule:
        config = ObjectLeftConfig(id="r", kind="object_left", zone="middle", after_s=2.0, end_after_s=1.0)
        return ObjectLeft(config, scene(self.classes))


class TestObjectRemoved(RuleConformance):
    classes = ("suitcase", "person")

    def make(self) -> Rule:
        config = ObjectRemovedConfig(id="r", kind="object_removed", zone="middle", known_s=2.0, after_s=1.0)
        return ObjectRemoved(config, scene(self.classes))


class TestSpeed(RuleConformance):
    """An eighth of the picture's sixteen metres a second: 7.2 km/h."""

    def make(self) -> Rule:
        return Speed(SpeedConfig(id="r", kind="speed", limit_kmh=6.0, classes=["person"], end_after_s=1.0), scene())


class TestTailgating(RuleConformance):
    def make(self) -> Rule:
        return Tailgating(TailgatingConfig(id="r", kind="tailgating", line="door", within_s=5.0), scene())


class TestAbsence(RuleConformance):
    def make(self) -> Rule:
        return Absence(AbsenceConfig(id="r", kind="absence", zone="middle", after_s=0.4, present_s=1.0, end_after_s=0.0), scene())

    def story(self, seed: int, start_s: float = 100.0, duration_s: float = 60.0) -> Iterator[Tracks]:
        """Nobody comes for the last ten seconds of each half minute."""
        for tracks in super().story(seed, start_s, duration_s):
            yield tracks if (tracks.time_s - start_s) % 30.0 < 20.0 else Tracks.empty("gate", tracks.time_s)


class TestDwell(RuleConformance):
    def make(self) -> Rule:
        return Dwell(DwellConfig(id="r", kind="dwell", zone="middle"), scene())


class Together:
    """A combined rule and its parts, as the engine joins them."""

    def __init__(self, whole: ListeningRule, **parts: Rule) -> None:
        self.whole = whole
        self.parts = parts
        self.numbers: dict[tuple[str, str], int] = {}
        self.count = 0

    def update(self, tracks: Tracks) -> Sequence[Incident]:
        self.whole.hear([self.event(name, one) for name, rule in self.parts.items() for one in rule.update(tracks)])
        return self.whole.update(tracks)

    def finish(self, time_s: float) -> Sequence[Incident]:
        self.whole.hear([self.event(name, one) for name, rule in self.parts.items() for one in rule.finish(time_s)])
        return self.whole.finish(time_s)

    def event(self, name: str, incident: Incident) -> Event:
        number = self.numbers.setdefault((name, incident.key), self.count)
        self.count += number == self.count
        if incident.ended_at_s is not None:
            del self.numbers[name, incident.key]
        return Event(f"gate-0-{number}", "gate", name, Severity.INFO, incident)


class TestCombinedAll(RuleConformance):
    how = "all"

    def make(self) -> Rule:
        config = CombinedConfig.model_validate({"id": "r", "kind": "combined", "of": ["inside", "door"], "how": self.how, "within_s": 3})
        inside = Intrusion(IntrusionConfig(id="inside", kind="intrusion", zone="middle", end_after_s=0.5), scene())
        door = LineCrossing(LineCrossingConfig(id="door", kind="line_crossing", line="door"), scene())
        return Together(Combined(config, scene()), inside=inside, door=door)


class TestCombinedAny(TestCombinedAll):
    how = "any"


class TestCombinedSequence(TestCombinedAll):
    how = "sequence"


def dressed(story: Iterator[Tracks]) -> Iterator[Tracks]:
    """The people of a story with heads: those of even numbers are bare at first and put a hat on in their last seconds."""
    for tracks in story:
        left, top, right, _ = tracks.xyxy.T
        width = right - left
        heads = np.stack([left + 0.3 * width, top, left + 0.7 * width, top + 0.4 * width], axis=1)
        late = (tracks.time_s - tracks.first_seen_s > 8.0) | (tracks.track_id % 2 == 1)
        columns = (tracks.score, np.where(late, 2, 3), tracks.state, tracks.first_seen_s, tracks.last_seen_s, tracks.detection_index)
        yield Tracks(
            tracks.camera_id,
            tracks.time_s,
            np.concatenate([tracks.track_id, 100_000 + 2 * tracks.track_id + late]),
            np.concatenate([tracks.xyxy, heads]),
            *(
                np.concatenate([own, of_heads])
                for own, of_heads in zip((tracks.score, tracks.class_id, *columns[2:]), columns, strict=True)
            ),
        )


class TestCompliance(RuleConformance):
    classes = ("person", "car", "hardhat", "bare_head")

    def make(self) -> Rule:
        config = ComplianceConfig.model_validate({"id": "r", "kind": "compliance", "zone": "middle", "required": ["hardhat"], "grace_s": 1})
        zones = {"middle": Polygon("middle", np.array([[0.3, 0.2], [0.7, 0.2], [0.7, 0.95], [0.3, 0.95]]))}
        return Compliance(config, Scene("gate", (640, 360), self.classes, zones))

    def story(self, seed: int, start_s: float = 100.0, duration_s: float = 60.0) -> Iterator[Tracks]:
        return dressed(super().story(seed, start_s, duration_s))


class TestScheduled(RuleConformance):
    def make(self) -> Rule:
        config = IntrusionConfig(id="r", kind="intrusion", zone="middle", after_s=1.0)
        return ScheduledRule(lambda: Intrusion(config, scene()), Schedule([ScheduleConfig()], None))
