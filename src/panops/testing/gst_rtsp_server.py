"""A real RTSP server for tests; run by the system's Python, which has GStreamer's bindings, never imported by panops.

It reads one JSON object from the first line of its standard input::

    {"address": "127.0.0.1", "port": 0,
     "mounts": [{"path": "/gate", "file": "/tmp/gate.mp4", "codec": "h264", "user": "", "password": "", "auth": "basic"}]}

answers `READY <port>` (or `FAILED <why>`) on standard output, and serves until its standard input closes, so it cannot outlive its parent.

Each file is parsed once into access units that all mounts share. A mount with at least one viewer is fed from a single thread in real time
with timestamps that only ever grow: after the last picture the first follows one frame time later. Nothing is encoded or decoded.
"""

from __future__ import annotations

import heapq
import json
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstApp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstApp, GstRtspServer  # noqa: E402  # versions must be named first

_PARSERS = {"h264": "h264parse config-interval=-1", "h265": "h265parse config-interval=-1", "jpeg": "jpegparse"}
_PAYLOADERS = {
    "h264": "rtph264pay name=pay0 pt=96",
    "h265": "rtph265pay name=pay0 pt=96",
    "jpeg": "rtpjpegpay name=pay0 pt=26",
}
_CAPS = {
    "h264": "video/x-h264,stream-format=byte-stream,alignment=au",
    "h265": "video/x-h265,stream-format=byte-stream,alignment=au",
    "jpeg": "image/jpeg",
}

# Shares the bytes; only the times differ from round to round.
_COPY = Gst.BufferCopyFlags.FLAGS | Gst.BufferCopyFlags.META | Gst.BufferCopyFlags.MEMORY


@dataclass(frozen=True)
class Film:
    """A file's access units, ready to be sent over and over.

    Attributes:
        caps: Their format.
        units: Buffer, due time, presentation time; ns from the film's start.
        length: Time from one round's start to the next one's, ns.
    """

    caps: Any
    units: tuple[tuple[Any, int, int], ...]
    length: int


