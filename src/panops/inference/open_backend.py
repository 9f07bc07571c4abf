"""Opens a model file with the best backend that is installed and can run it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

from panops.domain.errors import ModelUnsupported, PluginError
from panops.domain.protocols import Backend
from panops.inference.formats import model_format
from panops.inference.registry import BACKENDS, BUILTIN_ORDER, BackendFactory
from panops.inference.tensors import MissingOperator, Unreadable

logger = logging.getLogger(__name__)


def open_backend(path: Path | str, *, preferred: str = "", threads: int = 1, cache_dir: Path | None = None) -> Backend:
    """Load a model.

    OpenVINO is tried first for ONNX, TFLite and IR, then onnxruntime for ONNX and LiteRT for TFLite, then plug-ins.

    Args:
        path: The model's file.
        preferred: A backend's name to try before all others; empty leaves the order alone.
        threads: Threads of the session.
        cache_dir: Where backends that compile may keep the result for the next start; None keeps nothing.

    Raises:
        ModelNotFound: There is no such file.
        ModelUnsupported: It is empty, damaged, no model, or needs an operator that no installed backend has.
        PluginError: `preferred` is the name of no backend.
    """
    path = Path(path)
    if preferred and preferred not in BACKENDS.names():
        raise PluginError(f"unknown backend {preferred!r}; known are: {', '.join(BACKENDS.names())}")
    file_format = model_format(path)
    refusals: list[ModelUnsupported] = []
    missing: list[PluginError] = []
    for name in _candidates(file_format, preferred):
        try:
            factory: BackendFactory = BACKENDS.load(name)
        except PluginError as error:
            missing.append(error)
            continue
        if file_format not in factory.formats:
            continue
        try:
            backend = factory(path, threads=threads, cache_dir=cache_dir)
        except ModelUnsupported as error:
            refusals.append(error)
            continue
        if preferred and name != preferred:
            logger.warning("%s: %s could not be used, %s is used instead", path.name, preferred, name)
        return backend
    raise _refusal(path, file_format, refusals, missing)


def _candidates(file_format: str, preferred: str) -> Iterator[str]:
    order = BUILTIN_ORDER.get(file_format, ())
    builtin = {name for names in BUILTIN_ORDER.values() for name in names}
    plugins = [name for name in BACKENDS.names() if name not in builtin]
    yield from dict.fromkeys([*([preferred] if preferred else []), *order, *plugins])


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
