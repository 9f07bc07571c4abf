"""What pydantic finds wrong, in plain sentences: what was expected, what came, and the likely right word."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from panops.config.alert_schema import SINK_KINDS
from panops.config.fields import NAME_PATTERN
from panops.config.rule_schema import RULE_KINDS, PluginRuleConfig, RuleConfig
from panops.config.schema import CameraConfig, SimulationConfig, SiteConfig
from panops.config.spelling import did_you_mean
from panops.domain.errors import ConfigProblem

PathKey = tuple[str | int, ...]

# By the title in pydantic's error; a rule that is checked on its own has none of these.
_ROOTS: dict[str, Any] = {kind.__name__: kind for kind in (SiteConfig, CameraConfig, SimulationConfig)}
_A_RULE = "expected a rule such as {id: night, kind: intrusion}"
_A_SINK = "expected a sink such as {id: phone, kind: webhook, url: https://...}"


def problems_of(error: ValidationError, lines: Mapping[PathKey, int] | None = None, prefix: PathKey = ()) -> Iterator[ConfigProblem]:
    """Pydantic's findings as problems; values of secrets are never repeated.

    Args:
        error: What pydantic raised.
        lines: Line of each path, from the YAML file, if there is one.
        prefix: Where the checked object sits in the whole.
    """
    for item in error.errors(include_url=False, include_context=True):
        place = _Place(_ROOTS.get(error.title, RuleConfig), item["loc"])
        location = prefix + place.path
        if item["type"].startswith("union_tag") and isinstance(item["input"], Mapping):
            location += ("kind",)
        elif item["type"] == "missing" and isinstance(location[-1], int):
            location = location[:-1]  # the half of a point that is not there
        yield ConfigProblem(".".join(map(str, location)), _sentence(item, place), nearest_line(location, lines or {}))


def nearest_line(path: PathKey, lines: Mapping[PathKey, int]) -> int | None:
    """The line of a setting, or of what it belongs to."""
    while path:
        if path in lines:
            return lines[path]
        path = path[:-1]
    return lines.get(())


class _Place:
    """Where pydantic found something.

    Attributes:
        path: As the user wrote it: pydantic also puts a rule's kind into it, and a mark for keys.
        siblings: The settings that can stand there.
    """

    def __init__(self, root: Any, location: PathKey) -> None:
        kind: Any = root
        path: list[str | int] = []
        self.siblings: tuple[str, ...] = ()
        for part in location:
            kind = _bare(kind)
            members = get_args(kind) if get_origin(kind) in (Union, UnionType) else ()
            if members:
                tagged = next((member for member in members if _tag(member) == part), None)
                kind = tagged or PluginRuleConfig
                if tagged is not None:
                    continue
            if part == "[key]":
                continue
            path.append(part)
            is_model = isinstance(kind, type) and issubclass(kind, BaseModel)
            self.siblings = tuple(kind.model_fields) if is_model else ()
            kind = _inside(kind, part)
        self.path: PathKey = tuple(path)


def _bare(kind: Any) -> Any:
    """A type without its annotations, and without the None that may stand for it."""
    while get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    if get_origin(kind) in (Union, UnionType):
        members = [member for member in get_args(kind) if member is not type(None)]
        return _bare(members[0]) if len(members) == 1 else kind
    return kind


def _inside(kind: Any, part: str | int) -> Any:
    """The type of what a key or index leads to; None where that is not known."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        field = kind.model_fields.get(str(part))
        return field.annotation if field else None
    inner = get_args(kind)
    return inner[-1] if get_origin(kind) in (list, dict) else None


def _tag(kind: Any) -> str:
    """The `kind` of a rule's class."""
    field = kind.model_fields.get("kind") if isinstance(kind, type) and issubclass(kind, BaseModel) else None
    values = get_args(field.annotation) if field and get_origin(field.annotation) is Literal else ()
    return str(values[0]) if values else ""


def _sentence(item: Mapping[str, Any], place: _Place) -> str:
    name, given, context = item["type"], item.get("input"), item.get("ctx", {})
    special = _SPECIAL.get(name)
    if special is not None:
        return special(item, place)
    expected = _EXPECTED.get(name)
    if expected is None:
        expected = re.sub(r"^Input should be (?:a valid )?", "", item["msg"])
    return f"expected {expected.format(**{key: _number(value) for key, value in context.items()})}{_got(given)}"


