from __future__ import annotations

from datetime import UTC
from typing import Any

import numpy as np
import pytest

from panops.config.rule_schema import CombinedConfig
from panops.config.schema import SiteConfig
from panops.domain.events import Event, EventPhase, Incident, Severity
from panops.domain.tracks import Tracks
from panops.rules.build import build_rules
from panops.rules.combined import MOST_SPANS, Combined
from panops.rules.engine import RuleEngine
from panops.rules.scene import Scene
from panops.testing.rule_conformance import Sighting, make_tracks

BEGIN, UPDATE, END = EventPhase.BEGIN, EventPhase.UPDATE, EventPhase.END
Span = tuple[str, float, float]


def make(how: str, within_s: float = 5.0, end_after_s: float = 2.0, of: tuple[str, ...] = ("a", "b")) -> Combined:
    values = {"id": "r", "kind": "combined", "of": list(of), "how": how, "within_s": within_s, "end_after_s": end_after_s}
    return Combined(CombinedConfig.model_validate(values), Scene("gate", (640, 360), ("person",)))


def said(rule: Combined, *spans: Span, told_late_s: float = 0.0, until_s: float = 60.0) -> list[Incident]:
    """What a rule says of parts' events, each from when to when; told once a second, ends so much later; moments at once."""
    found: list[Incident] = []
    for n in range(round(until_s) + 1):
        heard = []
        for number, (part, start_s, end_s) in enumerate(spans):
            for phase, at_s in ((BEGIN, start_s), (END, end_s + (told_late_s if end_s > start_s else 0))):
                if n == at_s:
                    ended = end_s if phase is END else None
                    one = Incident("k", phase, "intrusion", "person", f"zone-{part}", (number + 1,), 0.5, start_s, float(n), ended)
                    heard.append(Event(f"gate-0-{number}", "gate", part, Severity.INFO, one))
        if heard:
            rule.hear(heard)
        found += rule.update(Tracks.empty("gate", float(n)))
    return found + list(rule.finish(until_s + 1))


def spans_of(incidents: list[Incident]) -> list[tuple[float, float | None]]:
    return [(one.started_at_s, one.ended_at_s) for one in incidents if one.phase is END]


