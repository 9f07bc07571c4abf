"""A home with something of everything, and what is done with it in tests of backups."""

from __future__ import annotations

import hashlib
from pathlib import Path

from panops.config.schema import SiteConfig
from panops.domain.events import EventPhase, EvidenceKind
from panops.domain.recordings import Segment
from panops.storage.backup.checking import CheckReport, check_archive
from panops.storage.backup.making import BackupPlan, make_backup
from panops.storage.backup.manifest import Manifest
from panops.storage.backup.restoring import RestoreReport, restore
from panops.storage.database import Database
from panops.storage.events import EventRepository
from panops.storage.evidence import EvidenceStore
from panops.storage.home import Home
from panops.storage.recordings import RecordingIndex
from panops.storage.scope import Scope
from panops.storage.site import SiteRepository
from panops.testing.fake_clock import FakeClock

from .makers import START_S, make_event

COUNT = 12


def silent(_what: str, _done: int, _total: int) -> None:
    """Nobody looks."""


def back_up(home: Home, path: Path, *, evidence: bool = True, replace: bool = False) -> Manifest:
    return make_backup(home, path, BackupPlan(evidence=evidence, recordings=True, replace=replace), FakeClock(START_S), silent)


def put_back(path: Path, home: Home, *, replace: bool = False) -> RestoreReport:
    return restore(path, home, replace=replace, clock=FakeClock(START_S), told=silent)


def check(path: Path) -> CheckReport:
    return check_archive(path, silent)


def fill(home: Home, count: int = COUNT) -> None:
    """Events with a snapshot each, a model, a journal, a recording, and what is of no backup."""
    home.create()
    with Database.at(home.path) as database:
        add_events(database, home, range(count))
    for name in ("models/street/1/model.onnx", "models/.lock", "journal/shard.jsonl", "recordings/gate/1.mp4", "engines/x", "owner-id"):
        file = home.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(name.encode() * 100)


def add_events(database: Database, home: Home, numbers: range) -> None:
    store = EvidenceStore(database, home.evidence)
    for number in numbers:
        EventRepository(database).save([make_event(f"gate-1-{number}", EventPhase.END, started_at_s=START_S + number)])
        store.add_bytes(f"gate-1-{number}", EvidenceKind.SNAPSHOT, hashlib.sha256(bytes([number % 256])).digest() * 200, START_S, START_S)


def ids(home: Home) -> list[str]:
    with Database.at(home.path) as database:
        page = EventRepository(database).search(Scope.everything(), limit=500)
        return sorted(item.event.event_id for item in page.events)


def tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def filled_home(folder: Path) -> Home:
    made = Home(folder)
    fill(made)
    return made


def record(home: Home, *seconds: int, folder: Path | None = None) -> list[Path]:
    """Recorded files with their rows."""
    paths = []
    for second in seconds:
        path = f"gate/2027-01-15/0800{second:02d}000.mp4"
        file = (folder or home.recordings) / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(path.encode() * 100)
        start_s, digest = START_S + second, hashlib.sha256(file.read_bytes()).hexdigest()
        with Database.at(home.path) as database:
            RecordingIndex(database).add([Segment("gate", path, start_s, start_s + 1, file.stat().st_size, digest)])
        paths.append(file)
    return paths


def record_in(home: Home, folder: Path) -> None:
    with Database.at(home.path) as database:
        SiteRepository(database).apply(SiteConfig.model_validate({"recording": {"folder": str(folder)}}))
