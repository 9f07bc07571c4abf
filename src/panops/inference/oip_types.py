"""The data types of the Open Inference Protocol, and the fault of a request that does not follow it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from panops.domain.errors import PanopsError
from panops.domain.protocols import TensorSpec

# BYTES is left out: no backend here takes text.
DTYPES: Mapping[str, np.dtype[Any]] = {
    "BOOL": np.dtype(np.bool_),
    "UINT8": np.dtype(np.uint8),
    "UINT16": np.dtype(np.uint16),
    "UINT32": np.dtype(np.uint32),
    "UINT64": np.dtype(np.uint64),
    "INT8": np.dtype(np.int8),
    "INT16": np.dtype(np.int16),
    "INT32": np.dtype(np.int32),
    "INT64": np.dtype(np.int64),
    "FP16": np.dtype(np.float16),
    "FP32": np.dtype(np.float32),
    "FP64": np.dtype(np.float64),
}
_WORDS = {dtype: word for word, dtype in DTYPES.items()}


class RequestUnreadable(PanopsError):
    """A request does not follow the protocol; the message says where."""


def datatype(dtype: np.dtype[Any]) -> str:
    """The protocol's word for a numpy dtype that a backend may have."""
    return _WORDS[dtype]


def described(spec: TensorSpec) -> dict[str, Any]:
    """A tensor as the metadata of a model tells it."""
    return {"name": spec.name, "datatype": datatype(spec.dtype), "shape": list(spec.shape)}
