"""torch's programs on the CPU, by the same code as on a GPU; and archives that would do more than arithmetic."""

from __future__ import annotations

import copy
import io
import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from panops.domain.device import Device
from panops.domain.errors import DeviceError, ModelUnsupported
from panops.domain.protocols import Backend
from panops.inference.backends.torch_backend import TorchBackend, no_inputs
from panops.inference.batching import BatchingEngine
from panops.inference.formats import PT2, model_format
from panops.inference.open_backend import open_backend
from panops.inference.tensors import MissingOperator
from panops.inference.torch_archive import plain_archive
from panops.inference.torch_size import is_plain_size
from panops.testing.backend_conformance import BIAS, SCALE, WEIGHT, BackendConformance

torch.set_num_threads(1)


class Arithmetic(nn.Module):
    def forward(self, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
        return a + b, a * b


class Picture(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 2, 3, padding=1)
        self.conv.weight.data = torch.from_numpy(WEIGHT.copy())
        self.conv.bias = nn.Parameter(torch.from_numpy(BIAS.copy()))

    def forward(self, image: Tensor) -> Tensor:
        return torch.relu(self.conv(image))


class Scaled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("scale", torch.from_numpy(SCALE.copy()))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale


def save(path: Path, network: nn.Module, *inputs: Tensor, batch: bool = False) -> Path:
    sizes = tuple({0: torch.export.Dim("batch", min=1, max=64)} for _ in inputs) if batch else None
    program = torch.export.export(network.eval(), inputs, dynamic_shapes=sizes)
    torch.export.save(program, path)
    return path


class TestTorchBackend(BackendConformance):
    def open(self, path: Path) -> Backend:
        return TorchBackend(path)

    def arithmetic_model(self, path: Path) -> Path:
        return save(path.with_suffix(".pt2"), Arithmetic(), torch.zeros(2, 3), torch.zeros(2, 3))

    def picture_model(self, path: Path) -> Path:
        return save(path.with_suffix(".pt2"), Picture(), torch.zeros(1, 3, 8, 8))

    def dynamic_model(self, path: Path) -> Path:
        return save(path.with_suffix(".pt2"), Scaled(), torch.zeros(2, 4), batch=True)

    @pytest.fixture
    def arithmetic(self, tmp_path: Path) -> Backend:
        return _Named(self.open(self.arithmetic_model(tmp_path / "arithmetic")), {"sum": 0, "product": 1})

    def test_specs_say_what_the_file_says(self, tmp_path: Path) -> None:
        backend = self.open(self.arithmetic_model(tmp_path / "arithmetic"))
        assert [(spec.name, spec.shape, spec.dtype) for spec in backend.inputs] == [(name, (2, 3), np.float32) for name in ("a", "b")]
        assert [(spec.shape, spec.dtype) for spec in backend.outputs] == [((2, 3), np.float32)] * 2

    def test_convolution_equals_numpy(self, tmp_path: Path) -> None:
        super_test = BackendConformance.test_convolution_equals_numpy
        super_test(_Renaming(self, {"features": 0}), tmp_path)  # type: ignore[arg-type]

    def test_dynamic_shapes_change_between_calls(self, tmp_path: Path) -> None:
        super_test = BackendConformance.test_dynamic_shapes_change_between_calls
        super_test(_Renaming(self, {"y": 0}), tmp_path)  # type: ignore[arg-type]

    def test_two_backends_run_side_by_side(self, tmp_path: Path) -> None:
        super_test = BackendConformance.test_two_backends_run_side_by_side
        super_test(_Renaming(self, {"features": 0}), tmp_path)  # type: ignore[arg-type]


class _Named:
    """A backend whose outputs go by the names that the suite gives them: a program names its own after its operators."""

    def __init__(self, backend: Backend, names: dict[str, int]) -> None:
        self._backend, self._names = backend, names
        self.inputs, self.outputs = backend.inputs, backend.outputs

    def infer(self, inputs: Any) -> dict[str, Any]:
        found = list(self._backend.infer(inputs).values())
        return {name: found[index] for name, index in self._names.items()}

    def close(self) -> None:
        self._backend.close()


class _Renaming:
    """The suite's own test on backends with renamed outputs."""

    def __init__(self, suite: BackendConformance, names: dict[str, int]) -> None:
        self._suite, self._names = suite, names
        self.tolerance = suite.tolerance

    def open(self, path: Path) -> Backend:
        return _Named(self._suite.open(path), self._names)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._suite, name)


