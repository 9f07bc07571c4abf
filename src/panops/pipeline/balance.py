"""Which camera moves to another shard, and when: rarely, one at a time, and only when it is worth a reconnect.

Plain values in, at most one `Move` out; no clock, no process, no database. What keeps it from going to and fro:

- It begins only when the fullest shard has stood out for a while, and goes on until it is well below that mark (hysteresis).
- A camera is moved only if it takes no more than half of the difference of the two shards, so that they do not change places; or, where
  only a dearer one is there, if the fuller of the two is then below what it is now by as much as makes a shard stand out. The sum of
  squares of all loads falls with each such move, so with constant costs moves come to an end, also if costs are known only roughly.
- A camera that moved stays where it is for `stay_s`, whatever comes, and after each further move of a day for twice as long.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from panops.pipeline.placement import likely_costs

_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class BalanceSettings:
    """Set by code.

    Attributes:
        above_share: The fullest shard stands out when it has so much more than the mean, as a share of the mean ...
        above_cores: ... and at least so many cores more.
        enough_share: Evening ends when no shard has so much more than the mean, as a share ...
        enough_cores: ... or only so many cores more.
        settle_s: How long a shard must stand out before anything is moved.
        stay_s: A camera that moved stays for so long; twice as long if it moved twice within a day, and so on.
        pause_s: Time between two moves.
        busy_s: For how long a shard that is to be emptied, or has too many cameras, waits for those on which something goes on.
        most_cameras: A shard with so many is not given any more, and one with more than so many gives some away whatever they cost. Where
            somebody asked for fewer shards than that takes, it is a sixth more than the mean, and a third more.
    """

    above_share: float = 0.2
    above_cores: float = 0.05
    enough_share: float = 0.1
    enough_cores: float = 0.025
    settle_s: float = 60.0
    stay_s: float = 1800.0
    pause_s: float = 15.0
    busy_s: float = 600.0
    most_cameras: int = 64


@dataclass(frozen=True, slots=True)
class CameraLoad:
    """What the planner knows of a camera.

    Attributes:
        shard: Where it is.
        cost_cores: What it takes, measured for long enough to count; None before that.
        busy: Whether something is followed there, an event goes on, or did so a moment ago.
    """

    shard: int
    cost_cores: float | None = None
    busy: bool = False


@dataclass(frozen=True, slots=True)
class Move:
    """A camera's way to another shard.

    Attributes:
        camera_id: The camera.
        source: The shard that has it.
        target: The shard that gets it.
        reason: Why, in words for the log.
    """

    camera_id: str
    source: int
    target: int
    reason: str


class Balancer:
    """Plans moves, and remembers the ones before.

    Args:
        settings: When and how often.
    """

    def __init__(self, settings: BalanceSettings | None = None) -> None:
        self._settings = settings or BalanceSettings()
        self._history: dict[str, _History] = {}
        self._last_move_s = float("-inf")
        self._uneven_since_s: float | None = None
        self._evening = False
        self._surplus_since_s: float | None = None

    def plan(self, now_s: float, cameras: Mapping[str, CameraLoad], shards: Collection[int], leaving: Collection[int] = ()) -> Move | None:
        """The next move, if any; it counts as made.

        Args:
            now_s: Time, monotonic.
            cameras: All cameras that run.
            shards: The shards that work and may be given cameras.
            leaving: The shards that work and are to be emptied.
        """
        site = _Site(cameras, shards)
        self._history = {name: past for name, past in self._history.items() if name in cameras and now_s - past.moved_s < _DAY_S}
        self._look(now_s, site)
        surplus = [shard for shard in leaving if any(load.shard == shard for load in cameras.values())]
        surplus = surplus or site.crowded(self._settings.most_cameras)
        self._surplus_since_s = None if not surplus else now_s if self._surplus_since_s is None else self._surplus_since_s
        if len(site.count) < (1 if leaving else 2) or now_s - self._last_move_s < self._settings.pause_s:
            return None
        move = self._relieve(now_s, site, surplus, leaving) if surplus else None
        if move is None and self._evening:
            move = self._even_out(now_s, site)
        if move is not None:
            past = self._history.setdefault(move.camera_id, _History())
            past.moved_s = self._last_move_s = now_s
            past.moves += 1
        return move

    def _look(self, now_s: float, site: _Site) -> None:
        """Begin evening when a shard has stood out for long, end it when none does by much."""
        settings = self._settings
        if site.stands_out(settings.above_share, settings.above_cores):
            self._uneven_since_s = now_s if self._uneven_since_s is None else self._uneven_since_s
            self._evening = self._evening or now_s - self._uneven_since_s >= settings.settle_s
        else:
            self._uneven_since_s = None
            self._evening = self._evening and bool(site.stands_out(settings.enough_share, settings.enough_cores))

    def _even_out(self, now_s: float, site: _Site) -> Move | None:
        """A camera of the fullest shard that can be helped, to the emptiest one with room; the one that leaves the least to be done."""
        for source in site.stands_out(self._settings.enough_share, self._settings.enough_cores):
            target = self._target(site, source)
            if target is None:
                continue
            high, low = site.load_cores[source], site.load_cores[target]
            margin = max(self._settings.above_share * site.mean_cores, self._settings.above_cores)
            most = max((high - low) / 2, high - low - margin)
            wanted = min(high - site.mean_cores, site.mean_cores - low)
            fitting = [
                (abs(load.cost_cores - wanted), camera)
                for camera, load in site.cameras.items()
                if load.shard == source and not load.busy and not self._must_stay(now_s, camera)
                # One that takes next to nothing would be cut off for nothing.
                if load.cost_cores is not None and site.typical_cores(source) / 4 < load.cost_cores <= most
            ]
            if fitting:
                reason = f"process {source} takes {high:.2f} cores, {site.mean_cores:.2f} is the mean"
                return Move(min(fitting)[1], source, target, reason)
        return None

    def _relieve(self, now_s: float, site: _Site, surplus: Collection[int], leaving: Collection[int]) -> Move | None:
        """A camera out of a shard that is to be emptied or has too many; quiet ones first, the others when they have been waited for."""
        patient = self._surplus_since_s is not None and now_s - self._surplus_since_s < self._settings.busy_s
        waiting = sorted(
            (load.busy, -site.costs[camera], camera)
            for camera, load in site.cameras.items()
            if load.shard in surplus and not self._must_stay(now_s, camera, often=False) and not (load.busy and patient)
        )
        for _, _, camera in waiting:
            source = site.cameras[camera].shard
            target = self._target(site, source)
            if target is not None:
                reason = f"process {source} is to be stopped" if source in leaving else f"process {source} has {site.count[source]} cameras"
                return Move(camera, source, target, reason)
        return None

    def _must_stay(self, now_s: float, camera: str, *, often: bool = True) -> bool:
        """Whether a camera moved not long ago; `often` counts how often it did of late."""
        past = self._history.get(camera)
        if past is None:
            return False
        return now_s - past.moved_s < self._settings.stay_s * (2 ** (past.moves - 1) if often else 1)

    def _target(self, site: _Site, source: int) -> int | None:
        """The other shard with room that has the least load."""
        others = [shard for shard in site.with_room(self._settings.most_cameras) if shard != source]
        return min(others, key=lambda shard: (site.load_cores[shard], shard), default=None)


@dataclass(slots=True)
class _History:
    """When a camera moved last, and how often without a day between."""

    moved_s: float = 0.0
    moves: int = 0


class _Site:
    """Sums over the cameras of the shards that may be given some."""

    def __init__(self, cameras: Mapping[str, CameraLoad], shards: Collection[int]) -> None:
        self.cameras = cameras
        known = {camera: load.cost_cores for camera, load in cameras.items() if load.cost_cores is not None}
        self.costs = likely_costs(cameras, known)
        self.load_cores = dict.fromkeys(sorted(shards), 0.0)
        self.count = dict.fromkeys(sorted(shards), 0)
        for camera, load in cameras.items():
            if load.shard in self.count:
                self.load_cores[load.shard] += self.costs[camera]
                self.count[load.shard] += 1
        self.mean_cores = sum(self.load_cores.values()) / max(1, len(self.load_cores))
        self._nothing_known = not known

    def with_room(self, most_cameras: int) -> list[int]:
        """The shards that may be given a camera."""
        most = max(float(most_cameras), 7 / 6 * sum(self.count.values()) / max(1, len(self.count)))
        return [shard for shard, count in self.count.items() if count < most]

    def crowded(self, most_cameras: int) -> list[int]:
        """The shards with too many cameras; never one that was just given some, or cameras would go to and fro."""
        most = max(float(most_cameras), 4 / 3 * sum(self.count.values()) / max(1, len(self.count)))
        return [shard for shard, count in self.count.items() if count > most]

    def typical_cores(self, shard: int) -> float:
        """What a camera of this shard takes on average, cores."""
        return self.load_cores[shard] / max(1, self.count[shard])

    def stands_out(self, share: float, cores: float) -> list[int]:
        """The shards whose load is above the mean by more than a share of it and by more than so many cores, fullest first."""
        if self._nothing_known:
            return []
        above = {shard: load - self.mean_cores for shard, load in self.load_cores.items()}
        found = [shard for shard, more in above.items() if more > cores and more > share * self.mean_cores]
        return sorted(found, key=lambda shard: (-above[shard], shard))
