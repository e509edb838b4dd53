from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image, ImageCms

from deblurbench.errors import DeblurbenchError, UnreadableImage, UsageError
from deblurbench.images.photo import Photo, left_out_note, list_images
from deblurbench.images.reading import read_photo
from deblurbench.images.tensors import at_scale, to_pixels, to_tensor
from deblurbench.images.whole import whole_size
from deblurbench.images.writing import write_photo

ORIENTATIONS = range(1, 9)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_exif_orientation_is_applied_as_pillow_does(tmp_path: Path, small: np.ndarray, orientation: int) -> None:
    from PIL import ImageOps

    image = Image.fromarray(small)
    exif = image.getexif()
    exif[0x0112] = orientation
    exif[0x010F] = "maker"
    image.save(tmp_path / "turned.png", exif=exif)
    photo = read_photo(tmp_path / "turned.png")
    assert np.array_equal(photo.pixels, np.asarray(ImageOps.exif_transpose(Image.open(tmp_path / "turned.png"))))
    write_photo(tmp_path / "out.png", photo)
    written = Image.open(tmp_path / "out.png")
    assert written.size == (photo.pixels.shape[1], photo.pixels.shape[0])
    assert 0x0112 not in written.getexif()  # it would be turned twice
    assert written.getexif()[0x010F] == "maker"


@pytest.mark.parametrize("suffix", [".png", ".tif", ".tiff", ".bmp", ".webp", ".jpg", ".jpeg", ".JPG"])
def test_round_trip_of_each_format(tmp_path: Path, small: np.ndarray, suffix: str) -> None:
    write_photo(tmp_path / f"photo{suffix}", Photo(small))
    back = read_photo(tmp_path / f"photo{suffix}")
    difference = np.abs(back.pixels.astype(int) - small).max()
    assert difference <= (0 if suffix in (".png", ".tif", ".tiff", ".bmp") else 40)
    assert back.pixels.shape == small.shape
    assert not back.is_grey
    assert back.alpha is None


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_sixteen_bits_keep_every_bit(tmp_path: Path, suffix: str, channels: int) -> None:
    values = np.random.default_rng(0).integers(0, 65536, (20, 30, channels), dtype=np.uint16)
    stored = values[..., [2, 1, 0, 3][:channels]] if channels > 1 else values
    cv2.imwrite(str(tmp_path / f"deep{suffix}"), stored)
    photo = read_photo(tmp_path / f"deep{suffix}")
    assert photo.pixels.dtype == np.uint16
    assert photo.is_grey == (channels == 1)
    assert np.array_equal(photo.pixels[..., : min(channels, 3)], values[..., :3])
    restored = photo.with_pixels(to_pixels(to_tensor(photo.pixels), np.uint16))  # through float32 and back
    write_photo(tmp_path / f"out{suffix}", restored)
    again = read_photo(tmp_path / f"out{suffix}")
    assert np.array_equal(again.pixels, photo.pixels)
    assert (again.alpha is None) == (channels != 4)


def test_sixteen_bits_become_eight_where_the_format_holds_no_more(tmp_path: Path) -> None:
    deep = np.full((4, 4, 3), 65535, np.uint16)
    write_photo(tmp_path / "out.webp", Photo(deep))
    assert read_photo(tmp_path / "out.webp").pixels.max() == 255


def test_grey_comes_back_grey_and_alpha_untouched(tmp_path: Path, small: np.ndarray) -> None:
    alpha = np.arange(40 * 64, dtype=np.uint32).reshape(40, 64).astype(np.uint8)
    Image.fromarray(np.dstack([small[..., 0], alpha])).save(tmp_path / "la.png")
    photo = read_photo(tmp_path / "la.png")
    assert photo.is_grey
    assert photo.pixels.shape == small.shape
    tinted = to_tensor(photo.pixels)
    tinted[:, 0] += 0.1  # a network may colour it
    write_photo(tmp_path / "out.png", photo.with_pixels(to_pixels(tinted)))
    written = Image.open(tmp_path / "out.png")
    assert written.mode == "LA"
    assert np.array_equal(np.asarray(written)[..., 1], alpha)


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "YCbCr", "RGBA", "LA"])
def test_every_mode_becomes_rgb(tmp_path: Path, small: np.ndarray, mode: str) -> None:
    path = tmp_path / ("image.jpg" if mode in ("CMYK", "YCbCr") else "image.png")
    Image.fromarray(small).convert(mode).save(path)
    photo = read_photo(path)
    assert photo.pixels.shape == small.shape
    assert photo.pixels.dtype == np.uint8


