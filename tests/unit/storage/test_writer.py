from __future__ import annotations

import itertools
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from panops.domain.errors import StorageError, StorageLocked
from panops.domain.events import Event, EventPhase
from panops.storage.database import Database
from panops.storage.events import EventRepository
from panops.storage.journal import read_journal
from panops.storage.records import rank
from panops.storage.scope import Scope
from panops.storage.writer import EventWriter
from panops.testing.fake_clock import FakeClock

from .makers import START_S, fill_disk, make_event

EVERYTHING = Scope.everything()
BEGIN, UPDATE, END = EventPhase


class Flaky(EventRepository):
    """A repository that can be told to fail as a locked database does."""

    locked = False
    saves = 0

    def save(self, events: Sequence[Event]) -> None:
        self.saves += 1
        if self.locked:
            raise StorageLocked("the database is held by another process")
        super().save(events)


@pytest.fixture
def flaky(database: Database) -> Flaky:
    return Flaky(database)


class Told(list[tuple[str, EventPhase]]):
    """What the writer said is stored; checks that it really is."""

    def __init__(self, repository: EventRepository) -> None:
        super().__init__()
        self.repository = repository

    def __call__(self, events: Sequence[Event]) -> None:
        for event in events:
            found = self.repository.get(EVERYTHING, event.event_id)
            assert found is not None
            assert rank(found.event) >= rank(event)
            self.append((event.event_id, event.phase))


@pytest.fixture
def told(flaky: Flaky) -> Told:
    return Told(flaky)


def make_writer(flaky: Flaky, told: Told, clock: FakeClock, journal: Path | None = None, **options: int) -> EventWriter:
    return EventWriter(flaky, journal, on_stored=told, clock=clock, **options)  # type: ignore[arg-type]  options are ints


def messages(event_id: str, *phases: EventPhase) -> list[Event]:
    return [make_event(event_id, phase, updated_at_s=START_S + index) for index, phase in enumerate(phases)]


def stored_phases(repository: EventRepository) -> dict[str, EventPhase]:
    return {item.event.event_id: item.event.phase for item in repository.search(EVERYTHING, limit=500).events}


# --- one round at a time, no thread -------------------------------------------------------------------------------------------


def test_events_are_stored_and_then_told_of(flaky: Flaky, told: Told, clock: FakeClock) -> None:
    writer = make_writer(flaky, told, clock)
    writer.submit(messages("gate-1-1", BEGIN, UPDATE, END))
    writer.submit(messages("gate-1-2", BEGIN))
    assert (writer.pending, told) == (4, [])
    assert writer.run_once() == 0.0
    assert told == [("gate-1-1", BEGIN), ("gate-1-1", UPDATE), ("gate-1-1", END), ("gate-1-2", BEGIN)]
    assert (writer.pending, writer.problem, writer.counts.stored, flaky.saves) == (0, None, 4, 1)
    assert stored_phases(flaky) == {"gate-1-1": END, "gate-1-2": BEGIN}
    assert writer.run_once() > 0
    assert flaky.saves == 1, "nothing to do costs nothing"


def test_updates_of_one_event_become_one_and_begin_and_end_are_never_merged_away(flaky: Flaky, told: Told, clock: FakeClock) -> None:
    writer = make_writer(flaky, told, clock)
    writer.submit(messages("gate-1-1", BEGIN, *[UPDATE] * 50, END))
    writer.run_once()
    assert told == [("gate-1-1", BEGIN), ("gate-1-1", UPDATE), ("gate-1-1", END)]
    assert writer.counts.merged == 49


def test_failures_are_said_retried_with_growing_pauses_and_forgotten_when_it_works(flaky: Flaky, told: Told, clock: FakeClock) -> None:
    writer = make_writer(flaky, told, clock)
    flaky.locked = True
    writer.submit(messages("gate-1-1", BEGIN, UPDATE))
    pauses = []
    for _ in range(8):
        pause = writer.run_once()
        pauses.append(pause)
        saves = flaky.saves
        assert writer.run_once() == pytest.approx(pause), "it does not try again before its time"
        assert flaky.saves == saves
        clock.now_s += pause
    assert pauses == [0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0, 15.0]
    assert writer.problem is not None
    assert "held by another process" in writer.problem
    assert told == []
    writer.submit(messages("gate-1-1", BEGIN, UPDATE, END)[1:])
    flaky.locked = False
    assert writer.run_once() == 0.0
    assert told == [("gate-1-1", BEGIN), ("gate-1-1", UPDATE), ("gate-1-1", END)]
    assert (writer.problem, writer.pending, writer.counts.failures, writer.counts.lost) == (None, 0, 8, 0)
    flaky.locked = True
    writer.submit(messages("gate-1-2", BEGIN))
    assert writer.run_once() == 0.5, "the pauses begin anew"


