from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from panops.domain.device import CPU, Device
from panops.domain.errors import DeviceError
from panops.inference import device_check
from panops.inference.device_check import TINY_MODEL, look_at_device
from panops.inference.nvidia import NvidiaGpus
from panops.inference.open_backend import open_backend
from panops.testing.tiny_onnx import Node, Tensor, write_onnx

CUDA = Device.parse("cuda")


@pytest.fixture(autouse=True)
def one_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_check, "nvidia_gpus", lambda: NvidiaGpus(("NVIDIA L4",)))


def test_the_tiny_model_is_what_the_suites_write(tmp_path: Path) -> None:
    path = write_onnx(tmp_path / "m.onnx", [Node("Relu", ["x"], ["y"])], [Tensor("x", (1, 4))], [Tensor("y", (1, 4))])
    assert path.read_bytes() == TINY_MODEL


def test_a_gpu_that_does_nothing_is_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    report = look_at_device(CPU)
    assert report.ok
    assert "NVIDIA L4 is here and does nothing" in report.advice
    monkeypatch.setattr(device_check, "nvidia_gpus", lambda: NvidiaGpus((), "no driver"))
    assert look_at_device(CPU) == device_check.DeviceReport(True, "cpu", "")


def test_a_device_that_works_says_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_check, "open_backend", lambda path, device: open_backend(path))
    assert look_at_device(CUDA) == device_check.DeviceReport(True, "cuda: NVIDIA L4")


def test_a_device_that_computes_wrongly_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    class Wrong:
        def __init__(self, path: Path) -> None:
            self._real = open_backend(path)
            self.inputs = self._real.inputs

        def infer(self, inputs: Any) -> dict[str, Any]:
            return {"y": np.full((1, 4), np.nan, np.float32)}

        def close(self) -> None:
            self._real.close()

    monkeypatch.setattr(device_check, "open_backend", lambda path, device: Wrong(path))
    report = look_at_device(CUDA)
    assert not report.ok
    assert "computes wrongly" in report.found


def test_a_reason_is_parted_from_its_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_path: Path, device: Device) -> Any:
        raise DeviceError(f"{device} cannot be used: this and that; pip install something")

    monkeypatch.setattr(device_check, "open_backend", refuse)
    assert look_at_device(CUDA) == device_check.DeviceReport(False, "cuda cannot be used: this and that", "pip install something")


def test_on_a_real_gpu(gpu_or_skip: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    report = look_at_device(CUDA)
    assert report.ok, report
