"""Models on backends, timed in turns: whatever else the machine does hits all of them alike, so ratios hold where times do not."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from panops.domain.errors import ModelUnsupported, PluginError
from panops.domain.frame import ArrayPixels, Frame
from panops.domain.protocols import Backend, VisionTask
from panops.inference.formats import IR, ONNX, TFLITE, model_format
from panops.inference.registry import BACKENDS, BUILTIN_ORDER
from panops.models.store import StoredModel
from panops.vision.classify import TASK as CLASSIFICATION
from panops.vision.classify import Classify
from panops.vision.registry import open_task

# OpenVINO takes BF16 for float models on CPUs that have it. To compare with true FP32 it runs them a second time so.
FULL_PRECISION = "openvino f32"
_SLICE_S = 0.05
_WARM_UP = 5
_FEWEST_ROUNDS = 3


@dataclass(slots=True, eq=False)
class Runner:
    """What takes its turns.

    Attributes:
        backend: Loaded.
        inputs: What it is fed.
        calls: Calls in a turn.
        wall_s: Of each call.
        cpu_s: For each turn, CPU time of the process for one call.
    """

    backend: Backend
    inputs: dict[str, NDArray[Any]]
    calls: int = field(default=1, kw_only=True)
    wall_s: list[float] = field(default_factory=list, kw_only=True)
    cpu_s: list[float] = field(default_factory=list, kw_only=True)


@dataclass(slots=True, eq=False)
class Contender(Runner):
    """One model on one backend.

    Attributes:
        model: The model.
        backend_name: `openvino`, `openvino f32`, `onnxruntime` ...
        int8: Whether the file is quantised.
        difference: Largest difference of its outputs to those of the model's first backend, as a share of their largest value.
        called: What the model is called; its own name where it is empty.
        multiply_adds: Of one picture; None where they cannot be counted.
        peak_share: Of the 8-bit multiplications that a thread does at best, so many; None where that was not measured.
    """

    model: StoredModel = field(kw_only=True)
    backend_name: str = field(kw_only=True)
    int8: bool = field(kw_only=True)
    difference: float = field(default=0.0, kw_only=True)
    called: str = field(default="", kw_only=True)
    multiply_adds: int | None = field(default=None, kw_only=True)
    peak_share: float | None = field(default=None, kw_only=True)

    @property
    def name(self) -> str:
        """The model's name, told apart from others that are measured."""
        return self.called or self.model.manifest.name

    @property
    def cpu_ms(self) -> float:
        """CPU time of one image, ms: the median of the turns."""
        return 1000 * float(np.median(self.cpu_s))

    def record(self) -> dict[str, Any]:
        """For JSON."""
        wall = np.array(self.wall_s)
        return {
            "model": self.name,
            "version": self.model.manifest.version,
            "file": self.model.path.name,
            "backend": self.backend_name,
            "int8": self.int8,
            "input_size_wh": list(self.model.manifest.input_size_wh),
            "images": len(wall),
            "rounds": len(self.cpu_s),
            "images_per_s": len(wall) / float(wall.sum()),
            "images_per_cpu_s": 1000 / self.cpu_ms,
            "cpu_ms": self.cpu_ms,
            "ms_p50": 1000 * float(np.percentile(wall, 50)),
            "ms_p95": 1000 * float(np.percentile(wall, 95)),
            "difference": self.difference,
            "multiply_adds": self.multiply_adds,
            "int8_peak_share": self.peak_share,
        }


@dataclass(frozen=True, slots=True)
class Ratio:
    """How many times as fast an INT8 model is as a float one on the same backend at the same size.

    Attributes:
        int8: The INT8 model's name.
        other: The float model's name.
        backend: The INT8 model's backend.
        other_backend: The float model's; `openvino f32` is OpenVINO without BF16.
        cpu: By CPU time: the median over the rounds.
    """

    int8: str
    other: str
    backend: str
    other_backend: str
    cpu: float


def contenders(
    model: StoredModel, threads: int, only: Sequence[str] = (), note: Callable[[str], None] = lambda _: None, called: str = ""
) -> list[Contender]:
    """The model on every backend that is installed and can run it, each checked to give finite and like outputs.

    Args:
        model: The model.
        threads: Threads of a session.
        only: Names of backends; all when empty.
        note: Told of backends that are left out, and why.
        called: What the model is called; its own name where it is empty.

    Raises:
        ModelUnsupported: No backend can run it, or one gives NaN or infinity.
    """
    kind = model_format(model.path)
    int8 = is_int8(model)
    names = _names(kind)
    if "openvino" in names and not int8:
        names.insert(1, FULL_PRECISION)
    found: list[Contender] = []
    for name in names:
        if only and name not in only:
            continue
        try:
            backend = _open(name, model.path, threads)
        except (PluginError, ModelUnsupported) as error:
            note(f"{called or model.manifest.name} without {name}: {error}")
            continue
        found.append(Contender(backend, _inputs(model, backend), model=model, backend_name=name, int8=int8, called=called))
    if not found:
        raise ModelUnsupported(f"{model.manifest.name}: expected a backend that runs {model.path.name}; none of {', '.join(names)} does")
    _check(found)
    return found


