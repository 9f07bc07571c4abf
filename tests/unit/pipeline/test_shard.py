"""A shard's joints: cameras that are changed while others look after them, and decoding that is fair."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from panops.config.schema import SiteConfig
from panops.domain.clock import SystemClock
from panops.domain.events import Event, EventPhase, EvidenceKind, Incident, Severity
from panops.domain.frame import Frame
from panops.domain.packets import Packet, StreamInfo
from panops.inference.nvidia import nvidia_gpus
from panops.ingest.camera_feed import CameraFeed
from panops.ingest.pending import PendingPackets
from panops.motion.sleep import SleepSchedule
from panops.motion.view import ViewFinding, ViewKind
from panops.pipeline import wire
from panops.pipeline.annotate import encode_jpeg
from panops.pipeline.camera_counters import Counters
from panops.pipeline.camera_loop import CameraLoop
from panops.pipeline.camera_turn import CameraTurn
from panops.pipeline.camera_view import LearntPicture
from panops.pipeline.check import Outcome
from panops.pipeline.health import HealthMeter
from panops.pipeline.link import ShardLink
from panops.pipeline.shard import Shard, _Camera
from panops.storage.database import Database
from panops.storage.events import EventRepository, StoredEvent
from panops.storage.evidence import EvidenceStore
from panops.storage.home import Home
from panops.storage.scope import Scope
from panops.testing.films import make_film

CAMERA = {"source": "/not/there.mp4", "model": "motion"}


def assignment(camera_id: str, epoch: int = 1, **changed: Any) -> dict[str, Any]:
    site = SiteConfig.model_validate({"cameras": {camera_id: {**CAMERA, **changed}}})
    return {**wire.assignment(site, camera_id), "epoch": epoch}


@pytest.fixture
def shard(tmp_path: Path) -> Iterator[Shard]:
    ours, theirs = socket.socketpair()
    database = Database.at(tmp_path).open()
    link = ShardLink(theirs)
    made = Shard(0, Home(tmp_path).create(), database, "motion", link)
    made.start()
    yield made
    made._cameras = {name: camera for name, camera in made._cameras.items() if isinstance(camera.loop, CameraLoop)}
    made.drain()
    link.close()
    ours.close()
    database.close()


def wait_for(condition: Callable[[], object], timeout_s: float = 8.0) -> bool:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.01)
    return False


class LateLock:
    """A lock before whose first holding something else comes to pass."""

    def __init__(self, before: Callable[[], None]) -> None:
        self._lock = threading.Lock()
        self._before: list[Callable[[], None]] = [before]

    def __enter__(self) -> None:
        if self._before:
            self._before.pop()()
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def test_a_camera_that_is_changed_while_its_events_are_ended_keeps_its_new_settings(shard: Shard, monkeypatch: pytest.MonkeyPatch) -> None:
    shard.assign(assignment("cam"))
    old = shard._loops["cam"]
    old.checked_s = -1e6
    monkeypatch.setattr(CameraLoop, "has_open_events", property(lambda loop: loop is old))
    begun: list[CameraLoop] = []
    begin = shard._analyst.begin
    monkeypatch.setattr(shard._analyst, "begin", lambda loop: (begun.append(loop), begin(loop))[1])
    shard._analysis.between_rounds = LateLock(lambda: shard.assign(assignment("cam", 2)))  # type: ignore[assignment]
    shard._end_events_of_silent_cameras()
    assert begun == [shard._loops["cam"]]
    assert begun != [old]


class SlowLoop:
    """Stands for a camera whose pictures take long to decode."""

    newest = slept_from_s = keyframe_interval_s = None
    stirs = replaying = False
    sleep = SleepSchedule("never")

    def __init__(self, name: str, served: list[str], picture_s: float) -> None:
        self._name, self._served, self._picture_s = name, served, picture_s
        self.camera_id, self.counters = name, Counters()

    def frames(self, packets: Iterable[Packet], info: StreamInfo) -> Iterator[Frame]:
        for _ in packets:
            time.sleep(self._picture_s)
            self._served.append(self._name)
        return iter(())


def test_a_camera_that_is_too_heavy_does_not_starve_the_others(shard: Shard) -> None:
    served: list[str] = []
    for name, count, picture_s in (("heavy", 200, 0.005), ("light", 1, 0.0)):
        pending = PendingPackets()
        for number in range(count):
            pending.append(Packet(number / 30, number / 30, number == 0, 100, 0, None))
        feed = SimpleNamespace(
            info="known",
            keyframe_interval_s=None,
            keyframe_waited_s=0.0,
            take_pending=pending.take,
            catch_up=lambda before_s: 0,
            stop=lambda: True,
            cpu_s=0.0,
        )
        loop = SlowLoop(name, served, picture_s)
        turn = CameraTurn(feed, loop, shard._analysis, shard._previewer, shard._meter.stages, SystemClock())  # type: ignore[arg-type]
        shard._cameras[name] = _Camera(feed, loop, "motion", HealthMeter(), turn=turn)  # type: ignore[arg-type]
    shard._pool.notify("heavy")
    assert wait_for(lambda: served)
    shard._pool.notify("light")
    assert wait_for(lambda: len(served) == 201)  # and none is forgotten
    assert served.index("light") <= 20


def test_at_the_end_every_camera_is_stopped_once_and_all_at_once(shard: Shard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that hangs while it connects takes its time once, and not a second time of its own after all others."""
    stopped: list[str] = []

    def hangs(feed: CameraFeed) -> bool:
        stopped.append(feed.camera_id)
        time.sleep(0.5)
        return False

    for number in range(6):
        shard.assign(assignment(f"cam{number}"))
    feeds = [camera.feed for camera in shard._cameras.values()]
    stop = CameraFeed.stop
    monkeypatch.setattr(CameraFeed, "stop", hangs)
    began_s = time.monotonic()
    shard.drain()
    assert sorted(stopped) == [f"cam{number}" for number in range(6)]
    assert time.monotonic() - began_s < 2.5
    assert shard.statuses() == []
    monkeypatch.setattr(CameraFeed, "stop", stop)
    for feed in feeds:
        assert feed is not None
        feed.stop()


