"""From camera addresses to packets, and from packets to frames worth looking at.

Read in this order:

1. `address`: what a camera's `source` text means, and how it is shown without its password.
2. `registry`: `open_source`, the right source for an address.
3. `libav_source`, with one file a protocol (`rtsp_ffmpeg`, `http`, `file`, `device`): the sources on FFmpeg; `demuxer` is one FFmpeg input,
   `interrupt` ends its blocked calls, `failure` puts errors into words, `timestamps` repairs times, `live_packets` makes packets.
4. `rtsp`: RTSP cameras, with two readers (`reader_choice` says which). `rtsp_own` is ours: `rtsp_session` speaks with the camera
   (`rtsp_message`, `rtsp_login`, `sdp`; `stoppable` waits for sockets), `rtsp_wire` takes its bytes apart, `access_units` with `rtp_h264`
   and `rtp_h265` puts pictures together, `rtp_clock` and `rtcp` keep time and company, `stream_parameters` asks FFmpeg what they are;
   `rtsp_stream` joins these, and `reactor` reads all of a process's streams on one thread.
5. `camera_feed`: keeps a camera connected; `stagger` spreads openings, `pending` is the queue to the decode workers, `packet_ring` the last
   seconds for clips, `memory` returns what connections leave free.
6. `decode` and `pixels`: packets to frames (`codec_context` makes the decoders).
7. `remux`: packets to clips. `frozen`: a picture that stands still. `probe`: the connection test.
"""
