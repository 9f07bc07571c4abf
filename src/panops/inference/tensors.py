"""What the backends share: checks of the tensors that come in, the two faults that need a name of their own, and whose a fault is."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from panops.domain.errors import DeviceError, ModelUnsupported
from panops.domain.protocols import TensorSpec

# How onnxruntime ("CUDA failure 700: ..."), torch ("CUDA error: ...", "cuDNN error: ...") and TensorRT begin the words of a GPU. What one
# of NVIDIA's libraries does not support, or was given wrongly, is the model's.
_OF_THE_DEVICE = re.compile(
    r"(?!.*(?:NOT_SUPPORTED|BAD_PARAM|INVALID_VALUE))"
    r".*(?:\b(?:CUDA|CUDNN|CUBLAS|CUFFT) (?:failure|error)\b|out of memory|Failed to allocate memory|execution context enqueue failed)",
    re.IGNORECASE | re.DOTALL,
)


class MissingOperator(ModelUnsupported):
    """The model is sound, but needs an operator that this backend does not have.

    Attributes:
        backend: The backend's name for people.
        operator: The operator, as the library calls it.
    """

    def __init__(self, backend: str, operator: str) -> None:
        """Say which backend lacks which operator."""
        self.backend = backend
        self.operator = operator
        super().__init__(f"{backend} does not have the operator {operator} that this model needs")


class Unreadable(ModelUnsupported):
    """The backend cannot make sense of the file.

    Attributes:
        backend: The backend's name for people.
        reason: The library's own words.
    """

    def __init__(self, model: str, backend: str, reason: str) -> None:
        """Say which file which backend cannot read, and why."""
        self.backend = backend
        self.reason = reason.rstrip(".")
        super().__init__(f"{model} is damaged or no model that {backend} can read: {self.reason}")


def check_inputs(model: str, specs: Sequence[TensorSpec], inputs: Mapping[str, NDArray[Any]]) -> None:
    """Compare the arrays with what the model wants.

    Args:
        model: The model's name for the message.
        specs: The model's inputs; -1 in a shape fits any size but 0.
        inputs: What the caller passes in.

    Raises:
        ModelUnsupported: An input is missing or unknown, or its shape or dtype does not fit; the message names the first one.
    """
    for spec in specs:
        array = inputs.get(spec.name)
        if array is None:
            raise ModelUnsupported(f"{model}: expected the inputs {_names(specs)}, got {_listed(inputs)}: {spec.name!r} is missing")
        if array.dtype != spec.dtype:
            raise ModelUnsupported(f"{model}: expected {spec.dtype} for input {spec.name!r}, got {array.dtype}")
        if not fits(array.shape, spec.shape):
            raise ModelUnsupported(f"{model}: expected shape {shown(spec.shape)} for input {spec.name!r}, got {shown(array.shape)}")
    if len(inputs) != len(specs):
        known = {spec.name for spec in specs}
        extra = [name for name in inputs if name not in known]
        raise ModelUnsupported(f"{model}: expected the inputs {_names(specs)}, got also {_listed(extra)}")


def fits(shape: Sequence[int], expected: Sequence[int]) -> bool:
    """Whether a shape is one of those that `expected` allows; -1 allows any size but 0."""
    return len(shape) == len(expected) and all(
        size == wanted or (wanted == -1 and size > 0) for size, wanted in zip(shape, expected, strict=True)
    )


def shown(shape: Sequence[int]) -> str:
    """A shape for people: `(1, 3, any, any)`."""
    return "(" + ", ".join("any" if size == -1 else str(size) for size in shape) + ")"


def closed(model: str) -> ModelUnsupported:
    """The error for a model that is used after it was closed."""
    return ModelUnsupported(f"{model} was closed; open it again before using it")


def numpy_dtype(model: str, tensor: str, name: str, known: Mapping[str, str]) -> np.dtype[Any]:
    """The numpy dtype for a library's own word.

    Args:
        model: The model's name for the message.
        tensor: The tensor's name for the message.
        name: The library's word for the element type.
        known: Library words and the numpy names they stand for.

    Raises:
        ModelUnsupported: numpy has no such type (bfloat16, strings, sequences ...).
    """
    if name not in known:
        raise ModelUnsupported(f"{model}: tensor {tensor!r} holds {name}; expected one of {', '.join(sorted(set(known.values())))}")
    return np.dtype(known[name])


def failed(model: str, error: Exception) -> ModelUnsupported | DeviceError:
    """The error for a model that failed as it ran: the device's where the library's words are those of a GPU, else the model's.

    Args:
        model: The model's name for the message.
        error: What the library raised.
    """
    if _OF_THE_DEVICE.match(str(error)):
        return DeviceError(f"the device failed at {model}: {telling_line(error)}")
    return ModelUnsupported(f"{model} failed on its input: {telling_line(error)}")


def telling_line(error: BaseException) -> str:
    """The last line of a library's message that says something, at most 200 characters: libraries put the cause last."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if not lines:
        return type(error).__name__
    # onnxruntime begins with its status code and repeats the file's path.
    return lines[-1].rpartition(" failed:")[2].removeprefix("Fatal error: ")[:200]


def _names(specs: Sequence[TensorSpec]) -> str:
    return _listed([spec.name for spec in specs])


def _listed(names: Mapping[str, Any] | Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names) or "none"