def is_int8(model: StoredModel) -> bool:
    """Whether a model is quantised: by the operators that say so in ONNX and IR; a TFLite file when it takes 8-bit pixels."""
    content = model.path.read_bytes()
    kind = model_format(model.path)
    if kind == ONNX:
        return b"DequantizeLinear" in content or b"QLinearConv" in content
    if kind == IR:
        return b"FakeQuantize" in content or b'element_type="i8"' in content
    return kind == TFLITE and model.manifest.preprocessing.get("dtype") == "uint8"


def _names(kind: str) -> list[str]:
    """The backends that may read a format: built-in ones, then plug-ins."""
    builtin = {name for order in BUILTIN_ORDER.values() for name in order}
    return [*BUILTIN_ORDER.get(kind, ()), *(name for name in BACKENDS.names() if name not in builtin)]


def _open(name: str, path: Path, threads: int) -> Backend:
    factory: Any = BACKENDS.load(name.partition(" ")[0])
    if model_format(path) not in factory.formats:
        raise ModelUnsupported(f"it reads {', '.join(sorted(factory.formats))}")
    backend: Backend = factory(path, threads=threads, precision="f32") if name == FULL_PRECISION else factory(path, threads=threads)
    return backend


def _inputs(model: StoredModel, backend: Backend) -> dict[str, NDArray[Any]]:
    """A picture of noise, made into the model's input as cameras' pictures are."""
    width, height = model.manifest.input_size_wh
    noise = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    task: VisionTask[Any] = Classify(model.manifest) if model.manifest.task == CLASSIFICATION else open_task(model.manifest)
    prepared, _ = task.prepare(Frame("bench", 0, 0.0, 0.0, ArrayPixels(noise)))
    (tensor,) = prepared.values()
    return {backend.inputs[0].name: tensor.copy()}


def _check(found: Sequence[Contender]) -> None:
    reference: list[NDArray[Any]] = []
    for contender in found:
        outputs = [np.asarray(value, np.float64) for value in contender.backend.infer(contender.inputs).values()]
        name = f"{contender.name} on {contender.backend_name}"
        if not all(np.isfinite(value).all() for value in outputs):
            raise ModelUnsupported(f"{name}: expected finite outputs, got NaN or infinity: its speed says nothing")
        reference = reference or outputs
        same = len(outputs) == len(reference) and all(a.shape == b.shape for a, b in zip(outputs, reference, strict=True))
        if not same:
            raise ModelUnsupported(f"{name}: expected outputs of the same shapes as on {found[0].backend_name}, got others")
        contender.difference = max(
            float(np.abs(a - b).max(initial=0.0) / max(float(np.abs(b).max(initial=0.0)), 1e-9))
            for a, b in zip(outputs, reference, strict=True)
        )


def contest(found: Sequence[Runner], seconds: float, progress: Callable[[float], None] = lambda _: None) -> int:
    """Run everybody in turns.

    Args:
        found: Who takes part.
        seconds: For each, s; at least three rounds are run.
        progress: Told the share that is done.

    Returns:
        How many rounds were run.
    """
    for contender in found:
        began = time.perf_counter()
        for _ in range(_WARM_UP):
            contender.backend.infer(contender.inputs)
        contender.calls = max(1, round(_SLICE_S * _WARM_UP / (time.perf_counter() - began)))
    began = time.perf_counter()
    limit = seconds * len(found)
    rounds = 0
    while rounds < _FEWEST_ROUNDS or time.perf_counter() - began < limit:
        # Another one begins each round, so that nobody always follows the same neighbour's caches.
        start = rounds % len(found)
        for contender in [*found[start:], *found[:start]]:
            _turn(contender)
        rounds += 1
        progress(min(1.0, (time.perf_counter() - began) / limit))
    return rounds


def _turn(contender: Runner) -> None:
    contender.backend.infer(contender.inputs)  # brings its weights back into the caches
    cpu = time.process_time()
    for _ in range(contender.calls):
        began = time.perf_counter()
        contender.backend.infer(contender.inputs)
        contender.wall_s.append(time.perf_counter() - began)
    contender.cpu_s.append((time.process_time() - cpu) / contender.calls)


def ratios(found: Sequence[Contender]) -> list[Ratio]:
    """INT8 against float, wherever both were run at one size on one backend; each round gives one ratio, the median counts."""
    pairs = [
        (ours, other)
        for ours in found
        for other in found
        if ours.int8
        and not other.int8
        and ours.backend_name == other.backend_name.partition(" ")[0]
        and ours.model.manifest.input_size_wh == other.model.manifest.input_size_wh
    ]
    return [
        Ratio(
            ours.name,
            other.name,
            ours.backend_name,
            other.backend_name,
            float(np.median(np.array(other.cpu_s) / np.array(ours.cpu_s))),
        )
        for ours, other in pairs
    ]
