"""An RTSP server that offers hundreds of cameras and takes next to nothing itself; a process of its own, for benchmarks and soak tests.

GStreamer's server (`gst_rtsp_server`) is the one that conformance is tested with; two hundred of its pipelines cost more than the product
that they are to measure. Here each film is cut into RTP packets once, and a picture is one write to a socket: RTSP 1.0 (RFC 2326) with
H.264 (RFC 6184) inside the RTSP connection, no UDP, no audio, no passwords.

It reads one JSON object from the first line of its standard input::

    {"port": 0, "mtu": 1400, "cameras": [{"path": "/cam-1", "film": "/tmp/yard.mp4", "phase_s": 3.2, "rate_fps": 5.0}]}

answers `READY <port>` (or `FAILED <why>`), then one line of JSON for each line of orders (see `Server.obey`), and ends with its standard
input, so it cannot outlive its parent. A camera's time runs whether somebody watches or not; a viewer's stream begins with a keyframe.
"""

from __future__ import annotations

import heapq
import json
import selectors
import socket
import struct
import sys
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any

import av.error

from panops.testing.rtp_film import Film, Picture, load_film

_CLOCK_HZ = 90_000
_STAMP = struct.Struct(">HI")
# What a viewer may have waiting; a camera's own buffers are no larger, and a picture that finds no room is given up whole.
_MOST_WAITING_BYTES = 512 * 1024
_REPORT_EVERY_S = 5.0
# Pictures that are due so soon are sent at once: fewer wake-ups, and no camera is that punctual.
_EARLY_S = 0.001
MODES = ("play", "stall", "freeze", "refuse")


@dataclass(eq=False, slots=True)
class Camera:
    """One path: a film that runs for ever.

    Attributes:
        path: As in the address.
        film: What it shows.
        rate_fps: Pictures a second.
        began_s: When its first picture was due, monotonic.
        mode: `play`, `stall` (connected, but silent), `freeze` (the same group of pictures over and over), `refuse` (cut off).
        viewers: Who watches.
        counts: `due` pictures while somebody watched, `sent`, and `unsent` for want of room.
        held: Of a frozen camera, the picture that it froze at.
        scheduled: Whether its next picture is in the timetable.
    """

    path: str
    film: Film
    rate_fps: float
    began_s: float
    mode: str = "play"
    viewers: list[Viewer] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    held: int = 0
    scheduled: bool = False

    def next_number(self, now_s: float) -> int:
        """The number of the first picture that is not due yet."""
        return int((now_s - self.began_s) * self.rate_fps) + 1

    def due_s(self, number: int) -> float:
        """When a picture is due, monotonic."""
        return self.began_s + number / self.rate_fps

    def picture(self, number: int) -> Picture:
        """What is shown then."""
        pictures = self.film.pictures
        if self.mode != "freeze":
            return pictures[number % len(pictures)]
        first = self.held
        while not pictures[first].is_keyframe:
            first -= 1
        end = next((index for index in range(first + 1, len(pictures)) if pictures[index].is_keyframe), len(pictures))
        return pictures[first + number % (end - first)]


@dataclass(eq=False, slots=True)
class Viewer:
    """One connection."""

    sock: socket.socket
    number: int
    inbox: bytearray = field(default_factory=bytearray)
    outbox: deque[memoryview] = field(default_factory=deque)
    waiting_bytes: int = 0
    camera: Camera | None = None
    playing: bool = False
    started: bool = False
    sequence: int = 0
    reported_s: float = 0.0
    packets: int = 0
    octets: int = 0


