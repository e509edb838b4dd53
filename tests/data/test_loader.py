from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from deblurbench.data.batch import Batch
from deblurbench.data.cache import PixelCache
from deblurbench.data.dataset import PairedImages, open_dataset
from deblurbench.data.loader import TrainingSamples, batches

CPU = torch.device("cpu")


def collect(images: PairedImages, **options: int | range) -> list[Batch]:
    settings = {"crop_size": 24, "batch_size": 4, "seed": 0, "steps": range(5), **options}
    return list(batches(images, device=CPU, **settings))  # type: ignore[arg-type]


def equal(first: list[Batch], second: list[Batch]) -> bool:
    return len(first) == len(second) and all(
        torch.equal(a.blurred, b.blurred) and torch.equal(a.sharp, b.sharp) for a, b in zip(first, second, strict=True)
    )


def test_batches_are_floats_in_range_and_channels_last(sharp_photos: PairedImages) -> None:
    batch = collect(sharp_photos)[0]
    assert batch.blurred.shape == batch.sharp.shape == (4, 3, 24, 24)
    assert batch.sharp.dtype == torch.float32
    assert 0 <= batch.sharp.min() <= batch.sharp.max() <= 1
    assert batch.sharp.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_the_number_of_workers_changes_nothing(sharp_photos: PairedImages, workers: int) -> None:
    assert equal(collect(sharp_photos), collect(sharp_photos, workers=workers))


def test_any_step_can_be_the_first(sharp_photos: PairedImages) -> None:
    assert equal(collect(sharp_photos)[3:], collect(sharp_photos, steps=range(3, 5)))


def test_seeds_differ(sharp_photos: PairedImages) -> None:
    assert not equal(collect(sharp_photos), collect(sharp_photos, seed=1))


def test_ranks_share_the_batch_of_one(sharp_photos: PairedImages) -> None:
    whole = collect(sharp_photos)
    shares = [collect(sharp_photos, rank=rank, ranks=2) for rank in range(2)]
    for together, first, second in zip(whole, *shares, strict=True):
        assert torch.equal(together.sharp, torch.cat([first.sharp, second.sharp]))
        assert torch.equal(together.blurred, torch.cat([first.blurred, second.blurred]))


def test_every_photograph_is_seen_once_an_epoch(pairs: PairedImages, monkeypatch: pytest.MonkeyPatch) -> None:
    samples = TrainingSamples(pairs, crop_size=8, seed=0)
    seen: list[str] = []
    original = pairs.patch
    monkeypatch.setattr(pairs, "patch", lambda item, *rest: (seen.append(item.entry.key), original(item, *rest))[1])
    for number in range(12):
        samples[number]
    epochs = [seen[start : start + 4] for start in (0, 4, 8)]
    assert all(len(set(epoch)) == 4 for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) > 1  # in another order each time


def test_photographs_of_8_and_16_bits_share_a_batch(tmp_path: Path, cache: PixelCache) -> None:
    values = np.full((40, 40, 3), 100, np.uint8)
    for number in range(8):
        if number % 2:
            Image.fromarray(values).save(tmp_path / f"{number}.png")
        else:
            cv2.imwrite(str(tmp_path / f"{number}.png"), values.astype(np.uint16) * 257)
    images = open_dataset(
        "mixed", cache, layout={"name": "sharp-folder", "path": str(tmp_path)}, blur="gaussian",
        camera={"name": "sensor", "shot_noise": 0, "read_noise": 0},
    )  # fmt: skip
    images.prepare(images.entries)
    for batch in collect(images, steps=range(3)):
        assert torch.allclose(batch.sharp, torch.full_like(batch.sharp, 100 / 255), atol=1e-6)
        assert torch.allclose(batch.blurred, batch.sharp, atol=0.5 / 255)
