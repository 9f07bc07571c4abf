"""What is wrong with a data set: one value for each fault, so that a fault is told and never stops the rest."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from panops.domain.labels import DetectionSet

Severity = Literal["error", "warning"]
Outcome = Literal["dropped", "mended", "kept"]

# The stable words for faults, in the order in which reports count them. An error means that labels or pictures are lost or false;
# a warning that a person should look.
KINDS: dict[str, Severity] = {
    "broken_file": "error",
    "bad_record": "error",
    "bad_line": "error",
    "duplicate_id": "error",
    "unknown_picture": "error",
    "unknown_category": "error",
    "class_out_of_range": "error",
    "missing_picture": "error",
    "unreadable_picture": "error",
    "size_mismatch": "error",
    "box_not_finite": "error",
    "box_empty": "error",
    "box_outside": "error",
    "box_clipped": "warning",
    "box_tiny": "warning",
    "duplicate_box": "warning",
    "duplicate_picture": "warning",
    "missing_labels": "warning",
    "encoding": "warning",
    "polygon_boxed": "warning",
    "shared_group": "warning",
    "near_copy": "warning",
    "classes_differ": "warning",
    "class_balance": "warning",
    "no_boxes": "warning",
}


def plain(text: str) -> str:
    """The text as it can be printed and written: half characters, which JSON and file names may hold, are spelt out."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


@dataclass(frozen=True, slots=True)
class DataProblem:
    """One fault in a data set.

    Attributes:
        kind: A stable word out of `KINDS`.
        file: The file it was found in.
        message: One sentence: what was expected and what came.
        outcome: `dropped` (the item is not used), `mended` (used, corrected) or `kept` (used as it is).
        where: The place in the file: `line 3`, `annotation 17`, `image 4`; empty for the whole file.
    """

    kind: str
    file: Path
    message: str
    outcome: Outcome
    where: str = ""

    @property
    def severity(self) -> Severity:
        """`error` or `warning`, by the kind."""
        return KINDS[self.kind]

    def __str__(self) -> str:
        """`file: line 3: bad_line (dropped): ...`."""
        place = plain(f"{self.file}: {self.where}" if self.where else str(self.file))
        return f"{place}: {self.kind} ({self.outcome}): {self.message}"

    def record(self) -> dict[str, str]:
        """As a JSON object; keys as the attributes, with `severity`."""
        return {**asdict(self), "file": plain(str(self.file)), "severity": self.severity}


@dataclass(slots=True)
class ProblemLog:
    """Collects the problems of one reading. Not thread-safe.

    Attributes:
        problems: What was found so far, in the order of finding.
    """

    problems: list[DataProblem] = field(default_factory=list)

    def add(self, kind: str, file: Path, message: str, outcome: Outcome = "dropped", where: str = "") -> None:
        """Note one fault; the arguments are those of `DataProblem`."""
        self.problems.append(DataProblem(kind, file, plain(message), outcome, plain(where)))


@dataclass(frozen=True, slots=True)
class ReadReport:
    """What a reader found: the usable pictures, and all that was wrong.

    Attributes:
        dataset: The pictures that can be used.
        problems: Every fault, in the order of finding.
        format: `coco`, `yolo` or `voc`.
    """

    dataset: DetectionSet
    problems: tuple[DataProblem, ...]
    format: str

    @property
    def error_count(self) -> int:
        """How many of the problems are errors."""
        return sum(problem.severity == "error" for problem in self.problems)
