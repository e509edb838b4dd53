from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from deblurbench.batch import Batch
from deblurbench.data.cache import PixelCache
from deblurbench.data.dataset import open_dataset
from deblurbench.data.loader import BatchPlan, batches
from deblurbench.data.order import GROUP_SIZE, REPEATS, SampleOrder
from deblurbench.data.prepared import PreparedDataset
from deblurbench.images.reading import decode_photo

CPU = torch.device("cpu")


def collect(images: PreparedDataset, workers: int = 0, **options: int) -> list[Batch]:
    plan = BatchPlan(**{"crop_size": 24, "batch_size": 4, "seed": 0, "first_sample": 0, "steps": 5, **options})
    return list(batches(images, plan, device=CPU, workers=workers))


def equal(first: list[Batch], second: list[Batch]) -> bool:
    return len(first) == len(second) and all(
        torch.equal(a.blurred, b.blurred) and torch.equal(a.sharp, b.sharp) for a, b in zip(first, second, strict=True)
    )


def test_batches_are_floats_in_range_and_channels_last(sharp_photos: PreparedDataset) -> None:
    batch = collect(sharp_photos)[0]
    assert batch.blurred.shape == batch.sharp.shape == (4, 3, 24, 24)
    assert batch.sharp.dtype == torch.float32
    assert 0 <= batch.sharp.min() <= batch.sharp.max() <= 1
    assert batch.sharp.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("workers", [1, 2])
def test_the_number_of_workers_changes_nothing(sharp_photos: PreparedDataset, workers: int) -> None:
    assert equal(collect(sharp_photos), collect(sharp_photos, workers=workers))


@pytest.mark.parametrize("workers", [0, 2])
def test_any_sample_can_be_the_first(sharp_photos: PreparedDataset, workers: int) -> None:
    """Whatever the size of the batches: sample 6 is the third of those that begin with sample 4."""
    assert equal(collect(sharp_photos)[3:], collect(sharp_photos, first_sample=12, steps=2, workers=workers))
    fours, threes = collect(sharp_photos, first_sample=4), collect(sharp_photos, batch_size=3, first_sample=6, workers=workers)
    in_order = [torch.cat([batch.sharp for batch in each]) for each in (fours, threes)]
    assert torch.equal(in_order[0][2:17], in_order[1])


def test_seeds_differ(sharp_photos: PreparedDataset) -> None:
    assert not equal(collect(sharp_photos), collect(sharp_photos, seed=1))


@pytest.mark.parametrize("first", [0, 6])
def test_ranks_share_the_batch_of_one(sharp_photos: PreparedDataset, first: int) -> None:
    whole = collect(sharp_photos, first_sample=first)
    shares = [collect(sharp_photos, first_sample=first, rank=rank, world_size=2) for rank in range(2)]
    for together, first, second in zip(whole, *shares, strict=True):
        assert torch.equal(together.sharp, torch.cat([first.sharp, second.sharp]))
        assert torch.equal(together.blurred, torch.cat([first.blurred, second.blurred]))


def test_workers_do_not_wait_for_threads_that_opencv_had_before_them(pairs_folder: Path) -> None:
    """Blurring in this process starts OpenCV's pool; a forked worker that inherits it hangs for ever."""
    code = """
import sys, cv2, numpy, torch
from pathlib import Path
from deblurbench.data.cache import PixelCache
from deblurbench.data.dataset import open_dataset
from deblurbench.data.loader import BatchPlan, batches

cv2.setNumThreads(4)
cv2.GaussianBlur(numpy.random.rand(2000, 2000, 3), (0, 0), 3)
layout = {"name": "paired-folder", "path": sys.argv[1]}
images = open_dataset("pairs", PixelCache(Path(sys.argv[1])), layout=layout, blur="gaussian").prepare()
plan = BatchPlan(crop_size=24, batch_size=2, seed=0, first_sample=0, steps=3)
for batch in batches(images, plan, device=torch.device("cpu"), workers=2):
    print(batch.sharp.shape)
"""
    done = subprocess.run([sys.executable, "-c", code, str(pairs_folder)], capture_output=True, text=True, timeout=60)
    assert done.stdout.count("torch.Size([2, 3, 24, 24])") == 3, done.stderr


