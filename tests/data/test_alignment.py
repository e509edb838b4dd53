from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from deblurbench.data.alignment.estimation import align
from deblurbench.data.alignment.registration import largest_rectangle, register
from deblurbench.data.cache import PixelCache
from deblurbench.data.dataset import open_dataset
from deblurbench.data.prepared import Item, PreparedDataset
from deblurbench.data.table import SHOWN, TEST, TRAIN
from deblurbench.errors import DeblurbenchError, UsageError
from deblurbench.randomness import generator
from tests.exposures import moved, shaken


def psnr(first: np.ndarray, second: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / np.mean((first.astype(float) - second) ** 2)))


@pytest.mark.parametrize("key", range(4))
def test_blur_alone_does_not_displace(photo: np.ndarray, key: int) -> None:
    found = align(shaken(photo, key), photo)
    assert found is not None
    assert found.is_aligned
    assert found.displacement < 2
    assert found.scale == pytest.approx(1, abs=0.006)


@pytest.mark.parametrize(
    ("matrix", "scale"),
    [
        ([[1, 0, 31], [0, 1, -17], [0, 0, 1]], 1.0),
        ([[1.05, 0, 10], [0, 1.05, 4], [0, 0, 1]], 1.05),
        ([[0.96, -0.02, -12], [0.02, 0.96, 25], [0, 0, 1]], 0.9602),
    ],
)
def test_displacement_and_scale_are_measured(photo: np.ndarray, matrix: list[list[float]], scale: float) -> None:
    found = align(shaken(moved(photo, matrix)), photo)
    assert found is not None
    assert not found.is_aligned
    assert found.scale == pytest.approx(scale, abs=0.006)
    height, width = photo.shape[:2]
    corners = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]], float).T
    true, measured = np.array(matrix) @ corners, found.matrix @ corners
    assert np.abs(measured[:2] / measured[2] - true[:2]).max() < 3
    assert found.displacement == pytest.approx(np.hypot(*(true[:2] - corners[:2])).max(), abs=3)


def test_sixteen_bits_are_measured_alike(photo: np.ndarray) -> None:
    deep = moved(photo, [[1, 0, 20], [0, 1, 0], [0, 0, 1]]).astype(np.uint16) * 257
    found = align(deep, photo.astype(np.uint16) * 257)
    assert found is not None
    assert found.displacement == pytest.approx(20, abs=1)


def test_other_pictures_and_flat_ones_have_no_match(photo: np.ndarray) -> None:
    assert align(np.full_like(photo, 90), photo) is None
    noise = np.random.default_rng(0).integers(0, 256, photo.shape, dtype=np.uint8)
    assert align(noise, photo) is None


def test_registered_pairs_agree_in_place_and_exposure(photo: np.ndarray) -> None:
    matrix = [[1.03, -0.01, 12.0], [0.01, 1.03, -9.0], [1e-5, 0, 1]]
    sharp = moved(photo, matrix)
    blurred = (shaken(sharp) * 0.8).astype(np.uint8)
    found = register(blurred, photo)
    assert found is not None
    assert found.blurred.shape == found.sharp.shape
    assert found.blurred.size > 0.8 * blurred.size
    assert psnr(blurred, photo) < 18 < 27 < psnr(found.blurred, found.sharp)
    ideal = psnr((shaken(sharp)).astype(np.uint8), sharp)
    assert psnr(found.blurred, found.sharp) > ideal - 1.5
    assert found.gain == pytest.approx([0.8**2.2] * 3, abs=0.05)  # 0.8 of the values is so much of the light


def test_the_blurred_side_is_never_resampled(photo: np.ndarray) -> None:
    blurred = shaken(moved(photo, [[1, 0, 7], [0, 1, 5], [0, 0, 1]]))
    found = register(blurred, photo)
    assert found is not None
    positions = [
        (top, left)
        for top in range(blurred.shape[0] - found.blurred.shape[0] + 1)
        for left in range(blurred.shape[1] - found.blurred.shape[1] + 1)
        if np.array_equal(blurred[top:, left:][: found.blurred.shape[0], : found.blurred.shape[1]], found.blurred)
    ]
    assert len(positions) == 1


