"""Putting a backup in the place of a home. What was there before is put aside, never deleted."""

from __future__ import annotations

import os
import secrets
import shutil
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import text

from panops.domain.clock import Clock
from panops.domain.errors import StorageCorrupt, StorageError, StorageFull
from panops.storage.audit import AuditLog
from panops.storage.backup.archive import members
from panops.storage.backup.checking import TEMPORARY, CheckReport, Finding, check_archive
from panops.storage.backup.making import Progress
from panops.storage.backup.manifest import NAME, Manifest, is_ours
from panops.storage.backup.snapshot import keep_recordings, proof_in, read_schema, recorded_in, recordings_folder
from panops.storage.database import Database
from panops.storage.durable import sync_folder
from panops.storage.errors import from_os
from panops.storage.face_seal import KEY_NAME
from panops.storage.home import Home
from panops.storage.home_lock import only_one
from panops.storage.totp import STEP_S

_STAGING = ".restore-"
_ASIDE = "before-restore-"
# Stay where they are: they belong to the machine, not to the site; `lost+found` to the file system. No backup holds the key.
_STAYING = frozenset({"run", "engines", "lost+found", KEY_NAME})
_SPARE_BYTES = 64 << 20
# Numbers that the old home gave after the backup was made must not be given again: receivers tell repetitions by them,
# and browsers keep the films of their addresses.
_EPOCHS_AHEAD, _ROWS_AHEAD = 1000, 1_000_000
_WITH_CODES = "SELECT DISTINCT username FROM recovery_codes ORDER BY username"


@dataclass(frozen=True, slots=True)
class RestoreReport:
    """What was done.

    Attributes:
        manifest: What was in the backup.
        schema: The schema that the database has now.
        aside: Where the old home's files are; None where there were none.
        linked: How many pieces of evidence were taken over from the old home, because the backup holds none.
        findings: Evidence that was not well already when the backup was made.
        sessions: How many sign-ins of the backup were ended.
        tokens: The names of the tokens that give access now, by name; some may have been revoked since the backup was made.
        recovery_codes: Whose recovery codes count no more, by name: which were used since the backup was made nobody knows.
    """

    manifest: Manifest
    schema: str
    aside: Path | None
    linked: int
    findings: tuple[Finding, ...]
    sessions: int = 0
    tokens: tuple[str, ...] = ()
    recovery_codes: tuple[str, ...] = ()


