"""Student's t intervals of means (Student 1908), over scenes rather than images."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.95
HALVINGS = 40


class Estimate(NamedTuple):
    """Means (K,), their standard errors, and the degrees of freedom of these; NaN for the error that one value cannot tell."""

    mean: NDArray[np.float64]
    error: NDArray[np.float64]
    freedom: NDArray[np.float64]


def estimate(values: NDArray[np.float64]) -> Estimate:
    """The column means of independent `values` (N, K), over those that are finite."""
    known = np.isfinite(values)
    count = known.sum(axis=0).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(known, values, 0).sum(axis=0) / count
        variance = np.where(known, np.square(values - mean), 0).sum(axis=0) / (count - 1)
        return Estimate(mean, np.sqrt(variance / count), count - 1)


def intervals(scenes: Estimate, *trainings: Estimate) -> NDArray[np.float64]:
    """95 % intervals (K, 2) by Student's t of the means over `scenes`, NaN where fewer than two have a value.

    `trainings` are the same means over seeds: the half widths are united as the root of the sum of their squares (Howe
    1974), because few seeds tell too little for Satterthwaite's approximation. One seed tells nothing, and adds nothing.
    """
    width = _half_width(np.full_like(scenes.mean, 1 - CONFIDENCE), scenes, trainings)
    return np.stack([scenes.mean - width, scenes.mean + width], axis=1)


def p_values(scenes: Estimate, *trainings: Estimate) -> NDArray[np.float64]:
    """For each mean the two-sided p (K,) of its being zero: the interval that leaves out so much just reaches zero.

    NaN where there is no interval.
    """
    low, high = np.zeros_like(scenes.mean), np.ones_like(scenes.mean)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        reaches = _half_width(middle, scenes, trainings) >= np.abs(scenes.mean)
        low, high = np.where(reaches, middle, low), np.where(reaches, high, middle)
    return np.where(np.isfinite(scenes.error), low, np.nan)


def _half_width(tails: NDArray[np.float64], scenes: Estimate, trainings: tuple[Estimate, ...]) -> NDArray[np.float64]:
    """Those (K,) of the intervals that leave out the shares `tails` (K,)."""
    from scipy.special import stdtrit  # Student's quantiles

    width: NDArray[np.float64] = -stdtrit(scenes.freedom, tails / 2) * scenes.error
    for training in trainings:
        width = np.hypot(width, np.nan_to_num(-stdtrit(training.freedom, tails / 2) * training.error))
    return width
