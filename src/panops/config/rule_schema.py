"""The rules' settings in the site file; every field here is described in `docs/rules.md`."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, SerializeAsAny, field_validator, model_validator

from panops.config.fields import Config, Name, Point, ScheduleConfig, Seconds
from panops.config.kinds import Kinds
from panops.domain.body_parts import BodyPart
from panops.domain.events import Severity

_ZONE = "a zone of each camera; none means the whole picture"
_LINE = "a line of each camera"


class _RuleConfig(Config):
    """What all rules have in common."""

    id: Name
    cameras: list[Name] = Field(default_factory=list, description="the cameras it watches; empty means all")
    classes: list[str] = Field(default_factory=lambda: ["person"], description="class names of the camera's model")
    severity: Severity = Field(Severity.ALARM, description="how much its events matter")
    schedule: list[ScheduleConfig] = Field(default_factory=list, description="empty means always")
    enabled: bool = Field(True, description="off: kept, not run")
    verify: bool = Field(True, description="off: its events are told at once, whatever the chain would make of them")
    end_after_s: Seconds = Field(3.0, description="how long the condition must be over before the event ends")
    cooldown_s: Seconds = Field(0.0, description="after an event ended, no new one of the same camera and zone begins for so long")
    silent: bool = Field(False, description="its events are neither stored nor told: it only serves combined rules")
    leave_out: list[Name] = Field(default_factory=list, description="zones in which it sees nobody; cameras may lack them")

    @property
    def needed_classes(self) -> list[str]:
        """The classes that must be followed for it; empty where it does not look at objects itself."""
        return self.classes

    @property
    def named_classes(self) -> list[str]:
        """Those of them that must be classes of the camera's model, for nothing stands in for them."""
        return self.needed_classes

    @field_validator("classes")
    @classmethod
    def _names_a_class(cls, value: list[str]) -> list[str]:
        if not value:
            raise ValueError("expected at least one class name, such as person")
        return value


class IntrusionConfig(_RuleConfig):
    """Somebody is in a zone, or anywhere in the picture."""

    kind: Literal["intrusion"]
    zone: Name | None = Field(None, description=_ZONE)
    after_s: Seconds = Field(1.0, description="dwell before it counts")


class LineCrossingConfig(_RuleConfig):
    """Somebody crosses a line."""

    kind: Literal["line_crossing"]
    line: Name = Field(description=_LINE)
    direction: Literal["a_to_b", "b_to_a", "both"] = Field("both", description="which way counts")


class LoiteringConfig(_RuleConfig):
    """One and the same object stays too long."""

    kind: Literal["loitering"]
    zone: Name | None = Field(None, description=_ZONE)
    after_s: Seconds = Field(30.0, description="how long one object may stay")


class OccupancyConfig(_RuleConfig):
    """More (or fewer) objects in a zone than allowed."""

    kind: Literal["occupancy"]
    zone: Name | None = Field(None, description=_ZONE)
    limit: int = Field(ge=0, le=10000, description="the number that is still fine")
    when: Literal["above", "below"] = Field("above", description="more than the limit is wrong, or fewer")
    after_s: Seconds = Field(2.0, description="how long the count must be off before it counts")


class DirectionConfig(_RuleConfig):
    """An object moves in a direction that is not allowed."""

    kind: Literal["direction"]
    zone: Name | None = Field(None, description=_ZONE)
    along: list[Point] | None = Field(None, description="two points: the allowed way leads from the first to the second")
    heading_deg: float | None = Field(None, ge=-360, le=360, description="the allowed way as an angle: 0 to the right, 90 up the picture")
    tolerance_deg: float = Field(45.0, gt=0, lt=180, description="how far a movement may be off")
    least_share: float = Field(0.05, gt=0, le=1, description="how far it must go, as a share of the picture's diagonal")
    window_s: Seconds = Field(3.0, ge=0.5, le=30, description="within which time it must go so far")
    when: Literal["against", "other"] = Field("against", description="only the opposite way is wrong, or every other one")

    @model_validator(mode="after")
    def _has_one_way(self) -> Self:
        if (self.along is None) == (self.heading_deg is None):
            raise ValueError(f"expected either along or heading_deg, got {'both' if self.along is not None else 'neither'}")
        if self.along is not None and (len(self.along) != 2 or self.along[0] == self.along[1]):
            raise ValueError(f"expected along to be two different points, [[x, y], [x, y]], got {len(self.along)} point(s)")
        return self


class CrowdingConfig(_RuleConfig):
    """Many objects stand close together."""

    kind: Literal["crowding"]
    zone: Name | None = Field(None, description=_ZONE)
    count: int = Field(ge=2, le=1000, description="from so many on it is a crowd")
    distance: float = Field(0.7, gt=0, le=20, description="neighbours stand closer than this, in box heights")
    after_s: Seconds = Field(5.0, description="how long they must stand so before it counts")


