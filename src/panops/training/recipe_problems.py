"""What is wrong with a recipe, in plain sentences with lines: the words of the site file's problems, for a recipe's fields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from panops.config.problems import PathKey, nearest_line, problems_of
from panops.config.spelling import did_you_mean
from panops.domain.errors import ConfigProblem

# pydantic's fault -> what was expected, where the words of the site file do not fit a recipe.
_OWN_WORDS = {
    "too_short": "expected at least {min_length}, got {actual_length}",
    "multiple_of": "expected a multiple of {multiple_of:g}, got {input}",
    "string_pattern_mismatch": "expected a name of small letters, digits, . _ and -, beginning with a letter or digit",
    "path_type": "expected a path",
    "list_type": "expected a list, [..., ...]",
}


def recipe_problems(error: ValidationError, root: type[BaseModel], lines: Mapping[PathKey, int] | None = None) -> list[ConfigProblem]:
    """Pydantic's findings as problems, one for each field.

    Args:
        error: What pydantic raised.
        root: The model that was checked.
        lines: The line of each setting, where there is a file.
    """
    found: dict[str, ConfigProblem] = {}
    for item, told in zip(error.errors(include_url=False), problems_of(error), strict=True):
        path = _written(item["loc"], root)
        sentence = _sentence(item, root, path) or told.message
        field = ".".join(map(str, path))
        # A value that may be one of several kinds is told once.
        found.setdefault(field, ConfigProblem(field, sentence, nearest_line(path, lines or {})))
    return list(found.values())


def lines_of(node: yaml.Node | None, path: PathKey = ()) -> Iterator[tuple[PathKey, int]]:
    """The line of each setting of a YAML document, by its path."""
    if node is None:
        return
    yield path, node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield (*path, str(key.value)), key.start_mark.line + 1
            for inner, line in lines_of(value, (*path, str(key.value))):
                if inner != (*path, str(key.value)):
                    yield inner, line
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from lines_of(value, (*path, index))


def _written(location: PathKey, root: type[BaseModel]) -> PathKey:
    """The path as the user wrote it: pydantic adds the kind that it tried for a value of several kinds, and a mark for keys."""
    kept: list[str | int] = []
    model: type[BaseModel] | None = root
    for part in location:
        is_kind = isinstance(part, str) and ("[" in part or part.startswith("function-"))
        if kept and model is None and is_kind:
            continue
        kept.append(part)
        model = _model_in(model, part)
    return tuple(kept)


def _model_in(model: type[BaseModel] | None, part: str | int) -> type[BaseModel] | None:
    field = model.model_fields.get(str(part)) if model else None
    if field is None:
        return None
    kinds = (field.annotation, *get_args(field.annotation))
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)


def _sentence(item: Mapping[str, Any], root: type[BaseModel], path: PathKey) -> str:
    if item["type"] == "extra_forbidden":
        model: type[BaseModel] | None = root
        for part in path[:-1]:
            model = _model_in(model, part)
        known = tuple(model.model_fields) if model else ()
        return f"no such setting here{did_you_mean(str(path[-1]), known, 'expected one of')}"
    words = _OWN_WORDS.get(item["type"])
    return words.format(**{**item.get("ctx", {}), "input": item.get("input")}) if words else ""
