"""Another version comes into use while cameras run."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from version_site import CLASSES, ScriptedPool, add_version, boxes, check_of, loop_of, store_of

from panops.domain.clock import SystemClock
from panops.domain.errors import DeviceError, ModelNotFound, ModelUnsupported
from panops.domain.frame import Frame
from panops.domain.tracks import Tracks
from panops.models.promotion import promote, roll_back, shadow
from panops.pipeline.analyst import Analyst
from panops.pipeline.camera_loop import CameraLoop
from panops.pipeline.model_watch import ModelWatch
from panops.pipeline.shadow import ShadowWatch
from panops.pipeline.track_looks import TrackLooks
from panops.tracking.tracker import BatchTracker


class Site:
    """Two cameras with `net`, in v1."""

    def __init__(self, root: Path) -> None:
        self.store = store_of(root, v1=CLASSES, v2=CLASSES, other=("person",), broken=CLASSES)
        sees = {version: lambda frame: boxes((0, 0, 10, 20, 0.9, 0)) for version in ("v1", "v2", "other")}
        self.pool = ScriptedPool(self.store, {**sees, "broken": ModelUnsupported("it needs an operator that nobody has")})
        self.loops: dict[str, CameraLoop] = {name: loop_of(self.pool.get("net"), name) for name in ("a", "b")}
        self.shadows = ShadowWatch(self.pool, SystemClock(), lambda: False)
        self.analyst = Analyst(BatchTracker(), self.loops)
        self.told: list[str] = []
        self.reassigned: list[str] = []
        self.lock = threading.Lock()
        self.watch = ModelWatch(self.pool, self.shadows, self.analyst, self.lock, self.told.append, self.reassigned.append)
        self.failed: list[str] = []
        for name, loop in self.loops.items():
            self.analyst.begin(loop)
            self.shadows.begin(name, "net")
        self.look()

    def look(self) -> None:
        self.watch.look(self.loops, dict.fromkeys([*self.loops, *self.failed], "net"), self.failed)

    @property
    def versions(self) -> set[str]:
        """What runs on the cameras."""
        loaded = self.pool.loaded("net")
        assert loaded is not None
        assert loaded.model is not None
        return {loaded.model.version if loop.detector is loaded.detector else "another" for loop in self.loops.values()}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_a_promoted_version_takes_over_between_two_rounds_without_losing_tracks(site: Site) -> None:
    for number in range(4):
        outcomes = list(site.analyst.round([check_of(site.loops["a"], number)]))
    before = outcomes[0].tracks.track_id.tolist()
    assert before
    promote(site.store, "net", "v2")
    site.look()
    assert site.versions == {"v2"}
    (outcome,) = site.analyst.round([check_of(site.loops["a"], 4)])
    assert outcome.tracks.track_id.tolist() == before
    roll_back(site.store, "net")
    site.look()
    assert (site.versions, site.reassigned, site.told) == ({"v1"}, [], [])


def test_who_looks_again_is_exchanged_too_whatever_its_classes(site: Site, tmp_path: Path) -> None:
    """Its model need not be one that any camera runs with."""
    add_version(site.store, tmp_path, "v1", name="strong")
    strong = site.pool.get("strong")
    for loop in site.loops.values():
        loop.second_model, loop.second_detector = "strong", strong
    site.look()
    assert all(loop.second_detector is strong for loop in site.loops.values())
    add_version(site.store, tmp_path, "other", ("person",), name="strong")
    promote(site.store, "strong", "other")
    site.look()
    loaded = site.pool.loaded("strong")
    assert loaded is not None
    assert loaded.detector is not strong
    assert all(loop.second_detector is loaded.detector for loop in site.loops.values())
    assert (site.reassigned, site.told) == ([], [])


def test_nothing_is_opened_while_nothing_is_decided(site: Site) -> None:
    opened = list(site.pool.opened)
    for _ in range(20):
        site.look()
    assert site.pool.opened == opened
    assert site.analyst.watch is None


def test_a_detector_is_not_exchanged_in_the_middle_of_a_round(site: Site) -> None:
    promote(site.store, "net", "v2")
    before = site.loops["a"].detector
    with site.lock:
        thread = threading.Thread(target=site.look)
        thread.start()
        thread.join(0.3)
        assert site.loops["a"].detector is before
    thread.join(5)
    assert site.versions == {"v2"}


class SlowLook:
    """A look whose newer model takes a while to open."""

    stage, lack, problem = "faces", "nothing is looked at", ""
    models: tuple[str, ...] = ()

    def __init__(self, rounds: threading.Lock) -> None:
        self._rounds = rounds
        self.newer = True
        self.held: list[tuple[str, bool]] = []

    def add(self, frame: Frame, tracks: Tracks) -> Tracks:
        return tracks

    def is_outdated(self, loaded: object) -> bool:
        self.held.append(("opened", self._rounds.locked()))
        return self.newer

    def renew(self, loaded: object) -> None:
        self.held.append(("taken up", self._rounds.locked()))
        self.newer = False


def test_rounds_of_analysis_do_not_wait_for_a_looks_models(site: Site) -> None:
    look = SlowLook(site.lock)
    site.loops["a"].looks = TrackLooks([look])
    site.look()
    site.look()
    assert look.held == [("opened", False), ("taken up", True), ("opened", False)]


def test_a_version_with_other_classes_has_its_cameras_assigned_anew_once(site: Site) -> None:
    promote(site.store, "net", "other")
    site.look()
    site.look()
    assert site.reassigned == ["a", "b"]
    assert all(loop.detector.classes == CLASSES for loop in site.loops.values())  # until they are, the one before goes on
    site.loops["a"] = loop_of(site.pool.get("net"), "a", (True,))
    site.look()
    assert site.reassigned == ["a", "b"]


def test_a_version_that_cannot_run_is_told_once_and_the_one_before_goes_on(site: Site) -> None:
    before = site.loops["a"].detector
    promote(site.store, "net", "broken")
    for _ in range(3):
        site.look()
    assert site.loops["a"].detector is before
    (said,) = site.told
    assert said == "the version of net that was chosen cannot be used: it needs an operator that nobody has; version v1 goes on"
    assert site.pool.opened.count("broken") == 1  # not tried again every second
    roll_back(site.store, "net")
    site.look()
    assert site.told == [said, ""]


def test_the_same_version_with_another_file(site: Site, tmp_path: Path) -> None:
    before = site.loops["a"].detector
    add_version(site.store, tmp_path, "v1", CLASSES, "anew")
    site.look()
    assert site.loops["a"].detector is not before


def test_a_camera_that_does_not_run_is_tried_again_after_a_decision(site: Site) -> None:
    site.failed = ["c"]
    site.look()
    site.look()
    assert site.reassigned == []
    promote(site.store, "net", "v2")
    site.look()
    site.look()
    assert site.reassigned == ["c"]


def look_until(site: Site, camera_ids: list[str]) -> None:
    """A model is tried on a thread of its own."""
    end_s = time.monotonic() + 10
    while site.reassigned != camera_ids and time.monotonic() < end_s:
        site.look()
        time.sleep(0.01)
    assert site.reassigned == camera_ids


def test_a_secondary_model_that_was_not_there_is_used_once_it_is(site: Site, tmp_path: Path) -> None:
    site.loops["a"] = loop_of(site.pool.get("net"), "a", secondary={"model": "hats"})
    for _ in range(5):
        site.look()
        time.sleep(0.01)
    assert site.reassigned == []
    add_version(site.store, tmp_path, "v1", name="hats")
    look_until(site, ["a"])
    site.look()
    assert site.reassigned == ["a"], "asked for once"


def test_who_should_look_again_and_was_not_there_does_once_it_is(site: Site, tmp_path: Path) -> None:
    site.loops["a"].second_model = "strong"
    for _ in range(5):
        site.look()
        time.sleep(0.01)
    assert site.reassigned == []
    add_version(site.store, tmp_path, "v1", name="strong")
    look_until(site, ["a"])
    assert site.loops["a"].second_detector is None, "its chain was told that nobody looks again: it begins anew with one who does"


def test_a_secondary_model_whose_device_failed_is_used_once_it_works(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("panops.pipeline.detectors._TRY_AGAIN_S", 0.0)
    add_version(site.store, tmp_path, "w1", name="hats")
    site.pool.sees["w1"] = DeviceError("its memory is full")
    site.loops["a"] = loop_of(site.pool.get("net"), "a", secondary={"model": "hats"})
    end_s = time.monotonic() + 10
    while site.pool.opened.count("w1") < 3 and time.monotonic() < end_s:
        site.look()
        time.sleep(0.01)
    assert site.pool.opened.count("w1") >= 3
    assert site.reassigned == [], "its camera is not interrupted by the tries"
    site.pool.sees["w1"] = site.pool.sees["v1"]
    look_until(site, ["a"])


def test_a_secondary_model_that_cannot_be_used_is_not_tried_every_second(site: Site, tmp_path: Path) -> None:
    add_version(site.store, tmp_path, "broken", name="hats")
    site.loops["a"] = loop_of(site.pool.get("net"), "a", secondary={"model": "hats"})
    for _ in range(20):
        site.look()
        time.sleep(0.01)
    assert (site.pool.opened.count("broken"), site.reassigned) == (1, [])


def test_a_model_that_is_here_and_can_never_do_what_it_should_restarts_no_camera(site: Site, tmp_path: Path) -> None:
    """A detector that is named as a classifier of heads, beside one that is not here yet."""
    add_version(site.store, tmp_path, "v1", name="hats")
    site.pool.part("hats")
    site.loops["a"] = loop_of(site.pool.get("net"), "a", secondary={"parts": {"head": "hats", "torso": "nobody"}})
    for _ in range(10):
        site.look()
        time.sleep(0.01)
    assert site.reassigned == []


def test_a_shadow_is_offered_frames_only_while_there_is_one(site: Site) -> None:
    shadow(site.store, "net", "v2")
    site.look()
    assert site.analyst.watch == site.shadows.offer
    shadow(site.store, "net", "")
    site.look()
    assert site.analyst.watch is None
    site.shadows.stop()


def test_a_fault_that_nobody_foresaw_does_not_silence_the_shard(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(name: str) -> None:
        raise RuntimeError("no idea")

    monkeypatch.setattr(site.pool, "refresh", fail)
    site.look()
    site.look()
    assert site.told == ["models cannot be looked after: no idea"]


def test_a_model_that_vanishes_is_told_and_goes_on(site: Site) -> None:
    promote(site.store, "net", "v2")
    site.store.remove("net", "v2", force=True)
    site.look()
    assert site.versions == {"v1"}
    site.store.remove("net", force=True)
    site.look()
    assert len(site.told) == 1
    assert "version v1 goes on" in site.told[0]
    with pytest.raises(ModelNotFound):
        site.store.get("net")
