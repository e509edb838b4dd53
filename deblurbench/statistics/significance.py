"""Significance of paired differences: Wilcoxon's test and Holm's correction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from deblurbench.statistics.means import scene_means

ALPHA = 0.05
DECIMALS = 9  # of a scene's mean: smaller differences come from rounding, and would break ties


class WilcoxonResult(NamedTuple):
    """The result of Wilcoxon's test."""

    p: float  # NaN where there is nothing to compare
    direction: int  # the sign of the rank sum: 1, 0 or -1
    scenes: int  # with a difference other than zero


def wilcoxon(differences: NDArray[np.float64], scenes: Sequence[str]) -> WilcoxonResult:
    """Run Wilcoxon's two-sided signed-rank test (1945) on paired `differences` (N,).

    Images of one scene count once, by their mean; NaN are left out, and so are scenes without a difference. p is 1 if no
    scene has a difference.
    """
    from scipy import stats

    means = np.round(scene_means(differences, scenes), DECIMALS)
    means = means[np.isfinite(means)]
    nonzero = means[means != 0]
    if not nonzero.size:
        return WilcoxonResult(1.0 if means.size else float("nan"), 0, 0)
    ranks = stats.rankdata(np.abs(nonzero))
    return WilcoxonResult(float(stats.wilcoxon(nonzero).pvalue), int(np.sign(ranks @ np.sign(nonzero))), len(nonzero))


def holm(p_values: Mapping[str, float], *, further_tests: int = 0) -> dict[str, float]:
    """Correct the p-values of several tests for their number (Holm 1979); NaN are no tests, and stay.

    `further_tests` count as well, whose p-values are not given.
    """
    corrected = dict(p_values)
    tested = sorted((name for name, p in p_values.items() if p == p), key=lambda name: p_values[name])
    largest = 0.0
    for rank, name in enumerate(tested):
        largest = max(largest, min(1.0, p_values[name] * (len(tested) + further_tests - rank)))
        corrected[name] = largest
    return corrected


def can_reach_significance(scenes: int, tests: int) -> bool:
    """Return whether Wilcoxon's test on so many scenes can be significant at all, as the first of so many tests by Holm."""
    return tests * 2.0 ** (1 - scenes) < ALPHA
