"""Photographs -> image files, as deep, grey and transparent as they came."""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deblurbench.errors import DeblurbenchError, UsageError, one_line
from deblurbench.files import write_whole
from deblurbench.images.photo import SUFFIXES, Photo, Pixels

PNG_HEADER = 33  # bytes: the signature and the chunk IHDR


def write_photo(path: Path, photo: Photo) -> None:
    """Write `photo` in the format of the suffix, whole or not at all; 16 bits where PNG or TIFF can hold them.

    Raises UsageError for a suffix that is not written, or that cannot hold the photo's transparency.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise UsageError(f"{path}: images are written as {', '.join(SUFFIXES)}; choose one of these")
    if photo.alpha is not None and suffix in (".jpg", ".jpeg", ".bmp"):
        raise UsageError(f"{path}: {suffix} cannot hold the photo's transparency; choose .png, .webp or .tif")
    is_deep = photo.pixels.dtype == np.uint16
    try:
        if is_deep and suffix == ".png":
            data = _encode_deep_png(photo)
        elif is_deep and suffix in (".tif", ".tiff"):
            data = _encode_deep_tiff(photo)
        else:
            data = _encode(_to_eight_bits(photo) if is_deep else photo, suffix)
    except (ValueError, OSError) as error:  # a WebP of more than 16383 pixels a side, say
        raise DeblurbenchError(f"{path}: cannot be encoded ({one_line(error)}); choose another format") from error
    write_whole(path, data)


def _channels(photo: Photo) -> Pixels:
    """(H, W, 1 to 4): the colour channels that the photo really has, and its alpha."""
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
    metadata = {"icc_profile": photo.icc_profile, "exif": photo.exif}
    buffer = io.BytesIO()
    file_format = Image.registered_extensions()[suffix]
    image.save(buffer, file_format, **quality, **{key: value for key, value in metadata.items() if value})
    return buffer.getvalue()


def _encode_deep_png(photo: Photo) -> bytes:
    """16 bits a channel through OpenCV, which knows no metadata: its chunks are put after the header chunk."""
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
    return data[:PNG_HEADER] + chunks + data[PNG_HEADER:]


def _png_chunk(kind: bytes, body: bytes) -> bytes:
    """Length, kind, body and checksum (PNG, third edition, section 5.3)."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _encode_deep_tiff(photo: Photo) -> bytes:
    import tifffile

    channels = _channels(photo)
    buffer = io.BytesIO()
    tifffile.imwrite(
        buffer,
        channels[..., 0] if channels.shape[2] == 1 else channels,
        photometric="minisblack" if photo.is_grey else "rgb",
        extrasamples=None if photo.alpha is None else ["unassalpha"],
        planarconfig="contig" if channels.shape[2] > 1 else None,
        compression="zlib",
        iccprofile=photo.icc_profile,
        metadata=None,
    )
    return buffer.getvalue()


def _to_eight_bits(photo: Photo) -> Photo:
    def rounded(values: Pixels) -> NDArray[np.uint8]:
        return ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)

    return replace(photo, pixels=rounded(photo.pixels), alpha=None if photo.alpha is None else rounded(photo.alpha))
