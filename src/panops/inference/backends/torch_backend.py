"""torch: runs exported programs (`.pt2`) on NVIDIA GPUs, and on the CPU for tests and comparisons; loaded only when such a model is used.

The one module of the live path that imports torch. On a CPU it is several times slower than OpenVINO (docs/gpu.md); what it is for is a
GPU without onnxruntime's GPU build, and networks that ONNX cannot express. A `.pt2` is read as data first (`torch_archive`).
"""

from __future__ import annotations

import io
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.export.passes import move_to_device_pass

from panops.domain.device import CPU, Device
from panops.domain.errors import DeviceError, ModelUnsupported
from panops.domain.protocols import TensorSpec
from panops.inference.formats import PT2
from panops.inference.tensors import Unreadable, check_inputs, closed, failed, numpy_dtype, telling_line
from panops.inference.torch_archive import plain_archive

_DTYPES = {
    "torch.float32": "float32",
    "torch.float16": "float16",
    "torch.float64": "float64",
    "torch.uint8": "uint8",
    "torch.int8": "int8",
    "torch.int16": "int16",
    "torch.int32": "int32",
    "torch.int64": "int64",
    "torch.bool": "bool",
}
_loading = threading.Lock()  # torch's deserialiser and its fake tensors keep their state in globals


class TorchBackend:
    """An exported program; see `domain.protocols.Backend`. One thread at a time may call `infer`.

    Outputs are called after the program's own names for them.

    Args:
        path: A `.pt2` file of `torch.export.save`, written on a CPU.
        threads: Threads of the CPU's work; torch has one number for the whole process.
        cache_dir: Not used: nothing is compiled.
        device: `cpu` or `cuda`.
    """

    formats = frozenset({PT2})
    devices = frozenset({"cpu", "cuda"})

    def __init__(self, path: Path, *, threads: int = 1, cache_dir: Path | None = None, device: Device = CPU) -> None:
        del cache_dir
        self._name = path.name
        self._where = _torch_device(device)
        try:
            content = plain_archive(path.name, path.read_bytes(), no_inputs())
            with _loading:
                program = torch.export.load(io.BytesIO(content))
                if device.batches:
                    program = move_to_device_pass(program, self._where)
                self.inputs, self.outputs = self._specs(program)
                network: Any = program.module(check_guards=False)
        except ModelUnsupported:
            raise
        except Exception as error:  # torch's deserialiser raises whatever it meets
            raise Unreadable(path.name, "torch", telling_line(error)) from error
        if not device.batches:
            torch.set_num_threads(max(1, threads))
        self._network: Any = network

    def infer(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Run the model; the outputs are fresh arrays. See `domain.protocols.Backend.infer`."""
        if self._network is None:
            raise closed(self._name)
        check_inputs(self._name, self.inputs, inputs)
        try:
            with torch.inference_mode():
                given = [self._tensor(inputs[spec.name]) for spec in self.inputs]
                results = self._network(*given)
            found = results if isinstance(results, (tuple, list)) else (results,)
            # An output may be a view of the input or of another output; the caller may keep what it gets. A GPU's faults come up here.
            return {spec.name: np.array(result.cpu().numpy()) for spec, result in zip(self.outputs, found, strict=True)}
        except torch.cuda.OutOfMemoryError as error:
            raise DeviceError(f"{self._where} has not enough memory for {self._name} in batches of {_batch(inputs)}") from error
        except (RuntimeError, TypeError, ValueError) as error:
            raise failed(self._name, error) from error

    def close(self) -> None:
        """Free the model. Safe to call twice."""
        self._network = None

    def _tensor(self, array: NDArray[Any]) -> Any:
        """The array on the device. It is only read: torch warns of arrays that may not be written, which is fine here."""
        readable = array if array.flags.writeable and array.flags.c_contiguous else np.array(array, order="C")
        return torch.from_numpy(readable).to(self._where)

    def _specs(self, program: Any) -> tuple[tuple[TensorSpec, ...], tuple[TensorSpec, ...]]:
        wanted = list(program.graph_signature.user_inputs)
        values = {node.name: node.meta.get("val") for node in program.graph.nodes}
        inputs = tuple(self._spec(name, values.get(name)) for name in wanted)
        outputs = tuple(self._spec(name, values.get(name)) for name in program.graph_signature.user_outputs)
        if not inputs or not outputs:
            raise ModelUnsupported(f"{self._name}: expected tensors as inputs and outputs, got none")
        return inputs, outputs

    def _spec(self, name: object, value: Any) -> TensorSpec:
        if not isinstance(name, str) or not isinstance(value, torch.Tensor):
            raise ModelUnsupported(f"{self._name}: expected tensors as inputs and outputs, got {name!r}")
        shape = tuple(size if isinstance(size, int) else -1 for size in value.shape)
        return TensorSpec(name, shape, numpy_dtype(self._name, name, str(value.dtype), _DTYPES))


def _torch_device(device: Device) -> Any:
    """The device as torch names it.

    Raises:
        DeviceError: This build or machine does not have it.
    """
    if not device.batches:
        return torch.device("cpu")
    if torch.version.cuda is None:
        raise DeviceError(
            f"{device} cannot be used: the installed torch {torch.__version__} is one for CPUs; take one with CUDA: docs/gpu.md"
        )
    if not torch.cuda.is_available() or device.index >= torch.cuda.device_count():
        raise DeviceError(
            f"{device} cannot be used: torch sees {torch.cuda.device_count()} GPUs; is NVIDIA's driver installed and new enough?"
        )
    return torch.device("cuda", device.index)


def no_inputs() -> bytes:
    """Example inputs of a program that has none, as torch saves them."""
    buffer = io.BytesIO()
    torch.save(((), {}), buffer)
    return buffer.getvalue()


def _batch(inputs: Mapping[str, NDArray[Any]]) -> int:
    return max((len(array) for array in inputs.values() if array.ndim), default=1)