def test_the_largest_rectangle_of_a_mask() -> None:
    mask = np.zeros((20, 30), bool)
    mask[3:17, 5:25] = True
    mask[10, 0:30] = True
    mask[3:12, 20:25] = False
    rows, columns = largest_rectangle(mask)
    assert (rows, columns) == (slice(3, 17), slice(5, 20))
    whole = largest_rectangle(np.ones((1000, 800), bool))
    assert (whole[0].stop, whole[1].stop) == (1000, 800)
    assert largest_rectangle(np.zeros((9, 9), bool)) == (slice(0, 0), slice(0, 0))


def ready(path: Path, cache: PixelCache, **options: object) -> PreparedDataset:
    layout = {"name": "paired-folder", "path": str(path)}
    return open_dataset("mine", cache, layout=layout, **options).prepare()  # type: ignore[arg-type]


def test_pairs_that_are_not_aligned_are_blurred_by_us_and_that_is_said(unaligned: Path, cache: PixelCache) -> None:
    images = ready(unaligned, cache)
    assert images.pairs == "synthetic"
    (note,) = images.notes
    assert "its pairs are not aligned (21 pixels apart in the median of 5" in note
    assert "`register: true`" in note
    image = images.test_image(images.items(TEST)[0])
    assert image.sharp is not None
    found = align(image.blurred, image.sharp)
    assert found is not None
    assert found.is_aligned
    assert [item.entry.key for item in images.items(SHOWN)] == ["test-0-as-photographed", "test-1-as-photographed"]
    assert images.patch(images.items(TRAIN)[0], 32, generator(0))[0].shape == (32, 32, 3)


def test_whoever_insists_gets_pairs_as_they_are_and_a_note(unaligned: Path, cache: PixelCache) -> None:
    images = ready(unaligned, cache, register=False)
    assert images.pairs == "files"
    assert "are used as they are (`register: false`)" in images.notes[0]


def test_registered_pairs_are_said_to_be_so(unaligned: Path, tmp_path: Path) -> None:
    cache = PixelCache(tmp_path / "cache")
    images = ready(unaligned, cache, register=True)
    assert images.pairs == "registered"
    (note,) = images.notes
    assert note.startswith("registered pairs: separate exposures (21 pixels apart in the median of 6")
    image = images.test_image(images.items(TEST)[0])
    assert image.sharp is not None
    assert image.blurred.shape == image.sharp.shape
    assert psnr(image.blurred, image.sharp) > 25
    assert image.kernel is None
    assert images.fingerprint != ready(unaligned, cache).fingerprint


def test_pairs_are_registered_once(unaligned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = PixelCache(tmp_path / "cache")
    first = ready(unaligned, cache, register=True)
    monkeypatch.setattr("deblurbench.data.alignment.registered_pairs.register", lambda *_: pytest.fail("registered twice"))
    again = ready(unaligned, cache, register=True)
    assert again.fingerprint == first.fingerprint
    assert again.notes == first.notes


def sides_of(images: PreparedDataset, item: Item) -> list[np.ndarray]:
    image = images.test_image(item)
    assert image.sharp is not None
    return [image.blurred, image.sharp]


def test_registered_pixels_that_changed_on_the_disk_are_made_anew(unaligned: Path, tmp_path: Path) -> None:
    cache = PixelCache(tmp_path / "cache")
    first = ready(unaligned, cache, register=True)
    item = first.items(TEST)[0]
    before = [np.array(side) for side in sides_of(first, item)]
    for side in (item.blurred, item.sharp):
        assert side is not None
        (array,) = cache.folder.rglob(f"{side.file_digest}.npy")
        data = bytearray(array.read_bytes())
        data[-1000] ^= 1
        array.write_bytes(data)
        again = sides_of(ready(unaligned, cache, register=True), item)
        assert all(np.array_equal(*both) for both in zip(before, again, strict=True))


def test_registration_needs_pairs_and_a_cache(unaligned: Path, tmp_path: Path, cache: PixelCache) -> None:
    with pytest.raises(UsageError, match=r"datasets\.mine\.register: only pairs from files can be registered"):
        ready(unaligned, cache, register=True, blur="gaussian")
    with pytest.raises(DeblurbenchError, match="has no room for registered pairs"):
        ready(unaligned, PixelCache(tmp_path / "off", limit=0), register=True)
    (tmp_path / "file").touch()
    with pytest.raises(
        DeblurbenchError, match=r"cannot be written \(Not a directory\).*\(registered pairs cannot be registered again"
    ):
        ready(unaligned, PixelCache(tmp_path / "file"), register=True)


def test_a_pair_that_cannot_be_registered_is_named(unaligned: Path, cache: PixelCache) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (300, 451, 3), dtype=np.uint8)
    Image.fromarray(noise).save(unaligned / "train" / "blur" / "1.png")
    images = ready(unaligned, cache, register=True)
    (problem,) = images.problems
    assert "1.png: could not be registered with" in problem
    assert len(images.items(TRAIN)) == 2


