"""A version that looks on: what is counted, what it may cost, and that nothing of it reaches the cameras."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from version_site import (
    CLASSES,
    HandClock,
    ScriptedDetector,
    ScriptedPool,
    add_version,
    boxes,
    check_of,
    loop_of,
    observed,
    store_of,
)

from panops.domain.clock import Clock, SystemClock
from panops.domain.detections import Detections
from panops.domain.errors import ModelUnsupported
from panops.domain.frame import Frame
from panops.models.agreement import CameraAgreement, Pair, all_agreements
from panops.models.disagreement import disagreement_picture, disagreements
from panops.models.promotion import promote, shadow
from panops.models.store import ModelStore
from panops.pipeline.analyst import Analyst
from panops.pipeline.camera_loop import CameraLoop
from panops.pipeline.shadow import ShadowWatch
from panops.tracking.tracker import BatchTracker

SEEN = boxes((0, 0, 10, 20, 0.9, 0), (30, 10, 50, 30, 0.8, 1))


class Site:
    """One camera with `net` v1 in use and v2 looking on."""

    def __init__(self, root: Path, second: Callable[[Frame], Detections] | Exception, every: int = 1, clock: Clock | None = None) -> None:
        self.store = store_of(root, v1=CLASSES, v2=("car", "person"))
        self.busy = False
        self.pool = ScriptedPool(self.store, {"v1": lambda frame: SEEN, "v2": second})
        self.loop = loop_of(self.pool.get("net"), min_score=0.5)
        self.watch = ShadowWatch(self.pool, clock or SystemClock(), lambda: self.busy)
        self.watch.begin("cam", "net")
        shadow(self.store, "net", "v2", every=every)
        self.watch.follow("net")
        self.number = 0

    def look(self, times: int = 1, seen: Detections = SEEN, loop: CameraLoop | None = None) -> None:
        for _ in range(times):
            self.number += 1
            check = check_of(loop or self.loop, self.number)
            self.watch.offer(loop or self.loop, check, observed(check, seen), 0.004)
            wait_for(lambda: self.watch._job is None)
            self.watch._rest_until_s = float("-inf")

    def counted(self) -> CameraAgreement:
        self.watch.stop()
        found = all_agreements(self.store.folder / "net")
        (cameras,) = found.values()
        return cameras[0]


def wait_for(condition: Callable[[], bool], timeout_s: float = 5.0) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not condition() and time.monotonic() < deadline_s:
        time.sleep(0.001)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    # The classes of the shadow are in another order; the car is two thirds off, and a weak person is not said.
    made = Site(tmp_path, lambda frame: boxes((0, 1, 10, 21, 0.7, 1), (43, 10, 63, 30, 0.6, 0), (0, 40, 9, 47, 0.3, 1)))
    yield made
    made.watch.stop()


def test_what_both_saw_is_counted_by_class(site: Site) -> None:
    site.look(3)
    found = site.counted()
    assert (found.looks, found.since_s, found.until_s, found.errors, found.behind) == (3, 1e9 + 1, 1e9 + 3, 0, 0)
    person, car = found.classes["person"], found.classes["car"]
    assert (person.both, person.only_active, person.only_shadow) == (3, 0, 0)
    assert (car.both, car.only_active, car.only_shadow) == (0, 3, 3)
    assert person.active_scores.sum() == 3
    assert person.shadow_scores[[6, 14]].tolist() == [3, 3]  # .3 counts for the histogram, not for the boxes
    assert found.active_ms == pytest.approx(12.0)
    assert found.shadow_ms > 0


def test_it_sees_one_in_so_many_frames(tmp_path: Path) -> None:
    site = Site(tmp_path, lambda frame: SEEN, every=10)
    site.look(95)
    assert site.counted().looks == 9


def test_only_classes_that_are_followed_count(tmp_path: Path) -> None:
    site = Site(tmp_path, lambda frame: boxes((0, 0, 10, 20, 0.9, 1), (30, 10, 50, 30, 0.8, 0)))
    people = loop_of(site.loop.detector, followed=(True, False), min_score=0.5)
    site.look(1, boxes((0, 0, 10, 20, 0.9, 0)), people)
    assert list(site.counted().classes) == ["person"]


def test_a_shard_that_is_behind_lets_no_shadow_look(site: Site) -> None:
    site.busy = True
    site.look(4)
    found = site.counted()
    assert (found.looks, found.behind) == (0, 4)


def test_a_slow_shadow_rests_so_that_it_never_takes_a_core(tmp_path: Path) -> None:
    clock = HandClock()

    def slow(frame: Frame) -> Detections:
        clock.now_s += 2.0
        return SEEN

    site = Site(tmp_path, slow, clock=clock)
    looks = 0
    for number in range(400):
        before = clock.now_s
        check = check_of(site.loop, number)
        site.watch.offer(site.loop, check, observed(check, SEEN), 0.004)
        wait_for(lambda: site.watch._job is None)
        looks += clock.now_s > before
        clock.now_s += 0.1
    spent_s = 2.0 * looks
    assert looks > 2
    assert spent_s / (clock.now_s - 100.0) < 0.25


def test_one_that_hangs_holds_nobody_up(tmp_path: Path) -> None:
    release = threading.Event()

    def hang(frame: Frame) -> Detections:
        release.wait(20)
        return SEEN

    site = Site(tmp_path, hang)
    began_s = time.monotonic()
    for number in range(50):
        check = check_of(site.loop, number)
        site.watch.offer(site.loop, check, observed(check, SEEN), 0.004)
    assert time.monotonic() - began_s < 1.0
    release.set()
    assert site.counted().behind == 49


@pytest.mark.parametrize("error", [ModelUnsupported("the operator is missing"), ValueError("wrong shape"), MemoryError()])
def test_one_that_fails_is_switched_off_and_the_camera_goes_on(tmp_path: Path, caplog: pytest.LogCaptureFixture, error: Exception) -> None:
    def fail(frame: Frame) -> Detections:
        raise error

    site = Site(tmp_path, fail)
    analyst = Analyst(BatchTracker(), {"cam": site.loop})
    analyst.begin(site.loop)
    analyst.watch = site.watch.offer
    with caplog.at_level(logging.ERROR):
        for number in range(5):
            (outcome,) = analyst.round([check_of(site.loop, number)])
            assert len(outcome.tracks) == 2
            wait_for(lambda: site.watch._job is None)
    assert not site.watch.on
    assert len([record for record in caplog.records if "is switched off" in record.message]) == 1
    assert site.loop.counters.detector_errors == 0
    assert not site.loop.counters.dropped
    found = site.counted()
    assert (found.errors, found.looks, found.problem) == (1, 0, str(error) or "MemoryError")


def test_one_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    site = Site(tmp_path, ModelUnsupported("the file is damaged"))
    assert not site.watch.on
    site.look(2)
    found = site.counted()
    assert (found.looks, found.problem) == (0, "the file is damaged")


def test_counts_go_on_after_a_restart_and_end_with_another_file(site: Site, tmp_path: Path) -> None:
    site.look(2)
    site.watch.stop()
    again = ShadowWatch(site.pool, SystemClock(), lambda: False)
    again.begin("cam", "net")
    again.follow("net")
    site.watch = again
    site.look(1)
    assert site.counted().looks == 3
    add_version(site.store, tmp_path, "v2", ("car", "person"), "anew")
    again.follow("net")
    assert again.on
    last = ShadowWatch(site.pool, SystemClock(), lambda: False)
    last.begin("cam", "net")
    last.follow("net")
    site.watch = last
    site.look(1)
    assert site.counted().looks == 1


def test_it_is_followed_while_cameras_run(site: Site) -> None:
    site.look(1)
    shadow(site.store, "net", "")
    assert site.watch.on
    site.watch.follow("net")
    assert not site.watch.on
    site.look(5)
    shadow(site.store, "net", "v2", every=2)
    site.watch.follow("net")
    site.look(4)
    assert site.counted().looks == 3
    opened = list(site.pool.opened)
    for _ in range(10):
        site.watch.follow("net")
    assert site.pool.opened == opened  # nothing was decided, nothing is opened


def test_frames_of_another_detector_do_not_count(site: Site) -> None:
    """A camera that still waits for its new version is not compared under the wrong name."""
    other = loop_of(ScriptedDetector(CLASSES, lambda frame: SEEN))
    site.look(3, SEEN, other)
    assert site.watch._watched["cam"].found is None


def test_a_version_that_is_promoted_is_no_shadow_any_more(site: Site) -> None:
    site.look(1)
    promote(site.store, "net")
    site.pool.refresh("net")
    site.watch.follow("net")
    assert not site.watch.on


def test_a_disk_that_cannot_be_written_costs_the_counts_only(
    site: Site, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("panops.pipeline.shadow.save_agreement", full)
    site.look(2)
    with caplog.at_level(logging.WARNING):
        site.watch.save()
    assert "cannot be written" in caplog.text
    assert site.watch.on


def broken_store(store: ModelStore) -> None:
    (store.folder / "net" / "state.json").write_text("{")


def test_a_damaged_state_ends_the_shadow_and_nothing_else(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    broken_store(site.store)
    with caplog.at_level(logging.ERROR):
        site.watch.follow("net")
        site.watch.follow("net")
    assert not site.watch.on
    assert len(caplog.records) == 1


def test_a_frame_that_is_seen_differently_is_kept_once_a_minute(tmp_path: Path) -> None:
    clock = HandClock()
    site = Site(tmp_path, lambda frame: boxes((0, 0, 10, 20, 0.9, 1)), clock=clock)
    site.look(3)
    folder = site.store.folder / "net"
    (pair,) = all_agreements_after(site)
    (kept,) = disagreements(folder, pair)
    assert [one.class_name for one in kept.both] == ["person"]
    assert [one.class_name for one in kept.only_active] == ["car"]
    jpeg = disagreement_picture(folder, pair, "cam", kept.name)
    assert jpeg is not None
    assert jpeg.startswith(b"\xff\xd8")


def all_agreements_after(site: Site) -> list[Pair]:
    site.counted()
    return list(all_agreements(site.store.folder / "net"))
