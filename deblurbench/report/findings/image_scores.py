"""The scores of every test image of a data set, as arrays."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from deblurbench.errors import UsageError
from deblurbench.report.results import Result, Results
from deblurbench.statistics.intervals import Estimate, estimate, intervals, p_values
from deblurbench.statistics.means import scene_means

Floats = NDArray[np.float64]


class ModelPair(NamedTuple):
    """A model and the baseline that it is compared with, by one metric."""

    metric: str
    model: str
    baseline: str


class MeanInterval(NamedTuple):
    """A mean over scenes and its Student's t interval, NaN where it has none."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class DatasetScores:
    """The N test images of a data set, sorted by name, and each model's scores, averaged over its seeds."""

    images: tuple[str, ...]
    scenes: tuple[str, ...]  # the scene of each image
    blurs: tuple[str, ...]  # the kind of blur; empty if unknown
    kernel_spreads: Floats  # (N,) pixels; NaN if unknown
    values: dict[str, dict[str, Floats]]  # metric -> model -> (N,)
    goodness: dict[str, dict[str, Floats]]  # the same, oriented so that higher is better
    goodness_by_seed: dict[str, dict[str, Floats]]  # metric -> model -> (seeds, N)

    def is_compared(self, metric: str) -> NDArray[np.bool_]:
        """Return a mask (N,) of the images on which models are compared: those on which no score is infinite."""
        return np.all(np.isfinite(list(self.values[metric].values())), axis=0)

    def gain(self, metric: str, model: str, baseline: str) -> Floats:
        """Return how much better a model is than the baseline (N,); NaN for images on which models are not compared."""
        first, second = self.goodness[metric][model], self.goodness[metric][baseline]
        return np.subtract(first, second, out=np.full(len(first), np.nan), where=self.is_compared(metric))

    def compared_scenes(self, metric: str) -> list[str]:
        """Return the scene of each image on which models are compared."""
        return [scene for scene, is_compared in zip(self.scenes, self.is_compared(metric), strict=True) if is_compared]

    def mean_over_scenes(self, metric: str, scores: Floats) -> float:
        """Return the mean over scenes of `scores` (N,) on the images on which models are compared; NaN without any."""
        scenes = self.compared_scenes(metric)
        return float(scene_means(scores[self.is_compared(metric)], scenes).mean()) if scenes else float("nan")

    def mean_gains(self, pairs: Sequence[ModelPair]) -> list[MeanInterval]:
        """Return the mean gain over scenes of each pair, with an interval that includes the variance of training.

        Only a model with several seeds shows that variance. The seeds of two models are not paired.
        """
        if not pairs:
            return []
        over_scenes, *over_seeds = self._estimates(pairs)
        found = zip(over_scenes.mean, *intervals(over_scenes, *over_seeds).T, strict=True)
        return [MeanInterval(*map(float, numbers)) for numbers in found]

    def student_p_values(self, pairs: Sequence[ModelPair]) -> dict[str, float]:
        """Return the Student's t p-value of each pair's gain, which belongs to its interval, by model."""
        return dict(zip([pair.model for pair in pairs], map(float, p_values(*self._estimates(pairs))), strict=True))

    def _estimates(self, pairs: Sequence[ModelPair]) -> list[Estimate]:
        """Estimate the K gains over scenes, then the goodness of both sides over their seeds."""
        over_seeds = [
            Estimate(*np.concatenate([self._over_seeds(pair.metric, name) for pair, name in zip(pairs, names, strict=True)], 1))
            for names in ([pair.model for pair in pairs], [pair.baseline for pair in pairs])
        ]
        gains = np.stack([self.gain(*pair) for pair in pairs], axis=1)  # (N, K)
        return [estimate(scene_means(gains, self.scenes)), *over_seeds]

    def _over_seeds(self, metric: str, model: str) -> Floats:
        """Return the three rows (3, 1) of the Estimate of a model's goodness over its seeds."""
        means = [self.mean_over_scenes(metric, seed) for seed in self.goodness_by_seed[metric][model]]
        return np.stack(estimate(np.array(means)[:, None]))


def image_scores(results: Results, dataset: str) -> DatasetScores:
    """Return the scores of every model on the test images of `dataset`.

    Raises UsageError where a model was scored on other images.
    """
    input_rows = {row.image: row for row in sorted(results.input_of(dataset).image_rows, key=lambda row: row.image)}
    index = {name: number for number, name in enumerate(input_rows)}
    values: dict[str, dict[str, Floats]] = {metric: {} for metric in results.recipe.metrics}
    goodness: dict[str, dict[str, Floats]] = {metric: {} for metric in results.recipe.metrics}
    goodness_by_seed: dict[str, dict[str, Floats]] = {metric: {} for metric in results.recipe.metrics}
    for result in results.of(dataset):
        for metric, scores in _scores_by_seed(result, index, list(values)).items():
            oriented = np.vectorize(results.metric(metric).goodness, otypes=[np.float64])
            values[metric][result.model] = scores.mean(axis=0)  # (seeds, N) -> (N,)
            goodness_by_seed[metric][result.model] = oriented(scores)
            goodness[metric][result.model] = goodness_by_seed[metric][result.model].mean(axis=0)
    rows = input_rows.values()
    return DatasetScores(
        tuple(input_rows),
        tuple(row.scene for row in rows),
        tuple(row.blur for row in rows),
        np.array([math.nan if row.spread is None else row.spread for row in rows]),
        values,
        goodness,
        goodness_by_seed,
    )


def _scores_by_seed(result: Result, index: dict[str, int], metrics: list[str]) -> dict[str, Floats]:
    """Return the scores (seeds, N) of each metric; `index` is the place of each image."""
    rows = result.image_rows
    if any(row.image not in index for row in rows) or len(rows) != len(index) * len(result.seeds):
        raise UsageError(f"{result.folder}: was not scored on the test images of '{result.dataset}'; its run is not complete")
    seeds = {seed: number for number, seed in enumerate(result.seeds)}
    table = np.empty((len(metrics), len(result.seeds), len(index)))
    for row in rows:
        table[:, seeds[row.seed], index[row.image]] = [row.scores[metric] for metric in metrics]
    return dict(zip(metrics, table, strict=True))
