"""`panops bench inference`: turns, ratios, and that it times only what works."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner

from panops.cli import app
from panops.commands.bench_inference_contest import Contender, _check, contenders, contest, is_int8, ratios
from panops.commands.evaluate_model import find_model
from panops.domain.errors import ModelNotFound, ModelUnsupported
from panops.domain.protocols import TensorSpec
from panops.models.store import ModelStore, StoredModel, package_builtin
from tests.unit.commands.tiny_detector import manifest_of, write_detector


class CountingBackend:
    """Notes who was called when."""

    inputs: tuple[TensorSpec, ...] = ()
    outputs: tuple[TensorSpec, ...] = ()

    def __init__(self, name: str, calls: list[str]) -> None:
        self._name = name
        self._calls = calls

    def infer(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        del inputs
        self._calls.append(self._name)
        return {"rows": np.zeros(1)}

    def close(self) -> None:
        """Nothing to free."""


def stored(folder: Path, name: str, *, quantised: bool = False) -> StoredModel:
    path = write_detector(folder / name, name, quantised=quantised)
    return StoredModel(manifest_of(path), path)


def test_every_model_on_every_backend_with_ratios(tmp_path: Path) -> None:
    float_model = write_detector(tmp_path / "float", "plain")
    int8_model = write_detector(tmp_path / "int8", "small", quantised=True)
    out = tmp_path / "out.json"
    words = ["bench", "inference", str(float_model), str(int8_model), "--seconds", "0.1", "--json", str(out), "--home", str(tmp_path)]
    result = CliRunner().invoke(app, words, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    found = json.loads(out.read_text(encoding="utf-8"))
    rows = {(row["model"], row["backend"]): row for row in found["results"]}
    assert set(rows) == {
        ("plain", "openvino"),
        ("plain", "openvino f32"),
        ("plain", "onnxruntime"),
        ("small", "openvino"),
        ("small", "onnxruntime"),
    }
    for row in rows.values():
        assert row["int8"] is (row["model"] == "small")
        assert row["images"] >= 3
        assert 0 < row["ms_p50"] <= row["ms_p95"]
        assert row["images_per_cpu_s"] == pytest.approx(1000 / row["cpu_ms"])
        assert row["difference"] < 0.01
    compared = {(ratio["backend"], ratio["other_backend"]): ratio for ratio in found["ratios"]}
    assert set(compared) == {("openvino", "openvino"), ("openvino", "openvino f32"), ("onnxruntime", "onnxruntime")}
    assert set(found["models"]) == {"plain", "small"}
    assert "small on openvino" in result.output


def test_the_share_of_the_int8_peak(tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    words = ["bench", "inference", "street", "--size", "96", "--seconds", "0.1", "--json", str(out), "--home", str(tmp_path)]
    result = CliRunner().invoke(app, words, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    found = json.loads(out.read_text(encoding="utf-8"))
    assert found["int8_peak_gops"] > 1
    for row in found["results"]:
        pace_gops = 2e-9 * row["multiply_adds"] * row["images_per_cpu_s"]
        assert row["int8_peak_share"] == pytest.approx(
            pace_gops / found["int8_peak_gops"], rel=0.5
        )  # a median of ratios, and a ratio of medians
        assert 0 < row["int8_peak_share"] < 1
    assert "INT8 peak of a thread" in result.output


def test_turns_are_taken_in_rounds_and_the_first_changes(tmp_path: Path) -> None:
    model = stored(tmp_path, "plain")
    calls: list[str] = []
    found = [Contender(CountingBackend(name, calls), {}, model=model, backend_name=name, int8=False) for name in ("one", "two", "three")]
    rounds = contest(found, seconds=0.001)
    assert rounds >= 3
    assert all(len(contender.cpu_s) == rounds for contender in found)
    turns = [name for index, name in enumerate(calls) if index == 0 or calls[index - 1] != name]
    warm_up, played = turns[:3], "".join(name[1] for name in turns[3:])
    assert warm_up == ["one", "two", "three"]
    # one two three / two three one / three one two: whoever ends a round may begin the next, then its two turns are one here.
    assert played.startswith("nwhwhnhnw")


def test_ratios_come_from_the_same_round(tmp_path: Path) -> None:
    plain, small = stored(tmp_path, "plain"), stored(tmp_path, "small", quantised=True)
    calls: list[str] = []
    slow = Contender(CountingBackend("slow", calls), {}, model=plain, backend_name="openvino f32", int8=False, cpu_s=[0.2, 0.6, 0.4])
    fast = Contender(CountingBackend("fast", calls), {}, model=small, backend_name="openvino", int8=True, cpu_s=[0.1, 0.3, 0.2])
    other = Contender(CountingBackend("other", calls), {}, model=plain, backend_name="onnxruntime", int8=False, cpu_s=[1.0, 1.0, 1.0])
    (ratio,) = ratios([slow, fast, other])
    assert ratio.cpu == pytest.approx(2.0)
    assert (ratio.int8, ratio.other, ratio.other_backend) == ("small", "plain", "openvino f32")


def test_what_is_int8(tmp_path: Path) -> None:
    assert not is_int8(stored(tmp_path, "plain"))
    assert is_int8(stored(tmp_path, "small", quantised=True))


def test_backends_can_be_chosen_and_those_left_out_are_told(tmp_path: Path) -> None:
    model = stored(tmp_path, "plain")
    found = contenders(model, 1, ["onnxruntime"])
    assert [contender.backend_name for contender in found] == ["onnxruntime"]
    with pytest.raises(ModelUnsupported, match="expected a backend that runs"):
        contenders(model, 1, ["litert"])


def test_two_versions_of_one_model_are_two_rows(tmp_path: Path) -> None:
    first, second = (write_detector(tmp_path / folder, "bright") for folder in ("first", "second"))
    out = tmp_path / "out.json"
    words = ["bench", "inference", str(first), str(second), "--seconds", "0.1", "--json", str(out), "--backend", "onnxruntime"]
    result = CliRunner().invoke(app, [*words, "--home", str(tmp_path)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    found = json.loads(out.read_text(encoding="utf-8"))
    assert list(found["models"]) == [row["model"] for row in found["results"]] == [str(first), str(second)]


def test_an_unknown_backend_is_a_sentence(tmp_path: Path) -> None:
    model = write_detector(tmp_path / "one", "bright")
    words = ["bench", "inference", str(model), "--backend", "openvno", "--home", str(tmp_path)]
    result = CliRunner().invoke(app, words, env={"COLUMNS": "200"})
    assert result.exit_code == 2
    assert "expected one of" in result.output
    assert "openvino f32; got 'openvno'" in result.output


class EmptyBackend(CountingBackend):
    """A model that finds nothing gives rows without numbers."""

    def infer(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        super().infer(inputs)
        return {"rows": np.zeros((0, 6))}


def test_outputs_without_numbers_are_alike(tmp_path: Path) -> None:
    model = stored(tmp_path, "plain")
    found = [Contender(EmptyBackend(name, []), {}, model=model, backend_name=name, int8=False) for name in ("one", "two")]
    _check(found)
    assert [one.difference for one in found] == [0.0, 0.0]


def test_without_a_model_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PANOPS_MODEL_MIRROR", raising=False)
    from panops.commands import bench_inference as command  # noqa: PLC0415 - patched below

    monkeypatch.setattr(command.ModelStore, "list", lambda _: [])
    with pytest.raises(ModelNotFound, match="none is installed"):
        CliRunner().invoke(app, ["bench", "inference", "--home", str(tmp_path)], catch_exceptions=False)


def test_files_for_phones_are_timed_classifiers_too(tmp_path: Path) -> None:
    for name in ("ppe_close", "sign_digits"):
        words = ["export", str(package_builtin() / name), "--format", "tflite", "--out", str(tmp_path / name)]
        assert CliRunner().invoke(app, words, catch_exceptions=False).exit_code == 0
    out = tmp_path / "out.json"
    names = [str(tmp_path / "ppe_close"), str(tmp_path / "sign_digits" / "sign_digits.tflite")]
    words = ["bench", "inference", *names, "--backend", "litert", "--seconds", "0.1", "--json", str(out), "--home", str(tmp_path)]
    result = CliRunner().invoke(app, words, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    rows = json.loads(out.read_text(encoding="utf-8"))["results"]
    assert [(row["model"], row["backend"], row["int8"]) for row in rows] == [("ppe_close", "litert", True), ("sign_digits", "litert", True)]


def test_a_core_ml_package_is_refused_in_a_sentence(tmp_path: Path) -> None:
    package = tmp_path / "apple" / "x.mlpackage"
    package.mkdir(parents=True)
    for what in (package, package.parent):
        with pytest.raises(ModelUnsupported, match="Apple's systems alone run; give its TFLite file"):
            find_model(str(what), ModelStore(tmp_path / "models"))
