"""Names of versions: what a folder may be called, and `NAME@VERSION` for one version of a model."""

from __future__ import annotations

import re
from collections.abc import Collection

from panops.domain.errors import ModelNotFound

_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,62}")
_FIRST = "1"


def is_version(text: str) -> bool:
    """Whether `text` may name a version: letters, digits, `.`, `_`, `+` and `-`, at most 63. Such a name is also a safe folder name."""
    return _VERSION.fullmatch(text) is not None


def version_id(text: str) -> str:
    """The version's name for whatever a manifest says: other characters become `-`; `1` where nothing is left."""
    cleaned = re.sub(r"[^A-Za-z0-9._+-]+", "-", text).strip("-._+")[:63]
    return cleaned or _FIRST


def next_version(taken: Collection[str]) -> str:
    """The next whole number above those that are taken, for a suggestion."""
    return str(1 + max((int(version) for version in taken if version.isdecimal() and len(version) < 10), default=0))


def split_reference(text: str) -> tuple[str, str]:
    """`NAME@VERSION` as its two parts; the version is empty where none is said.

    Raises:
        ModelNotFound: What follows the `@` names no version.
    """
    name, at, version = text.partition("@")
    if at and not is_version(version):
        raise ModelNotFound(
            f"{text[:140]!r}: expected NAME@VERSION, where a version has letters, digits, '.', '_', '+' and '-', at most 63"
        )
    return name, version
