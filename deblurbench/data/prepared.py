"""A data set that is ready: whole images or training patches of it on demand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from deblurbench.data.cache import DATA_VERSION, PixelCache, Stored
from deblurbench.data.degradation import Degradation
from deblurbench.data.table import TRAIN, Entry
from deblurbench.data.test_images import TestImage, blur_test_image
from deblurbench.files import digest
from deblurbench.images.cropping import center_crop, window
from deblurbench.images.photo import Pixels

REGISTERED, SYNTHETIC, FILES = "registered", "synthetic", "files"


@dataclass(frozen=True, slots=True)
class Item:
    """An entry of the table with its decoded sides, None for a side that it does not have.

    `blur` is the kind and the spread in pixels of the blur in a file, where a manifest tells them.
    """

    entry: Entry
    sharp: Stored | None
    blurred: Stored | None
    blur: tuple[str, float] | None = None


@dataclass(frozen=True, eq=False, slots=True)
class PreparedDataset:
    """A data set, decoded and sorted out by `PairedDataset.prepare`; it does not change, and can be handed to other processes.

    `pairs` is "registered", "synthetic" (blurred by us, by `degradation`) or "files" (as they came). `problems` name what
    was left out, `notes` say what people must know of the numbers. Validation and test images are cut to their central
    `test_crop` pixels a side at most; nothing is resampled.
    """

    name: str
    pairs: str
    splits: Mapping[str, tuple[Item, ...]]  # by key within each
    cache: PixelCache
    degradation: Degradation | None
    test_crop: int | None
    problems: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def fingerprint(self) -> str:
        """A hash of everything in the data that can change a result: keys, splits and the content of every file."""
        rows = [
            [
                item.entry.key,
                split,
                item.entry.group,
                item.sharp and item.sharp.file_digest,
                item.blurred and item.blurred.file_digest,
            ]
            for split, items in sorted(self.splits.items())
            for item in items
        ]
        return digest([DATA_VERSION, rows])

    def items(self, split: str) -> tuple[Item, ...]:
        """The usable items of a split, by key."""
        return self.splits[split]

    def sharp(self, item: Item) -> Pixels | None:
        """The whole (or `test_crop`ped) sharp image of `item`, (H, W, 3), where it has one; nothing is blurred for it."""
        return None if item.sharp is None else self._cropped(self.cache.pixels(item.sharp))

    def test_image(self, item: Item) -> TestImage:
        """The whole (or `test_crop`ped) image of `item` to test or validate on."""
        entry, sharp = item.entry, self.sharp(item)
        if sharp is not None and self.degradation is not None:
            assert item.sharp is not None  # as its pixels are there
            drawn = blur_test_image(self.cache, self.degradation, entry.key, item.sharp, sharp, test_crop=self.test_crop)
            return TestImage(entry.key, entry.group, drawn.pixels, sharp, drawn.kernel, drawn.kind, drawn.spread)
        assert item.blurred is not None  # prepared items that we do not blur have their blurred file
        kind, spread = item.blur or (None, None)
        return TestImage(entry.key, entry.group, self._cropped(self.cache.pixels(item.blurred)), sharp, None, kind, spread)

    def patch(self, item: Item, size: int, random: np.random.Generator) -> tuple[Pixels, Pixels]:
        """A random `size` x `size` training pair of `item`, flipped and turned at random; all drawn from `random`."""
        assert item.sharp is not None  # only the split "shown" has none
        sharp = self.cache.pixels(item.sharp)
        top, left = (int(random.integers(0, max(side - size, 0) + 1)) for side in sharp.shape[:2])
        if self.degradation is not None:
            blur, camera = self.degradation.blur, self.degradation.camera
            margin = blur.radius  # the light that blur brings in from beyond the patch
            around = window(sharp, top - margin, left - margin, size + 2 * margin, size + 2 * margin)
            pair = (camera.photograph(around, blur.kernel(random), random), around[margin:, margin:][:size, :size])
        else:
            assert item.blurred is not None
            pair = (window(self.cache.pixels(item.blurred), top, left, size, size), window(sharp, top, left, size, size))
        flips = random.integers(0, 2, size=3)
        return _turned(pair[0], flips), _turned(pair[1], flips)

    @property
    def are_bytes(self) -> bool:
        """Whether all training images have 8 bits a channel."""
        return all(stored.dtype == "uint8" for stored in self._stored(TRAIN))

    @property
    def decodes_on_demand(self) -> bool:
        """Whether some training images do not lie in the cache and are decoded whenever they are needed."""
        return any(not stored.on_disk for stored in self._stored(TRAIN))

    @property
    def on_demand(self) -> tuple[int, int]:
        """How many of its images do not lie in the cache, and how many there are."""
        stored = [stored for split in self.splits for stored in self._stored(split)]
        return sum(not one.on_disk for one in stored), len(stored)

    def are_larger_than(self, size: int) -> bool:
        """Whether a patch of `size` x `size` is only a part of some training image."""
        return any(max(stored.shape[:2]) > size for stored in self._stored(TRAIN))

    def _stored(self, split: str) -> Iterator[Stored]:
        return (stored for item in self.splits[split] for stored in (item.sharp, item.blurred) if stored)

    def _cropped(self, pixels: Pixels) -> Pixels:
        if self.test_crop is None:
            return pixels
        return pixels[center_crop(pixels.shape[0], self.test_crop), center_crop(pixels.shape[1], self.test_crop)]


def _turned(patch: Pixels, flips: np.ndarray) -> Pixels:
    """One of the eight turns and reflections of a square patch; OpenCV copies turned pixels ten times as fast as numpy."""
    if flips[0] or flips[1]:
        patch = cv2.flip(patch, -1 if flips[0] and flips[1] else 0 if flips[0] else 1)
    return cv2.transpose(patch) if flips[2] else patch
