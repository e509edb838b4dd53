"""Files <-> tensors: the one place that knows EXIF, alpha, 16-bit, grey, palettes and rounding to integers."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from deblurbench.errors import UnreadableImage, UsageError, one_line
from deblurbench.files import write_whole

SUFFIXES = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp")
ORIENTATION_TAG = 0x0112

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
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of large images and odd metadata; both are dealt with here
            return _decode(path.read_bytes())
    except UnreadableImage as error:
        raise UnreadableImage(f"{path}: {error}") from error
    except UnidentifiedImageError as error:
        raise UnreadableImage(f"{path}: not an image of a known format; remove it or convert it") from error
    except Image.DecompressionBombError as error:
        raise UnreadableImage(
            f"{path}: has more pixels than could be decoded safely ({one_line(error)}); make it smaller"
        ) from error
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else one_line(error)
        raise UnreadableImage(f"{path}: cannot be read ({reason}); replace or remove it") from error


def write_photo(path: Path, photo: Photo) -> None:
    """Write `photo` in the format of the suffix, whole or not at all; 16 bits where PNG or TIFF can hold them.

    Raises UsageError for a suffix that is not written, or that cannot hold the photo's transparency.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise UsageError(f"{path}: images are written as {', '.join(SUFFIXES)}; choose one of these")
    if photo.alpha is not None and suffix in (".jpg", ".jpeg", ".bmp"):
        raise UsageError(f"{path}: {suffix} cannot hold the photo's transparency; choose .png, .webp or .tif")
    deep = photo.pixels.dtype == np.uint16
    if deep and suffix in (".png", ".tif", ".tiff"):
        write_whole(path, _encode_deep(photo, ".png" if suffix == ".png" else ".tiff"))
    else:
        write_whole(path, _encode(_to_eight_bits(photo) if deep else photo, suffix))


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
        exif = image.getexif()
        orientation = exif.pop(ORIENTATION_TAG, 1)
        array = _deep_array(data, image) if _is_deep(data, image) else _shallow_array(image)
        array = _upright(array, orientation)
        color, alpha = (array[..., :-1], array[..., -1]) if array.shape[2] in (2, 4) else (array, None)
        return Photo(
            pixels=np.ascontiguousarray(np.broadcast_to(color, (*color.shape[:2], 3))),
            alpha=alpha,
            is_grey=color.shape[2] == 1,
            icc_profile=image.info.get("icc_profile"),
            exif=exif.tobytes() if len(exif) else None,
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
    if image.format == "TIFF":
        depth = image.tag_v2.get(258, (1,))  # type: ignore[attr-defined]
        sample_format = image.tag_v2.get(339, (1,))  # type: ignore[attr-defined]
        return max(depth) == 16 and max(sample_format) == 1
    return False


def _deep_array(data: bytes, image: Image.Image) -> Pixels:
    """(H, W, 1 to 4) of 16 bits, through OpenCV; Pillow has already found the file whole."""
    import cv2

    flags = cv2.IMREAD_UNCHANGED
    array = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    if array is None or array.dtype != np.uint16:
        raise UnreadableImage("its 16-bit pixels cannot be decoded; save it again as PNG or TIFF")
    if array.ndim == 2:
        return array[..., None]
    return array[..., [2, 1, 0, 3][: array.shape[2]]]


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


def _encode_deep(photo: Photo, suffix: str) -> bytes:
    import cv2

    channels = _channels(photo)
    if channels.shape[2] == 2:  # OpenCV writes no grey with alpha
        channels = np.concatenate([photo.pixels, channels[..., 1:]], axis=2)
    if channels.shape[2] >= 3:
        channels = channels[..., [2, 1, 0, 3][: channels.shape[2]]]
    entries = [(cv2.IMAGE_METADATA_ICCP, photo.icc_profile), (cv2.IMAGE_METADATA_EXIF, _exif_body(photo.exif))]
    kept = [(kind, np.frombuffer(content, np.uint8)) for kind, content in entries if content and suffix == ".png"]
    contiguous = np.ascontiguousarray(channels)
    if kept:
        done, buffer = cv2.imencodeWithMetadata(suffix, contiguous, [kind for kind, _ in kept], [body for _, body in kept])
    else:
        done, buffer = cv2.imencode(suffix, contiguous)
    if not done:
        raise OSError(f"OpenCV could not encode a {suffix} of {channels.shape}")
    return buffer.tobytes()


def _exif_body(exif: bytes | None) -> bytes | None:
    return exif.removeprefix(b"Exif\x00\x00") if exif else None


def _to_eight_bits(photo: Photo) -> Photo:
    def rounded(values: Pixels) -> NDArray[np.uint8]:
        return ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)

    return replace(photo, pixels=rounded(photo.pixels), alpha=None if photo.alpha is None else rounded(photo.alpha))
