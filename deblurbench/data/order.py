"""In which order a training sees the images: a function of (seed, sample number) alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import groupby

import numpy as np

from deblurbench.randomness import generator

GROUP = 64  # images between which the samples of a while are shuffled
VISITS = 4  # samples of each of them meanwhile: an image that must be decoded is decoded once for so many


class SampleOrder:
    """Every epoch takes the `count` images in a new order, group by group; each gives VISITS samples among its group's.

    So neighbouring samples are of different images, and yet those of one image are close enough to be cut from one decoding.
    """

    def __init__(self, count: int, seed: int) -> None:
        self._count, self._seed = count, seed

    def image(self, number: int) -> int:
        """The image of sample `number`."""
        epoch, group, place = self._locate(number)
        images = _permutation(self._count, self._seed, "epoch", epoch)[group * GROUP : (group + 1) * GROUP]
        order = _permutation(len(images) * VISITS, self._seed, "group", epoch, group)
        return int(images[order[place] % len(images)])

    def bundles(self, numbers: Iterable[int]) -> Iterator[list[int]]:
        """Rising sample `numbers` in lists of one image each, the groups one after another."""
        for _, together in groupby(numbers, key=lambda number: self._locate(number)[:2]):
            by_image: dict[int, list[int]] = {}
            for number in together:
                by_image.setdefault(self.image(number), []).append(number)
            yield from by_image.values()

    def _locate(self, number: int) -> tuple[int, int, int]:
        """Epoch, group in it and place in the group."""
        epoch, place = divmod(number, self._count * VISITS)
        return epoch, *divmod(place, GROUP * VISITS)


@lru_cache(maxsize=8)
def _permutation(length: int, *key: int | str) -> np.ndarray:
    return generator(*key).permutation(length)
