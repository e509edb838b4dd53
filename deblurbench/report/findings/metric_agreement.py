"""Whether the metrics of a data set agree: rank correlations, and images on which they prefer different models."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from deblurbench.records.paths import BLURRED
from deblurbench.report.findings.comparison import Comparison
from deblurbench.report.results import Results
from deblurbench.statistics.agreement import FEWEST_ROWS, disagreements, rank_correlations

MOST_DISAGREEMENTS = 3


@dataclass(frozen=True)
class MetricDisagreement:
    """An image on which PSNR prefers one model and the perceptual metric another."""

    image: str
    preferred_by_psnr: str  # the model
    preferred_by_perceptual: str
    perceptual: str  # the label of that metric

    @property
    def sentence(self) -> str:
        """Which metric prefers which model."""
        return f"'{self.image}': PSNR prefers {self.preferred_by_psnr}, {self.perceptual} {self.preferred_by_perceptual}"


@dataclass(frozen=True)
class MetricAgreement:
    """How far the metrics of a data set agree."""

    labels: tuple[str, ...]
    correlations: tuple[tuple[float, ...], ...]  # Spearman's, of improvements over the input; 1 is full agreement
    sentence: str
    disagreements: tuple[MetricDisagreement, ...]  # the clearest ones

    @property
    def note(self) -> str:
        """The definition of the correlations."""
        over = "over all test images and models of the improvements over the blurred input"
        hidden = f"of fewer than {FEWEST_ROWS} none is shown"
        return f"Spearman's rank correlation {over}, each turned so that better is higher; {hidden}."

    @property
    def headings(self) -> list[str]:
        """The headings of the table of `rows`."""
        return ["metric", *self.labels]

    @property
    def texts(self) -> list[list[str]]:
        """The correlations as text; empty for NaN."""
        return [["" if math.isnan(value) else f"{value:.2f}" for value in row] for row in self.correlations]

    @property
    def rows(self) -> list[list[str]]:
        """Each metric with its correlations with all metrics."""
        return [[label, *texts] for label, texts in zip(self.labels, self.texts, strict=True)]


def metric_agreement(results: Results, comparison: Comparison) -> MetricAgreement | None:
    """Correlate the metrics over all images and models, each as an improvement over the blurred input.

    Improvements, because the difficulty of images would make any two metrics correlate. None with fewer than two metrics or
    without a model.
    """
    metrics = tuple(results.recipe.metrics)
    models = [result.model for result in comparison.results if not result.is_input]
    if len(metrics) < 2 or not models:
        return None
    improvements = {  # each (models, images)
        metric: np.stack([comparison.scores.gain(metric, model, BLURRED) for model in models]) for metric in metrics
    }
    perceptual = results.perceptual_metric
    sentence, examples = "", []
    if perceptual is not None:
        fraction, found = disagreements(improvements[results.primary_metric], improvements[perceptual], most=MOST_DISAGREEMENTS)
        if not math.isnan(fraction):
            first, second = (results.metric(metric).label.split(" (")[0] for metric in (results.primary_metric, perceptual))
            question = "Asked which of two models restored an image better"
            sentence = f"{question}, {first} and {second} disagree in {fraction:.0%} of all cases."
        images, label = comparison.scores.images, results.metric(perceptual).label
        examples = [MetricDisagreement(images[one.image], models[one.first], models[one.second], label) for one in found]
    columns = np.stack([values.ravel() for values in improvements.values()], axis=1)  # (models x images, metrics)
    return MetricAgreement(
        tuple(results.metric(metric).label for metric in metrics),
        tuple(tuple(map(float, row)) for row in rank_correlations(columns)),
        sentence,
        tuple(examples),
    )
