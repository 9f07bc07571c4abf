"""Looks at a camera's whole picture for what each part of it shows, every few seconds: how much of each zone a class covers.

The rules see the answer beside the tracks, at the check at which it has come. A look takes ten times as long as a detector's, so in a shard
a thread of its own makes it (`MapWatch`); `panops process` waits for it, so that its results do not depend on time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from panops.config.schema import CameraConfig, MapsConfig
from panops.domain.areas import WHOLE, AreaLook
from panops.domain.class_map import ClassMap
from panops.domain.errors import PanopsError
from panops.domain.frame import Frame
from panops.domain.geometry import Polygon
from panops.domain.tracks import Tracks
from panops.models.store import ModelStore
from panops.pipeline.model_file import open_model_file
from panops.vision.model_task import ModelTask
from panops.vision.registry import open_segmentation

_LACK = "nothing is known of areas (maps.model)"
# A look may come so much of `refresh_s` early: timestamps jitter.
_EARLY_SHARE = 0.05
# So many points at once are asked whether they lie in a zone.
_ROWS_AT_ONCE = 32


class Mapper(Protocol):
    """Makes maps of pictures."""

    def classes(self, model: str) -> tuple[str, ...]:
        """The class names of a model.

        Raises:
            ModelError: It is not here, or for something else.
        """
        ...

    def ask(self, looks: MapLooks, frame: Frame) -> bool:
        """Have a picture looked at; `looks.answer` or `looks.fail` is told what came of it, now or later. False where there is no room."""
        ...


class MapLooks:
    """One camera's. Used by the analysis thread, but for `answer` and `fail`, which the mapper calls once for each look that it took.

    Args:
        config: The model, and how often.
        zones: The camera's zones by name.
        mapper: Who looks.

    Attributes:
        model: The model's name.
        problem: Why the last look failed; empty when it did not.
        looks: How many looks were answered.
    """

    def __init__(self, config: MapsConfig, zones: Mapping[str, Polygon], mapper: Mapper) -> None:
        self.model = config.model
        self.problem = ""
        self.looks = 0
        self._refresh_s = config.refresh_s
        self._cells = ZoneCells(zones)
        self._mapper = mapper
        self._asked_s = -np.inf
        self._waits = False
        self._answer: AreaLook | None = None

    @classmethod
    def of(cls, camera: CameraConfig, mapper: Mapper) -> MapLooks | None:
        """Those that a camera's settings ask for; None where they ask for none."""
        if camera.maps is None:
            return None
        zones = {name: Polygon(name, np.array(zone.polygon)) for name, zone in camera.zones.items()}
        return cls(camera.maps, zones, mapper)

    @property
    def classes(self) -> tuple[str, ...] | None:
        """The model's class names; None where it cannot be used now, and then `problem` says why."""
        try:
            return self._mapper.classes(self.model)
        except PanopsError as error:
            self.problem = str(error)
            return None

    @property
    def trouble(self) -> str:
        """What is missing while it does not work, and why, for people; empty while it works."""
        return f"{_LACK}: {self.problem}" if self.problem else ""

    def add(self, frame: Frame, tracks: Tracks, *, hurried: bool) -> Tracks:
        """The tracks, with the areas where an answer has come; and a look, where it is time for one.

        Args:
            frame: The picture.
            tracks: Who is followed in it.
            hurried: Whether there is too much to do: then nobody looks.
        """
        elapsed_s = tracks.time_s - self._asked_s
        is_due = not 0 <= elapsed_s < self._refresh_s * (1 - _EARLY_SHARE)  # also where the camera's time began anew
        if is_due and not hurried and not self._waits:
            self._waits = True
            if self._mapper.ask(self, frame):
                self._asked_s = tracks.time_s
            else:
                self._waits = False
        answer = self._answer
        if answer is None:
            return tracks
        self._answer = None
        if answer.time_s > tracks.time_s:
            return tracks  # of before the camera's time went back
        return replace(tracks, areas=answer)

    def answer(self, frame: Frame, classes: tuple[str, ...], found: ClassMap) -> AreaLook:
        """What a look said; it is taken up at the next `add`. Any thread."""
        look = AreaLook(frame.captured_at_s, classes, self._cells.zones, self._cells.shares(found, len(classes)))
        self.looks += 1
        self.problem = ""
        self._answer = look
        self._waits = False
        return look

    def fail(self, problem: str) -> None:
        """A look failed. Any thread."""
        self.problem = problem
        self._waits = False


