"""Databases of earlier programs, with a row in every table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, MetaData, Table, insert, select, types

from panops.storage import schema
from panops.storage.database import Database

Rows = dict[str, list[dict[str, Any]]]

# What a column holds that the code reads: words of its own, JSON, a reference.
_VALUES: dict[str, Any] = {
    "phase": "end",
    "kind": "snapshot",
    "severity": "alarm",
    "status": "true_alarm",
    "state": "sent",
    "moment": "begin",
    "role": "admin",
    "cameras": None,
    "details": '{"dwell_s": 1.5}',
    "track_ids": "[1, 2]",
    "box": "[0.1, 0.2, 0.3, 0.4]",
    "verdict": "",
    "suppressed_by": "",
    "applied": None,
    "config": "{}",
    "event_id": "gate-1-1",
    "first_id": "gate-1-1",
    "camera_id": "gate",
    "username": "ada",
    "owner": "ada",
    "missing": False,
    "place": "archive",
    "epoch": 7,
    "person_id": "0123456789abcdef01234567",
    "lists": '["staff"]',
}


def make_old(folder: Path, revision: str) -> Rows:
    """Make `panops.db` of the schema `revision` in `folder`; what is in it, by table."""
    database = Database.at(folder)
    folder.mkdir(parents=True, exist_ok=True)
    engine = database._make_engine()
    try:
        with engine.begin() as connection:
            schema.migrate(connection, "test", revision)
            _fill(connection)
            return read_rows(connection)
    finally:
        engine.dispose()


def read_rows(connection: Connection) -> Rows:
    """Everything that is in a database."""
    return {name: [dict(row) for row in connection.execute(select(table)).mappings()] for name, table in _tables(connection).items()}


def _tables(connection: Connection) -> dict[str, Table]:
    metadata = MetaData()
    metadata.reflect(connection)
    return {table.name: table for table in metadata.sorted_tables if table.name != schema.VERSION_TABLE}


def _fill(connection: Connection) -> None:
    for table in _tables(connection).values():
        if connection.execute(select(table)).first() is None:
            connection.execute(insert(table).values({column.name: _value(table, column) for column in table.columns}))


def _value(table: Table, column: Any) -> Any:
    if column.name in _VALUES:
        return _VALUES[column.name]
    kinds: list[tuple[type[types.TypeEngine[Any]], Any]] = [
        (types.Boolean, True),
        (types.Integer, 3),
        (types.Float, 1_760_000_000.5),
        (types.LargeBinary, b"\x00\x01"),
    ]
    return next((value for kind, value in kinds if isinstance(column.type, kind)), f"{table.name}.{column.name}"[:16])
