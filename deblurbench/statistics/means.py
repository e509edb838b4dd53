"""Means that say what they leave out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Mean(NamedTuple):
    """A mean over finite values, and how many infinite ones (the PSNR of identical images) were left out of it."""

    value: float  # infinite where all values are, NaN where there are none
    left_out: int


def finite_mean(values: Sequence[float]) -> Mean:
    """The mean of `values` without the infinite ones."""
    numbers = np.asarray(values, np.float64)
    infinite = np.isinf(numbers)
    if not numbers.size:
        return Mean(float("nan"), 0)
    if infinite.all():
        return Mean(float(numbers[0]), 0)  # nothing was left out of it: all are so
    return Mean(float(numbers[~infinite].mean()), int(infinite.sum()))


def scene_means(values: NDArray[np.float64], scenes: Sequence[str]) -> NDArray[np.float64]:
    """The means (S, ...) of the finite `values` (N, ...) of each of the `scenes` (N,), by name; NaN where one has none."""
    names, places = np.unique(np.asarray(scenes, dtype=str), return_inverse=True)
    known = np.isfinite(values)
    sums, counts = (np.zeros((len(names), *values.shape[1:])) for _ in range(2))
    np.add.at(sums, places, np.where(known, values, 0))
    np.add.at(counts, places, known)
    return np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)


def identical_note(count: int) -> str:
    """What is said of so many images whose PSNR is infinite."""
    which = "image is identical to its sharp twin" if count == 1 else "images are identical to their sharp twins"
    return f"{count} {which}; that PSNR is infinite, and left out of the mean"
