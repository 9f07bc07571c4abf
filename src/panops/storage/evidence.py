"""Files that prove events: written whole or not at all, found only through a scope, swept after a crash.

Layout: `evidence/YYYY-MM-DD/<event_id>/<kind>.<extension>`, the day in UTC.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import secrets
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from panops.domain.alerts import Moment
from panops.domain.clock import Clock, SystemClock
from panops.domain.errors import StorageError
from panops.domain.events import Evidence, EvidenceKind
from panops.storage.database import Database
from panops.storage.durable import sync_folder
from panops.storage.errors import from_os, full, means_full, no_space_at
from panops.storage.outbox import add_deliveries
from panops.storage.records import IDENTITY
from panops.storage.scope import Role, Scope
from panops.storage.tables import deliveries, events, evidence

log = logging.getLogger(__name__)

ORPHAN_AGE_S = 3600.0

_EXTENSIONS = {EvidenceKind.SNAPSHOT: "jpg", EvidenceKind.ANNOTATED: "jpg", EvidenceKind.CLIP: "mp4", EvidenceKind.CLIP_SO_FAR: "mp4"}
_EVENT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,199}")
_EXTENSION = re.compile(r"[a-z0-9]{1,8}")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_KINDS = "|".join(EvidenceKind)
_OURS = re.compile(rf"(?:{_KINDS})\.[a-z0-9]{{1,8}}|\.(?:{_KINDS})-[0-9a-f]+\.part\.[a-z0-9]{{1,8}}")


@dataclass(frozen=True, slots=True)
class SweepReport:
    """What a sweep found.

    Attributes:
        removed_files: Files without a row, and rows' files without an event, that were deleted.
        removed_bytes: Their size.
        missing: Rows whose file is gone (the event stays; its proof is not offered any more).
        found_again: Rows once marked missing whose file is back.
        foreign: Files that are not of panops's layout; left alone.
    """

    removed_files: int = 0
    removed_bytes: int = 0
    missing: int = 0
    found_again: int = 0
    foreign: int = 0


class EvidenceStore:
    """The evidence folder and its rows. Used by any number of threads.

    Args:
        database: An opened database.
        folder: The evidence folder; made when it is not there.
        clock: For the age of orphans.
    """

    def __init__(self, database: Database, folder: Path, clock: Clock | None = None) -> None:
        """Make the folder.

        Raises:
            StorageError: It cannot be made.
        """
        self.folder = Path(folder).absolute()
        self._database = database
        self._clock = clock or SystemClock()
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise from_os(error, self.folder, f"the evidence folder {self.folder}") from error

    def write(
        self,
        event_id: str,
        kind: EvidenceKind,
        start_s: float,
        end_s: float,
        writer: Callable[[Path], None],
        *,
        extension: str | None = None,
    ) -> Evidence:
        """Store what `writer` writes into the path it is given; an older piece of the same kind is replaced.

        The file is complete, synced and renamed before its row is written, so a row never names half a file.

        Args:
            event_id: The event it proves.
            kind: What it is.
            start_s: Capture time of its first picture, UTC s.
            end_s: Capture time of its last picture, UTC s.
            writer: Writes one file at the path given (whose suffix is the final one). Its own errors come out unchanged, except those
                that mean a full or failing disk.
            extension: The file's suffix without a dot; None: `jpg` or `mp4` by kind.

        Raises:
            StorageFull: There is no space; no half file is left.
            StorageError: The file or its row cannot be written; nothing of it is left, and an older piece of the kind stays.
            ValueError: The event id, times or extension cannot be used.
        """
        target = self._target(event_id, kind, start_s, extension or _EXTENSIONS[kind])
        temporary = target.with_name(f".{kind.value}-{secrets.token_hex(4)}.part{target.suffix}")
        label = f"the evidence folder {self.folder}"
        older: Path | None = None
        try:
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            writer(temporary)
            size_bytes, sha256 = _sync_and_hash(temporary)
            older = _second_name(target)
            temporary.replace(target)
            sync_folder(target.parent)
        except Exception as error:
            # Asked before the half file goes and makes room.
            is_full = means_full(error) or (not isinstance(error, StorageError) and no_space_at(self.folder))
            _remove(temporary)
            if older is not None:
                _bring_back(older, target)
            if is_full:
                raise full(label) from error
            if isinstance(error, OSError):
                raise from_os(error, self.folder, label) from error
            raise
        piece = Evidence(event_id, kind, target.relative_to(self.folder).as_posix(), size_bytes, sha256, start_s, end_s)
        try:
            self._record(piece)
        except StorageError:
            if older is None:
                _remove(target)
            else:
                _bring_back(older, target)  # the row still names it
            raise
        if older is not None:
            _remove(older)
        return piece

    def add_bytes(
        self, event_id: str, kind: EvidenceKind, data: bytes, start_s: float, end_s: float, *, extension: str | None = None
    ) -> Evidence:
        """Store `data` as a file; see `write`."""

        def write_data(path: Path) -> None:
            path.write_bytes(data)

        return self.write(event_id, kind, start_s, end_s, write_data, extension=extension)

    def find(self, scope: Scope, event_id: str, kind: EvidenceKind) -> tuple[Evidence, Path] | None:
        """The piece and its file, or None when there is none in the scope. The path always lies inside the evidence folder.

        Names are drawn in annotated pictures of events about who somebody is: those are for operators.
        """
        query = (
            select(evidence)
            .join(events, events.c.event_id == evidence.c.event_id)
            .where(evidence.c.event_id == event_id, evidence.c.kind == kind.value, scope.where(events.c.camera_id))
        )
        if kind is EvidenceKind.ANNOTATED and not scope.role.covers(Role.OPERATOR):
            query = query.where(events.c.kind != IDENTITY)
        with self._database.reading() as connection:
            row = connection.execute(query).first()
        if row is None:
            return None
        found = self._inside(row.path)
        if found is None or not found.is_file():
            return None
        return Evidence(event_id, kind, row.path, row.size_bytes, row.sha256, row.start_s, row.end_s), found

    def path(self, scope: Scope, event_id: str, kind: EvidenceKind) -> Path | None:
        """The file of `find`."""
        found = self.find(scope, event_id, kind)
        return None if found is None else found[1]

    def discard(self, event_id: str, kind: EvidenceKind) -> None:
        """Delete a piece that another one has taken the place of; one that is not there is fine. Who reads it now reads on to its end.

        Raises:
            StorageError: It cannot be deleted.
        """
        key = (evidence.c.event_id == event_id) & (evidence.c.kind == kind.value)
        with self._database.session() as connection:
            stored = connection.execute(select(evidence.c.path).where(key)).scalar()
            connection.execute(delete(evidence).where(key))
        if stored is not None:
            self.remove_files([stored])

    def verify(self, piece: Evidence) -> bool:
        """Whether the file is there and has the recorded sha256."""
        found = self._inside(piece.path)
        return found is not None and found.is_file() and _hash(found)[1] == piece.sha256

    def remove_files(self, paths: Iterable[str]) -> None:
        """Delete files whose rows are gone, and the folders they leave empty. What is gone already is fine.

        Raises:
            StorageError: A file cannot be deleted.
        """
        for stored in paths:
            found = self._inside(stored)
            if found is None:
                continue
            try:
                found.unlink(missing_ok=True)
            except OSError as error:
                raise from_os(error, self.folder, f"the evidence folder {self.folder}") from error
            _remove_empty(found.parent, self.folder)

    def sweep(self) -> SweepReport:
        """Put right what a crash left.

        Files without a row and proof without an event are deleted when they are older than an hour; rows whose file is gone are marked
        missing. A clip so far beside the clip that took its place goes. Files that are not of panops's layout are left alone and counted.
        A folder that is gone is made again.

        Raises:
            StorageError: The folder or the database cannot be used.
        """
        report = dict.fromkeys(("removed_files", "removed_bytes", "missing", "found_again", "foreign"), 0)
        oldest_s = self._clock.utc_s() - ORPHAN_AGE_S
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._sweep_rows(report, oldest_s)
            self._sweep_clips_so_far()
            for day in sorted(self._days()):
                self._sweep_day(day, report, oldest_s)
        except OSError as error:
            raise from_os(error, self.folder, f"the evidence folder {self.folder}") from error
        result = SweepReport(**report)
        if result.removed_files or result.missing:
            log.warning("evidence swept: %d orphan files (%d bytes) removed, %d missing", *list(report.values())[:3])
        return result

    def _target(self, event_id: str, kind: EvidenceKind, start_s: float, extension: str) -> Path:
        if not _EVENT_ID.fullmatch(event_id) or ".." in event_id:
            raise ValueError(f"expected an event id of letters, digits, `_`, `-` and `.`, got {event_id[:80]!r}")
        if not _EXTENSION.fullmatch(extension):
            raise ValueError(f"expected an extension such as jpg or mp4, got {extension[:20]!r}")
        try:
            day = datetime.fromtimestamp(start_s, UTC).strftime("%Y-%m-%d")
        except (OverflowError, OSError, ValueError) as error:
            raise ValueError(f"expected a start in UTC seconds, got {start_s}") from error
        return self.folder / day / event_id / f"{kind.value}.{extension}"

    def _inside(self, stored: str) -> Path | None:
        """The file for a stored path, or None when it would lead out of the folder (also by a symbolic link)."""
        found = (self.folder / stored).resolve()
        return found if found.is_relative_to(self.folder.resolve()) else None

    def _record(self, piece: Evidence) -> None:
        statement: Any = (sqlite if self._database.path else postgresql).insert(evidence)
        values = {
            "event_id": piece.event_id,
            "kind": piece.kind.value,
            "path": piece.path,
            "size_bytes": piece.size_bytes,
            "sha256": piece.sha256,
            "start_s": piece.start_s,
            "end_s": piece.end_s,
            "missing": False,
        }
        changed = {name: value for name, value in values.items() if name not in {"event_id", "kind"}}
        key = (evidence.c.event_id == piece.event_id) & (evidence.c.kind == piece.kind.value)
        with self._database.session() as connection:
            before = connection.execute(select(evidence.c.path).where(key)).scalar()
            connection.execute(
                statement.values(values).on_conflict_do_update(index_elements=[evidence.c.event_id, evidence.c.kind], set_=changed)
            )
            if before is None and piece.kind is EvidenceKind.CLIP:
                self._tell_of_clip(connection, piece.event_id)
        if before is not None and before != piece.path:
            self.remove_files([before])

    def _tell_of_clip(self, connection: Connection, event_id: str) -> None:
        """Once in an event's life; a file may be on the disk a moment before its event is stored, and then nobody can be told of it."""
        told = select(deliveries.c.delivery_id).where(deliveries.c.event_id == event_id, deliveries.c.moment == Moment.CLIP.value)
        stored = connection.execute(select(events.c.event_id).where(events.c.event_id == event_id)).first()
        if stored is not None and connection.execute(told.limit(1)).first() is None:
            add_deliveries(connection, [(event_id, Moment.CLIP)], self._clock.utc_s())

    def _days(self) -> Iterator[Path]:
        return (entry for entry in self.folder.iterdir() if entry.is_dir() and not entry.is_symlink() and _DAY.fullmatch(entry.name))

    def _sweep_rows(self, report: dict[str, int], oldest_s: float) -> None:
        with self._database.reading() as connection:
            rows = connection.execute(select(evidence.c.event_id, evidence.c.kind, evidence.c.path, evidence.c.missing)).all()
            alone = connection.execute(
                select(evidence.c.event_id, evidence.c.kind, evidence.c.path).where(
                    evidence.c.end_s < oldest_s, evidence.c.event_id.not_in(select(events.c.event_id))
                )
            ).all()
        changes: list[tuple[str, str, bool]] = []
        for row in rows:
            there = (self.folder / row.path).is_file()
            if there == row.missing:
                changes.append((row.event_id, row.kind, not there))
                report["found_again" if there else "missing"] += 1
        if not changes and not alone:
            return
        with self._database.session() as connection:
            for event_id, kind, missing in changes:
                key = (evidence.c.event_id == event_id) & (evidence.c.kind == kind)
                connection.execute(update(evidence).where(key).values(missing=missing))
            for event_id, kind, _ in alone:
                connection.execute(delete(evidence).where(evidence.c.event_id == event_id, evidence.c.kind == kind))

    def _sweep_clips_so_far(self) -> None:
        """Those whose clip was written the moment before a crash."""
        finished = select(evidence.c.event_id).where(evidence.c.kind == EvidenceKind.CLIP.value, evidence.c.missing.is_(False))
        query = select(evidence.c.event_id).where(evidence.c.kind == EvidenceKind.CLIP_SO_FAR.value, evidence.c.event_id.in_(finished))
        with self._database.reading() as connection:
            replaced = list(connection.execute(query).scalars())
        for event_id in replaced:
            self.discard(event_id, EvidenceKind.CLIP_SO_FAR)

    def _sweep_day(self, day: Path, report: dict[str, int], oldest_s: float) -> None:
        files = [path for path in day.rglob("*") if path.is_file() or path.is_symlink()]
        with self._database.reading() as connection:
            known = set(connection.execute(select(evidence.c.path).where(evidence.c.path.like(f"{day.name}/%"))).scalars())
        for path in files:
            stored = path.relative_to(self.folder).as_posix()
            if stored in known:
                continue
            if path.parent.parent != day or not _OURS.fullmatch(path.name):
                report["foreign"] += 1
                continue
            try:
                stat = path.lstat()
            except FileNotFoundError:
                continue
            if stat.st_mtime < oldest_s:
                report["removed_files"] += 1
                report["removed_bytes"] += stat.st_size
                self.remove_files([stored])


