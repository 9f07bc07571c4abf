"""Looking a backup or a home over: what is missing, what is not what it was."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from panops.domain.errors import StorageCorrupt, StorageError
from panops.storage.backup.archive import members
from panops.storage.backup.making import Progress
from panops.storage.backup.manifest import DATABASE, LARGEST_BYTES, NAME, FileFact, Manifest, parse
from panops.storage.backup.second_place import look_over
from panops.storage.backup.snapshot import Proof, Recorded, proof_in, read_schema, recorded_in, recordings_folder
from panops.storage.errors import mapped
from panops.storage.file_check import inspect_file, open_to_read
from panops.storage.home import Home

_PATIENCE_S = 30.0
TEMPORARY = ".panops-check-"
"""How the names of folders begin in which a backup's database is looked through."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong.

    Attributes:
        kind: `missing`, `altered` (its sha256 is another), `unknown` (nothing names it), `damaged` (it cannot be used at all) or
            `unfinished`.
        name: The file, below the home.
        message: What was expected and what came.
    """

    kind: str
    name: str
    message: str


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What was looked at, and what was found.

    Attributes:
        schema: The database's schema; empty where it cannot be said.
        files: How many files were compared with their sha256.
        size_bytes: Their size.
        findings: What is wrong; empty when all is well.
        manifest: Of a backup that could be read to its end.
    """

    schema: str = ""
    files: int = 0
    size_bytes: int = 0
    findings: tuple[Finding, ...] = ()
    manifest: Manifest | None = None

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings


@dataclass(slots=True)
class _Seen:
    facts: dict[str, FileFact] = field(default_factory=dict)
    manifest: bytes | None = None


def check_archive(path: Path, told: Progress, *, beside: Path | None = None) -> CheckReport:
    """Read a backup to its end and compare every file with the manifest, look the database through, and compare files with its rows.

    Args:
        path: The archive.
        told: Told how far it is.
        beside: In which folder the database is unpacked meanwhile; None: that of the archive. Where neither can be written, the system's.

    Raises:
        StorageError: It cannot be opened, a newer panops made it, or there is no space for the copy of the database. What is wrong with
            the archive itself is a finding.
    """
    label = f"the backup {path}"
    done = 0

    def count(more: int) -> None:
        nonlocal done
        done += more
        told("files", done, 0)

    with tempfile.TemporaryDirectory(prefix=TEMPORARY, dir=_place(beside, path.absolute().parent)) as folder:
        database, seen = Path(folder) / DATABASE, _Seen()
        try:
            _read_all(path, seen, database, count)
        except StorageCorrupt as error:
            return _report(seen, None, "", [Finding("damaged", path.name, str(error))])
        if seen.manifest is None:
            sentence = f"{label} is cut off: it has no {NAME}, which is written last; use another one"
            return _report(seen, None, "", [Finding("damaged", path.name, sentence)])
        try:
            manifest = parse(seen.manifest, label)
        except StorageCorrupt as error:
            return _report(seen, None, "", [Finding("damaged", NAME, str(error))])
        findings = list(_compared(manifest, seen.facts))
        if database.exists():
            findings += _database_findings(database, f"the database in {label}")
            if manifest.evidence and not any(finding.name == DATABASE for finding in findings):
                findings += _proof_findings(proof_in(database), seen.facts)
            if manifest.recordings and not any(finding.name == DATABASE for finding in findings):
                findings += _recorded_findings(recorded_in(database), seen.facts)
        return _report(seen, manifest, manifest.schema, findings)


def _place(*folders: Path | None) -> Path | None:
    """The first folder that can be written: a database may be larger than the system's folder for such files, which may lie in memory."""
    return next((folder for folder in folders if folder is not None and folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)), None)


def _read_all(path: Path, seen: _Seen, database: Path, count: Callable[[int], None]) -> None:
    for member in members(path, count):
        if member.name != NAME:
            with mapped(database, f"the folder {database.parent}"):
                seen.facts[member.name] = member.read_to(database if member.name == DATABASE else None)
        elif member.size_bytes > LARGEST_BYTES:
            raise StorageCorrupt(f"the backup {path} was not used: its {NAME} has {member.size_bytes} bytes")
        else:
            seen.manifest = b"".join(member.chunks())


def _report(seen: _Seen, manifest: Manifest | None, schema: str, findings: list[Finding]) -> CheckReport:
    size_bytes = sum(fact.size_bytes for fact in seen.facts.values())
    return CheckReport(schema, len(seen.facts), size_bytes, tuple(findings), manifest)


def _compared(manifest: Manifest, facts: dict[str, FileFact]) -> Iterator[Finding]:
    for name, fact in manifest.files.items():
        if name not in facts:
            yield Finding("missing", name, "the manifest names it, and it is not in the archive")
        elif facts[name] != fact:
            yield Finding("altered", name, _altered(fact, facts[name]))
    for name in facts:
        if name not in manifest.files:
            yield Finding("unknown", name, "it is in the archive, and the manifest does not name it")
    if DATABASE not in manifest.files:
        yield Finding("missing", DATABASE, "the manifest names no database")


