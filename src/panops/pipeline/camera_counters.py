"""What is counted of one camera."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field


@dataclass(slots=True)
class Counters:
    """What a camera did so far. Each field is written by one thread only and may be read by any."""

    decoded: int = 0
    checks: int = 0
    analysed: int = 0
    detector_errors: int = 0
    decode_cpu_s: float = 0.0
    analysis_cpu_s: float = 0.0
    dropped: Counter[str] = field(default_factory=Counter)
    inference_s: deque[float] = field(default_factory=lambda: deque(maxlen=50))
