"""What cameras cost and whether something goes on there, over minutes: what the balance of the shards is planned by."""

from __future__ import annotations

from collections.abc import Mapping

from panops.pipeline.balance import CameraLoad
from panops.pipeline.live import CameraState, CameraStatus

# A passer-by doubles what a camera takes; where it belongs is settled by the last minutes.
_OVER_S = 300.0
# The clip of an event goes on for some seconds after it.
_BUSY_FOR_S = 20.0


class CameraCosts:
    """Averages over the statuses that shards send. A camera keeps what is known of it when it moves or cannot be reached.

    Args:
        young_s: A shard's measurement counts once it has gone on for so long.
    """

    def __init__(self, young_s: float = 60.0) -> None:
        self._young_s = young_s
        self._cost_cores: dict[str, float] = {}
        self._over_s: dict[str, float] = {}
        self._told_s: dict[str, float] = {}
        self._busy_s: dict[str, float] = {}

    @property
    def known(self) -> Mapping[str, float]:
        """What cameras cost, cores; those that were never measured for long enough are not in it."""
        return self._cost_cores

    def note(self, status: CameraStatus, now_s: float) -> None:
        """Take in what a shard says of a camera.

        Args:
            status: The camera's status.
            now_s: Time, monotonic.
        """
        camera_id = status.camera_id
        if status.tracks or status.has_open_events:
            self._busy_s[camera_id] = now_s
        if status.state is not CameraState.LIVE or status.cost_over_s < self._young_s:
            return  # a camera that cannot be reached costs nothing now, and as much as before once it is back
        elapsed_s = min(now_s - self._told_s.get(camera_id, now_s), self._young_s)
        self._told_s[camera_id] = now_s
        over_s = self._over_s[camera_id] = self._over_s.get(camera_id, status.cost_over_s) + elapsed_s
        before_cores = self._cost_cores.setdefault(camera_id, status.cost_cores)
        self._cost_cores[camera_id] = before_cores + elapsed_s / min(over_s, _OVER_S) * (status.cost_cores - before_cores)

    def forget(self, camera_id: str) -> None:
        """Drop what is known of a camera that is gone."""
        for kept in (self._cost_cores, self._over_s, self._told_s, self._busy_s):
            kept.pop(camera_id, None)

    def loads(self, placement: Mapping[str, int], now_s: float) -> dict[str, CameraLoad]:
        """What the planner needs to know of each camera.

        Args:
            placement: The shard of each camera.
            now_s: Time, monotonic.
        """
        return {
            camera_id: CameraLoad(shard, self._cost_cores.get(camera_id), now_s - self._busy_s.get(camera_id, float("-inf")) < _BUSY_FOR_S)
            for camera_id, shard in placement.items()
        }

    def load_cores(self, placement: Mapping[str, int]) -> float:
        """What the cameras take together, as far as it is known, cores."""
        return sum(self._cost_cores.get(camera_id, 0.0) for camera_id in placement)
