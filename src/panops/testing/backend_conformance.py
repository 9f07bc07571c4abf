"""What every inference backend must do. Inherit `BackendConformance`, say how a file is opened, and run it with pytest.

Example of a plug-in's own test file::

    class TestMyBackend(BackendConformance):
        def open(self, path):
            return MyBackend(path)

A backend that reads no ONNX overrides the three `*_model` methods with files of its own that compute the same.
Threads: a `Backend` is used by one thread at a time (`domain.protocols.Backend`); the suite checks that it may change from one thread to
another between two calls, and that two backends run side by side.
"""

# ruff: noqa: S101  # a test suite asserts

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from panops.domain.errors import ModelError, ModelUnsupported
from panops.domain.protocols import Backend, TensorSpec
from panops.testing.tiny_onnx import Node, Tensor, write_onnx

FloatArray = NDArray[np.float32]

WEIGHT: FloatArray = np.linspace(-1.0, 1.0, 2 * 3 * 3 * 3, dtype=np.float32).reshape(2, 3, 3, 3)
BIAS: FloatArray = np.array([0.25, -0.5], np.float32)
SCALE: FloatArray = np.array([1.0, -2.0, 0.5, 4.0], np.float32)


class BackendConformance:
    """The suite; `open` is the only thing a subclass must write."""

    tolerance = 1e-5

    def open(self, path: Path) -> Backend:
        """Load a model file with the backend under test."""
        raise NotImplementedError

    def arithmetic_model(self, path: Path) -> Path:
        """A model of `a` and `b` (2, 3) float32 to `sum` and `product`, in this order."""
        ends = [Tensor("sum", (2, 3)), Tensor("product", (2, 3))]
        nodes = [Node("Add", ["a", "b"], ["sum"]), Node("Mul", ["a", "b"], ["product"])]
        return write_onnx(path.with_suffix(".onnx"), nodes, [Tensor("a", (2, 3)), Tensor("b", (2, 3))], ends)

    def picture_model(self, path: Path) -> Path:
        """A model of `image` (1, 3, 8, 8) float32 to `features` (1, 2, 8, 8): ReLU of the 3x3 convolution with `WEIGHT`, `BIAS`, pad 1."""
        nodes = [Node("Conv", ["image", "weight", "bias"], ["linear"], {"pads": [1, 1, 1, 1]}), Node("Relu", ["linear"], ["features"])]
        constants: dict[str, NDArray[np.generic]] = {"weight": WEIGHT, "bias": BIAS}
        return write_onnx(
            path.with_suffix(".onnx"), nodes, [Tensor("image", (1, 3, 8, 8))], [Tensor("features", (1, 2, 8, 8))], constants=constants
        )

    def dynamic_model(self, path: Path) -> Path:
        """A model of `x` (any, 4) float32 to `y` (any, 4): times `SCALE`."""
        constants: dict[str, NDArray[np.generic]] = {"scale": SCALE}
        ends = [Tensor("y", (-1, 4))]
        return write_onnx(
            path.with_suffix(".onnx"), [Node("Mul", ["x", "scale"], ["y"])], [Tensor("x", (-1, 4))], ends, constants=constants
        )

    @pytest.fixture
    def arithmetic(self, tmp_path: Path) -> Backend:
        """The backend with the arithmetic model."""
        return self.open(self.arithmetic_model(tmp_path / "arithmetic"))

    def test_specs_say_what_the_file_says(self, tmp_path: Path) -> None:
        """Names, order, shapes and dtypes."""
        backend = self.open(self.arithmetic_model(tmp_path / "arithmetic"))
        float32 = np.dtype(np.float32)
        assert backend.inputs == (TensorSpec("a", (2, 3), float32), TensorSpec("b", (2, 3), float32))
        assert backend.outputs == (TensorSpec("sum", (2, 3), float32), TensorSpec("product", (2, 3), float32))

    def test_arithmetic_equals_numpy(self, arithmetic: Backend) -> None:
        """Two inputs do not get mixed up, nor two outputs."""
        a, b = _pair(0)
        result = arithmetic.infer({"b": b, "a": a})
        np.testing.assert_allclose(result["sum"], a + b, rtol=self.tolerance, atol=self.tolerance)
        np.testing.assert_allclose(result["product"], a * b, rtol=self.tolerance, atol=self.tolerance)

    def test_convolution_equals_numpy(self, tmp_path: Path) -> None:
        """A picture's way through a convolution."""
        backend = self.open(self.picture_model(tmp_path / "picture"))
        image = np.random.default_rng(1).random((1, 3, 8, 8), dtype=np.float32)
        result = backend.infer({"image": image})["features"]
        np.testing.assert_allclose(result, _convolution(image), rtol=10 * self.tolerance, atol=10 * self.tolerance)
        assert result.dtype == np.float32

    def test_inputs_need_not_be_contiguous(self, arithmetic: Backend) -> None:
        """Views and read-only arrays are fine, and are left as they were."""
        a, b = _pair(2)
        view = np.asfortranarray(a)
        view.setflags(write=False)
        result = arithmetic.infer({"a": view, "b": np.repeat(b, 2, axis=1)[:, ::2]})
        np.testing.assert_allclose(result["sum"], a + b, rtol=self.tolerance, atol=self.tolerance)
        np.testing.assert_array_equal(view, a)

    def test_dynamic_shapes_change_between_calls(self, tmp_path: Path) -> None:
        """A dimension of -1 takes any size, another one at each call."""
        backend = self.open(self.dynamic_model(tmp_path / "dynamic"))
        assert backend.inputs[0].shape == (-1, 4)
        for rows in (1, 5, 2, 5):
            x = np.random.default_rng(rows).random((rows, 4), dtype=np.float32)
            np.testing.assert_allclose(backend.infer({"x": x})["y"], x * SCALE, rtol=self.tolerance, atol=self.tolerance)

    def test_dynamic_shapes_are_checked_where_they_are_fixed(self, tmp_path: Path) -> None:
        """A dimension that is not -1 must fit; a size of 0 never does."""
        backend = self.open(self.dynamic_model(tmp_path / "dynamic"))
        for shape in ((2, 5), (0, 4), (4,), (1, 2, 4)):
            with pytest.raises(ModelUnsupported):
                backend.infer({"x": np.zeros(shape, np.float32)})

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            pytest.param(lambda good: {"a": good["a"]}, "b", id="an input is missing"),
            pytest.param(lambda good: {}, "a", id="nothing at all"),
            pytest.param(lambda good: {**good, "c": good["a"]}, "c", id="one too many"),
            pytest.param(lambda good: {"a": good["a"], "B": good["b"]}, "b", id="a wrong name"),
            pytest.param(lambda good: {**good, "a": good["a"].astype(np.float64)}, "float64", id="a wrong dtype"),
            pytest.param(lambda good: {**good, "a": good["a"].T}, "(3, 2)", id="a wrong shape"),
            pytest.param(lambda good: {**good, "a": good["a"][None]}, "(1, 2, 3)", id="one dimension too many"),
        ],
    )
    def test_wrong_inputs_are_refused(self, arithmetic: Backend, change: Callable[[Any], dict[str, FloatArray]], words: str) -> None:
        """With an error that names what is wrong, after which the backend still works."""
        a, b = _pair(3)
        with pytest.raises(ModelUnsupported) as caught:
            arithmetic.infer(change({"a": a, "b": b}))
        assert words in str(caught.value)
        np.testing.assert_allclose(arithmetic.infer({"a": a, "b": b})["sum"], a + b, rtol=self.tolerance, atol=self.tolerance)

    def test_outputs_belong_to_the_caller(self, arithmetic: Backend) -> None:
        """They stay as they are after the next call, after the inputs change, and after close."""
        a, b = _pair(4)
        kept = arithmetic.infer({"a": a, "b": b})
        expected = {name: array.copy() for name, array in kept.items()}
        a += 1
        arithmetic.infer({"a": a, "b": b})
        arithmetic.close()
        for name, array in expected.items():
            np.testing.assert_array_equal(kept[name], array)

    def test_close_twice(self, arithmetic: Backend) -> None:
        """Closing is safe twice; a closed model says so when it is used."""
        arithmetic.close()
        arithmetic.close()
        a, b = _pair(5)
        with pytest.raises(ModelError):
            arithmetic.infer({"a": a, "b": b})

    def test_damaged_files_are_refused(self, tmp_path: Path) -> None:
        """Empty, cut off, text, random: always `ModelUnsupported`, never another error and never a crash."""
        good = self.picture_model(tmp_path / "good")
        data = good.read_bytes()
        noise = random.Random(6).randbytes(2000)  # noqa: S311  # test data, not a secret
        for content in (b"", data[: len(data) // 2], data[:20], b"this is no model\n" * 20, noise):
            bad = tmp_path / f"bad{good.suffix}"
            bad.write_bytes(content)
            with pytest.raises(ModelUnsupported):
                self.open(bad)

    def test_fuzzed_files_never_raise_anything_else(self, tmp_path: Path) -> None:
        """A file with flipped bytes is refused or runs; nothing else happens."""
        good = self.picture_model(tmp_path / "good")
        data = good.read_bytes()
        dice = random.Random(7)  # noqa: S311  # test data, not a secret
        image = np.zeros((1, 3, 8, 8), np.float32)
        for round_ in range(40):
            bad = bytearray(data)
            for _ in range(dice.choice([1, 2, 8])):
                bad[dice.randrange(len(bad))] = dice.randrange(256)
            path = tmp_path / f"fuzzed{round_}{good.suffix}"
            path.write_bytes(bad)
            try:
                backend = self.open(path)
                backend.infer({backend.inputs[0].name: image})
            except ModelUnsupported:
                continue

    def test_another_thread_may_use_it_next(self, arithmetic: Backend) -> None:
        """Nothing is tied to the thread that opened the model."""
        a, b = _pair(8)
        with ThreadPoolExecutor(1) as pool:
            result = pool.submit(arithmetic.infer, {"a": a, "b": b}).result()
        np.testing.assert_allclose(result["sum"], a + b, rtol=self.tolerance, atol=self.tolerance)

    def test_two_backends_run_side_by_side(self, tmp_path: Path) -> None:
        """Each thread with a backend of its own gets its own results."""
        file = self.picture_model(tmp_path / "picture")
        wrong: list[int] = []

        def work(seed: int) -> None:
            backend = self.open(file)
            image = np.random.default_rng(seed).random((1, 3, 8, 8), dtype=np.float32)
            expected = _convolution(image)
            results = [backend.infer({"image": image})["features"] for _ in range(20)]
            if not np.allclose(results, expected, atol=2e-2):
                wrong.append(seed)

        threads = [threading.Thread(target=work, args=(seed,)) for seed in (9, 10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not wrong

    def test_it_does_not_spin_between_calls(self, tmp_path: Path) -> None:
        """Idle means idle: no thread of the backend waits by burning CPU."""
        backend = self.open(self.picture_model(tmp_path / "picture"))
        image = np.zeros((1, 3, 8, 8), np.float32)
        for _ in range(5):
            backend.infer({"image": image})
        before = time.process_time()
        time.sleep(0.25)
        assert time.process_time() - before < 0.05


def _pair(seed: int) -> tuple[FloatArray, FloatArray]:
    dice = np.random.default_rng(seed)
    return dice.random((2, 3), dtype=np.float32), dice.random((2, 3), dtype=np.float32)


def _convolution(image: FloatArray) -> FloatArray:
    """The picture model in plain numpy."""
    padded = np.pad(image, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
    linear = np.einsum("nchwij,ocij->nohw", windows, WEIGHT) + BIAS[None, :, None, None]
    return np.asarray(np.maximum(linear, 0.0), dtype=np.float32)
