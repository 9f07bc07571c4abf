"""Packets of a film, dated as a camera's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from panops.domain.packets import Packet, StreamInfo
from panops.ingest.address import parse_address
from panops.ingest.file import FileSource
from panops.testing.fake_clock import FakeClock


def load(path: Path, captured_from_s: float = 0.0) -> tuple[StreamInfo, list[Packet]]:
    """The film's stream and its packets; the first picture was taken at `captured_from_s`, UTC s."""
    source = FileSource(parse_address(str(path)), FakeClock(), realtime=False)
    info = source.open()
    packets = [replace(packet, captured_at_s=packet.pts_s + captured_from_s) for packet in iter(source.read, None)]
    source.close()
    return info, packets


def later(packets: Sequence[Packet], by_s: float, epoch: int = 0, pts_by_s: float | None = None) -> list[Packet]:
    """The same packets, taken `by_s` later; `pts_by_s` is how much later the stream's own clock says, the same when None."""
    moved = by_s if pts_by_s is None else pts_by_s
    return [replace(one, pts_s=one.pts_s + moved, captured_at_s=one.captured_at_s + by_s, epoch=epoch) for one in packets]
