"""Images to test and to validate on; those that we blur are drawn once and kept in the pixel cache."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from deblurbench.blur.base import Kernel, spread
from deblurbench.blur.camera import BLUR_VERSION, blur_image
from deblurbench.data.cache import DATA_VERSION, CachedImage, PixelCache
from deblurbench.data.degradation import Degradation
from deblurbench.files import digest
from deblurbench.images.idx import IdxImage
from deblurbench.images.photo import Pixels
from deblurbench.randomness import generator

KERNEL_TYPE = "<f4"


class BlurredImage(NamedTuple):
    """An image that we blurred (H, W, 3), its kernel (2 radius + 1, 2 radius + 1), the kind of blur, its spread in pixels.

    Kernel and spread are None where the blur varies over the picture.
    """

    pixels: Pixels
    kernel: Kernel | None
    kind: str
    spread: float | None


@dataclass(frozen=True, eq=False, slots=True)
class TestImage:
    """An image to restore, and its ground truth as far as it is known.

    `blurred` and `sharp` are (H, W, 3). `sharp` is None of really blurred photographs without a counterpart. `kernel` is the
    true one where we blurred the image by one. The kind of blur and its spread in pixels are None where they are unknown.
    """

    key: str
    scene: str
    blurred: Pixels
    sharp: Pixels | None
    kernel: Kernel | None
    blur_kind: str | None
    spread: float | None


def blur_test_image(
    cache: PixelCache, degradation: Degradation, key: str, source: CachedImage, sharp: Pixels, *, test_crop: int | None
) -> BlurredImage:
    """Blur `sharp`, the pixels of `source` cropped to `test_crop`, by random numbers that are a function of `key` alone.

    So every model, seed and machine is tested on the same image. It is drawn once and then read from the `cache`, unless
    that is off or full. The small images of idx files are drawn each time, which is faster than writing them; so are those
    that the code of another package blurs, since a change of that code would go unnoticed.
    """
    if isinstance(source.source, IdxImage) or not degradation.is_versioned:
        return _draw(degradation, key, sharp)
    specs = list(degradation.specs)
    cache_key = digest([DATA_VERSION, BLUR_VERSION, specs, test_crop, key, source.file_digest], length=32)
    kept = cache.kept_pixels(cache_key, source.source)
    if kept is not None:
        pixels, metadata = kept
        return BlurredImage(pixels, _kernel(metadata["kernel"]), metadata["kind"], metadata["spread"])
    drawn = _draw(degradation, key, sharp)
    cache.keep(cache_key, source.source, drawn.pixels, _metadata(drawn))
    return drawn


def _draw(degradation: Degradation, key: str, sharp: Pixels) -> BlurredImage:
    pixels, drawn = blur_image(sharp, degradation.blur, degradation.camera, generator("evaluation", key))
    strength = None if drawn.kernel is None else spread(drawn.kernel)
    return BlurredImage(pixels, drawn.kernel, str(drawn.parameters["kind"]), strength)


def _metadata(image: BlurredImage) -> dict[str, Any]:
    digits = None if image.kernel is None else image.kernel.astype(KERNEL_TYPE).tobytes().hex()
    return {"kernel": digits, "kind": image.kind, "spread": image.spread}


def _kernel(digits: str | None) -> Kernel | None:
    """(side^2,) in hexadecimal digits -> (side, side) float32; None stays None."""
    if digits is None:
        return None
    values = np.frombuffer(bytes.fromhex(digits), KERNEL_TYPE)
    side = math.isqrt(values.size)
    return values.reshape(side, side).astype(np.float32)
