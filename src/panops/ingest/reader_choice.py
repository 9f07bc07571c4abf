"""Which of the two RTSP readers reads a camera: our own for the common case, FFmpeg for everything else, and why.

What is unusual shows while connecting. It is remembered for a while, so that a camera for FFmpeg is not asked twice at each reconnect, and
told in the log once.
"""

from __future__ import annotations

import logging
import os
import threading
from collections import OrderedDict

from panops.domain.clock import Clock

log = logging.getLogger(__name__)

VARIABLE = "PANOPS_RTSP_READER"
"""Set to `ffmpeg` it keeps our own reader out: for trouble-shooting."""

# Somebody may have set the camera to a codec that our reader takes.
_REMEMBERED_S = 3600.0
_MOST_REMEMBERED = 1024


class Unusual(Exception):
    """The camera is nothing for our own reader; FFmpeg may read it.

    Its text goes on after "because": plain words of ours, none of the server's.
    """


class ReaderChoice:
    """Remembers which cameras are for FFmpeg. One for the process; safe to use from several threads.

    Args:
        remembered_s: For how long, s.
    """

    def __init__(self, remembered_s: float = _REMEMBERED_S) -> None:
        self._remembered_s = remembered_s
        self._lock = threading.Lock()
        self._until: OrderedDict[str, tuple[str, float]] = OrderedDict()

    def for_ffmpeg(self, camera: str, clock: Clock) -> bool:
        """Whether a camera, by its masked address, is one for FFmpeg, as far as is known."""
        if os.environ.get(VARIABLE, "").strip().lower() == "ffmpeg":
            return True
        with self._lock:
            _, until_s = self._until.get(camera, ("", float("-inf")))
        return clock.monotonic_s() < until_s

    def remember(self, camera: str, reason: str, clock: Clock) -> None:
        """From now on FFmpeg reads this camera, for `reason`."""
        with self._lock:
            known, _ = self._until.pop(camera, ("", 0.0))
            self._until[camera] = (reason, clock.monotonic_s() + self._remembered_s)
            while len(self._until) > _MOST_REMEMBERED:
                self._until.popitem(last=False)
        if known != reason:
            log.info("%s is read by FFmpeg, because %s", camera, reason)


reader_choice = ReaderChoice()
