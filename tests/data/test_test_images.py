"""Test images: drawn once for all models of a data set, and the same whether they come from the cache or not."""

from __future__ import annotations

import dataclasses
import pickle
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from deblurbench.blur.base import spread
from deblurbench.blur.camera import Camera, blur_image
from deblurbench.blur.kernels import Gaussian
from deblurbench.blur.mixed import Mixed
from deblurbench.blur.old_photo import OldPhoto
from deblurbench.data.cache import PixelCache, clear
from deblurbench.data.cache_quota import folder_size
from deblurbench.data.dataset import open_dataset
from deblurbench.data.prepared import PreparedDataset
from deblurbench.data.table import SHOWN, TEST, TRAIN, VALIDATION
from deblurbench.data.tones import with_other_tones
from deblurbench.metrics.recipe import find_recipe
from deblurbench.models.base import Model
from deblurbench.randomness import generator
from deblurbench.registry import BLURS, MODELS
from deblurbench.scoring.test_set import ScoringRun, score_images
from deblurbench.training.validation import Validator

SPEC = {"blur": "mixed", "camera": {"name": "sensor", "highlights": 2.0, "jpeg": [60, 95]}, "test_crop": 40}


@pytest.fixture
def folder(tmp_path: Path, photo: np.ndarray) -> Path:
    """Sharp photographs: three to train, two to validate, three to test."""
    for split, count in ((TRAIN, 3), (VALIDATION, 2), (TEST, 3)):
        (tmp_path / "photos" / split).mkdir(parents=True)
        for number in range(count):
            part = photo[50 * number : 50 * number + 56, 40 * len(split) : 40 * len(split) + 48]
            Image.fromarray(part).save(tmp_path / "photos" / split / f"{split}{number}.png")
    return tmp_path / "photos"


def prepared(folder: Path, cache: PixelCache, **spec: Any) -> PreparedDataset:
    return open_dataset("mine", cache, layout={"name": "sharp-folder", "path": str(folder)}, **{**SPEC, **spec}).prepare()


def facts(image: Any) -> list[Any]:
    """Everything of a test image, exactly."""
    arrays = [None if array is None else (array.tobytes(), array.shape, array.dtype) for array in (image.blurred, image.kernel)]
    return [image.key, image.scene, image.blur_kind, image.spread, *arrays, image.sharp.tobytes()]


def images_of(dataset: PreparedDataset) -> list[list[Any]]:
    return [facts(dataset.test_image(item)) for split in (VALIDATION, TEST) for item in dataset.items(split)]


def count_drawings(patched: pytest.MonkeyPatch) -> list[str]:
    """A list that grows with every image that is blurred and every kernel that is drawn."""
    drawn: list[str] = []
    photograph, draw = Camera.photograph, Mixed.draw
    patched.setattr(Camera, "photograph", lambda *given: (drawn.append("image"), photograph(*given))[1])
    patched.setattr(Mixed, "draw", lambda *given: (drawn.append("kernel"), draw(*given))[1])
    return drawn


@pytest.mark.parametrize("depth", [8, 16])
def test_they_are_one_drawing_that_depends_on_the_key_alone(tmp_path: Path, cache: PixelCache, depth: int) -> None:
    import cv2

    for number in range(4):
        values = np.random.default_rng(number).integers(0, 2**depth, (48, 56, 3))
        cv2.imwrite(str(tmp_path / f"{number}.png"), values.astype(f"uint{depth}"))
    dataset = prepared(tmp_path, cache)
    (item,) = dataset.items(TEST)
    for image in (dataset.test_image(item), dataset.test_image(item)):  # drawn, and read from the cache
        assert image.sharp is not None
        blurred, drawn = blur_image(
            image.sharp, Mixed(), Camera(highlights=2.0, jpeg=(60, 95)), generator("evaluation", item.entry.key)
        )
        assert image.blurred.shape == (40, 40, 3)
        assert image.blurred.dtype == image.sharp.dtype == f"uint{depth}"
        assert np.array_equal(image.blurred, blurred)
        assert image.kernel is not None
        assert image.kernel.dtype == np.float32
        assert np.array_equal(image.kernel, drawn.kernel)
        assert (image.blur_kind, image.spread) == (drawn.parameters["kind"], spread(drawn.kernel))