class Server:
    """All cameras, on one thread.

    Args:
        settings: As read from standard input.

    Raises:
        ValueError: A film cannot be shown.
        OSError: The port is taken.
    """

    def __init__(self, settings: dict[str, Any]) -> None:
        films: dict[str, Film] = {}
        mtu, now_s = int(settings.get("mtu", 1400)), time.monotonic()
        self._cameras: dict[str, Camera] = {}
        for one in settings["cameras"]:
            if one["film"] not in films:
                films[one["film"]] = load_film(one["film"], mtu)
            began_s = now_s - float(one.get("phase_s", 0.0))
            self._cameras[one["path"]] = Camera(one["path"], films[one["film"]], float(one["rate_fps"]), began_s)
        self._listener = socket.create_server(("127.0.0.1", int(settings["port"])), backlog=1024)
        self._listener.setblocking(False)
        self.port = int(self._listener.getsockname()[1])
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ, self._listener)
        self._timetable: list[tuple[float, int, int, Camera]] = []
        self._pushed = 0  # settles which of two pictures goes first that are due at the same moment
        self._viewers = 0
        self._ended = False

    def run(self) -> None:
        """Serve until standard input ends."""
        self._selector.register(sys.stdin, selectors.EVENT_READ, sys.stdin)
        while not self._ended:
            wait_s = self._timetable[0][0] - time.monotonic() if self._timetable else 1.0
            for key, events in self._selector.select(max(0.0, wait_s)):
                if key.data is self._listener:
                    self._accept()
                elif key.data is sys.stdin:
                    self._listen_to_orders()
                else:
                    self._serve(key.data, events)
            self._show(time.monotonic() + _EARLY_S)

    # --- orders -----------------------------------------------------------------------------------------------------------------

    def _listen_to_orders(self) -> None:
        line = sys.stdin.readline()
        if not line:
            self._ended = True
            return
        sys.stdout.write(json.dumps(self.obey(json.loads(line))) + "\n")
        sys.stdout.flush()

    def obey(self, order: dict[str, Any]) -> dict[str, Any]:
        """Do what an order says; the answer.

        Orders: `{"do": "counts"}`: of each camera how many viewers it has, and `due`, `sent` and `unsent` pictures so far;
        `{"do": "set", "path": "/cam-1", "mode": "stall"}`: a camera's `mode`, see `Camera`.
        """
        if order["do"] == "counts":
            return {
                path: {"viewers": sum(viewer.playing for viewer in camera.viewers), **camera.counts}
                for path, camera in self._cameras.items()
            }
        camera = self._cameras[order["path"]]
        camera.mode = order["mode"]
        camera.held = camera.next_number(time.monotonic()) % len(camera.film.pictures)
        if camera.mode == "refuse":
            for viewer in list(camera.viewers):
                self._part(viewer)
        return {"path": camera.path, "mode": camera.mode}

    # --- pictures ---------------------------------------------------------------------------------------------------------------

    def _schedule(self, camera: Camera, number: int) -> None:
        camera.scheduled = bool(camera.viewers)
        if camera.scheduled:
            self._pushed += 1
            heapq.heappush(self._timetable, (camera.due_s(number), self._pushed, number, camera))

    def _show(self, now_s: float) -> None:
        while self._timetable and self._timetable[0][0] <= now_s:
            due_s, _, number, camera = heapq.heappop(self._timetable)
            camera.scheduled = False
            picture = camera.picture(number)
            if camera.mode in ("play", "freeze"):
                for viewer in tuple(camera.viewers):
                    if viewer.playing:
                        self._send_picture(camera, viewer, picture, number, due_s)
            self._schedule(camera, number + 1)

    def _send_picture(self, camera: Camera, viewer: Viewer, picture: Picture, number: int, due_s: float) -> None:
        if not viewer.started:
            if not picture.is_keyframe:
                return
            viewer.started = True
        camera.counts["due"] += 1
        if viewer.waiting_bytes > _MOST_WAITING_BYTES:
            camera.counts["unsent"] += 1
            return
        stamp = round(number * _CLOCK_HZ / camera.rate_fps) & 0xFFFFFFFF
        wire = bytearray(picture.wire)
        for at in picture.stamps:
            _STAMP.pack_into(wire, at, viewer.sequence, stamp)
            wire[at + 6 : at + 10] = viewer.number.to_bytes(4, "big")
            viewer.sequence = (viewer.sequence + 1) & 0xFFFF
        camera.counts["sent"] += 1
        viewer.packets += len(picture.stamps)
        viewer.octets += len(wire) - 16 * len(picture.stamps)
        if due_s - viewer.reported_s >= _REPORT_EVERY_S:
            viewer.reported_s = due_s
            wire += _report(viewer, stamp)
        self._send(viewer, wire)

    def _send(self, viewer: Viewer, data: bytes | bytearray) -> None:
        if not viewer.outbox:
            try:
                sent = viewer.sock.send(data)
            except BlockingIOError:
                sent = 0
            except OSError:
                self._part(viewer)
                return
            if sent == len(data):
                return
            data = data[sent:]
            self._selector.modify(viewer.sock, selectors.EVENT_READ | selectors.EVENT_WRITE, viewer)
        viewer.outbox.append(memoryview(data))
        viewer.waiting_bytes += len(data)

    # --- connections ------------------------------------------------------------------------------------------------------------

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except BlockingIOError:
                return
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._viewers += 1
            viewer = Viewer(sock, self._viewers)
            self._selector.register(sock, selectors.EVENT_READ, viewer)

    def _part(self, viewer: Viewer) -> None:
        if viewer.sock.fileno() < 0:
            return
        self._selector.unregister(viewer.sock)
        viewer.sock.close()
        viewer.playing = False
        if viewer.camera is not None:
            viewer.camera.viewers.remove(viewer)

    def _serve(self, viewer: Viewer, events: int) -> None:
        if viewer.sock.fileno() < 0:
            return
        try:
            if events & selectors.EVENT_WRITE:
                self._drain(viewer)
            if events & selectors.EVENT_READ:
                data = viewer.sock.recv(65536)
                if not data:
                    self._part(viewer)
                    return
                viewer.inbox += data
                self._read_requests(viewer)
        except BlockingIOError:
            return
        except (OSError, ValueError):
            self._part(viewer)

    def _drain(self, viewer: Viewer) -> None:
        while viewer.outbox:
            head = viewer.outbox[0]
            sent = viewer.sock.send(head)
            viewer.waiting_bytes -= sent
            if sent < len(head):
                viewer.outbox[0] = head[sent:]
                return
            viewer.outbox.popleft()
        self._selector.modify(viewer.sock, selectors.EVENT_READ, viewer)

    def _read_requests(self, viewer: Viewer) -> None:
        inbox = viewer.inbox
        while inbox and viewer.sock.fileno() >= 0:
            if inbox[0] == 0x24:  # a receiver's report
                if len(inbox) < 4 or len(inbox) < 4 + int.from_bytes(inbox[2:4], "big"):
                    return
                del inbox[: 4 + int.from_bytes(inbox[2:4], "big")]
                continue
            end = inbox.find(b"\r\n\r\n")
            if end < 0:
                return
            lines = inbox[:end].decode("latin-1").split("\r\n")
            headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
            length = int(headers.get("content-length", "0"))
            if len(inbox) < end + 4 + length:
                return
            del inbox[: end + 4 + length]
            method, url, _ = lines[0].split(" ", 2)
            self._answer(viewer, method, url, headers)

    def _answer(self, viewer: Viewer, method: str, url: str, headers: dict[str, str]) -> None:
        camera = viewer.camera or self._cameras.get("/" + url.partition("://")[2].partition("/")[2].rstrip("/").removesuffix("/track0"))
        status, extra, body = "200 OK", "", ""
        if camera is None and method != "OPTIONS":
            status = "404 Not Found"
        elif camera is not None and camera.mode == "refuse":
            status = "503 Service Unavailable"
        elif method == "OPTIONS":
            extra = "Public: OPTIONS, DESCRIBE, SETUP, PLAY, GET_PARAMETER, TEARDOWN\r\n"
        elif method == "DESCRIBE" and camera is not None:
            extra, body = f"Content-Base: {url.rstrip('/')}/\r\nContent-Type: application/sdp\r\n", _description(camera)
        elif method == "SETUP" and camera is not None:
            status, extra = self._set_up(viewer, camera, headers)
        elif method == "PLAY":
            extra = f"Session: {viewer.number}\r\nRange: npt=now-\r\n"
        answer = f"RTSP/1.0 {status}\r\nCSeq: {headers.get('cseq', '0')}\r\n{extra}Content-Length: {len(body)}\r\n\r\n{body}"
        self._send(viewer, answer.encode())
        if method == "PLAY" and status == "200 OK":
            self._play(viewer)
        if method == "TEARDOWN" or status.startswith("503"):
            self._part(viewer)

    @staticmethod
    def _set_up(viewer: Viewer, camera: Camera, headers: dict[str, str]) -> tuple[str, str]:
        if "interleaved" not in headers.get("transport", ""):
            return "461 Unsupported Transport", ""
        if viewer.camera is None:
            viewer.camera = camera
            camera.viewers.append(viewer)
        transport = f"RTP/AVP/TCP;unicast;interleaved=0-1;ssrc={viewer.number:08X}"
        return "200 OK", f"Transport: {transport}\r\nSession: {viewer.number};timeout=60\r\n"

    def _play(self, viewer: Viewer) -> None:
        camera = viewer.camera
        if camera is not None:
            viewer.playing = True
            if not camera.scheduled:
                self._schedule(camera, camera.next_number(time.monotonic()))


