"""Kinds of rules with their settings, those of plug-ins too."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint, EntryPoints
from types import ModuleType

import pytest
from pydantic import BaseModel, Field

from panops.config.rule_schema import RULE_KINDS
from panops.pipeline.rule_kinds import rule_kinds


class QueueSettings(BaseModel):
    """A queue's own settings."""

    longest: int = Field(5, ge=1, le=50, description="so many may wait")
    door: str = Field(description="where it begins")


class Queue:
    """A queue is too long."""

    settings_model = QueueSettings


class Plain:
    """Something of a plug-in's own."""

    settings_model = "nonsense"


@pytest.fixture
def plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("some_plugin")
    module.Queue, module.Plain = Queue, Plain  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "some_plugin", module)
    names = {"queue": "some_plugin:Queue", "plain": "some_plugin:Plain", "broken": "some_plugin:Gone"}
    points = EntryPoints(EntryPoint(name, value, "panops.rules") for name, value in names.items())
    for where in ("panops.domain.registry.entry_points", "panops.config.fields.entry_points"):
        monkeypatch.setattr(where, lambda group: points.select(group=group))


def test_every_built_in_kind_is_there_in_the_order_of_the_docs() -> None:
    kinds = rule_kinds()
    assert [one.kind for one in kinds] == RULE_KINDS.names()
    assert not any(one.open or one.plugin for one in kinds)
    for one in kinds:
        names = [field.name for field in one.fields]
        assert names[0] == "cameras", one.kind
        assert {"severity", "schedule", "cooldown_s", "leave_out"} < set(names)
        assert {"id", "kind"}.isdisjoint(names)


def test_a_plug_in_says_what_can_be_set_of_it(plugins: None) -> None:
    kinds = {one.kind: one for one in rule_kinds()}
    queue = kinds["queue"]
    assert (queue.help, queue.open, queue.plugin) == ("A queue is too long.", False, True)
    fields = {field.name: field for field in queue.fields}
    assert (fields["longest"].type, fields["longest"].default, fields["longest"].minimum, fields["longest"].maximum) == (
        "integer",
        5,
        1,
        50,
    )
    assert (fields["door"].type, fields["door"].required, fields["door"].help) == ("text", True, "where it begins")
    assert fields["zone"].type == "zone"
    assert not fields["longest"].common
    assert fields["severity"].common


def test_a_plug_in_that_says_nothing_takes_what_is_typed(plugins: None) -> None:
    kinds = {one.kind: one for one in rule_kinds()}
    assert (kinds["plain"].open, kinds["plain"].help) == (True, "Something of a plug-in's own.")
    assert "does not work here" in kinds["broken"].help
