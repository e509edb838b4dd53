"""Registration of separate exposures: the sharp one is warped onto the blurred one, and both are cropped to their overlap."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from deblurbench.blur.light import decode, encode
from deblurbench.data.alignment.estimation import Alignment, align, is_measurable
from deblurbench.images.photo import Pixels

REGISTRATION_VERSION = 1  # raised whenever the same pair would be registered differently
MIN_CORRELATION_GAIN = 0.005  # of a homography over an affine map, which is the more robust
MASK_EROSION = 3  # pixels at the border of the valid mask that interpolation affects
MIN_SIDE = 32  # pixels of the overlap: less is no pair
SEARCH_SIZE = 256  # pixels of the longer side of the mask in which the largest valid rectangle is searched


@dataclass(frozen=True)
class RegisteredImages:
    """A registered pair (H, W, 3), its alignment before, and the gain in linear light of the sharp side, by channel."""

    blurred: Pixels
    sharp: Pixels
    alignment: Alignment
    gain: tuple[float, float, float]


def register(blurred: Pixels, sharp: Pixels) -> RegisteredImages | None:
    """Register `sharp` to the frame and the exposure of `blurred`; None where no match is found.

    The blurred side, which is a model's input, is only cropped, never resampled. The map is affine, or a homography where
    that fits better; the gain of each channel is fitted by least squares in linear light. Both sides are cropped to the
    largest rectangle in the valid mask.
    """
    found = align(blurred, sharp) if is_measurable(blurred) else None
    if found is None:
        return None
    projective = align(blurred, sharp, homography=True)
    if projective is not None and projective.correlation > found.correlation + MIN_CORRELATION_GAIN:
        found = projective
    height, width = blurred.shape[:2]
    flags = cv2.INTER_LANCZOS4 | cv2.WARP_INVERSE_MAP
    warped = cv2.warpPerspective(sharp, found.matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REFLECT_101)
    inside = cv2.warpPerspective(
        np.ones((height, width), np.uint8), found.matrix, (width, height), flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    )
    valid = (
        cv2.erode(
            inside,
            np.ones((2 * MASK_EROSION + 1, 2 * MASK_EROSION + 1), np.uint8),
            borderType=cv2.BORDER_CONSTANT,
            borderValue=1,
        )
        > 0
    )
    rows, columns = largest_rectangle(valid)
    if rows.stop - rows.start < MIN_SIDE or columns.stop - columns.start < MIN_SIDE:
        return None
    kept, light = blurred[rows, columns], decode(np.ascontiguousarray(warped[rows, columns]).astype(sharp.dtype, copy=False))
    target = decode(np.ascontiguousarray(kept))
    gain = (light * target).sum((0, 1), np.float64) / np.maximum((light * light).sum((0, 1), np.float64), 1e-12)
    adjusted = encode(np.clip(light * gain.astype(np.float32), 0, 1), sharp.dtype)
    return RegisteredImages(np.ascontiguousarray(kept), adjusted, found, (float(gain[0]), float(gain[1]), float(gain[2])))


def largest_rectangle(valid: NDArray[np.bool_]) -> tuple[slice, slice]:
    """The rows and columns of the largest upright rectangle in the mask `valid` (H, W), searched at SEARCH_SIZE pixels."""
    step = -(-max(valid.shape) // SEARCH_SIZE)
    rows, columns = (side // step for side in valid.shape)
    blocks = np.asarray(valid[: rows * step, : columns * step].reshape(rows, step, columns, step).all((1, 3)))
    best, found = 0, (0, 0, 0, 0)
    heights = np.zeros(columns, int)
    for bottom in range(rows):
        heights = np.where(blocks[bottom], heights + 1, 0)
        waiting: list[tuple[int, int]] = []  # (left, height), ascending: rectangles that may extend to the right
        for right, height in enumerate([*heights.tolist(), 0]):
            left = right
            while waiting and waiting[-1][1] >= height:
                left, tall = waiting.pop()
                if tall * (right - left) > best:
                    best, found = tall * (right - left), (bottom + 1 - tall, bottom + 1, left, right)
            waiting.append((left, height))
    top, bottom, left, right = (edge * step for edge in found)
    return slice(top, bottom), slice(left, right)
