"""Recordings on disk: a file, a folder or a glob pattern of videos and still pictures, one after the other."""

from __future__ import annotations

import glob
import re
import stat
from collections.abc import Iterable
from pathlib import Path

from panops.domain.clock import Clock
from panops.domain.errors import SourceCorrupt, SourceError, SourceUnauthorized, SourceUnreachable, SourceUnsupported
from panops.ingest.address import Address, AddressKind
from panops.ingest.demuxer import Demuxer, Input
from panops.ingest.libav_source import LibavSource

# Pictures go to the reader of their kind: FFmpeg's general one takes `%` in a name for a numbering.
PICTURE_FORMATS = {
    ".jpg": "jpeg_pipe",
    ".jpeg": "jpeg_pipe",
    ".png": "png_pipe",
    ".bmp": "bmp_pipe",
    ".webp": "webp_pipe",
    ".tif": "tiff_pipe",
    ".tiff": "tiff_pipe",
}
_VIDEOS = frozenset(
    {
        *(".mp4", ".m4v", ".mov", ".3gp", ".mkv", ".webm", ".avi", ".ts", ".mts", ".m2ts", ".mpg", ".mpeg", ".flv", ".ogv"),
        *(".wmv", ".asf", ".gif", ".mjpeg", ".mjpg", ".h264", ".264", ".h265", ".265", ".hevc", ".dav"),
    }
)
# Containers of video only: no playlists that name other files, and none of FFmpeg's readers that take any text or noise for a picture.
_FORMATS = "mov,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,ogg,asf,gif,apng,h264,hevc,m4v,mjpeg,mpjpeg,ivf,nut,dhav,wtv,mxf,yuv4mpegpipe"
_TEXT = re.compile(rb"^[\t\n\r\f\x1b\x20-\x7e\x80-\xff]*$")


class FileSource(LibavSource):
    """A local file, or many.

    Args:
        address: A file, folder or glob pattern; folders and patterns are read in the order of their names, numbers counted as numbers.
        clock: Time.
        realtime: Play at its own pace as if it were a camera (capture times in UTC); otherwise as fast as it is read (media times).
        loop: Begin again after the end; times go on growing.
        still_s: How long each still picture lasts, s.
    """

    def __init__(self, address: Address, clock: Clock, *, realtime: bool = True, loop: bool = False, still_s: float = 1.0) -> None:
        super().__init__(address, clock, realtime=realtime, loop=loop, still_s=still_s)

    def inputs(self) -> Iterable[Input]:
        """The files, checked that they are there.

        Raises:
            SourceUnreachable: There is no such file, or none in the folder.
            SourceUnauthorized: It may not be read.
            SourceUnsupported: It is not a file but a pipe, socket or device.
            SourceCorrupt: It is empty.
        """
        paths = self._paths()
        if len(paths) == 1:
            self._check(paths[0])
        return [self._input(path) for path in paths]

    def is_recording(self, demuxer: Demuxer) -> bool:
        """Always."""
        del demuxer
        return True

    def explain(self, error: SourceError, what: Input) -> SourceError:
        """Look into a file that is not video to say what it is."""
        if not isinstance(error, (SourceCorrupt, SourceUnsupported)):
            return error
        where = what.address.masked
        try:
            with Path(what.url.removeprefix("file:")).open("rb") as file:
                head = file.read(4096)
        except OSError:
            return error
        if not head:
            return SourceCorrupt(f"{where} is empty")
        if _TEXT.match(head):
            return SourceCorrupt(f"{where} is a text file, not video")
        if head[4:8] == b"ftyp" and isinstance(error, SourceCorrupt):
            return SourceCorrupt(f"{where} is an mp4 file whose index is missing or damaged; it was probably cut off while it was written")
        return error

    def _paths(self) -> list[Path]:
        target = Path(self._where.target)
        if self._where.kind is AddressKind.FILE:
            return [target]
        if self._where.kind is AddressKind.FOLDER:
            found = [path for path in target.iterdir() if path.suffix.lower() in _VIDEOS | PICTURE_FORMATS.keys() and path.is_file()]
        else:
            found = [Path(name) for name in glob.glob(str(target), recursive=True) if Path(name).is_file()]  # noqa: PTH207  # absolute patterns
        if not found:
            what = "holds no video or picture" if self._where.kind is AddressKind.FOLDER else "matches no file"
            raise SourceUnreachable(f"{self.address} {what}")
        return sorted(found, key=_natural)

    def _check(self, path: Path) -> None:
        where = self.address
        try:
            status = path.stat()
            if stat.S_ISREG(status.st_mode):
                with path.open("rb"):
                    pass
        except FileNotFoundError:
            problem: SourceError = SourceUnreachable(f"{where} does not exist")
        except PermissionError:
            problem = SourceUnauthorized(f"{where} may not be read by this user")
        except OSError as error:
            problem = SourceUnreachable(f"{where} cannot be read: {error.strerror}")
        else:
            if not stat.S_ISREG(status.st_mode):
                problem = SourceUnsupported(f"{where} is not a file; for a plugged-in camera write device:{where}")
            elif status.st_size == 0:
                problem = SourceCorrupt(f"{where} is empty")
            else:
                return
        raise problem

    def _input(self, path: Path) -> Input:
        many = self._where.kind is not AddressKind.FILE
        address = Address(AddressKind.FILE, "file", str(path), str(path)) if many else self._where
        options = {"protocol_whitelist": "file", "format_whitelist": _FORMATS, "probesize": "5000000", "analyzeduration": "5000000"}
        picture = PICTURE_FORMATS.get(path.suffix.lower())
        if picture is not None:
            options["format_whitelist"] = picture
        # `file:` in front keeps a name such as `concat:a|b` from being taken for a protocol.
        return Input(address, f"file:{path.absolute()}", format=picture, options=options, open_s=20.0, read_s=20.0)


def _natural(path: Path) -> list[tuple[int, str]]:
    """Sort key by name in which `frame10` comes after `frame9`."""
    return [(int(part), "") if part.isdigit() else (-1, part.lower()) for part in re.split(r"(\d+)", str(path)) if part]
