"""Batches of random patches, each a function of (seed, sample number) alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from deblurbench.batch import Batch
from deblurbench.data.order import GROUP, VISITS, SampleOrder
from deblurbench.data.prepared import PreparedDataset
from deblurbench.data.table import TRAIN
from deblurbench.images.photo import Pixels
from deblurbench.randomness import generator

AHEAD = 2  # batches that each worker prepares while one is used

Sample = tuple[Pixels, Pixels]  # blurred and sharp, (size, size, 3)


class TrainingSamples(Dataset[Sample]):
    """Sample n of an endless training stream: image, crop, blur, noise and turns all derive from (seed, n)."""

    def __init__(self, images: PreparedDataset, order: SampleOrder, *, crop_size: int, seed: int) -> None:
        self._images, self._items, self._order = images, images.items(TRAIN), order
        self._crop_size, self._seed = crop_size, seed

    def __getitem__(self, number: int) -> Sample:
        item = self._items[self._order.image(number)]
        return self._images.patch(item, self._crop_size, generator(self._seed, "sample", number))

    def __getitems__(self, numbers: list[int]) -> list[Sample]:
        return [self[number] for number in numbers]


def batches(
    images: PreparedDataset,
    *,
    crop_size: int,
    batch_size: int,
    seed: int,
    first: int,
    steps: int,
    device: torch.device,
    workers: int = 0,
    rank: int = 0,
    ranks: int = 1,
) -> Iterator[Batch]:
    """This rank's share of `steps` batches of the samples from `first` on; the shares together are what one rank would get."""
    share = batch_size // ranks
    order = SampleOrder(len(images.items(TRAIN)), seed, VISITS if images.are_larger_than(crop_size) else 1)
    numbers = _Numbers(range(first + rank * share, first + steps * batch_size, batch_size), share)
    samples = TrainingSamples(images, order, crop_size=crop_size, seed=seed)
    # Bytes travel, floats are made where they are used; photographs of 16 bits become float32 at once.
    dtype = torch.uint8 if images.are_bytes else torch.float32
    shape = (2, share, crop_size, crop_size, 3)
    if images.decodes_on_demand:
        slots = torch.empty(1, *shape, dtype=dtype)
        bundles = _loader(samples, _Bundles(order, numbers), workers, ahead=-(-GROUP // max(workers, 1)))
        filled: Iterable[int] = _in_one_slot(slots[0], _gathered(bundles, numbers, order))
    else:
        # Batches lie in memory that all workers share: making and sending some for each would take longer than filling it.
        # While one is used, `workers * AHEAD` others may be written.
        slots = torch.empty(workers * AHEAD + 1, *shape, dtype=dtype).share_memory_()
        filled = _loader(_InPlace(samples, slots, batch_size), numbers, workers, ahead=AHEAD)
    for slot in filled:
        yield _to_batch(slots[slot], device)


class _InPlace(Dataset[int]):
    """Writes the samples of a step into a slot of shared memory, and says into which."""

    def __init__(self, samples: TrainingSamples, slots: Tensor, batch_size: int) -> None:
        self._samples, self._slots, self._batch_size = samples, slots, batch_size

    def __getitems__(self, numbers: list[int]) -> int:
        slot = numbers[0] // self._batch_size % len(self._slots)
        _fill(self._slots[slot], (self._samples[number] for number in numbers))
        return slot


class _Numbers:
    """`share` numbers from each of `starts` on, made anew at each iteration: a list of all would grow with the training."""

    def __init__(self, starts: range, share: int) -> None:
        self._starts, self._share = starts, share

    def __iter__(self) -> Iterator[list[int]]:
        for start in self._starts:
            yield list(range(start, start + self._share))


class _Bundles:
    """The same numbers, those of one image of a group together."""

    def __init__(self, order: SampleOrder, numbers: _Numbers) -> None:
        self._order, self._numbers = order, numbers

    def __iter__(self) -> Iterator[list[int]]:
        return self._order.bundles(number for batch in self._numbers for number in batch)


def _loader(samples: Dataset[Any], lists: _Numbers | _Bundles, workers: int, *, ahead: int) -> DataLoader[Any]:
    """What `samples` gives for each of `lists`; every worker prepares `ahead` of them meanwhile."""
    if workers:
        _single_threaded()  # before the fork: a worker that inherits OpenCV's pool waits for threads that it has not
    return DataLoader(
        samples,
        batch_sampler=lists,
        num_workers=workers,
        prefetch_factor=ahead if workers else None,
        collate_fn=_as_it_is,
        worker_init_fn=_single_threaded,
    )


def _gathered(bundles: Iterable[list[Sample]], numbers: _Numbers, order: SampleOrder) -> Iterator[list[Sample]]:
    """Batches from bundles: at most about two groups' samples wait here."""
    ready: dict[int, Sample] = {}
    arriving = zip(bundles, _Bundles(order, numbers), strict=True)
    for batch in numbers:
        while not all(number in ready for number in batch):
            found, their_numbers = next(arriving)
            ready.update(zip(their_numbers, found, strict=True))
        yield [ready.pop(number) for number in batch]


def _in_one_slot(slot: Tensor, gathered: Iterable[list[Sample]]) -> Iterator[int]:
    for samples in gathered:
        _fill(slot, samples)
        yield 0


def _fill(slot: Tensor, samples: Iterable[Sample]) -> None:
    """Write `samples` into `slot` (2, B, H, W, 3), blurred before sharp."""
    places = slot.numpy()
    for place, sample in enumerate(samples):
        for side, image in enumerate(sample):
            as_float = slot.dtype == torch.float32
            places[side, place] = image.astype(np.float32) / np.iinfo(image.dtype).max if as_float else image


def _to_batch(slot: Tensor, device: torch.device) -> Batch:
    """(2, B, H, W, 3) -> twice (B, 3, H, W) float32, channels last; `slot` may then be written to again."""
    if device.type == "cpu":
        # numpy asks the system for large pages: of small ones, this much memory would take longer to get than to fill.
        floats = torch.from_numpy(np.empty(slot.shape, np.float32)).copy_(slot)
    else:
        floats = slot.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else slot.to(device)
        floats = floats.to(torch.float32)
    if slot.dtype == torch.uint8:
        floats.div_(255)
    return Batch(*floats.permute(0, 1, 4, 2, 3))


def _as_it_is(found: Any) -> Any:
    return found


def _single_threaded(_: int = 0) -> None:
    cv2.setNumThreads(1)
