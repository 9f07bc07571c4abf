from __future__ import annotations

from importlib.metadata import EntryPoint, EntryPoints
from typing import get_args

import pytest

from panops.config.rule_schema import RuleConfig
from panops.domain.errors import PluginError
from panops.rules.occupancy import Occupancy
from panops.rules.registry import RULES


def test_every_kind_that_can_be_configured_can_be_loaded() -> None:
    kinds = {get_args(config.model_fields["kind"].annotation)[0] for config in get_args(get_args(RuleConfig)[0])}
    assert kinds == set(RULES.names())
    for kind in kinds:
        assert callable(RULES.load(kind).update)


def test_a_plug_in_is_found_by_its_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("queueing", "panops.rules.occupancy:Occupancy", "panops.rules")
    monkeypatch.setattr("panops.domain.registry.entry_points", lambda group: EntryPoints([point]).select(group=group))
    assert "queueing" in RULES.names()
    assert RULES.load("queueing") is Occupancy


def test_an_unknown_kind_names_the_known_ones() -> None:
    with pytest.raises(
        PluginError,
        match=r"unknown rule 'dancing'; known are: absence, area, climbing, combined, compliance, crowding, direction",
    ):
        RULES.load("dancing")
