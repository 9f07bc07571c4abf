"""LiteRT (formerly TensorFlow Lite): reads TFLite with the custom operators that OpenVINO lacks, such as SSD's post-processing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from panops.domain.errors import ModelUnsupported
from panops.domain.protocols import TensorSpec
from panops.inference.formats import TFLITE
from panops.inference.tensors import MissingOperator, Unreadable, check_inputs, closed, telling_line

_MISSING = re.compile(r"unresolved custom op: (\S+?)\.?(?:\s|$)|Didn't find op for builtin opcode '(\w+)'")


class LiteRtBackend:
    """A model in the LiteRT interpreter with XNNPACK; see `domain.protocols.Backend`. One thread at a time may call `infer`.

    Quantised tensors pass through as they are: their integers are the model's own.

    Args:
        path: A `.tflite` file.
        threads: Threads of the interpreter.
        cache_dir: Not used: nothing is compiled.
    """

    formats = frozenset({TFLITE})

    def __init__(self, path: Path, *, threads: int = 1, cache_dir: Path | None = None) -> None:
        del cache_dir
        self._name = path.name
        try:
            interpreter = Interpreter(model_path=str(path), num_threads=max(1, threads))
            interpreter.allocate_tensors()
            inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
        except (RuntimeError, ValueError) as error:
            raise self._refusal(error) from error
        self._input_index = {str(detail["name"]): int(detail["index"]) for detail in inputs}
        self._output_index = {str(detail["name"]): int(detail["index"]) for detail in outputs}
        self._sizes = {str(detail["name"]): tuple(map(int, detail["shape"])) for detail in inputs}
        self.inputs = tuple(_spec(detail) for detail in inputs)
        self.outputs = tuple(_spec(detail) for detail in outputs)
        self._interpreter: Any = interpreter

    def infer(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Run the model; the outputs are fresh arrays. See `domain.protocols.Backend.infer`."""
        if self._interpreter is None:
            raise closed(self._name)
        check_inputs(self._name, self.inputs, inputs)
        try:
            self._resize(inputs)
            for name, index in self._input_index.items():
                self._interpreter.set_tensor(index, np.ascontiguousarray(inputs[name]))
            self._interpreter.invoke()
            return {name: self._interpreter.get_tensor(index) for name, index in self._output_index.items()}
        except (RuntimeError, ValueError) as error:
            raise ModelUnsupported(f"{self._name} failed on its input: {telling_line(error)}") from error

    def close(self) -> None:
        """Free the model. Safe to call twice."""
        self._interpreter = None

    def _resize(self, inputs: Mapping[str, NDArray[Any]]) -> None:
        """Tell the interpreter of sizes that differ from the last call's; it plans its memory for one size at a time."""
        changed = [name for name, array in inputs.items() if array.shape != self._sizes[name]]
        for name in changed:
            self._interpreter.resize_tensor_input(self._input_index[name], list(inputs[name].shape))
        if changed:
            self._interpreter.allocate_tensors()
            self._sizes.update({name: inputs[name].shape for name in changed})

    def _refusal(self, error: Exception) -> ModelUnsupported:
        missing = _MISSING.search(str(error))
        if missing:
            return MissingOperator("LiteRT", missing[1] or missing[2])
        return Unreadable(self._name, "LiteRT", telling_line(error))


def _spec(detail: Mapping[str, Any]) -> TensorSpec:
    """A spec from a detail of the interpreter; `shape_signature` has -1 where the size may vary."""
    signature = detail["shape_signature"] if len(detail["shape_signature"]) else detail["shape"]
    return TensorSpec(str(detail["name"]), tuple(map(int, signature)), np.dtype(detail["dtype"]))
