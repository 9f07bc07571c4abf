"""Figures of the storage as JSON: saves a second, search at 100,000 events, size of an event, begin to told.

Run it as `python -m benchmarks.storage [FOLDER]`; FOLDER should lie on the disk that counts.
"""

from __future__ import annotations

import json
import platform
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from panops.domain.events import Event, EventPhase, EvidenceKind, Severity
from panops.storage.database import Database
from panops.storage.events import EventFilter, EventRepository, ReviewStatus
from panops.storage.evidence import EvidenceStore
from panops.storage.scope import Role, Scope
from panops.storage.writer import EventWriter
from tests.unit.storage.makers import START_S, make_event

COUNT = 100_000
EVERYTHING = Scope.everything()
SCOPES = {
    "all": EVERYTHING,
    "67 of 200 cameras": Scope(Role.VIEWER, frozenset(f"camera-{index:03}" for index in range(0, 200, 3))),
    "one camera": Scope(Role.VIEWER, frozenset({"camera-007"})),
}
FILTERS = {
    "none": EventFilter(),
    "one camera": EventFilter(cameras=("camera-007",)),
    "camera, class, severity": EventFilter(cameras=("camera-007", "camera-008"), classes=("person",), severities=(Severity.ALARM,)),
    "rare class": EventFilter(classes=("dog",)),
    "class of none": EventFilter(classes=("unicorn",)),
    "kind, status": EventFilter(kinds=("intrusion",), statuses=(ReviewStatus.NEW,)),
    "acknowledged": EventFilter(statuses=(ReviewStatus.ACKNOWLEDGED,)),
    "kept": EventFilter(kept=True),
    "open": EventFilter(is_open=True),
    "score": EventFilter(min_score=0.9999),
    "a day, rule": EventFilter(since_s=START_S + COUNT * 10, until_s=START_S + COUNT * 10 + 86400, rules=("rule-3",)),
    "text in notes": EventFilter(text="GATE"),
    "text of none": EventFilter(text="zzzz"),
}


def population() -> list[Event]:
    """Events of 200 cameras over three weeks."""
    dice = random.Random(3)
    made = []
    for index in range(COUNT):
        camera_id, start_s = f"camera-{index % 200:03}", START_S + index * 20 + dice.random() * 100
        event = make_event(
            f"{camera_id}-1-{index}",
            EventPhase.END,
            camera_id=camera_id,
            rule_id=f"rule-{index % 7}",
            severity=tuple(Severity)[index % 3],
            kind=("intrusion", "loitering", "line_crossing", "occupancy")[index % 4],
            class_name=("person", "car", "truck", "")[index // 3 % 4] if index % 1000 else "dog",
            zone=("floor", "door", "")[index % 3],
            score=dice.random(),
            started_at_s=start_s,
            updated_at_s=start_s + 15,
        )
        made.append(event)
    return made


def rate(work: Callable[[], None], count: int) -> float:
    """How many of `count` things `work` does in a second."""
    began = time.perf_counter()
    work()
    return round(count / (time.perf_counter() - began), 1)


def median_ms(work: Callable[[], Any], times: int = 7) -> float:
    """Median wall time of `work`, ms."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        taken.append((time.perf_counter() - began) * 1000)
    return round(statistics.median(taken), 2)


def save_figures(repository: EventRepository, events: list[Event]) -> dict[str, float]:
    """Fill the database; saves a second one by one, in large batches, and as updates of what is there."""

    def singly() -> None:
        for event in events[:500]:
            repository.save([event])

    def in_batches() -> None:
        for index in range(500, COUNT, 1000):
            repository.save(events[index : index + 1000])

    later = [replace(event, incident=replace(event.incident, updated_at_s=event.incident.updated_at_s + 1, score=0.99)) for event in events]

    def updates() -> None:
        for index in range(50_000, 52_000, 50):
            repository.save(later[index : index + 50])

    return {
        "single_saves_per_s": rate(singly, 500),
        "batched_saves_per_s": rate(in_batches, COUNT - 500),
        "updates_in_batches_of_50_per_s": rate(updates, 2000),
    }


def writer_figures(repository: EventRepository, journal: Path) -> dict[str, float]:
    """What `submit` costs, and how long a begin takes until people are told."""
    submitted: dict[str, float] = {}
    waited: list[float] = []

    def told(events: Any) -> None:
        waited.extend(time.perf_counter() - submitted[event.event_id] for event in events)

    writer = EventWriter(repository, journal, on_stored=told).start()
    for index in range(100):
        event = make_event(f"writer-1-{index}")
        submitted[event.event_id] = time.perf_counter()
        writer.submit([event])
        time.sleep(0.01)
    writer.flush()
    many = [make_event(f"writer-2-{index}") for index in range(10_000)]
    submitted.update(dict.fromkeys((event.event_id for event in many), time.perf_counter()))
    began = time.perf_counter()
    for event in many:
        writer.submit([event])
    spent = time.perf_counter() - began
    writer.close(60)
    return {"submit_us": round(spent / len(many) * 1e6, 2), "begin_to_told_median_ms": round(statistics.median(waited[:100]) * 1000, 2)}


def measure(folder: Path) -> dict[str, Any]:
    """All figures."""
    events = population()
    with Database.at(folder) as database:
        repository = EventRepository(database)
        figures: dict[str, Any] = {"machine": f"{platform.processor() or platform.machine()}, {platform.system()}", "events": COUNT}
        figures |= save_figures(repository, events)
        for event in random.Random(4).sample(events, 200):
            note = "seen him at the gate"
            repository.review(EVERYTHING, event.event_id, status=ReviewStatus.ACKNOWLEDGED, note=note, user="eva", at_s=1.0)
        database.close()
        figures["bytes_per_event"] = round((folder / "panops.db").stat().st_size / COUNT, 1)
        figures["open_and_check_ms"] = median_ms(lambda: (database.close(), database.open()), 3)
        figures["search_page_of_50_ms"] = {
            f"scope {scope_name}; filter {name}": median_ms(lambda scope=scope, wanted=wanted: repository.search(scope, wanted))
            for scope_name, scope in SCOPES.items()
            for name, wanted in FILTERS.items()
        }
        figures["counts_last_day_ms"] = median_ms(lambda: repository.counts(EVERYTHING, START_S + COUNT * 20 - 86400))
        figures["counts_ever_ms"] = median_ms(lambda: repository.counts(EVERYTHING))
        figures |= writer_figures(repository, folder / "journal")
        store, picture = EvidenceStore(database, folder / "evidence"), bytes(60_000)

        def snapshots() -> None:
            for event in events[:100]:
                store.add_bytes(event.event_id, EvidenceKind.SNAPSHOT, picture, START_S, START_S)

        figures["snapshots_of_60_kb_per_s"] = rate(snapshots, 100)
    return figures


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as made:
        sys.stdout.write(json.dumps(measure(Path(made)), indent=2) + "\n")
