from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import onnx
import pytest

from panops.domain.errors import ModelUnsupported
from panops.domain.manifest import ModelManifest
from panops.export.coreml_graph import coreml_facts, write_coreml
from panops.export.graph_rewrites import freed_sizes


def test_the_package_holds_the_graph_and_what_is_known_of_it(
    traced: onnx.ModelProto, finder_manifest: ModelManifest, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    manifest = replace(finder_manifest, classes=("one", "two"))
    path = tmp_path / "model.mlpackage"
    write_coreml(traced, manifest, path)
    facts = coreml_facts(path)
    assert facts.inputs == ("pictures: image 64x64 BGR",)
    assert facts.outputs == ("rows: 1x80x7",)
    assert facts.classes == ("one", "two")
    assert facts.licence == "Apache-2.0"
    expected = {"conv": 14, "relu": 8, "sigmoid": 4, "concat": 5, "max_pool": 3, "reshape": 2, "add": 1, "transpose": 1}
    assert {kind: facts.operators.get(kind) for kind in expected} == expected
    assert facts.operators["upsample_nearest_neighbor"] == 1
    assert capfd.readouterr() == ("", "")


def test_what_it_does_not_know_is_named(traced: onnx.ModelProto, finder_manifest: ModelManifest, tmp_path: Path) -> None:
    with pytest.raises(ModelUnsupported, match="without --dynamic"):
        write_coreml(freed_sizes(traced), finder_manifest, tmp_path / "a.mlpackage")
    strange = onnx.ModelProto()
    strange.CopyFrom(traced)
    next(node for node in strange.graph.node if node.op_type == "Sigmoid").op_type = "HardSwish"
    with pytest.raises(ModelUnsupported, match="got HardSwish"):
        write_coreml(strange, finder_manifest, tmp_path / "b.mlpackage")
