"""A shard's looks at whole pictures: on a thread of its own, one picture at a time, only while there is nothing else to do.

It also keeps what the looks said over time: means of five minutes in the database, for curves of areas.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from panops.config.rule_schema import AreaConfig
from panops.config.schema import CameraConfig
from panops.domain.area_names import plain_class
from panops.domain.areas import WHOLE, AreaLook
from panops.domain.clock import Clock
from panops.domain.errors import PanopsError, StorageError
from panops.domain.frame import Frame
from panops.pipeline.map_looks import MapLooks, MapModels
from panops.pipeline.stage_meter import StageMeter
from panops.storage.areas import SPAN_S, AreaRepository, AreaSpan

log = logging.getLogger(__name__)

# After a look the thread rests, so that maps take at most half of one core however many cameras want them.
_LARGEST_SHARE = 0.5
_SAVE_EVERY_S = 10.0
# A class that covers less of a zone in five minutes is not kept unless a rule asks for it: a map has many classes.
_LEAST_KEPT = 0.01
# What waits for a database that cannot be written; the oldest is given up.
_MOST_WAITING = 20_000


class MapWatch:
    """The `Mapper` of a shard. `ask` is called by the analysis thread, everything else by threads that may wait.

    Args:
        models: The models.
        areas: Where means are kept.
        clock: Time.
        busy: Whether there is so much to do that nobody should look.
        meter: Where the CPU time of the looks is added up.
    """

    def __init__(self, models: MapModels, areas: AreaRepository, clock: Clock, busy: Callable[[], bool], meter: StageMeter) -> None:
        self._models = models
        self._areas = areas
        self._clock = clock
        self._busy = busy
        self._meter = meter
        self._means: dict[str, AreaMeans] = {}
        self._waiting: list[AreaSpan] = []
        self._failing = False
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._job: tuple[MapLooks, Frame] | None = None
        self._rest_until_s = float("-inf")
        self._saved_s = clock.monotonic_s()
        self._stopping = False
        self._thread: threading.Thread | None = None

    def looks(self, camera_id: str, camera: CameraConfig, rules: Iterable[Any]) -> MapLooks | None:
        """The looks of a camera that begins; None where it wants none.

        Args:
            camera_id: The camera.
            camera: Its settings.
            rules: The configs of its rules; what they ask for is kept also where it covers nothing.
        """
        looks = MapLooks.of(camera, self)
        if looks is None:
            return None
        asked = [rule for rule in rules if isinstance(rule, AreaConfig)]
        wanted = frozenset((rule.zone or WHOLE, plain_class(name)) for rule in asked for name in rule.classes)
        with self._lock:
            self._means[camera_id] = AreaMeans(camera_id, wanted)
            if self._thread is None and not self._stopping:
                self._thread = threading.Thread(target=self._run, name="maps", daemon=True)
                self._thread.start()
        return looks

    def remove(self, camera_id: str) -> None:
        """A camera ends; what was counted of it is written soon."""
        with self._lock:
            means = self._means.pop(camera_id, None)
            if means is not None:
                self._waiting += means.take(None)

    @property
    def is_idle(self) -> bool:
        """Whether no picture is looked at."""
        return self._job is None

    def classes(self, model: str) -> tuple[str, ...]:
        """See `Mapper`."""
        return self._models.classes(model)

    def ask(self, looks: MapLooks, frame: Frame) -> bool:
        """See `Mapper`. Returns at once."""
        if self._job is not None or self._stopping or self._clock.monotonic_s() < self._rest_until_s or self._busy():
            return False
        self._job = (looks, frame)
        self._wake.set()
        return True

    def close(self, timeout_s: float = 5.0) -> None:
        """Write what was counted, and stop. Safe to call twice."""
        self._stopping = True
        self._wake.set()
        if self._thread is not None and self._thread.is_alive():
            self._thread.join(timeout_s)
        with self._lock:
            for means in self._means.values():
                self._waiting += means.take(None)
        self.save()
        if self._thread is None or not self._thread.is_alive():
            self._models.close()

    def save(self) -> None:
        """Write what is over. What the database does not take waits for the next time."""
        now = int(self._clock.utc_s() // SPAN_S)
        with self._lock:
            for means in self._means.values():
                self._waiting += means.take(now)
            waiting, self._waiting = self._waiting, []
        try:
            self._areas.add(waiting)
        except StorageError as error:
            if not self._failing:
                log.error("what covers zones cannot be stored, trying again: %s", error)
            self._failing = True
            with self._lock:
                self._waiting = [*waiting, *self._waiting][-_MOST_WAITING:]
        else:
            self._failing = False

    def _run(self) -> None:
        while not self._stopping:
            self._wake.wait(_SAVE_EVERY_S)
            self._wake.clear()
            job = self._job
            if job is not None:
                began_s, began_cpu_s = self._clock.monotonic_s(), time.thread_time()
                self._look(*job)
                self._meter.add("maps", time.thread_time() - began_cpu_s)
                now_s = self._clock.monotonic_s()
                self._rest_until_s = now_s + (now_s - began_s) * (1 / _LARGEST_SHARE - 1)
                self._job = None
            now_s = self._clock.monotonic_s()
            if now_s - self._saved_s >= _SAVE_EVERY_S:
                self._saved_s = now_s
                try:
                    self.save()
                except Exception:  # the thread serves all cameras
                    log.exception("what covers zones could not be stored")

    def _look(self, looks: MapLooks, frame: Frame) -> None:
        """One look; whatever goes wrong with it stays here."""
        try:
            look = looks.answer(frame, *self._models.look(looks.model, frame))
        except PanopsError as error:
            if looks.problem != str(error):
                log.error("camera %s: the model for maps %s: %s", frame.camera_id, looks.model, error)
            looks.fail(str(error))
            return
        except Exception as error:  # a model's fault that nobody foresaw
            log.exception("camera %s: a map could not be made", frame.camera_id)
            looks.fail(f"it failed: {error}")
            return
        with self._lock:
            means = self._means.get(frame.camera_id)
            if means is not None:
                means.add(look)


@dataclass(slots=True)
class AreaMeans:
    """What looks at one camera said, added up by spans.

    Args:
        camera_id: The camera.
        wanted: Zones and classes, in lower case, that are kept whatever they cover.
    """

    camera_id: str
    wanted: frozenset[tuple[str, str]] = frozenset()
    _spans: dict[tuple[int, tuple[str, ...], tuple[str, ...]], list[NDArray[np.float64]]] = field(default_factory=dict)

    def add(self, look: AreaLook) -> None:
        """Count a look."""
        key = (int(look.time_s // SPAN_S), look.zones, look.classes)
        share = look.share
        known = self._spans.get(key)
        if known is None:
            self._spans[key] = [np.ones(1), share.copy(), share.copy(), share.copy()]
            return
        known[0] += 1
        known[1] += share
        np.minimum(known[2], share, out=known[2])
        np.maximum(known[3], share, out=known[3])

    def take(self, before: int | None) -> list[AreaSpan]:
        """The spans before one, or all of them; they are not given again."""
        out: list[AreaSpan] = []
        for key in [key for key in self._spans if before is None or key[0] < before]:
            span, zones, classes = key
            looks, total, least, most = self._spans.pop(key)
            mean = total / looks
            for row, zone in enumerate(zones):
                for column, name in enumerate(classes):
                    if mean[row, column] >= _LEAST_KEPT or (zone, name.casefold()) in self.wanted:
                        shares = (mean[row, column], least[row, column], most[row, column])
                        if not np.isnan(shares[0]):
                            out.append(AreaSpan(span, self.camera_id, zone, name, int(looks[0]), *map(float, shares)))
        return out