def restore(path: Path, home: Home, *, replace: bool, clock: Clock, told: Progress, keep_codes: bool = False) -> RestoreReport:
    """Put a backup into a home.

    The backup is looked over to its end first, then unpacked beside its place, its database brought to this program's schema, and only
    then what lies in the home is moved into a folder `before-restore-…` of it, and the new files to where they belong. Whatever fails
    before that leaves the home as it was; a process that is killed during it leaves a mark, and panops does not start until it is done.

    Args:
        path: The archive.
        home: The home; made when it is not there.
        replace: Whether there may be something in it.
        clock: For the folder's name and the audit log.
        told: Told how far it is.
        keep_codes: Let recovery codes of the backup count, also those that were used since.

    Raises:
        StorageCorrupt: The backup is damaged or cut off.
        StorageFull: There is no space for it.
        StorageError: The home is not empty, cannot be written, or the backup is one of a newer panops.
        PanopsError: panops runs on the home.
    """
    _check_place(home, replace)
    report = check_archive(path, told, beside=_existing(home.path))
    manifest = _usable(path, report)
    label = f"the folder {home.path}"
    try:
        home.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        home.run.mkdir(mode=0o700, exist_ok=True)
        with only_one(home):
            for left in home.path.glob(f"{_STAGING}*"):
                shutil.rmtree(left)
            _check_space(home, manifest)
            staging = home.path / f"{_STAGING}{secrets.token_hex(4)}"
            try:
                staging.mkdir(mode=0o700)
                _unpack(path, manifest, staging, told)
                schema, access = _bring_up_to_date(staging, manifest, clock.utc_s(), keep_codes=keep_codes)
                aside, linked = _swap(home, staging, manifest, clock)
            finally:
                if not home.unfinished_restore.exists():
                    shutil.rmtree(staging, ignore_errors=True)
    except OSError as error:
        raise from_os(error, home.path, label) from error
    return RestoreReport(manifest, schema, aside, linked, report.findings, access.sessions, access.tokens, access.recovery_codes)


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there: on the same disk, as far as anybody knows."""
    return next(one for one in (folder.absolute(), *folder.absolute().parents) if one.is_dir())


def _check_place(home: Home, replace: bool) -> None:
    if not home.path.exists():
        return
    if not home.path.is_dir():
        raise StorageError(f"expected a folder to restore into, got the file {home.path}")
    ours = (_STAGING, TEMPORARY)
    there = sorted(entry.name for entry in home.path.iterdir() if entry.name not in _STAYING and not entry.name.startswith(ours))
    if there and not replace:
        raise StorageError(
            f"expected an empty folder, got {home.path} with {', '.join(there[:3])} in it: choose another with --home, or add --replace, "
            "which puts what is there aside"
        )


def _usable(path: Path, report: CheckReport) -> Manifest:
    """Evidence or a recording that was not well when the backup was made is no reason to do without the backup."""
    manifest = report.manifest
    wrong = [finding for finding in report.findings if manifest is None or not _was_so(finding, manifest)]
    if wrong or manifest is None:
        more = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        what = wrong[0].message if wrong[0].kind == "damaged" else f"{wrong[0].name}: {wrong[0].message}"
        raise StorageCorrupt(f"{what}{more}; nothing was restored (`panops check {path}` lists all of it)")
    return manifest


def _was_so(finding: Finding, manifest: Manifest) -> bool:
    is_proof = finding.name.startswith(("evidence/", "recordings/"))
    return is_proof and (finding.name in manifest.left_out or finding.name not in manifest.files)


def _check_space(home: Home, manifest: Manifest) -> None:
    free = shutil.disk_usage(home.path).free
    if free < manifest.size_bytes + _SPARE_BYTES:
        needed = (manifest.size_bytes + _SPARE_BYTES) / 2**30
        raise StorageFull(f"no space to restore into {home.path}: it takes {needed:.2f} GiB, {free / 2**30:.2f} GiB are free")


def _unpack(path: Path, manifest: Manifest, staging: Path, told: Progress) -> None:
    done = 0

    def count(more: int) -> None:
        nonlocal done
        done += more
        told("unpacking", done, manifest.size_bytes)

    for member in members(path, count):
        if member.name == NAME:
            continue
        target = staging / member.name
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if member.read_to(target) != manifest.files.get(member.name):
            raise StorageCorrupt(f"the backup {path} was changed while it was restored ({member.name}); nothing was restored")


@dataclass(frozen=True, slots=True)
class _Access:
    """What became of who may come in; see `RestoreReport`."""

    sessions: int
    tokens: tuple[str, ...]
    recovery_codes: tuple[str, ...]


def _bring_up_to_date(staging: Path, manifest: Manifest, now_s: float, *, keep_codes: bool) -> tuple[str, _Access]:
    """Migrate the unpacked database, and let it give no number again that was given after the backup was made.

    Nobody knows which sign-ins were ended since then, and which recovery codes were used, so none of them counts any more; codes of
    authenticator apps count from now on.

    Returns:
        The schema, and what became of who may come in.
    """
    with Database.at(staging) as database:
        with database.session() as connection:
            connection.execute(text("UPDATE leases SET owner = '', expires_at_s = 0, epoch = epoch + :ahead"), {"ahead": _EPOCHS_AHEAD})
            ahead = "UPDATE sqlite_sequence SET seq = seq + :ahead WHERE name IN ('deliveries', 'recordings')"
            connection.execute(text(ahead), {"ahead": _ROWS_AHEAD})
            ended = connection.execute(text("DELETE FROM sessions WHERE expires_at_s > :now_s"), {"now_s": now_s}).rowcount
            connection.execute(text("DELETE FROM sessions"))
            step = {"step": int(now_s // STEP_S) + 1}  # as far ahead as a code is taken
            connection.execute(text("UPDATE second_factors SET last_step = :step WHERE last_step < :step"), step)
            names = connection.execute(
                text("SELECT name FROM tokens WHERE expires_at_s IS NULL OR expires_at_s > :now_s ORDER BY name"), {"now_s": now_s}
            )
            tokens = tuple(names.scalars())
            holders = () if keep_codes else tuple(connection.execute(text(_WITH_CODES)).scalars())
            if not keep_codes:
                connection.execute(text("DELETE FROM recovery_codes"))
        detail = {"made_at_s": manifest.made_at_s, "sessions": ended, "tokens": tokens, "recovery_codes": holders}
        AuditLog(database).record(now_s, "", "restore", detail=detail)
    return read_schema(staging / "panops.db"), _Access(ended, tokens, holders)


def _swap(home: Home, staging: Path, manifest: Manifest, clock: Clock) -> tuple[Path | None, int]:
    mark = home.unfinished_restore
    staying = {mark.name, staging.name, *_STAYING}
    if not manifest.recordings:  # those of the home stay where they are: retention must be able to make room
        staying.add(home.recordings.name)
    left = (_ASIDE, TEMPORARY)
    old = [entry for entry in home.path.iterdir() if entry.name not in staying and not entry.name.startswith(left)]
    now = datetime.fromtimestamp(clock.utc_s(), UTC)
    aside = home.path / f"{_ASIDE}{now:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    moved: list[tuple[Path, Path]] = []
    mark.touch(mode=0o600)
    sync_folder(home.path)
    try:
        if old:
            aside.mkdir(mode=0o700)
        # The database last out and first in: without one a new, empty one would be made.
        order = [*sorted(old, key=lambda entry: entry.name.startswith("panops.db"))]
        for entry in order:
            _move(entry, aside / entry.name, moved)
        for entry in sorted(staging.iterdir(), key=lambda entry: not entry.name.startswith("panops.db")):
            _move(entry, home.path / entry.name, moved)
    except OSError:
        _move_back(moved, aside)
        mark.unlink(missing_ok=True)
        raise
    linked = 0 if manifest.evidence else _link_evidence(home)
    if not manifest.recordings:
        if (aside / home.database.name).exists():
            # What the old database knew of them, such as what is protected, holds; of one that is damaged the files are found again.
            with suppress(StorageError):
                keep_recordings(aside / home.database.name, home.database)
        _link_recordings(home)
    sync_folder(home.path)
    mark.unlink()
    return (aside if old else None), linked


def _move(source: Path, target: Path, moved: list[tuple[Path, Path]]) -> None:
    source.rename(target)
    moved.append((source, target))


def _move_back(moved: list[tuple[Path, Path]], aside: Path) -> None:
    for source, target in reversed(moved):
        target.rename(source)
    with suppress(OSError):
        aside.rmdir()


def _link_evidence(home: Home) -> int:
    """A backup without evidence leaves it where it was: events of the backup find their files again, at no cost in space.

    They are looked for in all that was put aside, newest first: a restore that was cut off may have moved them already.
    """
    linked = 0
    places = sorted(home.path.glob(f"{_ASIDE}*/evidence"), reverse=True)
    for piece in proof_in(home.database):
        if is_ours(f"evidence/{piece.path}"):
            linked += any(_link(place / piece.path, home.evidence / piece.path, piece.size_bytes) for place in places)
    return linked


def _link_recordings(home: Home) -> None:
    """A restore that was cut off may have put recordings aside that this backup names and does not hold."""
    places = sorted(home.path.glob(f"{_ASIDE}*/recordings"), reverse=True)
    if not places or recordings_folder(home.database, home.recordings).absolute() != home.recordings.absolute():
        return
    for row in recorded_in(home.database):
        target = home.recordings / row.path
        if is_ours(f"recordings/{row.path}") and not target.exists():
            any(_link(place / row.path, target, row.size_bytes) for place in places)


def _link(source: Path, target: Path, size_bytes: int) -> bool:
    """Whether the file is there, has this size, and has a second name now."""
    try:
        if source.is_symlink() or source.stat().st_size != size_bytes:
            return False
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.link(source, target)
    except OSError:
        return False
    return True
