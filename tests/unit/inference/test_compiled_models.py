from __future__ import annotations

import fcntl
import logging
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from panops.inference import compiled_models
from panops.inference.backends import openvino_backend
from panops.inference.backends.openvino_backend import OpenVinoBackend
from panops.inference.compiled_models import CompiledModels
from panops.models.store import ModelStore


class Compiler:
    """Counts what it makes; what it gives away are the bytes it was asked for."""

    def __init__(self, result: bytes = b"compiled", seconds: float = 0.0) -> None:
        self.made = 0
        self.result = result
        self.seconds = seconds

    def get(self, kept: CompiledModels, name: str = "1x3x8x8") -> bytes:
        return kept.get(name, lambda data: data, self.make, lambda compiled: compiled)

    def make(self) -> bytes:
        self.made += 1
        time.sleep(self.seconds)
        return self.result


def the_file(root: Path) -> Path:
    (path,) = root.rglob("*.compiled")
    return path


def test_the_next_process_finds_it(tmp_path: Path) -> None:
    compiler = Compiler()
    assert [compiler.get(CompiledModels(tmp_path / "engines", b"model", "1.0")) for _ in range(3)] == [b"compiled"] * 3
    assert compiler.made == 1
    compiler.get(CompiledModels(tmp_path / "engines", b"model", "1.1"))  # another library
    compiler.get(CompiledModels(tmp_path / "engines", b"model", "1.0"), "1x3x8x12")  # another shape
    assert compiler.made == 3


def test_nothing_is_kept_unasked(tmp_path: Path) -> None:
    compiler = Compiler()
    kept = CompiledModels(None)
    assert [compiler.get(kept), compiler.get(kept)] == [b"compiled"] * 2
    assert (compiler.made, list(tmp_path.iterdir())) == (2, [])


@pytest.mark.parametrize("keep", [0, 10, -1])
def test_half_a_file_is_made_anew(tmp_path: Path, keep: int, caplog: pytest.LogCaptureFixture) -> None:
    compiler = Compiler()
    compiler.get(CompiledModels(tmp_path, b"model"))
    the_file(tmp_path).write_bytes(the_file(tmp_path).read_bytes()[:keep])
    assert compiler.get(CompiledModels(tmp_path, b"model")) == b"compiled"
    assert compiler.made == 2
    assert "is damaged" in caplog.text
    compiler.get(CompiledModels(tmp_path, b"model"))
    assert compiler.made == 2  # it is whole again


def test_what_the_library_refuses_is_made_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    compiler = Compiler()
    compiler.get(CompiledModels(tmp_path, b"model"))

    def refuse(data: bytes) -> bytes:
        raise RuntimeError("Exception from core.cpp:217:\nwrong version")

    assert CompiledModels(tmp_path, b"model").get("1x3x8x8", refuse, compiler.make, lambda compiled: compiled) == b"compiled"
    assert compiler.made == 2
    assert "cannot be used (Exception from core.cpp:217:)" in caplog.text


def test_what_cannot_be_given_away_is_used_all_the_same(tmp_path: Path) -> None:
    def refuse(compiled: bytes) -> bytes:
        raise RuntimeError("not implemented")

    compiler = Compiler()
    kept = CompiledModels(tmp_path, b"model")
    assert kept.get("a", lambda data: data, compiler.make, refuse) == b"compiled"
    assert not list(tmp_path.rglob("*.compiled"))


def test_a_folder_that_cannot_be_used_costs_the_time_of_compiling_only(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "engines").write_text("a file")
    compiler = Compiler()
    assert compiler.get(CompiledModels(tmp_path / "engines", b"model")) == b"compiled"
    assert "cannot be kept" in caplog.text

    kept = CompiledModels(tmp_path / "other", b"model")
    for entry in (tmp_path / "other").iterdir():
        entry.rmdir()  # somebody deletes it while the site runs
    assert compiler.get(kept) == b"compiled"
    assert compiler.get(kept) == b"compiled"
    assert sum("cannot be kept" in record.message for record in caplog.records) == 2


def test_of_several_that_ask_at_once_one_makes_it(tmp_path: Path) -> None:
    compiler = Compiler(seconds=0.3)
    answers: list[bytes] = []
    threads = [threading.Thread(target=lambda: answers.append(compiler.get(CompiledModels(tmp_path, b"model")))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (compiler.made, answers) == (1, [b"compiled"] * 4)


def test_one_that_hangs_does_not_stop_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled_models, "_PATIENCE_S", 0.2)
    kept = CompiledModels(tmp_path, b"model")
    (folder,) = tmp_path.iterdir()
    with (folder / ".lock").open("w") as hanging:
        fcntl.flock(hanging, fcntl.LOCK_EX)
        assert Compiler().get(kept) == b"compiled"


class NoCompiler:
    """OpenVINO's core, but for the compiler."""

    def __init__(self, core: Any) -> None:
        self._core = core

    def __getattr__(self, name: str) -> Any:
        assert name != "compile_model", "it was compiled though it was kept"
        return getattr(self._core, name)


def test_a_model_that_was_kept_gives_the_same_without_the_compiler(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.WARNING)
    model = ModelStore(tmp_path / "models").get("street").path
    picture = np.random.default_rng(3).integers(0, 255, (1, 3, 160, 128), dtype=np.uint8)
    answers, specs = [], []
    core = openvino_backend._core()
    for turn in range(2):
        if turn:
            monkeypatch.setattr(openvino_backend, "_core", lambda: NoCompiler(core))
        backend = OpenVinoBackend(model, cache_dir=tmp_path / "engines")
        assert backend.takes(picture.shape, wait=True)
        answers.append(backend.infer({backend.inputs[0].name: picture}))
        specs.append((backend.inputs, backend.outputs))
        backend.close()
    assert specs[0] == specs[1]
    for name, rows in answers[0].items():
        np.testing.assert_array_equal(rows, answers[1][name])
    assert {path.name for path in (tmp_path / "engines").rglob("*.compiled")} == {"own.compiled", "1x3x160x128.compiled"}
    assert not caplog.records
