from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from deblurbench.blur.camera import Camera
from deblurbench.data.cache import PixelCache
from deblurbench.data.dataset import open_dataset
from deblurbench.data.prepared import PreparedDataset
from deblurbench.data.table import SHOWN, TEST, TRAIN, VALIDATION
from deblurbench.errors import UsageError
from deblurbench.images.reading import read_photo
from deblurbench.randomness import generator


def ready(path: Path, cache: PixelCache, **arguments: object) -> PreparedDataset:
    spec: dict[str, Any] = {"layout": {"name": "paired-folder", "path": str(path)}, **arguments}
    return open_dataset("mine", cache, **spec).prepare()


def test_pairs_come_from_their_files(pairs: PreparedDataset, pairs_folder: Path) -> None:
    image = pairs.test_image(pairs.items(TEST)[0])
    assert np.array_equal(image.blurred, read_photo(pairs_folder / "test" / "blur" / "t0.png").pixels)
    assert image.sharp is not None
    assert np.array_equal(image.sharp, read_photo(pairs_folder / "test" / "sharp" / "t0.png").pixels)
    assert (image.key, image.scene) == ("test-t0", pairs.items(TEST)[0].entry.group)
    assert image.kernel is image.blur_kind is image.spread is None


def test_patches_of_a_pair_are_cut_and_turned_alike(tmp_path: Path, cache: PixelCache) -> None:
    """Both sides carry their coordinates: wherever a patch comes from, they must agree."""
    rows, columns = np.mgrid[:60, :50].astype(np.uint8)
    for number, split in enumerate((TRAIN, VALIDATION, TEST)):
        for side, value in (("sharp", 1), ("blur", 2)):
            (tmp_path / split / side).mkdir(parents=True)
            pixels = np.dstack([rows, columns, np.full_like(rows, value + 10 * number)])
            Image.fromarray(pixels).save(tmp_path / split / side / "a.png")
    images = ready(tmp_path, cache)
    seen = set()
    for number in range(60):
        blurred, sharp = images.patch(images.items(TRAIN)[0], 16, generator(0, number))
        assert blurred.shape == sharp.shape == (16, 16, 3)
        assert np.array_equal(blurred[..., :2], sharp[..., :2])
        assert (blurred[..., 2].min(), sharp[..., 2].max()) == (2, 1)
        seen.add(
            (
                int(sharp[0, 1, 0]) - int(sharp[0, 0, 0]),
                int(sharp[1, 0, 0]) - int(sharp[0, 0, 0]),
                int(sharp[0, 1, 1]) - int(sharp[0, 0, 1]),
                int(sharp[1, 0, 1]) - int(sharp[0, 0, 1]),
            )
        )
    assert len(seen) == 8  # all turns and reflections


def test_patches_are_a_function_of_their_key(sharp_photos: PreparedDataset) -> None:
    item = sharp_photos.items(TRAIN)[0]
    first, again, other = (sharp_photos.patch(item, 32, generator(0, key)) for key in (1, 1, 2))
    assert np.array_equal(first[0], again[0])
    assert np.array_equal(first[1], again[1])
    assert not np.array_equal(first[0], other[0])


def test_photographs_smaller_than_a_patch_are_mirrored(
    tmp_path: Path, cache: PixelCache, write_pairs: Callable[..., Path]
) -> None:
    for number, split in enumerate((TRAIN, VALIDATION, TEST)):
        write_pairs(tmp_path / split, ["a.png"], size=20, start=number)
    images = ready(tmp_path, cache)
    assert images.patch(images.items(TRAIN)[0], 48, generator(0))[0].shape == (48, 48, 3)


def test_evaluation_blur_is_the_same_for_every_model_and_machine(cache: PixelCache) -> None:
    """Keyed by the photograph alone, and known to the digit: another number here is another benchmark."""
    quiet = {"name": "sensor", "shot_noise": 0, "read_noise": 0}
    blur = {"name": "gaussian", "sigma": [1.0, 3.0]}
    images = open_dataset("p", cache, layout="skimage-photos", blur=blur, camera=quiet).prepare()
    item = next(item for item in images.items(TEST) if item.entry.key == "chelsea")
    image, again = images.test_image(item), images.test_image(item)
    assert np.array_equal(image.blurred, again.blurred)
    assert image.sharp is not None
    assert float(image.blurred.mean()) == pytest.approx(116.357, abs=0.02)
    assert not np.array_equal(image.blurred, image.sharp)


def test_test_images_are_cut_to_their_middle(cache: PixelCache, pairs_folder: Path) -> None:
    images = ready(pairs_folder, cache, test_crop=16)
    image = images.test_image(images.items(TEST)[0])
    assert image.sharp is not None
    assert np.array_equal(image.sharp, read_photo(pairs_folder / "test" / "sharp" / "t0.png").pixels[16:32, 16:32])
    assert image.blurred.shape == image.sharp.shape


