"""OpenVINO: the fastest of the backends on x86 for INT8 and BF16 models; reads ONNX, TFLite (without custom operators) and IR."""

from __future__ import annotations

import io
import json
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from panops.domain.errors import ModelUnsupported
from panops.domain.protocols import TensorSpec
from panops.inference.compiled_models import CompiledModels
from panops.inference.formats import IR, ONNX, TFLITE
from panops.inference.further_sizes import FurtherSizes
from panops.inference.openvino_import import import_openvino
from panops.inference.tensors import MissingOperator, Unreadable, check_inputs, closed, numpy_dtype, telling_line

# At import, so that the registry can say what to install where it is missing.
openvino = import_openvino()

_DTYPES = {
    "f32": "float32",
    "f16": "float16",
    "f64": "float64",
    "u8": "uint8",
    "i8": "int8",
    "u16": "uint16",
    "i16": "int16",
    "u32": "uint32",
    "i32": "int32",
    "u64": "uint64",
    "i64": "int64",
    "boolean": "bool",
}
_MISSING = re.compile(r"No translator found for (?P<one>\S+) node|No conversion rule found for operations: (?P<many>[^\n]+)")
_reading = threading.Lock()


class OpenVinoBackend:
    """A model compiled for the CPU; see `domain.protocols.Backend`. One thread at a time may call `infer`.

    Args:
        path: An `.onnx`, `.tflite` or IR `.xml` file (its `.bin` beside it).
        threads: Threads of the session; with 1 the caller's own thread does the work, so nothing spins.
        cache_dir: What was compiled is kept here and found again; None compiles at each start.
        precision: `f32` for full precision; empty lets OpenVINO choose, which is BF16 on CPUs that have it (1.3x faster, scores
            move by a few hundredths at most).
    """

    formats = frozenset({ONNX, TFLITE, IR})

    def __init__(self, path: Path, *, threads: int = 1, cache_dir: Path | None = None, precision: str = "") -> None:
        self._name = path.name
        self._path = path
        options: dict[str, Any] = {
            "PERFORMANCE_HINT": "LATENCY",
            "NUM_STREAMS": 1,
            "INFERENCE_NUM_THREADS": max(1, threads),
            "ENABLE_CPU_PINNING": False,  # several processes share the cores; the system places them better
        }
        if precision:
            options["INFERENCE_PRECISION_HINT"] = precision
        self._options = options
        self._sizes = FurtherSizes(path.name, self._request_for)
        try:
            self._kept = CompiledModels(cache_dir, *(() if cache_dir is None else self._what_matters()))
            with _reading:  # the front ends register themselves in globals
                model = _core().read_model(str(path))
            self.inputs = tuple(self._spec(port) for port in model.inputs)
            self.outputs = tuple(self._spec(port) for port in model.outputs)
            self._request = self._compiled("own", lambda: model).create_infer_request()
        except ModelUnsupported:
            raise
        except Exception as error:  # the binding raises RuntimeError, and now and then ValueError or KeyError, for a bad file
            raise self._refusal(error) from error

    def infer(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Run the model; the outputs are fresh arrays. See `domain.protocols.Backend.infer`."""
        if self._request is None:
            raise closed(self._name)
        request, specs = self._request, self.inputs
        if len(inputs) == len(specs) == 1:
            (array,) = inputs.values()
            sized = self._sizes.get(array.shape)
            if sized is not None:
                request, specs = sized, (replace(specs[0], shape=array.shape),)
        check_inputs(self._name, specs, inputs)
        ports = {index: inputs[spec.name] for index, spec in enumerate(specs)}
        try:
            # Inputs are read in place: the call is over before it returns. Outputs are copied: they belong to the request.
            results = request.infer(ports, share_inputs=True, share_outputs=False)
        except RuntimeError as error:
            raise ModelUnsupported(f"{self._name} failed on its input: {telling_line(error)}") from error
        return {spec.name: results[index] for index, spec in enumerate(self.outputs)}

    def takes(self, shape: tuple[int, ...], *, wait: bool = False) -> bool:
        """Whether `infer` takes this shape, too; see `domain.protocols.ResizingBackend`. A new one takes seconds to compile."""
        if self._request is None or len(self.inputs) != 1:
            return False
        return shape == self.inputs[0].shape or self._sizes.takes(shape, wait=wait)

    def close(self) -> None:
        """Free the model. Safe to call twice."""
        self._request = None
        self._sizes.close()

    def _request_for(self, shape: tuple[int, ...]) -> Any:
        """The model compiled for an input of another shape.

        Raises:
            ModelUnsupported: Its graph does not work at this size.
        """

        def reshaped() -> Any:
            with _reading:
                model = _core().read_model(str(self._path))
            model.reshape(list(shape))
            return model

        try:
            return self._compiled("x".join(map(str, shape)), reshaped).create_infer_request()
        except Exception as error:  # as in `__init__`
            raise ModelUnsupported(f"{self._name}: {telling_line(error)}") from error

    def _compiled(self, name: str, read: Callable[[], Any]) -> Any:
        """The model compiled, or as it was compiled some time before."""

        def load(data: bytes) -> Any:
            with _reading:
                compiled = _core().import_model(io.BytesIO(data), "CPU", self._options)
            compiled.create_infer_request()  # what fails here is compiled anew, too
            return compiled

        def make() -> Any:
            return _core().compile_model(read(), "CPU", self._options)

        return self._kept.get(name, load, make, lambda compiled: bytes(compiled.export_model().getbuffer()))

    def _what_matters(self) -> tuple[bytes | str, ...]:
        """What makes a compiled model another one."""
        weights = self._path.with_suffix(".bin")
        files = [self._path, *([weights] if self._path.suffix == ".xml" and weights.is_file() else [])]
        processor = [str(_core().get_property("CPU", name)) for name in ("FULL_DEVICE_NAME", "OPTIMIZATION_CAPABILITIES")]
        return (*(file.read_bytes() for file in files), openvino.get_version(), json.dumps(self._options, sort_keys=True), *processor)

    def _spec(self, port: Any) -> TensorSpec:
        name = str(port.get_any_name()) if port.names else str(port.node.get_friendly_name())
        partial = port.get_partial_shape()
        if partial.rank.is_dynamic:
            raise ModelUnsupported(f"{self._name}: tensor {name!r} has no fixed number of dimensions; export the model with one")
        shape = tuple(-1 if size.is_dynamic else int(size.get_length()) for size in partial)
        return TensorSpec(name, shape, numpy_dtype(self._name, name, port.get_element_type().get_type_name(), _DTYPES))

    def _refusal(self, error: Exception) -> ModelUnsupported:
        missing = _MISSING.search(str(error))
        if missing:
            # ONNX operators come with the version of their set: `Relu-13`.
            return MissingOperator("OpenVINO", missing["one"] or re.sub(r"-\d+\b", "", missing["many"]).strip())
        return Unreadable(self._name, "OpenVINO", telling_line(error))


@lru_cache(maxsize=1)
def _core() -> Any:
    return openvino.Core()
