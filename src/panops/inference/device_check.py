"""Tries out a device, and says in a sentence what is there or what is missing: for `panops doctor`."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from panops.domain.device import Device
from panops.domain.errors import ModelError
from panops.inference.nvidia import nvidia_gpus
from panops.inference.open_backend import open_backend

# ReLU of four numbers, as `testing.tiny_onnx` writes it; a test holds the two against each other.
TINY_MODEL = bytes.fromhex(
    "08083a3f0a0c0a0178120179220452656c75120567726170685a130a0178120e0a0c080112080a0208010a020804"
    "62130a0179120e0a0c080112080a0208010a02080442040a00100d"
)


@dataclass(frozen=True, slots=True)
class DeviceReport:
    """What was found.

    Attributes:
        ok: Whether the device can be used.
        found: What is there, or why it cannot be used.
        advice: What to do, or what could be better; may be empty.
    """

    ok: bool
    found: str
    advice: str = ""


def look_at_device(device: Device) -> DeviceReport:
    """Run a tiny model on a device."""
    gpus = nvidia_gpus()
    if not device.batches:
        idle = (
            f"{', '.join(gpus.names)} is here and does nothing; `device: cuda` in the site file uses it, see docs/gpu.md"
            if gpus.names
            else ""
        )
        return DeviceReport(True, str(device), idle)
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "tiny.onnx"
            path.write_bytes(TINY_MODEL)
            backend = open_backend(path, device=device)
            (answer,) = backend.infer({backend.inputs[0].name: np.array([[-1, 2, -3, 4]], np.float32)}).values()
            backend.close()
    except ModelError as error:
        reason, _, advice = str(error).partition("; ")
        return DeviceReport(False, reason, advice or "docs/gpu.md says what a GPU needs")
    if not np.array_equal(answer, [[0, 2, 0, 4]]):
        return DeviceReport(False, f"{device} computes wrongly: the ReLU of -1, 2, -3, 4 is {answer.tolist()}", "update NVIDIA's driver")
    return DeviceReport(True, f"{device}: {gpus.names[device.index]}")
