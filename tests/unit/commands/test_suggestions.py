"""`panops suggestions`, with a real database."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from panops.cli import app
from panops.config.load import parse_site
from panops.domain.events import Event, EventPhase, Incident, Severity
from panops.storage.audit import AuditLog
from panops.storage.database import Database
from panops.storage.errors import RequestRefused
from panops.storage.events import EventRepository, ReviewStatus
from panops.storage.scope import Scope
from panops.storage.site import SiteRepository
from panops.storage.trail import TrackTrail

SITE = """
cameras: {gate: {source: "sim://gate"}}
rules: [{id: night, kind: intrusion, cameras: [gate], after_s: 1.0}]
"""
ALL = Scope.everything()


def run(*arguments: object, code: int = 0) -> str:
    result = CliRunner().invoke(app, [*map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result.output


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Six false alarms of 1.4 s all over the picture, two true ones of 6 s."""
    with Database.at(tmp_path) as database:
        SiteRepository(database).apply(parse_site(SITE))
        for number in range(8):
            start_s, seconds, name = 1000.0 * number, 1.4 if number < 6 else 6.0, f"gate-1-{number}"
            incident = Incident("zone", EventPhase.END, "intrusion", "person", "", (1,), 0.6, start_s, start_s + 9, start_s + seconds)
            EventRepository(database).save([Event(name, "gate", "night", Severity.ALARM, incident)])
            x = 0.05 + 0.12 * number
            points = [
                (start_s + look / 5, [(1, "person", 0.6, (x, 0.2, x + 0.1, 0.3 + 0.08 * number))]) for look in range(round(5 * seconds) + 1)
            ]
            TrackTrail(database).save_trail(name, points)
            said = ReviewStatus.FALSE_ALARM if number < 6 else ReviewStatus.TRUE_ALARM
            EventRepository(database).review(ALL, name, status=said, user="oscar", at_s=1.0)
    return tmp_path


def after_s(home: Path) -> float:
    with Database.at(home) as database:
        value: float = SiteRepository(database).load().rules[0].model_dump()["after_s"]
        return value


def test_it_lists_applies_and_takes_back(home: Path) -> None:
    (found,) = json.loads(run("suggestions", "--home", home, "--json"))
    assert (found["change"]["before"], found["change"]["after"], len(found["goes"]), found["dismissed"]) == (1.0, 4.0, 6, False)
    one = found["suggestion_id"]
    told = run("suggestions", "--home", home)
    assert told.startswith(f"{one}  Raise after_s of the rule night from 1 s to 4 s: 6 of 6 false alarms go, all 2 true ones stay.")
    assert "applied: Raise after_s" in run("suggestions", "--home", home, "--apply", one)
    assert after_s(home) == 4.0
    assert run("suggestions", "--home", home).startswith("nothing to change")
    with pytest.raises(RequestRefused, match="does not stand any more"):
        run("suggestions", "--home", home, "--apply", one)
    assert "taken back" in run("suggestions", "--home", home, "--take-back", one)
    assert after_s(home) == 1.0
    with Database.at(home) as database:
        entries = AuditLog(database).entries().entries
    assert [(entry.user, entry.action, entry.detail["from"], entry.detail["to"]) for entry in entries] == [
        ("panops suggestions", "suggestion.take_back", 4.0, 1.0), ("panops suggestions", "suggestion.apply", 1.0, 4.0),
    ]  # fmt: skip
    run("suggestions", "--home", home, "--apply", one, "--take-back", one, code=2)
