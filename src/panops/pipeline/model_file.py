"""Opens the file of a stored model on the CPU, also where it is weights that must become a network first."""

from __future__ import annotations

import atexit
import shutil
import tempfile
import threading
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
_converting = threading.Lock()


def open_model_file(model: StoredModel, *, threads: int = 1, cache_dir: Path | None = None) -> Backend:
    """Load a model's file; see `inference.open_backend`. Any thread may ask.

    MTCNN's weights are turned into ONNX, which is the same bytes each time, and run in float32: in BF16, which OpenVINO takes by itself on
    some processors, its boxes move by up to 12 px.

    Raises:
        ModelUnsupported: It cannot be run here, holds other weights than it should, or there is no room for its network.
    """
    network = _MTCNN.get(model.manifest.head)
    if network is None:
        return open_backend(model.path, threads=threads, cache_dir=cache_dir)
    with _converting:
        try:
            path = _converted(network, model)
        except OSError as error:
            raise ModelUnsupported(f"{model.path.name}: its network cannot be written: {error.strerror or error}") from error
        return open_backend(path, threads=threads, exact=True)


def _converted(network: str, model: StoredModel) -> Path:
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True)  # it may have been tidied away
    target = folder / f"mtcnn_{network}-{model.manifest.sha256[:16]}.onnx"
    if not target.exists():
        part = target.with_suffix(".part")
        part.write_bytes(mtcnn_onnx(network, model.path.name, model.path.read_bytes()))
        if sha256_of(part) != ONNX_SHA256[network]:
            named = model.path.name
            raise ModelUnsupported(f"{named}: expected the weights of MTCNN's {network} as facenet-pytorch 2.6.0 has them, got others")
        part.replace(target)
    return target


@lru_cache(maxsize=1)
def _folder() -> Path:
    """Goes with the process."""
    folder = Path(tempfile.mkdtemp(prefix="panops-networks-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
