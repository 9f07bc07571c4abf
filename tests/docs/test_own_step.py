"""The step on docs/false-alarms.md does what it says: the code on the page is installed as a plug-in and used, as it stands there."""

from __future__ import annotations

import importlib
import sys
import tomllib
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from panops.config.load import parse_site
from panops.domain.errors import ConfigError
from panops.domain.events import Event, EventPhase, Incident, Severity
from panops.domain.frame import ArrayPixels, Frame
from panops.verify.build import build_chain
from panops.verify.case import Case, Picture, Sighting
from panops.verify.track_log import TrackRecord
from tests.docs.test_docs import ROOT, blocks
from tests.unit.verify.story import Camera

PAGE = ROOT / "docs" / "false-alarms.md"
SITE = "cameras: {yard: {source: 'sim://yard'}}\n"


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The page's module, found by the entry point that the page names; and another one, whose name is not its entry point's."""
    (code,) = blocks(PAGE, "python")
    (tmp_path / "staff.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "staff", raising=False)
    ((group, points),) = tomllib.loads(blocks(PAGE, "toml")[0])["project"]["entry-points"].items()
    targets = {**points, "other": "staff:Staff", "gone": "nowhere:Step"}
    installed = EntryPoints([EntryPoint(name, target, group) for name, target in targets.items()])
    for user in ("panops.domain.registry", "panops.config.fields"):
        monkeypatch.setattr(f"{user}.entry_points", lambda group: installed.select(group=group))
    return importlib.import_module("staff")


def of_colour(rgb: tuple[int, int, int]) -> Case:
    """A case with somebody in these colours on grey ground, at the picture's very edge."""
    picture = np.full((360, 640, 3), 90, np.uint8)
    picture[200:360, 560:640] = rgb
    xyxy = (560.0, 200.0, 640.0, 360.0)
    record = TrackRecord(1, 0, 0.0, 1.0, 5, 5, 0.8, xyxy, xyxy, xyxy)
    incident = Incident("k", EventPhase.UPDATE, "intrusion", "person", "", (1,), 0.8, 0.0, 1.0)
    case = Case(Event("gate-1-1", "gate", "night", Severity.ALARM, incident), 1.0)
    frame = Frame("gate", 0, 0.0, 0.0, ArrayPixels(picture))
    case.records[1] = record
    case.seen = [Sighting(Picture(frame), np.array(xyxy, np.float32), record)]
    return case


def test_the_site_file_takes_it_and_it_has_a_say(plugin: ModuleType) -> None:
    (verify,) = [block for block in blocks(PAGE, "text") if block.startswith("verify:")]
    config = parse_site(SITE + verify).verify
    chain = build_chain(config, ("person", "car"))
    assert chain is not None
    assert chain.problems == ()
    step = plugin.Staff(config.plugins["staff"], None)
    assert step.most == 0.2
    ours, other = step.judge(of_colour((220, 200, 30))), step.judge(of_colour((60, 60, 200)))
    assert (ours.finding.passed, other.finding.passed) == (False, True)
    assert ours.finding.value == pytest.approx(1.0, abs=0.05)
    assert other.finding.value == pytest.approx(0.0, abs=0.05)
    camera = Camera(chain=chain)
    camera.empty(12)
    camera.walks(6, track_id=1)
    camera.empty(3)
    (begun,) = camera.begun()
    assert begun.verdict is not None
    assert [(finding.step, finding.passed) for finding in begun.verdict.findings][-1] == ("staff", True)
    assert not begun.is_suppressed


def test_what_it_objects_to_is_stored_and_not_told(plugin: ModuleType) -> None:
    config = parse_site(SITE + "verify: {plugins: {staff: {most_yellow: 0.2}}}").verify
    camera = Camera(chain=build_chain(config, ("person", "car")))

    def yellow(self: ArrayPixels, size_wh: tuple[int, int], crop_xyxy: tuple[int, int, int, int]) -> np.ndarray:
        return np.full((size_wh[1], size_wh[0], 3), (220, 200, 30), np.uint8)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ArrayPixels, "rgb", yellow)
        camera.empty(12)
        camera.walks(6, track_id=1)
        camera.empty(3)
    assert camera.told == []
    assert [event.verdict.suppressed_by for event in camera.suppressed if event.verdict] == ["staff"]


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ("staff: {most_yellow: 3}", "verify.plugins.staff: expected most_yellow between 0 and 1, got 3.0"),
        ("staff: {most_yellow: much}", "verify.plugins.staff: could not convert"),
        ("other: {}", "verify.plugins.other: expected a step whose `name` is 'other', got 'staff'"),
        ("gone: {}", "verify.plugins.gone: verifier 'gone' needs nowhere"),
    ],
)
def test_one_that_cannot_be_made_is_left_out_and_told(plugin: ModuleType, settings: str, problem: str) -> None:
    chain = build_chain(parse_site(SITE + f"verify: {{plugins: {{{settings}}}}}").verify, ("person", "car"))
    assert chain is not None
    (said,) = chain.problems
    assert said.startswith(problem)
    assert said.endswith("; events are told without this step")
    camera = Camera(chain=chain)
    camera.empty(12)
    camera.walks(6, track_id=1)
    assert camera.told


def test_one_that_is_off_is_not_made(plugin: ModuleType) -> None:
    chain = build_chain(parse_site(SITE + "verify: {plugins: {staff: {enabled: false, most_yellow: 3}}}").verify, ("person",))
    assert chain is not None
    assert chain.problems == ()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ("stuff: {}", "no plug-in brings a step 'stuff'; installed are: gone, other, staff"),
        ("size: {}", "'size' is a built-in step: its settings stand beside `plugins`, not in it"),
    ],
)
def test_the_site_file_says_what_it_does_not_know(plugin: ModuleType, settings: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        parse_site(SITE + f"verify: {{plugins: {{{settings}}}}}")


def test_one_that_fails_costs_no_alarm(plugin: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("a plug-in's fault")

    monkeypatch.setattr(plugin.Staff, "judge", fails)
    monkeypatch.setattr(plugin.Staff, "decided", fails)
    camera = Camera(chain=build_chain(parse_site(SITE + "verify: {plugins: {staff: {}}}").verify, ("person", "car")))
    camera.empty(12)
    camera.walks(6, track_id=1)
    assert camera.told
    assert camera.chain is not None
    assert camera.chain.failures["staff"] > 1
