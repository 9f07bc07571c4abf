"""The safety net under the database: while it cannot be written, the beginnings and ends of events go into an append-only file.

A line of JSON is an event; a file belongs to one process, which holds a lock on it. A file that nobody holds is what a killed process left.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from panops.domain.errors import StorageCorrupt
from panops.domain.events import Event, EventPhase
from panops.storage.durable import sync_folder
from panops.storage.errors import from_os
from panops.storage.events import EventRepository
from panops.storage.records import event_from, event_values

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class JournalContents:
    """What a journal file holds.

    Attributes:
        events: Its messages in the order written.
        damaged_lines: Complete lines that are not events; the torn last line of a killed process is not one of them, because nobody
            was told that it is safe.
    """

    events: tuple[Event, ...]
    damaged_lines: int


class Journal:
    """One process's journal file; made when it is first needed. Used by one thread at a time.

    Args:
        folder: The journal folder.
        name: The beginning of the file's name, for people.
    """

    def __init__(self, folder: Path, name: str) -> None:
        """Choose the file's name."""
        self.path = Path(folder) / f"{name}-{os.getpid()}-{secrets.token_hex(4)}.jsonl"
        self._descriptor: int | None = None
        self._size = 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing is in it."""
        return self._size == 0

    def append(self, events: Sequence[Event]) -> None:
        """Write events and wait until they are on the disk. What can never be stored (see `EventRepository.save`) is left out.

        Raises:
            StorageError: Nothing of it counts as written.
        """
        data = b"".join(map(_line, events))
        try:
            descriptor = self._open()
            try:
                written = 0
                while written < len(data):
                    written += os.write(descriptor, data[written:])
                os.fsync(descriptor)
            except OSError:
                # Half a line must not be continued by the next one.
                os.ftruncate(descriptor, self._size)
                raise
        except OSError as error:
            raise from_os(error, self.path.parent, f"the event journal {self.path}") from error
        self._size += len(data)

    def read(self) -> JournalContents:
        """Everything in it.

        Raises:
            StorageError: It cannot be read.
        """
        try:
            return read_journal(self.path) if self._size else JournalContents((), 0)
        except OSError as error:
            raise from_os(error, self.path.parent, f"the event journal {self.path}") from error

    def clear(self) -> None:
        """Forget everything in it, because it is stored now.

        Raises:
            StorageError: It cannot be emptied; its events will be stored again, which does no harm.
        """
        if self._descriptor is None or not self._size:
            return
        try:
            os.ftruncate(self._descriptor, 0)
            os.fsync(self._descriptor)
        except OSError as error:
            raise from_os(error, self.path.parent, f"the event journal {self.path}") from error
        self._size = 0

    def close(self) -> None:
        """Give the file back; an empty one is deleted. Safe to call twice."""
        if self._descriptor is None:
            return
        if not self._size:
            self.path.unlink(missing_ok=True)
        os.close(self._descriptor)
        self._descriptor = None

    def _open(self) -> int:
        if self._descriptor is None:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = -1
            # Somebody who looks for abandoned files may have removed the new file before it was locked.
            while descriptor < 0 or os.fstat(descriptor).st_nlink == 0:
                if descriptor >= 0:
                    os.close(descriptor)
                descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            self._descriptor = descriptor
            sync_folder(self.path.parent)
        return self._descriptor


def _line(event: Event) -> bytes:
    try:
        return json.dumps(event_values(event), separators=(",", ":")).encode() + b"\n"
    except (ValueError, TypeError) as error:
        log.error("event %s cannot be stored: %s", event.event_id, error, extra={"event_id": event.event_id})
        return b""


def read_journal(path: Path) -> JournalContents:
    """What a journal file holds, whatever state a killed process left it in."""
    *lines, _torn = path.read_bytes().split(b"\n")
    events, damaged = [], 0
    for line in lines:
        try:
            values = json.loads(line)
            event = event_from(values if isinstance(values, dict) else {})
            event_values(event)  # raises where no database would take it
            events.append(event)
        except (ValueError, TypeError, StorageCorrupt):
            damaged += 1
    return JournalContents(tuple(events), damaged)


def replay_abandoned(folder: Path, repository: EventRepository) -> list[Event]:
    """Store what killed processes left in their journals. Safe to repeat, and to run in several processes at once.

    An event whose end is not known ends as interrupted, because the process that would have ended it is gone. A file with damaged lines
    is kept beside under the suffix `.damaged`.

    Args:
        folder: The journal folder; it need not exist.
        repository: Where to store.

    Returns:
        The events stored.

    Raises:
        StorageError: The database or a file cannot be used; what is not stored yet stays in its file.
    """
    stored: list[Event] = []
    try:
        for path in sorted(folder.glob("*.jsonl")):
            with _claimed(path) as is_ours:
                if is_ours:
                    stored += _replay(path, repository)
    except OSError as error:
        raise from_os(error, folder, f"the event journal {folder}") from error
    return stored


def _replay(path: Path, repository: EventRepository) -> tuple[Event, ...]:
    contents = read_journal(path)
    repository.save(contents.events)
    ended = {event.event_id for event in contents.events if event.phase is EventPhase.END}
    repository.close_events({event.event_id for event in contents.events} - ended)
    if contents.damaged_lines:
        kept = path.with_suffix(".damaged")
        path.rename(kept)
        log.error("%d lines of the event journal are damaged and were not stored; the file is kept as %s", contents.damaged_lines, kept)
    else:
        path.unlink()
    if contents.events:
        log.warning("stored %d events from the journal %s that a process left behind", len(contents.events), path.name)
    return contents.events


@contextmanager
def _claimed(path: Path) -> Iterator[bool]:
    """Lock a journal file; False when its process lives, or when somebody else has just replayed it."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        yield False
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield os.fstat(descriptor).st_nlink > 0
    finally:
        os.close(descriptor)