def _description(camera: Camera) -> str:
    return (
        "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=load\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\na=control:*\r\nm=video 0 RTP/AVP 96\r\n"
        f"a=rtpmap:96 H264/90000\r\n{camera.film.sdp}a=framerate:{camera.rate_fps:g}\r\na=control:track0\r\n"
    )


def _report(viewer: Viewer, stamp: int) -> bytes:
    """A sender's report (RFC 3550, 6.4.1) on channel 1, as cameras send them every few seconds."""
    ntp = time.time() + 2_208_988_800
    whole = int(ntp)
    body = struct.pack(
        ">BBHIIIIII",
        *(0x80, 200, 6, viewer.number, whole & 0xFFFFFFFF, int((ntp - whole) * 2**32), stamp),
        *(viewer.packets & 0xFFFFFFFF, viewer.octets & 0xFFFFFFFF),
    )
    return struct.pack(">BBH", 0x24, 1, len(body)) + body


def main() -> int:
    """Read the settings, serve, and end with the standard input."""
    try:
        server = Server(json.loads(sys.stdin.readline()))
    except (OSError, ValueError, av.error.FFmpegError) as error:
        sys.stdout.write(f"FAILED {error}\n")
        return 1
    sys.stdout.write(f"READY {server.port}\n")
    sys.stdout.flush()
    server.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
