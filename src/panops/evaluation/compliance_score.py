"""How well it is decided what people wear: precision, recall and how often nothing was said, by item and by people's height."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from panops.domain.body_parts import BodyPart, Box, lying_on
from panops.domain.compliance import Worn

HEIGHTS_PX = (0, 40, 60, 80, 120, 160, 240, 10_000)
"""Bounds of the bands of people's heights, px of the network's input: what counts is how large the network sees somebody."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One person and item of which the truth is known.

    Attributes:
        item: The item.
        truth: `present` or `absent`.
        decided: What was said; None where the person was not found at all.
        height_px: The person's, px of the network's input.
    """

    item: str
    truth: Worn
    decided: Worn | None
    height_px: float


@dataclass(frozen=True, slots=True)
class Sort:
    """How well one answer, `present` or `absent`, is given.

    Attributes:
        right: People for whom it is right and was given.
        given: People for whom it was given.
        true: People for whom it is right.
        found: Those of them in whom the detector saw a person.
    """

    right: int
    given: int
    true: int
    found: int

    @property
    def precision(self) -> float | None:
        """Of the answers given, what share is right; None without any."""
        return self.right / self.given if self.given else None

    @property
    def recall(self) -> float | None:
        """Of the people for whom it is right, how many got it; None where there are none."""
        return self.right / self.true if self.true else None

    @property
    def recall_of_found(self) -> float | None:
        """The same of the people who were found: how well is decided, whatever finds them. None where nobody was."""
        return self.right / self.found if self.found else None


@dataclass(frozen=True, slots=True)
class ItemScore:
    """One item's figures.

    Attributes:
        people: How many people have a known truth.
        not_found: Of how many the detector saw no person.
        not_visible: Of how many it was said that the item is not to be seen.
        present: The answer `present`.
        absent: The answer `absent`.
    """

    people: int
    not_found: int
    not_visible: int
    present: Sort
    absent: Sort

    @classmethod
    def of(cls, rows: Sequence[Judged]) -> ItemScore:
        """The figures of some people, all of one item."""
        sorts = {}
        for worn in (Worn.PRESENT, Worn.ABSENT):
            true, given = [row for row in rows if row.truth is worn], [row for row in rows if row.decided is worn]
            sorts[worn] = Sort(
                sum(row.decided is worn for row in true), len(given), len(true), sum(row.decided is not None for row in true)
            )
        silent = sum(row.decided is Worn.NOT_VISIBLE for row in rows)
        return cls(len(rows), sum(row.decided is None for row in rows), silent, sorts[Worn.PRESENT], sorts[Worn.ABSENT])

    @property
    def right_of_decided(self) -> float | None:
        """Of everything that was decided, what share is right; None where nothing was."""
        given = self.present.given + self.absent.given
        return (self.present.right + self.absent.right) / given if given else None

    @property
    def decided(self) -> float | None:
        """Of the people who were found, for how many something was decided; None where nobody was found."""
        found = self.people - self.not_found
        return (self.present.given + self.absent.given) / found if found else None

    def record(self) -> dict[str, Any]:
        """For JSON."""
        sorts = {
            name: {
                "precision": sort.precision,
                "recall": sort.recall,
                "recall_of_found": sort.recall_of_found,
                "right": sort.right,
                "given": sort.given,
                "true": sort.true,
                "found": sort.found,
            }
            for name, sort in (("present", self.present), ("absent", self.absent))
        }
        return {
            "people": self.people,
            "not_found": self.not_found,
            "not_visible": self.not_visible,
            "decided": self.decided,
            "right_of_decided": self.right_of_decided,
            **sorts,
        }


def by_item(rows: Sequence[Judged]) -> dict[str, ItemScore]:
    """The figures of each item."""
    return {item: ItemScore.of([row for row in rows if row.item == item]) for item in sorted({row.item for row in rows})}


def by_height(rows: Sequence[Judged]) -> dict[str, dict[str, ItemScore]]:
    """The figures of each item by bands of people's height, px; bands without anybody are left out."""
    bands: dict[str, dict[str, ItemScore]] = {}
    for low, high in pairwise(HEIGHTS_PX):
        inside = [row for row in rows if low <= row.height_px < high]
        if inside:
            bands[f"{low}-{high}" if high < HEIGHTS_PX[-1] else f"{low}+"] = by_item(inside)
    return bands


def labelled_truth(people: Sequence[Box], items: Sequence[tuple[Box, Worn]], part: BodyPart) -> list[Worn | None]:
    """What labels say of each person and one item.

    An item is a person's when its middle lies in the person's part, and in no other person's. People with none, with several that
    contradict each other, or with one that could be somebody else's too, are unknown: labels may be partial.

    Args:
        people: The labelled people's boxes, px.
        items: Labelled items' boxes, px, and what each shows.
        part: Where the item is on a person.

    Returns:
        What each person wears, None where it is not known.
    """
    return [next(iter(found)) if len(found) == 1 else None for found in lying_on(people, items, part)]
