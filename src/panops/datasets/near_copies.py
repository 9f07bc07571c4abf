"""Which pictures are near copies: all pairs whose fingerprints differ in few bits, found exactly.

Two fingerprints that differ in at most d of 64 bits agree wholly in one of d + 1 bands (pigeonhole), so that only pictures which share
a band are compared: 50,000 in about a second instead of 1.25 billion pairs.
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


def near_pairs(fingerprints: NDArray[np.uint64], bits: int = NEAR_BITS) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """All pairs that differ in at most `bits`.

    Args:
        fingerprints: (N,) uint64.
        bits: 0 to 31.

    Returns:
        Pairs (P, 2) int64, each with the smaller index first, sorted, none twice; and their distances (P,) int64.
    """
    edges = np.linspace(0, 64, bits + 2).astype(int)
    found = [np.zeros((0, 2), np.int64)]
    for start, stop in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        mask = np.uint64((1 << (stop - start)) - 1)
        found.append(_pairs_of_band((fingerprints >> np.uint64(start)) & mask, fingerprints, bits))
    pairs = np.unique(np.concatenate(found), axis=0)
    distance = np.bitwise_count(fingerprints[pairs[:, 0]] ^ fingerprints[pairs[:, 1]]).astype(np.int64)
    return pairs, distance


def _pairs_of_band(band: NDArray[np.uint64], fingerprints: NDArray[np.uint64], bits: int) -> NDArray[np.int64]:
    """The pairs among those with the same band: each is compared with its next, next but one, ... in the order of the bands."""
    order = np.argsort(band, kind="stable")
    band, sorted_prints = band[order], fingerprints[order]
    found = []
    start = np.arange(len(band) - 1)
    step = 1
    while True:
        start = start[start + step < len(band)]
        start = start[band[start] == band[start + step]]
        if not len(start):
            break
        near = start[np.bitwise_count(sorted_prints[start] ^ sorted_prints[start + step]) <= bits]
        if len(near):
            found.append(np.stack([order[near], order[near + step]], axis=1))
        step += 1
    return np.sort(np.concatenate(found), axis=1) if found else np.zeros((0, 2), np.int64)


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
    # The same fingerprint thousands of times (a still camera) would make millions of pairs.
    single, place = np.unique(values, return_inverse=True)
    pairs, _ = near_pairs(single, bits)
    of_single = components(len(single), pairs)
    raw = np.arange(len(fingerprints)) + len(single)
    raw[known] = of_single[place]
    return in_order(raw)


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
    """For each of `left` its nearest in `right` within `bits`.

    Returns:
        (index in left, index in right, distance), sorted by the left index; those with none are left out.
    """
    single_right, where = np.unique(right, return_index=True)
    single_left, place = np.unique(left, return_inverse=True)
    pairs, distance = near_pairs(np.concatenate([single_left, single_right]), bits)
    across = (pairs[:, 0] < len(single_left)) & (pairs[:, 1] >= len(single_left))
    pairs, distance = pairs[across], distance[across]
    best: dict[int, tuple[int, int]] = {}
    for (first, second), far in zip(pairs.tolist(), distance.tolist(), strict=True):
        if first not in best or far < best[first][1]:
            best[first] = (int(where[second - len(single_left)]), far)
    return [(index, *best[kind]) for index, kind in enumerate(place.tolist()) if kind in best]
