"""One training picture on its way through augmentation, and a batch of them as tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from panops.domain.labels import LabelledPicture
from panops.training.network import STRIDES

ALL_CLASSES = -1
# Where a data set says so, their boxes enclose the riders.
TWO_WHEELERS = ("bicycle", "motorcycle")


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """A part of a picture whose labels have one meaning; a mosaic has four.

    Attributes:
        xyxy: (4,) float32, px.
        labelled: (C,) bool, which classes were annotated there.
    """

    xyxy: NDArray[np.float32]
    labelled: NDArray[np.bool_]


@dataclass(slots=True, eq=False)
class Sample:
    """A picture with its boxes. Augmentations make new samples or write into `image`, which a sample owns.

    Attributes:
        image: (H, W, 3) uint8, BGR.
        xyxy: (N, 4) float32, px.
        class_id: (N,) int64.
        ignored_xyxy: (M, 4) float32, px: places where `ignored_class` is unknown: crowds, riders, objects cut off by a crop.
        ignored_class: (M,) int64; `ALL_CLASSES` means every class.
        regions: What is labelled where. Outside of all regions is padding, where nothing is.
    """

    image: NDArray[np.uint8]
    xyxy: NDArray[np.float32]
    class_id: NDArray[np.int64]
    ignored_xyxy: NDArray[np.float32]
    ignored_class: NDArray[np.int64]
    regions: list[Region] = field(default_factory=list)


class TargetBatch(NamedTuple):
    """What a batch is trained against.

    Attributes:
        boxes: For each picture (N_i, 4) float32, px.
        class_ids: For each picture (N_i,) int64.
        known: (B, cells, C) bool: where the absence of a class is certain, so that its score may be pushed down.
    """

    boxes: list[Tensor]
    class_ids: list[Tensor]
    known: Tensor

    def to(self, device: torch.device) -> TargetBatch:
        """The same on another device."""
        return TargetBatch([box.to(device) for box in self.boxes], [ids.to(device) for ids in self.class_ids], self.known.to(device))


def sample_of(picture: LabelledPicture, image: NDArray[np.uint8], classes: Sequence[str]) -> Sample:
    """A picture's labels as a sample; crowds, and riders inside two-wheeler boxes, become ignored places."""
    ignored = picture.xyxy[picture.crowd]
    ignored_class = picture.class_id[picture.crowd]
    if picture.rider_in_box and "person" in classes:
        wheels = [index for index, name in enumerate(classes) if name in TWO_WHEELERS]
        rider = picture.xyxy[np.isin(picture.class_id, wheels) & ~picture.crowd]
        ignored = np.concatenate([ignored, rider])
        ignored_class = np.concatenate([ignored_class, np.full(len(rider), classes.index("person"), np.int64)])
    width, height = image.shape[1], image.shape[0]
    # The labels may have been made at another size than the file's.
    scale = np.array([width / picture.size_wh[0], height / picture.size_wh[1]] * 2, np.float32)
    one = ~picture.crowd
    return Sample(
        image=image,
        xyxy=picture.xyxy[one] * scale,
        class_id=picture.class_id[one].copy(),
        ignored_xyxy=ignored * scale,
        ignored_class=ignored_class,
        regions=[Region(np.array([0, 0, width, height], np.float32), picture.labelled)],
    )


def collate(samples: Sequence[Sample], class_count: int) -> tuple[Tensor, TargetBatch]:
    """Samples of one size to pictures (B, 3, H, W) uint8 and their targets."""
    height, width = samples[0].image.shape[:2]
    centres = cell_centres((width, height))
    pictures = torch.from_numpy(np.stack([sample.image for sample in samples]).transpose(0, 3, 1, 2))
    known = np.stack([_known(sample, centres, class_count) for sample in samples])
    targets = TargetBatch(
        [torch.from_numpy(sample.xyxy.astype(np.float32)) for sample in samples],
        [torch.from_numpy(sample.class_id) for sample in samples],
        torch.from_numpy(known),
    )
    return pictures, targets


def cell_centres(size_wh: tuple[int, int]) -> NDArray[np.float32]:
    """The centre of every cell (N, 2), px, strides 8, 16, 32 one after the other, each row by row."""
    parts = []
    for stride in STRIDES:
        y, x = np.mgrid[0 : size_wh[1] // stride, 0 : size_wh[0] // stride]
        parts.append((np.stack([x.ravel(), y.ravel()], axis=1) + 0.5) * stride)
    return np.concatenate(parts).astype(np.float32)


def _known(sample: Sample, centres: NDArray[np.float32], class_count: int) -> NDArray[np.bool_]:
    """(cells, C): padding is known to be empty, a region knows what was labelled there, ignored places know nothing of their class."""
    known = np.ones((len(centres), class_count), bool)
    for region in sample.regions:
        known[_inside(centres, region.xyxy)] = region.labelled
    for box, class_id in zip(sample.ignored_xyxy, sample.ignored_class, strict=True):
        cells = _inside(centres, box)
        if class_id == ALL_CLASSES:
            known[cells] = False
        else:
            known[cells, class_id] = False
    return known


def _inside(centres: NDArray[np.float32], box: NDArray[np.float32]) -> NDArray[np.bool_]:
    return np.asarray(((centres >= box[:2]) & (centres < box[2:])).all(axis=1), np.bool_)
