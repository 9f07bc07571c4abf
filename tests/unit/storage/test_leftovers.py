"""Clearing out what deleted rows leave in the files, while others use these."""

from __future__ import annotations

import os
import secrets
import sqlite3
import subprocess
import sys
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from sqlalchemy import delete, insert, select

from panops.storage import database as database_module
from panops.storage.database import Database
from panops.storage.leftovers import clear_out, to_clear
from panops.storage.tables import gallery

_LOCKS = Path("/proc/locks")
_VISIT = "import sys, pathlib; from panops.storage.database import Database; Database.at(pathlib.Path(sys.argv[1])).open().close()"


def cleared(database: Database, *needles: bytes) -> bool:
    with database.session() as connection:
        to_clear(connection, needles)
    return clear_out(database)


def locks_of(path: Path) -> list[str]:
    """The locks that this process holds on a file, as the kernel tells them."""
    if not _LOCKS.exists():
        pytest.skip("needs /proc/locks")
    inode, mine = f":{path.stat().st_ino}", str(os.getpid())
    lines = (line.split() for line in _LOCKS.read_text().splitlines())
    return sorted(" ".join(words[1:]) for words in lines if words[5].endswith(inode) and words[4] == mine)


def test_clearing_out_keeps_the_locks_of_this_process(database: Database, home: Path) -> None:
    with ExitStack() as nested:
        for _ in range(3):
            nested.enter_context(database.reading())
    before = locks_of(home / "panops.db")
    assert before, "without locks before, the same afterwards proves nothing"
    assert cleared(database, b"a needle that is nowhere")
    assert locks_of(home / "panops.db") == before


def test_another_process_that_comes_and_goes_afterwards_leaves_the_log_alone(database: Database, home: Path) -> None:
    with ExitStack() as nested:
        for _ in range(3):
            nested.enter_context(database.reading())
    assert cleared(database, b"a needle that is nowhere")
    subprocess.run([sys.executable, "-c", _VISIT, str(home)], check=True)
    with database.session() as connection:
        connection.execute(insert(gallery).values(name="still", value="written"))
    assert (home / "panops.db-wal").exists()


@pytest.mark.parametrize("piece_bytes", [1, 7, 64, 4096, 1 << 20])
def test_a_needle_is_found_wherever_pieces_of_the_file_are_cut(
    database: Database, piece_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "_PIECE_BYTES", piece_bytes)
    with database.session() as connection:
        connection.execute(insert(gallery).values(name="hay", value="a needle in a haystack"))
    database.maintain(["PRAGMA wal_checkpoint(TRUNCATE)"])
    needle = b"a needle in a haystack"
    pieces = database.pieces(len(needle) - 1)
    assert any(needle in piece for piece in pieces)


def test_what_one_process_could_not_clear_another_does(database: Database, home: Path) -> None:
    needle = secrets.token_hex(12).encode()
    _leave(home, needle)
    with closing(sqlite3.connect(home / "panops.db", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM people").fetchone()
        assert not cleared(database, needle), "somebody reads the log"
        reader.execute("COMMIT")
    noted = [path.name for path in home.iterdir() if needle in path.read_bytes()]
    assert noted == ["panops.db"], "the note does not hold what is to go"
    with Database.at(home) as other:
        assert clear_out(other)
    assert not any(needle in path.read_bytes() for path in home.iterdir())
    with database.reading() as connection:
        assert not connection.execute(select(gallery.c.name).where(gallery.c.name.startswith("to clear"))).all()


def test_whoever_deletes_without_a_needle_has_the_log_emptied(database: Database, home: Path) -> None:
    with database.session() as connection:
        connection.execute(insert(gallery).values(name="gone", value="words of somebody"))
    with database.session() as connection:
        connection.execute(delete(gallery).where(gallery.c.name == "gone"))
        to_clear(connection, [])
    assert clear_out(database)
    assert not any(b"words of somebody" in path.read_bytes() for path in home.iterdir())


def test_something_that_only_begins_alike_is_not_taken_for_a_needle(database: Database, home: Path) -> None:
    needle = secrets.token_hex(12).encode()
    alike = needle[:20] + b"zzzz"
    _leave(home, alike)
    assert cleared(database, needle)
    assert alike in (home / "panops.db").read_bytes(), "nobody had to wait"
    assert cleared(database, alike)
    assert alike not in (home / "panops.db").read_bytes()


def _leave(home: Path, left: bytes) -> None:
    """Delete a row as a build of SQLite does that writes nothing over it."""
    with closing(sqlite3.connect(home / "panops.db", isolation_level=None)) as other:
        other.execute("PRAGMA secure_delete=OFF")
        other.execute("INSERT INTO audit (at_s, \"user\", action, target, detail) VALUES (1, 'ada', 'left', ?, '{}')", (left.decode(),))
        other.execute("DELETE FROM audit WHERE action = 'left'")