def _altered(wanted: FileFact, found: FileFact) -> str:
    if wanted.size_bytes != found.size_bytes:
        return f"expected {wanted.size_bytes} bytes, got {found.size_bytes}"
    return f"expected sha256 {wanted.sha256[:12]}…, got {found.sha256[:12]}…"


def _proof_findings(proof: list[Proof], facts: dict[str, FileFact]) -> Iterator[Finding]:
    for piece in proof:
        name, wanted = f"evidence/{piece.path}", FileFact(piece.size_bytes, piece.sha256)
        if name not in facts:
            yield Finding("missing", name, f"the {piece.kind} of event {piece.event_id} is not in the archive")
        elif facts[name] != wanted:
            yield Finding("altered", name, f"the {piece.kind} of event {piece.event_id}: {_altered(wanted, facts[name])}")


def _recorded_findings(rows: list[Recorded], facts: dict[str, FileFact]) -> Iterator[Finding]:
    for row in rows:
        name, wanted = f"recordings/{row.path}", FileFact(row.size_bytes, row.sha256)
        if name not in facts:
            yield Finding("missing", name, "the database names it, and it is not in the archive")
        elif facts[name] != wanted:
            yield Finding("altered", name, _altered(wanted, facts[name]))


def _database_findings(database: Path, label: str) -> list[Finding]:
    """Every page, every index, and every row that points to another one."""
    try:
        inspect_file(database, label, _PATIENCE_S, 0.0)
        with mapped(database, label), closing(open_to_read(database, _PATIENCE_S)) as connection:
            found = [" ".join(str(row).split()) for (row,) in connection.execute("PRAGMA integrity_check(20)") if row != "ok"]
            alone = connection.execute("PRAGMA foreign_key_check").fetchall()
            found += [f"a row of {table} points to one of {other} that is not there" for table, _, other, _ in alone]
    except StorageError as error:
        return [Finding("damaged", DATABASE, str(error))]
    return [Finding("damaged", DATABASE, sentence) for sentence in found[:20]]


def check_home(home: Home, told: Progress) -> CheckReport:
    """Look a home over, also while panops runs on it: the database to its last page, every file against its sha256.

    Args:
        home: The home; it is only read.
        told: Told how far it is.

    Raises:
        StorageError: There is no home there, or its database is held for too long.
    """
    if not home.database.is_file():
        raise StorageError(f"expected a folder with a {DATABASE}, got {home.path}, which has none")
    findings = []
    if home.unfinished_restore.exists():
        findings.append(Finding("unfinished", home.unfinished_restore.name, "a restore was cut off here: run it again with --replace"))
    findings += _database_findings(home.database, str(home.database))
    if any(finding.kind == "damaged" for finding in findings):
        return CheckReport(findings=tuple(findings))
    proof = proof_in(home.database)
    folder, recorded = recordings_folder(home.database, home.recordings), recorded_in(home.database)
    if recorded and not folder.is_dir():
        sentence = f"expected the recordings' folder {folder} with {len(recorded)} files, which is not there: mount its disk"
        findings.append(Finding("missing", "recordings", sentence))
        recorded = []
    total, done = sum(piece.size_bytes for piece in proof) + sum(row.size_bytes for row in recorded), 0
    for piece in proof:
        if (finding := _look_at(home, piece)) is not None:
            findings.append(finding)
        done += piece.size_bytes
        told("evidence", done, total)
    for row in recorded:
        if (finding := _look_at_recording(home, folder, row)) is not None:
            findings.append(finding)
        done += row.size_bytes
        told("recordings", done, total)
    moved, moved_bytes = look_over(
        home.database,
        lambda kind, name, sentence: findings.append(Finding(kind, name, sentence)),
        lambda done: told("archive", done, 0),
    )
    return CheckReport(read_schema(home.database), len(proof) + len(recorded) + moved, total + moved_bytes, tuple(findings))


def _look_at(home: Home, piece: Proof) -> Finding | None:
    """None when it is well, or when it was replaced or deleted while it was read."""
    name, of = f"evidence/{piece.path}", f"the {piece.kind} of event {piece.event_id}"
    finding = _compare(home.evidence, piece, name, of)
    if finding is not None and piece not in proof_in(home.database, [piece.event_id]):
        return None
    return finding


def _look_at_recording(home: Home, folder: Path, row: Recorded) -> Finding | None:
    """None when it is well, or when retention deleted it while it was read."""
    finding = _compare(folder, row, f"recordings/{row.path}", f"the recorded file {row.path}")
    if finding is not None and row not in recorded_in(home.database, [row.path]):
        return None
    return finding


def _compare(folder: Path, piece: Proof | Recorded, name: str, of: str) -> Finding | None:
    path = (folder / piece.path).resolve()
    if not path.is_relative_to(folder.resolve()) or not path.is_file():
        return Finding("missing", name, f"{of} is not there")
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            found = FileFact(os.fstat(file.fileno()).st_size, digest)
    except OSError as error:
        return Finding("missing", name, f"{of} cannot be read: {error.strerror}")
    wanted = FileFact(piece.size_bytes, piece.sha256)
    return None if found == wanted else Finding("altered", name, f"{of}: {_altered(wanted, found)}")
