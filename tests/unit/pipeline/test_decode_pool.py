"""Decode workers: every camera is served, never twice at once, and a fault of one hurts no other."""

from __future__ import annotations

import threading
import time
from collections import Counter

from panops.domain.clock import SystemClock
from panops.pipeline.decode_pool import DecodePool


def wait_until(condition: object, timeout_s: float = 5.0) -> bool:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if condition():  # type: ignore[operator]
            return True
        time.sleep(0.005)
    return False


def test_every_camera_is_served_and_never_on_two_threads() -> None:
    busy: set[str] = set()
    clashes: list[str] = []
    served: Counter[str] = Counter()
    lock = threading.Lock()

    def work(camera_id: str) -> None:
        with lock:
            if camera_id in busy:
                clashes.append(camera_id)
            busy.add(camera_id)
        time.sleep(0.001)
        with lock:
            busy.discard(camera_id)
            served[camera_id] += 1

    pool = DecodePool(work, SystemClock(), workers=3)
    pool.start()
    for _ in range(40):
        for camera in "abcdef":
            pool.notify(camera)
        time.sleep(0.002)
    assert wait_until(lambda: min(served[camera] for camera in "abcdef") >= 5)
    pool.stop()
    pool.stop()
    assert clashes == []


def test_a_notice_during_the_work_is_not_lost() -> None:
    started, go_on = threading.Event(), threading.Event()
    served: list[str] = []

    def work(camera_id: str) -> None:
        started.set()
        go_on.wait(5)
        served.append(camera_id)

    pool = DecodePool(work, SystemClock())
    pool.start()
    pool.notify("a")
    assert started.wait(5)
    pool.notify("a")
    go_on.set()
    assert wait_until(lambda: served == ["a", "a"])
    pool.stop()


def test_a_fault_of_one_camera_hurts_no_other() -> None:
    served: list[str] = []

    def work(camera_id: str) -> None:
        if camera_id == "bad":
            raise ValueError("broken beyond words")
        served.append(camera_id)

    pool = DecodePool(work, SystemClock())
    pool.start()
    for camera in ("bad", "good", "bad", "good"):
        pool.notify(camera)
        time.sleep(0.02)
    assert wait_until(lambda: served.count("good") >= 2)
    pool.stop()


def test_who_waited_longest_comes_first() -> None:
    blocked, go_on = threading.Event(), threading.Event()
    served: list[str] = []

    def work(camera_id: str) -> None:
        if camera_id == "first":
            blocked.set()
            go_on.wait(5)
        served.append(camera_id)

    pool = DecodePool(work, SystemClock())
    pool.start()
    pool.notify("first")
    assert blocked.wait(5)
    for camera in ("z", "m", "a"):
        pool.notify(camera)
        time.sleep(0.002)
    go_on.set()
    assert wait_until(lambda: len(served) == 4)
    pool.stop()
    assert served == ["first", "z", "m", "a"]
