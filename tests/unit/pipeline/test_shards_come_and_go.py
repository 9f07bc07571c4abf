"""Shards follow the site's size while cameras run; with real processes."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from running_supervisor import QUIET, Play, play

from panops.config.schema import RetentionConfig
from panops.domain.events import Event, EventPhase, Incident, Severity
from panops.pipeline.balance import BalanceSettings
from panops.pipeline.placement import MOST_CAMERAS_A_SHARD
from panops.pipeline.shard_handle import HandleSettings
from panops.pipeline.supervisor import SupervisorSettings
from panops.storage.journal import Journal

# As in the product, but for the waits.
BRISK = SupervisorSettings(
    default_model="motion", cores=2, balance=BalanceSettings(pause_s=0.1, busy_s=1.0), balance_every_s=0.2, shrink_after_s=2.0
)


def quiet(count: int, **settings: Any) -> dict[str, Any]:
    return {"cameras": {f"c{number:02}": QUIET for number in range(count)}, **settings}


def test_a_site_that_outgrows_its_process_gets_another_and_gives_it_back(tmp_path: Path) -> None:
    async def act(running: Play) -> None:
        await running.until(running.live, what="twelve cameras in one process")
        first_pid = running.pid(0)
        assert {running.shard_of(f"c{number:02}") for number in range(12)} == {0}
        epochs = dict(running.supervisor._epochs)

        running.apply(quiet(13))
        await running.until(running.live, what="the thirteenth runs, in a process of its own")
        assert (running.shard_of("c12"), running.pid(0)) == (1, first_pid)
        assert {name: epoch for name, epoch in running.supervisor._epochs.items() if name != "c12"} == epochs
        assert running.supervisor.metrics()["shards"] == 2
        second_pid = running.pid(1)

        running.apply({"cameras": {**quiet(3)["cameras"], "c12": QUIET}})
        await running.until(lambda: not running.runs(1), what="the second process is emptied and stopped")
        await running.until(lambda: running.live() and running.shard_of("c12") == 0, what="its camera goes on in the first")
        assert not Path(f"/proc/{second_pid}").exists()
        assert running.supervisor._epochs["c12"] == 2
        assert running.supervisor.metrics()["cameras_moved"] == 1
        assert [figures.index for figures in running.supervisor.shards()] == [0]
        assert running.supervisor.metrics()["shard_restarts"] == 0
        assert running.supervisor.notices() == []

    play(tmp_path, quiet(12), act, BRISK)


def test_the_number_in_the_site_file_is_obeyed_while_it_runs(tmp_path: Path) -> None:
    async def act(running: Play) -> None:
        await running.until(running.live)
        assert running.supervisor.metrics()["shards"] == 1
        running.apply(quiet(4, shards=3))
        await running.until(lambda: running.supervisor.metrics()["shards"] == 3, what="three processes")
        running.apply(quiet(6, shards=3))
        await running.until(running.live)
        # New ones go to the empty processes; those that ran were left alone.
        assert [running.shard_of(f"c{number:02}") for number in range(6)] == [0, 0, 0, 0, 1, 2]
        running.apply(quiet(6, shards=1))
        await running.until(lambda: running.supervisor.metrics()["shards"] == 1, what="one process again")
        await running.until(lambda: running.live() and {running.shard_of(f"c{number:02}") for number in range(6)} == {0})
        assert running.supervisor.metrics()["cameras_moved"] == 2
        # The number that was free is used again, and with it nothing of before.
        running.apply(quiet(7, shards=2))
        await running.until(lambda: running.live() and running.shard_of("c06") == 1)
        assert running.supervisor.notices() == []

    play(tmp_path, quiet(4, shards=1), act, BRISK)


def test_a_process_that_cannot_be_started_gives_its_cameras_to_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("panops.pipeline.fleet.MOST_FAILED_STARTS", 2)  # five take a minute
    nowhere = tmp_path / "nowhere"
    nowhere.write_text("a file where a home should be")

    async def act(running: Play) -> None:
        await running.until(running.live)
        assert {running.shard_of("c01"), running.shard_of("c03")} == {1}
        handle = running.supervisor._fleet.get(1)
        assert handle is not None
        greet = handle._greeting

        async def wrong() -> list[dict[str, Any]]:
            boot, *cameras = await greet()
            return [{**boot, "home": str(nowhere)}, *cameras]

        handle._greeting = wrong
        os.kill(running.pid(1), signal.SIGKILL)
        await running.until(running.supervisor.notices, what="it is told")
        assert "ended unexpectedly" in running.supervisor.notices()[0].message
        await running.until(
            lambda: running.live() and running.shard_of("c01") == running.shard_of("c03") == 0, 120, "the other has all four"
        )
        (notice,) = running.supervisor.notices()
        assert (notice.topic, notice.level) == ("shard", "alarm")
        assert "process 1 cannot be started" in notice.message
        assert handle.failed_starts >= 2

        handle._greeting = greet
        await running.until(lambda: handle.ready and running.supervisor.notices() == [], what="it is back, and so is the word")
        running.apply(quiet(5, shards=2))
        await running.until(lambda: running.live() and running.shard_of("c04") == 1, what="it takes cameras again")

    quick = replace(BRISK, shards=HandleSettings(first_wait_s=0.1, longest_wait_s=0.3))
    play(tmp_path / "home", quiet(4, shards=2), act, quick)


def test_a_site_whose_only_process_cannot_be_started_keeps_its_cameras(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("panops.pipeline.fleet.MOST_FAILED_STARTS", 2)

    async def act(running: Play) -> None:
        await running.until(running.live)
        handle = running.supervisor._fleet.get(0)
        assert handle is not None
        greet, failures = handle._greeting, [OSError("no memory")] * 3

        async def sometimes() -> list[dict[str, Any]]:
            if failures:
                raise failures.pop()
            return await greet()

        handle._greeting = sometimes
        os.kill(running.pid(0), signal.SIGKILL)
        await running.until(lambda: handle.failed_starts >= 2)
        assert "is started again" in running.supervisor.notices()[0].message
        await running.until(lambda: running.live() and running.supervisor.notices() == [], what="they come back with it")

    play(tmp_path, quiet(2), act, replace(BRISK, shards=HandleSettings(first_wait_s=0.05, longest_wait_s=0.1)))


def test_what_a_stopped_process_could_not_store_is_stored_by_the_others(tmp_path: Path) -> None:
    incident = Incident("k", EventPhase.BEGIN, "intrusion", "moving", "", (1,), 0.9, 100.0, 101.0)
    event = Event("c00-7-1", "c00", "anyone", Severity.ALARM, incident)

    async def act(running: Play) -> None:
        await running.until(running.live)
        feed = running.supervisor.subscribe()
        journal = Journal(running.home.journal, "shard-9")
        journal.append([event, event.ended(102.0)])
        await running.supervisor._upkeep.clean_up(RetentionConfig())
        assert running.stored("c00") == []  # its process lives
        journal.close()
        await running.supervisor._upkeep.clean_up(RetentionConfig())
        (stored,) = running.stored("c00")
        assert (stored.event.event_id, stored.event.incident.ended_at_s) == ("c00-7-1", 102.0)
        assert [message.phase for message in await feed.next() if getattr(message, "event_id", "") == "c00-7-1"] == ["begin", "end"]

    play(tmp_path, quiet(1), act, BRISK)


@pytest.mark.slow
def test_more_sessions_than_a_process_should_have(tmp_path: Path) -> None:
    async def act(running: Play) -> None:
        await running.until(running.live, 200)
        assert running.supervisor.metrics()["shards"] == 1
        running.apply(quiet(MOST_CAMERAS_A_SHARD + 2))
        await running.until(running.live, 200, "two more, in a process of their own")
        assert [running.shard_of(f"c{number:02}") for number in (0, 55, 56, 57)] == [0, 0, 1, 1]

    play(tmp_path, quiet(MOST_CAMERAS_A_SHARD), act, replace(BRISK, cores=1, balance=BalanceSettings()))
