"""The built-in rules keep the contract that plug-ins are held to."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from panops.config.fields import ScheduleConfig
from panops.config.rule_schema import ComplianceConfig, IntrusionConfig, LineCrossingConfig, LoiteringConfig, OccupancyConfig
from panops.config.schedule import Schedule
from panops.domain.geometry import Polygon, Tripwire
from panops.domain.protocols import Rule
from panops.domain.tracks import Tracks
from panops.rules.compliance import Compliance
from panops.rules.intrusion import Intrusion
from panops.rules.line_crossing import LineCrossing
from panops.rules.loitering import Loitering
from panops.rules.occupancy import Occupancy
from panops.rules.scene import Scene
from panops.rules.schedule import ScheduledRule
from panops.testing.rule_conformance import RuleConformance


def scene() -> Scene:
    zone = Polygon("middle", np.array([[0.3, 0.2], [0.7, 0.2], [0.7, 0.95], [0.3, 0.95]]))
    line = Tripwire("door", np.array([[0.4, 0.0], [0.45, 0.5], [0.4, 1.0]]))
    return Scene("gate", (640, 360), ("person", "car"), {"middle": zone}, {"door": line})


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
