"""Video over HTTP(S): MJPEG cameras, snapshots, files and HLS."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath

from panops.domain.clock import Clock
from panops.ingest.address import Address
from panops.ingest.demuxer import Demuxer, Input
from panops.ingest.file import PICTURE_FORMATS
from panops.ingest.http_redirect import redirected
from panops.ingest.libav_source import LibavSource

# No `file`, `concat`, `subfile`, `data` or `pipe`: what a server sends must not make us read anything but HTTP.
_PROTOCOLS = "http,https,httpproxy,tcp,tls,crypto"
_FORMATS = "mpjpeg,mjpeg,jpeg_pipe,png_pipe,webp_pipe,bmp_pipe,hls,mpegts,mov,matroska,webm,avi,flv,live_flv,mpeg,ogg,h264,hevc,gif"


class HttpSource(LibavSource):
    """Whatever video an `http://` or `https://` address gives.

    A file (it has a length) is a recording and is paced; MJPEG and live HLS are live; a single picture is fetched again and again.

    Args:
        address: Where it is, with the login.
        clock: Time.
        realtime: A file is played at its own pace; otherwise as fast as it comes.
        loop: A file begins again after its end.
        open_s: Time to connect, s.
        stall_s: How long the server may send nothing, s.
    """

    def __init__(
        self, address: Address, clock: Clock, *, realtime: bool = True, loop: bool = False, open_s: float = 10.0, stall_s: float = 10.0
    ) -> None:
        super().__init__(address, clock, realtime=realtime, loop=loop)
        self._open_s = open_s
        self._stall_s = stall_s
        self._leads_to: str | None = None
        self._opened = False

    def inputs(self) -> Iterable[Input]:
        """The one address, or the one that it sends on to."""
        options = {
            "protocol_whitelist": _PROTOCOLS,
            "format_whitelist": _FORMATS,
            "probesize": "2000000",
            "analyzeduration": "2000000",
            "fpsprobesize": "0",
            "user_agent": "panops",
            # It would follow anywhere, also to where a cloud keeps this machine's own keys.
            "max_redirects": "0",
        }
        url = self._leads_to or self._where.target
        # Of a large picture FFmpeg believes the name (also one in the query) and takes its reader of numbered files, which is not allowed.
        suffixes = [PurePosixPath(text).suffix.lower() for text in (url.partition("?")[0], url)]
        picture = next((PICTURE_FORMATS[suffix] for suffix in suffixes if suffix in PICTURE_FORMATS), None)
        if picture is not None:
            options["format_whitelist"] = picture
        yield Input(self._where, url, format=picture, options=options, open_s=self._open_s, read_s=self._stall_s)
        # Asked on only where that did not open, or after its end.
        if self._leads_to is None and not self._opened:
            self._leads_to = redirected(self._where.target, self._where.masked, self._open_s)
            if self._leads_to is not None:
                yield Input(self._where, self._leads_to, format=picture, options=options, open_s=self._open_s, read_s=self._stall_s)

    def is_recording(self, demuxer: Demuxer) -> bool:
        """Whether it has a length, or is a single picture (which then is fetched for as long as the camera runs); asked once it is open."""
        self._opened = True
        if self._is_still():
            self._loop = self._realtime
            return True
        return demuxer.duration_s is not None and "mjpeg" not in demuxer.format