BAGS = ("backpack", "suitcase", "handbag")


class ObjectLeftConfig(_RuleConfig):
    """An object stands still and nobody is with it."""

    kind: Literal["object_left"]
    classes: list[str] = Field(default_factory=lambda: list(BAGS), description="what can be left; any: everything but owner_classes")
    owner_classes: list[str] = Field(default_factory=lambda: ["person"], description="who can be with it")
    owner_distance: float = Field(2.0, gt=0, le=20, description="who is nearer is with it, in box heights of that person")
    zone: Name | None = Field(None, description=_ZONE)
    after_s: Seconds = Field(30.0, description="how long it must be alone")

    @property
    def needed_classes(self) -> list[str]:
        """Objects and those who may own them."""
        return [*self.classes, *self.owner_classes]


class ObjectRemovedConfig(_RuleConfig):
    """An object that stood still is gone."""

    kind: Literal["object_removed"]
    classes: list[str] = Field(default_factory=lambda: list(BAGS), description="what can be taken; any: everything but hider_classes")
    hider_classes: list[str] = Field(default_factory=lambda: ["person"], description="who may only be standing in front of it")
    zone: Name | None = Field(None, description=_ZONE)
    known_s: Seconds = Field(30.0, description="how long it must have stood there")
    after_s: Seconds = Field(15.0, description="how long it must be gone")

    @property
    def needed_classes(self) -> list[str]:
        """Objects and those who may hide them."""
        return [*self.classes, *self.hider_classes]


class SpeedConfig(_RuleConfig):
    """An object is faster over the ground than allowed."""

    kind: Literal["speed"]
    classes: list[str] = Field(default_factory=lambda: ["car", "motorcycle", "bus", "truck"], description="whose speed is measured")
    zone: Name | None = Field(None, description=_ZONE)
    limit_kmh: float = Field(gt=0, le=500, description="the speed that is still fine, km/h")


class TailgatingConfig(_RuleConfig):
    """Somebody crosses a line right behind somebody else."""

    kind: Literal["tailgating"]
    line: Name = Field(description=_LINE)
    direction: Literal["a_to_b", "b_to_a", "both"] = Field("both", description="which way counts")
    within_s: Seconds = Field(2.0, description="who comes so soon after the one before is a tailgater")


class AbsenceConfig(_RuleConfig):
    """Nobody is at a post."""

    kind: Literal["absence"]
    zone: Name | None = Field(None, description=_ZONE)
    after_s: Seconds = Field(60.0, description="how long nobody may be there")
    present_s: Seconds = Field(2.0, description="who is there for so long is back; a shorter sight is nobody")


class DwellConfig(_RuleConfig):
    """How long each visit to a zone lasted: a measurement, no alarm."""

    kind: Literal["dwell"]
    severity: Severity = Field(Severity.INFO, description="how much its events matter")
    zone: Name | None = Field(None, description=_ZONE)
    least_s: Seconds = Field(1.0, description="shorter visits are not told")


