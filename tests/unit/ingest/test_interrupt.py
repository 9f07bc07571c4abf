from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import av.container.core
import pytest

from panops.domain.clock import SystemClock
from panops.domain.errors import SourceError
from panops.ingest.address import parse_address
from panops.ingest.http import HttpSource
from panops.ingest.interrupt import Interrupt
from panops.ingest.rtsp_ffmpeg import FfmpegRtspSource


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that accepts connections and never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("scheme", ["rtsp", "http"])
def test_close_ends_a_blocked_open_at_once(scheme: str, silent_port: int) -> None:
    address = parse_address(f"{scheme}://127.0.0.1:{silent_port}/x")
    source = (FfmpegRtspSource if scheme == "rtsp" else HttpSource)(address, SystemClock(), open_s=30.0)
    failures: list[BaseException] = []

    def work() -> None:
        try:
            source.open()
        except SourceError as error:
            failures.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    time.sleep(0.2)
    began = time.monotonic()
    source.close()
    thread.join(5.0)
    assert not thread.is_alive()
    assert time.monotonic() - began < 1.0
    assert "closed" in str(failures[0])


def test_a_source_closed_before_it_opens_does_not_connect(silent_port: int) -> None:
    source = FfmpegRtspSource(parse_address(f"rtsp://127.0.0.1:{silent_port}/x"), SystemClock(), open_s=30.0)
    source.close()
    began = time.monotonic()
    with pytest.raises(SourceError):
        source.open()
    assert time.monotonic() - began < 1.0


def test_only_the_asked_thread_sees_time_jump() -> None:
    clock = av.container.core.time  # type: ignore[attr-defined]  # replaced by panops.ingest.interrupt
    interrupt = Interrupt()
    with interrupt:
        before = clock.monotonic()
        assert abs(before - time.monotonic()) < 1.0
        assert interrupt.request()
        seen: list[float] = []
        other = threading.Thread(target=lambda: seen.append(clock.monotonic()))
        other.start()
        other.join()
        assert abs(seen[0] - time.monotonic()) < 1.0
        first, second = clock.monotonic(), clock.monotonic()
        assert first - before > 1e5
        assert second - first > 1e5
    assert abs(clock.monotonic() - time.monotonic()) < 1.0
    assert not interrupt.running


def test_a_request_between_calls_ends_the_next_one() -> None:
    interrupt = Interrupt()
    assert not interrupt.request()
    clock = av.container.core.time  # type: ignore[attr-defined]  # replaced by panops.ingest.interrupt
    with interrupt:
        assert clock.monotonic() - time.monotonic() > 1e5
