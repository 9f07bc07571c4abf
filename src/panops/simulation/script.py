"""Who is where when: arrivals by chance but the same for the same seed, ways with pauses, and where on them somebody is at a moment.

Time is cut into slots. Each slot's arrivals come from a generator of its own, so that any moment can be looked at without those before it.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from panops.simulation.deeds import Deed, deed_of
from panops.simulation.noise import generator
from panops.simulation.people import WORKERS
from panops.simulation.scenery import SIGNAL_S, Site, Way

FloatArray = NDArray[np.float64]
Kind = Literal["person", "vehicle", "cycle", "cat", "bird"]

SLOT_S = 20.0
LONGEST_S = 180.0  # nobody stays longer: what is farther back need not be looked at
_PER_SLOT = 64  # ids a slot has to give away
_HEADWAY_S = 6.0
_SPEED = {"walk": (1.05, 1.6), "drive": (7.0, 7.0), "cycle": (4.2, 4.2), "cat": (0.7, 1.3), "bird": (4.5, 7.0)}
_KIND: dict[str, Kind] = {"walk": "person", "drive": "vehicle", "cycle": "cycle", "cat": "cat", "bird": "bird"}


@dataclass(frozen=True, slots=True, eq=False)
class Actor:
    """Somebody or something that comes, moves and goes.

    Attributes:
        track_id: Its number, unique within the scene.
        kind: What it is.
        look: The number of its look.
        start_s: When it appears.
        end_s: When it has gone.
        path: Ground points (P, 2) along its way, m.
        along: (P,) distance from the start of the way, m.
        heading: (P,) unwrapped heading, rad from the z axis towards x.
        knots_s: (K,) times after `start_s` at which the speed changes.
        knots_m: (K,) how far along the way it then is.
        speed: Metres a second while it moves.
        passes: From when until when the barrier must be up for it, s after `start_s`, or None.
        deed: What it does on its way, or None.
    """

    track_id: int
    kind: Kind
    look: int
    start_s: float
    end_s: float
    path: FloatArray
    along: FloatArray
    heading: FloatArray
    knots_s: FloatArray
    knots_m: FloatArray
    speed: float
    passes: tuple[float, float] | None = None
    deed: Deed | None = None

    def at(self, time_s: float) -> Where | None:
        """Where it is at `time_s` of the scene, or None when it is not there."""
        if not self.start_s <= time_s < self.end_s:
            return None
        local = time_s - self.start_s
        distance = float(np.interp(local, self.knots_s, self.knots_m))
        ahead = float(np.interp(local + 0.05, self.knots_s, self.knots_m))
        x = float(np.interp(distance, self.along, self.path[:, 0]))
        z = float(np.interp(distance, self.along, self.path[:, 1]))
        heading = float(np.interp(distance, self.along, self.heading))
        return Where(x, z, heading, distance, ahead > distance + 1e-4)


@dataclass(frozen=True, slots=True)
class Where:
    """A place on a way.

    Attributes:
        x: To the right, m.
        z: Away from the camera, m.
        heading: Which way it faces, rad from the z axis towards x.
        distance: How far it has come, m: what steps and wheels turn by.
        moving: Whether it moves.
    """

    x: float
    z: float
    heading: float
    distance: float
    moving: bool


class Script:
    """All arrivals of a scene.

    Args:
        site: The ways.
        seed: Which of many scripts.
        activity: About how many walkers and vehicles come a minute; 0 for nobody.
        workers: The share of walkers, 0 to 1, who are dressed for a building site.
        deeds: The share of walkers, 0 to 1, who do something on their way.
        climbs: The share of those, 0 to 1, who climb up or jump where they stand.
    """

    def __init__(self, site: Site, seed: int, activity: float, workers: float = 0.0, deeds: float = 0.0, climbs: float = 0.0) -> None:
        """Nothing is worked out yet."""
        self._workers = workers
        self._deeds = deeds
        self._climbs = climbs
        self._site = site
        self._seed = seed
        self._activity = activity
        self._slots: OrderedDict[int, tuple[Actor, ...]] = OrderedDict()

    def present(self, time_s: float) -> list[tuple[Actor, Where]]:
        """Everybody who is there at `time_s`, by track id."""
        last = math.floor(time_s / SLOT_S)
        first = math.floor((time_s - LONGEST_S) / SLOT_S)
        found = []
        for number in range(first, last + 1):
            for actor in self._slot(number):
                where = actor.at(time_s)
                if where is not None:
                    found.append((actor, where))
        return found

    def _slot(self, number: int) -> tuple[Actor, ...]:
        known = self._slots.get(number)
        if known is None:
            known = self._arrivals(number)
            self._slots[number] = known
            while len(self._slots) > 4 * int(LONGEST_S / SLOT_S):
                self._slots.popitem(last=False)
        return known

    def _arrivals(self, number: int) -> tuple[Actor, ...]:
        if self._activity <= 0:
            return ()
        rng = generator("script", self._site.name, self._seed, number)
        main = [way for way in self._site.ways if way.traffic in ("walk", "drive", "cycle")]
        animals = [way for way in self._site.ways if way.traffic in ("cat", "bird")]
        actors: list[Actor] = []
        count = min(int(rng.poisson(self._activity * SLOT_S / 60)), 24)
        times = np.sort(rng.uniform(0, SLOT_S, count))
        picks = [self._pick(main, rng) for _ in range(count)]
        if number == 0 and "walk" not in [way.traffic for way in picks]:
            # Whoever opens the demo sees somebody within seconds.
            walks = [way for way in main if way.traffic == "walk"]
            picks, times = [self._pick(walks, rng), *picks], np.concatenate([[0.5], times])
        busy: dict[int, float] = {}
        for time, way in zip(times, picks, strict=True):
            key = id(way)
            moment = float(time)
            if way.traffic in ("drive", "cycle"):
                # Vehicles on one lane keep their distance, so that none drives through another.
                moment = max(moment, busy.get(key, -_HEADWAY_S / 2) + _HEADWAY_S)
                if moment > SLOT_S - _HEADWAY_S / 2:
                    continue
                busy[key] = moment
            actors.append(self._actor(number, len(actors), way, moment, rng))
        for _ in range(int(rng.poisson(0.25 * min(self._activity, 4) * SLOT_S / 60))):
            if animals:
                actors.append(self._actor(number, len(actors), self._pick(animals, rng), float(rng.uniform(0, SLOT_S)), rng))
        return tuple(actors)

    def _pick(self, ways: list[Way], rng: np.random.Generator) -> Way:
        weights = np.array([way.weight for way in ways])
        return ways[int(rng.choice(len(ways), p=weights / weights.sum()))]

    def _actor(self, slot: int, index: int, way: Way, moment: float, rng: np.random.Generator) -> Actor:
        reverse = way.both and not way.back and rng.random() < 0.5
        points = np.array(way.points[::-1] if reverse else way.points, np.float64)
        if way.traffic in ("walk", "cat"):
            points = points + rng.normal(0, way.spread_m / 2, points.shape)
        path = _smooth(points, 1.2 if way.traffic != "drive" else 3.0)
        if way.back:
            path = np.concatenate([path, path[-2::-1]])
        along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(path, axis=0).T))])
        steps = np.gradient(path, axis=0) if not way.back else np.diff(path, axis=0, append=path[-1:])
        if way.back:
            steps[-1] = steps[-2]
        heading = np.unwrap(np.arctan2(steps[:, 0], steps[:, 1]))
        length = float(along[-1])
        low, high = _SPEED[way.traffic]
        speed = float(rng.uniform(low, high))
        stops = self._stops(way, length, reverse, rng)
        arrives = slot * SLOT_S + moment
        start, obeyed = _obey(way, arrives, stops, length, speed, reverse)
        knots_s, knots_m, passes = _timetable(obeyed, length, speed, way.bound)
        # Slots before the scene's beginning have ids of their own, and none is negative or zero.
        track_id = (2 * slot if slot >= 0 else -2 * slot - 1) * _PER_SLOT + index + 1
        deed = None
        if way.traffic == "walk":
            kerb = _kerb(way, length, reverse)
            deed = deed_of(self._site, self._seed, track_id, self._deeds, path, along, heading, kerb, self._climbs)
        if deed is not None:
            _, obeyed = _obey(way, arrives, sorted([*stops, (deed.place_m, deed.seconds)]), length, speed, reverse)
            later_s, later_m, _ = _timetable(obeyed, length, speed, way.bound)
            if start + float(later_s[-1]) < slot * SLOT_S + LONGEST_S:
                knots_s, knots_m = later_s, later_m
                deed = replace(deed, begins_s=float(knots_s[np.searchsorted(knots_m, deed.place_m)]))
            else:  # they would be gone before they have arrived
                deed = None
        look = int(rng.integers(WORKERS))
        if way.traffic == "walk" and look < self._workers * WORKERS:
            look += WORKERS
        return Actor(
            track_id, _KIND[way.traffic], look, start,
            min(start + float(knots_s[-1]), slot * SLOT_S + LONGEST_S), path, along, heading, knots_s, knots_m, speed, passes, deed,
        )  # fmt: skip

    def _stops(self, way: Way, length: float, reverse: bool, rng: np.random.Generator) -> list[tuple[float, float]]:
        """Where (m along the way) it stands, and how long (s)."""
        stops = []
        for share, likely, longest in way.stops:
            if rng.random() < likely:
                place = (1 - share if reverse else share) * (0.5 if way.back else 1.0) + (0.0 if way.bound else rng.normal(0, 0.01))
                stops.append((float(np.clip(place, 0.01, 0.99)) * length, float(rng.uniform(0.35, 1.0)) * longest))
        return sorted(stops)


def _obey(
    way: Way, start: float, stops: list[tuple[float, float]], length: float, speed: float, reverse: bool
) -> tuple[float, list[tuple[float, float]]]:
    """Keep to the signal: whoever walks waits at the kerb, whoever drives comes when it is open."""
    if way.signal is None:
        return start, stops
    _, opens, closes = way.signal
    place = _kerb(way, length, reverse) or 0.0
    before = sum(seconds for where, seconds in stops if where < place)
    reaches = (start + place / speed + before) % SIGNAL_S
    wait = 0.0 if opens <= reaches < closes else (opens - reaches) % SIGNAL_S
    if way.traffic == "walk":
        return start, sorted([*stops, (place, wait)]) if wait else stops
    # Squeezed into the open time instead of shifted to its start: two that are shifted would meet there.
    inside = opens + (closes - opens) * reaches / SIGNAL_S
    return start + inside - reaches, stops


def _kerb(way: Way, length: float, reverse: bool) -> float | None:
    """How far along the way, m, one waits for the signal, or None where there is none."""
    if way.signal is None:
        return None
    place = (1 - way.signal[0] if reverse else way.signal[0]) * length
    return max(0.0, place - 11.3) if way.traffic == "walk" and reverse else place  # the other kerb


def _smooth(points: FloatArray, radius: float) -> FloatArray:
    """A dense path (P, 2) through the way's points with its corners rounded over about `radius` m."""
    lengths = np.hypot(*np.diff(points, axis=0).T)
    along = np.concatenate([[0.0], np.cumsum(lengths)])
    count = max(8, int(along[-1] / 0.25))
    dense = np.linspace(0, along[-1], count)
    path = np.stack([np.interp(dense, along, points[:, 0]), np.interp(dense, along, points[:, 1])], axis=1)
    reach = max(1, round(radius / (along[-1] / count)))
    window = np.hanning(2 * reach + 3)[1:-1]
    window /= window.sum()
    # Mirrored at the ends, so that the path begins and ends where it should.
    padded = np.concatenate([2 * path[0] - path[reach:0:-1], path, 2 * path[-1] - path[-2 : -reach - 2 : -1]])
    return np.stack([np.convolve(padded[:, i], window, "valid") for i in range(2)], axis=1)


def _timetable(
    stops: list[tuple[float, float]], length: float, speed: float, bound: bool
) -> tuple[FloatArray, FloatArray, tuple[float, float] | None]:
    """Times and distances at which the speed changes, and when a barrier must be up."""
    times, places = [0.0], [0.0]
    passes = None
    for place, seconds in stops:
        arrive = times[-1] + (place - places[-1]) / speed
        if bound:
            # A vehicle brakes over some metres and pulls away again.
            slow = min(6.0, place - places[-1])
            times += [arrive - slow / speed, arrive + slow / speed, arrive + slow / speed + seconds]
            places += [place - slow, place, place]
            passes = (times[-1] - 2.0, times[-1] + 4.5)
            times.append(times[-1] + 2.5)
            places.append(place + 0.5 * speed * 1.2)
        else:
            times += [arrive, arrive + seconds]
            places += [place, place]
    times.append(times[-1] + (length - places[-1]) / speed)
    places.append(length)
    return np.array(times), np.array(places), passes
