"""Which of a detector's classes are followed on a camera."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from panops.config.schema import CameraConfig
from panops.pipeline.person_mask import needed_classes
from panops.rules.scene import ANY_CLASS

WITHOUT_RULES = ("person", "bicycle", "car", "motorcycle", "bus", "truck", "moving")
"""What is followed, and shown, on a camera that no rule watches."""


def followed_classes(rules: Sequence[Any], classes: Sequence[str], also: Sequence[str] = ()) -> NDArray[np.bool_]:
    """The classes that some rule of the camera asks for, and those that something else needs.

    A general detector also finds chairs and potted plants; followed, they would keep the detector busy with an empty room for ever.

    Args:
        rules: The configs of the camera's rules; what each names in `needed_classes`.
        classes: The detector's class names.
        also: Classes that are followed whatever the rules ask for.

    Returns:
        (C,) bool, one for each class; all True when a rule says `any`, or when the detector knows none of the names (the `motion`
        detector, whose only class stands for any).
    """
    wanted = {name.strip().casefold() for rule in rules for name in rule.needed_classes} if rules else set(WITHOUT_RULES)
    chosen = np.array([name.casefold() in wanted for name in classes], dtype=np.bool_)
    if not chosen.any() or ANY_CLASS in wanted:
        return np.ones(len(classes), dtype=np.bool_)
    needed = {name.strip().casefold() for name in also}
    return chosen | np.array([name.casefold() in needed for name in classes], dtype=np.bool_)


def also_followed(config: CameraConfig) -> tuple[str, ...]:
    """What a camera follows whatever its rules ask for: whom it hides, and at whom its second models look."""
    return (*needed_classes(config.privacy), *(config.secondary.classes if config.secondary is not None else ()))
