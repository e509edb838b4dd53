"""Means of scores, some of which may be infinite, over images and over scenes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Mean(NamedTuple):
    """A mean over finite values, and the number of infinite ones (the PSNR of identical images) that it leaves out."""

    value: float  # infinite where all values are, NaN where there are none
    left_out: int


def finite_mean(values: Sequence[float]) -> Mean:
    """Return the mean of `values` without the infinite ones."""
    numbers = np.asarray(values, np.float64)
    infinite = np.isinf(numbers)
    if not numbers.size:
        return Mean(float("nan"), 0)
    if infinite.all():
        return Mean(float(numbers[0]), 0)  # all are infinite, and so is their mean
    return Mean(float(numbers[~infinite].mean()), int(infinite.sum()))


def scene_means(values: NDArray[np.float64], scenes: Sequence[str]) -> NDArray[np.float64]:
    """Return the means (S, ...) of the finite `values` (N, ...) of each of the S `scenes` (N,), by name; NaN without any."""
    names, index = np.unique(np.asarray(scenes, dtype=str), return_inverse=True)
    finite = np.isfinite(values)
    sums, counts = (np.zeros((len(names), *values.shape[1:])) for _ in range(2))
    np.add.at(sums, index, np.where(finite, values, 0))
    np.add.at(counts, index, finite)
    return np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)


def identical_note(count: int) -> str:
    """Return the note on so many images whose PSNR is infinite."""
    which = "image is identical to its ground truth" if count == 1 else "images are identical to their ground truth"
    return f"{count} {which}; that PSNR is infinite, and left out of the mean"
