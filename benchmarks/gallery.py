"""What known people cost: adding, opening and telling them, and deleting one out of a database with many events; figures as JSON.

Run it as `python -m benchmarks.gallery [FOLDER]`; FOLDER should lie on the disk that counts. It needs the extra `faces`, and no model.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Connection

from benchmarks.machine import describe
from panops.domain.events import Event, EventPhase, Incident, Severity
from panops.pipeline.known_people import known_from_wire, known_to_wire
from panops.pipeline.link import pack
from panops.storage.database import Database
from panops.storage.erasure import Erasure
from panops.storage.events import EventRepository
from panops.storage.evidence import EvidenceStore
from panops.storage.face_seal import KeyPlace
from panops.storage.gallery import Gallery
from panops.storage.gallery_records import NewFace, PersonFacts
from panops.storage.scope import Scope

PEOPLE, PICTURES, DIMENSIONS, JPEG_BYTES = 400, 5, 128, 12_000
EVENTS, AT_ONCE = 200_000, 2000
MODEL = "benchmark@1"
EVERYTHING = Scope.everything()


def took_ms(act: Callable[[], object], times: int = 1) -> float:
    """The median of some times, ms."""
    found = []
    for _ in range(times):
        began_s = time.perf_counter()
        act()
        found.append(1000 * (time.perf_counter() - began_s))
    return round(statistics.median(found), 2)


def measure(folder: Path) -> dict[str, Any]:
    """All figures."""
    generator = np.random.default_rng(1)
    with Database.at(folder) as database:
        gallery = Gallery(database, KeyPlace(folder / "faces.key", {}))
        began_s = time.perf_counter()
        for number in range(PEOPLE):
            person = gallery.add(EVERYTHING, PersonFacts(f"person {number}", (), "nobody real", 0.0), "benchmark")
            for picture in range(PICTURES):
                row = generator.normal(size=DIMENSIONS).astype(np.float32)
                face = NewFace(MODEL, row / np.linalg.norm(row), generator.bytes(JPEG_BYTES), f"{number} {picture}".encode(), 0.9)
                gallery.add_face(EVERYTHING, person.person_id, face)
        added_s = time.perf_counter() - began_s
        known = gallery.known(MODEL)
        wire = pack({"galleries": [known_to_wire(known)]})
        figures: dict[str, Any] = {
            "people": PEOPLE,
            "pictures": len(known),
            "database_mb": round((folder / "panops.db").stat().st_size / 1e6, 1),
            "add_a_picture_ms": round(1000 * added_s / len(known), 2),
            "open_all_ms": took_ms(lambda: gallery.known(MODEL), 5),
            "ask_for_the_revision_ms": took_ms(gallery.revision, 500),
            "message_mb": round(len(wire) / 1e6, 2),
            "read_the_message_ms": took_ms(lambda: known_from_wire(json.loads(wire[8:])["galleries"][0]), 5),
        }
        fill(EventRepository(database))
        erasure = Erasure(database, EvidenceStore(database, folder / "evidence"))
        ids = [person.person_id for person in gallery.people(EVERYTHING)[:6]]
        figures |= {"events": EVENTS, "database_with_events_mb": round((folder / "panops.db").stat().st_size / 1e6, 1)}
        figures["delete_the_first_ms"] = took_ms(lambda: erasure.person(EVERYTHING, ids[0], "benchmark"))
        left, waits_ms = iter(ids[1:]), list[float]()
        database.session = _timed(database.session, waits_ms)  # type: ignore[method-assign]
        figures["delete_a_person_ms"] = took_ms(lambda: erasure.person(EVERYTHING, next(left), "benchmark"), 5)
        figures["delete_lets_writers_wait_ms"] = round(max(waits_ms), 2)
        figures["look_for_late_names_ms"] = [took_ms(erasure.late), took_ms(erasure.late)]
    return figures


def _timed(
    session: Callable[[], AbstractContextManager[Connection]], took: list[float]
) -> Callable[[], AbstractContextManager[Connection]]:
    """The same transactions, each of which notes its ms."""

    @contextmanager
    def timed() -> Iterator[Connection]:
        began_s = time.perf_counter()
        with session() as connection:
            yield connection
        took.append(1000 * (time.perf_counter() - began_s))

    return timed


def fill(repository: EventRepository) -> None:
    """Store events of faces that nobody knew."""
    details = {"who": "unknown", "similarity": 0.2, "votes": 3.0}
    for first in range(0, EVENTS, AT_ONCE):
        events = []
        for number in range(first, first + AT_ONCE):
            at_s = 1e9 + number
            incident = Incident("k", EventPhase.END, "identity", "person", "", (1,), 0.9, at_s, at_s, at_s, None, details)
            events.append(Event(f"gate-1-{number}", "gate", "door", Severity.ALARM, incident))
        repository.save(events)


def main() -> None:
    """Measure in a folder that is deleted afterwards."""
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as folder:
        print(json.dumps({"machine": describe(), **measure(Path(folder))}, indent=2))


if __name__ == "__main__":
    main()