class CombinedConfig(_RuleConfig):
    """Other rules of the camera find something together."""

    kind: Literal["combined"]
    of: list[Name] = Field(description="the ids of two or more other rules")
    how: Literal["all", "any", "sequence"] = Field("all", description="all of them, any of them, or one after the other as they are named")
    within_s: Seconds = Field(30.0, description="so much time may lie between them")

    @property
    def needed_classes(self) -> list[str]:
        """None: its parts look, not it."""
        return []

    @field_validator("of")
    @classmethod
    def _names_several(cls, value: list[str]) -> list[str]:
        if len(value) < 2:
            raise ValueError(f"expected the ids of at least two rules, got {len(value)}")
        twice = next((name for name in value if value.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"the rule {twice!r} is named twice; name each rule once")
        return value


KNOWN_ITEMS: dict[str, dict[str, Any]] = {
    "hardhat": {"present": ["hardhat", "helmet"], "absent": ["bare_head", "no_hardhat", "no_helmet"], "part": "head"},
    "vest": {"present": ["safety_vest", "vest"], "absent": ["no_safety_vest", "no_vest"], "part": "torso"},
    "mask": {"present": ["face_mask", "mask"], "absent": ["no_face_mask", "no_mask"], "part": "head"},
}
"""What an item's name alone stands for; names that a model does not have are left out."""


class RequiredItemConfig(Config):
    """Something that people must wear, and the classes that say whether they do."""

    item: Name
    present: list[str] = Field(min_length=1, description="class names that show it is worn")
    absent: list[str] = Field(default_factory=list, description="class names that show it is not worn; none: absence is inferred")
    part: BodyPart = Field("body", description="where on the person it is: head, torso, or anywhere on the body")
    least_height_px: float = Field(
        32.0, ge=1, le=4096, allow_inf_nan=False, description="how large the body part must be for absence to be inferred"
    )

    @model_validator(mode="before")
    @classmethod
    def _known_by_name(cls, value: Any) -> Any:
        """`hardhat` alone, or with some settings, has the classes and part that the name stands for."""
        if isinstance(value, str):
            if value not in KNOWN_ITEMS:
                known = ", ".join(KNOWN_ITEMS)
                raise ValueError(f"no item is known as {value!r}; expected one of: {known}, or settings: {{item: {value}, present: [...]}}")
            value = {"item": value}
        if isinstance(value, dict) and isinstance(value.get("item"), str) and value["item"] in KNOWN_ITEMS:
            return (
                {**KNOWN_ITEMS[value["item"]], **value} if "present" not in value else {"part": KNOWN_ITEMS[value["item"]]["part"], **value}
            )
        return value


class ComplianceConfig(_RuleConfig):
    """Somebody does not wear what is required."""

    kind: Literal["compliance"]
    zone: Name | None = Field(None, description=_ZONE)
    required: list[RequiredItemConfig] = Field(min_length=1, max_length=16, description="what must be worn, such as [hardhat, vest]")
    grace_s: Seconds = Field(5.0, description="time to put it on, from when the person is seen in the zone")
    window_s: float = Field(4.0, ge=0.5, le=600, allow_inf_nan=False, description="how far back votes count")
    share: float = Field(0.7, gt=0.5, le=1, description="of the votes' weight, what decides")

    @field_validator("required")
    @classmethod
    def _each_once(cls, value: list[RequiredItemConfig]) -> list[RequiredItemConfig]:
        names = [one.item for one in value]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"the item {twice!r} is named twice")
        return value

    @property
    def named_classes(self) -> list[str]:
        """The people; of an item it is enough that the model has one of its names."""
        return self.classes

    @property
    def needed_classes(self) -> list[str]:
        """People, and everything that shows what they wear or not."""
        return [*self.classes, *(name for one in self.required for name in (*one.present, *one.absent))]


class _PostureConfig(_RuleConfig):
    """What rules about how somebody stands or lies have in common; the camera needs `pose`."""

    zone: Name | None = Field(None, description=_ZONE)


class HandsUpConfig(_PostureConfig):
    """Somebody holds both hands up."""

    kind: Literal["hands_up"]
    after_s: Seconds = Field(1.0, description="for how long before it counts")


class LyingConfig(_PostureConfig):
    """Somebody lies on the ground."""

    kind: Literal["lying"]
    after_s: Seconds = Field(5.0, description="for how long before it counts")


class FallConfig(_PostureConfig):
    """Somebody stood, and lies a moment later."""

    kind: Literal["fall"]
    within_s: Seconds = Field(3.0, gt=0, le=30, description="from standing to lying takes no longer than this")
    after_s: Seconds = Field(2.0, description="for how long they lie before it counts")


class WavingConfig(_PostureConfig):
    """Somebody waves with a raised hand."""

    kind: Literal["waving"]
    swings: int = Field(4, ge=2, le=40, description="how often the hand goes to one side or the other")
    window_s: Seconds = Field(4.0, gt=0.5, le=30, description="within which time")


POSTURE_KINDS = ("hands_up", "lying", "fall", "waving")
"""Rules that need to know where people's joints are."""


