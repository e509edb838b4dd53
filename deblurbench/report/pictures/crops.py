"""Crops: boxes in a picture that show most, and their pixels."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Picture = NDArray[np.uint8]  # (H, W, 3)
SEARCH_STRIDE = 8
FRAME = (255, 64, 64)


class Box(NamedTuple):
    """A box in a picture, in its pixels."""

    left: int
    top: int
    width: int
    height: int


def most_changed(sharp: Picture, blurred: Picture, size: int) -> Box:
    """Return the box of at most `size` x `size` pixels with the largest squared error of the blurred picture."""
    return largest_sum(np.square(sharp.astype(np.float64) - blurred).mean(axis=2), size)


def most_detailed(picture: Picture, size: int) -> Box:
    """Return the box of at most `size` x `size` pixels with the strongest gradients."""
    return largest_sum(np.hypot(*np.gradient(picture.astype(np.float64).mean(axis=2))), size)


def largest_sum(energy: NDArray[np.float64], size: int) -> Box:
    """Return the box of at most `size` x `size` pixels with the largest sum of `energy` (H, W), at a stride of 8."""
    height, width = (min(size, side) for side in energy.shape)
    integral = np.pad(energy.cumsum(0).cumsum(1), ((1, 0), (1, 0)))  # (H + 1, W + 1)
    # (H - height + 1, W - width + 1)
    sums = integral[height:, width:] - integral[:-height, width:] - integral[height:, :-width] + integral[:-height, :-width]
    strided = sums[::SEARCH_STRIDE, ::SEARCH_STRIDE]
    top, left = np.unravel_index(int(strided.argmax()), strided.shape)
    return Box(int(left) * SEARCH_STRIDE, int(top) * SEARCH_STRIDE, width, height)


def around(picture: Picture, box: Box, size: int) -> Box:
    """Return the box of at most `size` x `size` pixels centered on `box`, shifted to lie within `picture`."""
    height, width = (min(size, side) for side in picture.shape[:2])
    left = min(max(box.left + box.width // 2 - width // 2, 0), picture.shape[1] - width)
    top = min(max(box.top + box.height // 2 - height // 2, 0), picture.shape[0] - height)
    return Box(left, top, width, height)


def scale_down(picture: Picture, size: int) -> Picture:
    """Return `picture` scaled so that no side is longer than `size` pixels; smaller ones as they are."""
    factor = size / max(picture.shape[:2])
    if factor >= 1:
        return picture
    height, width = (max(1, round(side * factor)) for side in picture.shape[:2])
    return np.asarray(Image.fromarray(picture).resize((width, height), Image.Resampling.LANCZOS))


def framed(picture: Picture, box: Box, size: int) -> Picture:
    """Return the whole of `picture`, at most `size` pixels a side, with a frame around `box`."""
    image = Image.fromarray(scale_down(picture, size))
    scale = image.width / picture.shape[1]
    corners = (box.left - 1, box.top - 1, box.left + box.width, box.top + box.height)
    ImageDraw.Draw(image).rectangle([round(corner * scale) for corner in corners], outline=FRAME)
    return np.asarray(image)


def enlarged(picture: Picture, zoom: int) -> Picture:
    """Repeat every pixel: (H, W, 3) -> (zoom H, zoom W, 3)."""
    return picture.repeat(zoom, axis=0).repeat(zoom, axis=1)


def crop(picture: Picture, box: Box) -> Picture:
    """Return the part of `picture` in `box`."""
    return picture[box.top : box.top + box.height, box.left : box.left + box.width]
