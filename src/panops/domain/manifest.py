"""What is known of a model: enough to check, run and judge it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class SourceKind(StrEnum):
    """Where a model's file comes from."""

    BUILTIN = "builtin"
    WHEEL = "wheel"
    URL = "url"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class ModelSource:
    """Where to get the file.

    Attributes:
        kind: Built in, wheel member, URL or local file.
        location: A path, a URL, or for a wheel `name==version`.
        member: The file's path inside the wheel; empty otherwise.
        tags: Extra pip options that name the wheel's own tags; empty otherwise.
    """

    kind: SourceKind
    location: str
    member: str = ""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ModelManifest:
    """A model's passport.

    Attributes:
        name: The name used in the site file and the API.
        task: `detection`, `faces`, `pose`, `hands`, `segmentation`, `classification`; `reid` for how alike
            people look; `part` for one that only serves others.
        head: Which decoder reads the outputs: `yolox`, `ssd` ...
        version: Free text, compared for equality only.
        licence: SPDX identifier of the weights.
        source: Where the file comes from.
        file_name: The file's name inside the model's folder.
        sha256: Hex digest that the file must have.
        input_size_wh: Width and height of the input, px.
        classes: Class names; the index is the `class_id`.
        preprocessing: How pictures become the input: `channels` (`rgb`, `bgr`), `layout` (`nchw`, `nhwc`), `scale`, `mean`, `letterbox`,
            `dtype` ...
        accuracy: Measured figures, for example `{"coco-val2017 AP": 0.258}`.
        not_for: What it is not good for, in one sentence.
        credit: Whom to credit.
        needs: The models that this one works with, by what they do for it: `{"detector": "palm_detection"}`.
    """

    name: str
    task: str
    head: str
    version: str
    licence: str
    source: ModelSource
    file_name: str
    sha256: str
    input_size_wh: tuple[int, int]
    classes: tuple[str, ...]
    preprocessing: Mapping[str, Any] = field(default_factory=dict)
    accuracy: Mapping[str, float] = field(default_factory=dict)
    not_for: str = ""
    credit: str = ""
    needs: Mapping[str, str] = field(default_factory=dict)
