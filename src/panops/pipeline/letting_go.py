"""Which cameras that run no more have yet to be let go by their processes."""

from __future__ import annotations

from collections.abc import Collection


class LettingGo:
    """Cameras that a process was told to drop, until it says that it has, or is gone: till then it may hold their connections."""

    def __init__(self) -> None:
        self._shards: dict[str, tuple[int, int | None]] = {}

    @property
    def cameras(self) -> frozenset[str]:
        """All of them."""
        return frozenset(self._shards)

    def within(self, shards: Collection[int]) -> dict[str, int]:
        """The shard of each camera that one of `shards` has yet to let go."""
        return {camera_id: shard for camera_id, (shard, _) in self._shards.items() if shard in shards}

    def told(self, camera_id: str, shard: int, epoch: int | None) -> None:
        """A shard was told to drop a camera, which it ran in that epoch (None: in none that holds)."""
        self._shards[camera_id] = (shard, epoch)

    def dropped(self, camera_id: str, epoch: int | None) -> None:
        """A shard has dropped a camera. If it was told so again since, in another epoch, this is not the answer to that."""
        if camera_id in self._shards and self._shards[camera_id][1] == epoch:
            del self._shards[camera_id]

    def ended(self, shard: int) -> None:
        """A shard's process is gone, and with it all that it held."""
        self._shards = {camera_id: told for camera_id, told in self._shards.items() if told[0] != shard}
