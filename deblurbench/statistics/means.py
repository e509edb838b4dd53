"""Means that say what they leave out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


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


def identical_note(count: int) -> str:
    """What is said of so many images whose PSNR is infinite."""
    which = "image is identical to its sharp twin" if count == 1 else "images are identical to their sharp twins"
    return f"{count} {which}; that PSNR is infinite, and left out of the mean"
