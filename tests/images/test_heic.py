"""HEIC files, really encoded: read like any other, without a word to Pillow."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pillow_heif
import pytest
from PIL import Image, ImageCms

from deblurbench.data.layouts.sharp_folder import SharpFolder
from deblurbench.errors import UnreadableImage, UsageError
from deblurbench.images.photo import Photo
from deblurbench.images.reading import read_photo
from deblurbench.images.writing import write_photo, written_name


def write_heic(path: Path, pixels: np.ndarray, mode: str, **metadata: Any) -> Path:
    """Lossless but for the conversion of colours."""
    height, width = pixels.shape[:2]
    image = pillow_heif.from_bytes(mode=mode, size=(width, height), data=pixels.tobytes())
    buffer = io.BytesIO()
    image.save(buffer, quality=-1, chroma=444, **metadata)
    path.write_bytes(buffer.getvalue())
    return path


def assert_close(found: np.ndarray, wanted: np.ndarray) -> None:
    assert found.shape == wanted.shape
    assert found.dtype == wanted.dtype
    assert np.abs(found.astype(int) - wanted).max() <= np.iinfo(wanted.dtype).max * 0.015


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_heic_is_read_upright_once(tmp_path: Path, small: np.ndarray, orientation: int) -> None:
    """The encoder stores the turn and leaves the orientation in the EXIF, as phones do; applied twice it would be wrong."""
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = orientation, "maker"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    path = write_heic(tmp_path / "photo.HEIC", small, "RGB", exif=exif.tobytes(), icc_profile=profile)
    turned = Image.fromarray(small)
    turned.getexif()[0x0112] = orientation
    buffer = io.BytesIO()
    turned.save(buffer, "png", exif=exif)
    (tmp_path / "photo.png").write_bytes(buffer.getvalue())
    photo = read_photo(path)
    assert_close(photo.pixels, read_photo(tmp_path / "photo.png").pixels)
    assert photo.icc_profile == profile
    write_photo(tmp_path / "out.jpg", photo)
    written = Image.open(tmp_path / "out.jpg").getexif()
    assert written[0x010F] == "maker"
    assert 0x0112 not in written


def test_grey_transparency_and_more_than_eight_bits_are_kept(tmp_path: Path, small: np.ndarray) -> None:
    alpha = np.linspace(0, 255, 40 * 64).reshape(40, 64, 1).astype(np.uint8)
    photo = read_photo(write_heic(tmp_path / "alpha.heic", np.dstack([small, alpha]), "RGBA"))
    assert photo.alpha is not None
    assert_close(photo.alpha, alpha[..., 0])
    assert_close(photo.pixels, small)
    photo = read_photo(write_heic(tmp_path / "grey.heif", small[..., 0], "L"))
    assert photo.is_grey
    assert_close(photo.pixels[..., 0], small[..., 0])
    deep = np.linspace(0, 65535, 40 * 64 * 3).reshape(40, 64, 3).astype(np.uint16)
    photo = read_photo(write_heic(tmp_path / "deep.heic", deep, "RGB;16"))
    assert_close(photo.pixels, deep)
    assert photo.pixels.max() > 65535 * 0.995  # white is white, though ten bits shifted up end below


def test_damaged_and_huge_heic_files_are_named(tmp_path: Path, small: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_heic(tmp_path / "photo.heic", small, "RGB")
    data = path.read_bytes()
    for length in (16, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:length])
        with pytest.raises(UnreadableImage, match=r"photo.heic: cannot be decoded"):
            read_photo(path)
    path.write_bytes(data)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 40 * 64 // 2 - 1)
    with pytest.raises(UnreadableImage, match=r"photo.heic: more pixels than are decoded safely"):
        read_photo(path)
    path.write_bytes(b"")
    with pytest.raises(UnreadableImage, match=r"photo.heic: not an image of a known format"):
        read_photo(path)


def test_without_the_extra_a_heic_file_says_what_to_install(
    tmp_path: Path, small: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_heic(tmp_path / "photo.heic", small, "RGB")
    Image.fromarray(small).save(tmp_path / "photo.jpg")
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(UnreadableImage, match=r"photo.heic: HEIC needs pillow-heif; run: pip install 'deblurbench\[heic\]'"):
        read_photo(path)
    assert read_photo(tmp_path / "photo.jpg").pixels.shape == small.shape


def test_folders_list_heic_and_results_are_jpeg(tmp_path: Path, small: np.ndarray) -> None:
    registered = dict(Image.registered_extensions())  # other packages may have added theirs
    for name in ("a.heic", "b.HEIF", "c.heic"):
        write_heic(tmp_path / name, small, "RGB")
        read_photo(tmp_path / name)
    assert len(SharpFolder(path=str(tmp_path)).table().entries) == 3
    assert [written_name(Path("in", name)) for name in ("a.heic", "b.HEIF", "c.png")] == ["a.jpg", "b.jpg", "c.png"]
    with pytest.raises(
        UsageError, match=r"out.heic: images are written as .jpg, .jpeg, .png, .tif, .tiff, .webp, .bmp; choose"
    ):
        write_photo(tmp_path / "out.heic", Photo(small))
    assert Image.registered_extensions() == registered
