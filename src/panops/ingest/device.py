"""Cameras plugged into this machine, through Video4Linux2."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from panops.domain.clock import Clock
from panops.domain.errors import SourceUnreachable, SourceUnsupported
from panops.ingest.address import Address
from panops.ingest.demuxer import Input
from panops.ingest.libav_source import LibavSource


class DeviceSource(LibavSource):
    """A USB or built-in camera, `device:/dev/video0`.

    Args:
        address: The device file.
        clock: Time.
        open_s: Time to open, s.
        stall_s: How long the camera may send nothing, s.
    """

    def __init__(self, address: Address, clock: Clock, *, open_s: float = 10.0, stall_s: float = 10.0) -> None:
        super().__init__(address, clock)
        self._open_s = open_s
        self._stall_s = stall_s

    def inputs(self) -> Iterable[Input]:
        """The device.

        Raises:
            SourceUnsupported: This system has no Video4Linux2, or the file is no device.
            SourceUnreachable: There is no such device.
        """
        if not sys.platform.startswith("linux"):
            raise SourceUnsupported(f"{self.address}: plugged-in cameras work on Linux only")
        path = Path(self._where.target)
        if not path.exists():
            raise SourceUnreachable(f"{self.address} does not exist; is the camera plugged in?")
        if not path.is_char_device():
            raise SourceUnsupported(f"{self.address} is not a camera device; expected a path such as /dev/video0")
        yield Input(self._where, str(path), format="v4l2", options={"fpsprobesize": "0"}, open_s=self._open_s, read_s=self._stall_s)
