"""RTSP cameras read by FFmpeg: UDP, encryption, other codecs, and whatever else is nothing for our own reader."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from panops.domain.clock import Clock
from panops.ingest.address import Address
from panops.ingest.demuxer import Input
from panops.ingest.libav_source import LibavSource

# Enough to see the picture size where the camera announces its parameter sets; FFmpeg's default waits for 20 frames, 5 s at 5 fps.
_QUICK = {"fpsprobesize": "0", "analyzeduration": "500000"}
# Without announced parameter sets one whole GOP may have to pass.
_THOROUGH = {"fpsprobesize": "0", "analyzeduration": "12000000", "probesize": "8000000"}
_UDP_BUFFER_BYTES = 1 << 20


class FfmpegRtspSource(LibavSource):
    """A camera at an `rtsp://` or `rtsps://` address.

    Args:
        address: Where it is, with the login.
        clock: Time.
        transport: `tcp` (video inside the RTSP connection) or `udp`.
        open_s: Time to connect, s.
        stall_s: How long the camera may send nothing, s.
    """

    def __init__(
        self, address: Address, clock: Clock, *, transport: Literal["tcp", "udp"] = "tcp", open_s: float = 10.0, stall_s: float = 10.0
    ) -> None:
        super().__init__(address, clock)
        self._transport = transport
        self._open_s = open_s
        self._stall_s = stall_s

    def inputs(self) -> Iterable[Input]:
        """The one stream; sound and metadata are not even asked for."""
        options = {
            "rtsp_transport": self._transport,
            "allowed_media_types": "video",
            "protocol_whitelist": "rtsp,rtsps,rtp,srtp,udp,tcp,tls",
            "user_agent": "panops",
        }
        if self._transport == "udp":
            options["buffer_size"] = str(_UDP_BUFFER_BYTES)
        yield Input(
            self._where,
            self._where.target,
            format="rtsp",
            options={**options, **_QUICK},
            thorough={**options, **_THOROUGH},
            open_s=self._open_s,
            read_s=self._stall_s,
        )
