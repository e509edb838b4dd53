"""Whole images to test and to validate on; what is blurred by us is drawn once and kept in the pixel cache."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from deblurbench.blur.camera import BLUR_VERSION, blur_whole
from deblurbench.blur.kernels import Kernel, spread
from deblurbench.data.cache import DATA_VERSION, PixelCache, Stored
from deblurbench.data.degradation import Degradation
from deblurbench.files import digest
from deblurbench.images.idx import IdxImage
from deblurbench.images.photo import Pixels
from deblurbench.randomness import generator

KERNEL_TYPE = "<f4"


class BlurredImage(NamedTuple):
    """An image that we blurred (H, W, 3), its kernel (2 radius + 1, 2 radius + 1), the kind of blur, its spread in pixels."""

    pixels: Pixels
    kernel: Kernel
    kind: str
    spread: float


@dataclass(frozen=True, eq=False, slots=True)
class TestImage:
    """An image to restore, and all that is known of it.

    `blurred` and `sharp` are (H, W, 3), whole or cropped; there is no `sharp` where nobody has one. `kernel` is the true
    one where we blurred it. The kind of the blur and its spread in pixels are None where nobody knows them.
    """

    key: str
    scene: str
    blurred: Pixels
    sharp: Pixels | None
    kernel: Kernel | None
    blur_kind: str | None
    spread: float | None


def blur_test_image(
    cache: PixelCache, degradation: Degradation, key: str, source: Stored, sharp: Pixels, *, test_crop: int | None
) -> BlurredImage:
    """`sharp`, the pixels of `source` cropped to `test_crop`, blurred by numbers that depend on `key` alone.

    So every model, seed and machine is judged on the same image. It is drawn once and then read from the `cache`, unless
    that is off or full. The small images of idx files are drawn each time, which is faster than to write them; and so are
    those that code of another package blurs, which may have changed since.
    """
    if isinstance(source.source, IdxImage) or not degradation.is_versioned:
        return _draw(degradation, key, sharp)
    specs = list(degradation.specs)
    content = digest([DATA_VERSION, BLUR_VERSION, specs, test_crop, key, source.file_digest], length=32)
    kept = cache.kept_pixels(content, source.source)
    if kept is not None:
        pixels, facts = kept
        return BlurredImage(pixels, _decoded(facts["kernel"]), facts["kind"], facts["spread"])
    drawn = _draw(degradation, key, sharp)
    cache.keep(content, source.source, drawn.pixels, _facts(drawn))
    return drawn


def _draw(degradation: Degradation, key: str, sharp: Pixels) -> BlurredImage:
    pixels, drawn = blur_whole(sharp, degradation.blur, degradation.camera, generator("evaluation", key))
    return BlurredImage(pixels, drawn.kernel, str(drawn.facts["kind"]), spread(drawn.kernel))


def _facts(image: BlurredImage) -> dict[str, Any]:
    return {"kernel": image.kernel.astype(KERNEL_TYPE).tobytes().hex(), "kind": image.kind, "spread": image.spread}


def _decoded(kernel: str) -> Kernel:
    """(side^2,) in hexadecimal digits -> (side, side) float32."""
    values = np.frombuffer(bytes.fromhex(kernel), KERNEL_TYPE)
    side = math.isqrt(values.size)
    return values.reshape(side, side).astype(np.float32)
