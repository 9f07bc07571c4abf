from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from panops.testing.films import make_film

from .web_site import WebSite


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """30 pictures of H.264 at 10 frames/s, a keyframe each second, 160x120, no B-frames."""
    return make_film(tmp_path_factory.mktemp("films") / "film.mp4")


@pytest.fixture(scope="session")
def film_b(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with B-frames."""
    options = {"preset": "veryfast", "x264-params": "bframes=3:b-adapt=0:scenecut=0:threads=1"}
    return make_film(tmp_path_factory.mktemp("films") / "film_b.mp4", options=options, count=40, gop=20)


@pytest.fixture
def web() -> Iterator[WebSite]:
    site = WebSite()
    yield site
    site.server.shutdown()
    site.server.server_close()
