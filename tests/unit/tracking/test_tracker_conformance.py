from __future__ import annotations

from panops.testing.tracker_conformance import TrackerConformance
from panops.tracking.settings import TrackerSettings
from panops.tracking.tracker import BatchTracker


class TestDefaults(TrackerConformance):
    def make(self) -> BatchTracker:
        return BatchTracker()


class TestFullRate(TrackerConformance):
    def make(self) -> BatchTracker:
        return BatchTracker(TrackerSettings.full_rate())
