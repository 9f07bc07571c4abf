"""A simulated camera as a source: renders in real time, encodes, and hands out packets as a real camera would."""

from __future__ import annotations

import math
import threading
from collections import deque

from panops.config.schema import CameraConfig, SimulationConfig
from panops.domain.clock import Clock
from panops.domain.errors import SourceError
from panops.domain.packets import Packet, StreamInfo
from panops.simulation.encoding import H264Encoder
from panops.simulation.scene import Scene
from panops.simulation.sim_address import simulation_of

# Rendering one frame ahead of its time hides its cost from the packet's age, yet no picture is made that may be skipped later.
_TOO_LATE_FRAMES = 1.0


class SimulatedSource:
    """A `Source` of a simulated scene. Frame k is shown k / rate seconds after `origin_s`, whenever it is read.

    In real time a frame whose successor is already due is skipped, so that the picture never lags and never drifts. With
    `realtime=False` every frame comes, as fast as it can be made, with media times.

    Args:
        camera_id: The camera; for messages.
        camera: Its settings; `source` is a `sim://` address.
        clock: Time.
        realtime: Off only where a film of it is wanted, not a camera.

    Raises:
        SourceUnsupported: The address is wrong.
    """

    def __init__(self, camera_id: str, camera: CameraConfig, clock: Clock, *, realtime: bool = True) -> None:
        """Check the address; nothing is rendered yet."""
        self.camera_id = camera_id
        self.settings: SimulationConfig = simulation_of(camera)
        self.skipped = 0
        self.origin_s: float | None = None
        self._address = camera.source.get_secret_value().strip()
        self._realtime = realtime
        self._clock = clock
        self._stop = threading.Event()
        self._scene: Scene | None = None
        self._encoder: H264Encoder | None = None
        self._began_s = 0.0
        self._next = 0
        self._epoch = 0
        self._ready: deque[Packet] = deque()

    @property
    def address(self) -> str:
        """The address; it has no password."""
        return self._address

    @property
    def scene(self) -> Scene | None:
        """The scene, for its truth; None before `open`."""
        return self._scene

    def open(self) -> StreamInfo:
        """Make the scene (a second or two for the first of its kind) and begin its time now, or go on with it when opened again."""
        if self._stop.is_set():
            raise SourceError(f"{self.address} was closed")
        if self._scene is None:
            self._scene = Scene(self.settings)
        else:
            self._epoch += 1
        self._encoder = H264Encoder(self.settings.size_wh, self.settings.rate_fps)
        if self.origin_s is None:
            # The scene begins once it can be shown, not while its backdrop is still being painted.
            self.origin_s = self._clock.utc_s() if self._realtime else 0.0
            self._began_s = self._clock.monotonic_s()
        return StreamInfo("h264", self.settings.size_wh, self.settings.rate_fps, None, self._realtime, self._encoder.stream)

    def read(self) -> Packet | None:
        """The next packet, waiting until its frame is due; None after `close`.

        Raises:
            SourceError: It is not open.
        """
        if self._scene is None or self._encoder is None or self.origin_s is None:
            raise SourceError(f"{self.address} is not open")
        while not self._ready:
            index = self._due()
            if index is None:
                return None
            pts_s = index / self.settings.rate_fps
            for payload in self._encoder.encode(self._scene.render(index), pts_s):
                captured_at_s = self.origin_s + pts_s if self._realtime else pts_s
                self._ready.append(Packet(pts_s, captured_at_s, payload.is_keyframe, payload.size, self._epoch, payload))
        return self._ready.popleft()

    def close(self) -> None:
        """End a waiting `read`; the memory goes with the last reference. Safe to call twice, from any thread."""
        self._stop.set()

    def _due(self) -> int | None:
        """The number of the frame to show now, after waiting for it; None when closed."""
        if self._stop.is_set():
            return None
        index = self._next
        if self._realtime:
            rate = self.settings.rate_fps
            # A frame counts as due a hair early, so that rounding does not make it late by a whole one.
            now = (self._clock.monotonic_s() - self._began_s) * rate
            if now < index and self._clock.wait(self._stop, (index - now) / rate):
                return None
            if now > index + _TOO_LATE_FRAMES:
                newest = math.floor(now + 1e-6)
                self.skipped += newest - index
                index = newest
        self._next = index + 1
        return index