# --- opening --------------------------------------------------------------------------------------------------------------------


def test_it_is_found_by_the_file(tmp_path: Path) -> None:
    path = save(tmp_path / "m.pt2", Picture(), torch.zeros(1, 3, 8, 8))
    assert model_format(path) == PT2
    assert isinstance(open_backend(path), TorchBackend)


def test_the_cpu_s_torch_says_what_to_take(tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("this torch has a GPU")
    path = save(tmp_path / "m.pt2", Picture(), torch.zeros(1, 3, 8, 8))
    with pytest.raises(DeviceError, match=r"cuda:1 cannot be used: (the installed torch .* is one for CPUs|torch sees 0 GPUs)"):
        open_backend(path, device=Device("cuda", 1))


def test_a_program_runs_in_batches(tmp_path: Path) -> None:
    """On the CPU, by the very code that a GPU runs."""
    network = Picture().eval()
    backend = TorchBackend(save(tmp_path / "m.pt2", network, torch.zeros(2, 3, 8, 8), batch=True))
    engine = BatchingEngine("torch")
    pictures = np.random.default_rng(0).random((9, 3, 8, 8), np.float32)
    lane = engine.add(backend, pictures[:1])
    tickets = [lane.submit(pictures[index : index + 1], float("inf")) for index in range(9)]
    with torch.inference_mode():
        expected = network(torch.from_numpy(pictures)).numpy()
    for index, ticket in enumerate(tickets):
        (rows,) = ticket.result().values()
        np.testing.assert_allclose(rows[0], expected[index], atol=1e-5)
    engine.close()


def test_a_program_on_a_real_gpu(tmp_path: Path, gpu_or_skip: None) -> None:
    network = Picture().eval()
    path = save(tmp_path / "m.pt2", network, torch.zeros(2, 3, 8, 8), batch=True)
    backend = open_backend(path, device=Device("cuda"))
    pictures = np.random.default_rng(0).random((4, 3, 8, 8), np.float32)
    (rows,) = backend.infer({backend.inputs[0].name: pictures}).values()
    with torch.inference_mode():
        np.testing.assert_allclose(rows, network(torch.from_numpy(pictures)).numpy(), atol=1e-2)


# --- archives that would do more than arithmetic ----------------------------------------------------------------------------------

Records = dict[str, bytes]


def records_of(path: Path) -> Records:
    with zipfile.ZipFile(path) as archive:
        return {info.filename.partition("/")[2]: archive.read(info) for info in archive.infolist()}


def written(path: Path, records: Records) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in records.items():
            archive.writestr(f"m/{name}", data)
    return path


def graph_with(change: Callable[[Any], None]) -> Callable[[Records], None]:
    def changed(records: Records) -> None:
        graph = json.loads(records["models/model.json"])
        change(graph)
        records["models/model.json"] = json.dumps(graph).encode()

    return changed


def first_target(target: str) -> Callable[[Records], None]:
    return graph_with(lambda graph: graph["graph_module"]["graph"]["nodes"][0].update(target=target))


def with_expression(text: str) -> Callable[[Records], None]:
    def change(graph: Any) -> None:
        values = graph["graph_module"]["graph"]["tensor_values"]
        values[next(iter(values))]["sizes"][0] = {"as_expr": {"expr_str": text, "hint": {"as_int": 2}}}

    return graph_with(change)


def pickled_weight(records: Records) -> None:
    config = json.loads(records["data/weights/model_weights_config.json"])
    entry = next(iter(config["config"].values()))
    entry["use_pickle"] = True
    records[f"data/weights/{entry['path_name']}"] = pickle.dumps(Trap())
    records["data/weights/model_weights_config.json"] = json.dumps(config).encode()


def opaque_constant(records: Records) -> None:
    records["data/constants/opaque_obj_0"] = pickle.dumps(Trap())
    entry = {"path_name": "opaque_obj_0", "is_param": False, "use_pickle": False, "tensor_meta": None}
    records["data/constants/model_constants_config.json"] = json.dumps({"config": {"c": entry}}).encode()


def legacy_weights(records: Records) -> None:
    del records["data/weights/model_weights_config.json"]
    records["data/weights/model.pt"] = pickle.dumps(Trap())


def outside_record(records: Records) -> None:
    config = json.loads(records["data/weights/model_weights_config.json"])
    next(iter(config["config"].values()))["path_name"] = "../sample_inputs/model.pt"
    records["data/weights/model_weights_config.json"] = json.dumps(config).encode()


class Trap:
    """What unpickling it does would be seen: it makes a file."""

    made = ""

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path(self.made),))


