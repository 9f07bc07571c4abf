from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from panops.domain.errors import ModelUnsupported
from panops.domain.protocols import Backend, ResizingBackend
from panops.inference.backends.openvino_backend import OpenVinoBackend
from panops.inference.tensors import MissingOperator
from panops.testing.backend_conformance import BackendConformance
from panops.testing.tiny_onnx import Node, Tensor, write_onnx


class TestOpenVinoBackend(BackendConformance):
    def open(self, path: Path) -> Backend:
        return OpenVinoBackend(path, precision="f32")


class TestOpenVinoBackendAtItsOwnPrecision(BackendConformance):
    tolerance = 2e-2  # BF16 has 8 bits of mantissa

    def open(self, path: Path) -> Backend:
        return OpenVinoBackend(path)


@pytest.mark.parametrize(
    ("node", "named"), [(Node("Nonsense", ["x"], ["y"]), "Nonsense"), (Node("Own", ["x"], ["y"], domain="my.ops"), "my.ops.Own")]
)
def test_an_unknown_operator_is_named(tmp_path: Path, node: Node, named: str) -> None:
    path = write_onnx(tmp_path / "m.onnx", [node], [Tensor("x", (1, 4))], [Tensor("y", (1, 4))])
    with pytest.raises(MissingOperator) as caught:
        OpenVinoBackend(path)
    assert (caught.value.backend, caught.value.operator) == ("OpenVINO", named)


def test_the_cache_folder_is_filled_and_read_again(tmp_path: Path) -> None:
    path = TestOpenVinoBackend().picture_model(tmp_path / "picture")
    cache = tmp_path / "made" / "cache"
    image = np.random.default_rng(0).random((1, 3, 8, 8), dtype=np.float32)
    first = OpenVinoBackend(path, cache_dir=cache).infer({"image": image})["features"]
    kept = {file: file.stat().st_mtime_ns for file in cache.rglob("*.compiled")}
    second = OpenVinoBackend(path, cache_dir=cache).infer({"image": image})["features"]
    assert kept
    assert {file: file.stat().st_mtime_ns for file in cache.rglob("*.compiled")} == kept
    np.testing.assert_array_equal(first, second)


def test_a_file_of_one_size_runs_at_others(tmp_path: Path) -> None:
    backend = OpenVinoBackend(TestOpenVinoBackend().picture_model(tmp_path / "picture"), precision="f32")
    assert isinstance(backend, ResizingBackend)
    image = np.random.default_rng(0).random((1, 3, 8, 12), dtype=np.float32)
    with pytest.raises(ModelUnsupported, match=r"expected shape \(1, 3, 8, 8\)"):
        backend.infer({"image": image})
    assert backend.takes((1, 3, 8, 12), wait=True)
    wide = backend.infer({"image": image})["features"]
    assert wide.shape == (1, 2, 8, 12)
    own = backend.infer({"image": np.ascontiguousarray(image[..., :8])})["features"]
    np.testing.assert_allclose(own[..., :7], wide[..., :7], rtol=1e-4, atol=1e-5)  # the last column sees the edge
    assert backend.takes((1, 3, 8, 8))
    with pytest.raises(ModelUnsupported, match="expected float32"):
        backend.infer({"image": image.astype(np.float64)})
    backend.close()
    assert not backend.takes((1, 3, 8, 12), wait=True)


def test_a_size_that_the_graph_refuses_is_no_size(tmp_path: Path) -> None:
    constants: dict[str, np.ndarray] = {"offset": np.ones((1, 3, 8, 8), np.float32)}
    nodes, image = [Node("Add", ["image", "offset"], ["sum"])], Tensor("image", (1, 3, 8, 8))
    backend = OpenVinoBackend(write_onnx(tmp_path / "own.onnx", nodes, [image], [Tensor("sum", (1, 3, 8, 8))], constants=constants))
    assert not backend.takes((1, 3, 8, 12), wait=True)
    assert backend.infer({"image": np.zeros((1, 3, 8, 8), np.float32)})["sum"].shape == (1, 3, 8, 8)


_SILENT = """
import sys
import socket
def refuse(*args, **kwargs):
    raise SystemExit(f"the network was used: {args}")
socket.socket.connect = refuse
socket.getaddrinfo = refuse
class Spy:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "openvino_telemetry" or name.startswith("openvino.tools.ovc"):
            raise SystemExit(f"{name} was imported")
        return None
sys.meta_path.insert(0, Spy())
from pathlib import Path
import numpy as np
from panops.inference.open_backend import open_backend
backend = open_backend(Path(sys.argv[1]))
backend.infer({"image": np.zeros((1, 3, 8, 8), np.float32)})
assert type(backend).__name__ == "OpenVinoBackend"
loaded = [name for name, module in sys.modules.items() if module is not None and ("telemetry" in name and "openvino" in name)]
assert not loaded, loaded
try:
    import openvino_telemetry
except ImportError:
    print("silent")
"""


def test_openvino_telemetry_is_never_imported(tmp_path: Path) -> None:
    path = TestOpenVinoBackend().picture_model(tmp_path / "picture")
    result = subprocess.run([sys.executable, "-c", _SILENT, str(path)], capture_output=True, text=True, timeout=60, check=False)
    assert (result.returncode, result.stdout.strip()) == (0, "silent"), result.stderr