def _sync_and_hash(path: Path) -> tuple[int, str]:
    if not path.is_file() or path.stat().st_size == 0:
        raise StorageError(f"expected a file at {path.name}, but nothing was written; look at the log for what the encoder said")
    path.chmod(0o600)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return _hash(path)


def _hash(path: Path) -> tuple[int, str]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
        return file.tell(), digest.hexdigest()


def _second_name(target: Path) -> Path | None:
    """Another name for the file that is to be replaced, so that it can come back; None where there is none, or the disk knows no links."""
    older = target.with_name(f".{target.stem}-{secrets.token_hex(4)}.part{target.suffix}")
    try:
        os.link(target, older)
    except OSError:
        return None
    return older


def _bring_back(older: Path, target: Path) -> None:
    try:
        older.replace(target)
    except OSError as error:
        log.warning("cannot bring back %s: %s", target.name, error.strerror)
    _remove(older)  # still there when both are names of one file


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        log.warning("cannot delete %s: %s; the next sweep tries again", path.name, error.strerror)


def _remove_empty(folder: Path, top: Path) -> None:
    """Delete `folder` and its parents below `top` while they are empty."""
    while folder != top and folder.is_relative_to(top):
        try:
            folder.rmdir()
        except OSError:
            return
        folder = folder.parent
