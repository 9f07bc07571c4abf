"""The rule `area`: when it begins and ends, and what is no knowledge."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from panops.config.rule_schema import AreaConfig
from panops.config.schema import SiteConfig
from panops.domain.areas import WHOLE, AreaLook
from panops.domain.events import EventPhase
from panops.domain.geometry import Polygon
from panops.domain.protocols import Rule
from panops.domain.tracks import Tracks
from panops.rules.build import build_rules, check_rules
from panops.rules.covered_area import BLIND_S, CoveredArea
from panops.rules.scene import Scene
from panops.testing.rule_conformance import RuleConformance, play

CLASSES = ("background", "car", "person")
SCENE = Scene("gate", (640, 360), ("person",), {"bay": Polygon("bay", np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]]))})


def make(**settings: Any) -> CoveredArea:
    values = {"id": "r", "kind": "area", "zone": "bay", "classes": ["car"], "after_s": 20.0, "end_after_s": 15.0, **settings}
    return CoveredArea(AreaConfig.model_validate(values), SCENE)


def look(time_s: float, share: float) -> Tracks:
    """The zone has this share of cars, the whole picture half of it."""
    shares = np.array([[1 - share / 2, share / 2, 0.0], [1 - share, share, 0.0]])
    return replace(Tracks.empty("gate", time_s), areas=AreaLook(time_s, CLASSES, (WHOLE, "bay"), shares))


def story(*shares: float, every_s: float = 10.0) -> Iterator[Tracks]:
    """A look at areas each 10 s, and checks without one in between."""
    for step, share in enumerate(shares):
        yield look(step * every_s, share)
        yield from (Tracks.empty("gate", step * every_s + part * every_s / 10) for part in range(1, 10))


def spans(rule: Rule, looks: Iterator[Tracks] | Sequence[Tracks]) -> list[tuple[float, float | None]]:
    return [(one.started_at_s, one.ended_at_s) for _, one in play(rule, looks) if one.phase is EventPhase.END]


@pytest.mark.parametrize(
    ("rule", "shares", "expected"),
    [
        pytest.param(make(above=0.5), [0.1, 0.5, 0.5, 0.5], [], id="at the limit"),
        pytest.param(make(above=0.5), [0.1, 0.6, 0.6, 0.6, 0.1, 0.1, 0.1], [(10.0, 30.0)], id="above"),
        pytest.param(make(above=0.5), [0.6, 0.6, 0.1, 0.6, 0.6, 0.1], [], id="never for long enough"),
        pytest.param(make(above=0.5), [0.6, 0.6, 0.6, 0.46, 0.46, 0.6, 0.1, 0.1, 0.1], [(0.0, 50.0)], id="within the margin it goes on"),
        pytest.param(make(above=0.5), [0.6, 0.6, 0.6, 0.1, 0.6, 0.1, 0.1, 0.1], [(0.0, 40.0)], id="fine at one look only"),
        pytest.param(make(below=0.5), [0.9, 0.4, 0.4, 0.4, 0.54, 0.9, 0.9], [(10.0, 40.0)], id="below"),
        pytest.param(make(above=0.5, classes=["not background"]), [0.6, 0.6, 0.6, 0.1, 0.1, 0.1], [(0.0, 20.0)], id="all but one"),
        pytest.param(make(above=0.5, zone=None), [0.9, 0.9, 0.9, 0.9], [], id="the whole picture has another share"),
        pytest.param(make(above=0.5, after_s=0.0), [0.6, 0.1, 0.1, 0.1], [(0.0, 0.0)], id="at once"),
    ],
)
def test_when_it_begins_and_ends(rule: CoveredArea, shares: list[float], expected: list[tuple[float, float]]) -> None:
    assert spans(rule, story(*shares)) == expected


def test_what_it_tells() -> None:
    said = [one for _, one in play(make(above=0.5), story(0.6, 0.6, 0.7, 0.8, 0.1, 0.1, 0.1))]
    assert [one.phase for one in said] == [EventPhase.BEGIN, EventPhase.UPDATE, EventPhase.UPDATE, EventPhase.END]
    first, last = said[0], said[-1]
    assert (first.kind, first.zone, first.class_name, first.track_ids, first.box) == ("area", "bay", "car", (), None)
    assert first.details == {"of": "car", "when": "above", "limit": 0.5, "share": 0.7, "most_share": 0.7, "least_share": 0.7}
    assert (last.details["share"], last.details["most_share"], last.details["least_share"]) == (0.1, 0.8, 0.7)


def test_looks_that_do_not_know_the_class_or_zone_say_nothing() -> None:
    assert not play(make(above=0.1, classes=["lorry"]), story(*[0.9] * 5))
    nowhere = AreaLook(0.0, CLASSES, (WHOLE,), np.array([[0.0, 1.0, 0.0]]))
    assert not make(above=0.1, after_s=0.0).update(replace(Tracks.empty("gate", 0.0), areas=nowhere))


def test_without_looks_for_long_an_event_ends_where_it_was_last_known() -> None:
    rule = make(above=0.5)
    blind = [Tracks.empty("gate", 20.0 + step) for step in range(1, int(BLIND_S) + 10)]
    assert spans(rule, [look(0.0, 0.6), look(10.0, 0.6), look(20.0, 0.6), *blind]) == [(0.0, 20.0)]
    assert not spans(make(above=0.5), [look(0.0, 0.6), look(BLIND_S + 1, 0.6)])  # two stories, not one of two minutes


def test_seldom_looks_that_are_wanted_so_are_no_blindness() -> None:
    hourly = make(above=0.5, after_s=7200.0, end_after_s=0.0)
    assert spans(hourly, [look(0.0, 0.6), look(3600.0, 0.6), look(7200.0, 0.6), look(10800.0, 0.0)]) == [(0.0, 7200.0)]


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({}, "expected either above or below, a share of the zone in 0..1, got neither"),
        ({"above": 0.1, "below": 0.9}, "expected either above or below, a share of the zone in 0..1, got both"),
        ({"above": 1.0}, "less than 1"),
        ({"above": 0.5, "classes": []}, "expected at least one class name"),
        ({"above": 0.5, "leave_out": ["bay"]}, "draw the zone without it"),
    ],
)
def test_settings_that_make_no_sense(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        AreaConfig.model_validate({"id": "r", "kind": "area", "classes": ["car"], **settings})


def site(maps: dict[str, Any] | None, classes: list[str]) -> SiteConfig:
    camera = {"source": "sim://yard", **({} if maps is None else {"maps": maps})}
    return SiteConfig.model_validate(
        {"cameras": {"gate": camera}, "rules": [{"id": "full", "kind": "area", "cameras": ["gate"], "classes": classes, "above": 0.5}]}
    )


def test_what_a_camera_lacks_is_said() -> None:
    (problem,) = check_rules(site(None, ["car"]), "gate", ("person",))
    assert str(problem) == "rules.full.kind: camera 'gate' has no `maps`, so nothing is known of areas there"
    assert not build_rules(site(None, ["car"]), "gate", ("person",), (640, 360), None)
    (problem,) = check_rules(site({}, ["car", "not water"]), "gate", ("person",), CLASSES)
    assert problem.message == ("the model for maps of camera 'gate' knows no class 'water'; expected one of: background, car, person")
    assert not check_rules(site({}, ["not Car"]), "gate", ("person",), CLASSES)
    assert len(build_rules(site({}, ["car"]), "gate", ("person",), (640, 360), None)) == 1


class TestArea(RuleConformance):
    def make(self) -> Rule:
        return make(above=0.5, zone=None, after_s=3.0, end_after_s=2.0)

    def story(self, seed: int, start_s: float = 100.0, duration_s: float = 60.0) -> Iterator[Tracks]:
        """People as in the other stories, and a look at areas every two seconds."""
        random = np.random.default_rng(seed)
        for step, tracks in enumerate(super().story(seed, start_s, duration_s)):
            if step % 10:
                yield tracks
                continue
            share = 0.9 if step // 50 % 2 else float(random.uniform(0.0, 0.3))
            yield replace(tracks, areas=AreaLook(tracks.time_s, CLASSES, (WHOLE,), np.array([[1 - share, share, 0.0]])))
