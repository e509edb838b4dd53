"""Raw files of cameras, developed with neutral settings; by rawpy (LibRaw), which is an extra."""

from __future__ import annotations

import io
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deblurbench.errors import UnreadableImage

MISSING = "raw files need rawpy; run: pip install 'deblurbench[raw]'"
SRGB = 2.4, 12.92  # power, and slope of the linear part (IEC 61966-2-1)
EXIF_HEADER = b"Exif\0\0"
JPEG_START = b"\xff\xd8"


class Raw(NamedTuple):
    """A developed raw file: (H, W, 3) uint16 upright in sRGB, and what its EXIF can be read from."""

    array: NDArray[np.uint16]
    exif: bytes


def decode_raw(data: bytes) -> Raw:
    """Develop `data`: the camera's white balance, no brightening, 16 bits.

    Raises UnreadableImage where rawpy is not installed; other errors for what it cannot decode.
    """
    try:
        import rawpy
    except ImportError as error:
        raise UnreadableImage(MISSING) from error

    with rawpy.imread(io.BytesIO(data)) as raw:
        pixels = raw.sizes.raw_width * raw.sizes.raw_height
        most = 2 * (Image.MAX_IMAGE_PIXELS or pixels)  # where Pillow refuses, too
        if pixels > most:
            raise Image.DecompressionBombError(f"{pixels} pixels exceed the limit of {most}")
        array = raw.postprocess(
            use_camera_wb=True, no_auto_bright=True, output_bps=16, gamma=SRGB, output_color=rawpy.ColorSpace.sRGB
        )
        return Raw(array, _exif(raw, data))


def extract_preview(raw: Any) -> Any:
    """The preview in an opened raw file. Raises LibRawError where it has none."""
    return raw.extract_thumb()


def _exif(raw: object, data: bytes) -> bytes:
    """The EXIF of the preview that cameras embed, else the file itself: most raw files are TIFFs, as EXIF is."""
    import rawpy

    try:
        preview = extract_preview(raw)
        if preview.format == rawpy.ThumbFormat.JPEG and bytes(preview.data[:2]) == JPEG_START:
            with Image.open(io.BytesIO(preview.data), formats=["JPEG"]) as image:
                if found := image.info.get("exif"):
                    return bytes(found)
    except Exception:  # a malformed preview must not cost the photograph
        return EXIF_HEADER + data
    return EXIF_HEADER + data
