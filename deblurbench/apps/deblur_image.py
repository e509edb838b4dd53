"""Deblurring an image in memory."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deblurbench.apps.photo_restorers import PhotoRestorer, Restoring, restore_photo
from deblurbench.apps.restorer_choice import choose_restorer
from deblurbench.images.exif import descriptive_exif
from deblurbench.images.photo import USUAL_MEGAPIXELS, Photo, Pixels
from deblurbench.weights.shipped import DEFAULT, weights_path

AnyImage = TypeVar("AnyImage", Image.Image, NDArray[Any])
GREY_MODES, ALPHA_MODES = ("1", "L", "LA"), ("LA", "RGBA", "PA")
MODES = (*GREY_MODES, "I;16", "P", "PA", "RGB", "RGBA")


def deblur(
    image: AnyImage,
    model: str | Path = DEFAULT,
    *,
    strength: float = 1.0,
    device: str = "auto",
    tile: int = 1024,
    seed: int = 0,
) -> AnyImage:
    """Deblur a PIL image or an array, by shipped weights, a checkpoint or an ONNX file; the same size and type comes out.

    An array is (H, W), (H, W, 3) or with alpha (H, W, 4), RGB, of uint8, uint16 or floating point in [0, 1], which is restored
    in 16 bits. A PIL image keeps grey, alpha and metadata; a palette becomes RGB. The model stays loaded for the next image.
    Of what it changes, `strength` in [0, 1.5] is applied. Raises ValueError for anything else, and UsageError for an unknown
    model.
    """
    if not 0 <= strength <= 1.5:
        raise ValueError(f"expected a strength in [0, 1.5], not {strength}")
    restorer = _restorer(str(model), Restoring(device=device, tile=tile, strength=strength, seed=seed))
    return _pil(image, restorer) if isinstance(image, Image.Image) else _array(image, restorer)


def _restorer(model: str, how: Restoring) -> PhotoRestorer:
    path = weights_path(model)
    changed = path.stat().st_mtime_ns if path.exists() else 0
    return _loaded(model, how.device, changed).restoring(how)


@lru_cache(maxsize=1)
def _loaded(model: str, device: str, changed: int) -> PhotoRestorer:
    """The restorer of `model`; `changed`, when its file was, is there so that another file of its name is loaded anew."""
    return choose_restorer(model, Restoring(device=device), USUAL_MEGAPIXELS).restorer


def _pil(image: Image.Image, restorer: PhotoRestorer) -> Image.Image:
    if image.mode not in MODES:
        raise ValueError(f"expected an image of mode {', '.join(MODES)}, not {image.mode}; convert it first")
    if image.mode == "I;16":
        restored, converted = Image.fromarray(_array(np.asarray(image), restorer)), image
    else:
        has_alpha = image.mode in ALPHA_MODES or "transparency" in image.info
        converted = image.convert("RGBA" if has_alpha else "RGB")
        mode = ("L" if image.mode in GREY_MODES else "RGB") + ("A" if has_alpha else "")
        restored = Image.fromarray(_array(np.asarray(converted), restorer)).convert(mode)
    restored.info = dict(converted.info)
    if "exif" not in restored.info and (exif := descriptive_exif(image)):  # that of a TIFF is elsewhere
        restored.info["exif"] = exif
    return restored


def _array(image: NDArray[Any], restorer: PhotoRestorer) -> NDArray[Any]:
    is_grey = image.ndim == 2
    if not (is_grey or (image.ndim == 3 and image.shape[2] in (3, 4))) or not image.size:
        raise ValueError(f"expected an image of shape (H, W), (H, W, 3) or (H, W, 4), not {image.shape}")
    values = np.repeat(image[..., None], 3, axis=2) if is_grey else image
    pixels = _to_integers(values[..., :3])
    restored = restore_photo(restorer, Photo(pixels, is_grey=is_grey)).pixels
    if np.issubdtype(image.dtype, np.floating):
        restored = (restored / np.float64(np.iinfo(restored.dtype).max)).astype(image.dtype)
    return restored[..., 0] if is_grey else np.concatenate([restored, values[..., 3:]], axis=2)


def _to_integers(values: NDArray[Any]) -> Pixels:
    if values.dtype in (np.uint8, np.uint16):
        return np.ascontiguousarray(values)
    if not np.issubdtype(values.dtype, np.floating):
        raise ValueError(f"expected uint8, uint16 or floating point values, not {values.dtype}")
    if not (np.isfinite(values).all() and values.min() >= 0 and values.max() <= 1):
        raise ValueError("expected floating point values in [0, 1]; divide those of 8 bits by 255")
    return np.rint(values.astype(np.float64) * 65535).astype(np.uint16)  # float16 holds no 65535
