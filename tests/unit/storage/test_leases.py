from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from panops.storage.database import Database
from panops.storage.errors import LeaseHeld
from panops.storage.leases import Lease, Leases


@pytest.fixture
def leases(database: Database) -> Leases:
    return Leases(database)


def test_the_life_of_a_lease(leases: Leases) -> None:
    assert leases.holder("gate") is None
    assert leases.take("gate", "a", 0.0, 10.0) == 1
    assert leases.holder("gate") == Lease("gate", "a", 1, 10.0)
    with pytest.raises(LeaseHeld, match="'gate' belongs to 'a' for 5 s more"):
        leases.take("gate", "b", 5.0, 10.0)
    assert leases.renew("gate", "a", 1, 8.0, 10.0)
    with pytest.raises(LeaseHeld):
        leases.take("gate", "b", 17.9, 10.0)
    assert leases.take("gate", "b", 18.0, 10.0) == 2
    assert not leases.renew("gate", "a", 1, 18.0, 10.0)
    leases.release("gate", "a", 1)
    assert leases.holder("gate") == Lease("gate", "b", 2, 28.0)
    leases.release("gate", "b", 2)
    assert leases.holder("gate") is None
    assert leases.take("gate", "a", 19.0, 10.0) == 3


def test_a_restarted_owner_gets_a_new_epoch_and_its_old_one_is_void(leases: Leases) -> None:
    first = leases.take("gate", "a", 0.0, 10.0)
    second = leases.take("gate", "a", 1.0, 10.0)
    assert second > first
    assert not leases.renew("gate", "a", first, 2.0, 10.0)
    assert leases.renew("gate", "a", second, 2.0, 10.0)


def test_an_expired_lease_that_nobody_took_can_be_renewed(leases: Leases) -> None:
    leases.take("gate", "a", 0.0, 10.0)
    assert leases.renew("gate", "a", 1, 50.0, 10.0)
    with pytest.raises(LeaseHeld):
        leases.take("gate", "b", 55.0, 10.0)


def test_many_are_renewed_at_once_and_the_lost_ones_named(leases: Leases) -> None:
    epochs = {name: leases.take(name, "a", 0.0, 10.0) for name in ("x", "y", "z")}
    leases.take("y", "b", 20.0, 10.0)
    assert leases.renew_all("a", {**epochs, "never": 1}, 21.0, 10.0) == frozenset({"y", "never"})
    assert leases.renew_all("a", {}, 21.0, 10.0) == frozenset()


steps = st.lists(st.tuples(st.sampled_from(["take", "renew", "release"]), st.sampled_from("ab"), st.floats(0, 20)), max_size=15)


@settings(max_examples=15, deadline=None)
@given(steps=steps)
def test_epochs_only_grow_and_one_owner_holds_at_a_time(new_folder: Callable[[], Path], steps: list[tuple[str, str, float]]) -> None:
    with Database.at(new_folder()) as database:
        leases, now_s, last_epoch = Leases(database), 0.0, 0
        mine: dict[str, int] = {"a": 0, "b": 0}
        for act, owner, wait_s in steps:
            now_s += wait_s
            before = leases.holder("gate")
            if act == "take":
                try:
                    epoch = leases.take("gate", owner, now_s, 10.0)
                except LeaseHeld:
                    assert before is not None
                    assert before.owner != owner
                    assert before.expires_at_s > now_s
                    continue
                assert epoch > last_epoch
                assert before is None or before.owner == owner or before.expires_at_s <= now_s
                mine[owner] = last_epoch = epoch
            elif act == "renew":
                assert leases.renew("gate", owner, mine[owner], now_s, 10.0) == (
                    before is not None and (before.owner, before.epoch) == (owner, mine[owner])
                )
            else:
                leases.release("gate", owner, mine[owner])


def test_only_one_of_many_takes_a_free_camera(tmp_path: Path) -> None:
    with Database.at(tmp_path, busy_timeout_s=30) as database:
        leases = Leases(database)
        won: list[str] = []

        def take(owner: str) -> None:
            try:
                leases.take("gate", owner, 0.0, 10.0)
                won.append(owner)
            except LeaseHeld:
                return

        threads = [threading.Thread(target=take, args=(f"shard-{index}",)) for index in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(won) == 1
