"""The database: opening it with every check, and transactions whose errors are `StorageError`s.

SQLite by default (one file, WAL); the same code takes a PostgreSQL address.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from panops.domain.errors import StorageError
from panops.storage import schema
from panops.storage.errors import mapped
from panops.storage.file_check import MAGIC, check_head, inspect_file, look_through

_READING = "panops_reading"
_PIECE_BYTES = 1 << 20
# Any number that all panops processes share; it keeps two of them from migrating one PostgreSQL database at once.
_MIGRATION_LOCK = 8440
_PRAGMAS = (
    "foreign_keys=ON",
    # FULL: whoever is told "stored" can pull the plug. WAL with NORMAL could lose the last transactions on a power cut.
    "synchronous=FULL",
    # What is deleted is written over with zeros: people who were known must not stay in the file. Not every build does so by itself.
    "secure_delete=ON",
    "journal_size_limit=67108864",
    "temp_store=MEMORY",
    "cache_size=-16384",
)


class Database:
    """One database, used by any number of threads; each process opens its own.

    Args:
        url: `sqlite:////folder/panops.db` or `postgresql+psycopg://user:password@host/name`.
        busy_timeout_s: How long to wait for another process's transaction before `StorageLocked`.
    """

    def __init__(self, url: str | URL, *, busy_timeout_s: float = 5.0) -> None:
        """Remember the address; nothing is opened yet.

        Raises:
            StorageError: The address is not one.
        """
        try:
            self._url = make_url(url)
        except ArgumentError as error:
            raise StorageError("expected a database address such as sqlite:////folder/panops.db, got something else") from error
        self.path = Path(self._url.database).absolute() if self._is_sqlite and self._url.database else None
        self.label = str(self.path) if self.path else self._url.render_as_string(hide_password=True)
        if self._is_sqlite and self.path is None:
            raise StorageError("expected a database file, got an address without one: sqlite:////folder/panops.db")
        self._busy_timeout_s = busy_timeout_s
        self._engine: Engine | None = None
        self._reader: Engine | None = None
        # Kept open for `check` and `pieces`: closing a file drops the locks that SQLite holds on it in this process.
        self._file: int | None = None

    @classmethod
    def at(cls, home: Path, *, busy_timeout_s: float = 5.0) -> Self:
        """The SQLite database `panops.db` in the folder `home`."""
        return cls(URL.create("sqlite", database=str(Path(home).absolute() / "panops.db")), busy_timeout_s=busy_timeout_s)

    @property
    def _is_sqlite(self) -> bool:
        return self._url.get_backend_name() == "sqlite"

    def open(self, *, check: bool = True) -> Self:
        """Check the database, bring its schema up to date and get ready. A file that is not there is made, readable by its owner only.

        Args:
            check: Whether to look through the whole file for damage (about 1 s a GB); the process that starts others does it once for all.

        Returns:
            This database.

        Raises:
            StorageCorrupt: It is damaged or not a database; it is left as it is.
            StorageLocked: Another process holds it for longer than the time-out.
            StorageFull: There is no space.
            StorageError: It cannot be written, or a newer panops wrote it.
        """
        if self._engine is not None:
            return self
        with mapped(self.path, self.label):
            if self.path is not None:
                _make_ready(self.path, self.label, self._busy_timeout_s, check=check)
            engine = self._make_engine()
            try:
                if self.path is not None:
                    _use_wal(engine)
                with engine.begin() as connection:
                    if not self._is_sqlite:
                        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
                    schema.migrate(connection, self.label)
                    if check:
                        schema.check_columns(connection, self.label)
                if self.path is not None:
                    self._file = os.open(self.path, os.O_RDONLY)
            except BaseException:
                engine.dispose()
                raise
        options: dict[str, Any] = {_READING: True}
        if not self._is_sqlite:
            options |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        self._engine, self._reader = engine, engine.execution_options(**options)
        return self

    def check(self, *, limit_s: float = 0.25) -> bool:
        """Look at the database as it is now on disk, past everything that open connections remember of it.

        Args:
            limit_s: An SQLite file is looked through for damage for no longer than this. The answer of a server is waited for.

        Returns:
            Whether the whole file was looked through; True for a server.

        Raises:
            StorageCorrupt: It is damaged.
            StorageError: It cannot be read, is not open, or its file was deleted or replaced by another one.
        """
        self._opened(self._engine)
        with mapped(self.path, self.label):
            if self.path is None or self._file is None:
                with self.reading() as connection:
                    connection.execute(text(f"SELECT version_num FROM {schema.VERSION_TABLE}"))  # noqa: S608  a constant
                return True
            if not self.path.exists() or not os.path.samestat(self.path.stat(), os.fstat(self._file)):
                raise StorageError(
                    f"{self.label} was deleted or replaced while panops uses it; stop panops, put the right file in its place, start again"
                )
            check_head(os.pread(self._file, len(MAGIC), 0), self.label)
            return look_through(self.path, self.label, limit_s, limit_s)

    def pieces(self, overlap: int) -> Iterator[bytes]:
        """The SQLite file as it is now on disk, piece after piece; each begins with the last `overlap` bytes of the one before.

        It is read through the file that stays open: whoever opens and closes it by name takes SQLite's locks from this process, and another
        process then takes itself for the last user and deletes the log that is in use.

        Raises:
            StorageError: It cannot be read, is not open, or the database is on a server.
        """
        self._opened(self._engine)
        if self._file is None:
            raise StorageError(f"{self.label} is on a server: its file cannot be read from here")
        with mapped(self.path, self.label):
            kept, at = b"", 0
            while read := os.pread(self._file, _PIECE_BYTES, at):
                piece = kept + read
                yield piece
                kept, at = piece[len(piece) - min(overlap, len(piece)) :], at + len(read)

    @contextmanager
    def session(self) -> Iterator[Connection]:
        """A transaction that writes: committed when the block ends, undone when it raises.

        Raises:
            StorageError: Its kinds, see `errors.mapped`; nothing of the block was written.
        """
        with mapped(self.path, self.label), self._opened(self._engine).begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that only reads: one unchanging picture of the database, and no writer has to wait for it.

        Raises:
            StorageError: Its kinds, see `errors.mapped`.
        """
        with mapped(self.path, self.label), self._opened(self._reader).begin() as connection:
            yield connection

    def maintain(self, statements: Sequence[str]) -> list[Any]:
        """Run statements outside of any transaction, such as a vacuum; the rows of the last one.

        Raises:
            StorageError: Its kinds, see `errors.mapped`.
        """
        with mapped(self.path, self.label):
            connection = self._opened(self._engine).raw_connection()
            try:
                if self.path is None:
                    connection.dbapi_connection.autocommit = True  # type: ignore[union-attr]  # a connection that was just opened is there
                cursor = connection.cursor()
                for statement in statements:
                    cursor.execute(statement)
                return list(cursor.fetchall()) if cursor.description else []
            finally:
                # It is as nobody else expects it, so nobody else gets it.
                connection.invalidate()
                connection.close()

    def close(self) -> None:
        """Give every connection back. Safe to call twice; `open` works again afterwards."""
        engine, self._engine, self._reader = self._engine, None, None
        file, self._file = self._file, None
        if engine is not None:
            engine.dispose()
        if file is not None:
            os.close(file)

    def __enter__(self) -> Self:
        """Open it."""
        return self.open()

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def __repr__(self) -> str:
        """The address without the password."""
        return f"Database({self.label!r})"

    def _opened(self, engine: Engine | None) -> Engine:
        if engine is None:
            raise StorageError(f"{self.label} is not open")
        return engine

    def _make_engine(self) -> Engine:
        # Parameters hold passwords and notes: never in a message or log.
        options: dict[str, Any] = {"hide_parameters": True, "pool_size": 8, "max_overflow": 56}
        if self._is_sqlite:
            options["connect_args"] = {"timeout": self._busy_timeout_s, "check_same_thread": False}
        else:
            options |= {"pool_pre_ping": True, "connect_args": {"options": f"-c lock_timeout={int(self._busy_timeout_s * 1000)}"}}
        try:
            engine = create_engine(self._url, **options)
        except (ImportError, NoSuchModuleError) as error:
            raise StorageError(
                f"{self.label} needs a driver that is not installed ({error}); install it with: pip install psycopg"
            ) from error
        if self._is_sqlite:
            event.listen(engine, "connect", _set_up_connection)
            event.listen(engine, "begin", _begin)
        return engine


def _set_up_connection(connection: Any, _record: object) -> None:
    # Transactions are begun by `_begin`, not by the driver's guess.
    connection.isolation_level = None
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    # A writer takes its lock at once: a reader that turns into a writer fails without waiting when somebody wrote in between.
    connection.exec_driver_sql("BEGIN" if connection.get_execution_options().get(_READING) else "BEGIN IMMEDIATE")


def _use_wal(engine: Engine) -> None:
    connection = engine.raw_connection()
    try:
        cursor = connection.cursor()
        (mode,) = cursor.execute("PRAGMA journal_mode").fetchone()
        if mode != "wal":
            cursor.execute("PRAGMA journal_mode=WAL")
        cursor.close()
    finally:
        connection.close()


def _make_ready(path: Path, label: str, busy_timeout_s: float, *, check: bool) -> None:
    """Make the file when it is not there; look at it without changing a byte of it, and close it to others."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    inspect_file(path, label, busy_timeout_s, math.inf if check else 0.0)
    if path.stat().st_mode & 0o077:
        # It holds the cameras' passwords.
        path.chmod(0o600)
