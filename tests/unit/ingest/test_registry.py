from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from panops.config.schema import CameraConfig
from panops.domain.errors import SourceUnsupported
from panops.domain.protocols import Source
from panops.ingest.device import DeviceSource
from panops.ingest.file import FileSource
from panops.ingest.http import HttpSource
from panops.ingest.registry import SOURCES, open_source
from panops.ingest.rtsp import RtspSource
from tests.unit.ingest.fakes import FakeClock


@pytest.mark.parametrize(
    ("source", "kind", "shown"),
    [
        ("rtsp://u:secret@cam/x", RtspSource, "rtsp://u:***@cam/x"),
        ("rtsps://cam/x", RtspSource, "rtsps://cam/x"),
        ("http://cam/x?pwd=secret", HttpSource, "http://cam/x?pwd=***"),
        ("https://cam/x", HttpSource, "https://cam/x"),
        ("device:/dev/video1", DeviceSource, "device:/dev/video1"),
        ("film.mp4", FileSource, "film.mp4"),
        ("films/*.mp4", FileSource, "films/*.mp4"),
    ],
)
def test_each_address_has_its_source(source: str, kind: type[Source], shown: str) -> None:
    made = open_source("gate", CameraConfig(source=source), FakeClock())  # type: ignore[arg-type]  # pydantic makes the secret
    assert type(made) is kind
    assert made.address == shown


def test_processing_reads_a_looping_camera_once_with_media_times(film: Path) -> None:
    camera = CameraConfig(source=str(film), loop=True)  # type: ignore[arg-type]  # pydantic makes the secret
    source = open_source("gate", camera, FakeClock(), realtime=False)
    source.open()
    packets = list(iter(source.read, None))
    source.close()
    assert len(packets) == 30
    assert all(packet.captured_at_s == packet.pts_s for packet in packets)


def test_settings_reach_the_source(film: Path) -> None:
    fast = CameraConfig(source=str(film), realtime=False)  # type: ignore[arg-type]  # pydantic makes the secret
    clock = FakeClock()
    source = open_source("gate", fast, clock)
    assert not source.open().live
    list(iter(source.read, None))
    source.close()
    assert not clock.waits


def test_the_simulated_site_is_named_but_not_imported() -> None:
    assert "sim" in SOURCES.names()
    code = (
        "import sys, panops.ingest.registry as r; r.SOURCES.names(); sys.exit(any(m.startswith('panops.simulation') for m in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_unknown_scheme_says_so() -> None:
    camera = CameraConfig.model_construct(source=CameraConfig(source="sim://yard").source)  # type: ignore[arg-type]
    object.__setattr__(camera, "source", type(camera.source)("nothing://u:secret@x"))
    with pytest.raises(SourceUnsupported, match=r"nothing://u:\*\*\*@x") as caught:
        open_source("gate", camera, FakeClock())
    assert "secret" not in str(caught.value)
