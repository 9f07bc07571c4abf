"""How long whoever reads a camera rests between two reads, so that none of them takes a core and Python's lock for itself."""

from __future__ import annotations

BUSY_PACE_S = 0.002
"""The shortest time between the beginnings of two rounds while somebody has more than a turn takes, s."""
_LONGEST_REST_S = 0.1


def rest_s(pace_s: float, took_s: float, used_s: float) -> float:
    """How long to rest after a round, s: until `pace_s` after its beginning, and at least as long as it computed.

    Args:
        pace_s: The shortest time between the beginnings of two rounds, s.
        took_s: How long the round lasted, s.
        used_s: CPU time that it used, s; what it waited for the processor or for Python's lock is no work of its own.
    """
    return max(0.0, pace_s - took_s, min(used_s, _LONGEST_REST_S))
