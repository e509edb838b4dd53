"""Batches of random patches, each a function of (seed, sample number) alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from deblurbench.batch import Batch
from deblurbench.data.order import GROUP_SIZE, REPEATS, SampleOrder
from deblurbench.data.prepared import PreparedDataset
from deblurbench.data.table import TRAIN
from deblurbench.images.photo import Pixels
from deblurbench.randomness import generator

PREFETCH = 2  # batches that each worker prepares while one is used

Sample = tuple[Pixels, Pixels]  # blurred and sharp, (size, size, 3)


@dataclass(frozen=True, kw_only=True)
class BatchPlan:
    """Which samples one process trains on: its part of `steps` batches of `batch_size` patches, from `first_sample` on.

    Of each batch a process takes `batch_size / world_size` consecutive samples by its `rank`, so that all processes together
    train on what one alone would. `first_sample` is the number of samples that all of them have used before.
    """

    crop_size: int
    batch_size: int
    seed: int
    first_sample: int
    steps: int
    rank: int = 0
    world_size: int = 1

    @property
    def local_batch_size(self) -> int:
        """The samples of a batch that one process takes."""
        return self.batch_size // self.world_size

    def sample_numbers(self) -> Iterator[list[int]]:
        """The numbers of this process's samples, batch by batch."""
        first = self.first_sample + self.rank * self.local_batch_size
        for start in range(first, self.first_sample + self.steps * self.batch_size, self.batch_size):
            yield list(range(start, start + self.local_batch_size))


class TrainingSamples(Dataset[Sample]):
    """Sample n of an endless training stream: image, crop, blur, noise, flips and transposition all derive from (seed, n)."""

    def __init__(self, dataset: PreparedDataset, order: SampleOrder, plan: BatchPlan) -> None:
        self._dataset, self._items, self._order = dataset, dataset.items(TRAIN), order
        self._crop_size, self._seed = plan.crop_size, plan.seed

    def __getitem__(self, number: int) -> Sample:
        item = self._items[self._order.image(number)]
        return self._dataset.patch(item, self._crop_size, generator(self._seed, "sample", number))

    def __getitems__(self, numbers: list[int]) -> list[Sample]:
        return [self[number] for number in numbers]


def batches(dataset: PreparedDataset, plan: BatchPlan, *, device: torch.device, workers: int = 0) -> Iterator[Batch]:
    """Yield the batches of `plan` on `device`, prepared by so many worker processes (0: by this one)."""
    order = SampleOrder(len(dataset.items(TRAIN)), plan.seed, REPEATS if dataset.exceeds(plan.crop_size) else 1)
    samples = TrainingSamples(dataset, order, plan)
    # Workers send bytes, which become floats on the device; where there are photographs of 16 bits, float32 at once.
    dtype = torch.uint8 if dataset.is_uint8 else torch.float32
    shape = (2, plan.local_batch_size, plan.crop_size, plan.crop_size, 3)
    if dataset.decodes_on_demand:
        buffers = torch.empty(1, *shape, dtype=dtype)
        by_image = _data_loader(samples, _ByImage(plan, order), workers, prefetch=-(-GROUP_SIZE // max(workers, 1)))
        filled: Iterable[int] = _fill_one_buffer(buffers[0], _in_batches(by_image, plan, order))
    else:
        # Batches are in shared memory: allocating and sending one at a time takes longer than filling it.
        # While one is used, `workers * PREFETCH` others may be written.
        buffers = torch.empty(workers * PREFETCH + 1, *shape, dtype=dtype).share_memory_()
        filled = _data_loader(_SharedBuffers(samples, buffers, plan.batch_size), _ByBatch(plan), workers, prefetch=PREFETCH)
    for index in filled:
        yield _to_batch(buffers[index], device)


class _SharedBuffers(Dataset[int]):
    """Writes the samples of a step into one of `buffers` (N, 2, B, H, W, 3) in shared memory, and gives its index."""

    def __init__(self, samples: TrainingSamples, buffers: Tensor, batch_size: int) -> None:
        self._samples, self._buffers, self._batch_size = samples, buffers, batch_size

    def __getitems__(self, numbers: list[int]) -> int:
        index = numbers[0] // self._batch_size % len(self._buffers)
        _fill(self._buffers[index], (self._samples[number] for number in numbers))
        return index


class _ByBatch:
    """A batch sampler: the sample numbers of each batch, generated at each iteration since a list would grow with the steps."""

    def __init__(self, plan: BatchPlan) -> None:
        self._plan = plan

    def __iter__(self) -> Iterator[list[int]]:
        return self._plan.sample_numbers()


class _ByImage:
    """A batch sampler: the same numbers, those of one image in a group together, so that it is decoded once for them."""

    def __init__(self, plan: BatchPlan, order: SampleOrder) -> None:
        self._plan, self._order = plan, order

    def __iter__(self) -> Iterator[list[int]]:
        return self._order.by_image(number for batch in self._plan.sample_numbers() for number in batch)


def _data_loader(samples: Dataset[Any], sampler: _ByBatch | _ByImage, workers: int, *, prefetch: int) -> DataLoader[Any]:
    """A loader of `samples` by the lists of `sampler`, without collation; every worker prefetches so many of them."""
    if workers:
        _single_threaded()  # before the fork: a worker that inherits OpenCV's thread pool waits for threads that it lacks
    return DataLoader(
        samples,
        batch_sampler=sampler,
        num_workers=workers,
        prefetch_factor=prefetch if workers else None,
        collate_fn=_uncollated,
        worker_init_fn=_single_threaded,
    )


def _in_batches(by_image: Iterable[list[Sample]], plan: BatchPlan, order: SampleOrder) -> Iterator[list[Sample]]:
    """Put the samples of `_ByImage` back into batches; those of about two groups at most are held meanwhile."""
    ready: dict[int, Sample] = {}
    arriving = zip(by_image, _ByImage(plan, order), strict=True)
    for batch in plan.sample_numbers():
        while not all(number in ready for number in batch):
            found, their_numbers = next(arriving)
            ready.update(zip(their_numbers, found, strict=True))
        yield [ready.pop(number) for number in batch]


def _fill_one_buffer(buffer: Tensor, batches_of_samples: Iterable[list[Sample]]) -> Iterator[int]:
    for samples in batches_of_samples:
        _fill(buffer, samples)
        yield 0


def _fill(buffer: Tensor, samples: Iterable[Sample]) -> None:
    """Write `samples` into `buffer` (2, B, H, W, 3), blurred before sharp."""
    array = buffer.numpy()
    for index, sample in enumerate(samples):
        for side, image in enumerate(sample):
            as_float = buffer.dtype == torch.float32
            array[side, index] = image.astype(np.float32) / np.iinfo(image.dtype).max if as_float else image  # (H, W, 3)


def _to_batch(buffer: Tensor, device: torch.device) -> Batch:
    """(2, B, H, W, 3) -> twice (B, 3, H, W) float32, channels last; `buffer` may then be overwritten."""
    if device.type == "cpu":
        # numpy asks the system for large pages: of small ones, this much memory would take longer to get than to fill.
        floats = torch.from_numpy(np.empty(buffer.shape, np.float32)).copy_(buffer)
    else:
        floats = buffer.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else buffer.to(device)
        floats = floats.to(torch.float32)
    if buffer.dtype == torch.uint8:
        floats.div_(255)
    return Batch(*floats.permute(0, 1, 4, 2, 3))  # (2, B, H, W, 3) -> (2, B, 3, H, W)


def _uncollated(samples: Any) -> Any:
    return samples


def _single_threaded(_: int = 0) -> None:
    cv2.setNumThreads(1)
