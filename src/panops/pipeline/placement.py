"""How many shards a site has, and which of them a camera begins in."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from math import ceil
from statistics import median

MOST_CAMERAS_A_SHARD = 56
# Below this a second process would only cost memory.
_FEWEST_CAMERAS_A_SHARD = 12
# One detector's thread has that much room before its checks begin to wait.
_MOST_CORES_A_SHARD = 0.7
# A smaller number of shards must also do for a site that is so much larger: it would otherwise be undone by the next camera.
_HEADROOM = 1.25


def shard_count(cameras: int, cores: int, wanted: int = 0, load_cores: float = 0.0) -> int:
    """How many shards carry `cameras` cameras on a machine of `cores` cores.

    Never more sessions in one than a process demuxes cheaply (`MOST_CAMERAS_A_SHARD`); beyond that one a core at most, as far as the
    number of cameras or what they were measured to cost is worth it; one alone for a small site.

    Args:
        cameras: How many cameras there are.
        cores: How many cores the process may use.
        wanted: A number that the user set; 0 when there is none.
        load_cores: What the cameras were measured to take together, cores; 0.0 while that is not known.
    """
    if wanted:
        return wanted
    for_sessions = -(-cameras // MOST_CAMERAS_A_SHARD)
    # No more than there are cameras: a camera cannot be shared.
    for_load = max(-(-cameras // _FEWEST_CAMERAS_A_SHARD), min(cameras, ceil(load_cores / _MOST_CORES_A_SHARD)))
    return max(1, for_sessions, min(max(1, cores), for_load))


class SiteSize:
    """The number of shards over time: more at once when cameras come, fewer only when the site has been small for long.

    Args:
        cores: How many cores the product may use.
        shrink_after_s: For how long fewer shards must have been enough.
        grow_after_s: For how long the measured load must have asked for more.
    """

    def __init__(self, cores: int, shrink_after_s: float = 600.0, grow_after_s: float = 60.0) -> None:
        self._cores = cores
        self._shrink_after_s = shrink_after_s
        self._grow_after_s = grow_after_s
        self._small_since_s: float | None = None
        self._loaded_since_s: float | None = None

    def shards(self, now_s: float, cameras: int, current: int, wanted: int = 0, load_cores: float = 0.0) -> int:
        """How many there should be now.

        Args:
            now_s: Time, monotonic.
            cameras: How many cameras run.
            current: How many shards there are, without those that are being emptied.
            wanted: A number that the user set, which is obeyed at once; 0 when there is none.
            load_cores: As for `shard_count`.
        """
        by_number = shard_count(cameras, self._cores, wanted)
        if wanted or by_number > current:
            self._small_since_s = self._loaded_since_s = None
            return by_number
        by_load = shard_count(cameras, self._cores, 0, load_cores)
        self._loaded_since_s = _since(self._loaded_since_s, by_load > current, now_s)
        if self._loaded_since_s is not None and now_s - self._loaded_since_s >= self._grow_after_s:
            return by_load
        enough = shard_count(ceil(cameras * _HEADROOM), self._cores, 0, load_cores * _HEADROOM)
        self._small_since_s = _since(self._small_since_s, enough < current, now_s)
        if self._small_since_s is not None and now_s - self._small_since_s >= self._shrink_after_s:
            return enough
        return current


def _since(before_s: float | None, holds: bool, now_s: float) -> float | None:
    """Since when something holds, or None while it does not."""
    if not holds:
        return None
    return now_s if before_s is None else before_s


def likely_costs(cameras: Iterable[str], known: Mapping[str, float]) -> dict[str, float]:
    """What each camera costs, cores; one that nobody measured yet counts as the median of the known ones, and 1.0 when there are none."""
    cameras = list(cameras)
    measured = [known[camera] for camera in cameras if camera in known]
    guess = median(measured) if measured else 1.0
    return {camera: known.get(camera, guess) for camera in cameras}


def place(
    cameras: Iterable[str],
    shards: Collection[int],
    current: Mapping[str, int],
    known: Mapping[str, float] | None = None,
    leaving: Collection[int] = (),
) -> dict[str, int]:
    """Give every camera a shard; those that have one stay, new ones go where the measured load is least and there is room.

    Args:
        cameras: The cameras that should run.
        shards: The numbers of the shards that take cameras; at least one.
        current: The shard of each camera now.
        known: What cameras were measured to cost, cores; see `likely_costs`.
        leaving: Shards that keep what they have for now, and take no more.
    """
    wanted = sorted(cameras)
    placed = {camera: current[camera] for camera in wanted if current.get(camera) in shards or current.get(camera) in leaving}
    costs = likely_costs(wanted, known or {})
    load_cores = dict.fromkeys(shards, 0.0)
    count = dict.fromkeys(shards, 0)
    for camera, shard in placed.items():
        if shard in count:
            load_cores[shard] += costs[camera]
            count[shard] += 1
    for camera in wanted:
        if camera not in placed:
            # All full: a camera that costs more than it should is still better than one that is not watched.
            shard = min(count, key=lambda index: (count[index] >= MOST_CAMERAS_A_SHARD, load_cores[index], count[index], index))
            placed[camera] = shard
            load_cores[shard] += costs[camera]
            count[shard] += 1
    return placed
