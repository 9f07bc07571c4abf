"""Clearing out what deleted rows leave in the files, while others use these."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import insert

from panops.storage import database as database_module
from panops.storage.database import Database
from panops.storage.leftovers import clear_out
from panops.storage.tables import gallery

_LOCKS = Path("/proc/locks")
_VISIT = "import sys, pathlib; from panops.storage.database import Database; Database.at(pathlib.Path(sys.argv[1])).open().close()"


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
    clear_out(database, [b"a needle that is nowhere"])
    assert locks_of(home / "panops.db") == before


def test_another_process_that_comes_and_goes_afterwards_leaves_the_log_alone(database: Database, home: Path) -> None:
    with ExitStack() as nested:
        for _ in range(3):
            nested.enter_context(database.reading())
    clear_out(database, [b"a needle that is nowhere"])
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
