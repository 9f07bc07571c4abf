"""docs/add-a-rule.md does what it says: the code on the page is installed as a plug-in and used, as it stands there."""

from __future__ import annotations

import importlib
import sys
import tomllib
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from types import ModuleType

import pytest

from panops.config.load import parse_site
from panops.domain.events import EventPhase
from panops.rules.build import build_rules, check_rules
from panops.rules.engine import RuleEngine
from panops.testing.rule_conformance import RuleConformance, Sighting, make_tracks
from tests.docs.test_docs import ROOT, blocks

PAGE = ROOT / "docs" / "add-a-rule.md"


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The page's module, found by the entry point that the page's pyproject.toml names."""
    rule, tests = blocks(PAGE, "python")
    (tmp_path / "standing.py").write_text(rule)
    (tmp_path / "check_standing.py").write_text(tests)
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("standing", "check_standing"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    (group, points), *rest = tomllib.loads(blocks(PAGE, "toml")[0])["project"]["entry-points"].items()
    assert not rest
    installed = EntryPoints([EntryPoint(name, target, group) for name, target in points.items()])
    for user in ("panops.domain.registry", "panops.config.fields"):
        monkeypatch.setattr(f"{user}.entry_points", lambda group: installed.select(group=group))
    return importlib.import_module("standing")


def test_the_rule_has_about_forty_lines(plugin: ModuleType) -> None:
    lines = [line for line in Path(str(plugin.__file__)).read_text().splitlines() if line.strip()]
    assert len(lines) <= 44


def test_the_site_file_takes_it_and_it_tells(plugin: ModuleType) -> None:
    (rules,) = [block for block in blocks(PAGE, "text") if block.startswith("rules:")]
    zone = "{gangway: {polygon: [[0.4, 0], [1, 0], [1, 1], [0.4, 1]]}}"
    site = parse_site(f"cameras: {{hall: {{source: 'sim://room', zones: {zone}}}}}\n{rules}")
    assert check_rules(site, "hall", ("person",)) == []
    built = build_rules(site, "hall", ("person",), (640, 360), None)
    assert [type(rule) for _, rule in built] == [plugin.Standing]
    engine = RuleEngine("hall", built, epoch=1)
    events = []
    for n in range(300):
        t = n / 5
        walks = Sighting(1, 0.1 + 0.015 * t, 0.5, first_seen_s=0.0)
        stands = [Sighting(2, 0.7, 0.9, first_seen_s=0.0)] if t < 40 else []
        events += engine.update(make_tracks(t, [walks, *stands, Sighting(3, 0.2, 0.9, first_seen_s=0.0)]))
    ended = [event.incident for event in [*events, *engine.finish(60.0)] if event.phase is EventPhase.END]
    assert [(one.track_ids, one.started_at_s, one.ended_at_s, one.details) for one in ended] == [((2,), 0.0, 39.8, {"still_s": 39.8})]
    assert events[0].severity.value == "warning"
    assert engine.failures == {}


def test_it_passes_the_suite_that_the_page_runs(plugin: ModuleType) -> None:
    assert plugin
    suite = importlib.import_module("check_standing").TestStanding()
    assert isinstance(suite, RuleConformance)
    names = [name for name in dir(suite) if name.startswith("test_")]
    assert len(names) >= 8
    for name in names:
        getattr(suite, name)()
