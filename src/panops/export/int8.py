"""8 bits with judgement: calibrate, quantise, measure both files on labelled pictures, and say what to do where it costs too much."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import onnx
from numpy.typing import NDArray

from panops.domain.errors import ModelUnsupported
from panops.domain.labels import DetectionSet
from panops.domain.manifest import ModelManifest
from panops.evaluation.loss_interval import loss_interval
from panops.export.calibration import chosen_pictures, input_tensors
from panops.export.deployed import readable
from panops.export.equalising import equalised
from panops.export.files import write_form
from panops.export.gate import ExportRefused, Limits, Measured, Progress, Verdict, measure_file
from panops.export.layer_noise import LayerNoise, layer_noise
from panops.export.quantising import quantised, quantised_layers

Tensors = Sequence[dict[str, NDArray[Any]]]

# Pictures that the noise of single layers is measured on: each layer is a session of its own.
_NOISE_PICTURES = 4
_NAMED_LAYERS = 8
# Below this nothing can be judged.
_LEAST_AP = 0.01


@dataclass(frozen=True, slots=True)
class Int8Settings:
    """How to go to 8 bits.

    Attributes:
        pictures: How many pictures calibrate.
        seed: Which ones.
        limits: What may be lost.
        mixed: How many of the worst layers stay in float, tried one after the other until the gate opens; none keeps none.
        calibration: Pictures to calibrate with; those of the gate when None.
    """

    pictures: int = 200
    seed: int = 0
    limits: Limits = field(default_factory=Limits)
    mixed: tuple[int, ...] = ()
    calibration: DetectionSet | None = None


def int8_file(
    model: onnx.ModelProto,
    manifest: ModelManifest,
    work: Path,
    dataset: DetectionSet,
    settings: Int8Settings,
    progress: Progress,
) -> tuple[onnx.ModelProto, dict[str, Any], Verdict]:
    """Quantise and judge.

    Args:
        model: Float.
        manifest: Of the model.
        work: A folder for the files that are measured.
        dataset: Labelled pictures: the judge.
        settings: How.
        progress: Told what is going on.

    Returns:
        The 8-bit model, what was measured, and the verdict that let it through.

    Raises:
        ExportRefused: It costs too much, also with the layers in float that `mixed` allows. The message names the layers that hurt
            and says what mixed precision would give.
        ModelUnsupported: There are no pictures or boxes to work with.
    """
    return _Attempt(model, manifest, work, dataset, settings, progress).run()


class _Attempt:
    def __init__(
        self, model: onnx.ModelProto, manifest: ModelManifest, work: Path, dataset: DetectionSet, settings: Int8Settings, progress: Progress
    ) -> None:
        self._model, self._manifest, self._work = model, manifest, work
        self._dataset, self._settings, self._progress = replace(dataset, pictures=tuple(readable(dataset.pictures))), settings, progress
        pictures = readable(chosen_pictures(settings.calibration or self._dataset, settings.pictures, settings.seed))
        if not pictures:
            raise ModelUnsupported("expected pictures to calibrate 8 bits with, got none; give a data set with --data")
        self._tensors: Tensors = input_tensors(manifest, pictures, model.graph.input[0].name)
        self._before: Measured | None = None

    def run(self) -> tuple[onnx.ModelProto, dict[str, Any], Verdict]:
        found = self._quantised(())
        verdict = self._verdict(found, "int8")
        report: dict[str, Any] = {
            "calibration_pictures": len(self._tensors),
            "seed": self._settings.seed,
            "layers": len(quantised_layers(found)),
            "kept_float": [],
            "gate": verdict.record(),
        }
        if verdict.passed:
            return found, report, verdict
        noise = self._noise(found)
        report["worst_layers"] = [entry.record() for entry in noise[:_NAMED_LAYERS]]
        report["refused"] = report.pop("gate")
        tried = []
        for count in self._settings.mixed or (_NAMED_LAYERS,):
            kept = tuple(entry.layer for entry in noise[:count])
            mixed = self._quantised(kept)
            attempt = self._verdict(mixed, f"int8, {count} layers in float")
            tried.append({"kept_float": list(kept), "gate": attempt.record()})
            if attempt.passed and self._settings.mixed:
                report |= {"kept_float": list(kept), "layers": len(quantised_layers(mixed)), "gate": attempt.record(), "tried": tried}
                return mixed, report, attempt
        report["tried"] = tried
        raise ExportRefused(self._refusal(verdict, noise, attempt, count), report)

    def _quantised(self, keep_float: tuple[str, ...]) -> onnx.ModelProto:
        self._progress("quantising", 0, 1)
        found = quantised(self._model, self._tensors, keep_float)
        self._progress("quantising", 1, 1)
        return found

    def _verdict(self, found: onnx.ModelProto, what: str) -> Verdict:
        if self._before is None:
            plain = write_form(self._model, self._manifest, self._work / "gate.before.onnx", "onnx", "float32")
            self._before = measure_file(plain, self._dataset, self._progress, "measuring float")
            ap = self._before.score.overall.ap
            if ap < _LEAST_AP:
                found_little = f"{self._manifest.name} has AP {100 * ap:.1f} on {self._dataset.name} in float"
                raise ModelUnsupported(
                    f"{found_little}: expected a model that finds what is labelled there, for nothing can be lost where nothing is found;"
                    " train it, or give another --data"
                )
        rounded = write_form(found, self._manifest, self._work / "gate.after.onnx", "int8", "int8")
        after = measure_file(rounded, self._dataset, self._progress, f"measuring {what}")
        interval = loss_interval(self._before.score, after.score, self._settings.seed)
        return Verdict(self._before, after, self._settings.limits, interval, self._dataset)

    def _noise(self, found: onnx.ModelProto) -> list[LayerNoise]:
        level = equalised(self._model, self._tensors)
        few = self._tensors[:_NOISE_PICTURES]
        return layer_noise(level, found, few, lambda done, total: self._progress("looking for the layers that hurt", done, total))

    def _refusal(self, verdict: Verdict, noise: list[LayerNoise], mixed: Verdict, count: int) -> str:
        worst = ", ".join(f"{entry.layer} ({entry.signal_to_noise_db:.0f} dB)" for entry in noise[:4])
        if self._settings.mixed:
            advice = f"even with the {count} worst layers in float: {mixed.sentence()}"
        else:
            passes = "would pass" if mixed.passed else "would not pass either"
            advice = f"with --mixed, the {count} worst in float, it {passes}: {mixed.sentence()}"
        grounds = f"Measured on {verdict.grounds}." + "".join(f" But {doubt}." for doubt in verdict.doubts)
        return (
            f"8 bits cost too much: {verdict.sentence()}; nothing was written. {grounds} The layers that hurt: {worst}; {advice}."
            " The other way is to fine-tune with 8-bit rounding in the loop: a recipe that starts from the checkpoint, with"
            " eight_bits: true and a few thousand pictures; docs/training.md has one"
        )
