"""Commands that are imported when they run, not when `panops` starts: the command line answers at once, whatever its commands need."""

from __future__ import annotations

from importlib import import_module
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand

from panops.domain.errors import PluginError


class LazyCommand(TyperCommand):
    """Stands for a command in help and completion; the command itself is imported once somebody calls it or asks for its own help."""

    target: ClassVar[str]
    extra: ClassVar[str]
    branches: ClassVar[dict[str, LazyCommand]]

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **more: Any) -> Any:
        """The context of the real command, which is invoked in this one's place; or of its branch that the first word names."""
        branch = self.branches.get(args[0]) if args else None
        if branch is not None:
            return branch.make_context(f"{info_name} {args[0]}", args[1:], parent, **more)
        return self.real(info_name).make_context(info_name, args, parent, **more)

    def real(self, name: str | None = None) -> Any:
        """The command itself.

        Args:
            name: What people typed, for the message.

        Raises:
            PluginError: A package that it needs is not installed.
        """
        module, _, attribute = self.target.partition(":")
        try:
            function = getattr(import_module(module), attribute)
        except ModuleNotFoundError as error:
            missing = error.name or ""
            if not self.extra or missing.partition(".")[0] == "panops":
                raise
            needs = f"panops {name or self.name} needs {missing}, which is not installed"
            raise PluginError(f"{needs}; install it with: pip install 'panops[{self.extra}]'") from error
        alone = typer.Typer(add_completion=False, rich_markup_mode=self.rich_markup_mode)
        alone.command(self.name)(function)
        return typer.main.get_command(alone)


def add_lazily(group: typer.Typer, name: str, target: str, summary: str, *, extra: str = "") -> type[LazyCommand]:
    """Put a command into a group without importing it; gives its class, for `add_branch`.

    Args:
        group: Where it belongs.
        name: What people type.
        target: `module:function`; the function's docstring is its help.
        summary: The docstring's first line, for the group's help. A test holds the two together.
        extra: The optional dependencies that it needs (`train` for `panops[train]`); empty where a plain installation has everything.
    """
    kind = type("LazyCommand", (LazyCommand,), {"target": target, "extra": extra, "branches": {}})
    group.command(name, cls=kind, help=summary)(_stand_in)
    return kind


def add_branch(command: type[LazyCommand], name: str, target: str, *, extra: str = "") -> None:
    """Give a command that takes arguments a second word of its own: `panops train RECIPE` beside `panops train classifier`.

    Args:
        command: From `add_lazily`.
        name: The word.
        target: As for `add_lazily`.
        extra: The same.
    """
    kind = type("LazyCommand", (LazyCommand,), {"target": target, "extra": extra, "branches": {}})
    command.branches[name] = kind(name=name, callback=_stand_in)


def _stand_in() -> None:
    """Never called: `LazyCommand.make_context` puts the real command in its place."""
