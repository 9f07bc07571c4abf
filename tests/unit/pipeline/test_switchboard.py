"""Between sinks and supervisor: wishes, what has taken effect, what is refused."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from panops.config.schema import SiteConfig
from panops.domain.errors import StorageLocked
from panops.domain.switches import Switch
from panops.pipeline.switchboard import Switchboard
from panops.storage.audit import AuditLog
from panops.storage.database import Database
from panops.storage.site import SiteRepository
from panops.testing.fake_clock import FakeClock

ENABLED, DETECT, ALERTS = Switch
CAMERAS = {"gate": True, "yard": True, "dock": False}


@pytest.fixture
def database(tmp_path: Path) -> Database:
    found = Database.at(tmp_path).open()
    cameras = {name: {"source": "sim://gate", "enabled": enabled} for name, enabled in CAMERAS.items()}
    SiteRepository(found).apply(SiteConfig.model_validate({"cameras": cameras}))
    return found


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def board(database: Database, clock: FakeClock) -> Switchboard:
    return Switchboard(database, clock)


def follow(board: Switchboard) -> bool:
    """As the supervisor does."""
    changed = board.carry_out()
    board.refresh()
    return changed


def test_a_wish_is_carried_out_and_is_in_the_audit_log(board: Switchboard, database: Database, clock: FakeClock) -> None:
    rung: list[bool] = []
    board.on_asked(lambda: rung.append(True))
    board.panel("home", []).ask("gate", ALERTS, on=False)
    assert (rung, board.is_on("gate", ALERTS)) == ([True], True)  # not before it is carried out
    assert follow(board)
    assert not board.is_on("gate", ALERTS)
    (off,) = board.off("gate")
    assert (off.since_s, off.by) == (clock.now_s, "MQTT sink home")
    (entry,) = AuditLog(database).entries().entries
    assert (entry.user, entry.action, entry.target, entry.detail) == (
        "MQTT sink home", "camera.switch", "gate", {"switch": "alerts", "on": False},
    )  # fmt: skip
    board.panel("home", []).ask("gate", ALERTS, on=False)
    assert not follow(board)  # it is off already
    assert len(AuditLog(database).entries().entries) == 1
    assert board.counts() == {("home", "taken"): 2}


def test_of_many_wishes_the_last_one_counts(board: Switchboard) -> None:
    for turn in range(101):
        board.panel("home", []).ask("gate", ALERTS, on=turn % 2 == 1)
    board.panel("other", []).ask("gate", DETECT, on=False)
    assert follow(board)
    assert not board.is_on("gate", ALERTS)
    assert not board.is_on("gate", DETECT)
    assert board.counts() == {("home", "superseded"): 100, ("home", "taken"): 1, ("other", "taken"): 1}


def test_what_is_wished_before_anybody_follows_is_not_forgotten(board: Switchboard) -> None:
    board.panel("home", []).ask("gate", ALERTS, on=False)
    rung: list[bool] = []
    board.on_asked(lambda: rung.append(True))
    assert rung == [True]


def test_a_sink_switches_its_own_cameras_only(board: Switchboard) -> None:
    board.panel("home", ["gate"]).ask("yard", ALERTS, on=False)
    board.panel("home", []).ask("nobody", ALERTS, on=False)
    board.panel("home", []).ask("dock", ENABLED, on=True)
    assert not follow(board)
    assert board.counts() == {("home", "unknown_camera"): 2, ("home", "off_in_settings"): 1}
    board.settle(CAMERAS, {"gate": True, "yard": True})
    assert {camera for camera, _ in board.panel("home", ["gate"]).states()} == {"gate"}


def test_a_database_that_is_locked_costs_the_command_and_says_so(
    board: Switchboard, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def locked(*_: object, **__: object) -> bool:
        raise StorageLocked("another process holds the database")

    monkeypatch.setattr(board._store, "switch", locked)
    board.panel("home", []).ask("gate", ALERTS, on=False)
    assert not follow(board)
    assert board.counts() == {("home", "failed"): 1}
    assert "sink home: a command is not followed: another process holds the database" in caplog.text


def test_what_is_refused_is_counted_and_told_once_a_minute(board: Switchboard, clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    panel = board.panel("home", [])
    with caplog.at_level(logging.WARNING):
        for _ in range(50):
            panel.refuse("unknown_camera", "there is no camera 'x'")
        clock.now_s += 59
        panel.refuse("unknown_camera", "there is no camera 'x'")
        assert len(caplog.records) == 1
        clock.now_s += 2
        panel.refuse("too_long", "expected ON or OFF")
    assert [record.getMessage() for record in caplog.records] == [
        "sink home: a command is not followed: there is no camera 'x'",
        "sink home: a command is not followed: expected ON or OFF (50 more were refused since the last such line)",
    ]
    assert board.counts() == {("home", "unknown_camera"): 51, ("home", "too_long"): 1}


def test_states_are_told_once_they_have_taken_effect(board: Switchboard, database: Database) -> None:
    told: list[dict[tuple[str, Switch], bool]] = []
    end = board.follow(lambda: told.append(dict(board.states())))
    only_gate = {"gate": True}
    board.settle(only_gate, {})  # no process has spoken of it yet
    assert told == [{("gate", ALERTS): True}]
    board.settle(only_gate, {"gate": True})
    board.settle(only_gate, {"gate": True})
    assert told[1:] == [{("gate", ENABLED): True, ("gate", DETECT): True, ("gate", ALERTS): True}]
    board.panel("home", []).ask("gate", DETECT, on=False)
    follow(board)
    board.settle(only_gate, {"gate": True})  # its process was told, and has not answered yet
    assert told[-1] == {("gate", ENABLED): True, ("gate", ALERTS): True}
    board.settle(only_gate, {"gate": False})
    assert told[-1][("gate", DETECT)] is False
    board.panel("home", []).ask("gate", ENABLED, on=False)
    follow(board)
    board.settle(only_gate, {"gate": False})  # it is being let go
    assert ("gate", ENABLED) not in told[-1]
    board.settle(only_gate, {})
    assert told[-1] == {("gate", ENABLED): False, ("gate", DETECT): False, ("gate", ALERTS): True}
    end()
    end()
    count = len(told)
    board.settle({"gate": False}, {"gate": True})
    assert len(told) == count


def test_a_camera_that_its_settings_switch_off_is_off(board: Switchboard) -> None:
    board.settle(CAMERAS, {"gate": True, "yard": True})
    assert (board.states()["dock", ENABLED], board.states()["gate", ENABLED]) == (False, True)
