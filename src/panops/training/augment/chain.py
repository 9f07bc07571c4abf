"""The whole way from pictures of a data set to one training sample. Every choice comes from one generator, so a step can be repeated."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from panops.domain.labels import DetectionSet
from panops.training.augment.colour import vary_colour, vary_contrast
from panops.training.augment.geometry import PAD, random_view
from panops.training.augment.mosaic import mix_up, mosaic
from panops.training.augment.weather import add_noise, blur, codec_artefacts, make_night, rain
from panops.training.pictures import PictureCache
from panops.training.recipe import AugmentConfig
from panops.training.sample import Sample, sample_of

Draw = Callable[[np.random.Generator], int]


class AugmentChain:
    """Makes samples.

    Args:
        dataset: The pictures' labels, in the recipe's classes.
        cache: The pictures themselves.
        config: Chances and ranges.
    """

    def __init__(self, dataset: DetectionSet, cache: PictureCache, config: AugmentConfig) -> None:
        self._dataset = dataset
        self._cache = cache
        self._config = config

    def sample(self, rng: np.random.Generator, first: int, draw: Draw, size_px: int, *, plain: bool) -> Sample:
        """One sample (size_px, size_px).

        Args:
            rng: The chance of this sample.
            first: Index of the picture it is about.
            draw: Gives the index of a further picture for mosaic and mix-up.
            size_px: Its side.
            plain: Without mosaic and mix-up.
        """
        sample = self._composed(rng, first, draw, size_px, plain=plain)
        if not plain and rng.random() < self._config.mix_up:
            sample = mix_up(rng, sample, self._composed(rng, draw(rng), draw, size_px, plain=True))
        self._look(rng, sample)
        return sample

    def _composed(self, rng: np.random.Generator, first: int, draw: Draw, size_px: int, *, plain: bool) -> Sample:
        size_wh = (size_px, size_px)
        wanted = rng.random() < self._config.mosaic
        if wanted and not plain and not self._dataset.pictures[first].mosaic:
            others = [self._plain_index(rng, draw) for _ in range(3)]
            return mosaic(rng, [self._load(index) for index in [first, *others]], size_wh, self._config.mosaic_zoom, flip=self._config.flip)
        zoom = self._config.source_zoom.get(self._dataset.pictures[first].source, self._config.zoom)
        return random_view(rng, self._load(first), size_wh, zoom, flip=self._config.flip)

    def _plain_index(self, rng: np.random.Generator, draw: Draw) -> int:
        """A picture that is no mosaic itself; after a few misses any."""
        for _ in range(8):
            index = draw(rng)
            if not self._dataset.pictures[index].mosaic:
                return index
        return index

    def _load(self, index: int) -> Sample:
        picture = self._dataset.pictures[index]
        image = self._cache.get(index)
        if image is None:
            # Nothing is known of a picture that cannot be read: a grey one whose classes are all unlabelled.
            image = np.full((64, 64, 3), PAD, np.uint8)
            nothing = np.zeros((0, 4), np.float32)
            unknown = Sample(image, nothing, np.zeros(0, np.int64), nothing, np.zeros(0, np.int64))
            blank = sample_of(picture, image, self._dataset.classes)
            unknown.regions = [type(region)(region.xyxy, np.zeros_like(region.labelled)) for region in blank.regions]
            return unknown
        return sample_of(picture, image, self._dataset.classes)

    def _look(self, rng: np.random.Generator, sample: Sample) -> None:
        """What light, lens, weather and codec do; boxes stay where they are."""
        config = self._config
        image = sample.image
        if config.colour:
            image = vary_colour(rng, image, config.colour)
        if config.contrast:
            image = vary_contrast(rng, image, config.contrast)
        for chance, change in (
            (config.night, make_night),
            (config.rain, rain),
            (config.blur, blur),
            (config.noise, add_noise),
            (config.codec, codec_artefacts),
        ):
            if chance and rng.random() < chance:
                image = change(rng, image)
        sample.image = image