def test_data_sets_travel_to_workers_that_are_started_afresh(sharp_photos: PreparedDataset) -> None:
    """As on Windows and macOS, where nothing is forked."""
    copied = pickle.loads(pickle.dumps(sharp_photos))
    assert equal(collect(sharp_photos), collect(copied))


@pytest.mark.parametrize("count", [1, 6, 64, 150])
def test_an_epoch_takes_every_image_as_often_and_neighbours_are_mixed(count: int) -> None:
    order = SampleOrder(count, seed=0)
    epochs = [[order.image(number) for number in range(start, start + REPEATS * count)] for start in (0, REPEATS * count)]
    for epoch in epochs:
        assert sorted(epoch) == sorted(list(range(count)) * REPEATS)
    assert epochs[0] != epochs[1] or count == 1
    if count > GROUP_SIZE:
        assert len(set(epochs[0][: GROUP_SIZE * REPEATS])) == GROUP_SIZE  # a group is done before the next begins
        batches_of_8 = [epochs[0][start : start + 8] for start in range(0, GROUP_SIZE * REPEATS, 8)]
        assert np.mean([len(set(batch)) for batch in batches_of_8]) > 7  # seldom twice in a batch


def test_images_no_larger_than_a_patch_give_one_sample_an_epoch(pairs: PreparedDataset) -> None:
    """There is nothing else to cut from them, and four of each in a row would only narrow the batches."""
    assert pairs.exceeds(24)
    assert not pairs.exceeds(48)
    whole = collect(pairs, crop_size=48, batch_size=4, steps=3)
    for batch in whole:
        means = {round(float(image.mean()), 5) for image in batch.sharp}
        assert len(means) == 4


def test_the_same_numbers_image_by_image() -> None:
    order = SampleOrder(150, seed=0)
    lists = list(order.by_image(range(600)))
    assert sorted(number for numbers in lists for number in numbers) == list(range(600))
    for numbers in lists:
        assert len({order.image(number) for number in numbers}) == 1
        assert len(numbers) == REPEATS


@pytest.mark.parametrize("workers", [0, 2])
def test_images_decoded_on_demand_give_the_same_batches(pairs_folder: Path, pairs: PreparedDataset, workers: int) -> None:
    layout = {"name": "paired-folder", "path": str(pairs_folder)}
    off = open_dataset("pairs", PixelCache(pairs_folder / "no", limit=0), layout=layout).prepare()
    assert (off.decodes_on_demand, pairs.decodes_on_demand) == (True, False)
    assert off.fingerprint == pairs.fingerprint
    for options in ({}, {"first_sample": 10, "steps": 22}, {"rank": 1, "world_size": 2}):
        assert equal(collect(pairs, **options), collect(off, workers=workers, **options))


def test_on_demand_an_image_is_decoded_once_for_all_its_samples(pairs_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layout = {"name": "paired-folder", "path": str(pairs_folder)}
    off = open_dataset("pairs", PixelCache(pairs_folder, limit=0), layout=layout).prepare()
    decoded: list[Path] = []
    monkeypatch.setattr(
        "deblurbench.data.cache.decode_photo", lambda data, path: (decoded.append(path), decode_photo(data, path))[1]
    )
    collect(off, steps=4)  # 16 samples of four pairs
    assert len(decoded) == 8


def test_photographs_of_8_and_16_bits_share_a_batch(tmp_path: Path, cache: PixelCache) -> None:
    for number in range(8):
        values = np.full((40, 40, 3), 100 + number, np.uint8)
        if number % 2:
            Image.fromarray(values).save(tmp_path / f"{number}.png")
        else:
            cv2.imwrite(str(tmp_path / f"{number}.png"), values.astype(np.uint16) * 257)
    images = open_dataset(
        "mixed", cache, layout={"name": "sharp-folder", "path": str(tmp_path)}, blur="gaussian",
        camera={"name": "sensor", "shot_noise": 0, "read_noise": 0},
    ).prepare()  # fmt: skip
    for batch in collect(images, steps=3):
        levels = batch.sharp[:, :1, :1, :1] * 255
        assert torch.allclose(levels, levels.round(), atol=1e-4)
        assert 100 <= levels.min() <= levels.max() <= 107
        assert torch.allclose(batch.sharp, levels / 255, atol=1e-6)
        assert torch.allclose(batch.blurred, batch.sharp, atol=0.5 / 255)
