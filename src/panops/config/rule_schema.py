"""The rules' settings in the site file; every field here is described in `docs/rules.md`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, SerializeAsAny, field_validator

from panops.config.fields import Config, Name, ScheduleConfig, Seconds
from panops.config.kinds import Kinds
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
    cooldown_s: Seconds = Field(0.0, description="after an event ended, no new one of the same camera and zone begins for so long")
    silent: bool = Field(False, description="its events are neither stored nor told: it only serves combined rules")

    @property
    def needed_classes(self) -> list[str]:
        """The classes that must be followed for it; empty where it does not look at objects itself."""
        return self.classes

    @field_validator("classes")
    @classmethod
    def _names_a_class(cls, value: list[str]) -> list[str]:
        if not value:
            raise ValueError("expected at least one class name, such as person")
        return value


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


class PluginRuleConfig(_RuleConfig):
    """A rule whose kind a plug-in brings. Its own settings are kept as they are, as attributes; the plug-in checks them."""

    model_config = ConfigDict(extra="allow")

    kind: str
    zone: Name | None = None
    line: Name | None = None


RULE_KINDS = Kinds("panops.rules", ("intrusion", "line_crossing", "loitering", "occupancy"), PluginRuleConfig)
RuleConfig = Annotated[
    IntrusionConfig | LineCrossingConfig | LoiteringConfig | OccupancyConfig,
    Field(discriminator="kind"),
    SerializeAsAny(),
    RULE_KINDS.validator,
]
