"""Whether an event is believed, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Finding:
    """What one step of the chain says of an event.

    Attributes:
        step: The step's name, such as `displacement`.
        passed: Whether the event may be real by it; None where it cannot say (yet).
        value: What was measured; None where nothing was.
        limit: What it was held against; None where there is no such number.
        words: One sentence for the operator.
    """

    step: str
    passed: bool | None
    value: float | None = None
    limit: float | None = None
    words: str = ""

    def plain(self) -> dict[str, Any]:
        """As JSON values."""
        return {"step": self.step, "passed": self.passed, "value": _short(self.value), "limit": _short(self.limit), "words": self.words}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the chain decided about an event.

    Attributes:
        findings: One for each step that is on, in the chain's order.
        took_s: How long the event was held until it was decided, s of the camera's time.
        revised: It had been suppressed, and was believed later.
        travelled: How far its object had come by then, in sizes of its own; None where it has none.
        appearance: What its object looked like, as text that the step `feedback` compares; empty where it was not in view.
        best_score: The highest score of any of its objects since they came, in the zone or not, until its latest message; None where it
            has none, or where an older version stored it.
    """

    findings: tuple[Finding, ...]
    took_s: float = 0.0
    revised: bool = False
    travelled: float | None = None
    appearance: str = ""
    best_score: float | None = None

    @property
    def suppressed_by(self) -> str:
        """The first step that did not let it pass; empty where the event is believed."""
        return next((finding.step for finding in self.findings if finding.passed is False), "")

    def plain(self) -> dict[str, Any]:
        """As JSON values; `from_plain` reads them."""
        return {
            "findings": [finding.plain() for finding in self.findings],
            "took_s": round(self.took_s, 3),
            "revised": self.revised,
            "travelled": _short(self.travelled),
            "appearance": self.appearance,
            "best_score": _short(self.best_score),
        }

    @classmethod
    def from_plain(cls, values: dict[str, Any]) -> Verdict:
        """From JSON values.

        Raises:
            KeyError: Something is missing.
            TypeError: Something is not what it should be.
        """
        findings = tuple(Finding(**finding) for finding in values["findings"])
        travelled, best_score = values["travelled"], values.get("best_score")
        return cls(
            findings,
            float(values["took_s"]),
            bool(values["revised"]),
            None if travelled is None else float(travelled),
            str(values["appearance"]),
            None if best_score is None else float(best_score),
        )


def _short(value: float | None) -> float | None:
    return None if value is None else round(float(value), 4)