class IdentityConfig(_RuleConfig):
    """Somebody is who they are, or is nobody known; the camera needs `faces`."""

    kind: Literal["identity"]
    zone: Name | None = Field(None, description=_ZONE)
    who: Literal["known", "unknown", "listed", "unlisted", "spoof"] = Field(
        description="who matters: known people, faces that resemble nobody known, people on one of `lists`, all who are on none of them, "
        "or faces that are no living ones"
    )
    lists: list[Name] = Field(default_factory=list, max_length=32, description="lists of known people, for `listed` and `unlisted`")
    grace_s: Seconds = Field(0.0, description="for how long somebody must be in the zone before it counts")
    least_looks: int = Field(3, ge=1, le=100, description="so many looks at the face must agree")
    share: float = Field(0.6, gt=0.5, le=1, description="of the looks' weight, what decides")

    @model_validator(mode="after")
    def _fits_its_lists(self) -> Self:
        if self.who in ("listed", "unlisted") and not self.lists:
            raise ValueError(f"`who: {self.who}` needs `lists`, such as lists: [staff]")
        if self.who not in ("listed", "unlisted") and self.lists:
            raise ValueError(f"`lists` says nothing with `who: {self.who}`; choose listed or unlisted, or leave it out")
        twice = next((name for name in self.lists if self.lists.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"the list {twice!r} is named twice")
        return self


COVERING = "x-covering"
"""Marks settings that name classes of the camera's model for maps."""


class AreaConfig(_RuleConfig):
    """More, or less, of a zone is covered by something than allowed; the camera needs `maps`."""

    kind: Literal["area"]
    zone: Name | None = Field(None, description=_ZONE)
    classes: list[str] = Field(
        description="what covers it: classes of the model for maps, added up; `not background` is everything else",
        json_schema_extra={COVERING: True},
    )
    above: float | None = Field(None, ge=0, lt=1, description="more than this share of the zone is wrong, 0..1")
    below: float | None = Field(None, gt=0, le=1, description="less than this share of the zone is wrong, 0..1")
    after_s: Seconds = Field(20.0, description="how long the share must be off before it counts")
    end_after_s: Seconds = Field(15.0, description="how long the share must be fine again before the event ends")

    @property
    def needed_classes(self) -> list[str]:
        """None: nobody need be followed for it."""
        return []

    @model_validator(mode="after")
    def _has_one_limit(self) -> Self:
        if (self.above is None) == (self.below is None):
            raise ValueError(
                f"expected either above or below, a share of the zone in 0..1, got {'both' if self.above is not None else 'neither'}"
            )
        if self.leave_out:
            raise ValueError("expected no leave_out: of an area nothing can be left out; draw the zone without it")
        return self


class GestureConfig(_RuleConfig):
    """Somebody makes a sign with a hand."""

    kind: Literal["gesture"]
    zone: Name | None = Field(None, description=_ZONE)
    signs: list[str] = Field(default_factory=list, max_length=64, description="the signs that count, as the camera's classifier calls them")
    sequence: list[str] = Field(default_factory=list, max_length=8, description="or signs that count when they follow each other")
    after_s: Seconds = Field(1.0, le=60, description="for how long a sign is held before it counts")
    within_s: Seconds = Field(8.0, gt=0, le=60, description="a sequence takes no longer than this")
    share: float = Field(0.7, gt=0.5, le=1, description="of the looks at the person, what must show the sign")

    @model_validator(mode="after")
    def _asks_for_one(self) -> Self:
        if bool(self.signs) == bool(self.sequence):
            raise ValueError(f"expected either signs or a sequence, got {'both' if self.signs else 'neither'}")
        if len(self.sequence) == 1:
            raise ValueError("expected a sequence of at least two signs; one sign alone goes into signs")
        twice = next((one for one, other in pairwise(self.sequence) if one.strip().casefold() == other.strip().casefold()), None)
        if twice is not None:
            raise ValueError(f"the sequence has {twice!r} twice in a row, which looks like one; put another sign between")
        return self

    @property
    def named_signs(self) -> list[str]:
        """All signs that it asks for."""
        return list(dict.fromkeys([*self.signs, *self.sequence]))


class ClimbingConfig(_RuleConfig):
    """Somebody's feet leave the ground and stay off it."""

    kind: Literal["climbing"]
    zone: Name | None = Field(None, description="where they stood before: a zone of each camera; none means the whole picture")
    rise: float = Field(0.4, ge=0.2, le=5, allow_inf_nan=False, description="how far their feet come up, in their own heights")
    within_s: Seconds = Field(15.0, ge=2, le=120, description="so long ago, at most, they stood on the ground")
    after_s: Seconds = Field(1.0, le=60, description="for how long they are off it before it counts")


class PluginRuleConfig(_RuleConfig):
    """A rule whose kind a plug-in brings. Its own settings are kept as they are, as attributes; the plug-in checks them."""

    model_config = ConfigDict(extra="allow")

    kind: str
    zone: Name | None = Field(None, description=_ZONE)
    line: Name | None = Field(None, description=_LINE)


RULE_KINDS = Kinds(
    "panops.rules",
    (
        "intrusion",
        "line_crossing",
        "loitering",
        "occupancy",
        "direction",
        "crowding",
        "object_left",
        "object_removed",
        "speed",
        "tailgating",
        "absence",
        "dwell",
        "combined",
        "compliance",
        *POSTURE_KINDS,
        "climbing",
        "gesture",
        "identity",
        "area",
    ),
    PluginRuleConfig,
)
RuleConfig = Annotated[
    IntrusionConfig
    | LineCrossingConfig
    | LoiteringConfig
    | OccupancyConfig
    | DirectionConfig
    | CrowdingConfig
    | ObjectLeftConfig
    | ObjectRemovedConfig
    | SpeedConfig
    | TailgatingConfig
    | AbsenceConfig
    | DwellConfig
    | CombinedConfig
    | ComplianceConfig
    | HandsUpConfig
    | LyingConfig
    | FallConfig
    | WavingConfig
    | ClimbingConfig
    | GestureConfig
    | IdentityConfig
    | AreaConfig,
    Field(discriminator="kind"),
    SerializeAsAny(),
    RULE_KINDS.validator,
]
