"""Live video of generated scenes: a short film, played round and round in real time while somebody watches."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from dataclasses import replace
from pathlib import Path

from panops.domain.clock import Clock, SystemClock
from panops.domain.packets import Packet, StreamInfo
from panops.ingest.address import parse_address
from panops.ingest.file import FileSource
from panops.ingest.fragment import Fragmenter
from panops.pipeline.video import StreamName, VideoMessage, VideoPiece, VideoRefused, VideoStart, video_to_wire
from panops.pipeline.video_hub import VideoHub, Viewer
from panops.testing.moving_scene import MovingScene

_FILM_S, _RATE_FPS = 4.0, 10


class FakeVideo:
    """Serves viewers as the supervisor does.

    Args:
        clock: Time, for the pictures' capture times.

    Attributes:
        refused: Cameras of which there is no video, and why.
    """

    def __init__(self, clock: Clock) -> None:
        self.refused: dict[str, str] = {}
        self._clock = clock
        self._hub = VideoHub(self._on_change, lambda _: 0)
        self._playing: dict[tuple[str, str], asyncio.Task[None]] = {}

    def open(self, camera_id: str, stream: StreamName) -> Viewer:
        """A new viewer."""
        return self._hub.open(camera_id, stream)

    async def stop(self) -> None:
        """End all films."""
        for task in self._playing.values():
            task.cancel()
        await asyncio.gather(*self._playing.values(), return_exceptions=True)
        self._playing.clear()

    def _on_change(self) -> None:
        wanted = {(str(camera_id), str(stream)) for camera_id, stream, _ in self._hub.wanted(0)}
        for key in set(self._playing) - wanted:
            self._playing.pop(key).cancel()
        for camera_id, stream in wanted - set(self._playing):
            name: StreamName = "main" if stream == "main" else "sub"
            self._playing[camera_id, stream] = asyncio.create_task(self._play(camera_id, name), name=f"fake-video-{camera_id}")

    async def _play(self, camera_id: str, stream: StreamName) -> None:
        if camera_id in self.refused:
            self._say(camera_id, stream, VideoRefused(self.refused[camera_id]))
            return
        info, packets = await asyncio.to_thread(film_of, camera_id)
        fragmenter = Fragmenter(info)
        self._say(camera_id, stream, VideoStart(fragmenter.mime, info.size_wh, fragmenter.start))
        loop = asyncio.get_running_loop()
        began_s, number = loop.time(), 0
        with contextlib.suppress(asyncio.CancelledError):
            while True:
                packet = packets[number % len(packets)]
                pts_s = packet.pts_s + number // len(packets) * _FILM_S
                one = fragmenter.add(replace(packet, pts_s=pts_s, captured_at_s=self._clock.utc_s()))
                self._say(camera_id, stream, VideoPiece(one.is_keyframe, one.at_s, one.captured_at_s, one.data))
                number += 1
                await asyncio.sleep(max(0.0, began_s + number / _RATE_FPS - loop.time()))

    def _say(self, camera_id: str, stream: StreamName, message: VideoMessage) -> None:
        self._hub.take(*video_to_wire(camera_id, stream, message))


def film_of(camera_id: str) -> tuple[StreamInfo, list[Packet]]:
    """A camera's scene as packets of H.264."""
    with tempfile.TemporaryDirectory(prefix="panops-film-") as folder:
        path = Path(folder) / "film.mp4"
        MovingScene(camera_id).write_clip(path, 0.0, _FILM_S, rate_fps=_RATE_FPS)
        source = FileSource(parse_address(str(path)), SystemClock(), realtime=False)
        info = source.open()
        packets = [packet for packet in iter(source.read, None) if packet is not None]
        source.close()
    return info, packets