class ZoneCells:
    """Which cells of a map lie in each zone of a camera: worked out once for each size of map.

    Args:
        zones: The zones by name.

    Attributes:
        zones: Their names, the whole picture first.
    """

    def __init__(self, zones: Mapping[str, Polygon]) -> None:
        self._polygons = list(zones.values())
        self.zones = (WHOLE, *zones)
        self._shape = (0, 0)
        self._inside: list[NDArray[np.intp]] = []

    def shares(self, found: ClassMap, count: int) -> NDArray[np.float64]:
        """(Z, `count`) which share of each zone each class takes; NaN for a zone in which no cell has its middle."""
        if found.class_id.shape != self._shape:
            self._shape = (found.class_id.shape[0], found.class_id.shape[1])
            self._inside = [_cells_in(polygon, self._shape) for polygon in self._polygons]
        out = np.full((len(self.zones), count), np.nan)
        out[0] = found.shares(count)
        flat = found.class_id.ravel()
        for row, cells in enumerate(self._inside, 1):
            if len(cells):
                out[row] = np.bincount(flat[cells], minlength=count)[:count] / len(cells)
        return out


def _cells_in(polygon: Polygon, shape: tuple[int, int]) -> NDArray[np.intp]:
    """The cells, as places in the flat map, whose middle lies in a zone."""
    height, width = shape
    x = (np.arange(width) + 0.5) / width
    inside = np.zeros(shape, np.bool_)
    for top in range(0, height, _ROWS_AT_ONCE):
        y = (np.arange(top, min(height, top + _ROWS_AT_ONCE)) + 0.5) / height
        points = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
        inside[top : top + len(y)] = polygon.contains(points).reshape(len(y), width)
    return np.flatnonzero(inside)


class MapModels:
    """The segmentation models of one process, on the CPU: each is opened when it is first asked, and anew when another version is chosen.

    `classes` from any thread; `look` from one.

    Args:
        store: Where models are.
        threads: Threads a session.
    """

    def __init__(self, store: ModelStore, threads: int = 1) -> None:
        self._store = store
        self._threads = threads
        self._open: dict[str, tuple[tuple[int, int, int] | None, ModelTask[ClassMap]]] = {}

    def classes(self, model: str) -> tuple[str, ...]:
        """See `Mapper`."""
        manifest = self._store.get(model).manifest
        open_segmentation(manifest)
        return manifest.classes

    def look(self, model: str, frame: Frame) -> tuple[tuple[str, ...], ClassMap]:
        """The class names and the map of a picture.

        Raises:
            ModelError: The model is not here, cannot be run, or failed.
        """
        stamp = self._store.stamp(model)
        stands = self._open.get(model)
        if stands is None or stands[0] != stamp:
            stored = self._store.get(model)
            task = open_segmentation(stored.manifest)
            opened = ModelTask(stored.manifest, task, open_model_file(stored, threads=self._threads))
            if stands is not None:
                stands[1].close()
            stands = self._open[model] = (stamp, opened)
        return stands[1].classes, stands[1].run(frame)

    def close(self) -> None:
        """Free the models. Safe to call twice."""
        for _, task in self._open.values():
            task.close()
        self._open.clear()


class MapsInPlace:
    """A `Mapper` that looks at once: for files, whose results must not depend on time.

    Args:
        models: The models.
    """

    def __init__(self, models: MapModels) -> None:
        self._models = models

    def classes(self, model: str) -> tuple[str, ...]:
        """See `Mapper`."""
        return self._models.classes(model)

    def ask(self, looks: MapLooks, frame: Frame) -> bool:
        """See `Mapper`."""
        try:
            looks.answer(frame, *self._models.look(looks.model, frame))
        except PanopsError as error:
            looks.fail(str(error))
        return True
