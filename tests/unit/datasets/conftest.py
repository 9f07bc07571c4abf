"""Pictures on disk that these tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.datasets.drawn import save, scene


@pytest.fixture(scope="session")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Six pictures of 96x64, none like another; two share a name, one has letters outside ASCII."""
    folder = tmp_path_factory.mktemp("scenes")
    names = ("a.jpg", "b.png", "c.webp", "sub/a.jpg", "Tür 1.png", "d.bmp")
    return [save(folder / name, scene(seed)) for seed, name in enumerate(names)]
