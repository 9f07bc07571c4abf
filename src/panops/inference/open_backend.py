"""Opens a model file with the best backend that is installed and can run it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from panops.domain.device import CPU, Device
from panops.domain.errors import DeviceError, ModelUnsupported, PluginError
from panops.domain.protocols import Backend
from panops.inference.formats import PT2, model_format
from panops.inference.registry import BACKENDS, BUILTIN_ORDER, GPU_ORDER, BackendFactory
from panops.inference.tensors import MissingOperator, Unreadable

logger = logging.getLogger(__name__)

_CPU_ONLY = frozenset({"cpu"})


def open_backend(
    path: Path | str, *, preferred: str = "", threads: int = 1, cache_dir: Path | None = None, device: Device = CPU, exact: bool = False
) -> Backend:
    """Load a model.

    OpenVINO is tried first for ONNX, TFLite and IR, then onnxruntime for ONNX and LiteRT for TFLite, torch for PT2, then plug-ins. On a GPU
    onnxruntime runs ONNX and torch PT2; whatever does not run there is an error, never the CPU's work.

    Args:
        path: The model's file.
        preferred: A backend's name to try before all others; empty leaves the order alone.
        threads: Threads of the session.
        cache_dir: Where backends that compile may keep the result for the next start; None keeps nothing.
        device: Where it shall run.
        exact: Compute in float32, also where the processor would be quicker with less; on a CPU only.

    Raises:
        ModelNotFound: There is no such file.
        ModelUnsupported: It is empty, damaged, no model, or needs an operator that no installed backend has.
        DeviceError: The device cannot be used, or not for this format.
        PluginError: `preferred` is the name of no backend.
    """
    path = Path(path)
    if preferred and preferred not in BACKENDS.names():
        raise PluginError(f"unknown backend {preferred!r}; known are: {', '.join(BACKENDS.names())}")
    file_format = model_format(path)
    refusals: list[ModelUnsupported] = []
    missing: list[PluginError] = []
    for name in _candidates(file_format, preferred, device):
        try:
            factory: BackendFactory = BACKENDS.load(name)
        except PluginError as error:
            missing.append(error)
            continue
        if file_format not in factory.formats:
            continue
        devices: frozenset[str] = getattr(factory, "devices", _CPU_ONLY)
        if device.kind not in devices:
            continue
        placed: dict[str, Any] = {"device": device} if devices is not _CPU_ONLY else {}
        if exact and name == "openvino":
            placed["precision"] = "f32"
        try:
            backend = factory(path, threads=threads, cache_dir=cache_dir, **placed)
        except ModelUnsupported as error:
            refusals.append(error)
            continue
        if preferred and name != preferred:
            logger.warning("%s: %s could not be used, %s is used instead", path.name, preferred, name)
        return backend
    if device.batches and not refusals:
        raise _not_on(device, path, file_format, missing)
    raise _refusal(path, file_format, refusals, missing)


def _candidates(file_format: str, preferred: str, device: Device) -> Iterator[str]:
    order = (GPU_ORDER if device.batches else BUILTIN_ORDER).get(file_format, ())
    builtin = {name for names in BUILTIN_ORDER.values() for name in names}
    plugins = [name for name in BACKENDS.names() if name not in builtin]
    yield from dict.fromkeys([*([preferred] if preferred else []), *order, *plugins])


def _not_on(device: Device, path: Path, file_format: str, missing: list[PluginError]) -> DeviceError:
    """One sentence that says why this format does not run on a device."""
    if missing:
        package = "torch with CUDA: docs/gpu.md" if file_format == PT2 else "pip install 'panops[gpu]'"
        return DeviceError(f"{path.name} cannot run on {device}: {missing[0]}; for a GPU take {package}")
    advice = "device: cuda" if file_format == PT2 else "an ONNX or PT2 file"
    return DeviceError(f"{path.name} is {file_format or 'of no known format'}, which does not run on {device}; take {advice}")


def _refusal(path: Path, file_format: str, refusals: list[ModelUnsupported], missing: list[PluginError]) -> ModelUnsupported:
    """One sentence that says why nobody can run the file, and what would help."""
    lacking = [error for error in refusals if isinstance(error, MissingOperator)]
    hint = "".join(f"; {error}" for error in missing)
    if lacking:
        backends = " and ".join(dict.fromkeys(error.backend for error in lacking))
        operators = ", ".join(dict.fromkeys(error.operator for error in lacking))
        advice = hint or "; export the model without it"
        return ModelUnsupported(f"{path.name} needs the operator {operators}, which {backends} cannot run{advice}")
    unreadable = [error for error in refusals if isinstance(error, Unreadable)]
    if unreadable and len(unreadable) == len(refusals):
        reasons = "; ".join(f"{error.backend}: {error.reason}" for error in unreadable)
        return ModelUnsupported(f"{path.name} is damaged or no model ({reasons}); get the file again")
    if refusals:
        return ModelUnsupported("; ".join(dict.fromkeys(str(error) for error in refusals)) + hint)
    if missing:
        return ModelUnsupported(f"{path.name}: nothing that is installed can run it: " + "; ".join(str(error) for error in missing))
    return ModelUnsupported(f"{path.name}: expected an ONNX, TFLite or OpenVINO model, got {file_format or 'a file without a suffix'}")
