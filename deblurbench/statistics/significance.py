"""Which differences are more than chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.05


def wilcoxon(differences: NDArray[np.float64], scenes: Sequence[str]) -> float:
    """The two-sided p of Wilcoxon's signed-rank test (1945) that paired `differences` (N,) have no direction.

    Images of one scene count once, by their mean; NaN are left out. 1 where nothing differs.
    """
    from scipy import stats

    units = scene_means(differences, scenes)
    if not np.any(units):
        return 1.0
    return float(stats.wilcoxon(units).pvalue)


def scene_means(values: NDArray[np.float64], scenes: Sequence[str]) -> NDArray[np.float64]:
    """The mean of `values` (N,) in each of the `scenes` (N,) that has a finite one."""
    known = np.isfinite(values)
    names, places = np.unique(np.asarray(scenes, dtype=str)[known], return_inverse=True)
    totals = np.bincount(places, weights=values[known], minlength=len(names))
    means: NDArray[np.float64] = totals / np.bincount(places, minlength=len(names))
    return means


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """The p-values of several tests, corrected for their number (Holm 1979)."""
    corrected: dict[str, float] = {}
    largest = 0.0
    for place, name in enumerate(sorted(p_values, key=lambda name: p_values[name])):
        largest = max(largest, min(1.0, p_values[name] * (len(p_values) - place)))
        corrected[name] = largest
    return corrected


def can_tell(scenes: int, tests: int) -> bool:
    """Whether Wilcoxon's test on so many scenes could reach LEVEL at all, were it the first of so many tests by Holm."""
    return tests * 2.0 ** (1 - scenes) < LEVEL
