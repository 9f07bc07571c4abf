"""When a camera that sees nothing, or something else than before, is told; every field is described in `docs/camera-health.md`."""

from __future__ import annotations

from datetime import date

from pydantic import Field, field_validator

from panops.config.fields import Config, Seconds


class HealthConfig(Config):
    """What is told of the camera itself. A time of 0 switches one off."""

    enabled: bool = Field(True, description="off: nothing is told of the camera itself, and nothing is learnt of its view")
    blind_s: Seconds = Field(30.0, description="no pictures for so long is told; 0: never")
    covered_s: Seconds = Field(10.0, description="a covered lens is told after so long; 0: never")
    covered_when_dark: bool = Field(True, description="off: a black picture is no covered lens (a room whose light is switched off)")
    moved_s: Seconds = Field(20.0, description="a view that has shifted or turned is told after so long; 0: never")
    relearn_s: Seconds = Field(1800.0, description="a moved view that stays for so long is the view from then on; 0: never")
    focus_s: Seconds = Field(60.0, description="a picture that has lost its sharpness is told after so long; 0: never")
    drift: bool = Field(True, description="count what the camera sees from day to day, and tell when it is not what it was")
    reference_days: int = Field(7, ge=1, le=90, description="so many days are what the camera is compared with")
    reference_from: str = Field("", description="its first day, such as 2026-11-29 (UTC); empty: the first that was counted")
    frozen: bool = Field(True, description="tell of a frozen picture, too; see frozen_s")

    @field_validator("reference_from")
    @classmethod
    def _is_a_day(cls, value: str) -> str:
        try:
            return value and date.fromisoformat(value).isoformat()
        except ValueError as error:
            raise ValueError("expected a day such as 2026-11-29") from error
