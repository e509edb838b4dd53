from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms, TiffImagePlugin

from deblurbench.errors import UnreadableImage
from deblurbench.images.photo import Photo
from deblurbench.images.reading import read_photo
from deblurbench.images.writing import write_photo

ORIENTATIONS = range(1, 9)


@pytest.mark.parametrize(
    ("mode", "compression"), [("P", None), ("CMYK", None), ("RGB", "tiff_lzw"), ("RGB", "jpeg"), ("1", "group4")]
)
def test_tiffs_of_every_make_come_back_as_whole_tiffs(
    tmp_path: Path, small: np.ndarray, mode: str, compression: str | None
) -> None:
    """A TIFF's EXIF holds its own layout: that of the input, written into the output, would make it unreadable."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(small).convert(mode).save(
        tmp_path / "in.tif", compression=compression, icc_profile=profile, description="a cat"
    )
    photo = read_photo(tmp_path / "in.tif")
    write_photo(tmp_path / "out.tif", photo)
    written = Image.open(tmp_path / "out.tif")
    assert np.array_equal(read_photo(tmp_path / "out.tif").pixels, photo.pixels)
    assert written.getexif()[0x010E] == "a cat"
    assert (written.info.get("icc_profile") == profile) == (mode != "CMYK")  # a profile for inks would lie about RGB


@pytest.mark.parametrize("options", [{}, {"compression": "zlib", "predictor": True}, {"tile": (16, 16)}, {"byteorder": ">"}])
@pytest.mark.parametrize("planes", ["contig", "separate"])
@pytest.mark.parametrize("depth", [8, 16])
def test_tiffs_are_read_however_their_pixels_lie(
    tmp_path: Path, depth: int, planes: Literal["contig", "separate"], options: dict[str, Any]
) -> None:
    values = np.random.default_rng(0).integers(0, 2**depth, (20, 40, 4)).astype(f"{options.get('byteorder', '<')}u{depth // 8}")
    for orientation, channels in ((1, 3), (6, 3), (1, 4)):
        pixels = values[..., :channels]
        tifffile.imwrite(
            tmp_path / "a.tif", pixels if planes == "contig" else np.ascontiguousarray(pixels.transpose(2, 0, 1)),
            photometric="rgb", planarconfig=planes, extrasamples=["unassalpha"][: channels - 3], metadata=None,
            extratags=[(274, "H", 1, orientation, True)], **options,
        )  # fmt: skip
        photo = read_photo(tmp_path / "a.tif")
        upright = np.rot90(pixels, -1) if orientation == 6 else pixels
        assert np.array_equal(photo.pixels, upright[..., :3])
        assert photo.pixels.dtype == f"u{depth // 8}"
        assert channels == 3 or np.array_equal(photo.alpha, upright[..., 3])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_white_that_is_zero_comes_back_white(tmp_path: Path, dtype: type[np.uint8]) -> None:
    values = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, (20, 30), dtype=dtype)
    tifffile.imwrite(tmp_path / "a.tif", np.iinfo(dtype).max - values, photometric="miniswhite", metadata=None)
    assert np.array_equal(read_photo(tmp_path / "a.tif").pixels[..., 0], values)


@pytest.mark.parametrize(("dtype", "channels"), [(np.uint8, 2), (np.uint8, 4), (np.uint16, 4)])
def test_colors_that_were_multiplied_by_their_alpha_are_divided_by_it(
    tmp_path: Path, dtype: type[np.uint8], channels: int
) -> None:
    top = np.iinfo(dtype).max
    values = np.random.default_rng(0).integers(top // 4, top, (20, 30, channels), dtype=dtype)
    values[0] = 0  # wholly transparent
    alpha = values[..., -1:].astype(float)
    stored = np.concatenate([np.round(values[..., :-1] * alpha / top).astype(dtype), values[..., -1:]], axis=2)
    kind: Any = "rgb" if channels == 4 else "minisblack"
    tifffile.imwrite(
        tmp_path / "a.tif", stored, photometric=kind, planarconfig="contig", extrasamples=["assocalpha"], metadata=None
    )
    write_photo(tmp_path / "b.tif", read_photo(tmp_path / "a.tif"))
    for name in ("a.tif", "b.tif"):
        photo = read_photo(tmp_path / name)
        assert np.array_equal(photo.alpha, values[..., -1])
        assert np.abs(photo.pixels[..., : channels - 1].astype(int) - values[..., :-1]).max() <= 4


@pytest.mark.parametrize(
    ("kind", "dtype", "channels"),
    [("separated", "u2", 4), ("cielab", "u2", 3), ("rgb", "i1", 3), ("rgb", "f4", 3), ("rgb", "u4", 3), ("minisblack", "i1", 1),
     ("minisblack", "i2", 1), ("minisblack", "u4", 1), ("minisblack", "f4", 1), ("minisblack", "f8", 1)],
)  # fmt: skip
def test_tiffs_that_nobody_could_show_rightly_are_refused(tmp_path: Path, kind: Any, dtype: str, channels: int) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.ones((20, 30, channels), dtype).squeeze(), photometric=kind, metadata=None)
    with pytest.raises(UnreadableImage, match=r"a\.tif: .*(save it|convert it)"):
        read_photo(tmp_path / "a.tif")


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_planes_that_are_not_whole_are_refused(tmp_path: Path, compression: Literal["zlib"] | None) -> None:
    values = np.random.default_rng(0).integers(0, 65536, (3, 200, 300), dtype=np.uint16)
    tifffile.imwrite(
        tmp_path / "a.tif", values, photometric="rgb", planarconfig="separate", compression=compression, metadata=None
    )
    whole = (tmp_path / "a.tif").read_bytes()
    for cut in (1, 100, 2000):
        (tmp_path / "a.tif").write_bytes(whole[:-cut])
        with pytest.raises(UnreadableImage, match=r"a\.tif: it is cut off"):
            read_photo(tmp_path / "a.tif")


def test_deep_tiffs_keep_their_profile(tmp_path: Path) -> None:
    deep = Photo(
        np.full((8, 8, 3), 1000, np.uint16), icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    )
    write_photo(tmp_path / "deep.tif", deep)
    assert read_photo(tmp_path / "deep.tif").icc_profile == deep.icc_profile


@pytest.mark.parametrize("mode", ["RGB", "I;16"])
def test_deep_tiffs_keep_what_describes_the_photograph(tmp_path: Path, mode: str) -> None:
    exif = Image.Exif()
    exif[0x010E], exif[0x010F] = "a cat", "maker"
    exif.get_ifd(0x8769)[0x829A] = TiffImagePlugin.IFDRational(1, 60)
    exif[0x8769] = exif.get_ifd(0x8769)
    Image.fromarray(np.full((8, 6), 1000, np.uint16)).save(tmp_path / "in.tif", exif=exif, dpi=(300, 150))
    photo = read_photo(tmp_path / "in.tif")
    write_photo(tmp_path / "out.tif", replace(photo, is_grey=mode != "RGB"))
    written = read_photo(tmp_path / "out.tif")
    assert np.array_equal(written.pixels, photo.pixels)
    assert written.dpi == (300, 150)
    with Image.open(tmp_path / "out.tif") as image:
        assert image.mode == mode
        assert (image.getexif()[0x010E], image.getexif()[0x010F]) == ("a cat", "maker")
        assert float(image.getexif().get_ifd(0x8769)[0x829A]) == pytest.approx(1 / 60)


def test_a_large_deep_tiff_is_what_others_read(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 65536, (301, 403, 4), dtype=np.uint16)  # several strips, the last one short
    for photo in (
        Photo(values[..., :3]),
        Photo(values[..., :3], alpha=values[..., 3]),
        Photo(np.repeat(values[..., :1], 3, 2), is_grey=True),
    ):
        write_photo(tmp_path / "a.tif", photo)
        channels = values[..., : 1 if photo.is_grey else 3 if photo.alpha is None else 4].squeeze()
        assert np.array_equal(tifffile.imread(tmp_path / "a.tif"), channels)
        assert np.array_equal(read_photo(tmp_path / "a.tif").pixels, photo.pixels)


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate"])
def test_tiffs_keep_their_resolution(tmp_path: Path, small: np.ndarray, compression: str) -> None:
    Image.fromarray(small).save(tmp_path / "in.tif", compression=compression, dpi=(300, 150))
    write_photo(tmp_path / "out.tif", read_photo(tmp_path / "in.tif"))
    assert Image.open(tmp_path / "out.tif").info["dpi"] == (300, 150)
