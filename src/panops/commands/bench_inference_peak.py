"""What share of its multiplications at best a thread does while a network runs; measured in the same turns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from panops.commands.bench_inference_contest import Contender, Runner
from panops.domain.errors import ModelUnsupported
from panops.inference.int8_peak import Int8Peak, multiply_adds


class PeakRunner:
    """Takes part in a contest, so that the peak is that of the same minutes.

    Args:
        threads: Threads of the session.
    """

    def __init__(self, threads: int) -> None:
        self._network = Int8Peak(threads)
        self.runner = Runner(self._network, self._network.example())

    @property
    def giga_ops(self) -> float:
        """8-bit multiplications and additions a CPU second, in thousand millions: the median of the turns."""
        return 2e-9 * self._network.multiply_adds / float(np.median(self.runner.cpu_s))

    def share_out(self, found: Sequence[Contender]) -> None:
        """Write into each INT8 contender which share of the peak it reaches; each round gives one share, the median counts."""
        peak = self._network.multiply_adds / np.array(self.runner.cpu_s)
        for one in found:
            one.multiply_adds = _counted(one) if one.int8 else None
            if one.multiply_adds:
                one.peak_share = float(np.median(one.multiply_adds / np.array(one.cpu_s) / peak))


def _counted(contender: Contender) -> int | None:
    try:
        return multiply_adds(contender.model.path)
    except ModelUnsupported:
        return None