def test_kwentars_exposures_become_pairs_once_registered(tmp_path: Path, photo: np.ndarray, cache: PixelCache) -> None:
    for number in range(4):
        sharp = np.roll(photo, 40 * number, axis=1)
        for kind, folder, image in (
            ("S", "sharp", sharp),
            ("F", "defocused_blurred", cv2.GaussianBlur(moved(sharp, [[1, 0, 9], [0, 1, 4], [0, 0, 1]]), (0, 0), 2)),
            ("M", "motion_blurred", shaken(moved(sharp, [[1, 0, -14], [0, 1, 3], [0, 0, 1]]))),
        ):
            (tmp_path / folder).mkdir(exist_ok=True)
            Image.fromarray(image).save(tmp_path / folder / f"{number}_PHONE_{kind}.png")
    layout = {"name": "kwentar-blur", "path": str(tmp_path)}
    images = open_dataset("k", cache, layout=layout, register=True).prepare()
    assert [item.entry.key[-2:] for item in images.items(TEST)] == ["_F", "_M"]
    assert len({item.entry.group for item in images.items(TEST)}) == 1
    assert images.items(SHOWN) == ()
    assert images.pairs == "registered"


def test_a_cache_that_is_cleared_under_registered_pairs_is_named(unaligned: Path, tmp_path: Path) -> None:
    images = ready(unaligned, PixelCache(tmp_path / "cache"), register=True)
    for path in (tmp_path / "cache").rglob("*.npy"):
        path.unlink()
    with pytest.raises(DeblurbenchError, match="was cleared during the run; run again to go on"):
        images.test_image(images.items(TEST)[0])


@pytest.mark.parametrize("size", [(64, 64), (96, 96), (218, 178)])
def test_unrelated_pictures_never_match_however_small(photo: np.ndarray, size: tuple[int, int]) -> None:
    height, width = size
    places = [(top, left) for top in (0, 75) for left in (0, 110, 220)]
    parts = [photo[top : top + height, left : left + width] for top, left in places]
    random = np.random.default_rng(0)
    parts += [random.integers(0, 256, (height, width, 3), dtype=np.uint8) for _ in range(3)]
    for number, part in enumerate(parts):
        other = parts[(number + 4) % len(parts)]
        assert align(shaken(part), other) is None
        assert register(shaken(part), other) is None


@pytest.mark.parametrize("size", [(96, 96), (218, 178)])
def test_small_pairs_are_aligned_however_blurred(photo: np.ndarray, size: tuple[int, int]) -> None:
    for left in (0, 110, 220):
        sharp = photo[60 : 60 + size[0], left : left + size[1]]
        for blurred in (cv2.GaussianBlur(sharp, (0, 0), 3), shaken(sharp, left)):
            found = align(blurred, sharp)
            assert found is not None
            assert found.is_aligned