def load(path: str, codec: str) -> Film:
    """Parse a file into access units."""
    source = f'filesrc location="{path}" ! parsebin ! {_PARSERS[codec]} ! {_CAPS[codec]} ! appsink name=out sync=false max-buffers=0'
    pipeline = Gst.parse_launch(source)
    sink = pipeline.get_by_name("out")
    pipeline.set_state(Gst.State.PLAYING)
    samples, message = [], None
    while not sink.is_eos() and message is None:
        sample = sink.try_pull_sample(Gst.SECOND // 10)
        if sample is not None:
            samples.append(sample)
        else:
            message = pipeline.get_bus().pop_filtered(Gst.MessageType.ERROR)
    caps = samples[-1].get_caps() if samples else None
    pipeline.set_state(Gst.State.NULL)
    if not samples:
        why = message.parse_error()[0].message if message else "no pictures"
        raise ValueError(f"{path}: {why}")
    buffers = [sample.get_buffer() for sample in samples]
    start = min(buffer.pts for buffer in buffers)
    decode = [buffer.dts if buffer.dts != Gst.CLOCK_TIME_NONE else buffer.pts for buffer in buffers]
    times = [buffer.pts - start for buffer in buffers]
    # B-frames have decode times before the first picture; due times may not be negative or go back.
    due = [max(0, stamp - decode[0]) for stamp in decode]
    step = max(1, (max(times) - min(times)) // max(1, len(times) - 1))
    return Film(caps, tuple(zip(buffers, due, times, strict=True)), max(times) + step)


@dataclass(order=True)
class Turn:
    """When a mount's next access unit is due."""

    due_s: float
    number: int
    player: Any = field(compare=False)


class Player:
    """Feeds one mount's appsrc."""

    def __init__(self, film: Film, appsrc: Any) -> None:
        """Begin with the film's first picture."""
        self.film = film
        self.appsrc = appsrc
        self.started_s = time.monotonic()
        self.round = 0
        self.index = 0
        self.stopped = False

    def due_s(self) -> float:
        """When the next access unit is due, on the monotonic clock."""
        return self.started_s + (self.round * self.film.length + self.film.units[self.index][1]) / 1e9

    def push(self) -> bool:
        """Send the next access unit; False when nobody takes it any more."""
        buffer, due, presented = self.film.units[self.index]
        copy = buffer.copy_region(_COPY, 0, buffer.get_size())
        base = self.round * self.film.length
        copy.pts = base + presented
        copy.dts = base + min(due, presented)
        self.index += 1
        if self.index == len(self.film.units):
            self.index, self.round = 0, self.round + 1
        return not self.stopped and self.appsrc.push_buffer(copy) == Gst.FlowReturn.OK


class Feeder(threading.Thread):
    """One thread that feeds every mount at its time."""

    def __init__(self) -> None:
        """Make the thread; it dies with the process."""
        super().__init__(name="feeder", daemon=True)
        self._turns: list[Turn] = []
        self._ready = threading.Condition()
        self._count = 0

    def add(self, player: Player) -> None:
        """Feed a mount from now on."""
        with self._ready:
            self._push(player)
            self._ready.notify()

    def _push(self, player: Player) -> None:
        self._count += 1
        heapq.heappush(self._turns, Turn(player.due_s(), self._count, player))

    def run(self) -> None:
        """Feed until the process ends."""
        while True:
            with self._ready:
                while not self._turns or self._turns[0].due_s > time.monotonic():
                    self._ready.wait(self._turns[0].due_s - time.monotonic() if self._turns else None)
                player = heapq.heappop(self._turns).player
            if player.push():
                with self._ready:
                    self._push(player)


class Factory(GstRtspServer.RTSPMediaFactory):  # type: ignore[misc]  # gi has no types
    """One mount: payloads a shared film for all of its viewers."""

    def __init__(self, film: Film, codec: str, feeder: Feeder) -> None:
        """Make the mount; nothing runs before its first viewer."""
        super().__init__()
        self._film = film
        self._feeder = feeder
        source = f"appsrc name=feed is-live=true format=time max-bytes=0 ! {_PAYLOADERS[codec]}"
        self.set_launch(f"( {source} )")
        self.set_shared(True)
        self.set_suspend_mode(GstRtspServer.RTSPSuspendMode.NONE)

    def do_configure(self, media: Any) -> None:
        """Begin to feed when the first viewer comes, end when the last one leaves."""
        appsrc = media.get_element().get_by_name("feed")
        appsrc.set_caps(self._film.caps)
        player = Player(self._film, appsrc)

        def stop(_media: Any) -> None:
            player.stopped = True

        media.connect("unprepared", stop)
        self._feeder.add(player)


def protect(factory: Factory, auth: Any, mount: dict[str, Any], role: str) -> None:
    """Let in whoever knows the mount's user and password, or everybody when it has none."""
    permissions = GstRtspServer.RTSPPermissions()
    is_open = not mount["user"]
    for name in {"anonymous", role}:
        allowed = is_open or name == role
        permissions.add_permission_for_role(name, "media.factory.access", True)
        permissions.add_permission_for_role(name, "media.factory.construct", allowed)
    factory.set_permissions(permissions)
    if is_open:
        return
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", role)
    if mount["auth"] == "digest":
        auth.add_digest(mount["user"], mount["password"], token)
    else:
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(mount["user"], mount["password"]), token)


def serve(settings: dict[str, Any]) -> Any:
    """Start the server.

    Returns:
        The server and its auth object, to be kept alive.
    """
    server = GstRtspServer.RTSPServer()
    server.set_address(settings["address"])
    server.set_service(str(settings["port"]))
    server.set_backlog(256)
    auth = GstRtspServer.RTSPAuth()
    methods = {mount["auth"] for mount in settings["mounts"] if mount["user"]}
    auth.set_supported_methods(2 if methods == {"digest"} else 1)  # GST_RTSP_AUTH_BASIC = 1, GST_RTSP_AUTH_DIGEST = 2
    anonymous = GstRtspServer.RTSPToken()
    anonymous.set_string("media.factory.role", "anonymous")
    auth.set_default_token(anonymous)
    feeder = Feeder()
    films: dict[str, Film] = {}
    for number, mount in enumerate(settings["mounts"]):
        if mount["file"] not in films:
            films[mount["file"]] = load(mount["file"], mount["codec"])
        factory = Factory(films[mount["file"]], mount["codec"], feeder)
        if methods:
            protect(factory, auth, mount, f"role{number}")
        server.get_mount_points().add_factory(mount["path"], factory)
    if methods:
        server.set_auth(auth)
    if server.attach(None) == 0:
        raise OSError(f"cannot listen on {settings['address']}:{settings['port']}")
    feeder.start()
    return server, auth


def main() -> int:
    """Read the settings, serve, and end with the standard input."""
    Gst.init(None)
    settings = json.loads(sys.stdin.readline())
    loop = GLib.MainLoop()
    try:
        server, _auth = serve(settings)
    except (OSError, ValueError, GLib.Error) as error:
        sys.stdout.write(f"FAILED {error}\n")
        return 1

    def wait_for_end() -> None:
        sys.stdin.read()
        GLib.idle_add(loop.quit)  # not directly: the loop may not run yet

    sys.stdout.write(f"READY {server.get_bound_port()}\n")
    sys.stdout.flush()
    threading.Thread(target=wait_for_end, daemon=True).start()
    loop.run()
    return 0


if __name__ == "__main__":
    # GstApp must be imported so that appsrc and appsink have their methods; naming it keeps it from looking unused.
    sys.exit(main() if GstApp else 1)
