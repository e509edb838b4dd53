"""Image files -> photographs: applies orientation, transparency, bit depth and palettes."""

from __future__ import annotations

import io
import os
import stat
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, UnidentifiedImageError
from PIL.TiffImagePlugin import TiffImageFile

from deblurbench.errors import UnreadableImage, one_line
from deblurbench.images.exif import descriptive_exif, in_srgb, with_exif
from deblurbench.images.heic import decode_heic, is_heic
from deblurbench.images.photo import RAW, Photo, Pixels
from deblurbench.images.raw import decode_raw
from deblurbench.images.tiff import decode_16_bit, is_16_bit, is_tiff, unassociated

FileIdentity = tuple[int, int, int, int]  # size, modification time, change time, inode
ORIENTATION_TAG = 0x0112
TRANSPOSING = (5, 6, 7, 8)  # orientations that exchange width and height
MAX_DPI = 65536  # JPEG has 16 bits for it
# Pillow goes by the content of a file, not its name, and passes some formats (EPS) to other programs: only these are read.
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
MAX_FILE_SIZE = 1 << 31  # bytes; more than the most pixels that Pillow decodes, of 16 bits and with transparency
# Pillow warns of large images and odd metadata; both are handled here. The filters are set once, because setting and
# restoring them around each decoding is not thread-safe.
warnings.filterwarnings("ignore", module=r"PIL\.")
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
RGB_OR_GREY = (
    "1",
    "L",
    "LA",
    "P",
    "PA",
    "RGB",
    "RGBA",
    "I;16",
    "I;16B",
    "I;16L",
    "I",
)  # others are converted


def read_photo(path: Path) -> Photo:
    """Decode the image in `path`. Raises UnreadableImage, with the file's name, for anything that is not a whole image."""
    return decode_photo(read_file(path), path)


def read_file(path: Path) -> bytes:
    """The bytes of the file `path`. Raises UnreadableImage as `file_status` does, and for a file too large to be a photo."""
    if file_status(path).st_size > MAX_FILE_SIZE:
        raise UnreadableImage(f"{path}: is too large a file for a photograph; make it smaller")
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error


def file_status(path: Path) -> os.stat_result:
    """Identify the file `path` by its metadata. Raises UnreadableImage for a missing file, a pipe or a device."""
    try:
        status = path.stat()
    except OSError as error:
        raise _unreadable(path, error) from error
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):  # reading a folder raises the better message
        raise UnreadableImage(f"{path}: is a pipe, a socket or a device; give a file")
    return status


def file_identity(path: Path) -> FileIdentity:
    """The identity of a file without reading it; `cp -p`, `rsync` and `unzip` keep the first two numbers, not the last two."""
    status = file_status(path)
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def decode_photo(data: bytes, path: Path) -> Photo:
    """The photo in `data`, the content of `path`. Raises UnreadableImage as `read_photo` does."""
    try:
        return _decode_raw(data) if path.suffix.lower() in RAW else _decode(data)
    except UnreadableImage as error:
        raise UnreadableImage(f"{path}: {error}") from error
    except UnidentifiedImageError as error:
        kind = "a damaged TIFF, or one of a kind that is not read" if is_tiff(data) else "not an image of a known format"
        raise UnreadableImage(f"{path}: {kind}; remove it or convert it") from error
    except Image.DecompressionBombError as error:
        raise UnreadableImage(f"{path}: more pixels than are decoded safely ({one_line(error)}); make it smaller") from error
    except Exception as error:  # decoders raise any kind of error for damaged files
        raise UnreadableImage(f"{path}: cannot be decoded ({one_line(error)}); replace or remove it") from error


def _unreadable(path: Path, error: OSError) -> UnreadableImage:
    return UnreadableImage(f"{path}: cannot be read ({error.strerror or error}); replace or remove it")


def _decode(data: bytes) -> Photo:
    if is_heic(data):
        return _decode_heic(data)
    with Image.open(io.BytesIO(data), formats=FORMATS) as image:
        orientation = _orientation(image) if isinstance(image, TiffImageFile) else None  # Pillow applies and removes it
        if isinstance(image, TiffImageFile) and is_16_bit(image):
            array = decode_16_bit(data, image)
        else:
            image.load()  # decodes everything: a truncated file fails here
            array = _decode_16_bit_png(data, image) if _is_16_bit_png(data, image) else _decode_8_bit(image)
            array = _apply_orientation(array, _orientation(image))
        return Photo(
            **_split_channels(array),
            icc_profile=image.info.get("icc_profile") if image.mode in RGB_OR_GREY else None,
            exif=descriptive_exif(image),
            dpi=_dpi(image, orientation or _orientation(image)),
            frames=_frames(image),
        )


