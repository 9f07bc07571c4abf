from __future__ import annotations

from pathlib import Path

import pytest

from panops.domain.errors import SourceError, SourceUnreachable, SourceUnsupported
from panops.ingest.address import parse_address
from panops.ingest.device import DeviceSource
from tests.unit.ingest.fakes import FakeClock


def test_a_camera_that_is_not_plugged_in() -> None:
    with pytest.raises(SourceUnreachable, match="plugged in"):
        DeviceSource(parse_address("device:/dev/video97"), FakeClock()).open()


def test_a_file_is_no_camera(tmp_path: Path) -> None:
    path = tmp_path / "video0"
    path.touch()
    with pytest.raises(SourceUnsupported, match="not a camera device"):
        DeviceSource(parse_address(f"device:{path}"), FakeClock()).open()


def test_a_device_that_is_no_camera() -> None:
    with pytest.raises(SourceError, match="device:/dev/null"):
        DeviceSource(parse_address("device:/dev/null"), FakeClock()).open()
