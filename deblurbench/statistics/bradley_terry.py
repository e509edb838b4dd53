"""One score per model from votes between pairs (Bradley & Terry 1952)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from deblurbench.randomness import generator
from deblurbench.statistics.intervals import CONFIDENCE

RESAMPLES, ITERATIONS, TOLERANCE = 1_000, 1_000, 1e-9
FEWEST_IMAGES = 10  # for an interval: in simulations it covers 0.65 to 0.80 with 4 images, and about 0.90 with 10
FEWEST_VOTES = 20  # on each model, for a score: see `are_enough`
PRIOR = 0.5  # pseudo-wins of each model over all others together: they keep the strength of a model that never won finite


class PairedVote(NamedTuple):
    """A vote between two models."""

    first: str
    second: str
    outcome: float  # of the first: 1 for a win, 0 for a loss, 0.5 for no difference
    image: str  # votes on one image are not independent


class Strength(NamedTuple):
    """The natural logarithm of a model's strength, the mean over models being 0, and its 95 % bootstrap interval.

    The interval is NaN for votes on fewer than FEWEST_IMAGES images. A model of score s is preferred to one of score t with
    probability 1 / (1 + exp(t - s)).
    """

    score: float
    low: float
    high: float


def votes_on(votes: Sequence[PairedVote]) -> Counter[str]:
    """Return how many votes each model was in."""
    return Counter(model for vote in votes for model in (vote.first, vote.second))


def are_enough(votes: Sequence[PairedVote]) -> bool:
    """Return whether votes tell models apart: at least FEWEST_VOTES on each of them, on at least FEWEST_IMAGES images.

    Simulated (strengths of standard deviation 1, 2 to 10 models, two raters, 10 and 20 images), intervals of 20 votes on each
    model cover 85 to 91 %, those of 5 votes 67 to 89 %. The best of 7 models comes first in 69 %, with 5 votes in 46 %.
    """
    return min(votes_on(votes).values(), default=0) >= FEWEST_VOTES and len({vote.image for vote in votes}) >= FEWEST_IMAGES


def strengths(votes: Sequence[PairedVote]) -> dict[str, Strength]:
    """Return maximum-likelihood strengths by Hunter's MM iterations (2004), with ties as half a win each and a weak prior.

    Intervals come from resampling whole images, with all votes on them.
    """
    models = sorted({model for vote in votes for model in (vote.first, vote.second)})
    if not models:
        return {}
    index = {model: number for number, model in enumerate(models)}
    rows = np.array([index[vote.first] for vote in votes])
    columns = np.array([index[vote.second] for vote in votes])
    outcomes = np.array([vote.outcome for vote in votes])
    images, image_of = np.unique([vote.image for vote in votes], return_inverse=True)
    random = generator("bradley-terry", len(votes))
    drawn = random.multinomial(len(images), np.full(len(images), 1 / len(images)), size=RESAMPLES)  # (RESAMPLES, images)
    # (1 + RESAMPLES, votes), the first row being the votes themselves
    weights = np.concatenate([np.ones((1, len(votes))), drawn[:, image_of]])
    wins = np.full((1 + RESAMPLES, len(models), len(models)), PRIOR / (len(models) - 1))
    wins[:, range(len(models)), range(len(models))] = 0
    for sample, weight in enumerate(weights):
        np.add.at(wins[sample], (rows, columns), weight * outcomes)
        np.add.at(wins[sample], (columns, rows), weight * (1 - outcomes))
    scores = _fit(wins)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(scores[1:], (tail, 1 - tail), axis=0)
    if len(images) < FEWEST_IMAGES:
        low[:] = high[:] = np.nan
    return {model: Strength(*map(float, (scores[0, i], low[i], high[i]))) for i, model in enumerate(models)}


def _fit(wins: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the log strengths (R, K) of R samples of wins (R, K, K), [.., i, j] being those of i over j."""
    comparisons = wins + wins.transpose(0, 2, 1)
    total_wins = wins.sum(axis=2)  # (R, K)
    strength = np.ones(total_wins.shape)
    for _ in range(ITERATIONS):
        previous = strength
        strength = total_wins / (comparisons / (strength[:, :, None] + strength[:, None, :])).sum(axis=2)
        strength /= np.exp(np.log(strength).mean(axis=1, keepdims=True))
        if np.abs(np.log(strength / previous)).max() < TOLERANCE:
            break
    return np.log(strength)
