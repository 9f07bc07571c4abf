"""Pictures of a classifier's training as tensors: decoded once, changed by chance each time they are shown.

What chance decides depends on seed, epoch and picture only, so a training that was stopped goes on with the very pictures it would
have had.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from panops.domain.class_pictures import ClassPicture, ClassSet
from panops.domain.errors import SourceCorrupt
from panops.training.classifier_recipe import ClassAugmentConfig

Image = NDArray[np.uint8]
# Larger pictures are kept at this size: more is never seen.
_ROOM = 1.5
PAD = 128
# So much of the pictures stays decoded in memory; the rest is decoded again each time.
_MOST_BYTES = 2 * 1024**3


class PictureShelf:
    """The pictures of a set, each decoded once as far as 2 GiB go; what goes beyond is decoded whenever it is asked for.

    Args:
        dataset: Which.
        input_px: The network's input; pictures are kept at one and a half times that size at most.
    """

    def __init__(self, dataset: ClassSet, input_px: int) -> None:
        self.dataset = dataset
        self.input_px = input_px
        self._images: dict[int, Image] = {}
        self._bytes = 0

    def __len__(self) -> int:
        """How many."""
        return len(self.dataset)

    def class_ids(self) -> NDArray[np.int64]:
        """(N,) int64."""
        return np.array([picture.class_id for picture in self.dataset.pictures], np.int64)

    def image(self, index: int) -> Image:
        """A picture (H, W, 3) uint8 RGB.

        Raises:
            SourceCorrupt: It cannot be decoded any more.
        """
        image = self._images.get(index)
        if image is None:
            image = _decoded(self.dataset.pictures[index], int(self.input_px * _ROOM))
            if self._bytes + image.nbytes <= _MOST_BYTES:
                self._images[index] = image
                self._bytes += image.nbytes
        return image

    def plain(self, index: int) -> Image:
        """A picture as cameras show it to the network: scaled to fit, in the middle of grey; (P, P, 3) uint8."""
        return _placed(self.image(index), self.input_px, 0.0, 1.0, (0.0, 0.0))


def _decoded(picture: ClassPicture, most_px: int) -> Image:
    image = cv2.imread(str(picture.path), cv2.IMREAD_COLOR)
    if image is None:
        raise SourceCorrupt(f"{picture.path}: expected a picture, but it is missing or cannot be decoded")
    longest = max(image.shape[:2])
    if longest > most_px:
        height, width = (max(1, round(side * most_px / longest)) for side in image.shape[:2])
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(image[..., ::-1], np.uint8)


def _placed(image: Image, side: int, angle_deg: float, zoom: float, shift: tuple[float, float], *, mirrored: bool = False) -> Image:
    """A picture turned, scaled and moved on a grey square of `side` px; at 0, 1 and (0, 0) it just fits."""
    height, width = image.shape[:2]
    scale = side / max(height, width) * zoom
    turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle_deg, scale)
    turn[:, 2] += (side - 1) / 2 - np.array([(width - 1) / 2, (height - 1) / 2]) + np.array(shift) * side
    if mirrored:
        turn = turn @ np.array([[-1.0, 0.0, width - 1.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    return np.asarray(cv2.warpAffine(image, turn, (side, side), flags=cv2.INTER_LINEAR, borderValue=(PAD, PAD, PAD)), np.uint8)


def augmented(image: Image, side: int, how: ClassAugmentConfig, chance: np.random.Generator, *, plain: bool = False) -> Image:
    """A picture (H, W, 3) uint8 as it is learnt, (side, side, 3) uint8.

    Args:
        image: RGB.
        side: The network's input, px.
        how: Chances and ranges.
        chance: Decides.
        plain: Without erase.
    """
    angle = chance.uniform(-how.rotation_deg, how.rotation_deg)
    zoom = float(np.exp(chance.uniform(*np.log(how.zoom))))
    shift = (chance.uniform(-how.shift, how.shift), chance.uniform(-how.shift, how.shift))
    made = _placed(image, side, angle, zoom, shift, mirrored=chance.random() < how.flip)
    if how.colour:
        made = _coloured(made, how.colour, chance)
    if chance.random() < how.blur:
        made = np.asarray(cv2.GaussianBlur(made, (0, 0), chance.uniform(0.5, 1.5) * side / 128), np.uint8)
    if not plain and chance.random() < how.erase:
        _erase(made, chance)
    return made


def _coloured(image: Image, strength: float, chance: np.random.Generator) -> Image:
    """Brightness, contrast, saturation and the light's colour, each by up to `strength`."""
    values = image.astype(np.float32)
    grey = values.mean(2, keepdims=True)
    values = grey + (values - grey) * (1 + strength * chance.uniform(-1, 1))
    middle = float(values.mean())
    values = middle + (values - middle) * (1 + strength * chance.uniform(-1, 1))
    light = 1 + strength * chance.uniform(-1, 1) + 0.3 * strength * chance.uniform(-1, 1, 3)
    return np.asarray(np.clip(values * light, 0, 255), np.uint8)


