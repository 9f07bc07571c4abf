"""One file of a recording: packets copied as they come, playable at any moment, with a whole index once it is closed."""

from __future__ import annotations

from pathlib import Path

import av
import av.error

from panops.domain.errors import SourceCorrupt, SourceUnsupported
from panops.domain.packets import Packet, StreamInfo
from panops.ingest.remux import COPIED, TIME_BASE, duplicate, output_like, reorder_s

# `hybrid_fragmented`: a fragmented file while it grows, which a killed process leaves playable; closing it adds the index of a usual one,
# by which players seek. Fragments end with each group of pictures, and after 2 s where groups are longer; each goes to the system at once.
_OPTIONS = {"movflags": "hybrid_fragmented+frag_keyframe", "frag_duration": "2000000", "flush_packets": "1"}


class SegmentFile:
    """Packets of one epoch into one MP4 file, not encoded again. For one thread.

    Args:
        path: A file that is not there yet.
        info: The stream.

    Attributes:
        start_s: Capture time of its first picture, UTC s.
        end_s: Capture time of its newest picture, and one usual distance more, UTC s.

    Raises:
        SourceUnsupported: Browsers do not play such a codec inside MP4.
        OSError: The file cannot be made.
    """

    def __init__(self, path: Path, info: StreamInfo) -> None:
        """Make the file; nothing is written before the first fragment is whole."""
        if info.codec not in COPIED:
            raise SourceUnsupported(
                f"its codec, {info.codec}, cannot be recorded: expected H.264, H.265 or AV1, which browsers play; set the camera, or "
                "`record_source`, to one of them"
            )
        self.path = path
        self.start_s = self.end_s = 0.0
        self.packets = 0
        self._origin_s = 0.0
        self._last_dts: int | None = None
        self._step = round(0.04 / TIME_BASE)
        self._output = av.open(path, "w", format="mp4", options=_OPTIONS)
        self._stream = output_like(info, self._output)

    def add(self, packet: Packet) -> None:
        """Write a packet; the first one is a keyframe. It is read, never changed.

        Raises:
            OSError: The disk refuses.
            SourceCorrupt: It cannot be put into the file.
        """
        if not self.packets:
            self.start_s, self._origin_s = packet.captured_at_s, packet.pts_s
        pts = round((packet.pts_s - self._origin_s) / TIME_BASE)
        dts = pts - round(reorder_s(packet) / TIME_BASE)
        if self._last_dts is not None:
            dts = max(dts, self._last_dts + 1)
            self._step = dts - self._last_dts
        payload = duplicate(packet.payload)
        payload.stream, payload.time_base = self._stream, TIME_BASE
        payload.pts, payload.dts, payload.duration = max(pts, dts), dts, self._step
        try:
            self._output.mux_one(payload)
        except (av.error.OSError, av.error.FileNotFoundError, av.error.PermissionError):
            raise
        except (av.error.FFmpegError, ValueError) as error:
            raise SourceCorrupt(f"a packet cannot be recorded: {getattr(error, 'strerror', None) or error}") from error
        self._last_dts = dts
        self.packets += 1
        self.end_s = max(self.end_s, packet.captured_at_s + float(self._step * TIME_BASE))

    def close(self) -> None:
        """Write the index. Safe to call twice. A file whose index cannot be written stays as it is, and plays.

        Raises:
            OSError: The disk refuses.
        """
        self._output.close()
