"""Files <-> tensors: the one place that knows EXIF, alpha, 16-bit, grey, palettes and rounding to integers."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from PIL.TiffImagePlugin import BITSPERSAMPLE, SAMPLEFORMAT, TiffImageFile
from torch import Tensor

from deblurbench.errors import DeblurbenchError, UnreadableImage, UsageError, one_line
from deblurbench.files import write_whole

SUFFIXES = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp")
ORIENTATION_TAG = 0x0112
DESCRIPTIVE_TAGS = (0x010E, 0x010F, 0x0110, 0x0131, 0x0132, 0x013B, 0x8298)  # title, camera, software, date, people
SUBDIRECTORIES = (0x8769, 0x8825)  # exposure, place
RGB_OR_GREY = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "I;16", "I;16B", "I;16L", "I")  # a profile of others would lie
PNG_HEADER = 33  # bytes: the signature and the chunk IHDR

Pixels = NDArray[Any]  # of uint8 or uint16; numpy's types cannot say which operations keep that


@dataclass(frozen=True)
class Photo:
    """A decoded image, upright: pixels (H, W, 3) RGB uint8 or uint16, and what is needed to write it as it came."""

    pixels: Pixels
    alpha: Pixels | None = None  # (H, W), of the same type as the pixels
    is_grey: bool = False
    icc_profile: bytes | None = None
    exif: bytes | None = None  # without the orientation, which the pixels have already taken


def is_image_name(path: Path) -> bool:
    """Whether the suffix, in any case, is one that is read here; hidden files are none."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def list_images(folder: Path) -> list[Path]:
    """The images directly in `folder`, sorted by name. Raises UsageError where it is no readable folder."""
    try:
        return sorted(path for path in folder.iterdir() if is_image_name(path) and not path.is_dir())
    except OSError as error:
        reason = "is not a folder" if folder.exists() else "there is no such folder"
        raise UsageError(f"{folder}: {reason}; give the folder that holds the images") from error


def read_photo(path: Path) -> Photo:
    """Decode the image in `path`. Raises UnreadableImage, with the file's name, for anything that is not a whole image."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UnreadableImage(f"{path}: cannot be read ({error.strerror or error}); replace or remove it") from error
    return decode_photo(data, path)


def decode_photo(data: bytes, path: Path) -> Photo:
    """The photo in `data`, the content of `path`. Raises UnreadableImage as `read_photo` does."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of large images and odd metadata; both are dealt with here
            return _decode(data)
    except UnreadableImage as error:
        raise UnreadableImage(f"{path}: {error}") from error
    except UnidentifiedImageError as error:
        raise UnreadableImage(f"{path}: not an image of a known format; remove it or convert it") from error
    except Image.DecompressionBombError as error:
        raise UnreadableImage(f"{path}: more pixels than are decoded safely ({one_line(error)}); make it smaller") from error
    except Exception as error:  # decoders raise what they like for damaged files
        raise UnreadableImage(f"{path}: cannot be decoded ({one_line(error)}); replace or remove it") from error


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


def to_tensor(pixels: Pixels) -> Tensor:
    """(H, W, 3) uint8 or uint16 -> (1, 3, H, W) float32 in [0, 1]."""
    return to_float(torch.from_numpy(np.array(pixels)).permute(2, 0, 1)[None])


def to_float(images: Tensor) -> Tensor:
    """Integer images of any shape -> float32 in [0, 1]; the range is that of the type, never guessed."""
    return images.to(torch.float32) / torch.iinfo(images.dtype).max


def to_pixels(image: Tensor, dtype: np.dtype[Any] | type[np.uint8] = np.uint8) -> Pixels:
    """(1, 3, H, W) or (3, H, W), clipped to [0, 1] -> (H, W, 3), rounded to the nearest integer of `dtype`."""
    planes = image.detach().reshape(image.shape[-3:]).to("cpu", torch.float64).clamp(0, 1)
    scaled = (planes * np.iinfo(dtype).max).round().permute(1, 2, 0).numpy().astype(dtype)
    return np.ascontiguousarray(scaled)


