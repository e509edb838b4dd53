"""Less flicker: where a scene stands still, a restored frame is blended with the one before it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from deblurbench.images.photo import Pixels

Values = NDArray[np.float32]  # (H, W) or (H, W, 3), in the steps of a frame's pixels
SHARE = 0.6  # of the frame before, where nothing moves: noise is then halved
LEAST_LIMIT, LIMIT = 6.0, 3.0  # 255ths, and multiples of noise, by which the frame before may differ: no ghost exceeds them
LEAST_NOISE, MOST_NOISE = 1.0, 8.0  # 255ths; codecs leave less, and more is another scene
STILL_ENERGY, MOVING_ENERGY = 2.0, 4.0  # of differences over 7x7 pixels, relative to noise, of which it is 1 on average
MOVING_MEAN = 0.5  # of differences over 15x15 pixels, relative to noise: fades and slow drifts
ENERGY_SIDE, MEAN_SIDE, REFUSED_AROUND = 7, 15, 15  # pixels a side
REDUCTION, MAX_SHIFT, LEAST_RESPONSE = 4, 16, 0.3  # of the alignment: pixels, and how sure phase correlation must be


class _Frame(NamedTuple):
    """What is remembered of a frame: the luma of the input (H, W), and the result (H, W, 3)."""

    luma: Values
    result: Values


class Deflickered:
    """Restores frames by `restore`, and blends each with the result before it where the input has changed by noise alone.

    The frame before is moved by the whole pixels that the camera moved. Where something moves, fades or is uncovered, and
    around it, frames stay as they were restored. Elsewhere y becomes y + w (before - y), w = 0.6, a recursive average whose
    neighbours differ by (1 - w) / sqrt(1 + w) = 0.32 of what independent noise makes.
    """

    def __init__(self, restore: Callable[[Pixels], Pixels]) -> None:
        self._restore = restore
        self._before: _Frame | None = None

    def __call__(self, pixels: Pixels) -> Pixels:
        """Restore the next frame (H, W, 3), uint8 or uint16."""
        step = np.float32(np.iinfo(pixels.dtype).max / 255)
        luma = np.asarray(cv2.cvtColor(pixels.astype(np.float32), cv2.COLOR_RGB2GRAY), np.float32)
        restored = self._restore(pixels)
        result, before = restored.astype(np.float32), self._before
        self._before = _Frame(luma, result)  # which is blended in place below
        if before is None or before.luma.shape != luma.shape:
            return restored
        aligned, known = _moved(before, _shift(before.luma, luma))
        difference = (luma - aligned.luma) / step
        noise = max(float(1.4826 * np.median(np.abs(difference[::4, ::4]))), LEAST_NOISE)  # of one in 16 pixels
        share, limit = _share(difference, noise) * known, step * max(LEAST_LIMIT, LIMIT * noise)
        change = np.subtract(aligned.result, result)
        result += np.clip(change, -limit, limit, out=change) * share[..., None]
        return np.rint(result).astype(pixels.dtype)


def _shift(before: Values, now: Values) -> tuple[int, int]:
    """By how many (columns, rows) the whole picture has moved since; none where that is not sure."""
    size = now.shape[1] // REDUCTION, now.shape[0] // REDUCTION
    if min(size) < 2 * MAX_SHIFT:
        return 0, 0
    small_before, small_now = (cv2.resize(luma, size, interpolation=cv2.INTER_AREA) for luma in (before, now))
    (across, down), response = cv2.phaseCorrelate(small_before, small_now, cv2.createHanningWindow(size, cv2.CV_32F))
    near = round(across * REDUCTION), round(down * REDUCTION)
    if response < LEAST_RESPONSE or max(map(abs, near)) > MAX_SHIFT:
        return 0, 0
    around = [(near[0] + columns, near[1] + rows) for columns, rows in product((-1, 0, 1), repeat=2)]
    return min(around, key=lambda shift: _difference_after(before, now, shift))


def _difference_after(before: Values, now: Values, shift: tuple[int, int]) -> float:
    """The mean absolute difference of one in sixteen pixels where `before`, moved by `shift`, covers `now`."""
    (left, top), (height, width) = shift, now.shape
    moved = before[max(-top, 0) : height - max(top, 0) : 4, max(-left, 0) : width - max(left, 0) : 4]
    covered = now[max(top, 0) : height - max(-top, 0) : 4, max(left, 0) : width - max(-left, 0) : 4]
    return float(np.abs(covered - moved).mean())


def _moved(frame: _Frame, shift: tuple[int, int]) -> tuple[_Frame, Values]:
    """`frame` moved by `shift`, and where it is known (H, W): 1, or 0 where the border was uncovered."""
    known = np.ones_like(frame.luma)
    if shift == (0, 0):
        return frame, known
    move = np.array([[1, 0, shift[0]], [0, 1, shift[1]]], np.float32)
    size = frame.luma.shape[::-1]
    parts = (cv2.warpAffine(part, move, size, flags=cv2.INTER_NEAREST) for part in (*frame, known))
    luma, result, known = (np.asarray(part, np.float32) for part in parts)
    return _Frame(luma, result), known


def _share(difference: Values, noise: float) -> Values:
    """How much of the frame before counts (H, W): `SHARE` where `difference` is `noise`, 0 where something moved and around it.

    `noise` is a standard deviation.
    """
    if noise > MOST_NOISE:
        return np.zeros_like(difference)
    energy = cv2.boxFilter(difference**2, -1, (ENERGY_SIDE, ENERGY_SIDE)) / np.float32(noise**2)
    mean = np.abs(cv2.boxFilter(difference, -1, (MEAN_SIDE, MEAN_SIDE))) / np.float32(noise)
    still = np.clip((MOVING_ENERGY - energy) / (MOVING_ENERGY - STILL_ENERGY), 0, 1) * (mean <= MOVING_MEAN)
    kept = cv2.erode(still.astype(np.float32), np.ones((REFUSED_AROUND, REFUSED_AROUND), np.uint8))
    smooth = cv2.boxFilter(kept, -1, (ENERGY_SIDE, ENERGY_SIDE)) * (kept > 0)
    return np.asarray(SHARE * smooth, np.float32)
