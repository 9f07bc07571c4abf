"""Makes decoders from what a source said of its stream."""

from __future__ import annotations

import av
import av.error
from av.codec.context import ThreadType
from av.video.codeccontext import VideoCodecContext

from panops.domain.errors import SourceUnsupported
from panops.domain.packets import StreamInfo


def make_decoder(info: StreamInfo) -> VideoCodecContext:
    """A fresh decoder of one thread, with the stream's parameters copied in; it shares nothing with the stream.

    Args:
        info: The stream; `template` gives a `codec_context` (a demuxed stream, or an encoder's that was opened).

    Raises:
        SourceUnsupported: There is no decoder for the codec.
    """
    source = getattr(info.template, "codec_context", None)
    try:
        context = av.CodecContext.create(info.codec, "r")
    except (av.error.FFmpegError, ValueError) as error:
        raise SourceUnsupported(f"there is no decoder for {info.codec} video") from error
    if not isinstance(context, VideoCodecContext):
        raise SourceUnsupported(f"{info.codec} is not a video codec")
    # Threads cost more than they give when many cameras share the cores.
    context.thread_count = 1
    context.thread_type = ThreadType.NONE
    if source is not None:
        if source.extradata:
            context.extradata = source.extradata
        width, height = info.size_wh
        context.width, context.height = width, height
        if source.pix_fmt:
            context.pix_fmt = source.pix_fmt
        if source.is_decoder and source.bits_per_coded_sample:
            context.bits_per_coded_sample = source.bits_per_coded_sample
    return context
