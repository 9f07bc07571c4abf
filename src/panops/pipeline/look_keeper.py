"""Keeps what was followed in the last hours, so that a rule can be tried on it.

The analysis thread only puts references into a list; a thread of its own writes them, all looks of a camera in one call.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from panops.domain.clock import Clock
from panops.domain.errors import StorageError
from panops.domain.tracks import Tracks
from panops.pipeline.link import Message
from panops.storage.look_file import Ended, LookHead, block
from panops.storage.look_shelf import FILE_S, LookShelf

log = logging.getLogger(__name__)

_WRITE_EVERY_S = 5.0
# Of a camera where nothing is followed: its looks take ten bytes each, and a write for every fifty of them would be dear.
_WRITE_EMPTY_EVERY_S = 60.0
_PRUNE_EVERY_S = 60.0
# What may wait in memory of one camera while the disk does not work: a quarter of an hour of each of so many picture sizes.
_MOST_WAITING = 5_000
_MOST_PARTS = 4


@dataclass(eq=False, slots=True)
class _File:
    """Where a camera's looks go."""

    name: str
    head: LookHead
    began_s: float


@dataclass(eq=False, slots=True)
class _Part:
    """Looks of one picture size, in a row."""

    size_wh: tuple[int, int]
    number: int
    looks: list[Tracks | Ended] = field(default_factory=list)


