"""Hours of a bad day: cameras come and go all the time, and what the product holds must not grow."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from panops.bench.belongings import Belongings, read_belongings, slope_per_h
from panops.bench.churn import Churn
from panops.bench.film_shelf import Film
from panops.bench.measure import LoadSettings
from panops.bench.offer import Offer
from panops.bench.product import Product
from panops.bench.site import site_of
from panops.domain.errors import PanopsError

Told = Callable[[str], None]

_SAMPLE_EVERY_S = 5.0
# How long all cameras may take to be live again after the last trouble, s: the longest pause between two tries, and a start.
_BACK_S = 75.0
_LIVE_S, _LIVE_EACH_S = 60.0, 1.0
# Of connections and files a few more or fewer are open at any moment; more than so many more than before is a leak.
MORE_THREADS, MORE_FILES = 8, 16
MOST_MIB_PER_H = 1.0
# In a shorter time than this, s, an hour's growth cannot be told from the coming and going of pictures and clips; only a leap is.
_LONG_ENOUGH_S = 1500.0
_MOST_MIB_AT_ONCE = 64.0


@dataclass(frozen=True)
class SoakTally:
    """What came of it.

    Attributes:
        samples: What was held, every few seconds, from the first moment at which all cameras were live.
        seconds: How long it went on, s.
        warm_s: Samples before this are the warm-up, s.
        churned: How often what was done.
        back: Cameras that were live in the end.
        cameras: How many there are.
        restarts: Processes of the product that ended unexpectedly.
        first: What was held before the churn began, with all cameras live.
        last: What was held at the end, with all cameras live again.
    """

    samples: Sequence[Belongings]
    seconds: float
    warm_s: float
    churned: Mapping[str, int]
    back: int
    cameras: int
    restarts: int
    first: Belongings
    last: Belongings

    @property
    def is_long_enough(self) -> bool:
        """Whether the memory's growth an hour can be told."""
        return self.seconds >= _LONG_ENOUGH_S

    @cached_property
    def mib_per_h(self) -> float:
        """How fast the memory of all processes grows after the warm-up, MiB an hour."""
        warm = [sample for sample in self.samples if sample.at_s >= self.warm_s]
        return slope_per_h([sample.at_s for sample in warm], [sample.all_mib for sample in warm])

    @property
    def faults(self) -> list[str]:
        """What is wrong, in words; empty for nothing."""
        said = []
        if self.restarts:
            said.append(f"{self.restarts} processes ended unexpectedly")
        if self.back < self.cameras:
            said.append(f"{self.cameras - self.back} of {self.cameras} cameras did not come back")
        if not self.is_long_enough and self.last.all_mib > self.first.all_mib + _MOST_MIB_AT_ONCE:
            said.append(f"memory grew by {self.last.all_mib - self.first.all_mib:.0f} MiB")
        if self.is_long_enough and self.mib_per_h > MOST_MIB_PER_H:
            said.append(f"memory grows by {self.mib_per_h:.1f} MiB an hour; at most {MOST_MIB_PER_H:g} is fine")
        if self.last.threads > self.first.threads + MORE_THREADS:
            said.append(f"{self.last.threads - self.first.threads} threads more than before")
        if self.last.files > self.first.files + MORE_FILES:
            said.append(f"{self.last.files - self.first.files} open files more than before")
        return said


def soak(
    settings: LoadSettings,
    films: Sequence[Film],
    every_s: float,
    seed: int = 0,
    told: Told = lambda _: None,
    *,
    models: Path | None = None,
    warm: float = 0.2,
) -> SoakTally:
    """Run the product for `settings.seconds`, and do something to a camera every `every_s`.

    Args:
        settings: The load; `warm_up_s` passes before the churn begins.
        films: What the cameras show, in turns.
        every_s: Time between two troubles, s.
        seed: Which of many bad days.
        told: Told what is being done.
        models: The folder of installed models; None for those that come along.
        warm: Share of the time that counts as warm-up for the memory's slope.

    Raises:
        PanopsError: The product or the load server did not start, ended, or refused a change; or not every camera became live.
    """
    count = settings.cameras
    with Offer(films, count, settings.source) as offer:
        site = site_of(offer, settings.shape.check_fps, settings.model, settings.sleep)
        told(f"{count} cameras: starting panops")
        with Product(site, models) as product:
            check_all_live(product.wait_until_live(count, _LIVE_S + _LIVE_EACH_S * count), count)
            time.sleep(settings.warm_up_s)
            first = _look(product, 0.0)
            churn = Churn(offer, product.api, site["cameras"], random.Random(seed))  # noqa: S311  # not for secrets
            samples = _churn(product, churn, settings.seconds, every_s, told)
            churn.restore_all()
            told("waiting until all cameras are back")
            back = product.wait_until_live(count, _BACK_S)
            time.sleep(settings.warm_up_s)
            last = _look(product, settings.seconds)
            restarts = product.scrape().restarts
    return SoakTally(samples, settings.seconds, warm * settings.seconds, churn.done, back, count, restarts, first, last)


def check_all_live(live: int, cameras: int) -> None:
    """See that a bad day begins with all cameras.

    Raises:
        PanopsError: Some are not live.
    """
    if live < cameras:
        raise PanopsError(f"only {live} of {cameras} cameras became live, so nothing can be told; try fewer, or see `panops bench cameras`")


def _churn(product: Product, churn: Churn, seconds: float, every_s: float, told: Told) -> list[Belongings]:
    began_s = time.monotonic()
    samples: list[Belongings] = []
    trouble_s = 0.0
    while (now_s := time.monotonic() - began_s) < seconds:
        if now_s >= trouble_s:
            trouble_s = now_s + every_s
            told(f"{(seconds - now_s) / 60:.1f} min left; {churn.step(now_s)}")
        if now_s >= _SAMPLE_EVERY_S * len(samples):
            samples.append(_look(product, now_s))
        time.sleep(0.25)
    return samples


def _look(product: Product, at_s: float) -> Belongings:
    live = sum(camera.up for camera in product.scrape().cameras.values())
    return read_belongings(at_s, product.pids(), live)