@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        pytest.param(first_target("torch.os.system"), MissingOperator, id="a function of Python"),
        pytest.param(first_target("torch.ops.aten.from_file.default"), MissingOperator, id="an operator that opens files"),
        pytest.param(first_target("torch.ops.higher_order.wrap"), MissingOperator, id="an operator of higher order"),
        pytest.param(first_target("_operator.call"), MissingOperator, id="a call"),
        pytest.param(with_expression("__import__('os').getcwd()"), ModelUnsupported, id="an import"),
        pytest.param(with_expression("exec(chr(49))"), ModelUnsupported, id="a call without a quotation mark"),
        pytest.param(with_expression("Symbol('s77', commutative=print)"), ModelUnsupported, id="a keyword that is code"),
        pytest.param(pickled_weight, ModelUnsupported, id="a pickled weight"),
        pytest.param(opaque_constant, ModelUnsupported, id="a pickled object"),
        pytest.param(legacy_weights, ModelUnsupported, id="weights of the old format"),
        pytest.param(outside_record, ModelUnsupported, id="a record elsewhere"),
        pytest.param(lambda records: records.pop("models/model.json"), ModelUnsupported, id="no graph"),
        pytest.param(
            graph_with(lambda graph: graph["graph_module"]["graph"]["nodes"][0]["inputs"][0].update(arg={"as_graph": {}})),
            ModelUnsupported,
            id="a graph in a graph",
        ),
        pytest.param(
            graph_with(lambda graph: graph["graph_module"]["signature"]["input_specs"].append({"custom_obj": {}})),
            ModelUnsupported,
            id="an object as an input",
        ),
        pytest.param(
            graph_with(lambda graph: graph["range_constraints"].update({"exec('1')": {"min_val": 1, "max_val": 2}})),
            ModelUnsupported,
            id="a symbol that is code",
        ),
    ],
)
def test_more_than_arithmetic_is_refused(spoil: Callable[[Records], None], error: type[Exception], tmp_path: Path) -> None:
    Trap.made = str(tmp_path / "trapped")
    records = records_of(save(tmp_path / "good.pt2", Scaled(), torch.zeros(2, 4), batch=True))
    spoil(records)
    with pytest.raises(error):
        TorchBackend(written(tmp_path / "bad.pt2", records))
    assert not (tmp_path / "trapped").exists()


def test_what_lies_beside_the_graph_never_reaches_torch(tmp_path: Path) -> None:
    """Example inputs are pickled and compiled code is loaded by torch itself; here both are left out, and the model runs."""
    Trap.made = str(tmp_path / "trapped")
    records = records_of(save(tmp_path / "good.pt2", Scaled(), torch.zeros(2, 4), batch=True))
    records["data/sample_inputs/model.pt"] = pickle.dumps(Trap())
    records["data/aotinductor/model/model.so"] = b"\x7fELF"
    records["extra/note.py"] = b"print('hello')"
    backend = TorchBackend(written(tmp_path / "odd.pt2", records))
    x = np.ones((3, 4), np.float32)
    (rows,) = backend.infer({"x": x}).values()
    np.testing.assert_allclose(rows, x * SCALE)
    assert not (tmp_path / "trapped").exists()


