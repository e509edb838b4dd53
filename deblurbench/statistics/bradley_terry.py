"""One score a model from votes between pairs (Bradley & Terry 1952)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from deblurbench.randomness import generator
from deblurbench.statistics.intervals import CONFIDENCE

RESAMPLES, ITERATIONS, SETTLED = 1_000, 1_000, 1e-9
FEWEST_IMAGES = 10  # for an interval: simulated, it covers 0.65 to 0.80 with 4 images, and about 0.90 with 10
PRIOR = 0.5  # wins of each over each other that nobody voted for: who never won is then weak, and not infinitely so


class Ballot(NamedTuple):
    """A vote between two models; `share` is what the first one won: 1, 0, or 0.5 for no difference."""

    first: str
    second: str
    share: float
    image: str  # votes on one image are not independent


class Strength(NamedTuple):
    """The natural logarithm of a model's strength, the mean over models being 0, and its 95 % bootstrap interval.

    NaN for the interval that votes on fewer than FEWEST_IMAGES cannot tell.

    Of two models, the one with strength s is preferred to that with t by a share of 1 / (1 + exp(t - s)).
    """

    score: float
    low: float
    high: float


def strengths(ballots: Sequence[Ballot]) -> dict[str, Strength]:
    """Maximum-likelihood strengths (by Hunter's MM iterations, 2004), ties as half a win each, with a weak prior.

    Intervals come from resampling whole images, with all votes on them.
    """
    models = sorted({model for ballot in ballots for model in (ballot.first, ballot.second)})
    if not models:
        return {}
    place = {model: number for number, model in enumerate(models)}
    rows = np.array([place[ballot.first] for ballot in ballots])
    columns = np.array([place[ballot.second] for ballot in ballots])
    shares = np.array([ballot.share for ballot in ballots])
    images, image_of = np.unique([ballot.image for ballot in ballots], return_inverse=True)
    random = generator("bradley-terry", len(ballots))
    drawn = random.multinomial(len(images), np.full(len(images), 1 / len(images)), size=RESAMPLES)
    times = np.concatenate([np.ones((1, len(ballots))), drawn[:, image_of]])  # the first sample is what was voted
    wins = np.full((1 + RESAMPLES, len(models), len(models)), PRIOR)
    wins[:, range(len(models)), range(len(models))] = 0
    for sample, weights in enumerate(times):
        np.add.at(wins[sample], (rows, columns), weights * shares)
        np.add.at(wins[sample], (columns, rows), weights * (1 - shares))
    scores = _fitted(wins)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(scores[1:], (tail, 1 - tail), axis=0)
    if len(images) < FEWEST_IMAGES:
        low[:] = high[:] = np.nan
    return {model: Strength(*map(float, (scores[0, i], low[i], high[i]))) for i, model in enumerate(models)}


def _fitted(wins: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log strengths (R, K) of R samples of wins (R, K, K), [.., i, j] being those of i over j."""
    games = wins + wins.transpose(0, 2, 1)
    won = wins.sum(axis=2)
    strength = np.ones(won.shape)
    for _ in range(ITERATIONS):
        before = strength
        strength = won / (games / (strength[:, :, None] + strength[:, None, :])).sum(axis=2)
        strength /= np.exp(np.log(strength).mean(axis=1, keepdims=True))
        if np.abs(np.log(strength / before)).max() < SETTLED:
            break
    return np.log(strength)