def test_a_detector_is_loaded_before_its_camera_comes(shard: Shard) -> None:
    assert shard.prepare(assignment("cam")) == ""
    assert shard._detectors.loaded("motion") is not None
    assert shard._cameras == {}
    assert "nothing-of-that-name" in shard.prepare(assignment("cam", model="nothing-of-that-name"))


def test_a_single_picture_is_not_missed(shard: Shard, tmp_path: Path) -> None:
    # All that a camera sends may be there before its assignment is over.
    run_camera = shard._run_camera

    def slowly(*arguments: Any) -> _Camera:
        made = run_camera(*arguments)
        time.sleep(0.7)
        return made

    shard._run_camera = slowly  # type: ignore[method-assign]
    film = make_film(tmp_path / "one.mp4", count=1)
    shard.assign(assignment("cam", source=str(film)))
    assert wait_for(lambda: shard._loops["cam"].counters.decoded == 1, 3.0)


def test_the_device_of_the_site_reaches_its_cameras(shard: Shard, tmp_path: Path) -> None:
    """A device that is not there is one sentence on the camera; another one takes over when the site says so."""
    if nvidia_gpus().names:
        pytest.skip("this machine has a GPU")

    def assign(device: str, epoch: int) -> str:
        site = SiteConfig.model_validate({"device": device, "cameras": {"cam": {**CAMERA, "model": "street"}}})
        shard.assign({**wire.assignment(site, "cam"), "epoch": epoch})
        (status,) = shard.statuses()
        return status.message

    assert "cuda:1 cannot be used: there is no NVIDIA driver here" in assign("cuda:1", 1)
    assert "NVIDIA" not in assign("cpu", 2)
    assert "tensorrt cannot be used" in assign("tensorrt", 3)


def test_a_camera_that_is_not_to_be_analysed_is_read_and_shown_and_its_rules_see_nothing(shard: Shard, tmp_path: Path) -> None:
    site = SiteConfig.model_validate(
        {
            "cameras": {"cam": {**CAMERA, "source": "sim://yard?seed=3&activity=12&rate_fps=10"}},
            "rules": [{"id": "nobody", "kind": "absence", "classes": ["person"], "after_s": 0.2}],
        }
    )
    shard.assign({**wire.assignment(site, "cam"), "epoch": 1, "detect": False})
    loop = shard._loops["cam"]
    assert wait_for(lambda: loop.counters.checks > 3 and loop.newest is not None, 20)
    (status,) = shard.statuses()
    assert (status.detects, status.analysed, loop.has_open_events) == (False, 0, False)  # nobody looked, so "nobody there" is no finding
    shard.detect("cam", on=True)
    assert wait_for(lambda: loop.counters.analysed > 0 and loop.has_open_events, 20)
    shard.detect("cam", on=False)
    assert (loop.has_open_events, shard.statuses()[0].detects) == (False, False)
    checks, analysed = loop.counters.checks, loop.counters.analysed
    assert wait_for(lambda: loop.counters.checks > checks + 3, 20)
    assert loop.counters.analysed == analysed
    assert shard._loops["cam"] is loop
    shard.detect("nobody", on=False)  # it went away meanwhile


