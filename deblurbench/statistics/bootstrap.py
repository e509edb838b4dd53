"""Bootstrap intervals of means (Efron 1979), over scenes rather than images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from deblurbench.randomness import generator

RESAMPLES, AT_ONCE = 10_000, 500
CONFIDENCE = 0.95


def mean_intervals(differences: NDArray[np.float64], scenes: Sequence[str]) -> NDArray[np.float64]:
    """95 % percentile intervals (K, 2) of the column means of `differences` (N, K), NaN where one is missing.

    Whole `scenes` (N,) are resampled, because images of one scene are not independent, and the same ones for every column.
    NaN for what a single scene cannot tell.
    """
    places = np.unique(np.asarray(scenes, dtype=str), return_inverse=True)[1]
    count = int(places.max()) + 1
    if count < 2:
        return np.full((differences.shape[1], 2), np.nan)
    known = np.isfinite(differences)
    sums, counts = (np.zeros((count, differences.shape[1])) for _ in range(2))
    np.add.at(sums, places, np.where(known, differences, 0))
    np.add.at(counts, places, known)
    random = generator("bootstrap", count)
    means = np.empty((RESAMPLES, differences.shape[1]))
    for start in range(0, RESAMPLES, AT_ONCE):
        times = random.multinomial(count, np.full(count, 1 / count), size=AT_ONCE)  # how often each scene was drawn
        drawn = times @ counts
        means[start : start + AT_ONCE] = np.divide(times @ sums, drawn, out=np.full_like(drawn, np.nan), where=drawn > 0)
    tail = (1 - CONFIDENCE) / 2
    never = ~known.any(axis=0)
    means[:, never] = 0
    intervals = np.nanquantile(means, (tail, 1 - tail), axis=0).T
    intervals[never] = np.nan
    return intervals
