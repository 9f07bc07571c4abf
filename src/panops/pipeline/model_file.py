"""Opens the file of a stored model on the CPU, also where it is weights that must become a network first."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import lru_cache
from pathlib import Path

from panops.domain.errors import ModelUnsupported
from panops.domain.protocols import Backend
from panops.inference.mtcnn_networks import ONNX_SHA256, mtcnn_onnx
from panops.inference.open_backend import open_backend
from panops.models.checksum import sha256_of
from panops.models.shelf import StoredModel

# Heads whose files are the state dicts of PyTorch's ports.
_MTCNN = {"mtcnn_pnet": "pnet", "mtcnn_rnet": "rnet", "mtcnn_onet": "onet"}


def open_model_file(model: StoredModel, *, threads: int = 1, cache_dir: Path | None = None) -> Backend:
    """Load a model's file; see `inference.open_backend`.

    MTCNN's weights are turned into ONNX, which is the same bytes each time, and run in float32: in BF16, which OpenVINO takes by itself on
    some processors, its boxes move by up to 12 px.

    Raises:
        ModelUnsupported: It cannot be run here, or holds other weights than it should.
    """
    network = _MTCNN.get(model.manifest.head)
    if network is None:
        return open_backend(model.path, threads=threads, cache_dir=cache_dir)
    return open_backend(_converted(network, model.path), threads=threads, exact=True)


def _converted(network: str, path: Path) -> Path:
    target = _folder() / f"mtcnn_{network}.onnx"
    if not target.exists():
        part = target.with_suffix(".part")
        part.write_bytes(mtcnn_onnx(network, path.name, path.read_bytes()))
        if sha256_of(part) != ONNX_SHA256[network]:
            raise ModelUnsupported(f"{path.name}: expected the weights of MTCNN's {network} as facenet-pytorch 2.6.0 has them, got others")
        part.rename(target)
    return target


@lru_cache(maxsize=1)
def _folder() -> Path:
    """Goes with the process."""
    folder = Path(tempfile.mkdtemp(prefix="panops-networks-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