def test_color_profiles_are_kept(tmp_path: Path, small: np.ndarray) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for name in ("a.png", "b.jpg", "c.tif", "d.webp"):
        Image.fromarray(small).save(tmp_path / name, icc_profile=profile)
        write_photo(tmp_path / f"out-{name}", read_photo(tmp_path / name))
        assert Image.open(tmp_path / f"out-{name}").info["icc_profile"] == profile
    deep = Photo(np.full((8, 8, 3), 1000, np.uint16), icc_profile=profile)
    write_photo(tmp_path / "deep.png", deep)
    assert Image.open(tmp_path / "deep.png").info["icc_profile"] == profile


def damaged(tmp_path: Path, small: np.ndarray, kind: str) -> Path:
    path = tmp_path / f"{kind}.png"
    if kind == "empty":
        path.write_bytes(b"")
    elif kind == "text":
        path.write_text("this is no image")
    elif kind == "missing":
        pass
    elif kind == "float":
        path = path.with_suffix(".tif")
        Image.fromarray(np.ones((8, 8), np.float32)).save(path)
    elif kind == "truncated":
        Image.fromarray(small).save(path)
        path.write_bytes(path.read_bytes()[:2000])
    elif kind == "truncated-jpeg":
        path = path.with_suffix(".jpg")
        Image.fromarray(small).save(path)
        path.write_bytes(path.read_bytes()[:900])
    elif kind == "truncated-deep":
        cv2.imwrite(str(path), np.random.default_rng(0).integers(0, 65536, (64, 64, 3), dtype=np.uint16))
        path.write_bytes(path.read_bytes()[:9000])
    return path


@pytest.mark.parametrize("kind", ["empty", "text", "missing", "float", "truncated", "truncated-jpeg", "truncated-deep"])
def test_what_is_no_whole_image_is_named(tmp_path: Path, small: np.ndarray, kind: str) -> None:
    path = damaged(tmp_path, small, kind)
    with pytest.raises(UnreadableImage, match=str(path)) as caught:
        read_photo(path)
    assert "\n" not in str(caught.value)


def test_a_decompression_bomb_is_refused_by_its_header(tmp_path: Path) -> None:
    Image.new("1", (30_000, 30_000)).save(tmp_path / "bomb.png")
    with pytest.raises(UnreadableImage, match=r"bomb\.png: more pixels than are decoded safely"):
        read_photo(tmp_path / "bomb.png")


def test_a_grey_that_stands_for_nothing_is_transparent_in_sixteen_bits_too(tmp_path: Path) -> None:
    values = np.arange(600, dtype=np.uint16).reshape(20, 30) * 100
    data = cv2.imencode(".png", values)[1].tobytes()
    body = b"tRNS" + struct.pack(">H", 700)
    chunk = struct.pack(">I", 2) + body + struct.pack(">I", zlib.crc32(body))
    (tmp_path / "a.png").write_bytes(data[:33] + chunk + data[33:])
    photo = read_photo(tmp_path / "a.png")
    assert photo.alpha is not None
    assert np.array_equal(photo.alpha, np.where(values == 700, 0, 65535))


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_malformed_metadata_does_not_cost_the_pixels(tmp_path: Path, small: np.ndarray) -> None:
    good = io.BytesIO()
    exif = Image.Exif()
    exif[0x010F], exif[0x0110], exif[0x0112] = "maker", "model", 6
    exif.get_ifd(0x8769)[0x829A] = (1, 60)
    Image.fromarray(small).save(good, "JPEG", exif=exif)
    data = bytearray(good.getvalue())
    start = data.index(b"Exif")
    random = np.random.default_rng(0)
    for number in range(200):
        fuzzed = bytearray(data)
        for place in random.integers(start + 6, start + 120, size=4):
            fuzzed[place] = random.integers(0, 256)
        (tmp_path / "fuzzed.jpg").write_bytes(fuzzed)
        try:
            photo = read_photo(tmp_path / "fuzzed.jpg")
        except UnreadableImage:
            continue
        write_photo(tmp_path / f"{number}.png", photo)
        assert read_photo(tmp_path / f"{number}.png").pixels.size == small.size


def test_what_a_format_cannot_hold_is_named(tmp_path: Path) -> None:
    with pytest.raises(DeblurbenchError, match=r"wide\.webp: cannot be encoded.*choose another format"):
        write_photo(tmp_path / "wide.webp", Photo(np.zeros((1, 17_000, 3), np.uint8)))
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.bmp", "deep.png"])
def test_other_formats_keep_their_resolution_too(tmp_path: Path, small: np.ndarray, name: str) -> None:
    pixels = small.astype(np.uint16) * 257 if name == "deep.png" else small
    write_photo(tmp_path / name, Photo(pixels, dpi=(300, 150)))
    assert read_photo(tmp_path / name).dpi == pytest.approx((300, 150), abs=0.02)


def test_a_turned_photograph_has_its_resolutions_exchanged(tmp_path: Path, small: np.ndarray) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    for name in ("a.jpg", "a.tif"):
        Image.fromarray(small).save(tmp_path / name, exif=exif, dpi=(300, 150))
        assert read_photo(tmp_path / name).dpi == (150, 300)


