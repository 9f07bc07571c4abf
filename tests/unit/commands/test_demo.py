"""The demo's site: its looped clip is one event, not one every ten seconds."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import numpy as np

from panops.commands.demo import demo_site
from panops.domain.events import EventPhase
from panops.rules.build import build_rules
from panops.rules.engine import RuleEngine
from panops.testing.rule_conformance import Sighting, make_tracks

TEXT = files("panops.commands").joinpath("demo_site.yaml").read_text(encoding="utf-8")
CLIP_S = 10.0


def test_a_clip_that_begins_again_and_again_is_one_event() -> None:
    site = demo_site(TEXT, Path("bikes.mp4"))
    assert site.cameras["bikes"].loop
    engine = RuleEngine("bikes", build_rules(site, "bikes", ("person", "bicycle"), (640, 272), None), epoch=1)
    begun, told_s = set(), []
    for time_s in np.arange(0.0, 30 * CLIP_S, 0.2):
        turn = int(time_s // CLIP_S)
        seen = [Sighting(turn, 0.5, 0.6, first_seen_s=turn * CLIP_S + 1)] if 1 <= time_s % CLIP_S < 3 else []
        for event in engine.update(make_tracks(float(time_s), seen)):
            if event.event_id not in begun:
                told_s.append(float(time_s))
            begun.add(event.event_id)
            assert event.phase is not EventPhase.END
    assert len(begun) == 1
    assert told_s[0] < 3  # and it is told the first time that somebody is seen


def test_without_the_clip_the_demo_has_neither_its_camera_nor_its_rule() -> None:
    site = demo_site(TEXT, None)
    assert len(site.cameras) == 5
    assert all(not camera.loop for camera in site.cameras.values())
    assert "city-street" not in {rule.id for rule in site.rules}
