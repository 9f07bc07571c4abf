from __future__ import annotations

from importlib.metadata import EntryPoint, EntryPoints

import pytest

from panops.domain.detections import Detections
from panops.domain.errors import PluginError
from panops.domain.registry import Entry, Registry

BUILTIN = {
    "right": Entry("panops.domain.detections:Detections"),
    "no_module": Entry("panops.not_there:Thing", "pip install panops[extra]"),
    "no_name": Entry("panops.domain.detections:Nothing"),
}


def registry() -> Registry:
    return Registry("widget", "panops.widgets", BUILTIN)


def test_built_ins_load() -> None:
    assert registry().load("right") is Detections
    assert registry().names() == ("no_module", "no_name", "right")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        pytest.param("wrong", r"unknown widget 'wrong'; known are: no_module, no_name, right", id="unknown"),
        pytest.param(
            "no_module", r"widget 'no_module' needs panops.not_there.*install it with: pip install panops\[extra\]", id="missing module"
        ),
        pytest.param("no_name", r"widget 'no_name': panops.domain.detections has no 'Nothing'", id="missing name"),
    ],
)
def test_what_does_not_load_says_why(name: str, message: str) -> None:
    with pytest.raises(PluginError, match=message):
        registry().load(name)


def test_plug_ins_load_like_built_ins_and_cannot_replace_them(monkeypatch: pytest.MonkeyPatch) -> None:
    points = EntryPoints(
        [
            EntryPoint("extra", "panops.domain.tracks:Tracks", "panops.widgets"),
            EntryPoint("right", "panops.domain.tracks:Tracks", "panops.widgets"),
            EntryPoint("other", "panops.domain.tracks:Tracks", "panops.gadgets"),
        ]
    )
    monkeypatch.setattr("panops.domain.registry.entry_points", lambda group: points.select(group=group))
    assert registry().names() == ("extra", "no_module", "no_name", "right")
    assert registry().load("extra").__name__ == "Tracks"
    assert registry().load("right") is Detections
