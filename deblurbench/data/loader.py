"""Batches of random patches, each a function of (seed, sample number) alone."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from deblurbench.data.batch import Batch
from deblurbench.data.dataset import PairedImages
from deblurbench.data.table import TRAIN
from deblurbench.images.photo import Pixels
from deblurbench.images.tensors import to_float
from deblurbench.randomness import generator


class TrainingSamples(Dataset[tuple[Tensor, Tensor]]):
    """Sample n of an endless training stream: image, crop, blur, noise and turns all derive from (seed, n)."""

    def __init__(self, images: PairedImages, *, crop_size: int, seed: int) -> None:
        self._images, self._items = images, images.items(TRAIN)
        self._crop_size, self._seed = crop_size, seed

    def __getitem__(self, number: int) -> tuple[Tensor, Tensor]:
        epoch, place = divmod(number, len(self._items))
        item = self._items[_permutation(self._seed, epoch, len(self._items))[place]]
        blurred, sharp = self._images.patch(item, self._crop_size, generator(self._seed, "sample", number))
        return _to_planes(blurred), _to_planes(sharp)


def batches(
    images: PairedImages,
    *,
    crop_size: int,
    batch_size: int,
    seed: int,
    steps: range,
    device: torch.device,
    workers: int = 0,
    rank: int = 0,
    ranks: int = 1,
) -> Iterator[Batch]:
    """This rank's share of the batch of every step in `steps`; the shares together are what one rank would get."""
    share = batch_size // ranks
    numbers = [[step * batch_size + rank * share + i for i in range(share)] for step in steps]
    loader = DataLoader(
        TrainingSamples(images, crop_size=crop_size, seed=seed),
        batch_sampler=numbers,
        num_workers=workers,
        pin_memory=device.type == "cuda",
        collate_fn=_collate,
        worker_init_fn=_single_threaded,
    )
    for blurred, sharp in loader:
        yield Batch(*(_to_device(images, device) for images in (blurred, sharp)))


def _collate(samples: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """Stack samples to (B, 3, H, W) twice; where photographs of 8 and 16 bits meet, all become float32."""
    blurred, sharp = zip(*samples, strict=True)
    return _stack(blurred), _stack(sharp)


def _stack(images: tuple[Tensor, ...]) -> Tensor:
    if len({image.dtype for image in images}) > 1:
        images = tuple(to_float(image) if image.dtype == torch.uint8 else image for image in images)
    return torch.stack(images)


def _to_device(images: Tensor, device: torch.device) -> Tensor:
    """Bytes travel, floats are made where they are used; channels last is what convolutions are fastest in."""
    moved = images.to(device, non_blocking=True)
    return (to_float(moved) if moved.dtype == torch.uint8 else moved).contiguous(memory_format=torch.channels_last)


def _to_planes(pixels: Pixels) -> Tensor:
    """(H, W, 3) -> (3, H, W): bytes stay bytes, 16 bits become float32 in [0, 1]."""
    if pixels.dtype == np.uint8:
        return torch.from_numpy(np.array(pixels)).permute(2, 0, 1)
    return torch.from_numpy(pixels.astype(np.float32) / np.iinfo(pixels.dtype).max).permute(2, 0, 1)


@lru_cache(maxsize=4)
def _permutation(seed: int, epoch: int, count: int) -> np.ndarray:
    return generator(seed, "epoch", epoch).permutation(count)


def _single_threaded(_: int) -> None:
    cv2.setNumThreads(1)
