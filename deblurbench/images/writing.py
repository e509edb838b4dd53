"""Photographs -> image files, with their bit depth, grey channel and transparency."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import replace
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL import TiffImagePlugin as tiff

from deblurbench.errors import DeblurbenchError, UsageError, one_line
from deblurbench.files import write_whole
from deblurbench.images.exif import fit_for_jpeg
from deblurbench.images.photo import HEIC, RAW, WRITTEN, Photo, Pixels
from deblurbench.images.tiff import BLACK_IS_ZERO, RGB

METERS_PER_INCH = 0.0254
INCH, UNASSOCIATED, ZIP = 2, 2, 8  # values of TIFF fields
STRIP = 1 << 18  # bytes of pixels in a strip of a TIFF
PNG_HEADER = 33  # bytes: the signature and the chunk IHDR


def write_photo(path: Path, photo: Photo) -> None:
    """Write `photo` in the format of the suffix, whole or not at all; 16 bits where PNG or TIFF can hold them.

    Raises UsageError for a suffix that is not written, or that cannot hold the photo's transparency.
    """
    suffix = path.suffix.lower()
    if suffix not in WRITTEN:
        raise UsageError(f"{path}: images are written as {', '.join(WRITTEN)}; choose one of these")
    if photo.alpha is not None and suffix in (".jpg", ".jpeg", ".bmp"):
        raise UsageError(f"{path}: {suffix} cannot hold the photo's transparency; choose .png, .webp or .tif")
    is_16_bit = photo.pixels.dtype == np.uint16
    try:
        if is_16_bit and suffix == ".png":
            data = _encode_16_bit_png(photo)
        elif is_16_bit and suffix in (".tif", ".tiff"):
            data = _encode_16_bit_tiff(photo)
        else:
            data = _encode(to_eight_bits(photo), suffix)
    except (ValueError, OSError) as error:  # a WebP of more than 16383 pixels a side, say
        raise DeblurbenchError(f"{path}: cannot be encoded ({one_line(error)}); choose another format") from error
    write_whole(path, data)


def written_name(source: Path) -> str:
    """The name of a file that is made of the photograph `source`: its own, with `.jpg` for HEIC and `.tif` for a raw file."""
    suffix = source.suffix.lower()
    return source.with_suffix(".jpg" if suffix in HEIC else ".tif" if suffix in RAW else source.suffix).name


def _channels(photo: Photo) -> Pixels:
    """(H, W, 1 to 4): the photo's one or three colour channels, and its alpha."""
    color = photo.pixels[..., :1] if photo.is_grey else photo.pixels
    return color if photo.alpha is None else np.concatenate([color, photo.alpha[..., None]], axis=2)


def _encode(photo: Photo, suffix: str) -> bytes:
    channels = _channels(photo)
    image = Image.fromarray(channels[..., 0] if channels.shape[2] == 1 else channels)
    quality: dict[str, object] = {}
    if suffix in (".jpg", ".jpeg"):
        quality = {"quality": 95, "subsampling": 0}
    elif suffix == ".webp":
        quality = {"quality": 95}
    exif = fit_for_jpeg(photo.exif) if photo.exif and suffix in (".jpg", ".jpeg") else photo.exif
    metadata = {"icc_profile": photo.icc_profile, "exif": exif, "dpi": photo.dpi}
    buffer = io.BytesIO()
    file_format = Image.registered_extensions()[suffix]
    image.save(buffer, file_format, **quality, **{key: value for key, value in metadata.items() if value})
    return buffer.getvalue()


def _encode_16_bit_png(photo: Photo) -> bytes:
    """Encode 16 bits a channel by OpenCV, which writes no metadata: its chunks are inserted after the header chunk."""
    import cv2

    channels = _channels(photo)
    if channels.shape[2] == 2:  # OpenCV writes no grey with alpha
        channels = np.concatenate([photo.pixels, channels[..., 1:]], axis=2)
    if channels.shape[2] >= 3:
        channels = channels[..., [2, 1, 0, 3][: channels.shape[2]]]
    done, buffer = cv2.imencode(".png", np.ascontiguousarray(channels))
    if not done:
        raise OSError(f"OpenCV could not encode a PNG of {channels.shape}")
    data = buffer.tobytes()
    chunks = b""
    if photo.icc_profile:
        chunks += _png_chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(photo.icc_profile))
    if photo.exif:
        chunks += _png_chunk(b"eXIf", photo.exif.removeprefix(b"Exif\0\0"))
    if photo.dpi:
        chunks += _png_chunk(b"pHYs", struct.pack(">IIB", *(round(number / METERS_PER_INCH) for number in photo.dpi), 1))
    return data[:PNG_HEADER] + chunks + data[PNG_HEADER:]


def _png_chunk(kind: bytes, body: bytes) -> bytes:
    """Length, kind, body and checksum (PNG, third edition, section 5.3)."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _encode_16_bit_tiff(photo: Photo) -> bytes:
    """Encode 16 bits a channel, for which Pillow has no colour mode: its directory of fields, then our own strips."""
    channels = _channels(photo).astype("<u2")
    height, width, count = channels.shape
    rows = max(STRIP // channels[0].nbytes, 1)
    strips = [zlib.compress(channels[top : top + rows].tobytes()) for top in range(0, height, rows)]
    fields = tiff.ImageFileDirectory_v2()
    for tag, value in _exif_fields(photo):
        fields[tag] = value
    if photo.icc_profile:
        fields[tiff.ICCPROFILE] = photo.icc_profile
    if photo.dpi:
        fields[tiff.X_RESOLUTION], fields[tiff.Y_RESOLUTION] = photo.dpi
        fields[tiff.RESOLUTION_UNIT] = INCH
    if photo.alpha is not None:
        fields[tiff.EXTRASAMPLES] = UNASSOCIATED
    fields[tiff.IMAGEWIDTH], fields[tiff.IMAGELENGTH], fields[tiff.ROWSPERSTRIP] = width, height, rows
    fields[tiff.SAMPLESPERPIXEL], fields[tiff.BITSPERSAMPLE] = count, (16,) * count
    fields[tiff.PHOTOMETRIC_INTERPRETATION] = BLACK_IS_ZERO if photo.is_grey else RGB
    fields[tiff.COMPRESSION] = ZIP
    fields[tiff.STRIPBYTECOUNTS] = tuple(len(strip) for strip in strips)
    fields[tiff.STRIPOFFSETS] = tuple(accumulate((len(strip) for strip in strips[:-1]), initial=0))  # after the fields
    buffer = io.BytesIO()
    fields.save(buffer)
    return buffer.getvalue() + b"".join(strips)


def _exif_fields(photo: Photo) -> Iterator[tuple[int, Any]]:
    exif = Image.Exif()
    exif.load(photo.exif or b"")
    for tag in exif:
        yield tag, exif.get_ifd(tag) or exif[tag]


def to_eight_bits(photo: Photo) -> Photo:
    """`photo` with 8 bits a channel, rounded."""
    if photo.pixels.dtype == np.uint8:
        return photo

    def rounded(values: Pixels) -> NDArray[np.uint8]:
        return ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)

    return replace(photo, pixels=rounded(photo.pixels), alpha=None if photo.alpha is None else rounded(photo.alpha))