def test_a_camera_is_said_not_to_be_analysed_once_the_ends_of_its_events_are_stored(shard: Shard, monkeypatch: pytest.MonkeyPatch) -> None:
    events = shard._writer._repository
    shard.assign(assignment("cam"))
    loop = shard._loops["cam"]
    begun = Event("cam-1-1", "cam", "r", Severity.ALARM, Incident("k", EventPhase.BEGIN, "intrusion", "person", "", (1,), 0.9, 1.0, 2.0))
    events.save([begun])
    monkeypatch.setattr(loop, "finish", lambda: [begun.ended(3.0)])
    save, may = events.save, threading.Event()

    def held_up(*what: Any) -> None:
        assert may.wait(30)
        save(*what)

    monkeypatch.setattr(events, "save", held_up)
    monkeypatch.setattr("panops.pipeline.shard._STORED_WITHIN_S", 30.0)
    switching = threading.Thread(target=shard.detect, args=("cam",), kwargs={"on": False})
    switching.start()
    assert wait_for(lambda: not loop.detects, 20)
    assert (shard.statuses()[0].detects, events.counts(Scope.everything()).open) == (True, 1)
    may.set()
    switching.join(20)
    assert (shard.statuses()[0].detects, events.counts(Scope.everything()).open) == (False, 0)
    monkeypatch.undo()  # its end is not to come once more


def test_people_who_are_masked_are_followed_where_the_rules_ask_for_cars(shard: Shard, monkeypatch: pytest.MonkeyPatch) -> None:
    detector = SimpleNamespace(classes=("person", "car", "bird"), forget=lambda _camera_id: None)
    monkeypatch.setattr(shard._detectors, "get", lambda _name: detector)
    for epoch, (privacy, followed) in enumerate([({}, {"car"}), ({"mask_persons": ["live"], "person_model": ""}, {"person", "car"})], 1):
        cameras = {"cam": {**CAMERA, "privacy": privacy}}
        site = SiteConfig.model_validate({"cameras": cameras, "rules": [{"id": "cars", "kind": "intrusion", "classes": ["car"]}]})
        shard.assign({**wire.assignment(site, "cam"), "epoch": epoch})
        assert shard._loops["cam"].followed_names == followed


def test_a_shard_whose_device_is_dead_falls_silent(shard: Shard, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[dict[str, Any]] = []
    monkeypatch.setattr(shard._link, "send", lambda message, *_, **__: said.append(message) or True)
    shard.report()
    assert [message["type"] for message in said] == ["status"]
    monkeypatch.setattr(type(shard._detectors), "dead_s", property(lambda _: 31.0))
    shard.report()
    assert len(said) == 1


def test_a_camera_without_pictures_is_an_event(shard: Shard, tmp_path: Path) -> None:
    """From the connection that fails to the database, and its end when the camera goes."""
    events = EventRepository(shard._writer._repository._database)  # type: ignore[attr-defined]
    shard.assign(assignment("cam", 3, health={"blind_s": 0.2}))

    def found() -> list[StoredEvent]:
        shard.report()
        return list(events.search(Scope.everything()).events)

    assert wait_for(found)
    (stored,) = found()
    assert (stored.event.event_id, stored.event.rule_id, stored.event.incident.kind) == ("cam-3-h0", "camera_health", "camera_blind")
    assert stored.event.phase is not EventPhase.END
    shard.drop("cam")
    assert wait_for(lambda: events.search(Scope.everything()).events[0].event.phase is EventPhase.END)


def test_a_covered_camera_is_an_event_with_its_picture_of_before(shard: Shard, tmp_path: Path) -> None:
    database = shard._writer._repository._database  # type: ignore[attr-defined]
    film = make_film(tmp_path / "cam.mp4", count=20, rate_fps=10)
    shard.assign(assignment("cam", 3, source=str(film), loop=True))
    assert wait_for(lambda: shard._loops["cam"].newest is not None)
    view = shard._loops["cam"].view
    assert view is not None
    view.picture = LearntPicture(encode_jpeg(np.full((90, 160, 3), 220, np.uint8), 80), 1.0)
    view.watch.finding = ViewFinding(ViewKind.COVERED, time.time() - 10, 1.0)
    shard.report()
    evidence = EvidenceStore(database, tmp_path / "evidence")

    def annotated() -> Path | None:
        return evidence.path(Scope.everything(), "cam-3-h0", EvidenceKind.ANNOTATED)

    assert wait_for(annotated)
    path = annotated()
    assert path is not None
    both = cv2.imread(str(path))
    width, height = shard._loops["cam"].newest.size_wh  # type: ignore[union-attr]
    assert both.shape == (height, 2 * width, 3)
    assert float(both[height // 2 :, : width // 2].mean()) == pytest.approx(220, abs=3)


def test_the_picture_of_an_event_of_the_camera_itself_is_hidden_where_people_are_masked(
    shard: Shard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For nobody looked for people in it."""
    noted: list[Outcome] = []
    monkeypatch.setattr(shard._recorder, "note", noted.append)
    film = make_film(tmp_path / "cam.mp4", count=20, rate_fps=10)
    shard.assign(assignment("cam", 3, source=str(film), loop=True))
    assert wait_for(lambda: shard._loops["cam"].newest is not None)
    view = shard._loops["cam"].view
    assert view is not None
    view.watch.finding = ViewFinding(ViewKind.COVERED, time.time() - 10, 1.0)
    shard.report()
    assert [outcome.is_blind for outcome in noted if outcome.events] == [True]
