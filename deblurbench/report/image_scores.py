"""The scores of every test image of a data set, as arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deblurbench.errors import UsageError
from deblurbench.report.results import Result, Results

Scores = NDArray[np.float64]


@dataclass(frozen=True)
class ImageScores:
    """One data set's test images (N), by name, and each model's scores of each metric, the mean over seeds."""

    images: tuple[str, ...]
    scenes: tuple[str, ...]  # what each image belongs to
    blurs: tuple[str, ...]  # the kind of blur; empty where nobody knows it
    spreads: Scores  # (N,) pixels; NaN where nobody knows it
    values: dict[str, dict[str, Scores]]  # metric -> model -> (N,)
    goodness: dict[str, dict[str, Scores]]  # the same, turned so that higher is better

    def compared(self, metric: str) -> NDArray[np.bool_]:
        """The images (N,) on which models are compared: those that none restores so that the metric is infinite."""
        return np.all(np.isfinite(list(self.values[metric].values())), axis=0)

    def gain(self, metric: str, model: str, over: str) -> Scores:
        """By how much a model is better than another (N,); NaN for images on which models are not compared."""
        first, second = self.goodness[metric][model], self.goodness[metric][over]
        return np.subtract(first, second, out=np.full(len(first), np.nan), where=self.compared(metric))


def image_scores(results: Results, dataset: str) -> ImageScores:
    """The scores of every model on the test images of `dataset`. Raises UsageError where models were scored on other images."""
    untouched = results.input_of(dataset)
    facts = {row["image"]: row for row in sorted(untouched.images, key=lambda row: row["image"])}
    names = tuple(facts)
    place = {name: number for number, name in enumerate(names)}
    values: dict[str, dict[str, Scores]] = {metric: {} for metric in results.recipe.metrics}
    goodness: dict[str, dict[str, Scores]] = {metric: {} for metric in results.recipe.metrics}
    for result in results.of(dataset):
        for metric, scores in _by_seed(result, place, list(values)).items():
            turned = np.vectorize(results.metric(metric).goodness, otypes=[np.float64])
            values[metric][result.model] = scores.mean(axis=0)
            goodness[metric][result.model] = turned(scores).mean(axis=0)
    rows = facts.values()
    return ImageScores(
        names,
        tuple(row["scene"] for row in rows),
        tuple(row["blur"] for row in rows),
        np.array([float(row["spread"] or "nan") for row in rows]),
        values,
        goodness,
    )


def _by_seed(result: Result, place: dict[str, int], metrics: list[str]) -> dict[str, Scores]:
    """Of each metric the scores (seeds, N)."""
    if any(row["image"] not in place for row in result.images) or len(result.images) != len(place) * len(result.seeds):
        raise UsageError(f"{result.folder}: was not scored on the test images of '{result.dataset}'; its run is not complete")
    seeds = {str(seed): number for number, seed in enumerate(result.seeds)}
    table = np.empty((len(metrics), len(result.seeds), len(place)))
    for row in result.images:
        table[:, seeds[row["seed"]], place[row["image"]]] = [float(row[metric]) for metric in metrics]
    return dict(zip(metrics, table, strict=True))
