"""In which order a training sees the images: a function of (seed, sample number) alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import groupby

import numpy as np

from deblurbench.randomness import generator

GROUP = 64  # images between which the samples of a while are shuffled
VISITS = 4  # samples of each of them meanwhile, where images are larger than a patch: decoded on demand, each is so once


class SampleOrder:
    """Every epoch takes the `count` images in a new order, group by group; each gives `visits` samples among its group's.

    So neighbouring samples are of different images, and yet those of one image are close enough to be cut from one decoding.
    """

    def __init__(self, count: int, seed: int, visits: int = VISITS) -> None:
        self._count, self._seed, self._visits = count, seed, visits

    def image(self, number: int) -> int:
        """The image of sample `number`."""
        epoch, group, place = self._locate(number)
        images = _permutation(self._count, self._seed, "epoch", epoch)[group * GROUP : (group + 1) * GROUP]
        order = _permutation(len(images) * self._visits, self._seed, "group", epoch, group)
        return int(images[order[place] % len(images)])

    def by_image(self, numbers: Iterable[int]) -> Iterator[list[int]]:
        """Yield ascending sample `numbers` in lists of one image each, group after group."""
        for _, together in groupby(numbers, key=lambda number: self._locate(number)[:2]):
            numbers_of: dict[int, list[int]] = {}
            for number in together:
                numbers_of.setdefault(self.image(number), []).append(number)
            yield from numbers_of.values()

    def _locate(self, number: int) -> tuple[int, int, int]:
        """Epoch, group in it and place in the group."""
        epoch, place = divmod(number, self._count * self._visits)
        return epoch, *divmod(place, GROUP * self._visits)


@lru_cache(maxsize=8)
def _permutation(length: int, *key: int | str) -> np.ndarray:
    return generator(*key).permutation(length)
