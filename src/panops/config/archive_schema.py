"""Where recordings go when they leave their first disk; every field is described in `docs/recording.md`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from panops.config.fields import Config, Secret

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PREFIX = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")


class ArchiveConfig(Config):
    """A second place for recordings: a folder on another disk, or a bucket of an object store that speaks S3."""

    folder: str = Field("", description="an absolute folder on another disk; this, or a bucket")
    bucket: str = Field("", description="a bucket of an object store")
    endpoint: str = Field("", description="the object store's address, such as https://s3.example.org; empty: Amazon's, by the region")
    region: str = Field("us-east-1", pattern=r"^[A-Za-z0-9-]{1,40}$", description="the object store's region")
    prefix: str = Field("", max_length=200, description="what the names of objects begin with, so that one bucket can hold several sites")
    access_key: Secret = Field(SecretStr(""), description="the name of the key")
    secret_key: Secret = Field(SecretStr(""), description="the key")
    after_hours: float = Field(24.0, ge=0, le=876000, allow_inf_nan=False, description="recordings move when they are so old")
    days: float = Field(30.0, gt=0, le=36500, allow_inf_nan=False, description="older recordings go from there, too")
    motion_days: float = Field(0.0, ge=0, le=36500, allow_inf_nan=False, description="those with motion go later; 0: as all others")
    event_days: float = Field(0.0, ge=0, le=36500, allow_inf_nan=False, description="those with an event go later; 0: as all others")
    max_gib: float = Field(0.0, ge=0, allow_inf_nan=False, description="the most that they take there; 0: no limit")
    min_free_gib: float = Field(2.0, ge=0, allow_inf_nan=False, description="space that they leave free on the disk of `folder`")
    max_mbit_s: float = Field(0.0, ge=0, allow_inf_nan=False, description="they are sent no faster, Mbit/s; 0: as fast as it goes")

    @field_validator("folder")
    @classmethod
    def _is_absolute(cls, value: str) -> str:
        if value and not Path(value).is_absolute():
            raise ValueError(f"expected an absolute folder such as /mnt/archive/panops, got {value!r}")
        return value

    @field_validator("bucket")
    @classmethod
    def _is_a_bucket(cls, value: str) -> str:
        if value and not _BUCKET.fullmatch(value):
            raise ValueError(f"expected a bucket's name of 3 to 63 small letters, digits, `.` and `-`, got {value[:80]!r}")
        return value

    @field_validator("prefix")
    @classmethod
    def _is_a_prefix(cls, value: str) -> str:
        if value and not _PREFIX.fullmatch(value):
            raise ValueError(f"expected a prefix such as site-1/recordings, got {value[:80]!r}")
        return value

    @field_validator("endpoint")
    @classmethod
    def _is_http(cls, value: str) -> str:
        if not value:
            return value
        try:
            parts = urlsplit(value)
            good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
        except ValueError:
            good = False
        if not good or parts.username is not None or parts.query or parts.fragment:
            raise ValueError("expected an address such as https://s3.example.org, without a login; keys are `access_key` and `secret_key`")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _is_one_place(self) -> Self:
        if bool(self.folder) == bool(self.bucket):
            raise ValueError("expected either a `folder` or a `bucket`")
        keys = bool(self.access_key.get_secret_value()), bool(self.secret_key.get_secret_value())
        if self.bucket and keys != (True, True):
            raise ValueError("a bucket needs `access_key` and `secret_key`; ${VARIABLES} of the environment can hold them")
        if self.folder and (any(keys) or self.endpoint or self.prefix):
            raise ValueError("`endpoint`, `prefix`, `access_key` and `secret_key` belong to a bucket, not to a folder")
        return self
