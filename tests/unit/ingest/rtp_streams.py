"""Films as RTP packets, cut in every way that the standards allow, and a camera that plays whatever a test says."""

from __future__ import annotations

import base64
import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import av

PAYLOAD_TYPE = 96
SOURCE = 0x1234
_START = b"\0\0\0\1"


@dataclass(frozen=True)
class Picture:
    """One access unit: its NAL units, its presentation time in ticks of 90 kHz, whether decoding can begin here."""

    units: tuple[bytes, ...]
    timestamp: int
    is_keyframe: bool

    @property
    def annex_b(self) -> bytes:
        return b"".join(_START + unit for unit in self.units)


def kind_of(unit: bytes, codec: str) -> int:
    return unit[0] & 0x1F if codec == "h264" else unit[0] >> 1 & 0x3F


def film_pictures(path: Path, *, codec: str = "h264", start: int = 1000) -> list[Picture]:
    """The pictures of a file in the order of decoding."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        annex_b = av.BitStreamFilterContext("h264_mp4toannexb" if codec == "h264" else "hevc_mp4toannexb", stream)
        pictures = []
        for packet in container.demux(stream):
            for whole in annex_b.filter(packet) if packet.size else ():
                assert whole.pts is not None
                assert whole.time_base is not None
                timestamp = start + round(whole.pts * whole.time_base * 90_000)
                pictures.append(Picture(tuple(split_units(bytes(whole))), timestamp & 0xFFFFFFFF, whole.is_keyframe))
    return pictures


def split_units(data: bytes) -> list[bytes]:
    """The NAL units of Annex B data."""
    return [part for part in data.replace(_START, _START[1:]).split(_START[1:]) if part]


def payloads(units: Sequence[bytes], codec: str, mtu: int, *, aggregate: bool = False) -> list[bytes]:
    """Cut one picture: single NAL units, fragments of at most `mtu` bytes, and where asked for, small units together in one packet."""
    cut: list[bytes] = []
    group: list[bytes] = []

    def flush() -> None:
        if len(group) == 1:
            cut.append(group[0])
        elif group:
            head = bytes([0x60 | 24]) if codec == "h264" else bytes([48 << 1, 1])
            cut.append(head + b"".join(struct.pack(">H", len(unit)) + unit for unit in group))
        group.clear()

    for unit in units:
        if aggregate and len(unit) + 4 + sum(len(other) + 2 for other in group) <= mtu:
            group.append(unit)
            continue
        flush()
        if len(unit) <= mtu:
            group.append(unit)
        else:
            cut += _fragments(unit, codec, mtu)
        if not aggregate:
            flush()
    flush()
    return cut


def _fragments(unit: bytes, codec: str, mtu: int) -> list[bytes]:
    head, body = (unit[:1], unit[1:]) if codec == "h264" else (unit[:2], unit[2:])
    room = max(1, mtu - len(head) - 1)
    kind = kind_of(unit, codec)
    fu_head = bytes([head[0] & 0xE0 | 28]) if codec == "h264" else bytes([head[0] & 0x81 | 49 << 1, head[1]])
    cut = []
    for at in range(0, len(body), room):
        edge = 0x80 * (at == 0) | 0x40 * (at + room >= len(body))
        cut.append(fu_head + bytes([edge | kind]) + body[at : at + room])
    return cut


def rtp(payload: bytes, sequence: int, timestamp: int, *, marker: bool = False, payload_type: int = PAYLOAD_TYPE) -> bytes:
    head = struct.pack(">BBHII", 0x80, payload_type | 0x80 * marker, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, SOURCE)
    return head + payload


def packets_of(
    pictures: Iterable[Picture], codec: str = "h264", mtu: int = 1400, *, aggregate: bool = False, marker: str = "last", first: int = 65_530
) -> list[bytes]:
    """RTP packets of a film.

    Args:
        pictures: They.
        codec: `h264` or `hevc`.
        mtu: The longest payload, bytes.
        aggregate: Put small NAL units together.
        marker: On the `last` packet of a picture, on `every` one, on `none`, or on the last of each NAL `unit`.
        first: The first sequence number.
    """
    packets: list[bytes] = []
    for picture in pictures:
        groups = [payloads([unit], codec, mtu) for unit in picture.units] if marker == "unit" else []
        cut = [payload for group in groups for payload in group] or payloads(picture.units, codec, mtu, aggregate=aggregate)
        ends = {id(group[-1]) for group in groups} | ({id(cut[-1])} if marker != "none" else set())
        for payload in cut:
            packets.append(rtp(payload, first + len(packets), picture.timestamp, marker=marker == "every" or id(payload) in ends))
    return packets


def interleaved(packet: bytes, channel: int = 0) -> bytes:
    return struct.pack(">BBH", 0x24, channel, len(packet)) + packet


def description(pictures: Sequence[Picture], codec: str = "h264", *, announce: bool = True, extra: str = "") -> str:
    """A session description, with the parameter sets where `announce` says so."""
    lines = ["v=0", "o=- 0 0 IN IP4 127.0.0.1", "s=x", "c=IN IP4 0.0.0.0", "t=0 0", "a=control:*", f"m=video 0 RTP/AVP {PAYLOAD_TYPE}"]
    lines += [f"a=rtpmap:{PAYLOAD_TYPE} {'H264' if codec == 'h264' else 'H265'}/90000"]
    if announce:
        kinds = (7, 8) if codec == "h264" else (32, 33, 34)
        found = {kind: base64.b64encode(u).decode() for kind in kinds for p in pictures[::-1] for u in p.units if kind_of(u, codec) == kind}
        if codec == "h264":
            lines += [f"a=fmtp:{PAYLOAD_TYPE} packetization-mode=1;sprop-parameter-sets={','.join(found[kind] for kind in kinds)}"]
        else:
            names = dict(zip(kinds, ("sprop-vps", "sprop-sps", "sprop-pps"), strict=True))
            lines += [f"a=fmtp:{PAYLOAD_TYPE} " + ";".join(f"{names[kind]}={found[kind]}" for kind in kinds)]
    return "\r\n".join([*lines, "a=control:track0", *([extra] if extra else []), ""])


Reply = Callable[[str, str, dict[str, str]], str | bytes | None]


@dataclass
class ScriptedCamera:
    """An RTSP server of one thread a connection that answers properly unless a test says otherwise.

    Attributes:
        sdp: What DESCRIBE gives.
        play: Runs after the answer to PLAY, with the socket; the connection is closed when it returns.
        reply: Asked first for each request (method, address, headers); a text is a whole answer without CSeq, bytes are sent as they are,
            None lets the camera answer by itself.
        before_answers: Runs before each answer.
        channels: The interleaved channels that SETUP gives.
        seen: The requests so far: method, address, headers.
    """

    sdp: str = ""
    play: Callable[[socket.socket], None] = lambda _: None
    reply: Reply = lambda *_: None
    before_answers: Callable[[socket.socket], None] | None = None
    channels: str = "0-1"
    seen: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    connections: int = 0

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._sockets: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for sock in self._sockets:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive()

    def url(self, path: str = "/cam", login: str = "") -> str:
        return f"rtsp://{login}127.0.0.1:{self.port}{path}"

    def methods(self) -> list[str]:
        return [method for method, _, _ in self.seen]

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._sockets.append(sock)
            self._threads.append(threading.Thread(target=self._serve, args=(sock,), daemon=True))
            self._threads[-1].start()

    def _serve(self, sock: socket.socket) -> None:
        inbox = b""
        with sock:
            try:
                while True:
                    while b"\r\n\r\n" not in inbox:
                        data = sock.recv(65536)
                        if not data:
                            return
                        inbox += data
                    head, _, inbox = inbox.partition(b"\r\n\r\n")
                    first, *lines = head.decode().split("\r\n")
                    method, url, _ = first.split(" ", 2)
                    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
                    self.seen.append((method, url, headers))
                    if self.before_answers is not None:
                        self.before_answers(sock)
                    answer = self._answer(method, url, headers)
                    sock.sendall(answer)
                    if method == "PLAY" and answer.startswith(b"RTSP/1.0 200"):
                        self.play(sock)
                        return
            except OSError:
                return

    def _answer(self, method: str, url: str, headers: dict[str, str]) -> bytes:
        answer = self.reply(method, url, headers)
        if isinstance(answer, bytes):
            return answer
        if answer is None:
            answer = {
                "OPTIONS": "RTSP/1.0 200 OK\r\nPublic: OPTIONS, DESCRIBE, SETUP, PLAY, GET_PARAMETER\r\n\r\n",
                "DESCRIBE": f"RTSP/1.0 200 OK\r\nContent-Type: application/sdp\r\nContent-Length: {len(self.sdp)}\r\n\r\n{self.sdp}",
                "SETUP": (
                    f"RTSP/1.0 200 OK\r\nTransport: RTP/AVP/TCP;unicast;interleaved={self.channels}\r\nSession: 77;timeout=60\r\n\r\n"
                ),
            }.get(method, "RTSP/1.0 200 OK\r\nSession: 77\r\n\r\n")
        status, _, rest = answer.partition("\r\n")
        return f"{status}\r\nCSeq: {headers['cseq']}\r\n{rest}".encode()


def sends(packets: Sequence[bytes], channel: int = 0, *, linger_s: float = 0.0) -> Callable[[socket.socket], None]:
    """A `play` that sends these RTP packets at once, waits for the viewer's end for a while, and closes."""

    def play(sock: socket.socket) -> None:
        sock.sendall(b"".join(interleaved(packet, channel) for packet in packets))
        if linger_s:
            linger(sock, linger_s)

    return play


def linger(sock: socket.socket, seconds: float = 5.0) -> None:
    """Say nothing until the viewer hangs up."""
    sock.settimeout(seconds)
    with contextlib.suppress(OSError):
        while sock.recv(4096):
            pass
