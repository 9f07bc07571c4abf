"""From camera addresses to packets, and from packets to frames worth looking at.

Read in this order:

1. `address`: what a camera's `source` text means, and how it is shown without its password.
2. `registry`: `open_source`, the right source for an address.
3. `libav_source`, with one file a protocol (`rtsp`, `http`, `file`, `device`): the sources; `demuxer` is one FFmpeg input, `interrupt` ends
   its blocked calls, `failure` puts FFmpeg's errors into words, `timestamps` repairs times.
4. `camera_feed`: the thread that keeps a camera connected; `stagger` spreads openings, `pending` is the queue to the decode workers,
   `packet_ring` the last seconds for clips, `memory` returns what connections leave free.
5. `decode` and `pixels`: packets to frames (`codec_context` makes the decoders).
6. `remux`: packets to clips. `frozen`: a picture that stands still. `probe`: the connection test.
"""