def test_a_full_queue_gives_up_updates_first(flaky: Flaky, told: Told, clock: FakeClock) -> None:
    writer = make_writer(flaky, told, clock, capacity=10)
    writer.submit([make_event(f"gate-1-{index}", UPDATE) for index in range(8)])
    writer.submit([make_event(f"gate-2-{index}", BEGIN) for index in range(9)])
    assert writer.pending == 10
    assert (writer.counts.dropped_updates, writer.counts.lost) == (7, 0)
    writer.run_once()
    assert [event_id for event_id, phase in told if phase is BEGIN] == [f"gate-2-{index}" for index in range(9)]


def test_begins_and_ends_are_lost_only_without_a_journal_and_then_counted(
    flaky: Flaky, told: Told, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    writer = make_writer(flaky, told, clock, capacity=10)
    flaky.locked = True
    for index in range(15):
        writer.submit([make_event(f"gate-1-{index}")])
        writer.run_once()
    assert (writer.pending, writer.counts.lost) == (10, 5)
    assert "lost the begin of event gate-1-0" in caplog.text
    flaky.locked = False
    clock.now_s += 100
    writer.run_once()
    assert [event_id for event_id, _ in told] == [f"gate-1-{index}" for index in range(5, 15)]


def test_a_full_queue_above_a_working_journal_loses_nothing(flaky: Flaky, told: Told, clock: FakeClock, tmp_path: Path) -> None:
    writer = make_writer(flaky, told, clock, tmp_path / "journal", capacity=10, batch=4)
    flaky.locked = True
    for index in range(35):
        writer.submit(messages(f"gate-1-{index}", BEGIN, UPDATE))
        writer.run_once()
    assert writer.counts.lost == 0
    assert writer.counts.journaled == 35
    assert writer.pending >= 35
    flaky.locked = False
    clock.now_s += 100
    for _ in range(10):
        writer.run_once()
    assert sorted(event_id for event_id, phase in told if phase is BEGIN) == sorted(f"gate-1-{index}" for index in range(35))
    assert writer.pending == 0
    assert len(stored_phases(flaky)) == 35
    writer.close(0)
    assert list((tmp_path / "journal").iterdir()) == []


def test_the_journal_stays_until_the_last_of_it_is_stored(flaky: Flaky, told: Told, clock: FakeClock, tmp_path: Path) -> None:
    writer = make_writer(flaky, told, clock, tmp_path, batch=2)
    flaky.locked = True
    writer.submit([make_event(f"gate-1-{index}") for index in range(5)])
    writer.run_once()
    (file,) = tmp_path.glob("*.jsonl")
    flaky.locked = False
    clock.now_s += 100
    for left in (5, 5, 0):
        writer.run_once()
        assert file.read_bytes().count(b"\n") == left
    writer.close(0)


def test_a_message_that_can_never_be_stored_does_not_hold_up_the_others(flaky: Flaky, told: Told, clock: FakeClock) -> None:
    writer = make_writer(flaky, told, clock)
    bad = make_event("gate-1-2", details={"speed": float("nan")})
    writer.submit([make_event("gate-1-1"), bad, make_event("gate-1-3")])
    writer.run_once()
    assert told == [("gate-1-1", BEGIN), ("gate-1-3", BEGIN)]
    assert (writer.counts.refused, writer.pending, writer.problem) == (1, 0, None)


def test_a_message_that_can_never_be_stored_does_not_keep_the_others_from_the_journal(
    flaky: Flaky, told: Told, clock: FakeClock, tmp_path: Path
) -> None:
    writer = make_writer(flaky, told, clock, tmp_path)
    flaky.locked = True
    writer.submit([make_event("gate-1-1"), make_event("gate-1-2", details={"speed": float("nan")})])
    writer.run_once()
    (file,) = tmp_path.glob("*.jsonl")
    assert [event.event_id for event in read_journal(file).events] == ["gate-1-1"]
    flaky.locked = False
    clock.now_s += 100
    writer.run_once()
    assert told == [("gate-1-1", BEGIN)]
    writer.close(0)


def test_a_listener_that_fails_costs_nothing_but_its_own_news(flaky: Flaky, clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    def fail(_events: Sequence[Event]) -> None:
        raise RuntimeError("nobody home")

    writer = EventWriter(flaky, on_stored=fail, clock=clock)
    writer.submit([make_event()])
    assert writer.run_once() == 0.0
    assert "nobody home" in caplog.text
    assert stored_phases(flaky) == {"gate-1-1": BEGIN}
    assert writer.pending == 0


def test_a_journal_that_fails_too_is_said(flaky: Flaky, told: Told, clock: FakeClock, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    writer = make_writer(flaky, told, clock, tmp_path / "file")
    flaky.locked = True
    writer.submit([make_event()])
    writer.run_once()
    assert writer.problem is not None
    assert "held by another process" in writer.problem
    assert "the journal fails too" in writer.problem
    sentence = writer.problem
    for _ in range(3):
        writer.run_once()
    assert writer.problem == sentence, "it is said once"
    flaky.locked = False
    clock.now_s += 100
    writer.run_once()
    assert (writer.problem, told) == (None, [("gate-1-1", BEGIN)])


def test_the_next_writer_stores_what_the_last_one_could_not(flaky: Flaky, told: Told, clock: FakeClock, tmp_path: Path) -> None:
    writer = make_writer(flaky, told, clock, tmp_path)
    flaky.locked = True
    writer.submit([*messages("gate-1-1", BEGIN, UPDATE), *messages("gate-1-2", BEGIN, UPDATE, END)])
    assert not writer.close(0)
    with pytest.raises(StorageError, match="closed"):
        writer.submit([make_event("gate-1-3")])
    flaky.locked = False
    second = make_writer(flaky, told, clock, tmp_path)
    second.run_once()
    assert stored_phases(flaky) == {"gate-1-1": END, "gate-1-2": END}
    assert set(told) == {("gate-1-1", BEGIN), ("gate-1-2", BEGIN), ("gate-1-2", END)}
    second.close(0)
    assert list(tmp_path.glob("*.jsonl")) == []


actions = st.lists(
    st.one_of(
        st.tuples(st.just("submit"), st.integers(0, 5), st.integers(1, 3)),
        st.tuples(st.sampled_from(["turn", "lock", "unlock", "wait"]), st.just(0), st.just(0)),
    ),
    max_size=40,
)


@settings(max_examples=20, deadline=None)
@given(actions=actions, capacity=st.integers(1, 8), batch=st.integers(1, 4))
def test_whatever_happens_every_begin_and_end_is_stored_and_told(
    new_folder: Callable[[], Path], actions: list[tuple[str, int, int]], capacity: int, batch: int
) -> None:
    folder = new_folder()
    with Database.at(folder) as database:
        flaky = Flaky(database)
        told, clock = Told(flaky), FakeClock(START_S)
        writer = make_writer(flaky, told, clock, folder / "journal", capacity=capacity, batch=batch)
        lives: dict[int, Iterator[EventPhase]] = {}
        submitted: list[Event] = []
        times = itertools.count()
        for act, number, count in actions:
            if act == "submit":
                life = lives.setdefault(number, iter([BEGIN, UPDATE, UPDATE, END]))
                batch_of_events = [
                    make_event(f"gate-1-{number}", phase, updated_at_s=START_S + next(times)) for phase in itertools.islice(life, count)
                ]
                # While the database is away the thread journals between two submits: here its round does.
                for event in batch_of_events:
                    writer.submit([event])
                    writer.run_once()
                submitted += batch_of_events
            elif act == "turn":
                writer.run_once()
            elif act == "wait":
                clock.now_s += 20
            else:
                flaky.locked = act == "lock"
        flaky.locked = False
        clock.now_s += 100
        while writer.pending:
            writer.run_once()
        wanted = {(event.event_id, event.phase) for event in submitted if event.phase is not UPDATE}
        assert wanted <= set(told)
        assert writer.counts.lost == 0
        newest: dict[str, Event] = {}
        for event in submitted:
            if event.phase is not UPDATE or event.event_id not in newest:
                newest[event.event_id] = event
        found = stored_phases(flaky)
        assert set(found) == set(newest)
        assert all(found[event_id] is END for event_id, event in newest.items() if event.phase is END)
        writer.close(0)


# --- with its thread, on real files -------------------------------------------------------------------------------------------


def wait_until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.005)


def test_many_threads_submit_and_all_is_stored(database: Database) -> None:
    repository = EventRepository(database)
    told = Told(repository)
    writer = EventWriter(repository, on_stored=told).start()

    def submit(worker: int) -> None:
        for index in range(50):
            writer.submit(messages(f"cam{worker}-1-{index}", BEGIN, UPDATE, END))

    threads = [threading.Thread(target=submit, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert writer.flush(10)
    assert writer.close(10)
    assert writer.close(10)
    assert {key for key in told if key[1] is not UPDATE} == {
        (f"cam{w}-1-{i}", p) for w in range(4) for i in range(50) for p in (BEGIN, END)
    }
    assert len(stored_phases(repository)) == 200


def test_updates_alone_are_stored_after_their_interval(database: Database) -> None:
    repository = EventRepository(database)
    with_updates = EventWriter(repository, update_interval_s=0.05).start()
    with_updates.submit([make_event(phase=UPDATE)])
    wait_until(lambda: with_updates.pending == 0)
    assert with_updates.close()


def test_submit_does_not_wait_for_a_locked_database(tmp_path: Path) -> None:
    with Database.at(tmp_path, busy_timeout_s=1.0) as database:
        repository = EventRepository(database)
        told = Told(repository)
        writer = EventWriter(repository, tmp_path / "journal", on_stored=told).start()
        holder = sqlite3.connect(tmp_path / "panops.db", isolation_level=None)
        holder.execute("BEGIN EXCLUSIVE")
        slowest = 0.0
        for index in range(300):
            began = time.perf_counter()
            writer.submit(messages(f"gate-1-{index}", BEGIN))
            slowest = max(slowest, time.perf_counter() - began)
        wait_until(lambda: writer.counts.journaled == 300 and writer.problem is not None)
        assert told == []
        assert slowest < 0.8, "far below what the database makes others wait"
        assert not writer.flush(0.01)
        holder.execute("ROLLBACK")
        holder.close()
        wait_until(lambda: writer.pending == 0)
        assert writer.problem is None
        assert len(told) == 300
        assert writer.close()
        assert list((tmp_path / "journal").iterdir()) == []


def test_close_does_not_wait_longer_than_it_may_and_keeps_everything(tmp_path: Path) -> None:
    with Database.at(tmp_path, busy_timeout_s=2.0) as database:
        repository = EventRepository(database)
        writer = EventWriter(repository, tmp_path / "journal").start()
        holder = sqlite3.connect(tmp_path / "panops.db", isolation_level=None)
        holder.execute("BEGIN EXCLUSIVE")
        writer.submit(messages("gate-1-1", BEGIN))
        began = time.monotonic()
        assert not writer.close(0.2)
        assert time.monotonic() - began < 1.5
        (file,) = (tmp_path / "journal").glob("*.jsonl")
        assert b"gate-1-1" in file.read_bytes()
        holder.execute("ROLLBACK")
        holder.close()
        wait_until(lambda: stored_phases(repository) == {"gate-1-1": BEGIN})
        writer._thread.join(5)
        assert not writer._thread.is_alive()


SHARD_THAT_IS_KILLED = """
    import sys, time
    from pathlib import Path
    from panops.domain.events import Event, EventPhase, Incident, Severity
    from panops.storage.database import Database
    from panops.storage.events import EventRepository
    from panops.storage.writer import EventWriter

    home, epoch = Path(sys.argv[1]), sys.argv[2]

    def make(event_id, phase, time_s):
        end = time_s if phase is EventPhase.END else None
        incident = Incident("k", phase, "intrusion", "person", "", (1,), 0.5, 1e9, time_s, end)
        return Event(event_id, "gate", "night", Severity.ALARM, incident)

    def told(events):
        for event in events:
            sys.stdout.write(f"stored {event.event_id} {event.phase}\\n")
        sys.stdout.flush()

    database = Database.at(home, busy_timeout_s=0.1).open()
    writer = EventWriter(EventRepository(database), home / "journal", on_stored=told).start()
    sys.stdout.write("ready\\n")
    sys.stdout.flush()
    sys.stdin.readline()
    for index in range(1_000_000):
        event_id = f"gate-{epoch}-{index}"
        writer.submit([make(event_id, EventPhase.BEGIN, 1e9)])
        writer.submit([make(event_id, EventPhase.UPDATE, 1e9 + 1)])
        if index % 2:
            writer.submit([make(event_id, EventPhase.END, 1e9 + 2)])
        if index % 20 == 0:
            time.sleep(0.002)
            sys.stdout.write(f"journaled {writer.counts.journaled}\\n")
            sys.stdout.flush()
        if writer.counts.journaled >= 200:
            sys.stdout.write("enough\\n")
            sys.stdout.flush()
            time.sleep(60)
"""


@pytest.fixture
def shard() -> Iterator[Callable[[Path, int], subprocess.Popen[str]]]:
    running: list[subprocess.Popen[str]] = []

    def start(home: Path, epoch: int) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", textwrap.dedent(SHARD_THAT_IS_KILLED), str(home), str(epoch)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        running.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    yield start
    for process in running:
        process.kill()
        process.wait(10)
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def test_kill_9_while_writing_loses_nothing_that_was_told(tmp_path: Path, shard: Callable[[Path, int], subprocess.Popen[str]]) -> None:
    for epoch in range(2):
        process = shard(tmp_path, epoch)
        go(process)
        assert process.stdout is not None
        lines: list[str] = []
        while sum(line.startswith("stored") for line in lines) < 200:
            lines.append(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        lines += process.stdout.readlines()
        told = [line.split() for line in lines if line.startswith("stored") and line.endswith("\n")]
        with Database.at(tmp_path) as database:
            repository = EventRepository(database)
            for _, event_id, phase in told:
                found = repository.get(EVERYTHING, event_id)
                assert found is not None
                assert phase != "end" or found.event.phase is END
            repository.close_open({"gate"})
            counts = repository.counts(EVERYTHING)
            assert counts.open == 0


def test_kill_9_while_the_database_is_away_loses_nothing_that_was_journaled(
    tmp_path: Path, shard: Callable[[Path, int], subprocess.Popen[str]]
) -> None:
    process = shard(tmp_path, 0)
    holder = sqlite3.connect(tmp_path / "panops.db", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    go(process)
    assert process.stdout is not None
    lines = list(iter(process.stdout.readline, "enough\n"))
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    assert not [line for line in lines if line.startswith("stored")]
    (file,) = (tmp_path / "journal").glob("*.jsonl")
    safe = file.read_bytes().count(b"\n")
    assert safe >= 200
    holder.execute("ROLLBACK")
    holder.close()
    with Database.at(tmp_path) as database:
        repository = EventRepository(database)
        told = Told(repository)
        writer = EventWriter(repository, tmp_path / "journal", on_stored=told).start()
        wait_until(lambda: len(told) == safe)
        assert writer.close()
        assert len(set(told)) == safe
        assert repository.counts(EVERYTHING).open == 0
    assert list((tmp_path / "journal").iterdir()) == []


def test_a_full_disk_is_waited_out(small_disk: Callable[[int], Path], tmp_path: Path) -> None:
    disk = small_disk(3 << 20)  # room for the events, whose facts stand in indexes, too
    with Database.at(disk) as database:
        repository = EventRepository(database)
        told = Told(repository)
        writer = EventWriter(repository, tmp_path / "journal", on_stored=told).start()
        ballast = disk / "ballast"
        fill_disk(ballast)
        writer.submit([make_event(f"gate-1-{index}", details={"filler": "x" * 900}) for index in range(300)])
        wait_until(lambda: writer.counts.journaled == 300)
        assert writer.problem is not None
        assert "no space is left" in writer.problem
        ballast.unlink()
        wait_until(lambda: writer.pending == 0)
        assert (len(told), writer.problem) == (300, None)
        assert writer.close()
