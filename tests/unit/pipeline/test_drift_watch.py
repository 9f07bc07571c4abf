"""A camera's days: what is counted, what is kept, and that a camera which is not what it was is told once."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from panops.config.health_schema import HealthConfig
from panops.config.schema import CameraConfig, SimulationConfig
from panops.domain.errors import StorageFull
from panops.domain.events import CAMERA_DRIFT, EventPhase
from panops.domain.frame import ArrayPixels, Frame
from panops.domain.tracks import Tracks
from panops.pipeline.camera_view import CameraView, LearntPicture
from panops.pipeline.drift_watch import DriftWatch
from panops.pipeline.health_events import HealthEvents
from panops.simulation.scene import Scene
from panops.storage.database import Database
from panops.storage.drift import DriftDays, day_of
from panops.storage.events import EventRepository
from panops.storage.records import ReviewStatus
from panops.storage.scope import SCOPE_NOTHING, Scope
from panops.testing.fake_clock import FakeClock

EVERYTHING = Scope.everything()
CLASSES = ("person", "car")
MIDNIGHT_S = 1_800_057_600.0  # 2027-01-16
DAY_S = 86400.0


@cache
def film(weather: str) -> list[tuple[NDArray[np.uint8], NDArray[np.float32]]]:
    """Three minutes of a busy street, a picture every five seconds, and its boxes."""
    scene = Scene(SimulationConfig(scene="street", weather=weather, seed=4, activity=8, rate_fps=0.2, size_wh=(160, 90)))
    return [(scene.render(index), np.array(scene.truth(index).xyxy)) for index in range(36)]


def tracks_of(boxes: NDArray[np.float32], look: int, dim: bool, rng: np.random.Generator) -> Tracks:
    """What a detector might make of a picture: the exact boxes, with lower scores where it is dark. Each look has new objects."""
    count = len(boxes)
    score = np.clip(rng.normal(0.55 if dim else 0.8, 0.08, count), 0, 1).astype(np.float32)
    ids, zeros, at_s = np.arange(count) + 1000 * look, np.zeros(count, np.int64), np.full(count, float(look))
    return Tracks("gate", float(look), ids, boxes, score, zeros, zeros, at_s, at_s, zeros)


class Site:
    """One camera's drift watch over a real database, day by day on simulated pictures."""

    def __init__(self, folder: Path) -> None:
        self.database = Database.at(folder).open()
        self.clock = FakeClock(MIDNIGHT_S)
        self.days = DriftDays(self.database)
        self.watch = DriftWatch(self.days, self.clock)
        self.config = HealthConfig(reference_days=3)
        self.begin()

    def begin(self) -> None:
        """The camera begins, as after a start of panops."""
        self.view = CameraView(self.config, clock=self.clock)
        self.view.picture = LearntPicture(b"how it was", 1.0)
        self.watch.add("gate", self.view, self.config)
        self.watch.step()

    def day(self, weather: str, looks: int = 700) -> None:
        """A day of pictures, cut short; the clock is after midnight then."""
        pictures = film(weather)
        rng = np.random.default_rng(int(self.clock.now_s))
        for look in range(looks):
            picture, boxes = pictures[look % len(pictures)]
            self.view.look(Frame("gate", look, 0.0, look * 5.0, ArrayPixels(picture)))
            self.view.counts.note_tracks(tracks_of(boxes, look, weather == "night", rng), CLASSES, (160, 90))
        self.clock.now_s += DAY_S
        self.watch.step()

    def levels(self) -> dict[str, str]:
        report = self.days.report(EVERYTHING, "gate", before=day_of(self.clock.now_s), reference_days=3)
        return {one.quantity: one.level for one in report.drifts}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.database.close()


def test_days_like_the_reference_are_no_drift_and_a_night_that_stays_is_told_once(site: Site) -> None:
    for _ in range(5):
        site.day("clear")
        assert site.watch.take("gate") is None
    assert {site.levels()[name] for name in ("brightness", "sharpness", "score", "box_size")} <= {"none", "moderate", "unknown"}
    assert site.levels()["brightness"] == "none"
    site.day("night")
    found = site.watch.take("gate")
    assert found is not None
    assert {"brightness", "score"} <= {one.quantity for one in found.drifts}
    assert found.before[:2] == b"\xff\xd8"  # how it was, once the view was learnt
    told = {one.quantity for one in found.drifts}
    site.begin()  # a restart does not tell it again
    site.day("night")
    again = site.watch.take("gate")
    assert again is None or {one.quantity for one in again.drifts} != told
    report = site.days.report(EVERYTHING, "gate", before=day_of(site.clock.now_s), reference_days=3)
    assert report.reference_days == ("2027-01-16", "2027-01-17", "2027-01-18")
    assert report.is_large


