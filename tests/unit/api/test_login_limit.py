from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from panops.api.login_limit import LoginLimit, LoginLimits
from panops.testing.fake_clock import FakeClock

LIMITS = LoginLimits(window_s=100, per_pair=3, per_address=6, per_name=10)


def fail(limit: LoginLimit, count: int, address: str = "10.0.0.1", name: str = "ada") -> list[float]:
    return [limit.begin(address, name) for _ in range(count)]


def test_the_fourth_wrong_password_waits_until_the_first_is_forgotten() -> None:
    clock = FakeClock()
    limit = LoginLimit(clock, LIMITS)
    for expected in (0, 0, 0):
        assert limit.begin("10.0.0.1", "ada") == expected
        clock.now_s += 10
    assert limit.begin("10.0.0.1", "ADA") == 70  # names are the same in any case
    clock.now_s += 71
    assert limit.begin("10.0.0.1", "ada") == 0


def test_another_person_and_another_address_are_not_affected() -> None:
    limit = LoginLimit(FakeClock(), LIMITS)
    assert fail(limit, 4)[-1] > 0
    assert limit.begin("10.0.0.1", "vera") == 0
    assert limit.begin("10.0.0.2", "ada") == 0


def test_one_address_cannot_try_many_names() -> None:
    limit = LoginLimit(FakeClock(), LIMITS)
    assert [limit.begin("10.0.0.1", f"name{number}") > 0 for number in range(8)] == [False] * 6 + [True] * 2


def test_many_addresses_cannot_try_one_name_for_ever() -> None:
    limit = LoginLimit(FakeClock(), LIMITS)
    assert [limit.begin(f"10.0.0.{number}", "ada") > 0 for number in range(12)] == [False] * 10 + [True] * 2


def test_an_ipv6_network_counts_as_one_address() -> None:
    limit = LoginLimit(FakeClock(), LIMITS)
    assert [limit.begin(f"2001:db8::{number}", "ada") > 0 for number in range(1, 5)] == [False] * 3 + [True]
    assert limit.begin("2001:db8:0:1::1", "ada") == 0
    assert fail(LoginLimit(FakeClock(), LIMITS), 1, "::ffff:10.0.0.1") == [0]


def test_the_right_password_takes_its_attempt_and_earlier_ones_back() -> None:
    limit = LoginLimit(FakeClock(), LIMITS)
    fail(limit, 2)
    limit.begin("10.0.0.1", "ada")
    limit.succeeded("10.0.0.1", "ada")
    assert fail(limit, 4) == [0, 0, 0, 100]


def test_many_people_behind_one_address_may_sign_in() -> None:
    limit = LoginLimit(FakeClock(), LIMITS)
    for number in range(50):
        assert limit.begin("10.0.0.1", f"name{number}") == 0
        limit.succeeded("10.0.0.1", f"name{number}")


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.floats(0, 60), st.booleans()), max_size=60))
def test_no_pair_ever_fails_more_often_than_allowed_within_the_window(attempts: list[tuple[int, int, float, bool]]) -> None:
    clock = FakeClock()
    limit = LoginLimit(clock, LIMITS)
    failures: dict[tuple[int, int], list[float]] = {}
    for address, name, pause_s, right in attempts:
        clock.now_s += pause_s
        wait_s = limit.begin(f"10.0.0.{address}", str(name))
        if wait_s:
            assert 0 < wait_s <= LIMITS.window_s
        elif right:
            limit.succeeded(f"10.0.0.{address}", str(name))
            failures.pop((address, name), None)
        else:
            failures.setdefault((address, name), []).append(clock.now_s)
            recent = [at_s for at_s in failures[(address, name)] if at_s > clock.now_s - LIMITS.window_s]
            assert len(recent) <= LIMITS.per_pair


def test_memory_is_bounded() -> None:
    limit = LoginLimit(FakeClock(), LIMITS)
    for number in range(6000):
        limit.begin(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", str(number))
    assert len(limit._failures) <= 10_000
