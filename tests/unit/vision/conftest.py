"""Makes `manifests` importable whatever pytest's import mode is, and gives tests the models of published wheels."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent))

from wheel_models import MEDIAPIPE, in_folders, unpacked

# A busy machine is no failure.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


@pytest.fixture(scope="session")
def mediapipe_file(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The path of a model below `mediapipe/modules/` of its wheel; skips the test where it can neither be found nor fetched."""

    def path(member: str) -> Path:
        member = f"mediapipe/modules/{member}"
        found = in_folders(member)
        if found is not None:
            return found
        shared = tmp_path_factory.getbasetemp()
        if os.environ.get("PYTEST_XDIST_WORKER"):
            shared = shared.parent
        folder, problem = unpacked(MEDIAPIPE, shared)
        if problem:
            pytest.skip(f"needs {MEDIAPIPE}: {problem}; or name a folder with its files in PANOPS_TEST_WHEELS")
        return folder / member

    return path
