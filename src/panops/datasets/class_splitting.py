"""Parts a set of pictures in a folder per class: of every class the same share, chosen by a seed."""

from __future__ import annotations

import random

from panops.domain.class_pictures import ClassSet
from panops.domain.errors import SourceUnsupported


def parted(dataset: ClassSet, share: float, seed: int) -> tuple[ClassSet, ClassSet]:
    """The set without a share of each class, and that share.

    Args:
        dataset: The pictures, each there once.
        share: Of each class, 0 to 1; at least one picture of each.
        seed: The same seed chooses the same pictures, whatever the folder's order.

    Raises:
        SourceUnsupported: A class has one picture only: none would be left to learn from.
    """
    chance = random.Random(seed)  # noqa: S311  # a repeatable choice, not a secret
    apart: set[str] = set()
    for class_id, name in enumerate(dataset.classes):
        own = sorted(picture.sha256 for picture in dataset.pictures if picture.class_id == class_id)
        if len(own) < 2:
            raise SourceUnsupported(f"{dataset.name}: expected at least two pictures of each class, got {len(own)} of {name}")
        apart.update(chance.sample(own, max(1, round(share * len(own)))))
    return dataset.where(lambda picture: picture.sha256 not in apart), dataset.where(lambda picture: picture.sha256 in apart)
