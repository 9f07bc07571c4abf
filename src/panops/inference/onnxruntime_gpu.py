"""onnxruntime's way to NVIDIA GPUs: which providers with which options, the graph made fit for them, and why they do not come up.

onnxruntime goes on with the CPU when a GPU's libraries are missing, and says so only in its log. Here that is an error in one sentence:
a site that was built for a GPU must not find out by its load. Names of options: https://onnxruntime.ai/docs/execution-providers,
held against onnxruntime-gpu 1.31.1 (CUDA 13, cuDNN 9, TensorRT 10).
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import importlib.metadata
import importlib.util
import io
import logging
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import onnxruntime

from panops.domain.device import Device
from panops.domain.errors import DeviceError, ModelUnsupported
from panops.inference.engine_cache import engine_folder
from panops.inference.nvidia import nvidia_gpus
from panops.inference.tensors import Unreadable, telling_line

if TYPE_CHECKING:
    import onnx

logger = logging.getLogger(__name__)

CUDA, TENSORRT, ON_CPU = "CUDAExecutionProvider", "TensorrtExecutionProvider", "CPUExecutionProvider"
# What makes up a network's work: under whichever name, such as ConvInteger, FusedConv, QGemm or MatMulInteger.
_HEAVY = re.compile("Conv|MatMul|Gemm|Einsum")
# TensorRT compiles one engine for all sizes from the first to the last, and tunes it for the one between.
_PROFILE = (1, 8, 16)
_INSTALL = "pip uninstall onnxruntime; pip install 'panops[gpu]'"
_LIBRARIES = {CUDA: "libonnxruntime_providers_cuda.so", TENSORRT: "libonnxruntime_providers_tensorrt.so"}


@dataclass(frozen=True, slots=True)
class GpuModel:
    """What a session on a GPU is made of.

    Attributes:
        content: The model's bytes, with a free batch, and levels or floats as the device wants them.
        providers: Names and options, the wanted one first.
        engines: The folder where its engine is kept, or None.
    """

    content: bytes
    providers: list[tuple[str, dict[str, Any]]]
    engines: Path | None = None


def gpu_model(path: Path, device: Device, cache_dir: Path | None) -> GpuModel:
    """Make a model ready for a device.

    Args:
        path: An `.onnx` file.
        device: `cuda` or `tensorrt`.
        cache_dir: Where engines are kept; None compiles at each start.

    Raises:
        DeviceError: The device cannot be used here; says what is missing.
        ModelUnsupported: The file cannot be read, or cannot be made fit.
    """
    check_provider(device)
    free = _made_fit(_read(path), path.name, device)
    content = free.SerializeToString(deterministic=True)
    cuda: tuple[str, dict[str, Any]] = (CUDA, {"device_id": device.index, "cudnn_conv_algo_search": "EXHAUSTIVE"})
    if device.kind == "cuda":
        return GpuModel(content, [cuda])
    options = _tensorrt_options(free, device, quantised=_rewrites().is_quantised(free))
    folder = None
    if cache_dir is not None:
        key = (onnxruntime.__version__, tensorrt_version(), _gpu_name(device), repr(sorted(options.items())))
        folder = engine_folder(cache_dir, content, *key)
        options |= {"trt_engine_cache_enable": True, "trt_engine_cache_path": str(folder)}
        options |= {"trt_timing_cache_enable": True, "trt_timing_cache_path": str(folder)}
    logger.info("%s: TensorRT makes an engine of it now, which takes minutes the first time", path.name)
    return GpuModel(content, [(TENSORRT, options), cuda], folder)


def check_session(session: Any, name: str, device: Device) -> None:
    """See that the session runs where it should, as onnxruntime itself does not.

    Raises:
        DeviceError: It went on without the device.
        ModelUnsupported: Convolutions or matrix products run on the CPU, for the device has no such operator.
    """
    wanted = TENSORRT if device.kind == "tensorrt" else CUDA
    if wanted not in session.get_providers():
        raise DeviceError(f"{device} cannot be used for {name}: {why_not(device)}")
    if not hasattr(session, "get_provider_graph_assignment_info"):
        _tell_unchecked(onnxruntime.__version__)
        return
    operators: dict[str, list[str]] = {}  # by provider
    for part in session.get_provider_graph_assignment_info():
        operators.setdefault(part.ep_name, []).extend(node.op_type for node in part.get_nodes())
    operators.pop(wanted, None)
    # What TensorRT leaves to CUDA is still the GPU's.
    heavy = [operator for provider, left in operators.items() if provider != CUDA for operator in left if _HEAVY.search(operator)]
    if heavy:
        raise ModelUnsupported(
            f"{name} cannot run on {device}: {len(heavy)} of its convolutions and matrix products ({', '.join(sorted(set(heavy)))}) "
            "would run on the CPU; take the float model, or one whose 8 bits are written as DequantizeLinear, or device: cpu"
        )
    if any(operators.values()):
        told = ", ".join(f"{len(left)} on {provider}" for provider, left in sorted(operators.items()))
        logger.warning("%s: of its operators some do not run on %s: %s; each crossing copies", name, device, told)


def check_provider(device: Device) -> None:
    """See that onnxruntime and this machine can use a device at all.

    Raises:
        DeviceError: They cannot; says what to install.
    """
    gpus = nvidia_gpus()
    if device.index >= len(gpus.names):
        raise DeviceError(f"{device} cannot be used: {gpus.problem or f'this machine has {len(gpus.names)} GPUs, counted from 0'}")
    wanted = TENSORRT if device.kind == "tensorrt" else CUDA
    if wanted not in onnxruntime.get_available_providers():
        raise DeviceError(f"{device} cannot be used: the installed onnxruntime {onnxruntime.__version__} is one without it; {_INSTALL}")
    preload_libraries(device)


def why_not(device: Device) -> str:
    """What the provider's own library misses, as far as the system's loader tells."""
    for provider in (CUDA, *([TENSORRT] if device.kind == "tensorrt" else [])):
        try:
            ctypes.CDLL(str(Path(onnxruntime.__file__).parent / "capi" / _LIBRARIES[provider]))
        except OSError as error:
            missing = str(error).partition(":")[0]
            if "cannot open shared object file" in str(error):
                return f"{missing} is missing; {_advice(missing)}"
    return "onnxruntime does not say why; panops run --log-level debug shows its log"


def let_onnxruntime_talk() -> None:
    """Where somebody debugs, let onnxruntime's warnings through: why a provider's library does not load is told nowhere else."""
    if logger.isEnabledFor(logging.DEBUG):
        onnxruntime.set_default_logger_severity(2)


def preload_libraries(device: Device) -> None:
    """Load CUDA, cuDNN and TensorRT from pip's packages, where they are there: the system's loader does not look into those."""
    preload = getattr(onnxruntime, "preload_dlls", None)
    if preload is not None:
        with contextlib.redirect_stdout(io.StringIO()):  # it prints what it does not find; `why_not` tells what matters
            preload()
    spec = importlib.util.find_spec("tensorrt_libs") if device.kind == "tensorrt" else None
    for folder in spec.submodule_search_locations or () if spec is not None else ():
        for name in ("libnvinfer.so.*", "libnvinfer_plugin.so.*", "libnvonnxparser.so.*"):
            for library in sorted(Path(folder).glob(name)):
                with contextlib.suppress(OSError):
                    ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)


def tensorrt_version() -> str:
    """The version of TensorRT's package, or empty where it is none of pip's."""
    for package in ("tensorrt-cu13-libs", "tensorrt-cu12-libs", "tensorrt"):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            return importlib.metadata.version(package)
    return ""


@functools.cache
def _tell_unchecked(version: str) -> None:
    """Once a process."""
    logger.warning("onnxruntime %s cannot tell which operators it leaves to the CPU; 1.24 and later can: %s", version, _INSTALL)


def _made_fit(model: Any, name: str, device: Device) -> Any:
    """The graph with a free batch, and with levels or floats as the device wants them.

    Raises:
        ModelUnsupported: It is a graph of another kind.
    """
    rewrites = _rewrites()
    other = "device: cuda" if device.kind == "tensorrt" else "device: cpu"
    try:
        free = rewrites.freed_batch(model)
        if not rewrites.is_quantised(free):
            return free
        return rewrites.symmetric(free) if device.kind == "tensorrt" else rewrites.floated(free)
    except ValueError as error:
        raise ModelUnsupported(f"{name} cannot run in 8 bits on {device}: {error}; take the float model, or {other}") from error
    except Exception as error:  # a graph that keeps no rules; onnx's errors have no common root either
        reason = f"{type(error).__name__}: {telling_line(error)}"
        raise ModelUnsupported(f"{name} cannot be made fit for {device} ({reason}); take the float model, or device: cpu") from error


def _tensorrt_options(model: onnx.ModelProto, device: Device, *, quantised: bool) -> dict[str, Any]:
    """Half precision where there are no levels; TensorRT decides layer by layer what is quickest."""
    options: dict[str, Any] = {"device_id": device.index, "trt_fp16_enable": True, "trt_int8_enable": quantised}
    value = model.graph.input[0]
    dims = [dim.dim_value or dim.dim_param for dim in value.type.tensor_type.shape.dim]
    if isinstance(dims[0], str) and all(isinstance(dim, int) for dim in dims[1:]):
        rest = "x".join(str(dim) for dim in dims[1:])
        for word, size in zip(("min", "opt", "max"), _PROFILE, strict=True):
            options[f"trt_profile_{word}_shapes"] = f"{value.name}:{size}x{rest}"
    return options


def _read(path: Path) -> Any:
    rewrites = _rewrites()
    try:
        return rewrites.onnx.load(str(path))
    except Exception as error:  # protobuf's errors have no common root
        raise Unreadable(path.name, "onnxruntime", telling_line(error)) from error


def _rewrites() -> Any:
    try:
        from panops.inference import onnx_rewrites  # noqa: PLC0415  # the package onnx, which only GPUs need
    except ImportError as error:
        raise DeviceError(f"a GPU needs the package {error.name}, which is not installed; {_INSTALL}") from error
    return onnx_rewrites


def _gpu_name(device: Device) -> str:
    return nvidia_gpus().names[device.index]


def _advice(library: str) -> str:
    if library.startswith(("libnvinfer", "libnvonnxparser")):
        major = library.rpartition(".so.")[2]
        return (
            f"install TensorRT {major}: pip install 'tensorrt-cu13>={major},<{int(major) + 1}'" if major.isdigit() else "install TensorRT"
        )
    if library == "libcuda.so.1":
        return "install NVIDIA's driver"
    return "install CUDA and cuDNN: pip install 'onnxruntime-gpu[cuda,cudnn]'"
