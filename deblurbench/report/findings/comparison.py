"""Statistics of a data set: models compared with the blurred input, and with the best of them."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

import numpy as np

from deblurbench.records.paths import BLURRED
from deblurbench.report.findings.image_scores import DatasetScores, ModelPair, image_scores
from deblurbench.report.results import Result, Results
from deblurbench.statistics.means import finite_mean
from deblurbench.statistics.significance import ALPHA, WilcoxonResult, can_reach_significance, holm, wilcoxon


class VersusBest(Enum):
    """How a model compares with the best one by some metric."""

    BEST = "best"
    TIED = "not significantly different from the best"
    MIXED = "behind the best on average, and ahead of it on most images"
    BEHIND = "significantly behind the best"
    INCONCLUSIVE = "too few images to tell"
    NONE = ""  # not ranked (the input, oracles), or nothing to compare


class VersusInput(Enum):
    """How a model compares with the blurred input by some metric, as far as its interval and its test carry."""

    BETTER = "better than the input"
    WORSE = "worse than the input"
    INCONCLUSIVE = "cannot be told apart from the input"


class MeanDifference(NamedTuple):
    """A mean difference over scenes, above zero for better, its 95 % Student's t interval, and p.

    p is Wilcoxon's, corrected by Holm; of a gain over the input, Student's where scenes are too few for Wilcoxon's test.
    """

    mean: float
    low: float
    high: float
    p: float


@dataclass(frozen=True)
class ModelStatistics:
    """The statistics of one model by one metric."""

    mean: float  # over images
    left_out: int  # images whose score is infinite, which are in no mean
    mean_over_scenes: float  # of the images on which models are compared
    gain: MeanDifference | None  # over the blurred input; None for itself
    versus_input: VersusInput | None  # None for the input
    wins: int  # images on which it is better than the input
    to_best: MeanDifference | None  # to the best model; None for itself, the input and oracles
    versus_best: VersusBest


@dataclass(frozen=True)
class Comparison:
    """The models of one data set compared."""

    dataset: str
    label: str
    results: tuple[Result, ...]  # the best first, the blurred input among them
    scores: DatasetScores
    statistics: dict[str, dict[str, ModelStatistics]]  # metric -> model
    primary_metric: str
    shown: frozenset[str] | None  # test images whose pictures may be shown; None for all

    def may_show(self, image: str) -> bool:
        """Whether the pictures of a test image may be shown."""
        return self.shown is None or image in self.shown

    @property
    def ranked(self) -> list[Result]:
        """The results that can be the best, the best first."""
        return [result for result in self.results if result.is_ranked]

    @property
    def blurred_input(self) -> Result:
        """The result of the blurred input."""
        return next(result for result in self.results if result.is_input)

    @property
    def images(self) -> int:
        """The number of images on which models are compared: those that none restores exactly."""
        return int(self.scores.is_compared(self.primary_metric).sum())

    @property
    def scenes(self) -> int:
        """The number of independent scenes of these images."""
        return len(set(self.scores.compared_scenes(self.primary_metric)))

    @property
    def scene_sizes_differ(self) -> bool:
        """Whether scenes have different numbers of images, so that a mean over scenes is not one over images."""
        return len(set(Counter(self.scores.compared_scenes(self.primary_metric)).values())) > 1

    @property
    def is_conclusive(self) -> bool:
        """Whether there are enough scenes for a test to find any difference between models."""
        return can_reach_significance(self.scenes, max(1, _number_of_pairs(len(self.ranked))))

    @property
    def input_is_conclusive(self) -> bool:
        """Whether there are enough scenes for a test to find any difference to the input."""
        return can_reach_significance(self.scenes, max(1, len(self.results) - 1))

    def statistics_of(self, model: str, metric: str | None = None) -> ModelStatistics:
        """Return the statistics of `model` by `metric`, or by the primary one."""
        return self.statistics[metric or self.primary_metric][model]


def compare(results: Results, dataset: str) -> Comparison:
    """Compare the models on `dataset` by every metric of the recipe."""
    scores = image_scores(results, dataset)
    found = results.of(dataset)
    quality = {result.model: _quality(scores, results.primary_metric, result.model) for result in found}
    ordered = tuple(sorted(found, key=lambda result: quality[result.model], reverse=True))
    statistics = {metric: _statistics(ordered, scores, metric) for metric in results.recipe.metrics}
    return Comparison(dataset, results.label(dataset), ordered, scores, statistics, results.primary_metric, results.shown)


def _quality(scores: DatasetScores, metric: str, model: str) -> tuple[float, int]:
    """Return the sort key of a model: its mean goodness, then the number of images that it restores exactly.

    The mean is over the same images for all: one that is exact on easy images must not be judged by the hard ones alone.
    """
    mean = scores.mean_over_scenes(metric, scores.goodness[metric][model])
    return (0.0 if math.isnan(mean) else mean, int(np.isinf(scores.values[metric][model]).sum()))


def _best(ordered: tuple[Result, ...], scores: DatasetScores, metric: str) -> str | None:
    """Return the ranked model of highest quality, the earlier in the table of two equal ones."""
    names = [result.model for result in ordered if result.is_ranked]
    return max(names, key=lambda name: _quality(scores, metric, name), default=None)


def _statistics(ordered: tuple[Result, ...], scores: DatasetScores, metric: str) -> dict[str, ModelStatistics]:
    best = _best(ordered, scores, metric)
    to_input = [ModelPair(metric, result.model, BLURRED) for result in ordered if not result.is_input]
    gains, versus_input = _compare_with_input(scores, to_input)
    others = [result.model for result in ordered if result.is_ranked and result.model != best]
    to_best, versus_best = _compare_with_best(scores, [ModelPair(metric, model, best) for model in others if best is not None])
    found = {}
    for model in (result.model for result in ordered):
        values = scores.values[metric][model]
        mean = finite_mean(values.tolist())
        goodness, goodness_of_input = (scores.goodness[metric][name] for name in (model, BLURRED))
        found[model] = ModelStatistics(
            mean=mean.value,
            left_out=mean.left_out,
            mean_over_scenes=scores.mean_over_scenes(metric, values),
            gain=gains.get(model),
            versus_input=versus_input.get(model),
            wins=int((goodness > goodness_of_input).sum()),
            to_best=to_best.get(model),
            versus_best=VersusBest.BEST if model == best else versus_best.get(model, VersusBest.NONE),
        )
    return found


def _compare_with_input(
    scores: DatasetScores, pairs: list[ModelPair]
) -> tuple[dict[str, MeanDifference], dict[str, VersusInput]]:  # fmt: skip
    """Return by model the gain over the input, and whether that is better or worse.

    Wilcoxon's test and the interval have to agree on it; where scenes are too few for the test, Student's t decides, with
    the same correction.
    """
    gains, tests = _differences(scores, pairs)
    if pairs and not can_reach_significance(len(set(scores.compared_scenes(pairs[0].metric))), len(pairs)):
        student = holm(scores.student_p_values(pairs))
        gains = {model: gain._replace(p=student[model]) for model, gain in gains.items()}
        return gains, {model: _versus_input(gain, gain.mean) for model, gain in gains.items()}
    return gains, {model: _versus_input(gain, tests[model].direction) for model, gain in gains.items()}


def _versus_input(gain: MeanDifference, direction: float) -> VersusInput:
    if gain.p < ALPHA and direction > 0 and gain.low > 0:
        return VersusInput.BETTER
    return VersusInput.WORSE if gain.p < ALPHA and direction < 0 and gain.high < 0 else VersusInput.INCONCLUSIVE


def _compare_with_best(
    scores: DatasetScores, pairs: list[ModelPair]
) -> tuple[dict[str, MeanDifference], dict[str, VersusBest]]:  # fmt: skip
    """Return by model the difference to the best, and how it compares with it.

    Tests are corrected for all pairs of models, not only for those with the best: these scores have chosen it.
    """
    number_of_tests = _number_of_pairs(len(pairs) + 1)
    differences, tests = _differences(scores, pairs, further_tests=number_of_tests - len(pairs))
    return differences, {model: _versus_best(differences[model], tests[model], number_of_tests) for model in differences}


def _versus_best(to_best: MeanDifference, test: WilcoxonResult, number_of_tests: int) -> VersusBest:
    if np.isnan(to_best.p):
        return VersusBest.NONE
    if to_best.p < ALPHA and test.direction > 0:
        return VersusBest.MIXED
    if to_best.p < ALPHA and to_best.high < 0:
        return VersusBest.BEHIND
    if test.scenes and not can_reach_significance(test.scenes, number_of_tests):
        return VersusBest.INCONCLUSIVE
    return VersusBest.TIED


def _differences(
    scores: DatasetScores, pairs: list[ModelPair], *, further_tests: int = 0
) -> tuple[dict[str, MeanDifference], dict[str, WilcoxonResult]]:
    """Return by model the difference of each pair, and the result of Wilcoxon's test."""
    tests = {pair.model: wilcoxon(scores.gain(*pair), scores.scenes) for pair in pairs}
    corrected = holm({model: test.p for model, test in tests.items()}, further_tests=further_tests)
    means = scores.mean_gains(pairs)
    return {
        pair.model: MeanDifference(*interval, corrected[pair.model]) for pair, interval in zip(pairs, means, strict=True)
    }, tests


def _number_of_pairs(models: int) -> int:
    return models * (models - 1) // 2
