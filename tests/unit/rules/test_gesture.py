"""The rule gesture: signs that are held, by votes over looks that err now and then, and signs one after the other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from panops.config.rule_schema import GestureConfig
from panops.domain.events import EventPhase, Incident
from panops.domain.geometry import Polygon
from panops.domain.gestures import GestureLook
from panops.domain.protocols import Rule
from panops.domain.tracks import Tracks
from panops.rules.gesture import Gesture
from panops.rules.scene import Scene
from panops.testing.rule_conformance import RuleConformance, Sighting, make_tracks, play

SCENE = Scene("gate", (640, 360), ("person", "car"), {"desk": Polygon("desk", np.array([[0, 0.5], [1, 0.5], [1, 1], [0, 1]]))})
NOT_LOOKED = "-"


def rule(**settings: object) -> Gesture:
    return Gesture(GestureConfig.model_validate({"id": "r", "kind": "gesture", **settings}), SCENE)


def at(time_s: float, *signs: str, y: float = 0.9) -> Tracks:
    """A look at people side by side, each with a sign, nothing, or not looked at."""
    tracks = make_tracks(time_s, [Sighting(number, 0.2 + 0.2 * number, y) for number in range(1, len(signs) + 1)])
    said = [GestureLook(number, sign, 0.9 if sign else 0.0) for number, sign in enumerate(signs, 1) if sign != NOT_LOOKED]
    return replace(tracks, gestures=tuple(said))


def looks(*signs: str, every_s: float = 0.4, start_s: float = 100.0) -> list[Tracks]:
    """What one person showed at each look."""
    return [at(start_s + number * every_s, sign) for number, sign in enumerate(signs)]


def begun(rule: Rule, story: Iterable[Tracks]) -> list[tuple[float, Incident]]:
    return [(round(time_s - 100, 1), one) for time_s, one in play(rule, story) if one.phase is EventPhase.BEGIN]


class TestHeldSignsKeepToTheProtocol(RuleConformance):
    def make(self) -> Rule:
        return rule(signs=["5"])

    def story(self, seed: int = 0, start_s: float = 0.0) -> list[Tracks]:
        return looks(*[""] * (4 + seed), *["5"] * 8, *[""] * 12, start_s=start_s)


class TestSequencesKeepToTheProtocol(RuleConformance):
    def make(self) -> Rule:
        return rule(sequence=["5", "0"])

    def story(self, seed: int = 0, start_s: float = 0.0) -> list[Tracks]:
        return looks(*[""] * (4 + seed), *["5"] * 4, "", *["0"] * 4, *[""] * 12, start_s=start_s)


def test_a_sign_that_is_held_is_told_once_with_its_votes() -> None:
    ((told_s, incident),) = begun(rule(signs=["help", "5"]), looks("", "", *["5"] * 10))
    assert told_s == 2.0  # shown first at 0.8; held for a second at the look 1.2 s later
    assert incident.started_at_s == pytest.approx(100.8)
    assert (incident.kind, incident.class_name, incident.track_ids) == ("gesture", "person", (1,))
    assert incident.details == {"sign": "5", "votes": 4.0, "share": 1.0}
    assert incident.score == 0.9


@pytest.mark.parametrize(
    "shown",
    [
        ["5", "5", "", "", "", "5", "5", "", "", ""],  # twice for a moment
        ["5", "", "5", "", "5", "", "5", "", "5", ""],  # every other look only
        ["5", "3", "5", "3", "5", "3", "5", "3"],
        ["4"] * 10,  # another sign
        [""] * 10,
        [NOT_LOOKED] * 10,
    ],
)
def test_what_is_not_held_is_not_told(shown: list[str]) -> None:
    assert begun(rule(signs=["5", "3"]), looks(*shown)) == []


def test_one_look_that_errs_is_forgiven() -> None:
    assert len(begun(rule(signs=["5"]), looks("5", "5", "", "5", "5", "5"))) == 1


def test_three_looks_are_needed_however_short_it_must_be_held() -> None:
    assert [told_s for told_s, _ in begun(rule(signs=["5"], after_s=0.0), looks("5", "5", "5", "5"))] == [0.8]


def test_looks_minutes_apart_are_two_stories() -> None:
    apart = [*looks("5", "5"), *looks("5", "5", start_s=400.0)]
    assert begun(rule(signs=["5"]), apart) == []


def test_two_signs_are_two_incidents_and_each_ends() -> None:
    told = play(rule(signs=["5", "3"]), looks(*["5"] * 6, *["3"] * 6, *[""] * 14))
    assert [one.details["sign"] for _, one in told if one.phase is EventPhase.BEGIN] == ["5", "3"]
    ends = [one.ended_at_s for _, one in told if one.phase is EventPhase.END]
    assert ends == pytest.approx([102.0, 104.4])


def test_each_person_alone_and_only_in_the_zone() -> None:
    both = [at(100 + step * 0.4, "5", "" if step % 2 else "5") for step in range(8)]
    assert [one.track_ids for _, one in begun(rule(signs=["5"]), both)] == [(1,)]
    assert len(begun(rule(signs=["5"], zone="desk"), [at(100 + step * 0.4, "5", y=0.9) for step in range(8)])) == 1
    assert begun(rule(signs=["5"], zone="desk"), [at(100 + step * 0.4, "5", y=0.45) for step in range(8)]) == []


def test_a_sequence_in_order_and_in_time() -> None:
    ((told_s, incident),) = begun(rule(sequence=["open", "close"]), looks("Open", "Open", "Open", "", "Close", "Close", "", ""))
    assert told_s == 2.0
    assert incident.details == {"sign": "open, close", "votes": 5.0}
    assert incident.started_at_s == pytest.approx(100.8)


@pytest.mark.parametrize(
    "shown",
    [
        ["Close", "Close", "Open", "Open", "", ""],  # the other way round
        ["Open", "Open", *[""] * 30, "Close", "Close"],  # too slow
        ["Open", "Close", "Open", "Close"],  # each at one look only: either may be a mistake
        ["Open"] * 10,
    ],
)
def test_what_is_no_sequence(shown: list[str]) -> None:
    assert begun(rule(sequence=["Open", "Close"]), looks(*shown)) == []


def test_whoever_holds_the_first_sign_for_long_still_makes_the_sequence() -> None:
    assert len(begun(rule(sequence=["Open", "Close"]), looks(*["Open"] * 40, "Close", "Close"))) == 1


def test_a_sequence_may_come_back_to_its_first_sign() -> None:
    shown = ["Open", "Open", "Close", "Close", "Open", "Open"]
    assert [told_s for told_s, _ in begun(rule(sequence=["Open", "Close", "Open"]), looks(*shown))] == [2.0]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({}, "expected either signs or a sequence, got neither"),
        ({"signs": ["5"], "sequence": ["5", "0"]}, "got both"),
        ({"sequence": ["5"]}, "at least two signs"),
        ({"sequence": ["5", "5"]}, "has '5' twice in a row"),
    ],
)
def test_settings_that_make_no_sense(settings: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        rule(**settings)
