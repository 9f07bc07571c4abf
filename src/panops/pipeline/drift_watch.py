"""Saves what a shard's cameras count, and says once a day which of them are not what they were."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass

from panops.config.health_schema import HealthConfig
from panops.domain.clock import Clock
from panops.domain.drift import Drift
from panops.domain.errors import StorageError
from panops.pipeline.camera_view import CameraView
from panops.storage.drift import DriftDays, DriftReport, day_of, days_before
from panops.storage.scope import Scope

log = logging.getLogger(__name__)

SAVE_EVERY_S = 3600.0
# Days of the reference are kept; all others for so long.
_KEPT_DAYS = 90


@dataclass(frozen=True, slots=True)
class FoundDrift:
    """A camera that is not what it was: what has changed, and a JPEG of the reference's first day (empty where there is none)."""

    drifts: tuple[Drift, ...]
    before: bytes


@dataclass(eq=False, slots=True)
class _Counted:
    view: CameraView
    config: HealthConfig
    saved_s: float
    judged_day: str = ""


class DriftWatch:
    """One shard's watch. `step` is called by one thread from time to time, everything else by any.

    Args:
        days: Where histograms are kept.
        clock: Time.
    """

    def __init__(self, days: DriftDays, clock: Clock) -> None:
        self._days = days
        self._clock = clock
        self._cameras: dict[str, _Counted] = {}
        self._leaving: list[tuple[str, _Counted]] = []
        self._found: dict[str, FoundDrift] = {}
        self._lock = threading.Lock()

    def add(self, camera_id: str, view: CameraView, config: HealthConfig) -> None:
        """A camera begins."""
        if config.drift:
            with self._lock:
                self._cameras[camera_id] = _Counted(view, config, self._clock.monotonic_s())

    def remove(self, camera_id: str) -> None:
        """A camera ends; what it has counted is saved at the next step."""
        with self._lock:
            counted = self._cameras.pop(camera_id, None)
            if counted is not None:
                self._leaving.append((camera_id, counted))
            self._found.pop(camera_id, None)

    def take(self, camera_id: str) -> FoundDrift | None:
        """What has been found of a camera since the last time; None mostly."""
        if not self._found:
            return None
        with self._lock:
            return self._found.pop(camera_id, None)

    def step(self, *, everything: bool = False) -> None:
        """Save what is due, and judge each camera once after a day is over.

        Args:
            everything: Save all now, because the process ends.
        """
        now_s, today = self._clock.monotonic_s(), day_of(self._clock.utc_s())
        with self._lock:
            leaving, self._leaving = self._leaving, []
            cameras = list(self._cameras.items())
        for camera_id, counted in leaving:
            self._save(camera_id, counted)
        for camera_id, counted in cameras:
            new_day = counted.judged_day != today
            if everything or new_day or now_s - counted.saved_s >= SAVE_EVERY_S:
                counted.saved_s = now_s
                if self._save(camera_id, counted) and new_day and not everything:
                    self._judge(camera_id, counted, today)

    def _save(self, camera_id: str, counted: _Counted) -> bool:
        """Add what was counted to the database; False when that did not work, and it waits for the next hour."""
        picture = counted.view.picture
        taken = counted.view.counts.take()
        try:
            for day in sorted(taken):
                self._days.add(camera_id, day, taken[day], picture.jpeg if picture is not None else b"")
                taken = {other: counts for other, counts in taken.items() if other != day}
        except StorageError as error:
            log.warning("camera %s: what was counted of it could not be saved: %s", camera_id, error)
            counted.view.counts.give_back(taken)
            return False
        return True

    def _judge(self, camera_id: str, counted: _Counted, today: str) -> None:
        config, everything = counted.config, Scope.everything()
        try:
            report = self._days.report(
                everything, camera_id, before=today, reference_from=config.reference_from, reference_days=config.reference_days
            )
            large = tuple(one for one in report.drifts if one.level == "large")
            if self._days.mark_told(camera_id, " ".join(one.quantity for one in large)) and large:
                found = FoundDrift(large, self._days.picture(everything, camera_id, config.reference_from))
                with self._lock:
                    self._found[camera_id] = found
            self._tidy(camera_id, report, config, today)
        except StorageError as error:
            log.warning("camera %s: its drift could not be looked at: %s", camera_id, error)
            return
        counted.judged_day = today

    def _tidy(self, camera_id: str, report: DriftReport, config: HealthConfig, today: str) -> None:
        if len(report.reference_days) >= config.reference_days:
            self._days.forget_before(camera_id, days_before(today, _KEPT_DAYS), report.reference_days[-1])
