"""Image files -> photographs: orientation, transparency, depth and palettes are dealt with here."""

from __future__ import annotations

import io
import os
import stat
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from PIL.TiffImagePlugin import TiffImageFile

from deblurbench.errors import UnreadableImage, one_line
from deblurbench.images.photo import Photo, Pixels
from deblurbench.images.tiff import deep_pixels, is_deep, is_tiff, unassociated

FileIdentity = tuple[int, int, int, int]  # size, times of change of the content and of anything, inode
ORIENTATION_TAG = 0x0112
TURNED = (5, 6, 7, 8)  # orientations that exchange width and height
HIGHEST_DPI = 65536  # JPEG has 16 bits for it
DESCRIPTIVE_TAGS = (0x010E, 0x010F, 0x0110, 0x0131, 0x0132, 0x013B, 0x8298)  # title, camera, software, date, people
SUBDIRECTORIES = (0x8769, 0x8825)  # exposure, place
# Pillow goes by what a file holds, whatever it is called, and hands some kinds (EPS) to other programs: these alone are read.
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
LARGEST_FILE = 1 << 31  # bytes: all the pixels that Pillow decodes at most, of 16 bits and with transparency, take fewer
# Pillow warns of large images and odd metadata; both are dealt with here. Once and for all, because filters that are put on
# and taken off around a decoding are not safe where several threads decode.
warnings.filterwarnings("ignore", module=r"PIL\.")
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
RGB_OR_GREY = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "I;16", "I;16B", "I;16L", "I")  # a profile of others would lie


def read_photo(path: Path) -> Photo:
    """Decode the image in `path`. Raises UnreadableImage, with the file's name, for anything that is not a whole image."""
    return decode_photo(read_file(path), path)


def read_file(path: Path) -> bytes:
    """All that the file `path` holds. Raises UnreadableImage as `file_status` does, and for a file too large to be a photo."""
    if file_status(path).st_size > LARGEST_FILE:
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
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):  # reading tells of a folder better
        raise UnreadableImage(f"{path}: is a pipe, a socket or a device; give a file")
    return status


def file_identity(path: Path) -> FileIdentity:
    """By what a file is known without being read; `cp -p`, `rsync` and `unzip` keep size and time, not the latter two."""
    status = file_status(path)
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def decode_photo(data: bytes, path: Path) -> Photo:
    """The photo in `data`, the content of `path`. Raises UnreadableImage as `read_photo` does."""
    try:
        return _decode(data)
    except UnreadableImage as error:
        raise UnreadableImage(f"{path}: {error}") from error
    except UnidentifiedImageError as error:
        kind = "a damaged TIFF, or one of a kind that is not read" if is_tiff(data) else "not an image of a known format"
        raise UnreadableImage(f"{path}: {kind}; remove it or convert it") from error
    except Image.DecompressionBombError as error:
        raise UnreadableImage(f"{path}: more pixels than are decoded safely ({one_line(error)}); make it smaller") from error
    except Exception as error:  # decoders raise what they like for damaged files
        raise UnreadableImage(f"{path}: cannot be decoded ({one_line(error)}); replace or remove it") from error


def _unreadable(path: Path, error: OSError) -> UnreadableImage:
    return UnreadableImage(f"{path}: cannot be read ({error.strerror or error}); replace or remove it")


def _decode(data: bytes) -> Photo:
    with Image.open(io.BytesIO(data), formats=FORMATS) as image:
        orientation = _orientation(image) if isinstance(image, TiffImageFile) else None  # Pillow turns these, and forgets it
        if isinstance(image, TiffImageFile) and is_deep(image):
            array = deep_pixels(data, image)
        else:
            image.load()  # decodes everything: a truncated file fails here
            array = _deep_png(data, image) if _is_deep_png(data, image) else _shallow_array(image)
            array = _upright(array, _orientation(image))
        color, alpha = (array[..., :-1], array[..., -1]) if array.shape[2] in (2, 4) else (array, None)
        return Photo(
            pixels=np.ascontiguousarray(np.broadcast_to(color, (*color.shape[:2], 3))),
            alpha=alpha,
            is_grey=color.shape[2] == 1,
            icc_profile=image.info.get("icc_profile") if image.mode in RGB_OR_GREY else None,
            exif=_descriptive_exif(image),
            dpi=_dpi(image, orientation or _orientation(image)),
            frames=_frames(image),
        )


def _shallow_array(image: Image.Image) -> NDArray[np.uint8]:
    """(H, W, 1 to 4) of 8 bits: grey, grey and alpha, RGB or RGBA."""
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


def _is_deep_png(data: bytes, image: Image.Image) -> bool:
    """Whether it is a PNG of 16 bits a channel; Pillow alone would not tell, and drops the lower eight of colour images."""
    return image.format == "PNG" and data[24] == 16  # the bit depth of the header chunk


def _deep_png(data: bytes, image: Image.Image) -> Pixels:
    """(H, W, 1 to 4) of 16 bits, through OpenCV; Pillow has already found the file whole."""
    import cv2

    array = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if array is None or array.dtype != np.uint16:
        raise UnreadableImage("its 16-bit pixels cannot be decoded; save it again as PNG or TIFF")
    if array.ndim == 2:
        clear = image.info.get("transparency")  # a grey that stands for nothing, which OpenCV knows of colours only
        return array[..., None] if clear is None else np.dstack([array, np.where(array == clear, 0, 65535).astype(np.uint16)])
    return array[..., [2, 1, 0, 3][: array.shape[2]]]


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ORIENTATION_TAG, 1))
    except Exception:  # malformed metadata must not cost the pixels
        return 1


def _descriptive_exif(image: Image.Image) -> bytes | None:
    """The tags that describe the photograph; those that describe the file (a TIFF's layout, the orientation) are left."""
    try:
        source, kept = image.getexif(), Image.Exif()
        for tag in DESCRIPTIVE_TAGS:
            if tag in source:
                kept[tag] = source[tag]
        for directory in SUBDIRECTORIES:
            if content := source.get_ifd(directory):
                kept.get_ifd(directory).update(content)
                kept[directory] = content
        return kept.tobytes() if len(kept) else None
    except Exception:  # malformed metadata must not cost the pixels
        return None


def _dpi(image: Image.Image, orientation: int) -> tuple[float, float] | None:
    """Pixels an inch of the upright image, where it tells."""
    try:
        across, down = (float(number) for number in image.info["dpi"])
    except Exception:  # malformed metadata must not cost the pixels
        return None
    if not (0 < across < HIGHEST_DPI and 0 < down < HIGHEST_DPI):
        return None
    return (down, across) if orientation in TURNED else (across, down)


def _frames(image: Image.Image) -> int:
    """How many frames there are; to be asked last, because `image` may be another one afterwards."""
    try:
        return int(getattr(image, "n_frames", 1))
    except Exception:  # what follows the first is malformed
        return 1


def _upright(array: Pixels, orientation: int) -> Pixels:
    """Apply an EXIF orientation (1 to 8; anything else counts as 1)."""
    if orientation in TURNED:
        array = array.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        array = array[:, ::-1]
    if orientation in (3, 4, 7, 8):
        array = array[::-1]
    return np.ascontiguousarray(array)
