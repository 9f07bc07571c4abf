"""What is really there: boxes and tracks of a frame, and the events that rules should find in a series of frames.

The events follow the words of the rules: somebody is where the middle of the lower edge of their box is, zones and lines are relative.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from panops.domain.boxes import ground_points
from panops.domain.geometry import Polygon, Tripwire
from panops.simulation.stances import Posture


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """What is true of a person beside their box.

    Attributes:
        wears: What they wear of `hardhat` and `vest`.
        posture: What they are doing.
        keypoints: (17, 3) float32: x and y in px, and 1 where the point is seen, else 0.
    """

    wears: tuple[str, ...]
    posture: Posture
    keypoints: NDArray[np.float32]


_NOBODY = Person((), "", np.zeros((17, 3), np.float32))


@dataclass(frozen=True, slots=True, eq=False)
class SceneTruth:
    """N objects of one frame. Arrays are read-only.

    Attributes:
        frame_index: The frame.
        time_s: Scene time, s: frame index over rate.
        size_wh: Picture size, px.
        track_id: (N,) int64, unique within a scene; vehicles that never move count too.
        class_name: COCO names, N of them.
        xyxy: (N, 4) float32 px, the whole object's box, hidden parts included, clipped to the picture.
        visible: (N,) float32 in 0..1, how much of the object's area is neither hidden nor outside the picture.
        ground: (N, 2) float64, relative: the middle of the lower edge of `xyxy`, as rules take it.
        wears: What each person wears of `hardhat` and `vest`, N of them; empty for what is no person.
        posture: What each person is doing, N of them; empty for what is no person.
        keypoints: (N, 17, 3) float32, COCO's points of each person: x and y in px, also outside of the picture, and 1 where the point is
            seen, else 0: when it is hidden by something, by the person themselves or outside. All 0 for what is no person.
    """

    frame_index: int
    time_s: float
    size_wh: tuple[int, int]
    track_id: NDArray[np.int64]
    class_name: tuple[str, ...]
    xyxy: NDArray[np.float32]
    visible: NDArray[np.float32]
    ground: NDArray[np.float64]
    wears: tuple[tuple[str, ...], ...]
    posture: tuple[Posture, ...]
    keypoints: NDArray[np.float32]

    def __post_init__(self) -> None:
        """Make the arrays read-only."""
        for array in (self.track_id, self.xyxy, self.visible, self.ground, self.keypoints):
            array.setflags(write=False)

    def __len__(self) -> int:
        """How many objects."""
        return len(self.track_id)

    @classmethod
    def of(
        cls,
        frame_index: int,
        time_s: float,
        size_wh: tuple[int, int],
        objects: Sequence[tuple[int, str, tuple[float, float, float, float], float]],
        people: Mapping[int, Person] | None = None,
    ) -> SceneTruth:
        """Truth from rows of track id, class name, unclipped box and visible share; what has no area in the picture is left out.

        Args:
            frame_index: The frame.
            time_s: Scene time, s.
            size_wh: Picture size, px.
            objects: The rows.
            people: What else is true of people, by track id.
        """
        width, height = size_wh
        xyxy = np.array([row[2] for row in objects], np.float32).reshape(-1, 4)
        xyxy = np.clip(xyxy, 0, np.array([width, height, width, height], np.float32))
        keep = np.flatnonzero(
            (xyxy[:, 2] - xyxy[:, 0] >= 1) & (xyxy[:, 3] - xyxy[:, 1] >= 1) & (np.array([row[3] for row in objects]) > 0)
        ).tolist()
        xyxy = xyxy[keep]
        known = [(people or {}).get(objects[i][0], _NOBODY) for i in keep]
        return cls(
            frame_index,
            time_s,
            size_wh,
            np.array([objects[i][0] for i in keep], np.int64),
            tuple(objects[i][1] for i in keep),
            xyxy,
            np.array([objects[i][3] for i in keep], np.float32),
            ground_points(xyxy).astype(np.float64) / np.array([width, height]),
            tuple(person.wears for person in known),
            tuple(person.posture for person in known),
            np.array([person.keypoints for person in known], np.float32).reshape(-1, 17, 3),
        )


@dataclass(frozen=True, slots=True)
class Stay:
    """Somebody was in a zone: from the first frame inside to the last one of an unbroken stay, s."""

    track_id: int
    class_name: str
    start_s: float
    end_s: float

    @property
    def seconds(self) -> float:
        """How long."""
        return self.end_s - self.start_s


@dataclass(frozen=True, slots=True)
class Crossing:
    """Somebody crossed a line between the frame before `time_s` and the one at it."""

    track_id: int
    class_name: str
    time_s: float
    direction: Literal["a_to_b", "b_to_a"]


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """All objects of a series of frames in one table, sorted by track and time."""

    track: NDArray[np.int64]
    class_name: NDArray[np.str_]
    time: NDArray[np.float64]
    frame: NDArray[np.int64]
    ground: NDArray[np.float64]
    posture: NDArray[np.str_]


def stays(
    series: Sequence[SceneTruth],
    zone: Polygon,
    classes: Collection[str] = ("person",),
    *,
    after_s: float = 0.0,
    gap_s: float = 0.0,
    min_visible: float = 0.25,
) -> list[Stay]:
    """Exact intrusion intervals: every unbroken stay in a zone of at least `after_s`.

    Args:
        series: Frames in order of time.
        zone: The zone.
        classes: Class names that count.
        after_s: Shorter stays are left out; with the loitering rule's dwell these are the loiterings.
        gap_s: Leaving, or being hidden, for up to this long does not break a stay.
        min_visible: Less visible objects count as not there.

    Returns:
        Stays by start time, then track id.
    """
    rows = _rows(series, classes, min_visible)
    return _unbroken(series, rows, zone.contains(rows.ground), after_s, gap_s)


def _unbroken(series: Sequence[SceneTruth], rows: _Rows, inside: NDArray[np.bool_], after_s: float, gap_s: float) -> list[Stay]:
    track, time, names = rows.track[inside], rows.time[inside], rows.class_name[inside]
    if len(track) == 0:
        return []
    steps = np.diff([truth.time_s for truth in series])
    step = float(steps.max()) if len(steps) else 0.0
    breaks = np.nonzero((np.diff(track) != 0) | (np.diff(time) > max(gap_s, 1.5 * step)))[0] + 1
    starts, ends = np.concatenate([[0], breaks]), np.concatenate([breaks, [len(track)]]) - 1
    found = [Stay(int(track[a]), str(names[a]), float(time[a]), float(time[b])) for a, b in zip(starts, ends, strict=True)]
    return sorted((stay for stay in found if stay.seconds >= after_s), key=lambda stay: (stay.start_s, stay.track_id))


def intrusions(series: Sequence[SceneTruth], zone: Polygon, classes: Collection[str] = ("person",), after_s: float = 1.0) -> list[Stay]:
    """The intrusions a rule with this zone, these classes and this dwell should raise; short gaps are bridged."""
    return stays(series, zone, classes, after_s=after_s, gap_s=1.0)


def loiterings(series: Sequence[SceneTruth], zone: Polygon, classes: Collection[str] = ("person",), after_s: float = 30.0) -> list[Stay]:
    """Stays of one and the same object of at least `after_s`; short gaps are bridged."""
    return stays(series, zone, classes, after_s=after_s, gap_s=1.0)


def postures(
    series: Sequence[SceneTruth],
    zone: Polygon | None,
    posture: Posture | Collection[Posture],
    after_s: float = 0.0,
    *,
    gap_s: float = 1.0,
    min_visible: float = 0.25,
) -> list[Stay]:
    """Who was in a posture from when to when.

    Args:
        series: Frames in order of time.
        zone: Where; None for anywhere.
        posture: Which; any of them where there are several.
        after_s: Shorter stays are left out.
        gap_s: Doing something else, leaving or being hidden for up to this long does not break a stay.
        min_visible: Less visible people count as not there.

    Returns:
        Stays by start time, then track id.
    """
    rows = _rows(series, ("person",), min_visible)
    wanted = np.isin(rows.posture, [posture] if isinstance(posture, str) else list(posture))
    if zone is not None:
        wanted &= zone.contains(rows.ground)
    return _unbroken(series, rows, wanted, after_s, gap_s)


def crossings(
    series: Sequence[SceneTruth], line: Tripwire, classes: Collection[str] = ("person",), min_visible: float = 0.25
) -> list[Crossing]:
    """Every step of an object across a line, by time, then track id; a step is from one frame to the next that shows it."""
    rows = _rows(series, classes, min_visible)
    if len(rows.track) < 2:
        return []
    same = rows.track[1:] == rows.track[:-1]
    before, after = rows.ground[:-1][same], rows.ground[1:][same]
    signs = line.crossings(before, after)
    hits = np.nonzero(same)[0][np.nonzero(signs)[0]] + 1
    found = [
        Crossing(int(rows.track[i]), str(rows.class_name[i]), float(rows.time[i]), "a_to_b" if sign > 0 else "b_to_a")
        for i, sign in zip(hits, signs[signs != 0], strict=True)
    ]
    return sorted(found, key=lambda crossing: (crossing.time_s, crossing.track_id))


def _rows(series: Sequence[SceneTruth], classes: Collection[str], min_visible: float) -> _Rows:
    counts = [len(truth) for truth in series]
    track = np.concatenate([truth.track_id for truth in series] or [np.zeros(0, np.int64)])
    names = np.array([name for truth in series for name in truth.class_name], dtype=np.str_)
    posture = np.array([name for truth in series for name in truth.posture], dtype=np.str_)
    time = np.repeat([truth.time_s for truth in series], counts).astype(np.float64)
    frame = np.repeat(np.arange(len(series)), counts)
    ground = np.concatenate([truth.ground for truth in series] or [np.zeros((0, 2))])
    visible = np.concatenate([truth.visible for truth in series] or [np.zeros(0, np.float32)])
    keep = np.nonzero(np.isin(names, list(classes)) & (visible >= min_visible))[0]
    order = keep[np.lexsort((time[keep], track[keep]))]
    return _Rows(track[order], names[order], time[order], frame[order], ground[order], posture[order])
