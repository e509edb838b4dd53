"""A data set that is ready: its table checked and decoded, and whole pairs or training patches of it on demand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from deblurbench.blur.camera import Camera, blur_whole
from deblurbench.blur.kernels import Blur, Kernel, spread
from deblurbench.data.alignment.notes import misalignment, misalignment_note, registration_note
from deblurbench.data.alignment.registered_pairs import registered_pair
from deblurbench.data.cache import DATA_VERSION, PixelCache, Stored, unequal_sides
from deblurbench.data.layouts.base import Layout
from deblurbench.data.manifests import Manifests
from deblurbench.data.parallel import in_threads
from deblurbench.data.table import SHOWN, SPLITS, TEST, TRAIN, VALIDATION, Entry, evenly
from deblurbench.errors import UnreadableImage, UsageError
from deblurbench.files import digest
from deblurbench.images.cropping import middle, window
from deblurbench.images.photo import Pixels
from deblurbench.randomness import generator
from deblurbench.registry import BLURS, CAMERAS, LAYOUTS, BlurSpec, CameraSpec, LayoutSpec, PositiveInt

PAIRS_MEASURED = 5  # of a data set, to learn whether its sides are aligned
BLUR_OF_SEPARATE = "mixed"  # of sharp photographs whose twins are separate exposures
SHOWN_OF_SEPARATE = 3


@dataclass(frozen=True, slots=True)
class Item:
    """An entry of the table with its decoded sides, None for a side that it does not have."""

    entry: Entry
    sharp: Stored | None
    blurred: Stored | None


class PairedImages:
    """Pairs of blurred and sharp images of one data set, from files or blurred on the fly.

    `blur` is needed where sharp photographs have no blurred twin, and takes the place of the twin where they have one.
    `test_crop` cuts validation and test images to their middle, at most so many pixels a side; nothing is resampled.
    Every file is decoded into `cache` first; what cannot be used is named in `problems`, or raised with `strict`.
    Pairs from files whose sides turn out to be separate exposures, not aligned, are not used as they are: the sharp side is
    blurred by us instead. With `register` true they are registered, with false used as they are. `notes` say what people must
    know of the numbers.
    """

    def __init__(
        self,
        name: str,
        layout: Layout,
        cache: PixelCache,
        *,
        blur: Blur | None = None,
        camera: Camera | None = None,
        test_crop: int | None = None,
        register: bool | None = None,
        strict: bool = False,
    ) -> None:
        self.name = name
        self._cache, self._blur, self._camera, self._test_crop = cache, blur, camera or Camera(), test_crop
        table = layout.table()
        self._entries = table.separate if register and table.separate else table.entries
        self.problems, self.notes, self._strict, self._register = list(table.problems), list[str](), strict, register
        self._items: dict[str, list[Item]] = {}
        self._displacements: list[float] = []
        self._manifests = Manifests()
        has_twins = all(entry.blurred is not None for entry in self._entries)
        if register and (blur is not None or not has_twins):
            raise UsageError(
                f"datasets.{name}.register: only pairs from files can be registered; leave it out, or leave out blur"
            )
        if blur is None and not has_twins:
            raise UsageError(f"datasets.{name}.blur: these photographs have no blurred twins; say how to blur them")

    def prepare(self, *, show_progress: bool = False) -> None:
        """Decode every file, on all cores, and sort out what cannot be used. Raises UsageError where a split has nothing."""
        items: dict[str, list[Item]] = {split: [] for split in (*SPLITS, SHOWN)}
        for found in in_threads(self._decoded, self._entries, doing=f"reading {self.name}", show_progress=show_progress):
            if isinstance(found, Item):
                items[found.entry.split].append(found)
            else:
                self.problems.append(found)
        self.problems += _leave_out_what_is_tested(items)
        self._items = items
        if self._register:
            self.notes.append(registration_note(self._displacements))
        elif self._blur is None and (apart := misalignment(self._sample())):
            if self._register is None:
                self._blur_sharp_sides()
            self.notes.append(misalignment_note(apart, used=self._register is False))
        if self._strict and self.problems:
            raise UsageError(f"datasets.{self.name}: {self.problems[0]} ({len(self.problems)} such problems, strict: true)")
        for split in SPLITS:
            if not items[split]:
                why = f"; {len(self.problems)} were left out, the first: {self.problems[0]}" if self.problems else ""
                raise UsageError(f"datasets.{self.name}: no usable {split} images{why}")
        self._items = {split: sorted(found, key=lambda item: item.entry.key) for split, found in items.items()}

    @property
    def pairs(self) -> str:
        """What its pairs are: "registered", "synthetic" (blurred by us) or "files" (as they came)."""
        return "registered" if self._register else "files" if self._blur is None else "synthetic"

    @property
    def fingerprint(self) -> str:
        """A hash of everything in the data that can change a result: keys, splits and the content of every file."""
        rows = [
            [item.entry.key, split, item.entry.group, item.sharp and item.sharp.content, item.blurred and item.blurred.content]
            for split, items in sorted(self._items.items())
            for item in items
        ]
        return digest([DATA_VERSION, rows])

    def items(self, split: str) -> list[Item]:
        """The usable items of a split, by key."""
        return self._items[split]

    def sharp(self, item: Item) -> Pixels | None:
        """The whole (or `test_crop`ped) sharp image of `item`, (H, W, 3), where it has one; nothing is blurred for it."""
        return None if item.sharp is None else self._middle(self._cache.pixels(item.sharp))

    def whole(self, item: Item) -> tuple[Pixels, Pixels | None]:
        """The whole (or `test_crop`ped) blurred image of `item`, and the sharp one where it has one, (H, W, 3)."""
        sharp = self.sharp(item)
        if sharp is not None and self._blur is not None:
            return blur_whole(sharp, self._blur, self._camera, self._evaluation(item))[0], sharp
        assert item.blurred is not None  # prepared items without a blur have their blurred file
        return self._middle(self._cache.pixels(item.blurred)), sharp

    def kernel(self, item: Item) -> Kernel | None:
        """The true kernel of the blurred image that `whole` gives; None where we did not blur it."""
        if item.sharp is None or self._blur is None:
            return None
        return self._blur.kernel(self._evaluation(item))  # the first that `blur_whole` draws

    def blur_of(self, item: Item) -> tuple[str, float] | None:
        """The kind of the blur that `whole` gives, and its spread in pixels; None where nobody knows it."""
        if item.sharp is None:
            return None
        if self._blur is None:
            return self._manifests.blur_of(item.entry.blurred) if isinstance(item.entry.blurred, Path) else None
        drawn = self._blur.draw(self._evaluation(item))
        return str(drawn.facts["kind"]), spread(drawn.kernel)

    def patch(self, item: Item, size: int, random: np.random.Generator) -> tuple[Pixels, Pixels]:
        """A random `size` x `size` training pair of `item`, flipped and turned at random; all drawn from `random`."""
        assert item.sharp is not None  # only the split "shown" has none
        sharp = self._cache.pixels(item.sharp)
        top, left = (int(random.integers(0, max(side - size, 0) + 1)) for side in sharp.shape[:2])
        if self._blur is not None:
            margin = self._blur.radius  # the light that blur brings in from beyond the patch
            around = window(sharp, top - margin, left - margin, size + 2 * margin, size + 2 * margin)
            pair = (self._camera.photograph(around, self._blur.kernel(random), random), around[margin:, margin:][:size, :size])
        else:
            assert item.blurred is not None
            pair = (window(self._cache.pixels(item.blurred), top, left, size, size), window(sharp, top, left, size, size))
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
        stored = [stored for split in self._items for stored in self._stored(split)]
        return sum(not one.on_disk for one in stored), len(stored)

    def are_larger_than(self, size: int) -> bool:
        """Whether a patch of `size` x `size` is only a part of some training image."""
        return any(max(stored.shape[:2]) > size for stored in self._stored(TRAIN))

    def _stored(self, split: str) -> Iterator[Stored]:
        return (stored for item in self._items[split] for stored in (item.sharp, item.blurred) if stored)

    def _decoded(self, entry: Entry) -> Item | str:
        """The entry with its sides, or what is wrong with it."""
        use_twin = self._blur is None or entry.sharp is None
        try:
            sharp = None if entry.sharp is None else self._cache.add(entry.sharp)
            blurred = None if entry.blurred is None or not use_twin else self._cache.add(entry.blurred)
        except UnreadableImage as error:
            return str(error)
        if sharp and blurred and (problem := unequal_sides(entry, (blurred, sharp))):
            return problem
        if self._register:
            assert sharp is not None  # `__init__` has seen that both sides are there
            assert blurred is not None
            try:
                pair = registered_pair(self._cache, blurred, sharp)
            except UnreadableImage as error:
                return str(error)
            self._displacements.append(pair.displacement)
            sharp, blurred = pair.sharp, pair.blurred
        return Item(entry, sharp, blurred)

    def _sample(self) -> Iterator[tuple[Pixels, Pixels]]:
        """A few pairs from files, evenly spaced, (blurred, sharp)."""
        items = [item for split in SPLITS for item in self._items[split]]
        for item in evenly(items, PAIRS_MEASURED):
            assert item.sharp is not None  # SPLITS have both sides where nothing is blurred by us
            assert item.blurred is not None
            yield self._cache.pixels(item.blurred), self._cache.pixels(item.sharp)

    def _blur_sharp_sides(self) -> None:
        """Take the place of pairs that are none; a few of the really blurred test images are shown."""
        self._blur = BLURS.build(BLUR_OF_SEPARATE)
        for item in self._items[TEST][:SHOWN_OF_SEPARATE]:
            key = f"{item.entry.key}-as-photographed"
            entry = Entry(key, SHOWN, item.entry.group, blurred=item.entry.blurred)
            self._items[SHOWN].append(Item(entry, None, item.blurred))
        for split in SPLITS:
            self._items[split] = [Item(item.entry, item.sharp, None) for item in self._items[split]]

    def _evaluation(self, item: Item) -> np.random.Generator:
        """Keyed by the image alone: every model, seed and machine is judged on the same blurred image."""
        return generator("evaluation", item.entry.key)

    def _middle(self, pixels: Pixels) -> Pixels:
        if self._test_crop is None:
            return pixels
        return pixels[middle(pixels.shape[0], self._test_crop), middle(pixels.shape[1], self._test_crop)]


def open_dataset(
    name: str,
    cache: PixelCache,
    *,
    layout: LayoutSpec,
    blur: BlurSpec | None = None,
    camera: CameraSpec = "sensor",
    test_crop: PositiveInt | None = None,
    register: bool | None = None,
    strict: bool = False,
) -> PairedImages:
    """The data set that a `datasets` entry of an experiment describes; its keyword arguments are the entry's schema."""
    where = f"datasets.{name}"
    return PairedImages(
        name,
        LAYOUTS.build(layout, f"{where}.layout"),
        cache,
        blur=None if blur is None else BLURS.build(blur, f"{where}.blur"),
        camera=CAMERAS.build(camera, f"{where}.camera"),
        test_crop=test_crop,
        register=register,
        strict=strict,
    )


def _leave_out_what_is_tested(items: dict[str, list[Item]]) -> Iterator[str]:
    """Remove from `items` the pictures that a later split holds too: train gives way to validation, both to test."""
    seen: dict[str, Item] = {}
    for split in (TEST, VALIDATION, TRAIN):
        kept = []
        for item in items[split]:
            sides = [side.look for side in (item.sharp, item.blurred) if side and side.look]
            twin = next((seen[content] for content in sides if content in seen and seen[content].entry.split != split), None)
            if twin is None:
                kept.append(item)
                seen.update((content, item) for content in sides)
            else:
                first, other = item.entry.files[0], twin.entry.files[0]
                yield f"{first}: holds the same picture as {other} of the {twin.entry.split} split; left out of {split}"
        items[split] = kept


def _turned(patch: Pixels, flips: np.ndarray) -> Pixels:
    """One of the eight turns and reflections of a square patch; OpenCV copies turned pixels ten times as fast as numpy."""
    if flips[0] or flips[1]:
        patch = cv2.flip(patch, -1 if flips[0] and flips[1] else 0 if flips[0] else 1)
    return cv2.transpose(patch) if flips[2] else patch