@pytest.mark.parametrize(
    ("rule", "spans", "expected"),
    [
        pytest.param(make("all"), [("a", 0, 20)], [], id="all: one of two"),
        pytest.param(make("all"), [("a", 0, 20), ("b", 10, 15)], [(10, 15)], id="all: while both go on"),
        pytest.param(make("all"), [("b", 10, 15), ("a", 0, 20)], [(10, 15)], id="all: in any order"),
        pytest.param(make("all"), [("a", 0, 4), ("b", 9, 15)], [(9, 9)], id="all: just near enough: a moment"),
        pytest.param(make("all"), [("a", 0, 4), ("b", 10, 15)], [], id="all: too far apart"),
        pytest.param(make("all"), [("a", 3, 3), ("b", 6, 6)], [(6, 6)], id="all: two moments"),
        pytest.param(make("all"), [("a", 0, 40), ("b", 5, 5), ("b", 20, 20)], [(5, 5), (20, 20)], id="all: what goes on serves again"),
        pytest.param(make("all"), [("a", 3, 3), ("b", 4, 4), ("b", 8, 8)], [(4, 4)], id="all: what is over serves once"),
        pytest.param(make("all"), [("a", 3, 3), ("b", 4, 4), ("a", 7, 7), ("b", 8, 8)], [(4, 4), (8, 8)], id="all: a second pair"),
        pytest.param(make("all"), [("a", 0, 40), ("b", 5, 8), ("b", 9, 12)], [(5, 12)], id="all: a short break joins"),
        pytest.param(make("all", end_after_s=0), [("a", 0, 40), ("b", 5, 8), ("b", 9, 12)], [(5, 8), (9, 12)], id="all: or does not"),
        pytest.param(make("all", within_s=0), [("a", 0, 9), ("b", 9, 12)], [(9, 9)], id="all: at the same time"),
        pytest.param(make("all", of=("a", "b", "c")), [("a", 0, 9), ("b", 5, 20), ("c", 13, 15)], [(13, 13)], id="all: three"),
        pytest.param(make("all", of=("a", "b", "c")), [("a", 0, 9), ("b", 5, 20), ("c", 15, 16)], [], id="all: each near each"),
        pytest.param(make("sequence"), [("a", 0, 4), ("b", 9, 15)], [(9, 15)], id="sequence: while the last goes on"),
        pytest.param(make("sequence"), [("b", 0, 4), ("a", 6, 15)], [], id="sequence: the wrong way round"),
        pytest.param(make("sequence"), [("a", 0, 4), ("b", 10, 15)], [], id="sequence: too late"),
        pytest.param(make("sequence"), [("a", 0, 30), ("b", 20, 25)], [(20, 25)], id="sequence: while the first goes on"),
        pytest.param(make("sequence"), [("b", 1, 2), ("a", 3, 4), ("b", 6, 7)], [(6, 7)], id="sequence: one too early, one in time"),
        pytest.param(make("sequence", of=("a", "b", "c")), [("a", 0, 1), ("b", 5, 6), ("c", 10, 12)], [(10, 12)], id="sequence: three"),
        pytest.param(make("sequence", of=("a", "b", "c")), [("a", 0, 1), ("c", 3, 4), ("b", 5, 6)], [], id="sequence: two exchanged"),
        pytest.param(make("sequence", of=("a", "b", "c")), [("a", 0, 1), ("b", 3, 3), ("b", 6, 6), ("c", 10, 10)], [(10, 10)],
                     id="sequence: the later of two leads on"),
        pytest.param(make("any"), [("a", 3, 9)], [(3, 9)], id="any: one"),
        pytest.param(make("any"), [("a", 3, 9), ("b", 7, 20)], [(3, 20)], id="any: from the first to the last"),
        pytest.param(make("any"), [("a", 3, 9), ("b", 10, 20)], [(3, 20)], id="any: a short break joins"),
        pytest.param(make("any"), [("a", 3, 9), ("b", 30, 40)], [(3, 9), (30, 40)], id="any: each"),
        pytest.param(make("any"), [("a", 3, 3), ("b", 3, 3)], [(3, 3)], id="any: two moments at once"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("told_late_s", [0.0, 1.0])
def test_when_it_begins_and_ends(rule: Combined, spans: list[Span], expected: list[tuple[float, float]], told_late_s: float) -> None:
    rule.finish(-1.0)
    assert spans_of(said(rule, *spans, told_late_s=told_late_s)) == expected


@pytest.mark.parametrize("how", ["all", "any", "sequence"])
def test_what_goes_on_at_the_end_is_ended(how: str) -> None:
    assert spans_of(said(make(how), ("a", 3, 90), ("b", 5, 90)))[0] == ((3.0 if how == "any" else 5.0), 60.0)


def test_it_says_what_it_is_made_of_and_who_took_part() -> None:
    messages = said(make("sequence"), ("a", 2, 4), ("b", 7, 9))
    first = messages[0]
    assert (first.phase, first.kind, first.zone, first.track_ids, first.score) == (BEGIN, "combined", "", (1, 2), 0.5)
    assert first.details == {"how": "sequence", "rules": "a, b", "took_s": 5.0}
    (alone,) = {one.zone for one in said(make("any"), ("a", 2, 4))}
    assert alone == "zone-a"


def test_a_part_that_never_stops_leaves_little_behind() -> None:
    rule = make("all", within_s=1e4)
    for n in range(1000):
        one = Incident("k", END, "line_crossing", "person", "door", (n,), 0.5, float(n), float(n), float(n))
        rule.hear([Event(f"gate-0-{n}", "gate", "a", Severity.INFO, one)])
        rule.update(Tracks.empty("gate", float(n)))
    assert len(rule._spans["a"]) == MOST_SPANS


SITE: dict[str, Any] = {
    "cameras": {
        "gate": {
            "source": "sim://gate",
            "zones": {"apron": {"polygon": [[0.3, 0], [0.7, 0], [0.7, 1], [0.3, 1]]}},
            "lines": {"door": {"points": [[0.8, 0], [0.8, 1]]}},
        }
    },
    "rules": [
        {"id": "both", "kind": "combined", "of": ["stays", "leaves"], "how": "sequence", "within_s": 10, "severity": "alarm"},
        {"id": "stays", "kind": "loitering", "zone": "apron", "after_s": 5, "silent": True},
        {"id": "leaves", "kind": "line_crossing", "line": "door", "silent": True},
    ],
}


@pytest.mark.parametrize(("stops_s", "alarms"), [(8.0, 1), (0.5, 0)])
def test_the_whole_way_from_the_site_file(stops_s: float, alarms: int) -> None:
    """Somebody lingers on the apron and then goes through the door."""
    site = SiteConfig.model_validate(SITE)
    engine = RuleEngine("gate", build_rules(site, "gate", ("person",), (640, 360), None), epoch=1)
    events = []
    for n in range(150):
        t = n / 5
        x = min(0.1 + 0.1 * min(t, 4.0) + 0.1 * max(0.0, t - 4.0 - stops_s), 1.2)
        seen = [Sighting(1, x, 0.6, first_seen_s=0.0)] if x < 1 else []
        events += engine.update(make_tracks(t, seen))
    events += engine.finish(31.0)
    assert {event.rule_id for event in events} == ({"both"} if alarms else set())
    assert [event.incident.track_ids for event in events if event.phase is END] == [(1,)] * alarms


def test_a_schedule_holds_for_combined_rules_too() -> None:
    """The second minute after midnight: what the part finds outside is not heard, what it finds at the first moment is."""
    span = {"start": "00:01", "end": "00:02"}
    site = SiteConfig.model_validate(
        {
            "cameras": {"gate": {"source": "sim://gate"}},
            "rules": [
                {"id": "who", "kind": "intrusion", "after_s": 0, "silent": True},
                {"id": "when", "kind": "combined", "of": ["who", "else"], "how": "any", "schedule": [span], "end_after_s": 1},
                {"id": "else", "kind": "occupancy", "limit": 5, "silent": True},
            ],
        }
    )
    engine = RuleEngine("gate", build_rules(site, "gate", ("person",), (640, 360), UTC), epoch=1)
    told = []
    for t in np.arange(0.0, 200.0, 0.5):
        here = 20 <= t < 30 or 60 <= t < 70 or 110 <= t < 150
        told += engine.update(make_tracks(float(t), [Sighting(int(t // 55) + 1, 0.5, 0.5, first_seen_s=0.0)] if here else []))
    ended = [(event.incident.started_at_s, event.incident.ended_at_s) for event in told if event.phase is END]
    assert ended == [(60.0, 69.5), (110.0, 119.5)]