def test_an_event_says_what_has_changed(site: Site) -> None:
    for weather in ("clear", "clear", "clear", "night"):
        site.day(weather)
    found = site.watch.take("gate")
    assert found is not None
    events = HealthEvents("gate", CameraConfig.model_validate({"source": "a.mp4"}), 2, site.clock)
    (event,) = events.drifted(found.drifts)
    assert (event.event_id, event.rule_id, event.incident.kind, event.phase) == ("gate-2-h0", CAMERA_DRIFT, "camera_drift", EventPhase.END)
    assert float(event.incident.details["psi_brightness"] or 0) > 0.25
    EventRepository(site.database).save([event])


def test_counts_are_added_up_and_outlast_a_disk_that_was_full(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise StorageFull("no space")

    add = site.days.add
    monkeypatch.setattr(site.days, "add", full)
    site.view.counts.note_look(100.0, 0.3)
    site.watch.step(everything=True)
    monkeypatch.setattr(site.days, "add", add)
    site.view.counts.note_look(100.0, 0.3)
    site.watch.step(everything=True)
    site.watch.step(everything=True)
    report = site.days.report(EVERYTHING, "gate", before="2099-01-01", reference_days=1)
    assert {one.quantity: sum(one.then) for one in report.drifts if sum(one.then)} == {"brightness": 2, "sharpness": 2}


def test_an_object_that_stays_is_counted_once_a_minute(site: Site) -> None:
    one = np.ones(1, np.int64)
    for second in range(121):
        at_s = np.full(1, float(second))
        box = np.array([[0, 0, 32, 18]], np.float32)
        site.view.counts.note_tracks(
            Tracks("gate", float(second), one, box, np.array([0.85], np.float32), one * 0, one, at_s, at_s, one * 0), CLASSES, (320, 180)
        )
    (counts,) = site.view.counts.take().values()
    assert counts == {"score": {"0.8": 3}, "box_size": {"0.08": 3}, "class": {"person": 3}}


def test_a_camera_outside_the_scope_has_no_days(site: Site) -> None:
    site.days.add("gate", "2027-01-01", {"brightness": {"96": 5000}}, cv2.imencode(".jpg", np.zeros((8, 8, 3), np.uint8))[1].tobytes())
    report = site.days.report(SCOPE_NOTHING, "gate", before="2099-01-01")
    assert (report.reference_days, report.newest_days) == ((), ())
    assert site.days.picture(SCOPE_NOTHING, "gate") == b""
    assert site.days.picture(EVERYTHING, "gate")


def test_the_reference_can_be_chosen(site: Site) -> None:
    for day, word in (("2027-01-01", "32"), ("2027-01-02", "96"), ("2027-01-03", "96")):
        site.days.add("gate", day, {"brightness": {word: 5000}})
    learnt = site.days.report(EVERYTHING, "gate", before="2027-02-01", reference_days=1)
    chosen = site.days.report(EVERYTHING, "gate", before="2027-02-01", reference_from="2027-01-02", reference_days=1)
    assert (learnt.is_large, chosen.is_large) == (True, False)
    assert chosen.reference_days == ("2027-01-02",)


def test_reviews_are_counted_by_the_day_of_the_event(site: Site) -> None:
    repository = EventRepository(site.database)
    events = HealthEvents("gate", CameraConfig.model_validate({"source": "a.mp4"}), 1, site.clock)
    site.days.add("gate", day_of(site.clock.now_s), {"brightness": {"96": 1}})
    for status in (ReviewStatus.FALSE_ALARM, ReviewStatus.FALSE_ALARM, ReviewStatus.ACKNOWLEDGED):
        (event,) = events.drifted(())
        repository.save([event])
        repository.review(EVERYTHING, event.event_id, status=status, user="olga", at_s=site.clock.now_s)
    report = site.days.report(EVERYTHING, "gate", before="2099-01-01", reference_days=1)
    (verdict,) = [one for one in report.drifts if one.quantity == "verdict"]
    assert (verdict.bins, verdict.then) == (("true", "false"), (1, 2))


@pytest.mark.parametrize(("day", "counts"), [("today", {}), ("2027-01-01", {"beauty": {}})])
def test_what_is_no_day_or_quantity_is_refused(site: Site, day: str, counts: dict[str, dict[str, int]]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  the one of them is Python's own
        site.days.add("gate", day, counts)


def test_old_days_go_and_the_reference_stays(site: Site) -> None:
    for day in ("2027-01-01", "2027-01-02", "2027-01-03", "2027-01-09"):
        site.days.add("gate", day, {"brightness": {"96": 1}}, b"picture")
    site.days.mark_told("gate", "brightness")
    site.days.forget_before("gate", "2027-01-05", "2027-01-01")
    report = site.days.report(EVERYTHING, "gate", before="2099-01-01", reference_days=9)
    assert report.reference_days == ("2027-01-01", "2027-01-09")
    assert not site.days.mark_told("gate", "brightness")
    assert site.days.mark_told("gate", "")
