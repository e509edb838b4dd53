"""A prepared data set, which gives test images and training patches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from deblurbench.data.cache import DATA_VERSION, CachedImage, PixelCache
from deblurbench.data.degradation import Degradation
from deblurbench.data.table import TRAIN, PairEntry
from deblurbench.data.test_images import TestImage, blur_test_image
from deblurbench.data.tones import with_other_tones
from deblurbench.files import digest
from deblurbench.images.cropping import center_crop, window
from deblurbench.images.photo import Pixels

REGISTERED, SYNTHETIC, FILES = "registered", "synthetic", "files"


@dataclass(frozen=True, slots=True)
class Item:
    """An entry of the table with its decoded sides, None for a side that it does not have.

    `blur` is the kind and the spread in pixels of the blur in a file, where a manifest records them.
    """

    entry: PairEntry
    sharp: CachedImage | None
    blurred: CachedImage | None
    blur: tuple[str, float] | None = None


@dataclass(frozen=True, eq=False, slots=True)
class PreparedDataset:
    """A data set that `PairedDataset.prepare` has decoded; it does not change, and can be pickled for other processes.

    `pairs` is "registered", "synthetic" (blurred by us, by `degradation`) or "files" (as they came). `problems` name what
    was left out, `notes` are remarks for readers of the scores. Validation and test images are center-cropped to `test_crop`
    pixels a side; nothing is resampled. A training patch is the most detailed of some random ones, since many photographs have
    soft backgrounds, which teach little; of how many is drawn from 1 to `patch_candidates`, so that soft ones are trained on,
    too. One that is blurred by us is reduced first, by a factor drawn from [1, `patch_reduction`], since most photographs are
    soft at their full size, given other tones (`patch_tones`), and made grey with the probability `patch_grey`.
    """

    name: str
    pairs: str
    splits: Mapping[str, tuple[Item, ...]]  # by key within each
    cache: PixelCache
    degradation: Degradation | None
    test_crop: int | None
    patch_candidates: int
    patch_reduction: float
    patch_tones: float
    patch_grey: float
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
        """The sharp image of `item` as it is tested, (H, W, 3), where it has one; nothing is blurred for it."""
        return None if item.sharp is None else self._cropped(self.cache.pixels(item.sharp))

    def test_image(self, item: Item) -> TestImage:
        """The image of `item` to test or validate on."""
        entry, sharp = item.entry, self.sharp(item)
        if sharp is not None and self.degradation is not None:
            assert item.sharp is not None  # as its pixels are there
            drawn = blur_test_image(self.cache, self.degradation, entry.key, item.sharp, sharp, test_crop=self.test_crop)
            return TestImage(entry.key, entry.group, drawn.pixels, sharp, drawn.kernel, drawn.kind, drawn.spread)
        assert item.blurred is not None  # prepared items that we do not blur have their blurred file
        kind, spread = item.blur or (None, None)
        return TestImage(entry.key, entry.group, self._cropped(self.cache.pixels(item.blurred)), sharp, None, kind, spread)

    def patch(self, item: Item, size: int, random: np.random.Generator) -> tuple[Pixels, Pixels]:
        """A random `size` x `size` training pair of `item`, flipped and transposed at random; all drawn from `random`."""
        assert item.sharp is not None  # only the split "shown" has none
        sharp = self.cache.pixels(item.sharp)
        factor = random.uniform(1, self.patch_reduction) if self.patch_reduction > 1 and self.degradation is not None else 1.0
        cut = round(factor * size)
        candidates = int(random.integers(1, self.patch_candidates, endpoint=True)) if self.patch_candidates > 1 else 1
        places = [_random_place(sharp, cut, random) for _ in range(candidates)]
        top, left = places[0] if len(places) == 1 else max(places, key=lambda place: _detail(sharp, cut, *place))
        if self.degradation is not None:
            drawn = self.degradation.blur.draw(random)
            margin = drawn.radius  # the light that blur brings in from beyond the patch
            beyond = round(factor * margin)
            around = window(sharp, top - beyond, left - beyond, cut + 2 * beyond, cut + 2 * beyond)
            if factor > 1:
                around = cv2.resize(around, (size + 2 * margin, size + 2 * margin), interpolation=cv2.INTER_AREA)
            if self.patch_tones:
                around = with_other_tones(around, self.patch_tones, random)
            if self.patch_grey and random.uniform() < self.patch_grey:
                around = np.repeat(cv2.cvtColor(around, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
            pair = (self.degradation.camera.photograph(around, drawn, random), around[margin:, margin:][:size, :size])
        else:
            assert item.blurred is not None
            pair = (window(self.cache.pixels(item.blurred), top, left, size, size), window(sharp, top, left, size, size))
        flips = random.integers(0, 2, size=3)
        return _flip(pair[0], flips), _flip(pair[1], flips)

    @property
    def is_uint8(self) -> bool:
        """Whether all training images have 8 bits a channel."""
        return all(image.dtype == "uint8" for image in self._images(TRAIN))

    @property
    def decodes_on_demand(self) -> bool:
        """Whether some training images are not in the cache and are decoded on demand."""
        return any(not image.on_disk for image in self._images(TRAIN))

    @property
    def uncached(self) -> tuple[int, int]:
        """The number of images that are not in the cache, and of all."""
        images = [image for split in self.splits for image in self._images(split)]
        return sum(not image.on_disk for image in images), len(images)

    def exceeds(self, size: int) -> bool:
        """Whether some training image is larger than a patch of `size` x `size`."""
        return any(max(image.shape[:2]) > size for image in self._images(TRAIN))

    def _images(self, split: str) -> Iterator[CachedImage]:
        return (image for item in self.splits[split] for image in (item.sharp, item.blurred) if image)

    def _cropped(self, pixels: Pixels) -> Pixels:
        if self.test_crop is None:
            return pixels
        return pixels[center_crop(pixels.shape[0], self.test_crop), center_crop(pixels.shape[1], self.test_crop)]


def _random_place(pixels: Pixels, size: int, random: np.random.Generator) -> tuple[int, int]:
    """The top and left of a random `size` x `size` patch."""
    top, left = (int(random.integers(0, max(side - size, 0) + 1)) for side in pixels.shape[:2])
    return top, left


def _detail(pixels: Pixels, size: int, top: int, left: int) -> float:
    """The mean absolute vertical difference of a patch in its green channel, of every second column."""
    green = pixels[top : top + size, left : left + size : 2, 1].astype(np.float32)
    return float(np.abs(np.diff(green, axis=0)).mean()) if green.shape[0] > 1 else 0.0


def _flip(patch: Pixels, flips: np.ndarray) -> Pixels:
    """Flip a square patch vertically and horizontally and transpose it, as `flips` says; OpenCV does so faster than numpy."""
    if flips[0] or flips[1]:
        patch = cv2.flip(patch, -1 if flips[0] and flips[1] else 0 if flips[0] else 1)
    return cv2.transpose(patch) if flips[2] else patch
