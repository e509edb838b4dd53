"""Which differences are more than chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from deblurbench.statistics.means import scene_means

ALPHA = 0.05
DIGITS = 9  # of a scene's mean: what is less comes from rounding, and would turn ties into differences


class SignedRanks(NamedTuple):
    """What Wilcoxon's test found: its p, which way the ranks point (1, 0 or -1), and on how many scenes they rest."""

    p: float  # NaN where there is nothing to compare
    direction: int
    units: int


def wilcoxon(differences: NDArray[np.float64], scenes: Sequence[str]) -> SignedRanks:
    """Wilcoxon's two-sided signed-rank test (1945) that paired `differences` (N,) have no direction.

    Images of one scene count once, by their mean; NaN are left out, and so are scenes without a difference. p is 1 where
    nothing differs.
    """
    from scipy import stats

    means = np.round(scene_means(differences, scenes), DIGITS)
    means = means[np.isfinite(means)]
    units = means[means != 0]
    if not units.size:
        return SignedRanks(1.0 if means.size else float("nan"), 0, 0)
    ranks = stats.rankdata(np.abs(units))
    return SignedRanks(float(stats.wilcoxon(units).pvalue), int(np.sign(ranks @ np.sign(units))), len(units))


def holm(p_values: Mapping[str, float], *, untold: int = 0) -> dict[str, float]:
    """The p-values of several tests, corrected for their number (Holm 1979); NaN are no tests, and stay.

    `untold` further tests count as well, of which the p-values are not asked for.
    """
    corrected = dict(p_values)
    tested = sorted((name for name, p in p_values.items() if p == p), key=lambda name: p_values[name])
    largest = 0.0
    for place, name in enumerate(tested):
        largest = max(largest, min(1.0, p_values[name] * (len(tested) + untold - place)))
        corrected[name] = largest
    return corrected


def can_tell(scenes: int, tests: int) -> bool:
    """Whether Wilcoxon's test on so many scenes could reach ALPHA at all, were it the first of so many tests by Holm."""
    return tests * 2.0 ** (1 - scenes) < ALPHA