def _erase(image: Image, chance: np.random.Generator) -> None:
    """Paint a rectangle of 2 to 15 % over with one colour, in place."""
    side = image.shape[0]
    area = chance.uniform(0.02, 0.15) * side * side
    ratio = float(np.exp(chance.uniform(np.log(0.4), np.log(2.5))))
    height, width = min(side, max(1, round((area * ratio) ** 0.5))), min(side, max(1, round((area / ratio) ** 0.5)))
    top, left = int(chance.integers(0, side - height + 1)), int(chance.integers(0, side - width + 1))
    image[top : top + height, left : left + width] = chance.integers(0, 256, 3)


def as_tensor(images: Sequence[Image]) -> Tensor:
    """Pictures (P, P, 3) uint8 as a batch (B, 3, P, P) float32, pixels 0 to 255, channels last in memory."""
    stacked = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2)
    return stacked.to(torch.float32, memory_format=torch.channels_last)


class EpochBatches:
    """The batches of one epoch, each made in a thread while the one before is learnt.

    Args:
        shelf: The pictures.
        how: How they are changed.
        batch: Pictures a step.
        seed: Of the training.
        epoch: Which; another epoch has another order and other changes.
        plain: Without erase.
    """

    def __init__(self, shelf: PictureShelf, how: ClassAugmentConfig, batch: int, seed: int, epoch: int, *, plain: bool = False) -> None:
        self._shelf, self._how, self._plain = shelf, how, plain
        self._seed, self._epoch, self._batch = seed, epoch, batch
        self._order = np.random.default_rng((seed, 1, epoch)).permutation(len(shelf))
        self._ids = shelf.class_ids()

    def __len__(self) -> int:
        """How many batches."""
        return max(1, len(self._order) // self._batch)

    def from_batch(self, first: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Pictures (B, 3, P, P) float32 and class ids (B,) int64, from a batch on."""
        with ThreadPoolExecutor(1, "panops-samples") as maker:
            waiting = maker.submit(self._made, first) if first < len(self) else None
            for index in range(first, len(self)):
                assert waiting is not None  # noqa: S101  # there is a batch left
                ready = waiting.result()
                waiting = maker.submit(self._made, index + 1) if index + 1 < len(self) else None
                yield ready

    def _made(self, index: int) -> tuple[Tensor, Tensor]:
        chosen = self._order[index * self._batch : (index + 1) * self._batch]
        images = []
        for picture in chosen:
            chance = np.random.default_rng((self._seed, 2, self._epoch, int(picture)))
            images.append(augmented(self._shelf.image(int(picture)), self._shelf.input_px, self._how, chance, plain=self._plain))
        return as_tensor(images), torch.from_numpy(self._ids[chosen])
