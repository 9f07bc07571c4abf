"""A false alarm must not keep the next true one quiet."""

from __future__ import annotations

import pytest

from panops.config.rule_schema import IntrusionConfig
from panops.domain.events import Event, EventPhase
from panops.rules.engine import RuleEngine
from panops.rules.intrusion import Intrusion
from panops.rules.scene import Scene
from panops.testing.rule_conformance import Sighting, make_tracks


@pytest.mark.parametrize("forgiven", [False, True])
def test_after_a_false_alarm_no_rest_is_due(*, forgiven: bool) -> None:
    config = IntrusionConfig(id="night", kind="intrusion", after_s=0, end_after_s=1, cooldown_s=60)
    engine = RuleEngine("gate", [(config, Intrusion(config, Scene("gate", (640, 360), ("person",))))], epoch=1)

    def visit(start_s: float, track_id: int) -> list[Event]:
        seen = [Sighting(track_id, 0.5, 0.9, first_seen_s=start_s)]
        said = [event for step in range(5) for event in engine.update(make_tracks(start_s + step / 4, seen))]
        return said + [event for step in range(16) for event in engine.update(make_tracks(start_s + 2 + step / 4, []))]

    (last,) = [event for event in visit(0.0, 1) if event.phase is EventPhase.END]
    if forgiven:
        engine.forgive(last)
    assert bool(visit(20.0, 2)) is forgiven