def with_pixels(photo: Photo, image: Tensor) -> Photo:
    """`photo` with the restored `image` (1, 3, H, W) in place of its pixels, as deep and as grey as it came."""
    pixels = to_pixels(image, photo.pixels.dtype)
    if photo.is_grey:
        pixels = np.repeat(pixels.mean(axis=2, keepdims=True).round().astype(pixels.dtype), 3, axis=2)
    return replace(photo, pixels=pixels)


def _decode(data: bytes) -> Photo:
    with Image.open(io.BytesIO(data)) as image:
        image.load()  # decodes everything: a truncated file fails here
        orientation = _orientation(image)
        array = _deep_array(data, image) if _is_deep(data, image) else _shallow_array(image)
        array = _upright(array, orientation)
        color, alpha = (array[..., :-1], array[..., -1]) if array.shape[2] in (2, 4) else (array, None)
        return Photo(
            pixels=np.ascontiguousarray(np.broadcast_to(color, (*color.shape[:2], 3))),
            alpha=alpha,
            is_grey=color.shape[2] == 1,
            icc_profile=image.info.get("icc_profile") if image.mode in RGB_OR_GREY else None,
            exif=_descriptive_exif(image),
        )


def _shallow_array(image: Image.Image) -> NDArray[np.uint8]:
    """(H, W, 1 to 4) of 8 bits: grey, grey and alpha, RGB or RGBA."""
    transparent = image.has_transparency_data
    if image.mode in ("I", "F", "I;16", "I;16B", "I;16L"):
        raise UnreadableImage(f"pixels of kind '{image.mode}' are not read; save it with 8 or 16 bits a channel")
    if image.mode in ("1", "L", "LA"):
        image = image.convert("LA" if transparent else "L")
    else:
        image = image.convert("RGBA" if transparent else "RGB")
    array = np.asarray(image)
    return array[..., None] if array.ndim == 2 else array


def _is_deep(data: bytes, image: Image.Image) -> bool:
    """Whether a channel has 16 bits; Pillow alone would not tell, and drops the lower eight of colour images."""
    if image.format == "PNG":
        return data[24] == 16  # the bit depth of the header chunk
    if isinstance(image, TiffImageFile):
        depth, sample_format = (image.tag_v2.get(tag, (1,)) for tag in (BITSPERSAMPLE, SAMPLEFORMAT))
        return max(depth) == 16 and max(sample_format) == 1
    return False


def _deep_array(data: bytes, image: Image.Image) -> Pixels:
    """(H, W, 1 to 4) of 16 bits, through OpenCV; Pillow has already found the file whole."""
    import cv2

    array = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if array is None or array.dtype != np.uint16:
        raise UnreadableImage("its 16-bit pixels cannot be decoded; save it again as PNG or TIFF")
    if array.ndim == 2:
        return array[..., None]
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


def _upright(array: Pixels, orientation: int) -> Pixels:
    """Apply an EXIF orientation (1 to 8; anything else counts as 1)."""
    if orientation in (5, 6, 7, 8):
        array = array.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        array = array[:, ::-1]
    if orientation in (3, 4, 7, 8):
        array = array[::-1]
    return np.ascontiguousarray(array)


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


def middle(available: int, wanted: int) -> slice:
    """The middle `wanted` of `available` positions, or all of them where they are fewer."""
    start = max(available - wanted, 0) // 2
    return slice(start, start + wanted)


def mirrored(start: int, length: int, size: int) -> NDArray[np.intp]:
    """Positions [start, start + length) of a row of `size`, mirrored (without repeating the edge) wherever they leave it."""
    period = max(2 * (size - 1), 1)
    positions = np.abs(np.arange(start, start + length)) % period
    return np.minimum(np.minimum(positions, period - positions), size - 1)