def test_every_image_is_drawn_once_for_all_models(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def score_all(name: str, limit: int | None) -> tuple[int, dict[str, Any]]:
        """How many drawings it took to score three models and to validate one twice, and all that came of it."""
        results: dict[str, Any] = {}
        with monkeypatch.context() as patched:
            drawn = count_drawings(patched)
            for method in ("identity", "unsharp", "wiener"):
                spec = {"name": "identity"} if method == "identity" else {"name": "classical", "method": method}
                model: Model = MODELS.build(spec)
                dataset = prepared(folder, PixelCache(tmp_path / name, limit=limit))  # as another process would
                restored = tmp_path / f"{name}-restored" / method
                run = ScoringRun(find_recipe("deblurbench"), 0, torch.device("cpu"), restored)
                results[method] = (
                    score_images(model, dataset, run).images,
                    {path.name: path.read_bytes() for path in restored.iterdir()},
                )
            for seed in range(2):
                validator = Validator(dataset, crop=32, count=9, seed=seed)
                results[f"validation {seed}"] = validator(MODELS.build("identity"), torch.device("cpu"))[0]
        assert drawn.count("kernel") == drawn.count("image")
        return drawn.count("image"), results

    tests, validations = 3, 2
    once, with_cache = score_all("cache", None)
    assert once == tests + validations
    again, with_full_cache = score_all("cache", None)
    assert again == 0
    each_time, without_cache = score_all("off", 0)
    assert each_time == 3 * tests + 2 * validations
    assert with_cache == with_full_cache == without_cache
    assert len(with_cache["wiener"][1]) == tests


def test_what_changed_on_the_disk_is_drawn_anew(folder: Path, tmp_path: Path) -> None:
    cache = PixelCache(tmp_path / "cache")
    prepared(folder, cache)
    decoded = set(cache.folder.rglob("*.*"))
    first = images_of(prepared(folder, cache))
    kept = sorted(set(cache.folder.rglob("*.*")) - decoded)
    assert [path.suffix for path in kept].count(".npy") == [path.suffix for path in kept].count(".json") == 5
    for path in kept:
        before = path.read_bytes()
        for damaged in (
            before[:-7],
            before[:-9] + bytes([before[-9] ^ 1]) + before[-8:],
            kept[kept.index(path) - 1].read_bytes(),
        ):
            path.write_bytes(damaged)
            assert images_of(prepared(folder, cache)) == first
            assert path.read_bytes() == before
        path.unlink()
        assert images_of(prepared(folder, cache)) == first
        assert path.read_bytes() == before


@pytest.mark.parametrize(
    "change",
    [
        {"blur": {"name": "mixed", "kinds": ["disk"]}},
        {"camera": {"name": "sensor", "highlights": 2.0, "jpeg": [60, 94]}},
        {"camera": "old-photo"},
        {"test_crop": 41},
        {"test_crop": None},
    ],
)
def test_other_settings_are_other_images(folder: Path, tmp_path: Path, change: dict[str, Any]) -> None:
    cache = PixelCache(tmp_path / "cache")
    for spec in ({}, change, {}):
        expected = images_of(prepared(folder, PixelCache(tmp_path / "off", limit=0), **spec))
        assert images_of(prepared(folder, cache, **spec)) == expected
        assert images_of(prepared(folder, cache, **spec)) == expected
    assert expected != images_of(prepared(folder, cache, **change))


def test_other_photographs_and_versions_are_other_images(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = PixelCache(tmp_path / "cache")
    first = images_of(prepared(folder, cache))
    path = folder / "test" / "test0.png"
    Image.fromarray(np.array(Image.open(path))[::-1]).save(path)
    second = images_of(prepared(folder, cache))
    assert [a == b for a, b in zip(first, second, strict=True)] == [True, True, False, True, True]
    monkeypatch.setattr("deblurbench.data.test_images.BLUR_VERSION", 0)
    drawn = count_drawings(monkeypatch)
    assert images_of(prepared(folder, cache)) == second
    assert drawn.count("image") == 5


def test_they_are_counted_and_cleared_like_all_that_is_cached(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = PixelCache(tmp_path / "cache")
    prepared(folder, cache)
    decoded = folder_size(cache.folder)
    first = images_of(prepared(folder, cache))
    whole = folder_size(cache.folder)
    assert (whole - decoded) / 5 > 40 * 40 * 3 + 43 * 43 * 4  # pixels and kernel
    assert clear(tmp_path / "cache") == whole
    assert not cache.folder.exists()
    limit = decoded + (whole - decoded) // 2
    small = PixelCache(tmp_path / "cache", limit=limit)
    drawn = count_drawings(monkeypatch)
    for drawings in (5, 3):
        drawn.clear()
        assert images_of(prepared(folder, small)) == first
        assert drawn.count("image") == drawings
    assert folder_size(tmp_path / "cache") <= limit
    assert small.write_error is None


def describe(dataset: PreparedDataset) -> tuple[Any, ...]:
    patches = [dataset.patch(item, 32, generator(0, number)) for number, item in enumerate(dataset.items(TRAIN))]
    return dataset.fingerprint, dataset.pairs, images_of(dataset), [[side.tobytes() for side in pair] for pair in patches]


def images_without_drawing(dataset: PreparedDataset) -> list[list[Any]]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("deblurbench.data.test_images.blur_image", lambda *_: pytest.fail("drawn twice"))
        return images_of(dataset)


def test_a_prepared_data_set_is_handed_to_other_processes(folder: Path, tmp_path: Path) -> None:
    dataset = prepared(folder, PixelCache(tmp_path / "cache"))
    own = describe(dataset)
    assert describe(pickle.loads(pickle.dumps(dataset))) == own
    with get_context("spawn").Pool(1) as pool:
        assert pool.apply(describe, (dataset,)) == own
        assert pool.apply(images_without_drawing, (dataset,)) == own[2]  # which this process has drawn


def test_preparing_changes_neither_the_description_nor_what_was_prepared(unaligned: Path, cache: PixelCache) -> None:
    description = open_dataset("mine", cache, layout={"name": "paired-folder", "path": str(unaligned)})
    first, second = description.prepare(), description.prepare()
    assert description.degradation is None
    assert first.degradation is not None
    assert first.pairs == "synthetic"
    assert (first.fingerprint, first.notes, first.problems) == (second.fingerprint, second.notes, second.problems)
    assert len(first.items(SHOWN)) == len(second.items(SHOWN)) == 2
    for changed in (description, first, first.degradation, first.items(TEST)[0], first.test_image(first.items(TEST)[0])):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(changed, dataclasses.fields(changed)[0].name, None)


def test_the_images_of_an_idx_file_are_drawn_each_time(tmp_path: Path) -> None:
    """Thousands of tiny files take longer to write than their images to draw."""
    for name, count in (("train-images-idx3-ubyte", 20), ("t10k-images-idx3-ubyte", 4)):
        digits = np.random.default_rng(0).integers(0, 256, (count, 28, 28), dtype=np.uint8)
        header = np.array([2051, count, 28, 28], ">i4").tobytes()
        (tmp_path / name).write_bytes(header + digits.tobytes())
    cache = PixelCache(tmp_path / "cache")
    dataset = open_dataset("digits", cache, layout={"name": "mnist", "path": str(tmp_path)}, blur="motion").prepare()
    assert images_of(dataset) == images_of(dataset)
    assert not cache.folder.exists()


def test_what_the_code_of_another_package_blurs_is_drawn_each_time(folder: Path, tmp_path: Path, own_blur: list[None]) -> None:
    """That code may change between two runs, and nothing would tell."""
    dataset = prepared(folder, PixelCache(tmp_path / "cache"), blur={"name": "mixed", "kinds": ["own"]})
    assert images_of(dataset) == images_of(dataset)
    assert len(own_blur) == 10


@pytest.fixture
def own_blur(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """Registers a blur of this module, `own`; a list that grows with each of its kernels."""

    drawn: list[None] = []

    class Own(Gaussian):
        def draw(self, generator: np.random.Generator) -> Any:
            drawn.append(None)
            return super().draw(generator)

    BLURS.names()  # all that belong there are imported
    monkeypatch.setitem(BLURS._classes, "own", Own)
    return drawn


def test_an_old_photographs_scratches_are_kept_too(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = PixelCache(tmp_path / "cache")
    first = images_of(prepared(folder, cache, camera="old-photo"))
    monkeypatch.setattr(OldPhoto, "develop", lambda *_: pytest.fail("drawn twice"))
    assert images_of(prepared(folder, cache, camera="old-photo")) == first


def test_blur_that_varies_over_the_picture_is_kept_without_a_kernel(folder: Path, tmp_path: Path) -> None:
    cache = PixelCache(tmp_path / "cache")
    first = prepared(folder, cache, blur="rotation")
    assert images_of(first) == images_of(prepared(folder, cache, blur="rotation"))
    image = first.test_image(first.items(TEST)[0])
    assert image.kernel is image.spread is None
    assert image.blur_kind == "rotation"


def test_the_most_detailed_of_some_random_patches_is_trained_on(tmp_path: Path, photo: np.ndarray) -> None:
    """Half of the photograph is out of focus: few patches of it are drawn where up to eight are compared."""
    half = np.where(np.arange(photo.shape[1])[:, None] < 200, 128, photo)
    for top, split in enumerate((TRAIN, VALIDATION, TEST)):
        (tmp_path / split).mkdir()
        Image.fromarray(half[top:].astype(np.uint8)).save(tmp_path / split / f"{split}.png")
    layout = {"name": "sharp-folder", "path": str(tmp_path)}

    def flat_patches(candidates: int) -> int:
        cache = PixelCache(tmp_path / "cache")
        dataset = open_dataset("mine", cache, layout=layout, blur="none", patch_candidates=candidates).prepare()
        item = dataset.items(TRAIN)[0]
        return sum(np.ptp(dataset.patch(item, 32, generator(0, number))[1]) == 0 for number in range(60))

    anywhere = flat_patches(1)
    assert anywhere > 10
    assert 1 <= flat_patches(8) < anywhere / 2  # now and then a single one is drawn


def test_patches_are_reduced_by_a_random_factor_both_sides_alike(tmp_path: Path) -> None:
    """Stripes of one pixel become grey where they are reduced."""
    stripes = np.zeros((200, 220, 3), np.uint8)
    stripes[:, ::2] = 255
    for top, split in enumerate((TRAIN, VALIDATION, TEST)):
        (tmp_path / split).mkdir()
        Image.fromarray(stripes[top:]).save(tmp_path / split / f"{split}.png")
    layout = {"name": "sharp-folder", "path": str(tmp_path)}
    quiet = {"name": "sensor", "shot_noise": 0, "read_noise": 0}

    def pairs(reduction: float) -> list[tuple[np.ndarray, np.ndarray]]:
        dataset = open_dataset(
            "mine", PixelCache(tmp_path / "cache"), layout=layout, blur="none", camera=quiet, patch_reduction=reduction
        ).prepare()
        return [dataset.patch(dataset.items(TRAIN)[0], 48, generator(0, number)) for number in range(20)]

    assert all(np.ptp(sharp) == 255 for _, sharp in pairs(1.0))
    reduced = pairs(2.0)
    assert all(blurred.shape == sharp.shape == (48, 48, 3) and np.array_equal(blurred, sharp) for blurred, sharp in reduced)
    assert len({int(sharp.std()) for _, sharp in reduced}) > 10
    assert min(sharp.std() for _, sharp in reduced) < 60


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_other_tones_keep_black_white_and_order(dtype: type) -> None:
    white = np.iinfo(dtype).max
    ramp = np.repeat(np.linspace(0, white, 64).astype(dtype)[None, :, None], 3, axis=2)
    changed = [with_other_tones(ramp, 0.4, generator(0, number)) for number in range(20)]
    for one in changed:
        assert one.dtype == dtype
        assert (one[0, 0] == 0).all()
        assert (one[0, -1] == white).all()
        assert (np.diff(one.astype(int), axis=1) >= 0).all()
    means = np.array([one.mean(axis=(0, 1)) / white for one in changed])  # of a ramp to the power of e^x: 1 / (1 + e^x)
    assert means.min() > 1 / (1 + np.exp(0.4 * 4 / 3)) - 0.02
    assert means.max() < 1 / (1 + np.exp(-0.4 * 4 / 3)) + 0.02
    assert means.std() > 0.05
    assert np.ptp(means, axis=1).mean() > 0.01  # channels differ


def test_patches_are_made_grey_with_a_probability_both_sides_alike(tmp_path: Path, photo: np.ndarray) -> None:
    """Yellowed grey prints are restored to neutral ones."""
    for top, split in enumerate((TRAIN, VALIDATION, TEST)):
        (tmp_path / split).mkdir()
        Image.fromarray(photo[top:]).save(tmp_path / split / f"{split}.png")
    layout = {"name": "sharp-folder", "path": str(tmp_path)}
    quiet = {"name": "sensor", "shot_noise": 0, "read_noise": 0}

    def coloured(probability: float) -> list[bool]:
        dataset = open_dataset(
            "mine", PixelCache(tmp_path / "cache"), layout=layout, blur="none", camera=quiet, patch_grey=probability
        ).prepare()
        pairs = [dataset.patch(dataset.items(TRAIN)[0], 48, generator(0, number)) for number in range(40)]
        assert all(np.array_equal(blurred, sharp) for blurred, sharp in pairs)
        return [bool(np.ptp(sharp.astype(int), axis=2).any()) for _, sharp in pairs]

    assert all(coloured(0.0))
    assert not any(coloured(1.0))
    assert 10 <= sum(coloured(0.5)) <= 30