def _decode_heic(data: bytes) -> Photo:
    found = decode_heic(data)
    exif = descriptive_exif(with_exif(found.exif))
    return Photo(**_split_channels(found.array), icc_profile=found.icc_profile, exif=exif, frames=found.frames)


def _decode_raw(data: bytes) -> Photo:
    """A raw file: by its suffix, since its content may be that of a TIFF, which holds only a preview for others."""
    found = decode_raw(data)
    exif = descriptive_exif(with_exif(found.exif))
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return Photo(found.array, icc_profile=profile, exif=exif and in_srgb(exif))


def _split_channels(array: Pixels) -> dict[str, Any]:
    """(H, W, 1 to 4) -> the fields of a photo that hold its channels."""
    color, alpha = (array[..., :-1], array[..., -1]) if array.shape[2] in (2, 4) else (array, None)
    pixels = np.ascontiguousarray(np.broadcast_to(color, (*color.shape[:2], 3)))
    return {"pixels": pixels, "alpha": alpha, "is_grey": color.shape[2] == 1}


def _decode_8_bit(image: Image.Image) -> NDArray[np.uint8]:
    """Decode to (H, W, 1 to 4) of 8 bits: grey, grey and alpha, RGB or RGBA."""
    transparent = image.has_transparency_data
    if image.mode in ("I", "F", "I;16", "I;16B", "I;16L"):
        raise UnreadableImage(f"pixels of kind '{image.mode}' are not read; save it with 8 or 16 bits a channel")
    if image.mode == "La":
        return unassociated(np.asarray(image))
    if image.mode in ("1", "L", "LA"):
        image = image.convert("LA" if transparent else "L")
    else:
        image = image.convert("RGBA" if transparent else "RGB")
    array = np.asarray(image)
    return array[..., None] if array.ndim == 2 else array


def _is_16_bit_png(data: bytes, image: Image.Image) -> bool:
    """Whether it is a PNG of 16 bits a channel, which Pillow does not report; it drops the lower eight of colour images."""
    return image.format == "PNG" and data[24] == 16  # the bit depth of the header chunk


def _decode_16_bit_png(data: bytes, image: Image.Image) -> Pixels:
    """Decode to (H, W, 1 to 4) of 16 bits by OpenCV; Pillow has already checked that the file is not truncated."""
    import cv2

    array = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if array is None or array.dtype != np.uint16:
        raise UnreadableImage("its 16-bit pixels cannot be decoded; save it again as PNG or TIFF")
    if array.ndim == 2:
        clear = image.info.get("transparency")  # the grey value that is transparent, which OpenCV reads for colour images only
        return array[..., None] if clear is None else np.dstack([array, np.where(array == clear, 0, 65535).astype(np.uint16)])
    return array[..., [2, 1, 0, 3][: array.shape[2]]]


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ORIENTATION_TAG, 1))
    except Exception:  # malformed metadata must not cost the pixels
        return 1


def _dpi(image: Image.Image, orientation: int) -> tuple[float, float] | None:
    """Pixels per inch of the upright image, where the file has them."""
    try:
        across, down = (float(number) for number in image.info["dpi"])
    except Exception:  # malformed metadata must not cost the pixels
        return None
    if not (0 < across < MAX_DPI and 0 < down < MAX_DPI):
        return None
    return (down, across) if orientation in TRANSPOSING else (across, down)


def _frames(image: Image.Image) -> int:
    """The number of frames; to be called last, because it may seek to another one."""
    try:
        return int(getattr(image, "n_frames", 1))
    except Exception:  # a later frame is malformed
        return 1


def _apply_orientation(array: Pixels, orientation: int) -> Pixels:
    """Apply an EXIF orientation (1 to 8; anything else counts as 1)."""
    if orientation in TRANSPOSING:
        array = array.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        array = array[:, ::-1]
    if orientation in (3, 4, 7, 8):
        array = array[::-1]
    return np.ascontiguousarray(array)
