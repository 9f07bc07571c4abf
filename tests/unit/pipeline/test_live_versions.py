"""Versions while a real site runs: supervisor, shard process, camera, and real model files in the store."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import numpy as np
import pytest

from panops.config.schema import SiteConfig
from panops.domain.manifest import ModelManifest, ModelSource, SourceKind
from panops.models.agreement import CameraAgreement, all_agreements
from panops.models.manifest_file import dump_manifest
from panops.models.promotion import promote, roll_back, shadow
from panops.models.store import ModelStore
from panops.pipeline.live import CameraState, CameraStatus
from panops.pipeline.supervisor import Supervisor, SupervisorSettings
from panops.storage.database import Database
from panops.storage.home import Home
from panops.storage.site import SiteRepository
from panops.testing.tiny_onnx import Node, Tensor, write_onnx

ROWS = 84  # of a 64 px input: strides 8, 16, 32
SIZE = (64, 64)


def add_version(store: ModelStore, root: Path, version: str, width: float, classes: tuple[str, ...]) -> None:
    """A network that sees one thing of its first class in the middle of every picture, whatever there is."""
    folder = root / f"export-{version}"
    folder.mkdir()
    rows = np.zeros((1, 1, ROWS, 5 + len(classes)), np.float32)
    rows[0, 0, 0, :6] = [32, 32, width, 40, 0.9, 1.0]
    path = write_onnx(
        folder / "net.onnx",
        [
            Node("Mul", ["images", "zero"], ["nothing"]),
            Node("ReduceMax", ["nothing"], ["one"], {"axes": [1, 2, 3]}),
            Node("Add", ["one", "rows"], ["seen"]),
            Node("Squeeze", ["seen"], ["output"], {"axes": [1]}),
        ],
        [Tensor("images", (1, 3, *SIZE))],
        [Tensor("output", (1, ROWS, 5 + len(classes)))],
        constants={"zero": np.zeros((1,), np.float32), "rows": rows},
        opset=11,
    )
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    source = ModelSource(SourceKind.FILE, path.name)
    manifest = ModelManifest("net", "detection", "yolox_decoded", version, "MIT", source, path.name, digest, SIZE, classes)
    (folder / "manifest.yaml").write_text(dump_manifest(manifest))
    store.add(str(folder))


async def until(condition: object, timeout_s: float = 40.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():  # type: ignore[operator]
            await asyncio.sleep(0.05)


@pytest.mark.slow
def test_shadow_promote_and_other_classes_on_a_live_camera(tmp_path: Path) -> None:
    home = Home(tmp_path / "home").create()
    store = ModelStore(home.models, mirrors=[])
    add_version(store, tmp_path, "1", 20.0, ("person", "car"))
    add_version(store, tmp_path, "2", 24.0, ("person", "car"))  # IoU .83 with the first: the same place
    add_version(store, tmp_path, "3", 20.0, ("bus",))
    camera = {"source": "sim://fence?seed=1&activity=0&rate_fps=10", "model": "net", "check_fps": 10, "motion": {"enabled": False}}

    async def run() -> None:
        database = Database.at(home.path).open()
        SiteRepository(database).apply(SiteConfig.model_validate({"cameras": {"a": camera}}), origin="file")
        supervisor = Supervisor(home, database, SupervisorSettings(default_model="motion", cores=1))

        def status() -> CameraStatus:
            return supervisor.statuses()[0]

        def counted() -> CameraAgreement | None:
            return next((camera for cameras in all_agreements(store.folder / "net").values() for camera in cameras), None)

        try:
            await supervisor.start()
            await until(lambda: status().state is CameraState.LIVE and status().tracks == 1)
            shadow(store, "net", "2", every=1)
            await until(lambda: (counted() or CameraAgreement("a")).looks > 0)
            promote(store, "net")  # the shadow, at once
            analysed, decoded = status().analysed, status().decoded
            await until(lambda: status().analysed > analysed + 20)
            # It took over on the camera that runs: counters go on, nothing was connected anew.
            assert status().decoded > decoded
            assert status().reconnects == 0
            assert status().tracks == 1
            found = counted()
            assert found is not None
            person = found.classes["person"]
            assert (person.only_active, person.only_shadow) == (0, 0)
            assert person.both == found.looks > 0
            assert found.shadow_ms > 0
            promote(store, "net", "3")
            await until(lambda: status().classes == ("bus",) and status().state is CameraState.LIVE)
            roll_back(store, "net")
            await until(lambda: status().classes == ("person", "car") and status().tracks == 1)
            assert supervisor.notices() == []
        finally:
            await supervisor.stop()
            database.close()

    asyncio.run(run())
