"""The order of training images: a function of (seed, sample number) alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import groupby

import numpy as np

from deblurbench.randomness import generator

GROUP_SIZE = 64  # images whose samples are shuffled together
REPEATS = 4  # samples of each in a group, where images are larger than a patch: decoded on demand, one decoding serves all


class SampleOrder:
    """Each epoch permutes the `count` images into groups; in a group, `repeats` samples of each image are shuffled together.

    So neighbouring samples are of different images, and yet those of one image are close enough to be cropped from one
    decoding.
    """

    def __init__(self, count: int, seed: int, repeats: int = REPEATS) -> None:
        self._count, self._seed, self._repeats = count, seed, repeats

    def image(self, number: int) -> int:
        """The index of the image of sample `number`."""
        epoch, group, position = self._locate(number)
        images = _permutation(self._count, self._seed, "epoch", epoch)[group * GROUP_SIZE : (group + 1) * GROUP_SIZE]
        order = _permutation(len(images) * self._repeats, self._seed, "group", epoch, group)
        return int(images[order[position] % len(images)])

    def by_image(self, numbers: Iterable[int]) -> Iterator[list[int]]:
        """Yield ascending sample `numbers` in lists of one image each, group after group."""
        for _, together in groupby(numbers, key=lambda number: self._locate(number)[:2]):
            numbers_of: dict[int, list[int]] = {}
            for number in together:
                numbers_of.setdefault(self.image(number), []).append(number)
            yield from numbers_of.values()

    def _locate(self, number: int) -> tuple[int, int, int]:
        """(epoch, group in the epoch, position in the group) of sample `number`."""
        epoch, position = divmod(number, self._count * self._repeats)
        return epoch, *divmod(position, GROUP_SIZE * self._repeats)


@lru_cache(maxsize=8)
def _permutation(length: int, *key: int | str) -> np.ndarray:
    return generator(*key).permutation(length)
