"""The backends by name. A plug-in is an entry point in `panops.backends` that names a class fitting `BackendFactory`."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from panops.domain.device import Device
from panops.domain.protocols import Backend
from panops.domain.registry import Entry, Registry
from panops.inference.formats import IR, ONNX, PT2, TFLITE


class BackendFactory(Protocol):
    """What `open_backend` calls: a class whose instances are `Backend`s.

    Attributes:
        formats: What it reads: `onnx`, `tflite`, `openvino-ir`, `pt2`, or a file suffix without its dot such as `engine`.

    A class that runs on more than the CPU has also `devices`, a frozenset of what of `cpu`, `cuda` and `tensorrt` it runs on, and then
    takes a further argument `device`.
    """

    formats: frozenset[str]

    def __call__(self, path: Path, *, threads: int = 1, cache_dir: Path | None = None, **device: Device) -> Backend:
        """Load `path`.

        Args:
            path: The model's file.
            threads: Threads of this session; 1 on a machine that runs many cameras.
            cache_dir: Where compiled models may be kept between runs; None keeps none.
            device: Where to run it; passed only to a class that names its `devices`.

        Raises:
            ModelUnsupported: It cannot run this file.
            DeviceError: The device cannot be used.
        """
        ...


BACKENDS = Registry(
    "backend",
    "panops.backends",
    {
        "openvino": Entry("panops.inference.backends.openvino_backend:OpenVinoBackend", "pip install openvino"),
        "onnxruntime": Entry("panops.inference.backends.onnxruntime_backend:OnnxRuntimeBackend", "pip install onnxruntime"),
        "torch": Entry("panops.inference.backends.torch_backend:TorchBackend", "pip install torch"),
        "litert": Entry("panops.inference.backends.litert_backend:LiteRtBackend", "pip install 'panops[litert]'"),
    },
)

# Which built-in is tried first, fastest first as measured (docs/models.md); plug-ins are asked after these.
BUILTIN_ORDER: dict[str, tuple[str, ...]] = {
    ONNX: ("openvino", "onnxruntime"),
    IR: ("openvino",),
    TFLITE: ("openvino", "litert"),
    PT2: ("torch",),
}

# The same on GPUs.
GPU_ORDER: dict[str, tuple[str, ...]] = {
    ONNX: ("onnxruntime",),
    PT2: ("torch",),
}
