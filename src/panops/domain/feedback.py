"""What people said of earlier events, as far as it helps to judge new ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from panops.domain.events import Event
from panops.domain.places import Box


@dataclass(frozen=True, slots=True)
class Judgement:
    """One event that somebody judged.

    Attributes:
        event_id: The event.
        camera_id: Its camera.
        rule_id: Its rule.
        class_name: What it was taken for.
        false_alarm: Whether it was one.
        started_at_s: When it began, UTC s.
        travelled: How far its object came, in sizes of its own; None where that is not known.
        box: Where it was at its best moment, relative; None where the event has none.
        appearance: What it looked like, as `verify.appearance.as_text` wrote it; empty where that is not known.
    """

    event_id: str
    camera_id: str
    rule_id: str
    class_name: str
    false_alarm: bool
    started_at_s: float
    travelled: float | None = None
    box: Box | None = None
    appearance: str = ""


Judgements = Sequence[Judgement]


@dataclass(frozen=True, slots=True, eq=False)
class JudgedEvent:
    """One event that somebody judged, with where its objects were.

    Attributes:
        event: What was stored of it last.
        false_alarm: Whether it was one.
        seen: (N, 5) float64, in order of time: capture time in s, track id, score 0..1, and the ground point's x and y, relative; of the
            event's own objects, as far as its clip shows them. Empty where that is not stored.
    """

    event: Event
    false_alarm: bool
    seen: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 5)))
