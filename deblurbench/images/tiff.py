"""TIFF files of 16 bits a channel, which Pillow would truncate to eight (TIFF 6.0; tag numbers as there)."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from PIL.TiffImagePlugin import (
    BITSPERSAMPLE,
    EXTRASAMPLES,
    PHOTOMETRIC_INTERPRETATION,
    PLANAR_CONFIGURATION,
    SAMPLEFORMAT,
    SAMPLESPERPIXEL,
    STRIPBYTECOUNTS,
    STRIPOFFSETS,
    TILEBYTECOUNTS,
    TILEOFFSETS,
    TiffImageFile,
)

from deblurbench.errors import UnreadableImage
from deblurbench.images.photo import Pixels

UNSIGNED, LONG = 1, 4  # sample format, type of a field
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB = 0, 1, 2
SEPARATE_PLANES = 2
UNSPECIFIED, ASSOCIATED = 0, 1  # kinds of an extra sample; another number is unassociated alpha
OFFSETS_AND_SIZES = (
    (STRIPOFFSETS, STRIPBYTECOUNTS),
    (TILEOFFSETS, TILEBYTECOUNTS),
)  # plane after plane
PLANE_TAGS = (256, 257, 259, 266, 274, 278, 317, 322, 323)  # size, compression, bit order, orientation, predictor, tiles


def is_tiff(data: bytes) -> bool:
    """Whether `data` has the signature of a TIFF."""
    return data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def is_16_bit(image: TiffImageFile) -> bool:
    """Whether a channel has 16 bits. Raises UnreadableImage for signed numbers and fractions, whose white is undefined."""
    if max(image.tag_v2.get(SAMPLEFORMAT, (UNSIGNED,))) != UNSIGNED:
        raise UnreadableImage("its numbers are signed or fractions; save it with 8 or 16 bits a channel, unsigned")
    return max(image.tag_v2.get(BITSPERSAMPLE, (1,))) == 16


def decode_16_bit(data: bytes, image: TiffImageFile) -> Pixels:
    """Decode `data`, whose header is `image`, to (H, W, 1 to 4) of 16 bits: upright, alpha unassociated, zero is black."""
    tags = image.tag_v2
    kind, depths = tags.get(PHOTOMETRIC_INTERPRETATION, 0), tags[BITSPERSAMPLE]
    if kind not in (WHITE_IS_ZERO, BLACK_IS_ZERO, RGB) or set(depths) != {16}:
        raise UnreadableImage("with 16 bits a channel only grey and RGB are read; save it as one of these")
    if tags.get(PLANAR_CONFIGURATION) == SEPARATE_PLANES and len(depths) > 1:
        planes = [_decoded(_one_plane(data, tags, plane, len(depths))) for plane in range(len(depths))]
        array = np.concatenate(planes, axis=2)
    else:
        image.load()  # decodes everything: a truncated file fails here
        array = _decoded(data)
    if kind == WHITE_IS_ZERO:
        array = np.iinfo(array.dtype).max - array
    if array.shape[2] in (2, 4):
        extra = tags.get(EXTRASAMPLES, (None,))[0]
        array = array[..., :-1] if extra == UNSPECIFIED else unassociated(array) if extra == ASSOCIATED else array
    return array


def unassociated(array: Pixels) -> Pixels:
    """(H, W, 2 or 4) with premultiplied alpha -> with unassociated alpha."""
    top, alpha = np.uint32(np.iinfo(array.dtype).max), array[..., -1:].astype(np.uint32)
    colors = (array[..., :-1] * top + alpha // 2) // np.maximum(alpha, 1)
    return np.concatenate([np.minimum(colors, top).astype(array.dtype), array[..., -1:]], axis=2)


def _decoded(data: bytes) -> Pixels:
    """Decode a TIFF by OpenCV, (H, W, C): upright, otherwise as it was stored."""
    import cv2

    array = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if array is None or array.dtype != np.uint16:
        raise UnreadableImage("its 16-bit pixels cannot be decoded; save it again as PNG or TIFF")
    if array.ndim == 2:
        return array[..., None]
    return array[..., [2, 1, 0, 3][: array.shape[2]]]


def _one_plane(data: bytes, tags: Any, plane: int, planes: int) -> bytes:
    """`data` with a directory that describes one plane as a grey image: OpenCV reads planes as interleaved pixels."""
    order = {b"II": "<", b"MM": ">"}[data[:2]]
    if data[2:4] != struct.pack(f"{order}H", 42):
        raise UnreadableImage("its planes are in a BigTIFF; save it again as PNG or TIFF")
    fields = {tag: _numbers(tags[tag]) for tag in PLANE_TAGS if tag in tags}
    fields |= {BITSPERSAMPLE: [16], SAMPLESPERPIXEL: [1], PHOTOMETRIC_INTERPRETATION: [BLACK_IS_ZERO]}
    offsets, sizes = next(both for both in OFFSETS_AND_SIZES if both[0] in tags)
    for tag in (offsets, sizes):
        count = len(_numbers(tags[tag])) // planes
        fields[tag] = _numbers(tags[tag])[plane * count :][:count]
    if any(start + size > len(data) for start, size in zip(fields[offsets], fields[sizes], strict=True)):
        raise UnreadableImage("it is cut off; replace or remove it")  # libtiff would go on into the directory
    lists, entries = b"", b""
    for tag, numbers in sorted(fields.items()):
        value = struct.pack(f"{order}{len(numbers)}I", *numbers)
        if len(numbers) > 1:
            value, lists = struct.pack(f"{order}I", len(data) + len(lists)), lists + value
        entries += struct.pack(f"{order}HHI", tag, LONG, len(numbers)) + value
    directory = struct.pack(f"{order}H", len(fields)) + entries + bytes(4)
    return data[:4] + struct.pack(f"{order}I", len(data) + len(lists)) + data[8:] + lists + directory


def _numbers(value: Any) -> list[int]:
    return [int(number) for number in (value if isinstance(value, tuple) else (value,))]
