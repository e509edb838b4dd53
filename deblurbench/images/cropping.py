"""Crops of images, with reflection padding."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from deblurbench.images.photo import Pixels


def center_crop(available: int, wanted: int) -> slice:
    """The slice of the central `wanted` of `available` indices, or of all where they are fewer."""
    start = max(available - wanted, 0) // 2
    return slice(start, start + wanted)


def reflect(start: int, length: int, size: int) -> NDArray[np.intp]:
    """The indices [start, start + length) into a row of `size`, reflected (without repeating the edge) outside of it."""
    period = max(2 * (size - 1), 1)
    positions = np.abs(np.arange(start, start + length)) % period
    return np.minimum(np.minimum(positions, period - positions), size - 1)


def window(image: Pixels, top: int, left: int, height: int, width: int) -> Pixels:
    """The crop (height, width, C) of `image` at (top, left), padded by reflection outside of the image."""
    if top >= 0 and left >= 0 and top + height <= image.shape[0] and left + width <= image.shape[1]:
        return image[top : top + height, left : left + width]
    return image[reflect(top, height, image.shape[0])][:, reflect(left, width, image.shape[1])]
