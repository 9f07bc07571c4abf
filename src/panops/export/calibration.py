"""Which pictures 8 bits are fitted to, and as what tensors: chosen by a seed, the same share of every source, fed like live frames."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from panops.domain.labels import DetectionSet, LabelledPicture
from panops.domain.manifest import ModelManifest
from panops.export.deployed import still_frame
from panops.vision.registry import open_task


def chosen_pictures(dataset: DetectionSet, count: int, seed: int = 0) -> list[LabelledPicture]:
    """Pictures to calibrate or compare with.

    Args:
        dataset: Where from; its boxes do not matter.
        count: How many; all where there are no more.
        seed: The same seed chooses the same pictures.

    Returns:
        By turns one of each source, until there are enough; a source that runs out leaves its turns to the others.
    """
    by_source: dict[str, list[LabelledPicture]] = {}
    for picture in dataset.pictures:
        by_source.setdefault(picture.source, []).append(picture)
    chance = random.Random(seed)  # noqa: S311  # a repeatable choice, not a secret
    queues = [chance.sample(pictures, len(pictures)) for _, pictures in sorted(by_source.items())]
    chosen: list[LabelledPicture] = []
    while len(chosen) < count and any(queues):
        for queue in queues:
            if queue and len(chosen) < count:
                chosen.append(queue.pop())
    return chosen


def input_tensors(manifest: ModelManifest, pictures: list[LabelledPicture], input_name: str) -> list[dict[str, NDArray[Any]]]:
    """The pictures as the model's input, by the preprocessing of live frames.

    Args:
        manifest: How pictures become tensors.
        pictures: What to read.
        input_name: The model's input.

    Raises:
        SourceCorrupt: A picture cannot be decoded.
        ModelUnsupported: The manifest's preprocessing is wrong.
    """
    task = open_task(replace(manifest, preprocessing={**manifest.preprocessing, "input": input_name}))
    found = []
    for picture in pictures:
        inputs, _ = task.prepare(still_frame(picture))
        found.append({name: np.array(tensor) for name, tensor in inputs.items()})  # copies: the task fills one tensor again and again
    return found
