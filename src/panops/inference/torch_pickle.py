"""Reads the pickles of `torch.save` as data: a small machine that knows the few steps a state dict is written with, and runs none of them.

A pickle is a program: it may name any function and have it called, and a machine for all of it can be made to take gigabytes by a few
bytes. Here each step is looked at: numbers, words, tuples, lists and dicts are made; of functions only torch's own for a tensor and an
ordered dict are known, by name, and "calling" them notes down what they were given. Every other name or step is refused. Protocol 2, which
`torch.save` writes unless it is told otherwise.
"""

from __future__ import annotations

import io
import pickletools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

# A state dict of a thousand tensors takes 35,000.
_MOST_STEPS = 200_000
_MOST_DIMENSIONS = 8
_DICT, _TENSOR = "collections OrderedDict", "torch._utils _rebuild_tensor_v2"
_STORAGES = {
    "torch FloatStorage": "<f4", "torch DoubleStorage": "<f8", "torch HalfStorage": "<f2", "torch LongStorage": "<i8",
    "torch IntStorage": "<i4", "torch ShortStorage": "<i2", "torch CharStorage": "i1", "torch ByteStorage": "u1", "torch BoolStorage": "?",
}  # fmt: skip
_CONSTANTS: dict[str, Callable[[], Any]] = {
    "EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple, "NONE": lambda: None, "NEWTRUE": lambda: True, "NEWFALSE": lambda: False,
}  # fmt: skip
_VALUES = frozenset({"BINUNICODE", "BININT", "BININT1", "BININT2", "LONG1"})
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


class Refused(Exception):
    """A pickle that is damaged, or more than plain tensors; the text says what was found."""


@dataclass(frozen=True, slots=True)
class StorageNote:
    """Numbers that lie outside the pickle.

    Attributes:
        key: Their name.
        dtype: Of each.
        count: How many.
    """

    key: str
    dtype: np.dtype[Any]
    count: int


@dataclass(frozen=True, slots=True)
class TensorNote:
    """How a tensor lies in a storage; it lies inside, and has no more elements than the storage.

    Attributes:
        storage: Where.
        offset: Its first element.
        shape: Its sizes.
        strides: Elements from one to the next along each dimension, not negative.
    """

    storage: StorageNote
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Name:
    text: str


class _Mark:
    """Where a tuple or a list of items begins on the stack."""


def read_pickle(stream: io.BytesIO) -> Any:
    """The next pickle of a stream: numbers, words, tuples, lists, dicts with words as keys, and `TensorNote`s.

    Args:
        stream: It is left behind the pickle's end.

    Raises:
        Refused: It is damaged, too long, or asks for anything else.
    """
    machine = _Machine()
    try:
        for count, (step, argument, _) in enumerate(pickletools.genops(stream)):
            if count >= _MOST_STEPS:
                raise Refused(f"its description has more than {_MOST_STEPS} steps")
            machine.do(step.name, argument)
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError, UnicodeError) as error:
        raise Refused(f"its description is damaged ({type(error).__name__})") from error
    return machine.result()


