"""Named extension points: built-ins and plug-ins are found and loaded the same way, and only when used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from panops.domain.errors import PluginError


@dataclass(frozen=True, slots=True)
class Entry:
    """Where an implementation is.

    Attributes:
        target: `module:attribute`.
        install_hint: What to run when its module is missing, or empty.
    """

    target: str
    install_hint: str = ""


class Registry:
    """Names of one kind of extension, for example all rules.

    Args:
        what: The kind in words, for messages: `rule`.
        group: The entry-point group that plug-ins use, for example `panops.rules`.
        builtin: The project's own.
    """

    def __init__(self, what: str, group: str, builtin: Mapping[str, Entry]) -> None:
        """Remember the names; nothing is imported yet."""
        self.what = what
        self._group = group
        self._builtin = dict(builtin)

    def names(self) -> tuple[str, ...]:
        """Every name that can be loaded, sorted; a plug-in cannot take a built-in's name."""
        return tuple(sorted({*self._builtin, *(point.name for point in entry_points(group=self._group))}))

    def load(self, name: str) -> Any:
        """The class or function registered under `name`.

        Raises:
            PluginError: The name is unknown, or its module cannot be imported.
        """
        entry = self._builtin.get(name) or self._plugin(name)
        module_name, _, attribute = entry.target.partition(":")
        try:
            return getattr(import_module(module_name), attribute)
        except ImportError as error:
            hint = f"; install it with: {entry.install_hint}" if entry.install_hint else ""
            raise PluginError(f"{self.what} {name!r} needs {error.name or module_name}, which cannot be imported{hint}") from error
        except AttributeError as error:
            raise PluginError(f"{self.what} {name!r}: {module_name} has no {attribute!r}") from error

    def _plugin(self, name: str) -> Entry:
        for point in entry_points(group=self._group):
            if point.name == name:
                return Entry(point.value)
        raise PluginError(f"unknown {self.what} {name!r}; known are: {', '.join(self.names())}")
