"""Student's t intervals of means (Student 1908), over scenes rather than images."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.95
BISECTIONS = 40


class Estimate(NamedTuple):
    """Means (K,), their standard errors (NaN for a single value), and the degrees of freedom of these."""

    mean: NDArray[np.float64]
    standard_error: NDArray[np.float64]
    degrees_of_freedom: NDArray[np.float64]


def estimate(values: NDArray[np.float64]) -> Estimate:
    """Estimate the column means of independent `values` (N, K), over those that are finite."""
    finite = np.isfinite(values)
    count = finite.sum(axis=0).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(finite, values, 0).sum(axis=0) / count
        variance = np.where(finite, np.square(values - mean), 0).sum(axis=0) / (count - 1)
        return Estimate(mean, np.sqrt(variance / count), count - 1)


def intervals(over_scenes: Estimate, *over_seeds: Estimate) -> NDArray[np.float64]:
    """Return 95 % Student's t intervals (K, 2) of the means over scenes, NaN where fewer than two have a value.

    `over_seeds` are the same means over seeds: the half widths are combined as the root of the sum of their squares (Howe
    1974), because seeds are too few for Satterthwaite's approximation. A single seed adds nothing.
    """
    width = _half_width(np.full_like(over_scenes.mean, 1 - CONFIDENCE), over_scenes, over_seeds)
    return np.stack([over_scenes.mean - width, over_scenes.mean + width], axis=1)


def p_values(over_scenes: Estimate, *over_seeds: Estimate) -> NDArray[np.float64]:
    """Return the two-sided p-values (K,) of zero means, NaN where there is no interval.

    The interval at the confidence 1 - p just reaches zero; p is found by bisection.
    """
    low, high = np.zeros_like(over_scenes.mean), np.ones_like(over_scenes.mean)
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        reaches = _half_width(middle, over_scenes, over_seeds) >= np.abs(over_scenes.mean)
        low, high = np.where(reaches, middle, low), np.where(reaches, high, middle)
    return np.where(np.isfinite(over_scenes.standard_error), low, np.nan)


def _half_width(alpha: NDArray[np.float64], over_scenes: Estimate, over_seeds: tuple[Estimate, ...]) -> NDArray[np.float64]:
    """Return the half widths (K,) of the intervals at the confidence 1 - alpha (K,)."""
    from scipy.special import stdtrit  # Student's quantiles

    width: NDArray[np.float64] = -stdtrit(over_scenes.degrees_of_freedom, alpha / 2) * over_scenes.standard_error
    for seeds in over_seeds:
        width = np.hypot(width, np.nan_to_num(-stdtrit(seeds.degrees_of_freedom, alpha / 2) * seeds.standard_error))
    return width