def _got(given: Any) -> str:
    """What came. Texts are not repeated: any of them may be an address with a password, put in the wrong place."""
    if given is None:
        return ", got nothing"
    if isinstance(given, bool):
        return f", got {str(given).lower()}"
    if isinstance(given, (int, float)):
        return f", got {given!r}"
    words = ((str, "text"), ((list, tuple), "a list"), (Mapping, "a mapping"))
    return next((f", got {word}" for kinds, word in words if isinstance(given, kinds)), "")


def _number(value: Any) -> Any:
    return f"{value:g}" if isinstance(value, float) else value


def _unknown_setting(item: Mapping[str, Any], place: _Place) -> str:
    return f"no such setting here{did_you_mean(str(item['loc'][-1]), place.siblings, 'expected one of')}"


def _missing(item: Mapping[str, Any], place: _Place) -> str:
    del place
    return _PAIR if isinstance(item["loc"][-1], int) else "is required and missing"


def _choice(item: Mapping[str, Any], place: _Place) -> str:
    """One of a few words. What came is a suggestion's matter only, and not repeated."""
    del place
    words = re.findall(r"'([^']*)'", str(item["ctx"]["expected"]))
    given = item.get("input")
    return (
        f"unknown word{did_you_mean(given, words, 'expected one of')}"
        if isinstance(given, str)
        else f"expected one of: {', '.join(words)}{_got(given)}"
    )


def _unknown_kind(item: Mapping[str, Any], place: _Place) -> str:
    kind = str(item["ctx"]["tag"])
    what, kinds = ("sink", SINK_KINDS.names()) if _is_sink(place) else ("rule", RULE_KINDS.names())
    return f"no {what} is of kind {kind!r}{did_you_mean(kind, kinds, 'expected one of')}"


def _no_kind(item: Mapping[str, Any], place: _Place) -> str:
    if not isinstance(item.get("input"), Mapping):
        return f"{_A_SINK if _is_sink(place) else _A_RULE}{_got(item.get('input'))}"
    return f"is required and missing; expected one of: {', '.join(SINK_KINDS.names() if _is_sink(place) else RULE_KINDS.names())}"


def _is_sink(place: _Place) -> bool:
    return place.path[:1] == ("alerts",)


def _settings(item: Mapping[str, Any], place: _Place) -> str:
    """A mapping was expected; a camera's address without `source:` is the usual mistake."""
    camera = item.get("ctx", {}).get("class_name") == "CameraConfig"
    if not place.siblings and place.path[:1] in (("rules",), ("alerts",)) and len(place.path) == 2:
        return f"{_A_SINK if _is_sink(place) else _A_RULE}{_got(item.get('input'))}"
    return f"expected settings{' such as {source: ...}' if camera else ', each as `name: value`'}{_got(item.get('input'))}"


def _pattern(item: Mapping[str, Any], place: _Place) -> str:
    del place
    if item["ctx"]["pattern"] == NAME_PATTERN:
        return "expected a name of letters, digits, _ and -, at most 63, beginning with a letter or digit"
    return f"expected a text of the form {item['ctx']['pattern']}"


_PAIR = "expected two numbers in brackets, [x, y], got one"
_SPECIAL: dict[str, Callable[[Mapping[str, Any], _Place], str]] = {
    "value_error": lambda item, _: str(item["msg"]).removeprefix("Value error, "),
    "extra_forbidden": _unknown_setting,
    "missing": _missing,
    "literal_error": _choice,
    "enum": _choice,
    "union_tag_invalid": _unknown_kind,
    "union_tag_not_found": _no_kind,
    "model_type": _settings,
    "model_attributes_type": _settings,
    "string_pattern_mismatch": _pattern,
}
_TIME = "a time of day such as 18:00"
_EXPECTED = {
    "string_type": "text",
    "string_too_long": "at most {max_length} characters",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a number that is not infinite",
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "list_type": "a list, [..., ...]",
    "dict_type": "a mapping, each as `name: value`",
    "tuple_type": "two numbers in brackets, [x, y]",
    "too_long": "two numbers in brackets, [x, y]",
    "time_type": _TIME,
    "time_parsing": _TIME,
    "time_delta_parsing": _TIME,
}
