"""Opens the file of a stored model on the CPU, also where it is weights that must become a network first."""

from __future__ import annotations

import atexit
import shutil
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

from panops.domain.errors import ModelUnsupported
from panops.domain.protocols import Backend
from panops.inference import dlib_resnet, minifasnet, mtcnn_networks
from panops.inference.open_backend import open_backend
from panops.models.checksum import sha256_of
from panops.models.shelf import StoredModel


@dataclass(frozen=True, slots=True)
class _Converted:
    """How a file of weights becomes a network.

    Attributes:
        what: Whose weights, for messages.
        onnx: From the file's name and content to ONNX.
        sha256: What that has when the weights are the published ones.
    """

    what: str
    onnx: Callable[[str, bytes], bytes]
    sha256: str


# Heads whose files are weights as other programs keep them.
_CONVERTED: Mapping[str, _Converted] = {
    **{
        f"mtcnn_{network}": _Converted(
            f"MTCNN's {network} as facenet-pytorch 2.6.0 has them", partial(mtcnn_networks.mtcnn_onnx, network), sha256
        )
        for network, sha256 in mtcnn_networks.ONNX_SHA256.items()
    },
    **{
        f"minifasnet_{network}": _Converted(
            f"MiniFASNet's {network} as Minivision published them", partial(minifasnet.minifasnet_onnx, network), sha256
        )
        for network, sha256 in minifasnet.ONNX_SHA256.items()
    },
    "dlib_resnet": _Converted("dlib's network for faces, version 1", dlib_resnet.dlib_resnet_onnx, dlib_resnet.ONNX_SHA256),
}
_converting = threading.Lock()


def open_model_file(model: StoredModel, *, threads: int = 1, cache_dir: Path | None = None) -> Backend:
    """Load a model's file; see `inference.open_backend`. Any thread may ask.

    Weights of MTCNN, MiniFASNet and dlib are turned into ONNX, which is the same bytes each time, and run in float32: in BF16, which
    OpenVINO takes by itself on some processors, MTCNN's boxes move by up to 12 px, and faces look different from machine to machine.

    Raises:
        ModelUnsupported: It cannot be run here, holds other weights than it should, or there is no room for its network.
    """
    conversion = _CONVERTED.get(model.manifest.head)
    if conversion is None:
        return open_backend(model.path, threads=threads, cache_dir=cache_dir)
    with _converting:
        try:
            path = _converted(conversion, model)
        except OSError as error:
            raise ModelUnsupported(f"{model.path.name}: its network cannot be written: {error.strerror or error}") from error
        return open_backend(path, threads=threads, exact=True)


def _converted(conversion: _Converted, model: StoredModel) -> Path:
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True)  # it may have been tidied away
    target = folder / f"{model.manifest.head}-{model.manifest.sha256[:16]}.onnx"
    if not target.exists():
        part = target.with_suffix(".part")
        part.write_bytes(conversion.onnx(model.path.name, model.path.read_bytes()))
        if sha256_of(part) != conversion.sha256:
            raise ModelUnsupported(f"{model.path.name}: expected the weights of {conversion.what}, got others")
        part.replace(target)
    return target


@lru_cache(maxsize=1)
def _folder() -> Path:
    """Goes with the process."""
    folder = Path(tempfile.mkdtemp(prefix="panops-networks-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
