"""Agreement of metrics: rank correlations, and pairs of models of which two metrics prefer different ones."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FEWEST_ROWS = 5  # with fewer, even full agreement is not significant (p = 2 / 4! = 0.08)


def rank_correlations(columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return Spearman's correlations (K, K) of `columns` (N, K), over the rows that are finite.

    NaN for a constant column, and for fewer rows than FEWEST_ROWS.
    """
    from scipy import stats

    rows = columns[np.isfinite(columns).all(axis=1)]
    if len(rows) < FEWEST_ROWS:
        return np.full((columns.shape[1],) * 2, np.nan)
    ranks = stats.rankdata(rows, axis=0)  # (N, K)
    centred = ranks - ranks.mean(axis=0)
    lengths = np.sqrt(np.square(centred).sum(axis=0))
    lengths[lengths == 0] = np.nan
    correlations: NDArray[np.float64] = (centred.T @ centred) / np.outer(lengths, lengths)
    return correlations


class Disagreement(NamedTuple):
    """The indices of an image, of the model that the first metric prefers on it, and of the one that the second prefers."""

    image: int
    first: int
    second: int


def disagreements(one: NDArray[np.float64], other: NDArray[np.float64], *, most: int) -> tuple[float, list[Disagreement]]:
    """Count how often two metrics, (models, images) and higher is better, prefer different models on the same image.

    Returns the fraction of all pairs of models on an image of which they do (NaN without any pair), and the clearest
    disagreement of each of the `most` images that show it most: where the product of both differences, each in units of its
    root mean square, is lowest.
    """
    first, second = np.triu_indices(len(one), 1)
    gaps = [values[first] - values[second] for values in (one, other)]  # each (pairs, images)
    known = np.isfinite(gaps[0]) & np.isfinite(gaps[1])
    gaps = [np.where(known, gap, 0.0) for gap in gaps]
    decided = (gaps[0] != 0) & (gaps[1] != 0)
    if not decided.any():
        return float("nan"), []
    units = [np.sqrt(np.square(gap[decided]).mean()) for gap in gaps]
    product = gaps[0] / units[0] * gaps[1] / units[1]  # (pairs, images)
    fraction = float((product[decided] < 0).mean())
    clearest = product.argmin(axis=0)  # (images,)
    order = np.argsort(product.min(axis=0), kind="stable")[:most]
    found = []
    for image in order:
        pair = clearest[image]
        if product[pair, image] >= 0:
            break
        models = (int(first[pair]), int(second[pair]))
        found.append(Disagreement(int(image), *(models if gaps[0][pair, image] > 0 else models[::-1])))
    return fraction, found
