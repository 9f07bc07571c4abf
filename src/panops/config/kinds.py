"""What the `kind` of a rule or a sink can be: built-in words, and those that plug-ins bring."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidatorFunctionWrapHandler, WrapValidator

from panops.config.fields import Config, plugin_names


class Kinds:
    """The kinds of one sort of thing.

    Args:
        group: The entry-point group of plug-ins, such as `panops.rules`.
        builtin: The project's own words.
        plugin: The settings of a plug-in's, which keep whatever stands in them.
    """

    def __init__(self, group: str, builtin: tuple[str, ...], plugin: type[Config]) -> None:
        self._group = group
        self._builtin = builtin
        self._plugin = plugin

    def names(self) -> list[str]:
        """All that can be used here, the built-in ones first."""
        return [*self._builtin, *(name for name in plugin_names(self._group) if name not in self._builtin)]

    @property
    def validator(self) -> WrapValidator:
        """For a union of the built-in settings: a plug-in's is none of them, yet is checked, stored and handed on in the same way."""
        return WrapValidator(self._checked)

    def _checked(self, value: Any, check: ValidatorFunctionWrapHandler) -> Any:
        if isinstance(value, self._plugin):
            return value
        kind = value.get("kind") if isinstance(value, Mapping) else None
        if isinstance(kind, str) and kind not in self._builtin and kind in plugin_names(self._group):
            return self._plugin.model_validate(value)
        return check(value)
