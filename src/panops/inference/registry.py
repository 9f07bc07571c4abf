"""The backends by name. A plug-in is an entry point in `panops.backends` that names a class fitting `BackendFactory`."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from panops.domain.protocols import Backend
from panops.domain.registry import Entry, Registry
from panops.inference.formats import IR, ONNX, TFLITE


class BackendFactory(Protocol):
    """What `open_backend` calls: a class whose instances are `Backend`s.

    Attributes:
        formats: What it reads: `onnx`, `tflite`, `openvino-ir`, or a file suffix without its dot such as `engine`.
    """

    formats: frozenset[str]

    def __call__(self, path: Path, *, threads: int = 1, cache_dir: Path | None = None) -> Backend:
        """Load `path`.

        Args:
            path: The model's file.
            threads: Threads of this session; 1 on a machine that runs many cameras.
            cache_dir: Where compiled models may be kept between runs; None keeps none.

        Raises:
            ModelUnsupported: It cannot run this file.
        """
        ...


BACKENDS = Registry(
    "backend",
    "panops.backends",
    {
        "openvino": Entry("panops.inference.backends.openvino_backend:OpenVinoBackend", "pip install openvino"),
        "onnxruntime": Entry("panops.inference.backends.onnxruntime_backend:OnnxRuntimeBackend", "pip install onnxruntime"),
        "litert": Entry("panops.inference.backends.litert_backend:LiteRtBackend", "pip install 'panops[litert]'"),
    },
)

# Which built-in is tried first, fastest first as measured (docs/models.md); plug-ins are asked after these.
BUILTIN_ORDER: dict[str, tuple[str, ...]] = {
    ONNX: ("openvino", "onnxruntime"),
    IR: ("openvino",),
    TFLITE: ("openvino", "litert"),
}