def test_resolutions_that_cannot_be_are_none(tmp_path: Path, small: np.ndarray) -> None:
    for dpi in ((0, 300), (1e9, 300)):
        Image.fromarray(small).save(tmp_path / "a.tif", dpi=dpi)
        assert read_photo(tmp_path / "a.tif").dpi is None


def test_what_may_be_read_for_ever_is_no_photograph(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "zero.png").symlink_to("/dev/zero")
    with (tmp_path / "huge.png").open("wb") as file:
        file.truncate(1 << 40)
    for path in list_images(tmp_path):
        with pytest.raises(UnreadableImage, match=rf"{path.name}: is (a pipe, a socket or a device|too large)"):
            read_photo(path)


def test_transparency_is_never_dropped_silently(tmp_path: Path, small: np.ndarray) -> None:
    transparent = Photo(small, alpha=small[..., 0])
    with pytest.raises(UsageError, match="cannot hold the photo's transparency"):
        write_photo(tmp_path / "out.jpg", transparent)
    with pytest.raises(UsageError, match="images are written as"):
        write_photo(tmp_path / "out.gif", Photo(small))
    assert os.listdir(tmp_path) == []


def test_tensors_round_to_the_nearest_integer() -> None:
    image = torch.tensor([-0.2, 0.4999 / 255, 0.5001 / 255, 1.2]).view(1, 1, 1, 4).expand(1, 3, 1, 4)
    assert to_pixels(image)[0, :, 0].tolist() == [0, 0, 1, 255]


def test_an_image_at_a_quarter_of_its_size_is_of_its_blocks_of_sixteen() -> None:
    image = torch.rand(2, 3, 13, 18)
    blocks = image[..., :12, :16].unfold(2, 4, 4).unfold(3, 4, 4)  # (2, 3, 3, 4, 4, 4)
    assert torch.allclose(at_scale(image, 2), blocks.mean(dim=(4, 5)))
    assert torch.equal(at_scale(image, 2, "nearest"), blocks[..., 0, 0])
    assert torch.allclose(at_scale(image, 2, "bilinear"), blocks[..., 1:3, 1:3].mean(dim=(4, 5)))
    assert at_scale(image, 0, "nearest") is image


@pytest.mark.parametrize("size", [(16, 28), (4, 8)], ids=str)
def test_a_gaussian_pyramid_is_scikit_images(size: tuple[int, int]) -> None:
    from skimage.transform import pyramid_gaussian

    image = torch.rand(3, *size, dtype=torch.float64)
    for scale, level in enumerate(pyramid_gaussian(image.numpy(), max_layer=2, channel_axis=0)):
        assert torch.allclose(at_scale(image[None], scale, "gaussian")[0], torch.from_numpy(level))


def test_images_are_listed_whatever_the_case_of_their_suffix(tmp_path: Path) -> None:
    for name in ("b.JPG", "a.jpeg", "c.Png", "notes.txt", ".hidden.png"):
        (tmp_path / name).touch()
    (tmp_path / "folder.png").mkdir()
    assert [path.name for path in list_images(tmp_path)] == ["a.jpeg", "b.JPG", "c.Png"]
    with pytest.raises(UsageError, match="there is no such folder"):
        list_images(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="is not a folder"):
        list_images(tmp_path / "a.jpeg")


def test_a_picture_is_whole_or_not(tmp_path: Path, photo: np.ndarray) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(photo).save(path)
    assert whole_size(path) == (451, 300)
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    for damaged in (bytes(flipped), whole[:-20], whole[:40], b"", b"\0" * len(whole)):
        path.write_bytes(damaged)
        assert whole_size(path) is None
    path.unlink()
    assert whole_size(path) is None


def test_what_other_programs_would_be_asked_to_draw_is_no_photograph(tmp_path: Path) -> None:
    """Pillow would hand it to Ghostscript, whatever the file is called."""
    path = tmp_path / "a.png"
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\n")
    with pytest.raises(UnreadableImage, match=r"a\.png: not an image of a known format"):
        read_photo(path)


def test_what_a_folder_holds_besides_images_is_said_with_a_count(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    for name in ("a.jpg", "b.txt", "c.TXT", "d.mov", "e", ".hidden", "._a.jpg", "below/f.txt", "below/g.png"):
        (tmp_path / name).touch()
    directly = "4 files (2 .txt, 1 .mov, 1 no suffix): not images that are read"
    assert left_out_note(tmp_path) == (
        f"left out of {tmp_path}: {directly}; 1 folder: only images directly in {tmp_path.name} are read"
    )
    assert left_out_note(tmp_path, below=True) == (
        f"left out of {tmp_path}: 5 files (3 .txt, 1 .mov, 1 no suffix): not images that are read"
    )
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.jpg").touch()
    assert left_out_note(tmp_path / "images") is None
