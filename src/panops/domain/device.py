"""The device that runs models, as the site file names it: `cpu`, `cuda`, `cuda:1`, `tensorrt`, `tensorrt:1`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, get_args

DeviceKind = Literal["cpu", "cuda", "tensorrt"]

_NAME = re.compile(r"([a-z]+)(?::(\d{1,3}))?")
# What people who know other systems write first.
_LIKELY = {"gpu": "cuda", "nvidia": "cuda", "trt": "tensorrt", "torch": "cuda"}


@dataclass(frozen=True, slots=True)
class Device:
    """Where models run.

    Attributes:
        kind: `cpu`; `cuda`, an NVIDIA GPU by onnxruntime or torch, whichever the model's file is for; `tensorrt`, the same by TensorRT.
        index: Which GPU, from 0; 0 for the CPU.
    """

    kind: DeviceKind
    index: int = 0

    @classmethod
    def parse(cls, text: str) -> Device:
        """A device from its name.

        Raises:
            ValueError: It is none; the message says what was expected.
        """
        match = _NAME.fullmatch(text.strip().lower())
        kind, index = (match[1], match[2]) if match else ("", None)
        if kind not in get_args(DeviceKind) or (kind == "cpu" and index is not None):
            likely = _LIKELY.get(kind, "cpu" if kind == "cpu" else "")
            hint = f"; did you mean {likely!r}?" if likely else ""
            raise ValueError(f"expected cpu, cuda or tensorrt, with :1 and so on for another GPU than the first, got {text!r}{hint}")
        return cls(kind, int(index or 0))  # type: ignore[arg-type]  # looked up in DeviceKind just above

    @property
    def batches(self) -> bool:
        """Whether several pictures at once cost less than one after the other. On a CPU they do not: measured, docs/gpu.md."""
        return self.kind != "cpu"

    def __str__(self) -> str:
        """The name that `parse` reads."""
        return f"{self.kind}:{self.index}" if self.index else self.kind


CPU = Device("cpu")
