"""Somebody holds both hands up: an agreed sign for help, or a threat."""

from __future__ import annotations

from panops.rules.posture import Posture
from panops.rules.posture_rule import PostureRule


class HandsUp(PostureRule):
    """One incident for each person whose wrists are both at least as high as the nose for `after_s`; see `PostureRule`."""

    shown = Posture.HANDS_UP
    told = Posture.ARMS_KNOWN
