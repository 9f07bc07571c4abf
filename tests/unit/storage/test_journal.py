from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from panops.domain.errors import StorageError, StorageFull, StorageLocked
from panops.domain.events import EventPhase
from panops.storage.database import Database
from panops.storage.events import EventRepository
from panops.storage.journal import Journal, read_journal, replay_abandoned
from panops.storage.scope import Scope

from .makers import START_S, make_event

EVERYTHING = Scope.everything()


def end(event_id: str) -> object:
    return make_event(event_id, EventPhase.END, updated_at_s=START_S + 5)


def test_what_is_written_comes_back_and_goes_when_it_is_stored(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal", "shard-0")
    assert journal.is_empty
    assert not (tmp_path / "journal").exists()
    events = [make_event("gate-1-1"), make_event("gate-1-1", EventPhase.END), make_event("gate-1-2")]
    journal.append(events[:2])
    journal.append(events[2:])
    assert list(journal.read().events) == events
    assert journal.path.stat().st_mode & 0o777 == 0o600
    journal.clear()
    assert journal.is_empty
    assert journal.read().events == ()
    journal.append(events[:1])
    assert list(journal.read().events) == events[:1]
    journal.clear()
    journal.close()
    journal.close()
    assert list((tmp_path / "journal").iterdir()) == []


def test_a_journal_that_is_needed_stays_when_it_is_closed(tmp_path: Path, repository: EventRepository) -> None:
    journal = Journal(tmp_path / "journal", "shard-0")
    journal.append([make_event()])
    assert replay_abandoned(tmp_path / "journal", repository) == [], "its process lives"
    journal.close()
    assert replay_abandoned(tmp_path / "journal", repository) == [make_event()]
    assert replay_abandoned(tmp_path / "journal", repository) == []
    assert list((tmp_path / "journal").iterdir()) == []


def test_replay_ends_what_nobody_will_end_any_more(tmp_path: Path, repository: EventRepository) -> None:
    repository.save([make_event("gate-1-3", EventPhase.END, updated_at_s=START_S + 9)])
    journal = Journal(tmp_path, "shard-0")
    journal.append([make_event("gate-1-1"), make_event("gate-1-2"), make_event("gate-1-3"), end("gate-1-2")])  # type: ignore[list-item]
    journal.close()
    replay_abandoned(tmp_path, repository)
    found = {item.event.event_id: item.event.incident for item in repository.search(EVERYTHING).events}
    assert found["gate-1-1"].details.get("interrupted") is True
    assert (found["gate-1-2"].ended_at_s, found["gate-1-2"].details.get("interrupted")) == (START_S + 5, None)
    assert (found["gate-1-3"].ended_at_s, found["gate-1-3"].details.get("interrupted")) == (START_S + 9, None)


@pytest.mark.parametrize("cut", [1, 20, 200])
def test_a_torn_last_line_is_not_an_event(tmp_path: Path, repository: EventRepository, cut: int) -> None:
    journal = Journal(tmp_path, "shard-0")
    journal.append([make_event("gate-1-1")])
    journal.append([make_event("gate-1-2")])
    journal.close()
    data = journal.path.read_bytes()
    journal.path.write_bytes(data[:-cut])
    contents = read_journal(journal.path)
    assert [event.event_id for event in contents.events] == ["gate-1-1"]
    assert contents.damaged_lines == 0
    assert len(replay_abandoned(tmp_path, repository)) == 1
    assert list(tmp_path.glob("*.jsonl")) == []


@pytest.mark.parametrize("noise", [b"noise", b"{}", b"[1]", b"\xff\xfe", b'{"event_id": 3}', b""])
def test_damage_in_the_middle_is_kept_beside_and_the_rest_is_stored(tmp_path: Path, repository: EventRepository, noise: bytes) -> None:
    folder = tmp_path / "journal"
    journal = Journal(folder, "shard-0")
    journal.append([make_event("gate-1-1"), make_event("gate-1-2")])
    journal.close()
    first, second, _ = journal.path.read_bytes().split(b"\n")
    bad = b"\n".join([first, noise, second, b""])
    journal.path.write_bytes(bad)
    assert [event.event_id for event in replay_abandoned(folder, repository)] == ["gate-1-1", "gate-1-2"]
    (kept,) = folder.iterdir()
    assert kept.suffix == ".damaged"
    assert kept.read_bytes() == bad
    assert replay_abandoned(folder, repository) == []


def test_a_line_with_a_number_that_no_database_takes_does_not_hold_up_the_start(tmp_path: Path, repository: EventRepository) -> None:
    journal = Journal(tmp_path, "shard-0")
    journal.append([make_event("gate-1-1"), make_event("gate-1-2")])
    journal.close()
    lines = journal.path.read_bytes().split(b"\n")
    journal.path.write_bytes(b"\n".join([lines[0].replace(b'"score":', b'"score":NaN,"was":'), *lines[1:]]))
    assert [event.event_id for event in replay_abandoned(tmp_path, repository)] == ["gate-1-2"]
    assert [path.suffix for path in tmp_path.iterdir() if path.name.startswith("shard-0")] == [".damaged"]


def test_what_cannot_be_stored_now_stays(tmp_path: Path) -> None:
    with Database.at(tmp_path / "home", busy_timeout_s=0.05) as database:
        repository = EventRepository(database)
        journal = Journal(tmp_path, "shard-0")
        journal.append([make_event()])
        journal.close()
        with database.session(), pytest.raises(StorageLocked):
            replay_abandoned(tmp_path, repository)
        assert len(replay_abandoned(tmp_path, repository)) == 1


def test_a_full_disk_leaves_whole_lines_and_goes_on(small_disk: Callable[[int], Path]) -> None:
    disk = small_disk(64 << 10)
    journal = Journal(disk, "shard-0")
    written = []

    def fill() -> None:
        for index in range(1000):
            event = make_event(f"gate-1-{index}", details={"filler": "x" * 700})
            journal.append([event])
            written.append(event)

    with pytest.raises(StorageFull, match="no space is left for the event journal"):
        fill()
    assert len(written) > 20
    assert list(journal.read().events) == written
    journal.clear()
    journal.append(written[:1])
    assert list(journal.read().events) == written[:1]
    journal.close()


def test_a_folder_that_cannot_be_used_says_so(tmp_path: Path, repository: EventRepository) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StorageError, match="event journal"):
        Journal(tmp_path / "file", "shard-0").append([make_event()])
    assert replay_abandoned(tmp_path / "nowhere", repository) == []


def test_a_file_that_was_taken_for_abandoned_before_it_was_locked_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(tmp_path, "shard-0")
    lock, taken = fcntl.flock, []

    def steal_once(descriptor: int, flags: int) -> None:
        if not taken:
            taken.append(True)
            journal.path.unlink()
        lock(descriptor, flags)

    monkeypatch.setattr(fcntl, "flock", steal_once)
    journal.append([make_event()])
    assert os.path.exists(journal.path)  # noqa: PTH110  the very file, not a cached answer
    assert list(read_journal(journal.path).events) == [make_event()]
    journal.close()
