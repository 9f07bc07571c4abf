"""A change of one setting that would have kept false alarms away, and what speaks for it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

Value = float | tuple[str, ...]
Corners = tuple[tuple[float, float], ...]


class Lever(StrEnum):
    """What is changed: how long a thing must stay, how sure the detector must be, or an area that is left out."""

    STAY = "stay"
    SCORE = "score"
    AREA = "area"


@dataclass(frozen=True, slots=True)
class Change:
    """One setting, from what to what.

    Attributes:
        lever: What kind of change it is.
        field: The setting's name: `after_s` or `least_s` of a rule, `min_score` of a camera, `leave_out` of a rule.
        rule_id: The rule that is changed; empty with `min_score`.
        camera_id: The camera that is changed; empty where it is the rule alone.
        before: The setting now: a number, or with `leave_out` names of zones.
        after: The setting as proposed, alike.
        polygon: The corners of the new zone, relative; empty without one. Its name is the last of `after`.
    """

    lever: Lever
    field: str
    rule_id: str
    camera_id: str
    before: Value
    after: Value
    polygon: Corners = ()

    def plain(self) -> dict[str, Any]:
        """As JSON values; `from_plain` reads them."""
        return {
            "lever": self.lever.value,
            "field": self.field,
            "rule_id": self.rule_id,
            "camera_id": self.camera_id,
            "before": _plain_value(self.before),
            "after": _plain_value(self.after),
            "polygon": [list(corner) for corner in self.polygon],
        }

    @classmethod
    def from_plain(cls, values: dict[str, Any]) -> Change:
        """From JSON values.

        Raises:
            KeyError: Something is missing.
            TypeError: Something is not what it should be.
            ValueError: As above.
        """
        return cls(
            Lever(values["lever"]),
            str(values["field"]),
            str(values["rule_id"]),
            str(values["camera_id"]),
            _value(values["before"]),
            _value(values["after"]),
            tuple((float(x), float(y)) for x, y in values["polygon"]),
        )

    @property
    def suggestion_id(self) -> str:
        """16 hex digits made of all that is proposed: another proposal has another one."""
        text = json.dumps(self.plain(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A change, and the judged events it was held against.

    Attributes:
        change: The change.
        cameras: Every camera on which it would count.
        goes: Ids of the false alarms that would not have come, newest first.
        stays: Ids of those that would have come all the same, or of which that is not known, newest first.
        true_alarms: How many true alarms it was held against; all of them would have come.
        nearest: Id of the true alarm that is nearest to being lost.
        nearest_value: That one's figure: s, score, or how far from the area it stood, as a share of the picture.
        words: One sentence for people.
    """

    change: Change
    cameras: tuple[str, ...]
    goes: tuple[str, ...]
    stays: tuple[str, ...]
    true_alarms: int
    nearest: str
    nearest_value: float
    words: str

    @property
    def suggestion_id(self) -> str:
        """See `Change`."""
        return self.change.suggestion_id


def _plain_value(value: Value) -> float | list[str]:
    return list(value) if isinstance(value, tuple) else float(value)


def _value(value: Any) -> Value:
    return tuple(str(name) for name in value) if isinstance(value, list) else float(value)
