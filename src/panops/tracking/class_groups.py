"""Which classes a track may change between, as numbers that arrays can compare."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]


class ClassGroups:
    """One row of group numbers a vocabulary. Two classes may be the same object when their group numbers are equal.

    Vocabulary 0 is for cameras whose class names are not known: every class is a group of its own.

    Args:
        confusable: Groups of class names.
    """

    def __init__(self, confusable: Sequence[Sequence[str]]) -> None:
        """Start with the vocabulary of unknown names."""
        self._confusable = tuple(frozenset(name.strip().lower() for name in group) for group in confusable)
        self._known: dict[tuple[str, ...], int] = {(): 0}
        self._table: IntArray = np.zeros((1, 0), np.int64)

    def vocabulary(self, classes: tuple[str, ...]) -> int:
        """The row for a detector with these class names; the same names give the same row."""
        if classes not in self._known:
            width = max(len(classes), self._table.shape[1])
            table = np.tile(np.arange(width, dtype=np.int64), (len(self._known) + 1, 1))
            table[:-1, : self._table.shape[1]] = self._table
            table[-1, : len(classes)] = self._groups(classes)
            self._known[classes] = len(self._known)
            self._table = table
        return self._known[classes]

    def of(self, vocabulary: IntArray, class_id: IntArray) -> IntArray:
        """Group numbers (N,) of the classes (N,), each in its vocabulary (N,); a class without a name is a group of its own."""
        width = self._table.shape[1]
        if width == 0:
            return class_id
        named = (class_id >= 0) & (class_id < width)
        return np.where(named, self._table[vocabulary, np.where(named, class_id, 0)], class_id)

    def _groups(self, classes: tuple[str, ...]) -> list[int]:
        """A group's number is its first class, so that numbers of groups and of single classes never collide."""
        first: dict[int, int] = {}
        numbers = []
        for class_id, name in enumerate(classes):
            member = next((index for index, group in enumerate(self._confusable) if name.strip().lower() in group), None)
            numbers.append(class_id if member is None else first.setdefault(member, class_id))
        return numbers
