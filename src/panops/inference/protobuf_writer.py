"""Writes protobuf messages without the package `protobuf`, which only extras have: fields of a number and a kind, and a value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

Field: TypeAlias = "int | str | bytes"
"""A number, a word, or another message or raw bytes."""


def message(fields: Sequence[tuple[int, Field]]) -> bytes:
    """Numbers as varints, words and messages as their length and themselves."""
    pieces: list[bytes] = []
    for number, value in fields:
        if isinstance(value, int):
            pieces += [key(number, 0), varint(value)]
        else:
            content = value.encode() if isinstance(value, str) else value
            pieces += [key(number, 2), varint(len(content)), content]
    return b"".join(pieces)


def key(number: int, kind: int) -> bytes:
    """What stands before a value: the field's number and the kind of the value."""
    return varint(number << 3 | kind)


def varint(number: int) -> bytes:
    """Seven bits a byte, the lowest first; a negative number counts from 2^64 downwards."""
    number &= (1 << 64) - 1
    pieces = bytearray()
    while number > 0x7F:
        pieces.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*pieces, number])
