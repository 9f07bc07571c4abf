"""Which schema a database has, and bringing it up to date by the steps in `migrations/`."""

from __future__ import annotations

import logging
import re
import threading
from functools import cache
from importlib.resources import files

from sqlalchemy import Connection, inspect, text

from panops import __version__
from panops.domain.errors import StorageCorrupt, StorageError
from panops.storage.errors import corrupt
from panops.storage.tables import metadata

log = logging.getLogger(__name__)

VERSION_TABLE = "alembic_version"

# Alembic's `context` and `op` are one for the whole process.
_alembic = threading.Lock()


@cache
def known_revisions() -> tuple[str, ...]:
    """Every schema that this program knows, newest first: the numbers in the names of the steps' files."""
    names = (item.name for item in files("panops.storage.migrations.versions").iterdir())
    return tuple(sorted((name[1:5] for name in names if re.fullmatch(r"r\d{4}_\w+\.py", name)), reverse=True))


def check_known(revisions: set[str], tables: set[str], label: str) -> None:
    """Refuse a database that this program cannot work with.

    Args:
        revisions: What the database says its schema is; empty for a new one.
        tables: The tables it has.
        label: What to call it in the message.

    Raises:
        StorageError: It was written by a newer program.
        StorageCorrupt: It has tables, but none of them are panops's.
    """
    unknown = sorted(revisions - set(known_revisions()))
    if unknown:
        raise StorageError(
            f"{label} was written by a newer panops (its schema is {', '.join(unknown)}; this is version {__version__} with schema "
            f"{known_revisions()[0]}): install that version or newer, or use another folder"
        )
    if tables and not revisions:
        raise StorageCorrupt(
            f"{label} is a database of something else (it has {', '.join(sorted(tables)[:3])} and no record of a panops schema); "
            "it was left as it is: use another folder"
        )


def migrate(connection: Connection, label: str, target: str = "head") -> None:
    """Bring the database to the newest schema, within the connection's transaction. Nothing happens when it is there already.

    Args:
        connection: A connection in a transaction.
        label: What to call the database in messages.
        target: The schema to stop at; tests make databases of earlier programs by it.

    Raises:
        StorageError: See `check_known`.
    """
    tables = set(inspect(connection).get_table_names())
    revisions: set[str] = set()
    if VERSION_TABLE in tables:
        revisions = set(connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalars())  # noqa: S608  a constant
    check_known(revisions, tables - {VERSION_TABLE}, label)
    if revisions == {known_revisions()[0]}:
        return
    log.info("bringing %s from schema %s to %s", label, ", ".join(revisions) or "none", known_revisions()[0])
    _upgrade(connection, target)


def check_columns(connection: Connection, label: str) -> None:
    """See that the tables have the columns that this program asks for: one changed letter in a name is damage that no checksum tells.

    Args:
        connection: A connection to a database of the newest schema.
        label: What to call the database in messages.

    Raises:
        StorageCorrupt: One is missing.
    """
    there = inspect(connection).get_multi_columns()
    for table in metadata.sorted_tables:
        found = {column["name"] for column in there.get((None, table.name), ())}
        missing = sorted(column.name for column in table.columns if column.name not in found)
        if missing:
            raise corrupt(label, f"table {table.name} has no column {missing[0]}")


def _upgrade(connection: Connection, target: str) -> None:
    # Most starts need no step, and Alembic takes longer to import than the rest of the storage together.
    from alembic import command  # noqa: PLC0415  see above
    from alembic.config import Config  # noqa: PLC0415  see above

    # What it says of its inner life at INFO is not for people who run a site.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    config = Config()
    config.set_main_option("script_location", "panops.storage:migrations")
    config.attributes["connection"] = connection
    with _alembic:
        command.upgrade(config, target)
