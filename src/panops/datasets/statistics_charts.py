"""The charts of a set's figures: boxes by class and size, by source, how far labels reach, how large and how many boxes are."""

from __future__ import annotations

from panops.datasets.chart import Figure, matrix, stacked_bars
from panops.datasets.statistics import CROWD_EDGES, SIDE_EDGES, SetStats


def charts_of(stats: SetStats) -> list[Figure]:
    """The charts, in the order of reading."""
    classes = {one.name: (one.small, one.medium, one.large) for one in sorted(stats.classes, key=lambda one: -one.boxes)}
    names = [one.name for one in stats.classes]
    sources = {source_name(one.name): (one.pictures - one.empty, one.empty) for one in stats.sources}
    cells = [[one.boxes_by_class.get(name, 0) if one.looked_for.get(name) else None for name in names] for one in stats.sources]
    return [
        stacked_bars(f"{stats.name}: boxes by class and COCO size", classes, ("small, below 32x32 px", "medium", "large, from 96x96 px")),
        stacked_bars("Pictures by source", sources, ("with boxes", "without")),
        matrix("Boxes by source and class; grey was not looked for", list(sources), names, cells),
        stacked_bars("Boxes by side (square root of the area, px)", _by_edges(SIDE_EDGES, stats.sides, exact=False), ("boxes",)),
        stacked_bars("Pictures by their number of boxes", _by_edges(CROWD_EDGES, stats.boxes_in_picture, exact=True), ("pictures",)),
    ]


def source_name(name: str) -> str:
    """The source as it is shown."""
    return name or "(no source)"


def _by_edges(edges: tuple[int, ...], counts: tuple[int, ...], *, exact: bool) -> dict[str, tuple[int]]:
    """`exact` edges are whole numbers, so that `3 - 4` is said where sizes have `32 - 64`."""
    labels = []
    for low, high in zip(edges, [*edges[1:], None], strict=True):
        if high is None:
            labels.append(f"{low} or more")
        elif exact:
            labels.append(str(low) if high == low + 1 else f"{low} - {high - 1}")
        else:
            labels.append(f"{low} - {high}")
    return {label: (count,) for label, count in zip(labels, counts, strict=True)}
