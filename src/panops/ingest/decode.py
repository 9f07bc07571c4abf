"""Packets to frames, on one thread, forgiving what cameras send."""

from __future__ import annotations

import logging
from collections import OrderedDict
from typing import Any

import av
import av.error
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from panops.domain.errors import SourceUnsupported
from panops.domain.frame import Frame
from panops.domain.packets import Packet, StreamInfo
from panops.ingest.codec_context import make_decoder
from panops.ingest.libav_source import MICROSECONDS
from panops.ingest.pixels import VideoPixels

log = logging.getLogger(__name__)

# Times of packets whose picture has not come out: a decoder holds back at most 16 pictures; more are those it gave up.
_MOST_WAITING = 64
# A stream whose keyframes are not marked (or whose marks are wrong) is tried again after this many packets without one.
_PATIENCE = 300
# Further back than this is no correction of an estimate but another time.
_LARGEST_STEP_BACK_S = 2.0


class Decoder:
    """Decodes one camera's packets. Used by one thread at a time.

    A damaged packet never raises: it is counted, and what depends on it is skipped until the next keyframe, for half-grey
    pictures would look like motion. A packet of a new epoch starts a new decoder by itself, with the stream that the packet carries.

    Args:
        camera_id: For the frames.
        info: The stream.

    Attributes:
        keyframes_only: Decode keyframes and skip all else, which then costs nearly nothing.
        corrupt: Packets that could not be decoded.
        skipped: Packets that were not decoded because what they build upon is missing.

    Raises:
        SourceUnsupported: There is no decoder for the codec.
    """

    def __init__(self, camera_id: str, info: StreamInfo) -> None:
        self.camera_id = camera_id
        self.keyframes_only = False
        self.corrupt = 0
        self.skipped = 0
        self._info = info
        self._epoch: int | None = None
        self._context: VideoCodecContext = make_decoder(info)
        self._waiting: OrderedDict[int, float] = OrderedDict()
        self._needs_keyframe = True
        self._since_keyframe = 0
        self._sequence = 0
        self._last_pts_s = self._last_captured_s = float("-inf")

    @property
    def info(self) -> StreamInfo:
        """The stream that is decoded now."""
        return self._info

    def decode(self, packet: Packet) -> list[Frame]:
        """Decode one packet.

        Returns:
            The frames that came out, in the order of their times: usually one; none while the decoder waits for more.
        """
        frames: list[Frame] = []
        if packet.epoch != self._epoch:
            frames = self._begin_epoch(packet)
        if not self._wanted(packet):
            return frames
        return frames + self._send(packet)

    def flush(self) -> list[Frame]:
        """The frames that the decoder still holds, at the end of a file. Decoding may go on with a keyframe afterwards."""
        frames = self._take(None)
        self.reset()
        return frames

    def reset(self) -> None:
        """Forget everything held and wait for a keyframe: after a gap in the packets, or to decode some a second time."""
        self._context.flush_buffers()
        self._last_pts_s = self._last_captured_s = float("-inf")
        self._waiting.clear()
        self._needs_keyframe = True
        self._since_keyframe = 0

    def let_go(self) -> None:
        """A packet is not decoded on purpose: nor can be what builds upon it, up to the next keyframe."""
        self._needs_keyframe = True
        self._since_keyframe = 0

    def _begin_epoch(self, packet: Packet) -> list[Frame]:
        first = self._epoch is None
        self._epoch = packet.epoch
        frames = [] if first else self._take(None)
        carried = getattr(packet.payload, "opaque", None)
        info = carried if isinstance(carried, StreamInfo) else self._info
        if not first or info is not self._info:
            try:
                self._context = make_decoder(info)
            except SourceUnsupported as error:
                log.warning("camera %s: %s", self.camera_id, error)
            self._info = info
        self.reset()
        return frames

    def _wanted(self, packet: Packet) -> bool:
        if packet.is_keyframe:
            self._needs_keyframe = False
            self._since_keyframe = 0
            return True
        self._since_keyframe += 1
        if self.keyframes_only:
            # What comes after a skipped packet cannot be decoded either.
            self._needs_keyframe = True
            return False
        if self._needs_keyframe and self._since_keyframe < _PATIENCE:
            self.skipped += 1
            return False
        return True

    def _send(self, packet: Packet) -> list[Frame]:
        payload = _stamped(packet)
        self._waiting[payload.pts if payload.pts is not None else 0] = packet.captured_at_s
        while len(self._waiting) > _MOST_WAITING:
            self._waiting.popitem(last=False)
        frames = self._take(payload)
        if self.keyframes_only and not frames and self._context.has_b_frames:
            # A decoder of B-frames holds the keyframe back until more comes, which will not: ask for it now.
            frames = self._take(None)
            self._context.flush_buffers()
        return frames

    def _take(self, payload: Any) -> list[Frame]:
        pictures: list[VideoFrame] = []
        try:
            pictures = self._context.decode(payload)
        except (av.error.FFmpegError, ValueError) as error:
            self.corrupt += 1
            self._needs_keyframe = True
            log.debug("camera %s: a packet cannot be decoded: %s", self.camera_id, type(error).__name__)
        return [frame for picture in pictures if (frame := self._frame(picture)) is not None]

    def _frame(self, picture: VideoFrame) -> Frame | None:
        if picture.is_corrupt:
            self.corrupt += 1
            self._needs_keyframe = True
            return None
        stamp = picture.pts if picture.pts is not None else picture.dts
        pts_s = (stamp or 0) / 1e6
        captured_at_s = self._waiting.pop(stamp, pts_s) if stamp is not None else pts_s
        if pts_s <= self._last_pts_s:
            pts_s = self._last_pts_s + 1e-6
        self._last_pts_s = pts_s
        # Capture times are estimated in the order of arrival; with B-frames the estimate may improve between two pictures that are shown
        # the other way round.
        if self._last_captured_s - _LARGEST_STEP_BACK_S < captured_at_s <= self._last_captured_s:
            captured_at_s = self._last_captured_s + 1e-6
        self._last_captured_s = captured_at_s
        frame = Frame(self.camera_id, self._sequence, pts_s, captured_at_s, VideoPixels(picture))
        self._sequence += 1
        return frame


def _stamped(packet: Packet) -> Any:
    """The payload with the packet's repaired time in microseconds; a copy where it is not there already, for payloads are never changed."""
    payload = packet.payload
    stamp = round(packet.pts_s * 1e6)
    if payload.pts == stamp and payload.time_base == MICROSECONDS:
        return payload
    copy = av.Packet(bytes(payload))
    copy.time_base = MICROSECONDS
    copy.pts = stamp
    copy.dts = (
        None if payload.dts is None or payload.pts is None else stamp - round(float((payload.pts - payload.dts) * payload.time_base) * 1e6)
    )
    copy.is_keyframe = payload.is_keyframe
    for side in payload.iter_sidedata():
        copy.set_sidedata(side)
    return copy
