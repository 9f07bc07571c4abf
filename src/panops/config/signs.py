"""Whether a camera's classifier of hands knows the signs that a rule asks for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from panops.config.rule_schema import GestureConfig
from panops.config.schema import CameraConfig
from panops.config.spelling import did_you_mean

NO_SIGN = ("none", "no_sign", "nothing", "other")
"""Classes of a classifier that stand for hands which show no sign: they are never one."""


def is_no_sign(name: str) -> bool:
    """Whether a class says that a hand shows nothing."""
    return name.strip().casefold().replace(" ", "_") in NO_SIGN


def sign_problems(rule: GestureConfig, camera_id: str, camera: CameraConfig, classes: Sequence[str]) -> Iterator[str]:
    """What is wrong with the signs of a rule at a camera, a sentence each.

    Args:
        rule: The rule.
        camera_id: A camera that it watches.
        camera: Its settings; without `gestures` there is nothing to say here.
        classes: What its classifier knows.
    """
    if camera.gestures is None:
        return
    known = [name for name in classes if not is_no_sign(name)]
    folded = {name.casefold() for name in known}
    for name in rule.named_signs:
        if name.strip().casefold() not in folded:
            model = camera.gestures.classifier
            yield f"the classifier {model!r} of camera {camera_id!r} knows no sign {name!r}{did_you_mean(name, known, 'it knows')}"
