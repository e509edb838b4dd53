"""Do the metrics agree? The answer to "metrics are not reliable with what we see", with data."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from deblurbench.records.paths import BLURRED
from deblurbench.report.findings.comparison import Comparison
from deblurbench.report.results import Results
from deblurbench.statistics.agreement import FEWEST_ROWS, disagreements, rank_correlations

IMAGES_SHOWN = 3


@dataclass(frozen=True)
class Case:
    """An image on which PSNR prefers one model and the perceptual metric another."""

    image: str
    by_first: str  # the model
    by_perceptual: str


@dataclass(frozen=True)
class Agreement:
    """How the metrics of a data set agree."""

    labels: tuple[str, ...]
    correlations: tuple[tuple[float, ...], ...]  # Spearman's, of improvements over the input; 1 is full agreement
    sentence: str
    cases: tuple[Case, ...]  # the images that show it most

    @property
    def note(self) -> str:
        """What the correlations are."""
        over = "over all test images and models of the improvements over the blurred input"
        shown = f"of fewer than {FEWEST_ROWS} none is shown"
        return f"Spearman's rank correlation {over}, each turned so that better is higher; {shown}."

    @property
    def headings(self) -> list[str]:
        """Of the table of `rows`."""
        return ["metric", *self.labels]

    @property
    def texts(self) -> list[list[str]]:
        """The correlations for people; empty where there is none."""
        return [["" if math.isnan(value) else f"{value:.2f}" for value in row] for row in self.correlations]

    @property
    def rows(self) -> list[list[str]]:
        """A metric and its correlations with all."""
        return [[label, *texts] for label, texts in zip(self.labels, self.texts, strict=True)]


def agreement(results: Results, comparison: Comparison) -> Agreement | None:
    """Rank correlations of the metrics' verdicts over all images and models, each as an improvement over the blurred input.

    Improvements, because how hard an image is would make metrics seem to agree that do not. None with fewer than two
    metrics, or nothing to compare.
    """
    metrics = tuple(results.recipe.metrics)
    models = [result.model for result in comparison.results if not result.is_input]
    if len(metrics) < 2 or not models:
        return None
    improvements = {
        metric: np.stack([comparison.scores.gain(metric, model, BLURRED) for model in models]) for metric in metrics
    }
    perceptual = results.perceptual_metric
    sentence, cases = "", []
    if perceptual is not None:
        share, found = disagreements(improvements[results.first], improvements[perceptual], most=IMAGES_SHOWN)
        if not math.isnan(share):
            first, second = (results.metric(metric).label.split(" (")[0] for metric in (results.first, perceptual))
            asked = "Asked which of two models restored an image better"
            sentence = f"{asked}, {first} and {second} disagree in {share:.0%} of all cases."
        cases = [Case(comparison.scores.images[case.image], models[case.first], models[case.second]) for case in found]
    correlations = rank_correlations(np.stack([values.ravel() for values in improvements.values()], axis=1))
    return Agreement(
        tuple(results.metric(metric).label for metric in metrics),
        tuple(tuple(map(float, row)) for row in correlations),
        sentence,
        tuple(cases),
    )
