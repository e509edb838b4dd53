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
    """One data set's test images (N), by name, and each model's values of each metric, the mean over seeds."""

    images: tuple[str, ...]
    scenes: tuple[str, ...]  # what each image belongs to
    blurs: tuple[str, ...]  # the kind of blur; empty where it was not made here
    spreads: Scores  # (N,) pixels; NaN where it was not made here
    values: dict[str, dict[str, Scores]]  # metric -> model -> (N,)

    def gain(self, metric: str, model: str, over: str) -> Scores:
        """The difference of two models (N,), as the metric counts; NaN where either is infinite."""
        first, second = self.values[metric][model], self.values[metric][over]
        known = np.isfinite(first) & np.isfinite(second)
        return np.subtract(first, second, out=np.full(len(first), np.nan), where=known)

    def left_out(self, metric: str, model: str) -> int:
        """How many images a model restores so that the metric is infinite: they are in no mean."""
        return int(np.isinf(self.values[metric][model]).sum())


def image_scores(results: Results, dataset: str) -> ImageScores:
    """The scores of every model on the test images of `dataset`. Raises UsageError where models were scored on other images."""
    untouched = results.input_of(dataset)
    facts = {row["image"]: row for row in sorted(untouched.images, key=lambda row: row["image"])}
    names = tuple(facts)
    place = {name: number for number, name in enumerate(names)}
    values: dict[str, dict[str, Scores]] = {metric: {} for metric in results.recipe.metrics}
    for result in results.of(dataset):
        for metric, scores in _means_over_seeds(result, place, list(values)).items():
            values[metric][result.model] = scores
    rows = facts.values()
    return ImageScores(
        names,
        tuple(row["scene"] for row in rows),
        tuple(row["blur"] for row in rows),
        np.array([float(row["spread"] or "nan") for row in rows]),
        values,
    )


def _means_over_seeds(result: Result, place: dict[str, int], metrics: list[str]) -> dict[str, Scores]:
    if any(row["image"] not in place for row in result.images) or len(result.images) != len(place) * len(result.seeds):
        raise UsageError(f"{result.folder}: was not scored on the test images of '{result.dataset}'; its run is not complete")
    seeds = {str(seed): number for number, seed in enumerate(result.seeds)}
    table = np.empty((len(metrics), len(result.seeds), len(place)))
    for row in result.images:
        table[:, seeds[row["seed"]], place[row["image"]]] = [float(row[metric]) for metric in metrics]
    return dict(zip(metrics, table.mean(axis=1), strict=True))
