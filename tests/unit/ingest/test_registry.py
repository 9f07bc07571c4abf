from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import pytest
from pydantic import ValidationError

from panops.config.schema import CameraConfig
from panops.domain.clock import Clock
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


def test_a_camera_of_a_site_is_always_paced_and_dated_in_utc(film: Path) -> None:
    clock = FakeClock()
    source = open_source("gate", CameraConfig(source=str(film)), clock)  # type: ignore[arg-type]  # pydantic makes the secret
    assert source.open().live
    packets = list(iter(source.read, None))
    source.close()
    assert clock.waits
    assert all(packet.captured_at_s >= 1_100 for packet in packets)
    with pytest.raises(ValidationError, match="realtime"):
        CameraConfig.model_validate({"source": str(film), "realtime": False})


def test_an_installed_scheme_is_configured_and_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    points = EntryPoints([EntryPoint("acme", "tests.unit.ingest.test_registry:AcmeSource", "panops.sources")])
    monkeypatch.setattr("panops.config.fields.entry_points", lambda group: points.select(group=group))
    monkeypatch.setattr("panops.domain.registry.entry_points", lambda group: points.select(group=group))
    camera = CameraConfig.model_validate({"source": "acme://me:secret@gate"})
    made = open_source("gate", camera, FakeClock())
    assert isinstance(made, AcmeSource)
    with pytest.raises(ValidationError, match=r"cannot read other: addresses; expected .*rtsp, .*, sim, acme"):
        CameraConfig.model_validate({"source": "other://x"})


class AcmeSource:
    """What a plug-in brings."""

    def __init__(self, camera_id: str, camera: CameraConfig, clock: Clock) -> None:
        self.address = f"{camera_id}: {camera.source} at {clock.utc_s()}"


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
