"""Which pictures are near copies: all whose fingerprints differ in few bits, found exactly.

Every picture is compared with every other: that takes half a nanosecond, so that decoding 50,000 pictures takes a hundred times as long as
comparing them, and ten thousand frames of a still camera, all near each other, need no more memory than others.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

# Bits that may differ; always even, as half of the bits are set. Looked at on real pictures (docs/data.md): up to 10 every pair of other
# groups that was drawn was the same scene, at 12 two of twelve were not.
NEAR_BITS = 10
# Comparisons at a time: what fits into a processor's cache.
_CELLS = 1 << 16


def distances(fingerprints: NDArray[np.uint64], one: int) -> NDArray[np.uint8]:
    """(N,) uint8: in how many bits each of (N,) uint64 differs from one."""
    return np.asarray(np.bitwise_count(fingerprints ^ np.uint64(one)), np.uint8)


def copy_groups(fingerprints: Sequence[int | None], bits: int = NEAR_BITS) -> NDArray[np.int64]:
    """The group of near copies each picture belongs to; near copies of near copies are in the same.

    Args:
        fingerprints: One a picture; None is near to nothing.
        bits: Bits that may differ.

    Returns:
        (N,) int64, from 0 in the order of appearance.
    """
    known = np.array([index for index, value in enumerate(fingerprints) if value is not None], np.int64)
    values = np.array([value for value in fingerprints if value is not None], np.uint64)
    single, place = np.unique(values, return_inverse=True)
    raw = np.arange(len(fingerprints)) + len(single)
    raw[known] = _connected(single, bits)[place]
    return in_order(raw)


def _connected(values: NDArray[np.uint64], bits: int) -> NDArray[np.int64]:
    """(N,) int64: the group of each; a group grows by all that are near one of it, each of which is compared with what is left."""
    label = np.zeros(len(values), np.int64)
    rest, rest_at = values, np.arange(len(values))
    count = 0
    while len(rest):
        label[rest_at[0]] = count
        to_do = [int(rest[0])]
        rest, rest_at = rest[1:], rest_at[1:]
        while to_do and len(rest):
            near = distances(rest, to_do.pop()) <= bits
            if near.any():
                label[rest_at[near]] = count
                to_do += rest[near].tolist()
                rest, rest_at = rest[~near], rest_at[~near]
        count += 1
    return label


def components(count: int, pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    """(count,) int64: the connected part of the graph of `pairs` (P, 2) that each node lies in."""
    if not count:
        return np.zeros(0, np.int64)
    graph = coo_array((np.ones(len(pairs), bool), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    return np.asarray(connected_components(graph, directed=False)[1], np.int64)


def in_order(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """The labels renamed 0, 1, ... in the order of their first appearance."""
    _, first, place = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[place]


def nearest_across(left: NDArray[np.uint64], right: NDArray[np.uint64], bits: int = NEAR_BITS) -> list[tuple[int, int, int]]:
    """For each of `left` its nearest in `right` within `bits`; of several the first.

    Returns:
        (index in left, index in right, distance), sorted by the left index; those with none are left out.
    """
    if not len(right):
        return []
    found: list[tuple[int, int, int]] = []
    step = max(1, _CELLS // len(right))
    for start in range(0, len(left), step):
        far = np.bitwise_count(left[start : start + step, None] ^ right[None])
        nearest = far.argmin(axis=1)
        distance = far[np.arange(len(far)), nearest]
        found += [(start + row, int(nearest[row]), int(distance[row])) for row in np.flatnonzero(distance <= bits).tolist()]
    return found
