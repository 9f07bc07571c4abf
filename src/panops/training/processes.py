"""Several processes that share each batch: one a GPU, joined by torch's DDP; and the single process, for which there is nothing to do."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from types import TracebackType
from typing import Self, TypeVar

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

from panops.domain.errors import PanopsError

Result = TypeVar("Result")

# One process measures while the others wait for their next step.
_LONGEST_WAIT = timedelta(hours=2)


class Team:
    """A training in a single process.

    Attributes:
        rank: This process among all; the first one writes files and speaks.
        world: How many processes there are.
    """

    rank = 0
    world = 1

    def wrapped(self, module: nn.Module) -> nn.Module:
        """The module, so that gradients are those of all processes."""
        return module

    def mean(self, value: float) -> float:
        """The mean over all processes."""
        return value

    def largest(self, value: int) -> int:
        """The largest over all processes: a decision that one of them takes is taken by all."""
        return value


def led(team: Team, do: Callable[[], Result]) -> Result | None:
    """The first process does it while the others wait for it; where it fails, they end with it.

    Returns:
        What it gave; None in the other processes.

    Raises:
        LeaderFailed: In the other processes, where the first one failed.
    """
    if team.rank:
        if team.largest(0):
            raise LeaderFailed("the first process could not begin; it says why")
        return None
    try:
        result = do()
    except BaseException:
        team.largest(1)
        raise
    team.largest(0)
    return result


class LeaderFailed(PanopsError):
    """The process that prepares a training for all of them could not."""


class DistributedTeam(Team):
    """The processes that `torchrun` started. Use it in a `with` statement.

    Args:
        device: Where this process runs; every process sees its own GPU.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        distributed.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=_LONGEST_WAIT)
        self.rank = distributed.get_rank()
        self.world = distributed.get_world_size()

    def __enter__(self) -> Self:
        """Ready."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Leave the group."""
        distributed.destroy_process_group()

    def wrapped(self, module: nn.Module) -> nn.Module:
        """In torch's DDP; on GPUs batch normalisation looks at the whole batch, not at each process's part."""
        if self._device.type != "cuda":
            return DistributedDataParallel(module)
        module = nn.SyncBatchNorm.convert_sync_batchnorm(module)  # type: ignore[no-untyped-call]  # torch leaves it untyped
        return DistributedDataParallel(module, device_ids=[self._device.index])

    def mean(self, value: float) -> float:
        """As `Team.mean`."""
        total = torch.tensor(value, dtype=torch.float64, device=self._device)
        distributed.all_reduce(total)
        return float(total) / self.world

    def largest(self, value: int) -> int:
        """As `Team.largest`."""
        most = torch.tensor(value, dtype=torch.int64, device=self._device)
        distributed.all_reduce(most, distributed.ReduceOp.MAX)
        return int(most)


def started_by_torchrun() -> bool:
    """Whether this process is one of several."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1 and "RANK" in os.environ


def local_rank() -> int:
    """This process among those of its machine."""
    return int(os.environ.get("LOCAL_RANK", "0"))


def local_world() -> int:
    """How many processes of this training share its machine."""
    return max(1, int(os.environ.get("LOCAL_WORLD_SIZE", "1")))
