"""What is said and done where there is no GPU, with the real libraries; and with a GPU, the whole way."""

from __future__ import annotations

import ctypes
import fcntl
import logging
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper, load, numpy_helper

from panops.domain.device import Device
from panops.domain.errors import DeviceError, ModelUnsupported
from panops.inference import engine_cache, nvidia, onnxruntime_gpu
from panops.inference.backends.onnxruntime_backend import OnnxRuntimeBackend
from panops.inference.batching import BatchingEngine
from panops.inference.engine_cache import engine_folder, one_at_a_time
from panops.inference.nvidia import NvidiaGpus, nvidia_gpus
from panops.inference.open_backend import open_backend
from panops.testing.tiny_onnx import Node, Tensor, write_onnx

CUDA, TENSORRT = Device.parse("cuda"), Device.parse("tensorrt:1")
STREET = Path(__file__).resolve().parents[3] / "src" / "panops" / "models" / "builtin" / "street" / "street.onnx"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_onnx(tmp_path / "m.onnx", [Node("Relu", ["x"], ["y"])], [Tensor("x", (1, 4))], [Tensor("y", (1, 4))])


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with two GPUs, as far as its driver says."""
    monkeypatch.setattr(onnxruntime_gpu, "nvidia_gpus", lambda: NvidiaGpus(("NVIDIA One", "NVIDIA Two")))


def with_providers(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [*names, "CPUExecutionProvider"])


def test_without_a_driver_it_is_said_in_one_sentence(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnxruntime_gpu, "nvidia_gpus", lambda: NvidiaGpus((), "there is no NVIDIA driver here"))
    with pytest.raises(DeviceError, match=r"^cuda cannot be used: there is no NVIDIA driver here$"):
        open_backend(model, device=CUDA)


@pytest.mark.usefixtures("two_gpus")
def test_a_gpu_that_is_not_there(model: Path) -> None:
    with pytest.raises(DeviceError, match=r"cuda:2 cannot be used: this machine has 2 GPUs, counted from 0"):
        open_backend(model, device=Device("cuda", 2))


@pytest.mark.usefixtures("two_gpus")
def test_the_cpu_s_onnxruntime_says_what_to_install(model: Path) -> None:
    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime is one for GPUs")
    with pytest.raises(DeviceError, match=r"one without it; pip uninstall onnxruntime; pip install 'panops\[gpu\]'"):
        open_backend(model, device=CUDA)


@pytest.mark.usefixtures("two_gpus")
def test_a_session_that_went_on_without_the_gpu_is_an_error(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As onnxruntime does where CUDA's libraries are missing: it creates a session on the CPU."""
    with_providers(monkeypatch, "CUDAExecutionProvider")
    monkeypatch.setattr(onnxruntime_gpu, "why_not", lambda _: "libcublasLt.so.13 is missing; install CUDA")
    create = onnxruntime.InferenceSession

    def on_cpu(content: bytes, options: Any, **_: Any) -> Any:
        return create(content, options, providers=["CPUExecutionProvider"])

    monkeypatch.setattr(onnxruntime, "InferenceSession", on_cpu)
    with pytest.raises(DeviceError, match=r"cuda cannot be used for m\.onnx: libcublasLt\.so\.13 is missing; install CUDA$"):
        open_backend(model, device=CUDA)


