"""HEIC files (ISO/IEC 23008-12), as phones write them; by pillow-heif, which is an extra."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from PIL import Image

from deblurbench.errors import UnreadableImage
from deblurbench.images.photo import Pixels
from deblurbench.images.tiff import unassociated

BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
MISSING = "HEIC needs pillow-heif; run: pip install 'deblurbench[heic]'"


class Heic(NamedTuple):
    """A decoded HEIC file: (H, W, 1 to 4) upright, its ICC profile and EXIF as it stores them, and its number of images."""

    array: Pixels
    icc_profile: bytes | None
    exif: bytes | None
    frames: int


def is_heic(data: bytes) -> bool:
    """Whether `data` has the signature of a HEIC file."""
    return data[4:8] == b"ftyp" and data[8:12] in BRANDS


def decode_heic(data: bytes) -> Heic:
    """Decode the primary image of `data`: 8 bits a channel, or 16 where it has more; unassociated alpha.

    libheif applies the rotation and mirroring that the file declares; the orientation in its EXIF repeats them and counts
    for nothing. Raises UnreadableImage where pillow-heif is not installed; other errors for what it cannot decode.
    """
    try:
        import pillow_heif  # registers nothing with Pillow
    except ImportError as error:
        raise UnreadableImage(MISSING) from error

    image = pillow_heif.open_heif(data, convert_hdr_to_8bit=False, hdr_to_16bit=False)
    width, height = image.size
    most = 2 * (Image.MAX_IMAGE_PIXELS or width * height)  # where Pillow refuses, too
    if width * height > most:
        raise Image.DecompressionBombError(f"{width * height} pixels exceed the limit of {most}")
    array = np.asarray(image)
    array = array[..., None] if array.ndim == 2 else array
    if array.dtype == np.uint16:
        white = (1 << int(image.info["bit_depth"])) - 1
        array = ((array.astype(np.uint32) * 65535 + white // 2) // white).astype(np.uint16)
    if "a" in image.mode:
        array = unassociated(array)
    return Heic(array, image.info.get("icc_profile"), image.info.get("exif"), len(image))
