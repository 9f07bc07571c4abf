"""Writes the answer of the Open Inference Protocol: JSON, and raw tensors behind it."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from panops.domain.protocols import TensorSpec
from panops.inference.oip_tensors import InferRequest, WantedOutput
from panops.inference.oip_types import RequestUnreadable, datatype


@dataclass(frozen=True, slots=True, eq=False)
class InferAnswer:
    """An answer's body in parts.

    Attributes:
        head: The JSON.
        raw: What follows it, in this order; C-contiguous, little endian. Empty where all of the answer is JSON.
    """

    head: bytes
    raw: tuple[NDArray[Any], ...]


def wanted_outputs(request: InferRequest, specs: tuple[TensorSpec, ...]) -> tuple[WantedOutput, ...]:
    """Which outputs the answer holds. It is asked before the model runs: a wrong name must not cost a run.

    Raises:
        RequestUnreadable: The model has no such output.
    """
    known = [spec.name for spec in specs]
    if request.outputs is None:
        return tuple(WantedOutput(name, request.all_binary) for name in known)
    for output in request.outputs:
        if output.name not in known:
            raise RequestUnreadable(f"there is no output {ascii(output.name)[:80]}; the model has {', '.join(map(repr, known))}")
    return request.outputs


def write_answer(
    model: str, version: str, request_id: str, outputs: Mapping[str, NDArray[Any]], wanted: tuple[WantedOutput, ...]
) -> InferAnswer:
    """An answer of a model.

    Args:
        model: Its name.
        version: Its version.
        request_id: The caller's word for the request; empty for none.
        outputs: What the model said, by name.
        wanted: What of it is told, and how.

    Raises:
        RequestUnreadable: Numbers that JSON does not have were asked for as JSON.
    """
    told, raw = [], []
    for output in wanted:
        array = outputs[output.name]
        entry: dict[str, Any] = {"name": output.name, "datatype": datatype(array.dtype), "shape": list(array.shape)}
        if output.binary:
            little = array if sys.byteorder == "little" else array.astype(array.dtype.newbyteorder("<"))
            raw.append(np.ascontiguousarray(little))
            entry["parameters"] = {"binary_data_size": array.nbytes}
        else:
            if array.dtype.kind == "f" and not np.isfinite(array).all():
                raise RequestUnreadable(f"output {output.name!r} holds numbers that JSON does not have; ask for it as binary data")
            entry["data"] = array.ravel().tolist()
        told.append(entry)
    answer: dict[str, Any] = {"model_name": model, "model_version": version, "outputs": told}
    if request_id:
        answer["id"] = request_id
    return InferAnswer(json.dumps(answer, separators=(",", ":")).encode(), tuple(raw))
