"""Which shard owns which camera."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

MOST_CAMERAS_A_SHARD = 56


def shard_count(cameras: int, cores: int, wanted: int = 0) -> int:
    """How many shards carry `cameras` cameras on a machine of `cores` cores.

    About two a core at most, never more sessions in one than a process demuxes cheaply (`MOST_CAMERAS_A_SHARD`), and one alone for a small
    site, where a second would only cost memory.

    Args:
        cameras: How many cameras there are.
        cores: How many cores the process may use.
        wanted: A number that the user set; 0 when there is none.
    """
    if wanted:
        return wanted
    for_sessions = -(-cameras // MOST_CAMERAS_A_SHARD)
    for_cores = min(max(1, cores), -(-cameras // 12))
    return max(1, for_sessions, for_cores)


def place(cameras: Iterable[str], shards: int, current: Mapping[str, int]) -> dict[str, int]:
    """Give every camera a shard; those that have one stay, new ones go where there are fewest.

    Args:
        cameras: The cameras that should run.
        shards: How many shards there are, numbered from 0.
        current: The shard of each camera now.
    """
    wanted = sorted(cameras)
    placed = {camera: current[camera] for camera in wanted if 0 <= current.get(camera, -1) < shards}
    load = Counter(dict.fromkeys(range(shards), 0))
    load.update(placed.values())
    for camera in wanted:
        if camera not in placed:
            index = min(load, key=lambda shard: (load[shard], shard))
            placed[camera] = index
            load[index] += 1
    return placed