def test_a_compressed_archive_is_refused_before_it_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    records = records_of(save(tmp_path / "good.pt2", Scaled(), torch.zeros(2, 4), batch=True)) | {"extra/zeros": bytes(2**20)}
    with zipfile.ZipFile(tmp_path / "bad.pt2", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in records.items():
            archive.writestr(f"m/{name}", data)
    monkeypatch.setattr(zipfile.ZipFile, "read", lambda *_: pytest.fail("it was read"))
    with pytest.raises(ModelUnsupported, match="it is compressed, which torch's own archives never are; write it anew"):
        plain_archive("bad.pt2", (tmp_path / "bad.pt2").read_bytes(), no_inputs())


def test_records_that_share_their_bytes_are_refused_before_they_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand entries of the directory may point to the same megabyte."""
    path = save(tmp_path / "bad.pt2", Scaled(), torch.zeros(2, 4), batch=True)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("m/extra/0", bytes(2**16))
        first = archive.infolist()[-1]
        for index in range(1, 4):
            again = copy.copy(first)
            again.filename = f"m/extra/{index}"
            archive.filelist.append(again)
    monkeypatch.setattr(zipfile.ZipFile, "read", lambda *_: pytest.fail("it was read"))
    with pytest.raises(ModelUnsupported, match="its records overlap"):
        plain_archive("bad.pt2", path.read_bytes(), no_inputs())


def test_the_trap_works(tmp_path: Path) -> None:
    """So that the tests above mean something."""
    Trap.made = str(tmp_path / "trapped")
    records = records_of(save(tmp_path / "good.pt2", Scaled(), torch.zeros(2, 4), batch=True))
    pickled_weight(records)
    with pytest.raises(Exception):  # noqa: B017, PT011  # torch's own loader, which unpickles first and complains then
        torch.export.load(str(written(tmp_path / "bad.pt2", records)))
    assert (tmp_path / "trapped").exists()


def test_nothing_of_the_source_code_stays(tmp_path: Path) -> None:
    path = save(tmp_path / "m.pt2", Picture(), torch.zeros(1, 3, 8, 8))
    assert str(Path(__file__).name).encode() in path.read_bytes()
    plain = plain_archive("m.pt2", path.read_bytes(), no_inputs())
    assert str(Path(__file__).name).encode() not in plain
    assert plain == plain_archive("m.pt2", path.read_bytes(), no_inputs())
    again = plain_archive("m.pt2", plain, no_inputs())
    assert torch.export.load(io.BytesIO(again)) is not None


def nested_powers(depth: int) -> str:
    return "Pow(" * depth + "9999" + ",4)" * depth


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("s77", True),
        ("Symbol('s77', positive=True, integer=True)", True),
        ("Mul(Integer(3), Symbol('s0', integer=True))", True),
        ("3*s77 + 1", True),
        ("FloorDiv(s77, 2)", True),
        ("Pow(Symbol('s0', integer=True), Integer(2))", True),
        ("Pow(Integer(9), Integer(999999999))", False),
        ("Pow(s0, -2)", True),
        ("Mul(Pow(Add(s0, s1), Integer(2)), Add(FloorDiv(Add(s77, Integer(-1)), Integer(2)), Integer(1)))", True),
        # sympy would compute for ever, or for hours.
        (nested_powers(4), False),
        (nested_powers(60), False),
        ("Pow(Mul(1, Pow(Mul(1, Pow(s0, 4)), 4)) + 1, 4)", False),
        ("*".join(f"(s{index}+s{index + 1})" for index in range(0, 80, 2)), False),
        ("Pow(" + "+".join(f"s{index}" for index in range(60)) + ", 4)", False),
        ("Max(" + ",".join(f"s{index}" for index in range(70)) + ")", False),
        ("9^9^9^9", False),  # which sympy reads as a power
        ("9**9**9**9", False),
        ("1 << 999999999", False),
        ("Symbol('__import__')", False),
        ("Symbol(s77)", False),
        ("().__class__", False),
        ("[x for x in 'a']", False),
        ("lambda: 1", False),
        ("f''", False),
        ("print(1)", False),
        ("Integer(*s77)", False),
        ("Max(s77, **{})", False),
        ("", False),
        ("(" * 300 + ")" * 300, False),
        (None, False),
    ],
)
def test_sizes_that_may_be_given_to_torch(text: object, plain: bool) -> None:
    assert is_plain_size(text) is plain
