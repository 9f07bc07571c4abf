"""What a stream is, read by FFmpeg from one picture with its parameter sets."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import av
import av.error

from panops.domain.errors import SourceUnsupported
from panops.domain.packets import StreamInfo
from panops.ingest.demuxer import LARGEST_PICTURE_PX, LARGEST_SIDE_PX, keep_stream, sane_rate, size_of

# Pyramids of eight pictures, the longest in use.
_USUAL_DELAY = 3


def read_parameters(codec: str, data: bytes, where: str, rate_fps: float | None = None) -> StreamInfo | None:
    """Let FFmpeg look at a picture.

    Args:
        codec: `h264` or `hevc`.
        data: A picture in Annex B form, with the parameter sets that it needs.
        where: The camera's address for people, for messages.
        rate_fps: Pictures a second as the camera announces them; otherwise what the parameter sets say is taken.

    Returns:
        What a decoder and a clip need to know of a live stream, or None where it cannot be read.

    Raises:
        SourceUnsupported: The pictures are too large.
    """
    try:
        # For the decoder that FFmpeg tries the picture with. The stubs have another type; the library takes a dict a stream.
        bound: list[Any] = [{"max_pixels": str(LARGEST_PICTURE_PX)}]
        with av.open(BytesIO(data), format=codec, stream_options=bound) as container:
            stream = container.streams.video[0]
            width, height = size_of(stream)
            if not width or not height:
                return None
            if max(width, height) > LARGEST_SIDE_PX or width * height > LARGEST_PICTURE_PX:
                raise SourceUnsupported(f"{where}: pictures of {width}x{height} are larger than can be handled")
            # The demuxer's own rate is made up where the parameter sets tell none; the decoder's is not.
            rate_fps = rate_fps or sane_rate(stream.codec_context.framerate)
            return StreamInfo(codec, (width, height), rate_fps, None, True, keep_stream(stream))
    except (av.error.FFmpegError, OSError, ValueError, IndexError):
        return None


def picture_delay(info: StreamInfo) -> int:
    """How many pictures may be decoded before one that is shown earlier; 0 without B-frames.

    The library tells only whether there are B-frames. More than needed does no harm: decode times lie a little further back.
    """
    return _USUAL_DELAY if info.template.codec_context.has_b_frames else 0
