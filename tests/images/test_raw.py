"""Raw files: developed neutrally into 16 bits, restored, and written with their EXIF."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import rawpy
import tifffile
from PIL import Image

from deblurbench.errors import UnreadableImage, UsageError
from deblurbench.images import raw
from deblurbench.images.photo import Photo, list_images
from deblurbench.images.reading import read_photo
from deblurbench.images.writing import write_photo, written_name
from tests.apps.test_cli import checkpoint, invoke
from tests.conftest import TINY_UNET

ORIENTATION, MAKE, MODEL, DATE = 274, 271, 272, 306
CAMERA = "Camera of a test"
XYZ_TO_SRGB = (3.2404542, -1.5371385, -0.4985314, -0.969266, 1.8760108, 0.041556, 0.0556434, -0.2040259, 1.0572252)
BLACK, WHITE = 512, 16383


def rationals(*values: float) -> list[int]:
    return [part for value in values for part in (round(value * 10_000), 10_000)]


def write_dng(path: Path, light: np.ndarray, orientation: int = 1) -> Path:
    """A DNG (version 1.4) of a sensor with Bayer's pattern RGGB that sees `light` (H, W, 3) in [0, 1], linear sRGB."""
    mosaic = np.empty(light.shape[:2])
    for row, column, channel in ((0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 2)):
        mosaic[row::2, column::2] = light[row::2, column::2, channel]
    values = np.round(BLACK + mosaic * (WHITE - BLACK)).astype(np.uint16)
    tags = [
        (ORIENTATION, "H", 1, orientation, True),
        (MAKE, "s", 0, "deblurbench", True),
        (MODEL, "s", 0, CAMERA, True),
        (DATE, "s", 0, "2026:11:25 12:00:00", True),
        (33421, "H", 2, (2, 2), True),  # CFARepeatPatternDim
        (33422, "B", 4, b"\x00\x01\x01\x02", True),  # CFAPattern
        (50706, "B", 4, b"\x01\x04\x00\x00", True),  # DNGVersion
        (50708, "s", 0, CAMERA, True),  # UniqueCameraModel
        (50714, "H", 1, BLACK, True),  # BlackLevel
        (50717, "H", 1, WHITE, True),  # WhiteLevel
        (50721, "2i", 9, rationals(*XYZ_TO_SRGB), True),  # ColorMatrix1
        (50728, "2I", 3, rationals(1, 1, 1), True),  # AsShotNeutral
        (50778, "H", 1, 21, True),  # CalibrationIlluminant1: D65
    ]
    tifffile.imwrite(path, values, photometric="CFA", planarconfig="CONTIG", extratags=tags, metadata=None, software=False)
    return path


def scene() -> np.ndarray:
    """Four flat colours, (80, 120, 3) linear light."""
    light = np.empty((80, 120, 3))
    light[:40, :60], light[:40, 60:] = (0.5, 0.5, 0.5), (0.4, 0.1, 0.05)
    light[40:, :60], light[40:, 60:] = (0.05, 0.2, 0.4), (0.02, 0.02, 0.02)
    return light


def srgb(light: np.ndarray) -> np.ndarray:
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


def test_a_raw_file_is_developed_neutrally_into_16_bits(tmp_path: Path) -> None:
    photo = read_photo(write_dng(tmp_path / "a.dng", scene()))
    assert photo.pixels.dtype == np.uint16
    height, width = photo.pixels.shape[:2]
    assert abs(height - 80) <= 8  # LibRaw may crop the border
    for row in (height // 4, 3 * height // 4):
        for column in (width // 4, 3 * width // 4):
            found = photo.pixels[row - 5 : row + 5, column - 5 : column + 5].mean(axis=(0, 1)) / 65535
            expected = srgb(scene()[20 if row < height / 2 else 60, 30 if column < width / 2 else 90])
            assert found == pytest.approx(expected, abs=0.02)


def test_it_is_upright_and_keeps_its_exif(tmp_path: Path) -> None:
    plain, turned = (read_photo(write_dng(tmp_path / f"{number}.dng", scene(), number)).pixels for number in (1, 6))
    assert turned.shape[:2] == plain.shape[1::-1]
    assert np.abs(np.rot90(plain, -1).astype(int) - turned).mean() < 300
    exif = Image.Exif()
    exif.load(read_photo(tmp_path / "6.dng").exif)
    assert exif[MODEL] == CAMERA
    assert ORIENTATION not in exif
    assert exif.get_ifd(0x8769)[0xA001] == 1  # sRGB, whatever the camera's preview is in


def test_a_damaged_preview_costs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_dng(tmp_path / "a.dng", scene())
    damaged = SimpleNamespace(format=rawpy.ThumbFormat.JPEG, data=b"\xff\xd8 and no more")
    monkeypatch.setattr(raw, "extract_preview", lambda opened: damaged)
    assert np.array_equal(read_photo(path).pixels, read_photo(write_dng(tmp_path / "b.dng", scene())).pixels)


def test_a_maker_note_that_no_jpeg_holds_is_left_out_there(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[MODEL] = CAMERA
    exif[0x8769] = {0x927C: bytes(70_000), 0x829D: 2.8}
    photo = Photo(np.zeros((8, 8, 3), np.uint8), exif=exif.tobytes())
    for name, has_note in (("a.jpg", False), ("a.png", True)):
        write_photo(tmp_path / name, photo)
        written = Image.open(tmp_path / name).getexif()
        assert written[MODEL] == CAMERA
        assert written.get_ifd(0x8769)[0x829D] == pytest.approx(2.8)
        assert (0x927C in written.get_ifd(0x8769)) == has_note


def test_deblur_writes_16_bits_with_exif(tmp_path: Path) -> None:
    model = checkpoint(tmp_path / "cnn.safetensors", {"name": "cnn", "network": TINY_UNET})
    (tmp_path / "in").mkdir()
    write_dng(tmp_path / "in" / "photo.DNG", scene())
    result = invoke("deblur", tmp_path / "in", "--model", model, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    written = read_photo(tmp_path / "out" / "photo.tif")
    assert written.pixels.dtype == np.uint16
    with Image.open(tmp_path / "out" / "photo.tif") as image:
        assert image.tag_v2[MODEL] == CAMERA
    assert written_name(Path("a.CR3")) == "a.tif"


def test_what_no_raw_file_is_or_rawpy_missing_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.nef").write_bytes(b"no raw file" * 100)
    with pytest.raises(UnreadableImage, match=r"a.nef: cannot be decoded \(.*\); replace or remove it"):
        read_photo(tmp_path / "a.nef")
    write_dng(tmp_path / "b.dng", scene())
    whole = (tmp_path / "b.dng").read_bytes()
    for length in (100, 1000, 10_000, len(whole) - 500):
        (tmp_path / "c.dng").write_bytes(whole[:length])
        with pytest.raises(UnreadableImage, match=r"c.dng: cannot be decoded \(.*\); replace or remove it"):
            read_photo(tmp_path / "c.dng")
    assert [path.name for path in list_images(tmp_path)] == ["a.nef", "b.dng", "c.dng"]
    monkeypatch.setitem(sys.modules, "rawpy", None)
    with pytest.raises(UnreadableImage, match=r"b.dng: raw files need rawpy; run: pip install 'deblurbench\[raw\]'"):
        read_photo(tmp_path / "b.dng")


def test_raw_files_are_read_and_never_written(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="images are written as"):
        write_photo(tmp_path / "x.dng", Photo(np.zeros((4, 4, 3), np.uint8)))
