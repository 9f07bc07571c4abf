"""From the schema of every earlier program to the present one, with rows in every table."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from panops.storage import schema
from panops.storage.database import Database
from panops.storage.events import EventRepository
from panops.storage.scope import Scope
from panops.storage.tables import metadata

from .old_databases import Rows, make_old, read_rows

OLDEST_FIRST = tuple(reversed(schema.known_revisions()))


@pytest.mark.parametrize("revision", OLDEST_FIRST)
def test_every_row_of_every_table_comes_along(tmp_path: Path, revision: str) -> None:
    before = make_old(tmp_path, revision)
    assert all(before.values()), "a table without a row proves nothing"
    with Database.at(tmp_path) as database:
        with database.reading() as connection:
            assert compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata) == []
            after = read_rows(connection)
            assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
        assert lost(before, after) == []
        found = EventRepository(database).get(Scope.everything(), "gate-1-1")
        assert found is not None
        assert (found.event.camera_id, found.note) == ("gate", "events.note")


def test_a_lost_column_would_be_seen() -> None:
    assert lost({"events": [{"a": 1, "b": 2}]}, {"events": [{"a": 1}]}) == ["events.b"]
    assert lost({"events": [{"a": 1}]}, {"events": []}) == ["events"]
    assert lost({"events": [{"a": 1}]}, {}) == ["events"]


def lost(before: Rows, after: Rows) -> list[str]:
    """Tables, and columns of them, whose rows are not as they were."""
    found = []
    for table, rows in before.items():
        now = after.get(table, [])
        if len(now) < len(rows):
            found.append(table)
            continue
        for old, new in zip(rows, now, strict=False):
            found += [f"{table}.{name}" for name, value in old.items() if new.get(name, object()) != value]
    return found
