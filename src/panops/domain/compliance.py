"""What a rule finds out about what people wear, each person once, when they are gone."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Worn(StrEnum):
    """Whether a person has an item. NOT_VISIBLE is an answer of its own: too far, turned away, hidden, or no class of the model says it."""

    PRESENT = "present"
    ABSENT = "absent"
    NOT_VISIBLE = "not_visible"


@dataclass(frozen=True, slots=True)
class ItemRecord:
    """One required item of one person who has left, as a rule knows it: no identity yet.

    Attributes:
        item: The item's name in the rule, such as `hardhat`.
        worn: What was decided over the whole stay; `absent` also where an alarm was raised and then put right.
        zone: The zone's name, or empty for the whole picture.
        track_id: The person's first track.
        share: Of the weight of the latest votes, what said that the item is absent, 0..1; 0 without votes.
        votes: How many looks said anything about the item.
        alarmed: Whether there was an event.
        entered_at_s: When the person was first seen in the zone, s.
        left_at_s: When the person was last seen in the zone, s.
    """

    item: str
    worn: Worn
    zone: str
    track_id: int
    share: float
    votes: int
    alarmed: bool
    entered_at_s: float
    left_at_s: float


@dataclass(frozen=True, slots=True)
class ComplianceRecord:
    """An `ItemRecord` with an identity. Writing the same id again changes nothing.

    Attributes:
        record_id: `camera-epoch-sequence`, unique for ever; of the same numbers as the camera's events.
        camera_id: The camera.
        rule_id: The rule.
        record: What the rule says.
    """

    record_id: str
    camera_id: str
    rule_id: str
    record: ItemRecord