def test_really_blurred_photographs_have_no_truth(tmp_path: Path, cache: PixelCache, photo: np.ndarray) -> None:
    for kind, folder in (("S", "sharp"), ("M", "motion_blurred")):
        (tmp_path / folder).mkdir()
        for number in range(12):
            Image.fromarray(photo[number : number + 32, :32]).save(tmp_path / folder / f"{number}_PHONE_{kind}.png")
    images = ready(tmp_path, cache, layout={"name": "kwentar-blur", "path": str(tmp_path)}, blur="gaussian")
    item = images.items(SHOWN)[0]
    image = images.test_image(item)
    assert image.sharp is image.kernel is image.blur_kind is None
    assert item.entry.blurred is not None
    assert np.array_equal(image.blurred, read_photo(item.entry.blurred).pixels)  # as it is: no second blur over the real one


def test_sharp_photographs_need_a_blur(cache: PixelCache) -> None:
    with pytest.raises(UsageError, match=r"datasets\.p\.blur: these photographs have no blurred counterparts"):
        open_dataset("p", cache, layout="skimage-photos")


def break_some(folder: Path) -> None:
    (folder / "train" / "blur" / "a0.png").write_bytes(b"")
    (folder / "train" / "sharp" / "a1.png").write_bytes((folder / "train" / "sharp" / "a1.png").read_bytes()[:800])
    image = Image.open(folder / "train" / "sharp" / "a2.png")
    image.crop((0, 0, 40, 48)).save(folder / "train" / "sharp" / "a2.png")
    (folder / "train" / "blur" / "alone.png").write_bytes(b"x")


def test_what_cannot_be_used_is_named_and_left_out(pairs_folder: Path, cache: PixelCache) -> None:
    break_some(pairs_folder)
    images = ready(pairs_folder, cache)
    assert [item.entry.key for item in images.items(TRAIN)] == ["train-a3"]
    assert len(images.problems) == 4
    assert any("differ in size (48x48 and 40x48)" in problem for problem in images.problems)
    for name in ("a0.png", "a1.png", "a2.png", "alone.png"):
        assert any(name in problem for problem in images.problems)
    with pytest.raises(UsageError, match=r"datasets\.mine: .*\(4 such problems, strict: true\)"):
        ready(pairs_folder, cache, strict=True)


def test_what_is_tested_is_not_trained_on(pairs_folder: Path, cache: PixelCache) -> None:
    """The same picture under another name in another split: a score on it would mean nothing."""
    for side in ("blur", "sharp"):
        copied = (pairs_folder / "test" / side / "t1.png").read_bytes()
        (pairs_folder / "train" / side / "holiday.png").write_bytes(copied)
    for side in ("blur", "sharp"):  # and packed otherwise
        Image.open(pairs_folder / "test" / side / "t0.png").save(pairs_folder / "train" / side / "party.bmp")
    images = ready(pairs_folder, cache)
    assert [item.entry.key for item in images.items(TRAIN)] == ["train-a0", "train-a1", "train-a2", "train-a3"]
    assert len(images.items(TEST)) == 2
    problem, other = sorted(images.problems)
    assert "party.bmp: holds the same picture as" in other
    assert "holiday.png: holds the same picture as" in problem
    assert "t1.png of the test split; left out of train" in problem


def test_a_split_with_nothing_usable_is_an_error(pairs_folder: Path, cache: PixelCache) -> None:
    for path in (pairs_folder / "validation" / "blur").iterdir():
        path.write_text("no image")
    with pytest.raises(UsageError, match=r"datasets\.mine: no usable validation images; 1 were left out.*v0\.png"):
        ready(pairs_folder, cache)


def test_the_fingerprint_is_of_contents_not_of_places(pairs_folder: Path, cache: PixelCache, tmp_path: Path) -> None:
    before = ready(pairs_folder, cache).fingerprint
    moved = tmp_path / "moved"
    pairs_folder.rename(moved)
    assert ready(moved, cache).fingerprint == before
    Image.open(moved / "train" / "blur" / "a0.png").rotate(90).save(moved / "train" / "blur" / "a0.png")
    assert ready(moved, cache).fingerprint != before


def test_sixteen_bit_photographs_are_blurred_in_sixteen_bits(tmp_path: Path, cache: PixelCache) -> None:
    import cv2

    for number in range(4):
        values = np.random.default_rng(number).integers(0, 65536, (40, 40, 3), dtype=np.uint16)
        cv2.imwrite(str(tmp_path / f"{number}.png"), values)
    images = ready(tmp_path, cache, layout={"name": "sharp-folder", "path": str(tmp_path)}, blur="gaussian")
    blurred, sharp = images.patch(images.items(TRAIN)[0], 16, generator(0))
    assert blurred.dtype == sharp.dtype == np.uint16
    assert len(np.unique(blurred)) > 256
    assert min(Camera().shot_noise) > 0
