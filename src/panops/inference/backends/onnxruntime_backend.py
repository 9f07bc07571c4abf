"""onnxruntime: reads ONNX everywhere; on CPUs the second choice where OpenVINO runs, on NVIDIA GPUs the only one for this format."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnxruntime
from numpy.typing import NDArray

from panops.domain.device import CPU, Device
from panops.domain.errors import DeviceError, ModelUnsupported
from panops.domain.protocols import TensorSpec
from panops.inference.engine_cache import one_at_a_time
from panops.inference.formats import ONNX
from panops.inference.tensors import MissingOperator, Unreadable, check_inputs, closed, failed, numpy_dtype, telling_line

onnxruntime.disable_telemetry_events()  # the Windows builds report their use otherwise
onnxruntime.set_default_logger_severity(4)  # what goes wrong comes as an exception; its log would repeat it on stderr

_DTYPES = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(double)": "float64",
    "tensor(uint8)": "uint8",
    "tensor(int8)": "int8",
    "tensor(uint16)": "uint16",
    "tensor(int16)": "int16",
    "tensor(uint32)": "uint32",
    "tensor(int32)": "int32",
    "tensor(uint64)": "uint64",
    "tensor(int64)": "int64",
    "tensor(bool)": "bool",
}
_MISSING = re.compile(r"No Op registered for (?P<standard>\w+)|Fatal error: (?P<custom>[\w.:]+)(?:\(-?\d+\))? is not a registered")


class OnnxRuntimeBackend:
    """A model in onnxruntime; see `domain.protocols.Backend`. One thread at a time may call `infer`.

    On a GPU the input's batch is free where the file allows it, and 8-bit files run as the device can (`onnx_rewrites`). Inputs and
    outputs go through the session's own copies: detectors' outputs are small, and pinned memory could not be measured here.

    Args:
        path: An `.onnx` file.
        threads: Threads of the session; with 1 there is no pool, so nothing spins.
        cache_dir: Where TensorRT keeps its engines; not used otherwise: sessions start in tens of milliseconds.
        device: Where it runs.
    """

    formats = frozenset({ONNX})
    devices = frozenset({"cpu", "cuda", "tensorrt"})

    def __init__(self, path: Path, *, threads: int = 1, cache_dir: Path | None = None, device: Device = CPU) -> None:
        self._name = path.name
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = max(1, threads)
        options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.add_session_config_entry("session.inter_op.allow_spinning", "0")
        # Processors without VNNI add pairs of 8-bit products in 16 bits, which overflow (street: rows off by up to 2.5). This takes the
        # kernels that do not, at a seventh more time (off by .7); where there is VNNI it changes nothing.
        options.add_session_config_entry("session.x64quantprecision", "1")
        if device.batches:
            session = self._on_gpu(path, options, device, cache_dir)
        else:
            try:
                session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"], enable_fallback=0)
            except Exception as error:  # its own classes derive from Exception directly, one a status code
                raise self._refusal(error) from error
        self.inputs = tuple(self._spec(node) for node in session.get_inputs())
        self.outputs = tuple(self._spec(node) for node in session.get_outputs())
        self._output_names = [spec.name for spec in self.outputs]
        self._session: Any = session

    def infer(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Run the model; the outputs are fresh arrays. See `domain.protocols.Backend.infer`."""
        if self._session is None:
            raise closed(self._name)
        check_inputs(self._name, self.inputs, inputs)
        try:
            results = self._session.run(self._output_names, dict(inputs))
        except Exception as error:  # its own classes derive from Exception directly, one a status code
            raise failed(self._name, error) from error
        return dict(zip(self._output_names, results, strict=True))

    def close(self) -> None:
        """Free the model. Safe to call twice."""
        self._session = None

    def _on_gpu(self, path: Path, options: Any, device: Device, cache_dir: Path | None) -> Any:
        from panops.inference import onnxruntime_gpu as gpu  # noqa: PLC0415  # CPUs need none of it

        gpu.let_onnxruntime_talk()
        model = gpu.gpu_model(path, device, cache_dir)
        # Which operators run where; from onnxruntime 1.24 on.
        options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
        try:
            with one_at_a_time(model.engines):
                session = onnxruntime.InferenceSession(model.content, options, providers=model.providers, enable_fallback=0)
        except Exception as error:  # as above
            if _MISSING.search(str(error)):
                raise self._refusal(error) from error
            reason = gpu.why_not(device)
            raise DeviceError(f"{device} cannot be used for {self._name}: {reason}; onnxruntime: {telling_line(error)}") from error
        gpu.check_session(session, self._name, device)
        return session

    def _spec(self, node: Any) -> TensorSpec:
        shape = tuple(size if isinstance(size, int) and size >= 0 else -1 for size in node.shape)
        return TensorSpec(node.name, shape, numpy_dtype(self._name, node.name, node.type, _DTYPES))

    def _refusal(self, error: Exception) -> ModelUnsupported:
        missing = _MISSING.search(str(error))
        if missing:
            return MissingOperator("onnxruntime", missing["standard"] or missing["custom"].replace(":", "."))
        return Unreadable(self._name, "onnxruntime", telling_line(error))
