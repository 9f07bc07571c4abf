"""The built-in rules keep the contract that plug-ins are held to."""

from __future__ import annotations

import numpy as np

from panops.config.fields import ScheduleConfig
from panops.config.rule_schema import IntrusionConfig, LineCrossingConfig, LoiteringConfig, OccupancyConfig
from panops.config.schedule import Schedule
from panops.domain.geometry import Polygon, Tripwire
from panops.domain.protocols import Rule
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


class TestScheduled(RuleConformance):
    def make(self) -> Rule:
        config = IntrusionConfig(id="r", kind="intrusion", zone="middle", after_s=1.0)
        return ScheduledRule(lambda: Intrusion(config, scene()), Schedule([ScheduleConfig()], None))
