"""Pairs made of separate exposures: the sharp one is moved onto the blurred one, and both are cut to what they share."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from deblurbench.blur.light import decode, encode
from deblurbench.data.alignment.estimation import Alignment, align, is_measurable
from deblurbench.images.photo import Pixels

REGISTRATION_VERSION = 1  # raised whenever the same pair would be registered otherwise
WORTH_IT = 0.005  # of correlation: what a homography must gain over an affine map, which is the steadier of both
EDGE = 3  # pixels at the border of the valid mask that interpolation has touched
SMALLEST = 32  # pixels a side: less in common is no pair
SEARCHED = 256  # pixels of the longer side at which the largest valid rectangle is searched


@dataclass(frozen=True)
class Registered:
    """A registered pair (H, W, 3), how it lay before, and the gain of light that the sharp side was given."""

    blurred: Pixels
    sharp: Pixels
    alignment: Alignment
    gain: tuple[float, float, float]


def register(blurred: Pixels, sharp: Pixels) -> Registered | None:
    """The pair with `sharp` in the frame and the exposure of `blurred`; None where no match was found.

    The blurred side, which is a model's input, is only cut, never resampled. The map is affine, or a homography where that
    fits better; the gain of each channel is the least-squares one in linear light over the valid mask, of which both sides
    keep the largest rectangle.
    """
    found = align(blurred, sharp) if is_measurable(blurred) else None
    if found is None:
        return None
    bent = align(blurred, sharp, homography=True)
    if bent is not None and bent.correlation > found.correlation + WORTH_IT:
        found = bent
    height, width = blurred.shape[:2]
    flags = cv2.INTER_LANCZOS4 | cv2.WARP_INVERSE_MAP
    moved = cv2.warpPerspective(sharp, found.matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REFLECT_101)
    inside = cv2.warpPerspective(
        np.ones((height, width), np.uint8), found.matrix, (width, height), flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    )
    valid = (
        cv2.erode(inside, np.ones((2 * EDGE + 1, 2 * EDGE + 1), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=1) > 0
    )
    rows, columns = largest_rectangle(valid)
    if rows.stop - rows.start < SMALLEST or columns.stop - columns.start < SMALLEST:
        return None
    kept, light = blurred[rows, columns], decode(np.ascontiguousarray(moved[rows, columns]).astype(sharp.dtype, copy=False))
    target = decode(np.ascontiguousarray(kept))
    gain = (light * target).sum((0, 1), np.float64) / np.maximum((light * light).sum((0, 1), np.float64), 1e-12)
    adjusted = encode(np.clip(light * gain.astype(np.float32), 0, 1), sharp.dtype)
    return Registered(np.ascontiguousarray(kept), adjusted, found, (float(gain[0]), float(gain[1]), float(gain[2])))


def largest_rectangle(valid: NDArray[np.bool_]) -> tuple[slice, slice]:
    """Rows and columns of the largest upright rectangle in the mask `valid` (H, W), to the coarseness of SEARCHED pixels."""
    step = -(-max(valid.shape) // SEARCHED)
    rows, columns = (side // step for side in valid.shape)
    blocks = np.asarray(valid[: rows * step, : columns * step].reshape(rows, step, columns, step).all((1, 3)))
    best, found = 0, (0, 0, 0, 0)
    heights = np.zeros(columns, int)
    for bottom in range(rows):
        heights = np.where(blocks[bottom], heights + 1, 0)
        waiting: list[tuple[int, int]] = []  # (left, height), rising: rectangles that may still grow to the right
        for right, height in enumerate([*heights.tolist(), 0]):
            left = right
            while waiting and waiting[-1][1] >= height:
                left, tall = waiting.pop()
                if tall * (right - left) > best:
                    best, found = tall * (right - left), (bottom + 1 - tall, bottom + 1, left, right)
            waiting.append((left, height))
    top, bottom, left, right = (edge * step for edge in found)
    return slice(top, bottom), slice(left, right)
