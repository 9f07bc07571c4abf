"""Signs that people make with their hands."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GestureLook:
    """What one look at the hands of somebody who is followed said.

    Attributes:
        track_id: Who was looked at.
        name: The sign, as its classifier calls it; empty where their hands show none that it knows, or none are seen.
        score: How surely, 0..1.
    """

    track_id: int
    name: str
    score: float
