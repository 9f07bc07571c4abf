"""What of a camera's video is kept beside the clips of events; every field is described in `docs/recording.md`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from panops.config.archive_schema import ArchiveConfig
from panops.config.fields import Config, Seconds

RecordMode = Literal["off", "events", "motion", "continuous"]


class RecordConfig(Config):
    """What of one camera is recorded, and for how long. `record: motion` is short for `record: {mode: motion}`."""

    mode: RecordMode = Field("off", description="off, events, motion (what moved or was tracked), or continuous")
    days: float = Field(7.0, gt=0, le=36500, allow_inf_nan=False, description="older recordings go")
    motion_days: float = Field(0.0, ge=0, le=36500, allow_inf_nan=False, description="those with motion go later; 0: as all others")
    event_days: float = Field(0.0, ge=0, le=36500, allow_inf_nan=False, description="those with an event go later; 0: as all others")
    max_gib: float = Field(0.0, ge=0, allow_inf_nan=False, description="the most that they take; 0: no limit of their own")
    before_s: Seconds = Field(5.0, le=60, description="kept before motion or an event")
    after_s: Seconds = Field(5.0, le=600, description="kept after motion or an event")

    @model_validator(mode="before")
    @classmethod
    def _from_a_word(cls, value: Any) -> Any:
        return {"mode": value} if isinstance(value, str) else value


class RecordingConfig(Config):
    """Where recordings of all cameras lie, and how much they may take. What is protected is never deleted."""

    folder: str = Field("", description="an absolute folder, on a disk of its own perhaps; empty: recordings in the home folder")
    max_gib: float = Field(0.0, ge=0, allow_inf_nan=False, description="the most that all recordings take; 0: as much as the disk has")
    min_free_gib: float = Field(2.0, ge=0, allow_inf_nan=False, description="space that recordings leave free on their disk")
    segment_s: Seconds = Field(60.0, ge=5, le=600, description="length of one file")
    archive: ArchiveConfig | None = Field(None, description="a second place, to which older recordings move")

    @field_validator("folder")
    @classmethod
    def _is_absolute(cls, value: str) -> str:
        if value and not Path(value).is_absolute():
            raise ValueError(f"expected an absolute folder such as /mnt/video/panops, got {value!r}")
        return value

    @model_validator(mode="after")
    def _has_two_places(self) -> Self:
        if self.archive is not None and self.folder and self.archive.folder:
            first, second = Path(self.folder), Path(self.archive.folder)
            if first.is_relative_to(second) or second.is_relative_to(first):
                raise ValueError("`archive.folder` and `folder` must not lie in one another")
        return self
