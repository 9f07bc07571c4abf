"""Every kind of rule that can be used here, built-in ones and those of plug-ins, with what can be set of it."""

from __future__ import annotations

import inspect
import logging

from pydantic import BaseModel

from panops.config.rule_fields import RuleKind, builtin_kinds, plugin_kind
from panops.config.rule_schema import RULE_KINDS
from panops.domain.errors import PluginError
from panops.rules.registry import RULES

log = logging.getLogger(__name__)


def rule_kinds() -> list[RuleKind]:
    """The built-in kinds, then those of plug-ins.

    A plug-in's rule may have a pydantic model as `settings_model`: its fields are then described like built-in ones. Without it, whatever
    somebody types is handed to the plug-in. One that cannot be loaded is there as well, and its help says why it does not work.
    """
    known = builtin_kinds()
    names = {one.kind for one in known}
    return [*known, *(_plugin(kind) for kind in RULE_KINDS.names() if kind not in names)]


def _plugin(kind: str) -> RuleKind:
    try:
        rule = RULES.load(kind)
    except PluginError as error:
        return plugin_kind(kind, f"It does not work here: {error}.", None)
    model = getattr(rule, "settings_model", None)
    if model is not None and not (isinstance(model, type) and issubclass(model, BaseModel)):
        log.warning("the rule %s has a settings_model that is no pydantic model; it is left out", kind)
        model = None
    return plugin_kind(kind, (inspect.getdoc(rule) or "").partition("\n")[0], model)