@pytest.mark.usefixtures("two_gpus")
def test_a_provider_that_raises_is_told_with_the_reason(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As TensorRT's does."""
    with_providers(monkeypatch, "TensorrtExecutionProvider")
    monkeypatch.setattr(onnxruntime_gpu, "why_not", lambda _: "libnvinfer.so.10 is missing; install TensorRT 10")

    def refuse(*_: Any, **__: Any) -> Any:
        raise RuntimeError("Please install TensorRT libraries")

    monkeypatch.setattr(onnxruntime, "InferenceSession", refuse)
    with pytest.raises(DeviceError, match=r"tensorrt:1 cannot be used for m\.onnx: libnvinfer.*; onnxruntime: Please install TensorRT"):
        open_backend(model, device=TENSORRT)


@pytest.mark.parametrize(
    ("library", "words"),
    [
        ("libnvinfer.so.10", "pip install 'tensorrt-cu13>=10,<11'"),
        ("libcublasLt.so.13", "onnxruntime-gpu[cuda,cudnn]"),
        ("libcuda.so.1", "NVIDIA's driver"),
    ],
)
def test_a_missing_library_is_named_with_what_brings_it(library: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(path: str, **_: Any) -> Any:
        raise OSError(f"{library}: cannot open shared object file: No such file or directory")

    monkeypatch.setattr(ctypes, "CDLL", missing)
    reason = onnxruntime_gpu.why_not(TENSORRT)
    assert reason.startswith(f"{library} is missing; install")
    assert words in reason


@pytest.mark.usefixtures("two_gpus")
def test_what_a_session_on_cuda_is_made_of(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with_providers(monkeypatch, "CUDAExecutionProvider")
    made = onnxruntime_gpu.gpu_model(STREET, Device("cuda", 1), tmp_path)
    assert made.providers == [("CUDAExecutionProvider", {"device_id": 1, "cudnn_conv_algo_search": "EXHAUSTIVE"})]
    assert "QuantizeLinear" not in {node.op_type for node in _model(made.content).graph.node}
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("two_gpus")
def test_what_a_session_on_tensorrt_is_made_of(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with_providers(monkeypatch, "TensorrtExecutionProvider", "CUDAExecutionProvider")
    made = onnxruntime_gpu.gpu_model(STREET, TENSORRT, tmp_path / "engines")
    (first, options), (second, _) = made.providers
    assert (first, second) == ("TensorrtExecutionProvider", "CUDAExecutionProvider")
    assert (options["device_id"], options["trt_int8_enable"], options["trt_fp16_enable"]) == (1, True, True)
    assert options["trt_profile_min_shapes"] == "pictures:1x3x416x416"
    assert options["trt_profile_max_shapes"] == "pictures:16x3x416x416"
    folder = Path(options["trt_engine_cache_path"])
    assert folder.parent == tmp_path / "engines"
    assert folder.is_dir()
    assert onnxruntime_gpu.gpu_model(STREET, TENSORRT, tmp_path / "engines").providers[0][1]["trt_engine_cache_path"] == str(folder)
    # A float model has an engine of its own, in half precision.
    other = write_onnx(tmp_path / "m.onnx", [Node("Relu", ["x"], ["y"])], [Tensor("x", (1, 4))], [Tensor("y", (1, 4))])
    options = onnxruntime_gpu.gpu_model(other, TENSORRT, tmp_path / "engines").providers[0][1]
    assert not options["trt_int8_enable"]
    assert options["trt_engine_cache_path"] != str(folder)
    assert "trt_engine_cache_path" not in onnxruntime_gpu.gpu_model(other, TENSORRT, None).providers[0][1]


@pytest.mark.usefixtures("two_gpus")
def test_damage_is_the_model_s_fault_and_not_the_device_s(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with_providers(monkeypatch, "CUDAExecutionProvider")
    path = tmp_path / "m.onnx"
    path.write_bytes(b"\x08\x08" + bytes(range(100, 250)))
    with pytest.raises(ModelUnsupported, match="damaged or no model"):
        open_backend(path, device=CUDA)


@pytest.mark.usefixtures("two_gpus")
@pytest.mark.parametrize(("device", "provider"), [(CUDA, "CUDAExecutionProvider"), (TENSORRT, "TensorrtExecutionProvider")])
def test_a_graph_that_cannot_be_made_fit_is_the_model_s_fault(
    device: Device, provider: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Weights whose scale no constant gives, and a Reshape to nowhere."""
    with_providers(monkeypatch, provider)
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 4]) for name in ("x", "y")]
    weight = numpy_helper.from_array(np.zeros((1, 4), np.uint8), "w")
    dequantised = [
        helper.make_node("Abs", ["x"], ["s"]),
        helper.make_node("DequantizeLinear", ["w", "s"], ["f"]),
        helper.make_node("Add", ["x", "f"], ["y"]),
    ]
    for nodes, words in (
        (dequantised, r"m\.onnx cannot run in 8 bits on .*: the scale of 'w' is computed.*; take the float model, or device"),
        ([helper.make_node("Reshape", ["x"], ["y"])], r"m\.onnx cannot be made fit for .* \(IndexError.*\); take"),
    ):
        path = tmp_path / "m.onnx"
        path.write_bytes(helper.make_model(helper.make_graph(nodes, "g", values[:1], values[1:], [weight])).SerializeToString())
        with pytest.raises(ModelUnsupported, match=words):
            onnxruntime_gpu.gpu_model(path, device, None)


def session_with(provider: str, *parts: tuple[str, str]) -> Any:
    """A session that runs these operators on these providers, each as a part of its own, as onnxruntime tells it."""
    told = [SimpleNamespace(ep_name=where, get_nodes=lambda name=name: [SimpleNamespace(op_type=name)]) for where, name in parts]
    return SimpleNamespace(get_providers=lambda: [provider], get_provider_graph_assignment_info=lambda: told)


CUDA_RUNS, CPU_RUNS = "CUDAExecutionProvider", "CPUExecutionProvider"


def test_small_operators_that_run_elsewhere_are_told(caplog: pytest.LogCaptureFixture) -> None:
    session = session_with(CUDA_RUNS, (CUDA_RUNS, "Conv"), (CPU_RUNS, "NonMaxSuppression"), (CPU_RUNS, "Gather"))
    with caplog.at_level(logging.WARNING):
        onnxruntime_gpu.check_session(session, "m.onnx", CUDA)
    assert "2 on CPUExecutionProvider" in caplog.text


@pytest.mark.parametrize(
    "operator", ["ConvInteger", "QLinearConv", "FusedConv", "ConvTranspose", "MatMul", "MatMulInteger", "Gemm", "Einsum"]
)
def test_the_work_of_a_network_never_runs_on_the_cpu(operator: str) -> None:
    session = session_with(CUDA_RUNS, (CUDA_RUNS, "Conv"), (CPU_RUNS, operator), (CPU_RUNS, operator), (CPU_RUNS, "Gather"))
    words = rf"^m\.onnx cannot run on cuda: 2 of its convolutions and matrix products \({operator}\) would run on the CPU; take the float"
    with pytest.raises(ModelUnsupported, match=words):
        onnxruntime_gpu.check_session(session, "m.onnx", CUDA)


def test_what_tensorrt_leaves_to_cuda_is_still_on_the_gpu(caplog: pytest.LogCaptureFixture) -> None:
    session = session_with("TensorrtExecutionProvider", ("TensorrtExecutionProvider", "Conv"), (CUDA_RUNS, "Conv"))
    with caplog.at_level(logging.WARNING):
        onnxruntime_gpu.check_session(session, "m.onnx", TENSORRT)
    assert "1 on CUDAExecutionProvider" in caplog.text


def test_an_onnxruntime_that_cannot_tell_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    """As 1.23 cannot."""
    onnxruntime_gpu._tell_unchecked.cache_clear()
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            onnxruntime_gpu.check_session(SimpleNamespace(get_providers=lambda: [CUDA_RUNS]), "m.onnx", CUDA)
    assert caplog.text.count("cannot tell which operators it leaves to the CPU") == 1


@pytest.mark.parametrize(("level", "expected"), [(logging.DEBUG, [2]), (logging.INFO, [])])
def test_debugging_shows_why_a_provider_does_not_come_up(
    level: int, expected: list[int], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, model: Path
) -> None:
    """As the advice says: with `panops run --log-level debug`, which is the level of the root logger."""
    severities: list[int] = []
    monkeypatch.setattr(onnxruntime, "set_default_logger_severity", severities.append)
    monkeypatch.setattr(onnxruntime_gpu, "nvidia_gpus", lambda: NvidiaGpus((), "no driver"))
    with caplog.at_level(level), pytest.raises(DeviceError):
        OnnxRuntimeBackend(model, device=CUDA)
    assert severities == expected
    monkeypatch.setattr(ctypes, "CDLL", lambda *_: None)
    assert onnxruntime_gpu.why_not(CUDA).endswith("panops run --log-level debug shows its log")


@pytest.mark.parametrize(
    ("name", "device", "words"),
    [
        ("m.tflite", CUDA, "m.tflite is tflite, which does not run on cuda; take an ONNX or PT2 file"),
        ("m.pt2", TENSORRT, "m.pt2 is pt2, which does not run on tensorrt:1; take device: cuda"),
    ],
)
def test_formats_that_do_not_run_on_a_device(tmp_path: Path, name: str, device: Device, words: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"\x1c\x00\x00\x00TFL3" + bytes(40) if name.endswith("tflite") else b"PK\x03\x04" + bytes(range(128, 250)))
    with pytest.raises(DeviceError) as caught:
        open_backend(path, device=device)
    assert str(caught.value) == words


def test_without_onnxruntime_it_is_said_what_to_install(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    monkeypatch.delitem(sys.modules, "panops.inference.backends.onnxruntime_backend", raising=False)
    with pytest.raises(DeviceError, match=r"m\.onnx cannot run on cuda: .*onnxruntime.*for a GPU take pip install 'panops\[gpu\]'"):
        open_backend(model, device=CUDA)


def test_a_gpu_that_fails_at_its_work_is_the_device_s_fault(model: Path) -> None:
    backend = OnnxRuntimeBackend(model)

    def fail(*_: Any) -> Any:
        raise RuntimeError("CUDA failure 719: unspecified launch failure ; GPU=0 ; expr=cudaStreamSynchronize")

    backend._session = SimpleNamespace(run=fail)
    with pytest.raises(DeviceError, match=r"^the device failed at m\.onnx: CUDA failure 719") as caught:
        backend.infer({"x": np.zeros((1, 4), np.float32)})
    assert caught.value.kind == "device_error"


# --- the engine cache -------------------------------------------------------------------------------------------------------------


def test_whatever_makes_an_engine_another_one_has_a_folder_of_its_own(tmp_path: Path) -> None:
    folders = {engine_folder(tmp_path, *of) for of in ((b"a",), (b"b",), (b"a", "1.0"), (b"a", "1.1"), (b"a1.0",), ("a", "1.0", ""))}
    assert len(folders) == 6
    assert engine_folder(tmp_path, b"a") in folders
    assert all(folder.stat().st_mode & 0o777 == 0o700 for folder in folders)


def test_engines_that_nobody_uses_any_more_go(tmp_path: Path) -> None:
    old, used, new = (engine_folder(tmp_path, name) for name in ("old", "used", "new"))
    for folder in (old, used):
        (folder / "x.engine").write_bytes(b"0")
        past_s = folder.stat().st_mtime - engine_cache._UNUSED_S - 60
        os.utime(folder, (past_s, past_s))
    engine_folder(tmp_path, "used")
    assert (old.exists(), used.exists(), new.exists()) == (False, True, True)


def test_of_several_processes_one_compiles_at_a_time(tmp_path: Path) -> None:
    def taken() -> bool:
        """As another process finds it: each has a file of its own."""
        with (tmp_path / ".lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    with one_at_a_time(tmp_path):
        assert taken()
    assert not taken()
    with one_at_a_time(None):
        assert not taken()


# --- the driver -------------------------------------------------------------------------------------------------------------------


class Driver:
    """libcuda.so.1 with these GPUs."""

    def __init__(self, names: list[str], code: int = 0) -> None:
        self.names, self.code = names, code

    def cuInit(self, _flags: int) -> int:  # noqa: N802  # the driver's own name
        return self.code

    def cuDeviceGetCount(self, count: Any) -> int:  # noqa: N802
        count._obj.value = len(self.names)
        return 0

    def cuDeviceGet(self, device: Any, index: int) -> int:  # noqa: N802
        device._obj.value = index
        return 0

    def cuDeviceGetName(self, name: Any, _size: int, device: Any) -> int:  # noqa: N802
        name.value = self.names[device.value].encode()
        return 0


@pytest.mark.parametrize(
    ("driver", "names", "words"),
    [
        (Driver(["NVIDIA T4", "NVIDIA L4"]), ("NVIDIA T4", "NVIDIA L4"), ""),
        (Driver([]), (), "the driver finds no GPU"),
        (Driver([], 803), (), "restart the machine"),
        (Driver([], 999), (), "its error 999"),
        (None, (), "no NVIDIA driver here"),
    ],
)
def test_the_driver_is_asked(driver: Driver | None, names: tuple[str, ...], words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def load_library(name: str) -> Any:
        assert name == "libcuda.so.1"
        if driver is None:
            raise OSError(name)
        return driver

    monkeypatch.setattr(nvidia.ctypes, "CDLL", load_library)
    nvidia_gpus.cache_clear()
    try:
        found = nvidia_gpus()
    finally:
        monkeypatch.undo()
        nvidia_gpus.cache_clear()
    assert found.names == names
    assert words in found.problem
    assert bool(found.problem) != bool(found.names)


# --- with a GPU -------------------------------------------------------------------------------------------------------------------


def _model(content: bytes) -> Any:
    from onnx import load_model_from_string  # noqa: PLC0415

    return load_model_from_string(content)


@pytest.mark.parametrize("name", ["cuda", "tensorrt"])
def test_a_built_in_model_on_a_real_gpu(name: str, tmp_path: Path, gpu_or_skip: None) -> None:
    device = Device.parse(name)
    try:
        backend = open_backend(STREET, device=device, cache_dir=tmp_path)
    except DeviceError as error:
        if os.environ.get("PANOPS_REQUIRE_GPU"):
            raise
        pytest.skip(str(error))
    pictures = np.random.default_rng(0).integers(0, 255, (4, 3, 416, 416), np.uint8)
    on_cpu = OnnxRuntimeBackend(STREET)
    engine = BatchingEngine(name)
    lane = engine.add(backend, pictures[:1])
    assert lane.latency.sizes[-1] == 16
    tickets = [lane.submit(pictures[index : index + 1], float("inf")) for index in range(4)]
    for index, ticket in enumerate(tickets):
        expected = on_cpu.infer({on_cpu.inputs[0].name: pictures[index : index + 1]})["rows"]
        got = ticket.result()["rows"]
        assert np.corrcoef(expected[..., 4].ravel(), got[..., 4].ravel())[0, 1] > 0.9
    engine.close()
    assert load(str(STREET)).graph.input[0].type.tensor_type.shape.dim[0].dim_value == 1