class LookLog:
    """What one camera's rules see, look by look. `note` and `end` are for the analysis thread.

    `lost` counts looks that were let go because the disk did not work for long.

    Args:
        camera_id: The camera.
        run: Names this life of the camera, such as its epoch.
        classes: The detector's class names.
        followed: Those that are followed; None for all.
    """

    def __init__(self, camera_id: str, run: str, classes: tuple[str, ...], followed: frozenset[str] | None) -> None:
        self.camera_id = camera_id
        self.lost = 0
        self._run = run
        self._classes = classes
        self._followed = followed
        self._parts: list[_Part] = []
        self._size_wh = (0, 0)
        self._number = 0
        self._last_s = 0.0
        self._file: _File | None = None
        self._files = 0
        self._lock = threading.Lock()
        self._written_s = float("-inf")

    def note(self, tracks: Tracks, size_wh: tuple[int, int]) -> None:
        """One look, as the rules see it: a reference is kept, nothing is copied."""
        with self._lock:
            if size_wh != self._size_wh or not self._parts:
                self._number += size_wh != self._size_wh
                self._size_wh = size_wh
                self._parts.append(_Part(size_wh, self._number))
            self._last_s = tracks.time_s
            looks = self._parts[-1].looks
            looks.append(tracks)
            if len(looks) > _MOST_WAITING:
                self.lost += len(looks) // 2
                del looks[: len(looks) // 2]

    def end(self) -> None:
        """The rules were ended where they last looked; what comes next is a new beginning."""
        with self._lock:
            if not self._number:
                return
            if not self._parts:
                self._parts.append(_Part(self._size_wh, self._number))
            self._parts[-1].looks.append(Ended(self._last_s))

    def write(self, shelf: LookShelf, now_s: float, *, everything: bool = False) -> None:
        """Write what is due; what cannot be written waits, and the oldest of it is let go when it becomes too much.

        Args:
            shelf: Where it goes.
            now_s: A clock's reading, s.
            everything: Whether also what is not due yet.

        Raises:
            StorageError: It was not written.
        """
        with self._lock:
            empty = not any(isinstance(look, Tracks) and len(look) for part in self._parts for look in part.looks)
            if not self._parts or (empty and not everything and now_s - self._written_s < _WRITE_EMPTY_EVERY_S):
                return
            parts, self._parts = self._parts, []
        self._written_s = now_s
        while parts:
            try:
                self._write_part(shelf, parts[0])
            except StorageError:
                with self._lock:
                    waiting = [*parts, *self._parts]
                    self.lost += sum(len(part.looks) for part in waiting[:-_MOST_PARTS])
                    self._parts = waiting[-_MOST_PARTS:]
                raise
            del parts[0]

    def _write_part(self, shelf: LookShelf, part: _Part) -> None:
        at_s = next((look.time_s for look in part.looks if isinstance(look, Tracks)), None)
        head = LookHead(self.camera_id, f"{self._run}-{part.number}", part.size_wh, self._classes, self._followed)
        file = self._file
        if file is None or file.head != head or (at_s is not None and not 0 <= at_s - file.began_s < FILE_S):
            if at_s is None:
                return  # an end without anything before it
            self._files += 1
            file = self._file = _File(f"{round(at_s * 1000):014d}-{self._run}-{self._files}", head, at_s)
        try:
            shelf.write(file.name, head, block(part.looks))
        except StorageError:
            self._file = None  # half a block may be at its end, after which nothing is read
            raise


class LookKeeper:
    """One shard's keeper of looks.

    Args:
        folder: Where they are kept.
        clock: Time.
        on_problem: Told a sentence when they cannot be written, and an empty one when they can again.
    """

    def __init__(self, folder: Path, clock: Clock, on_problem: Callable[[str], None] = lambda _: None) -> None:
        self._shelf = LookShelf(folder)
        self._clock = clock
        self._on_problem = on_problem
        self._logs: dict[str, LookLog] = {}
        self._leaving: list[LookLog] = []
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._problem = ""
        # As the last camera that came was told; before that nobody knows what may be deleted.
        self._hours: float | None = None
        self._pruned_s = float("-inf")
        self._thread = threading.Thread(target=self._run, name="looks", daemon=True)

    def start(self) -> None:
        """Start the thread that writes."""
        self._thread.start()

    def log(self, camera_id: str, message: Message, classes: tuple[str, ...], followed: frozenset[str] | None) -> LookLog | None:
        """The log of a camera that begins as the message says; None where nothing is to be kept."""
        hours, run = float(message.get("looks_hours", 0.0)), str(message["epoch"])
        self._hours = hours
        made = LookLog(camera_id, run, classes, followed) if hours > 0 else None
        with self._lock:
            self._let_go(camera_id)
            if made is not None:
                self._logs[camera_id] = made
        return made

    def remove(self, camera_id: str) -> None:
        """A camera ends; what waits of it is written soon."""
        with self._lock:
            self._let_go(camera_id)

    def close(self, timeout_s: float = 5.0) -> None:
        """Write everything, and stop. Safe to call twice."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def step(self, *, everything: bool = False) -> None:
        """Write what is due, and delete what is too old."""
        now_s = self._clock.monotonic_s()
        with self._lock:
            leaving, self._leaving = self._leaving, []
            logs = list(self._logs.values())
        problem = ""
        for one, whole in [*((one, True) for one in leaving), *((one, everything) for one in logs)]:
            try:
                one.write(self._shelf, now_s, everything=whole)
            except StorageError as error:
                problem = str(error)
        if now_s - self._pruned_s >= _PRUNE_EVERY_S and self._hours is not None:
            self._pruned_s = now_s
            try:
                self._shelf.prune(self._clock.utc_s() - self._hours * 3600)
            except StorageError as error:
                problem = str(error)
        self._tell(f"what is followed cannot be kept for dry runs: {problem}" if problem else "")

    def _let_go(self, camera_id: str) -> None:
        old = self._logs.pop(camera_id, None)
        if old is not None:
            self._leaving.append(old)

    def _tell(self, problem: str) -> None:
        if problem != self._problem:
            self._problem = problem
            self._on_problem(problem)

    def _run(self) -> None:
        stopping = False
        while not stopping:
            stopping = self._stop.wait(_WRITE_EVERY_S)
            try:
                self.step(everything=stopping)
            except Exception:  # the thread serves all cameras; what it could not write is missing in dry runs only
                log.exception("looks could not be written")
