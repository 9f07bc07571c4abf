"""What the API tells of one model: its versions, its history, its card, and how far a version that looks on agrees."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal, Self
from urllib.parse import quote

from panops.api.schemas import Box, Out
from panops.models.agreement import CameraAgreement, ClassCounts, Pair, median_score
from panops.models.card_text import Block, Facts, Heading, Paragraph, Table
from panops.models.disagreement import Disagreement, SeenBox
from panops.models.state import Change


class VersionOut(Out):
    """A version; `problem` says why one is damaged, and then the rest may be empty."""

    version: str
    role: Literal["active", "shadow", "previous", ""]
    builtin: bool
    licence: str
    sha256: str
    classes: list[str]
    accuracy: dict[str, float]
    problem: str


class ModelChangeOut(Out):
    """What somebody did with the model's versions; `what` is `add`, `promote`, `rollback`, `shadow`, `shadow off` or `remove`."""

    at_s: float
    who: str
    what: str
    before: str
    after: str
    why: str

    @classmethod
    def of(cls, change: Change) -> Self:
        """One line of the history."""
        return cls(at_s=change.at_s, who=change.who, what=change.what, before=change.before, after=change.after, why=change.why)


class ClassAgreementOut(Out):
    """Boxes of one class that both versions found, or one alone; `agreement` is the share of both, null without any box."""

    class_name: str
    both: int
    only_active: int
    only_shadow: int
    agreement: float | None
    active_score: float | None
    shadow_score: float | None

    @classmethod
    def of(cls, name: str, counts: ClassCounts) -> Self:
        """The scores are medians."""
        return cls(
            class_name=name, both=counts.both, only_active=counts.only_active, only_shadow=counts.only_shadow,
            agreement=_finite(counts.agreement), active_score=_finite(median_score(counts.active_scores)),
            shadow_score=_finite(median_score(counts.shadow_scores)),
        )  # fmt: skip


class CameraAgreementOut(Out):
    """One camera: `looks` frames that both saw, ms of each version a frame, frames left out because there was no time."""

    camera_id: str
    looks: int
    since_s: float
    until_s: float
    active_ms: float | None
    shadow_ms: float | None
    behind: int
    errors: int
    problem: str
    classes: list[ClassAgreementOut]

    @classmethod
    def of(cls, found: CameraAgreement) -> Self:
        """One camera's counts."""
        return cls(
            camera_id=found.camera_id, looks=found.looks, since_s=found.since_s, until_s=found.until_s,
            active_ms=round(found.active_ms / found.looks, 3) if found.looks else None,
            shadow_ms=round(found.shadow_ms / found.looks, 3) if found.looks else None,
            behind=found.behind, errors=found.errors, problem=found.problem,
            classes=[ClassAgreementOut.of(name, counts) for name, counts in sorted(found.classes.items())],
        )  # fmt: skip


class SeenBoxOut(Out):
    """One box, relative 0..1."""

    class_name: str
    score: float
    box: Box


class DisagreementOut(Out):
    """A frame that the two versions saw differently, and where its picture is."""

    camera_id: str
    captured_at_s: float
    url: str
    both: list[SeenBoxOut]
    only_active: list[SeenBoxOut]
    only_shadow: list[SeenBoxOut]

    @classmethod
    def of(cls, name: str, pair: Pair, found: Disagreement) -> Self:
        """With the address of its picture."""
        place = "/".join(quote(part, safe="") for part in (name, "pictures", pair.active, pair.shadow, found.camera_id))
        return cls(
            camera_id=found.camera_id, captured_at_s=found.captured_at_s, url=f"/api/v1/models/{place}/{found.name}.jpg",
            both=_boxes(found.both), only_active=_boxes(found.only_active), only_shadow=_boxes(found.only_shadow),
        )  # fmt: skip


class ComparisonOut(Out):
    """Two versions that saw the same frames of live cameras; `pictures` are frames that they saw differently, newest first."""

    active: str
    shadow: str
    cameras: list[CameraAgreementOut]
    pictures: list[DisagreementOut]


class ModelDetailOut(Out):
    """One model; `problem` says what is wrong with the file that tells what was decided about it. Comparisons: the newest first."""

    name: str
    active: str
    shadow: str
    shadow_every: int | None
    previous: str
    problem: str
    versions: list[VersionOut]
    history: list[ModelChangeOut]
    comparisons: list[ComparisonOut]


class BlockOut(Out):
    """A piece of a card.

    A `heading` has `level` and `text`, a `paragraph` `text`, `facts` `rows` of name and value, a `table` `head` and `rows`, and
    `verbatim` `title` and `text`; what a kind does not have is empty.
    """

    kind: Literal["heading", "paragraph", "facts", "table", "verbatim"]
    level: int = 0
    title: str = ""
    text: str = ""
    head: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()

    @classmethod
    def of(cls, block: Block) -> Self:
        """A block of `panops.models.card_text`."""
        if isinstance(block, Heading):
            return cls(kind="heading", level=block.level, text=block.text)
        if isinstance(block, Paragraph):
            return cls(kind="paragraph", text=block.text)
        if isinstance(block, Facts):
            return cls(kind="facts", rows=block.rows)
        if isinstance(block, Table):
            return cls(kind="table", head=block.head, rows=block.rows)
        return cls(kind="verbatim", title=block.title, text=block.text)


class VersionDetailOut(Out):
    """One version: its card, and its figures as `panops evaluate detector --json` wrote them, by the data set's name."""

    name: str
    version: str
    builtin: bool
    card: list[BlockOut]
    figures: dict[str, Any]


def _boxes(found: Sequence[SeenBox]) -> list[SeenBoxOut]:
    return [SeenBoxOut(class_name=one.class_name, score=one.score, box=one.box) for one in found]


def _finite(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 4)
