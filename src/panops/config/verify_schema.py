"""How events are looked at before anybody is told; every field here is described in `docs/false-alarms.md`."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field, field_validator

from panops.config.fields import Config, Seconds, plugin_names

VERIFIER_GROUP = "panops.verifiers"

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class StepConfig(Config):
    """What all steps have in common."""

    enabled: bool = True


class PersistenceConfig(StepConfig):
    """The object was seen often enough since it came."""

    least_looks: int = Field(3, ge=1, le=100, description="it was seen at so many looks")
    least_share: Share = Field(0.5, description="and at this share of the looks since it was first seen")


class DisplacementConfig(StepConfig):
    """The object moved, or its place was empty before."""

    least: float = Field(0.25, ge=0, le=10, allow_inf_nan=False, description="so far, in longer sides of its box")
    new_share: Share = Field(0.5, description="who stands still passes where so much of the box differs from the empty scene")
    stay_s: Seconds = Field(3.0, description="once seen for so long")


class SizeConfig(StepConfig):
    """The object is about as tall as people (or cars) are at its place."""

    factor: float = Field(
        2.5, gt=1, le=20, allow_inf_nan=False, description="so many times taller or smaller than known ones is not believed"
    )


class BackgroundConfig(StepConfig):
    """What is in the box differs from the empty scene."""

    least_share: Share = Field(0.12, description="at least this share of the box differs")


class LightConfig(StepConfig):
    """The object did not come with a jump of the light or a shake of the camera, or it outlasts it."""

    outlast_s: Seconds = Field(2.5, description="what comes with such a jump is believed when it is there so long afterwards")


class StaticMemoryConfig(StepConfig):
    """Nothing of the kind was taken for an alarm in the very same place again and again."""

    times: int = Field(3, ge=1, le=1000, description="what never left its place is known after so many suppressed events there")


class SecondLookConfig(StepConfig):
    """A second look, at the enlarged part of the picture, finds the object too. Off unless wanted: worth it with a stronger model."""

    enabled: bool = False
    model: str = Field("", max_length=120, description="what looks again; the camera's own detector where it is empty")
    least_score: Share = Field(0.2, description="with at least this score")


class TimePriorConfig(StepConfig):
    """The rule was not wrong again and again at this time of the day."""

    least_reviews: int = Field(8, ge=1, le=1000, description="events of this rule at this hour that somebody judged")
    most_false: Share = Field(0.9, description="from this share of false ones on, an event must last longer to be believed")
    longer_s: Seconds = Field(3.0, description="by so much")


class FeedbackConfig(StepConfig):
    """It does not look like what somebody marked as a false alarm in the same place."""

    likeness: Share = Field(0.5, description="so alike is the same thing: 1 is the same picture, 0 has nothing in common")
    overlap: Share = Field(0.3, description="boxes that overlap by this are in the same place")


class PluginStepConfig(StepConfig):
    """A step that a plug-in brings. Its own settings are kept as they are, as attributes; the plug-in checks them."""

    model_config = ConfigDict(extra="allow")


class VerifyConfig(Config):
    """The chain: every event of a rule goes through these steps before anybody is told."""

    enabled: bool = Field(True, description="off: every event is told at once")
    hold_s: Seconds = Field(2.0, le=30, description="how long an event may be held back until every step is sure")
    persistence: PersistenceConfig = PersistenceConfig()
    displacement: DisplacementConfig = DisplacementConfig()
    size: SizeConfig = SizeConfig()
    background: BackgroundConfig = BackgroundConfig()
    light: LightConfig = LightConfig()
    static_memory: StaticMemoryConfig = StaticMemoryConfig()
    second_look: SecondLookConfig = SecondLookConfig()
    time_prior: TimePriorConfig = TimePriorConfig()
    feedback: FeedbackConfig = FeedbackConfig()
    plugins: dict[str, PluginStepConfig] = Field({}, description="steps that plug-ins bring, by name")

    @field_validator("plugins")
    @classmethod
    def _known(cls, value: dict[str, PluginStepConfig]) -> dict[str, PluginStepConfig]:
        known = plugin_names(VERIFIER_GROUP)
        for name in value:
            if name in cls.model_fields:
                raise ValueError(f"{name!r} is a built-in step: its settings stand beside `plugins`, not in it")
            if name not in known:
                has = f"installed are: {', '.join(known)}" if known else "none is installed"
                raise ValueError(f"no plug-in brings a step {name!r}; {has}")
        return value
