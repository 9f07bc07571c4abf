"""What the rules of one camera know of it. What several rules need of the same tracks is worked out once and shared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from panops.domain.boxes import ground_points
from panops.domain.geometry import PointArray, Polygon, Tripwire
from panops.domain.ground_plane import GroundPlane
from panops.domain.tracks import Tracks, TrackState

ANY_CLASS = "any"
MOVING_CLASS = "moving"

Rows = NDArray[np.intp]
NO_ROWS: Rows = np.zeros(0, dtype=np.intp)


class Scene:
    """One camera as its rules see it. Not for several threads.

    Args:
        camera_id: The camera.
        size_wh: Picture width and height, px; boxes and points are divided by it.
        classes: Class names of the camera's model; the index is the `class_id`.
        zones: The camera's zones by name.
        lines: The camera's lines by name.
        ground_plane: The ground in metres, where that was measured.

    Raises:
        ValueError: The size is not positive.
    """

    def __init__(
        self,
        camera_id: str,
        size_wh: tuple[int, int],
        classes: Sequence[str],
        zones: Mapping[str, Polygon] | None = None,
        lines: Mapping[str, Tripwire] | None = None,
        ground_plane: GroundPlane | None = None,
    ) -> None:
        """Remember the camera; nothing is computed yet."""
        if min(size_wh) <= 0:
            raise ValueError(f"expected a picture size of at least 1x1 px, got {size_wh[0]}x{size_wh[1]}")
        self.camera_id = camera_id
        self.size_wh = size_wh
        self.classes = tuple(classes)
        self.zones = dict(zones or {})
        self.lines = dict(lines or {})
        self.ground_plane = ground_plane
        self.left_out: tuple[Polygon, ...] = ()
        self._scale = np.array(size_wh, dtype=np.float64)
        self._areas: dict[tuple[str | None, frozenset[int]], Area] = {}
        self._tracks: Tracks | None = None
        self._ground: PointArray = np.zeros((0, 2))
        self._sighted: NDArray[np.bool_] = np.zeros(0, dtype=np.bool_)

    def without(self, polygons: Sequence[Polygon]) -> Scene:
        """The same camera, with nobody in its areas who stands in one of these; itself where there are none."""
        if not polygons:
            return self
        less = Scene(self.camera_id, self.size_wh, self.classes, self.zones, self.lines, self.ground_plane)
        less.left_out = (*self.left_out, *polygons)
        return less

    def wanted(self, names: Sequence[str]) -> frozenset[int]:
        """The `class_id`s that `names` mean with this camera's model; upper and lower case are alike, unknown names add nothing.

        `any` means every class. Where the model is the zero-weight `motion` detector, whose only class is `moving`, that class stands in
        for every name: it cannot tell a person from a car, and a rule for persons would otherwise never fire.
        """
        folded = {name.strip().casefold() for name in names}
        if ANY_CLASS in folded or self.classes == (MOVING_CLASS,):
            return frozenset(range(len(self.classes)))
        return frozenset(index for index, name in enumerate(self.classes) if name.casefold() in folded)

    def area(self, zone: str | None, class_names: Sequence[str], without: Sequence[str] = ()) -> Area:
        """The part of the picture that `zone` names (None: all of it), for these classes; rules that ask for the same share it.

        Args:
            zone: Its name.
            class_names: The classes.
            without: Classes that are none of them, even where they are named or meant by `any`.

        Raises:
            KeyError: The camera has no zone of that name.
        """
        key = (zone, self.wanted(class_names) - (self.wanted(without) if without else frozenset()))
        if key not in self._areas:
            self._areas[key] = Area(self, None if zone is None else self.zones[zone], key[1])
        return self._areas[key]

    def class_name(self, class_id: int) -> str:
        """The name of a class, or empty for an id that the model does not have."""
        return self.classes[class_id] if 0 <= class_id < len(self.classes) else ""

    def only_class(self, names: Sequence[str]) -> str:
        """The class meant where `names` mean one only, else empty: for rules of which nobody may be the main object."""
        wanted = self.wanted(names)
        return self.class_name(next(iter(wanted))) if len(wanted) == 1 else ""

    def relative_box(self, xyxy: NDArray[np.float32]) -> tuple[float, float, float, float]:
        """One box (4,) in px as relative x1, y1, x2, y2, cut to the picture."""
        width, height = self.size_wh
        x1, y1, x2, y2 = (float(value) for value in xyxy)
        return _share(x1, width), _share(y1, height), _share(x2, width), _share(y2, height)

    def ground(self, tracks: Tracks) -> PointArray:
        """Relative ground points (N, 2) of all tracks."""
        self._look(tracks)
        return self._ground

    def sighted(self, tracks: Tracks) -> NDArray[np.bool_]:
        """(N,) bool: seen in this very frame, so neither a guess (lost) nor too young to be reported (tentative)."""
        self._look(tracks)
        return self._sighted

    def _look(self, tracks: Tracks) -> None:
        if tracks is self._tracks:
            return
        self._tracks = tracks
        self._ground = ground_points(tracks.xyxy) / self._scale
        self._sighted = tracks.state == TrackState.CONFIRMED.value


class Area:
    """A zone, or the whole picture, for some classes. Made by `Scene.area`."""

    def __init__(self, scene: Scene, polygon: Polygon | None, wanted: frozenset[int]) -> None:
        """Lay out the class table."""
        self._scene = scene
        self._polygon = polygon
        self._all_classes = len(wanted) == len(scene.classes)
        # One more row than classes: ids that the model should not give are clipped to it and are never wanted.
        self._is_wanted = np.isin(np.arange(len(scene.classes) + 1), sorted(wanted))
        self._tracks: Tracks | None = None
        self._rows = NO_ROWS

    def rows(self, tracks: Tracks) -> Rows:
        """Which rows of `tracks` (K,) are seen in this frame, of a wanted class, and stand (ground point) in the area."""
        if tracks is not self._tracks:
            self._tracks = tracks
            self._rows = self._find(tracks) if len(tracks) else NO_ROWS
        return self._rows

    def _find(self, tracks: Tracks) -> Rows:
        mask = self._scene.sighted(tracks)
        if not self._all_classes:
            mask = mask & self._is_wanted.take(tracks.class_id, mode="clip")
        if self._polygon is not None:
            mask = mask & self._polygon.contains(self._scene.ground(tracks))
        for polygon in self._scene.left_out:
            mask = mask & ~polygon.contains(self._scene.ground(tracks))
        return mask.nonzero()[0]


def _share(value: float, whole: int) -> float:
    return round(min(max(value / whole, 0.0), 1.0), 5)
