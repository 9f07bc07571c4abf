"""What the parts of a site file are made of: names, shares of a picture, durations, spans of the week, secrets."""

from __future__ import annotations

import math
from datetime import time
from importlib.metadata import entry_points
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainSerializer, SecretStr, SerializationInfo

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$"
Name = Annotated[str, Field(pattern=NAME_PATTERN, description="letters, digits, `_` and `-`, at most 63, beginning with a letter or digit")]


def _relative(value: float) -> float:
    if not math.isfinite(value) or not 0.0 <= value <= 1.0:
        raise ValueError(f"expected a number from 0 to 1 (a share of the picture's width or height), got {value}")
    return value


Relative = Annotated[float, AfterValidator(_relative)]
Point = tuple[Relative, Relative]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Seconds = Annotated[float, Field(ge=0, le=86400, allow_inf_nan=False)]

WITH_SECRETS = {"secrets": True}
"""The context of `model_dump` in which secrets are written out: for the database, never for people."""


def _secret_text(value: SecretStr, info: SerializationInfo) -> str:
    context: Any = info.context
    return value.get_secret_value() if context == WITH_SECRETS else str(value)


Secret = Annotated[SecretStr, PlainSerializer(_secret_text, return_type=str, when_used="json")]


class Config(BaseModel):
    """Unknown keys are mistakes, not extras; values do not change after checking."""

    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="strings")


class ScheduleConfig(Config):
    """A span of the week, in the site's local time. One whose end is before its start runs over midnight."""

    days: list[Weekday] = Field(default_factory=lambda: list(get_args(Weekday)))
    start: time = time(0, 0)
    end: time = time(0, 0)


def plugin_names(group: str) -> list[str]:
    """What plug-ins add to an entry-point group; config looks at their names only and imports nothing."""
    return sorted({point.name for point in entry_points(group=group)})
