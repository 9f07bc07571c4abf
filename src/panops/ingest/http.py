"""Video over HTTP(S): MJPEG cameras, snapshots, files and HLS."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

from panops.domain.clock import Clock
from panops.domain.errors import SourceCorrupt, SourceError, SourceUnsupported
from panops.ingest.address import Address
from panops.ingest.demuxer import Demuxer, Input
from panops.ingest.file import PICTURE_FORMATS
from panops.ingest.hls_opener import HlsOpener
from panops.ingest.http_redirect import redirected
from panops.ingest.libav_source import LibavSource

# No `file`, `concat`, `subfile`, `data` or `pipe`: what a server sends must not make us read anything but HTTP.
_HLS_FORMATS = "hls,mpegts,mov,aac,mp3"
_PROTOCOLS = "http,https,httpproxy,tcp,tls,crypto"
# A playlist is opened by itself, with an opener that looks at each address in it.
_FORMATS = "mpjpeg,mjpeg,jpeg_pipe,png_pipe,webp_pipe,bmp_pipe,mpegts,mov,matroska,webm,avi,flv,live_flv,mpeg,ogg,h264,hevc,gif"


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
        self._is_unknown = self._is_playlist = False

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
        if self._is_playlist or _names_a_playlist(url):
            yield self._playlist(url, options)
            return
        yield Input(self._where, url, format=picture, options=options, open_s=self._open_s, read_s=self._stall_s)
        # Asked on only where that did not open, or after its end.
        if self._leads_to is None and not self._opened:
            self._leads_to = redirected(self._where.target, self._where.masked, self._open_s)
            if self._leads_to is not None and _names_a_playlist(self._leads_to):
                yield self._playlist(self._leads_to, options)
            elif self._leads_to is not None:
                yield Input(self._where, self._leads_to, format=picture, options=options, open_s=self._open_s, read_s=self._stall_s)
        if self._is_unknown and not self._opened:  # a playlist that does not say so in its name
            yield self._playlist(self._leads_to or url, options)

    def _playlist(self, url: str, options: Mapping[str, str]) -> Input:
        # Connections are not kept: those would pass the opener by.
        plain = {**options, "format_whitelist": _HLS_FORMATS, "http_persistent": "0", "http_multiple": "0"}
        opener = HlsOpener(url, min(self._open_s, self._stall_s))
        return Input(self._where, url, format="hls", options=plain, open_s=self._open_s, read_s=self._stall_s, opener=opener)

    def explain(self, error: SourceError, what: Input) -> SourceError:
        """Note where what came is nothing that is known; see `inputs`."""
        self._is_unknown = isinstance(error, SourceCorrupt | SourceUnsupported) and what.opener is None
        return super().explain(error, what)

    def is_recording(self, demuxer: Demuxer) -> bool:
        """Whether it has a length, or is a single picture (which then is fetched for as long as the camera runs); asked once it is open."""
        self._opened, self._is_playlist = True, demuxer.what.opener is not None
        if self._is_still():
            self._loop = self._realtime
            return True
        return demuxer.duration_s is not None and "mjpeg" not in demuxer.format


def _names_a_playlist(url: str) -> bool:
    return ".m3u8" in url.lower()
