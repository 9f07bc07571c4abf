from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from panops.storage import audit
from panops.storage.audit import AuditEntry, AuditLog
from panops.storage.database import Database
from panops.storage.errors import InvalidCursor


@pytest.fixture
def log(database: Database) -> AuditLog:
    return AuditLog(database)


def test_entries_come_back_newest_first_page_by_page(log: AuditLog) -> None:
    for index in range(7):
        log.record(float(index), "eva", "camera.put", f"cam{index}", {"n": index})
    found: list[AuditEntry] = []
    cursor = None
    for _ in range(3):
        page = log.entries(3, cursor)
        found += page.entries
        cursor = page.next_cursor
        log.record(99.0, "tom", "login")
    assert cursor is None
    assert found == [AuditEntry(float(index), "eva", "camera.put", f"cam{index}", {"n": index}) for index in reversed(range(7))]


def test_any_text_can_be_recorded(log: AuditLog) -> None:
    log.record(1.0, "e\x00va\ud800", "login.failed", "x" * 1000, {"from": object, "\ud800": 1})
    entry = log.entries().entries[0]
    assert entry.user == "eva?"
    assert len(entry.target) == 400


@pytest.mark.parametrize("cursor", ["", "x", "-1", "1.5", "9" * 30, "²", "1 OR 1=1"])
def test_a_cursor_from_nowhere_is_refused(log: AuditLog, cursor: str) -> None:
    with pytest.raises(InvalidCursor):
        log.entries(cursor=cursor)


@pytest.mark.parametrize("limit", [-1, 0])
def test_a_page_has_at_least_one_entry(log: AuditLog, limit: int) -> None:
    log.record(1.0, "eva", "login")
    log.record(2.0, "eva", "login")
    assert len(log.entries(limit).entries) == 1


def test_what_is_too_old_goes_and_that_is_an_entry(log: AuditLog) -> None:
    day_s = 86_400.0
    for day in range(10):
        log.record(day * day_s, "eva", "login", str(day))
    assert log.delete_before(0.5 * day_s, 11 * day_s) == 0, "an entry for each minute's few would be no use"
    assert log.delete_before(4 * day_s, 11 * day_s) == 4
    assert log.delete_before(4 * day_s, 11 * day_s) == 0
    newest, *others = log.entries().entries
    assert [entry.target for entry in others] == ["9", "8", "7", "6", "5", "4"]
    assert (newest.user, newest.action, newest.detail) == ("", "audit.delete", {"entries": 4, "before_s": 4 * day_s})


def test_a_deletion_that_breaks_off_has_told_of_what_went(log: AuditLog, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "_BATCH", 2)
    day_s = 86_400.0
    for day in range(7):
        log.record(day * day_s, "eva", "login", str(day))
    with database.session() as connection:
        connection.execute(
            text("CREATE TRIGGER no BEFORE DELETE ON audit WHEN OLD.target = '5' BEGIN SELECT RAISE(ABORT, 'the disk fails'); END")
        )
    with pytest.raises(IntegrityError):
        log.delete_before(7 * day_s, 11 * day_s)
    told = [entry.detail["entries"] for entry in log.entries().entries if entry.action == "audit.delete"]
    assert told == [2, 2]
    assert [entry.target for entry in log.entries().entries if entry.action == "login"] == ["6", "5", "4"]
    with database.session() as connection:
        connection.execute(text("DROP TRIGGER no"))
    assert log.delete_before(7 * day_s, 11 * day_s) == 3
    assert sum(entry.detail["entries"] for entry in log.entries().entries) == 7
