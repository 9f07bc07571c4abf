"""Making a backup of a home, also while panops runs on it."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from panops import __version__
from panops.domain.clock import Clock
from panops.domain.errors import StorageError
from panops.storage.backup.archive import ArchiveWriter, check_suffix, sweep, writing
from panops.storage.backup.manifest import DATABASE, FILES, NAME, FileFact, Manifest, is_ours
from panops.storage.backup.snapshot import (
    Proof,
    proof_in,
    put_right,
    read_schema,
    recorded_in,
    recordings_folder,
    recordings_gone,
    take_snapshot,
)
from panops.storage.errors import from_os
from panops.storage.file_check import inspect_file
from panops.storage.home import Home

# What models are made of appears whole; these are on their way, or one process's own.
_UNFINISHED = (".incoming-", ".lock", ".part")
# Clips take the place of clips so far, snapshots of earlier ones: asked anew that often, then called missing.
_ROUNDS = 3
_PATIENCE_S = 5.0


class Progress(Protocol):
    """Who is told how far it is."""

    def __call__(self, what: str, done: int, total: int) -> None:
        """`done` of `total` bytes of `what`; 0 of 0 where that is not known."""


@dataclass(frozen=True, slots=True)
class BackupPlan:
    """What to put in.

    Attributes:
        evidence: Snapshots and clips of events.
        recordings: What was recorded all the time.
        replace: Whether a file that is there may be replaced.
    """

    evidence: bool = False
    recordings: bool = False
    replace: bool = False


def make_backup(home: Home, path: Path, plan: BackupPlan, clock: Clock, told: Progress) -> Manifest:
    """Write a backup: the database at one moment, models, clips, the journal, and evidence and recordings if they are wanted.

    The database is copied first; then the evidence that it names. What changed in between is asked for again, and the copy names what is
    really in the archive. Nothing is read of `run` and `engines`, which are made again.

    Args:
        home: The home; it is only read.
        path: The archive, ending in `.tar.gz` or `.tar.zst`; it is there when it is whole, with mode 0600.
        plan: What to put in.
        clock: For the time in it.
        told: Told how far it is.

    Returns:
        What is in it.

    Raises:
        StorageCorrupt: The database is damaged; `panops doctor` and `panops check` say more.
        StorageFull: The disk of the archive is full; nothing is left of it.
        StorageError: It cannot be read or written, the file is there already, or recordings are wanted that lie outside the home.
    """
    path = path.absolute()
    check_suffix(path)
    if path.exists() and not plan.replace:
        raise StorageError(f"expected the name of a new file, got {path}, which exists; choose another, or add --replace")
    if not path.parent.is_dir():
        raise StorageError(f"expected a folder for the backup, got {path.parent}, which is none; make it first")
    if plan.recordings:
        _check_recordings(home)
    made_at_s = clock.utc_s()
    with _beside(path) as snapshot:
        take_snapshot(home.database, snapshot, lambda done, total: told("database", done, total))
        inspect_file(snapshot, str(home.database), _PATIENCE_S, float("inf"))
        begun = Manifest(read_schema(snapshot), __version__, made_at_s, plan.evidence, plan.recordings)
        proof = proof_in(snapshot) if plan.evidence else []
        folders = ["models", "clips", "journal", *(["recordings"] if plan.recordings else [])]
        others = [item for folder in folders for item in _files_of(home.path, folder)]
        total = sum(size for _, _, size in others) + sum(piece.size_bytes for piece in proof) + snapshot.stat().st_size
        with writing(path, _Counted(told, total)) as archive:
            return _Making(archive, begun).run(home, proof, others, snapshot)


def _check_recordings(home: Home) -> None:
    folder = recordings_folder(home.database, home.recordings)
    if folder.absolute() != home.recordings.absolute():
        raise StorageError(
            f"expected recordings inside the home for --recordings, got recording.folder {folder}: copy that folder itself, and leave "
            "--recordings out"
        )


class _Counted:
    def __init__(self, told: Progress, total: int) -> None:
        self._told, self._total, self._done = told, total, 0

    def __call__(self, more: int) -> None:
        self._done += more
        self._told("files", self._done, max(self._done, self._total))


class _Making:
    """One backup, while it is made."""

    def __init__(self, archive: ArchiveWriter, begun: Manifest) -> None:
        self._archive = archive
        self._begun = begun
        self._files: dict[str, FileFact] = {}
        self._left_out: dict[str, str] = {}

    def run(self, home: Home, proof: list[Proof], others: list[tuple[str, Path, int]], snapshot: Path) -> Manifest:
        for name, file, _ in others:
            self._add(name, file)
        for name in FILES:
            if (home.path / name).is_file():
                self._add(name, home.path / name)
        self._add_proof(home, proof, snapshot)
        if self._begun.recordings:
            self._put_recordings_right(snapshot)
        if self._add(DATABASE, snapshot) is None:
            raise StorageError(f"{snapshot}: the copy of the database cannot be read back")
        manifest = replace(self._begun, files=self._files, left_out=self._left_out)
        self._archive.add_bytes(NAME, manifest.dump(), manifest.made_at_s)
        return manifest

    def _add(self, name: str, file: Path) -> FileFact | None:
        """None where it cannot be read; then it is noted."""
        if not is_ours(name):
            self._left_out[name[:200]] = "a name that a backup cannot hold"
            return None
        try:
            fact, whole = self._archive.add(name, file)
        except FileNotFoundError:
            self._left_out[name] = "it was deleted meanwhile"
            return None
        except OSError as error:
            if error.filename is None:  # the archive's fault, not the file's
                raise
            self._left_out[name] = f"it cannot be read: {error.strerror}"
            return None
        self._files[name] = fact
        if not whole:
            self._left_out[name] = "it became shorter while it was read; the rest is zeros"
        return fact

    def _add_proof(self, home: Home, proof: list[Proof], snapshot: Path) -> None:
        taken: dict[str, str] = {}
        changed: dict[str, list[Proof]] = {}
        for piece in proof:
            if not self._take(home, piece, taken):
                changed.setdefault(piece.event_id, []).append(piece)
        if not changed:
            return
        there: list[Proof] = []
        for event_id, before in changed.items():
            for _ in range(_ROUNDS):
                now = proof_in(home.database, [event_id])
                missed = [piece for piece in now if not self._take(home, piece, taken)]
                if not missed:
                    break
            for piece in before:
                self._left_out.pop(f"evidence/{piece.path}", None)
            for piece in missed:
                # Kept with what was recorded of it, so that whoever looks it over sees what is wrong.
                self._left_out.setdefault(f"evidence/{piece.path}", "its content is not what was recorded")
            there += [piece for piece in now if piece.path in taken]
        put_right(snapshot, changed, there)

    def _put_recordings_right(self, snapshot: Path) -> None:
        """A recording whose file retention deleted meanwhile, or that is not there, is called missing in the copy."""
        gone = []
        for one in recorded_in(snapshot):
            name = f"recordings/{one.path}"
            if name not in self._files:
                self._left_out.setdefault(name[:200], "it is not there")
                gone.append(one.path)
            elif self._files[name].sha256 != one.sha256:
                self._left_out.setdefault(name, "its content is not what was recorded")
        if gone:
            recordings_gone(snapshot, gone)

    def _take(self, home: Home, piece: Proof, taken: dict[str, str]) -> bool:
        """Whether exactly this piece is in the archive now. A name is put in once; `taken` has what was put in: path -> sha256."""
        if piece.path not in taken:
            fact = self._add(f"evidence/{piece.path}", home.evidence / piece.path)
            if fact is None:
                return False
            taken[piece.path] = fact.sha256
        return taken[piece.path] == piece.sha256


def _files_of(home: Path, folder: str) -> Iterator[tuple[str, Path, int]]:
    """Every file of a folder of the home: its name in the archive, its path, its size. Links are left out."""
    for path in sorted((home / folder).rglob("*")):
        relative = path.relative_to(home)
        if any(part.startswith(_UNFINISHED) or ".part" in part for part in relative.parts):
            continue
        try:
            if path.is_file() and not path.is_symlink():
                yield relative.as_posix(), path, path.stat().st_size
        except OSError:
            continue


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """An empty file for the database's copy, on the disk that the user chose for the backup; it goes at the end."""
    sweep(path)
    snapshot = path.with_name(f".{path.name}.db-{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(snapshot, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield snapshot
    except OSError as error:
        raise from_os(error, path.parent, f"the backup {path}") from error
    finally:
        snapshot.unlink(missing_ok=True)
