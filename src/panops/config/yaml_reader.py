"""YAML as people write it. PyYAML reads YAML 1.1, in which `18:00` is the number 1080 and `off` is false; here they are text."""

from __future__ import annotations

import re
from typing import Any

import yaml


class SiteLoader(yaml.SafeLoader):
    """Safe loading with the plain words of YAML 1.2's core schema: no times as numbers, no `yes` and `no`, no dates."""


SiteLoader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("tag:yaml.org,2002:bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("tag:yaml.org,2002:int", r"^[-+]?[0-9]+$", "-+0123456789"),
    ("tag:yaml.org,2002:float", r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$", "-+.0123456789"),
    ("tag:yaml.org,2002:float", r"^[-+]?\.(?:inf|Inf|INF)$|^\.(?:nan|NaN|NAN)$", "-+."),
    ("tag:yaml.org,2002:null", r"^(?:~|null|Null|NULL|)$", "~nN"),
    ("tag:yaml.org,2002:merge", r"^<<$", "<"),
):
    SiteLoader.add_implicit_resolver(_tag, re.compile(_pattern), list(_first))
SiteLoader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^$"), [""])


def _int(loader: SiteLoader, node: yaml.ScalarNode) -> int:
    """Decimal only: a leading zero is no octal number."""
    return int(str(loader.construct_scalar(node)))


SiteLoader.add_constructor("tag:yaml.org,2002:int", _int)


def compose(text: str) -> yaml.Node | None:
    """The document as nodes with their lines.

    Raises:
        yaml.YAMLError: It is not YAML.
    """
    node: yaml.Node | None = yaml.compose(text, Loader=SiteLoader)
    return node


def load(text: str) -> Any:
    """The document as plain values.

    Raises:
        yaml.YAMLError: It is not YAML.
    """
    return yaml.load(text, Loader=SiteLoader)  # noqa: S506 - a subclass of the safe loader
