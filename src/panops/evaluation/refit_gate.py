"""Whether a model that learnt from verdicts may look on beside the one in use. The bounds are few and stated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from panops.evaluation.verdict_score import VerdictScore

LARGEST_AP_LOSS = 0.005
"""What general quality may lose where there is data to measure it on: half an AP point."""


@dataclass(frozen=True, slots=True)
class GateDecision:
    """What the gate says.

    Attributes:
        passed: Whether every condition holds.
        conditions: Each as words with the numbers, and whether it holds.
    """

    passed: bool
    conditions: tuple[tuple[str, bool], ...]

    @property
    def failures(self) -> tuple[str, ...]:
        """The conditions that do not hold."""
        return tuple(words for words, held in self.conditions if not held)

    def record(self) -> dict[str, Any]:
        """For JSON."""
        return {"passed": self.passed, "conditions": [{"what": words, "held": held} for words, held in self.conditions]}


def decide(before: VerdictScore, after: VerdictScore, ap_before: float | None = None, ap_after: float | None = None) -> GateDecision:
    """No true alarm lost, fewer false ones, and no worse on other pictures.

    Args:
        before: The version that was started from, on the pictures that were held back.
        after: The new one, on the same.
        ap_before: AP, 0..1, on other labelled pictures; None where there are none.
        ap_after: The new one's.

    Returns:
        The decision. A true alarm that the old version did not find in its picture either is not asked for.
    """
    lost = sorted(set(after.lost) - set(before.lost))
    conditions = [
        (f"true alarms found: {before.true_found} before, {after.true_found} after, of {after.true_count}; lost: {len(lost)}", not lost),
        (
            f"false alarms detected again: {before.false_found} before, {after.false_found} after, of {after.false_count}",
            after.false_found < before.false_found,
        ),
    ]
    if ap_before is not None and ap_after is not None:
        drop = ap_before - ap_after
        words = f"AP on other pictures: {100 * ap_before:.1f} before, {100 * ap_after:.1f} after; at most {100 * LARGEST_AP_LOSS:g} less"
        conditions.append((words, drop <= LARGEST_AP_LOSS + 1e-9))
    return GateDecision(all(held for _, held in conditions), tuple(conditions))
