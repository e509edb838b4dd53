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

Scores = NDArray[np.float64]


class Pair(NamedTuple):
    """A model and another that it is compared with, by one metric."""

    metric: str
    model: str
    over: str


class Interval(NamedTuple):
    """A mean over scenes and its interval by Student's t, NaN where it has none."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class ImageScores:
    """One data set's test images (N), by name, and each model's scores of each metric, the mean over seeds."""

    images: tuple[str, ...]
    scenes: tuple[str, ...]  # what each image belongs to
    blurs: tuple[str, ...]  # the kind of blur; empty where nobody knows it
    spreads: Scores  # (N,) pixels; NaN where nobody knows it
    values: dict[str, dict[str, Scores]]  # metric -> model -> (N,)
    goodness: dict[str, dict[str, Scores]]  # the same, turned so that higher is better
    goodness_by_seed: dict[str, dict[str, Scores]]  # metric -> model -> (seeds, N)

    def compared(self, metric: str) -> NDArray[np.bool_]:
        """The images (N,) on which models are compared: those that none restores so that the metric is infinite."""
        return np.all(np.isfinite(list(self.values[metric].values())), axis=0)

    def gain(self, metric: str, model: str, over: str) -> Scores:
        """By how much a model is better than another (N,); NaN for images on which models are not compared."""
        first, second = self.goodness[metric][model], self.goodness[metric][over]
        return np.subtract(first, second, out=np.full(len(first), np.nan), where=self.compared(metric))

    def scenes_compared(self, metric: str) -> list[str]:
        """The scene of each image on which models are compared."""
        return [scene for scene, is_compared in zip(self.scenes, self.compared(metric), strict=True) if is_compared]

    def over_scenes(self, metric: str, scores: Scores) -> float:
        """The mean of the scenes' means of `scores` (N,) on the images on which models are compared; NaN without any."""
        scenes = self.scenes_compared(metric)
        return float(scene_means(scores[self.compared(metric)], scenes).mean()) if scenes else float("nan")

    def mean_gains(self, pairs: Sequence[Pair]) -> list[Interval]:
        """Of each pair the mean over scenes of what the model gains, and an interval with the variance of training in it.

        Of that only a model with several seeds can tell. The seeds of two models are not paired.
        """
        if not pairs:
            return []
        scenes, *trainings = self._estimates(pairs)
        found = zip(scenes.mean, *intervals(scenes, *trainings).T, strict=True)
        return [Interval(*map(float, numbers)) for numbers in found]

    def student(self, pairs: Sequence[Pair]) -> dict[str, float]:
        """By model the p of each pair's gain by Student's t, which belongs to its interval."""
        return dict(zip([pair.model for pair in pairs], map(float, p_values(*self._estimates(pairs))), strict=True))

    def _estimates(self, pairs: Sequence[Pair]) -> list[Estimate]:
        """Of the pairs' gains over scenes, and of both models over their seeds."""
        trainings = [
            Estimate(*np.concatenate([self._training(pair.metric, name) for pair, name in zip(pairs, names, strict=True)], 1))
            for names in ([pair.model for pair in pairs], [pair.over for pair in pairs])
        ]
        return [estimate(scene_means(np.stack([self.gain(*pair) for pair in pairs], axis=1), self.scenes)), *trainings]

    def _training(self, metric: str, model: str) -> Scores:
        """The mean over seeds of a model's goodness as an Estimate's three rows (3, 1)."""
        means = [self.over_scenes(metric, seed) for seed in self.goodness_by_seed[metric][model]]
        return np.stack(estimate(np.array(means)[:, None]))


def image_scores(results: Results, dataset: str) -> ImageScores:
    """The scores of every model on the test images of `dataset`. Raises UsageError where models were scored on other images."""
    untouched = results.input_of(dataset)
    facts = {row.image: row for row in sorted(untouched.images, key=lambda row: row.image)}
    names = tuple(facts)
    place = {name: number for number, name in enumerate(names)}
    values: dict[str, dict[str, Scores]] = {metric: {} for metric in results.recipe.metrics}
    goodness: dict[str, dict[str, Scores]] = {metric: {} for metric in results.recipe.metrics}
    goodness_by_seed: dict[str, dict[str, Scores]] = {metric: {} for metric in results.recipe.metrics}
    for result in results.of(dataset):
        for metric, scores in _by_seed(result, place, list(values)).items():
            turned = np.vectorize(results.metric(metric).goodness, otypes=[np.float64])
            values[metric][result.model] = scores.mean(axis=0)
            goodness_by_seed[metric][result.model] = turned(scores)
            goodness[metric][result.model] = goodness_by_seed[metric][result.model].mean(axis=0)
    rows = facts.values()
    return ImageScores(
        names,
        tuple(row.scene for row in rows),
        tuple(row.blur for row in rows),
        np.array([math.nan if row.spread is None else row.spread for row in rows]),
        values,
        goodness,
        goodness_by_seed,
    )


def _by_seed(result: Result, place: dict[str, int], metrics: list[str]) -> dict[str, Scores]:
    """Of each metric the scores (seeds, N)."""
    if any(row.image not in place for row in result.images) or len(result.images) != len(place) * len(result.seeds):
        raise UsageError(f"{result.folder}: was not scored on the test images of '{result.dataset}'; its run is not complete")
    seeds = {seed: number for number, seed in enumerate(result.seeds)}
    table = np.empty((len(metrics), len(result.seeds), len(place)))
    for row in result.images:
        table[:, seeds[row.seed], place[row.image]] = [row.scores[metric] for metric in metrics]
    return dict(zip(metrics, table, strict=True))
