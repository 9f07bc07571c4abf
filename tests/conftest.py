"""Fixtures that every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

from panops.inference.nvidia import nvidia_gpus
from tests.face_weights import dlib_folder

# A busy machine must not fail a property that holds.
settings.register_profile("panops", deadline=None)
settings.load_profile("panops")


def find_shared_data() -> Path | None:
    """The folder of clips, weights and tracking data, or None where it does not exist."""
    places = [os.environ.get("PANOPS_SHARED"), str(Path(__file__).resolve().parents[2] / "shared")]
    for place in places:
        if not place:
            continue
        for folder in (Path(place) / "data", Path(place)):
            if (folder / "videos").is_dir():
                return folder
    return None


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of clips, weights and tracking data; skips the test where it does not exist."""
    folder = find_shared_data()
    if folder is None:
        pytest.skip("needs the shared test data: set PANOPS_SHARED to its folder")
    return folder


@pytest.fixture(scope="session")
def dlib_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the file of the model `dlib_faces`, a mirror for stores; skips the test where it can neither be found nor fetched."""
    shared = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        shared = shared.parent
    folder, problem = dlib_folder(shared)
    if problem:
        pytest.skip(f"needs dlib's weights: {problem}")
    return folder


@pytest.fixture
def gpu_or_skip() -> None:
    """Skips the test where there is no NVIDIA GPU, unless `PANOPS_REQUIRE_GPU` is set: then that is a failure."""
    gpus = nvidia_gpus()
    if not gpus.names:
        if os.environ.get("PANOPS_REQUIRE_GPU"):
            pytest.fail(f"PANOPS_REQUIRE_GPU is set, and {gpus.problem}")
        pytest.skip(f"needs an NVIDIA GPU: {gpus.problem}")