class _Machine:
    """The stack and the memo of one pickle."""

    def __init__(self) -> None:
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}
        self._steps: dict[str, Callable[[Any], None]] = {
            "PROTO": self._protocol, "STOP": lambda _: None, "MARK": lambda _: self._stack.append(_Mark()),
            "BINPUT": self._put, "LONG_BINPUT": self._put, "BINGET": self._get, "LONG_BINGET": self._get,
            "TUPLE": lambda _: self._stack.append(tuple(self._since_mark())), "APPEND": lambda _: self._append([self._stack.pop()]),
            "APPENDS": lambda _: self._append(self._since_mark()), "SETITEM": lambda _: self._set([self._stack.pop(-2), self._stack.pop()]),
            "SETITEMS": lambda _: self._set(self._since_mark()), "GLOBAL": self._name, "REDUCE": self._call, "BINPERSID": self._storage,
            "BUILD": self._attributes,
        }  # fmt: skip

    def do(self, step: str, argument: Any) -> None:
        """One step.

        Raises:
            Refused: It is none that a state dict needs.
        """
        if step in _VALUES:
            self._stack.append(argument)
        elif step in _CONSTANTS:
            self._stack.append(_CONSTANTS[step]())
        elif step in _TUPLES:
            count = _TUPLES[step]
            self._stack[-count:] = [tuple(self._stack[-count:])] if len(self._stack) >= count else self._underflow()
        elif step in self._steps:
            self._steps[step](argument)
        else:
            raise Refused(f"its description holds {step}, which no plain state dict does")

    def result(self) -> Any:
        """What was made.

        Raises:
            Refused: Not one thing.
        """
        if len(self._stack) != 1:
            raise Refused("its description ends in the middle")
        return self._stack[0]

    def _protocol(self, version: int) -> None:
        if version != 2:
            raise Refused(f"it is pickled by protocol {version}; expected 2, as torch.save writes it")

    def _put(self, index: int) -> None:
        self._memo[index] = self._stack[-1]

    def _get(self, index: int) -> None:
        self._stack.append(self._memo[index])

    def _since_mark(self) -> list[Any]:
        for at in range(len(self._stack) - 1, -1, -1):
            if isinstance(self._stack[at], _Mark):
                items = self._stack[at + 1 :]
                del self._stack[at:]
                return items
        self._underflow()
        return []

    @staticmethod
    def _underflow() -> list[Any]:
        raise Refused("its description takes more than it made")

    def _append(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if type(target) is not list:
            raise Refused("its description appends to what is no list")
        target += items

    def _set(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if type(target) is not dict or len(items) % 2 or not all(type(key) is str for key in items[::2]):
            raise Refused("its description holds a dict whose keys are no words")
        target.update(zip(items[::2], items[1::2], strict=True))

    def _name(self, name: str) -> None:
        if name not in _STORAGES and name not in (_DICT, _TENSOR):
            raise Refused(f"it asks for {name.replace(' ', '.')[:100]}, which is no plain tensor")
        self._stack.append(_Name(name))

    def _call(self, _: Any) -> None:
        arguments, function = self._stack.pop(), self._stack.pop()
        if function == _Name(_DICT) and arguments == ():
            self._stack.append({})
        elif function == _Name(_TENSOR) and type(arguments) is tuple and len(arguments) >= 6:
            self._stack.append(_tensor(*arguments[:4]))
        else:
            raise Refused("its description calls what makes no plain tensor")

    def _storage(self, _: Any) -> None:
        word, kind, key, _, count, *view = self._stack.pop()  # which device it was on does not matter
        known = word == "storage" and isinstance(kind, _Name) and kind.text in _STORAGES and type(key) is str and _is_size(count)
        if not known or view not in ([], [None]):
            raise Refused("it refers to something that is no plain storage")
        self._stack.append(StorageNote(key, np.dtype(_STORAGES[kind.text]), count))

    def _attributes(self, _: Any) -> None:
        """Notes on a state dict (`_metadata`): versions of torch's own modules, not needed."""
        self._stack.pop()
        if type(self._stack[-1]) is not dict:
            raise Refused("its description sets attributes of what is no dict")


def _tensor(storage: Any, offset: Any, shape: Any, strides: Any) -> TensorNote:
    sizes = (offset, *shape, *strides)
    if type(storage) is not StorageNote or len(shape) != len(strides) or len(shape) > _MOST_DIMENSIONS or not all(map(_is_size, sizes)):
        raise Refused("it holds a tensor without a plain shape")
    elements = 1
    for size in shape:
        elements *= size
    # Checked here, so that nobody can look beside the storage, nor make much out of little.
    last = offset + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True)) if elements else offset
    if elements > storage.count or last >= storage.count + (not elements):
        raise Refused("it holds a tensor that is larger than its storage")
    return TensorNote(storage, offset, tuple(shape), tuple(strides))


def _is_size(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**40
