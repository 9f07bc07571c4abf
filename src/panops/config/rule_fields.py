"""What a rule's settings are, for pages that draw a form of them: read off the models that check them, never written a second time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import to_jsonable_python

from panops.config.rule_schema import COVERING, PluginRuleConfig, RuleConfig

FieldType = Literal[
    "number", "integer", "boolean", "text", "choice", "json",
    "zone", "line", "zones", "cameras", "classes", "rules", "schedule", "points", "items", "words", "covering",
]  # fmt: skip
# What a field holds where its JSON alone does not say so: names of things of the site.
_BY_NAME: dict[str, FieldType] = {
    "zone": "zone",
    "line": "line",
    "leave_out": "zones",
    "cameras": "cameras",
    "of": "rules",
    "schedule": "schedule",
    "along": "points",
    "required": "items",
}
_UNITS = {"_s": "s", "_deg": "°", "_kmh": "km/h", "_px": "px", "_fps": "fps", "_ms": "ms"}
# Of every rule, in the order in which people think of them; what belongs to one kind only stands between.
_FIRST = ("cameras", "zone", "line", "classes")


@dataclass(frozen=True, slots=True)
class RuleField:
    """One setting.

    Attributes:
        name: Its key.
        type: What it holds: `zone`, `cameras` and their like name things of the site, `json` is anything else.
        required: Whether it has no default.
        optional: Whether it may be null.
        default: Its default as JSON.
        minimum: The least number, or None.
        maximum: The greatest number, or None.
        choices: What it can be, for `choice`.
        unit: Of a number, empty where it has none.
        help: One sentence.
        common: Whether every kind has it.
    """

    name: str
    type: FieldType
    required: bool
    optional: bool = False
    default: Any = None
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    unit: str = ""
    help: str = ""
    common: bool = False


@dataclass(frozen=True, slots=True)
class RuleKind:
    """One kind of rule.

    Attributes:
        kind: The word of the site file.
        help: What it tells, one sentence.
        fields: Its settings but `id` and `kind`.
        open: Whether it may have further settings that only its plug-in knows.
        plugin: Whether a plug-in brings it.
    """

    kind: str
    help: str
    fields: tuple[RuleField, ...] = field(default=())
    open: bool = False
    plugin: bool = False


def builtin_kinds() -> list[RuleKind]:
    """The kinds that panops brings, in the order of the docs."""
    models = get_args(get_args(RuleConfig)[0])
    return [RuleKind(get_args(model.model_fields["kind"].annotation)[0], _sentence(model), fields_of(model)) for model in models]


def plugin_kind(kind: str, help_text: str, settings: type[BaseModel] | None) -> RuleKind:
    """A plug-in's kind, with its own settings where it says what they are."""
    own = fields_of(settings) if settings is not None else ()
    known = {one.name for one in own}
    common = tuple(one for one in fields_of(PluginRuleConfig) if one.name not in known)
    return RuleKind(kind, help_text, _in_order((*common, *own)), open=settings is None, plugin=True)


def fields_of(model: type[BaseModel]) -> tuple[RuleField, ...]:
    """The settings of a model but `id` and `kind`."""
    schema = model.model_json_schema()
    found = [
        _field(model, name, _resolved(prop, schema.get("$defs", {})))
        for name, prop in schema.get("properties", {}).items()
        if name not in ("id", "kind")
    ]
    return _in_order(found)


def _field(model: type[BaseModel], name: str, prop: dict[str, Any]) -> RuleField:
    info = model.model_fields[name]
    required = info.is_required()
    kind = _type(name, prop)
    return RuleField(
        name,
        kind,
        required,
        optional=bool(prop.get("nullable")),
        default=None if required else to_jsonable_python(info.get_default(call_default_factory=True)),
        minimum=max(_bounds(info, "ge", "gt"), default=None),
        maximum=min(_bounds(info, "le", "lt"), default=None),
        choices=tuple(map(str, prop.get("enum", ()))),
        unit=next((unit for ending, unit in _UNITS.items() if name.endswith(ending)), "") if kind in ("number", "integer") else "",
        help=info.description or "",
        common=name in PluginRuleConfig.model_fields and name not in ("zone", "line"),
    )


def _bounds(info: FieldInfo, *names: str) -> list[float]:
    """The limits of these names; a type's own and the field's are both there, and the JSON schema tells one of them only."""
    return [float(value) for one in info.metadata for name in names if (value := getattr(one, name, None)) is not None]


def _type(name: str, prop: dict[str, Any]) -> FieldType:
    if name in _BY_NAME:
        return _BY_NAME[name]
    if prop.get(COVERING):
        return "covering"
    if name == "classes" or name.endswith("_classes"):
        return "classes"
    if "enum" in prop:
        return "choice"
    if prop.get("type") == "array" and prop.get("items", {}).get("type") == "string":
        return "words"
    types: dict[str, FieldType] = {"number": "number", "integer": "integer", "boolean": "boolean", "string": "text"}
    return types.get(str(prop.get("type")), "json")


def _resolved(prop: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """The property without references; one that may be null is marked so."""
    choices = prop.get("anyOf", prop.get("allOf"))
    if choices:
        others = [one for one in choices if one.get("type") != "null"]
        if len(others) == 1:
            return {**_resolved(others[0], definitions), "nullable": len(others) < len(choices)}
    reference = str(prop.get("$ref", "")).rpartition("/")[2]
    return {**definitions.get(reference, {}), **prop} if reference else prop


def _in_order(fields: Any) -> tuple[RuleField, ...]:
    """Where and whom first, then what the kind is about, then what all have."""

    def rank(one: RuleField) -> int:
        if one.name in _FIRST:
            return _FIRST.index(one.name)
        return len(_FIRST) + (2 if one.common else 0 if one.required else 1)

    return tuple(sorted(fields, key=rank))


def _sentence(model: type[BaseModel]) -> str:
    return (model.__doc__ or "").strip().partition("\n")[0]
