"""The rules' settings in the site file; every field here is described in `docs/rules.md`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, SerializeAsAny, field_validator, model_validator

from panops.config.fields import Config, Name, ScheduleConfig, Seconds
from panops.config.kinds import Kinds
from panops.domain.body_parts import BodyPart
from panops.domain.events import Severity


class _RuleConfig(Config):
    """What all rules have in common."""

    id: Name
    cameras: list[Name] = Field(default_factory=list, description="the cameras it watches; empty means all")
    classes: list[str] = Field(default_factory=lambda: ["person"], description="class names of the camera's model")
    severity: Severity = Severity.ALARM
    schedule: list[ScheduleConfig] = Field(default_factory=list, description="empty means always")
    enabled: bool = True
    end_after_s: Seconds = Field(3.0, description="how long the condition must be over before the event ends")

    @field_validator("classes")
    @classmethod
    def _names_a_class(cls, value: list[str]) -> list[str]:
        if not value:
            raise ValueError("expected at least one class name, such as person")
        return value

    @property
    def followed(self) -> list[str]:
        """The names of all classes that the rule has to be told of: whom it watches, and what else it needs to see."""
        return self.classes


class IntrusionConfig(_RuleConfig):
    """Somebody is in a zone for longer than `after_s`."""

    kind: Literal["intrusion"]
    zone: Name | None = Field(None, description="a zone of each camera; none means the whole picture")
    after_s: Seconds = Field(1.0, description="dwell before it counts")


class LineCrossingConfig(_RuleConfig):
    """Somebody crosses a line."""

    kind: Literal["line_crossing"]
    line: Name
    direction: Literal["a_to_b", "b_to_a", "both"] = "both"


class LoiteringConfig(_RuleConfig):
    """One and the same object stays in a zone for longer than `after_s`."""

    kind: Literal["loitering"]
    zone: Name | None = None
    after_s: Seconds = Field(30.0, description="how long one object may stay")


class OccupancyConfig(_RuleConfig):
    """More (or fewer) objects in a zone than allowed."""

    kind: Literal["occupancy"]
    zone: Name | None = None
    limit: int = Field(ge=0, le=10000, description="the number that is still fine")
    when: Literal["above", "below"] = "above"
    after_s: Seconds = Field(2.0, description="how long the count must be off before it counts")


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
    zone: Name | None = Field(None, description="a zone of each camera; none means the whole picture")
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
    def followed(self) -> list[str]:
        """People, and everything that shows what they wear or not."""
        return [*self.classes, *(name for one in self.required for name in (*one.present, *one.absent))]


class PluginRuleConfig(_RuleConfig):
    """A rule whose kind a plug-in brings. Its own settings are kept as they are, as attributes; the plug-in checks them."""

    model_config = ConfigDict(extra="allow")

    kind: str
    zone: Name | None = None
    line: Name | None = None


RULE_KINDS = Kinds("panops.rules", ("intrusion", "line_crossing", "loitering", "occupancy", "compliance"), PluginRuleConfig)
RuleConfig = Annotated[
    IntrusionConfig | LineCrossingConfig | LoiteringConfig | OccupancyConfig | ComplianceConfig,
    Field(discriminator="kind"),
    SerializeAsAny(),
    RULE_KINDS.validator,
]
