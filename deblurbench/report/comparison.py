"""What statistics say of a data set: how models compare with the blurred input, and with the best of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

import numpy as np

from deblurbench.report.image_scores import ImageScores, Scores, image_scores
from deblurbench.report.results import Result, Results
from deblurbench.results_folder import BLURRED
from deblurbench.statistics.bootstrap import mean_intervals
from deblurbench.statistics.means import finite_mean
from deblurbench.statistics.significance import ALPHA, SignedRanks, can_tell, holm, wilcoxon


class Verdict(Enum):
    """How a model stands to the best one by some metric."""

    BEST = "best"
    TIED = "not significantly different from the best"
    MIXED = "behind the best on average, and ahead of it on most images"
    BEHIND = "significantly behind the best"
    UNTOLD = "too few images to tell"
    NONE = ""  # does not compete (the input, oracles), or there is nothing to compare


class Difference(NamedTuple):
    """A mean difference over images, above zero for better, its 95 % bootstrap interval, and p (Wilcoxon, Holm-corrected)."""

    mean: float
    low: float
    high: float
    p: float


@dataclass(frozen=True)
class Standing:
    """What is known of one model by one metric."""

    mean: float
    left_out: int  # images whose score is infinite, which are in no mean
    gain: Difference | None  # over the blurred input; None for itself
    wins: int  # images on which it is better than the input
    to_best: Difference | None  # to the best model; None for itself, the input and oracles
    verdict: Verdict


@dataclass(frozen=True)
class Comparison:
    """One data set compared. `standings` are by metric and model."""

    dataset: str
    label: str
    results: tuple[Result, ...]  # the best first, the untouched input among them
    scores: ImageScores
    standings: dict[str, dict[str, Standing]]
    first: str  # the metric in which answers are given

    @property
    def competitors(self) -> list[Result]:
        """Those that can be called the best, the best first."""
        return [result for result in self.results if result.competes]

    @property
    def untouched(self) -> Result:
        """The blurred input."""
        return next(result for result in self.results if result.is_input)

    @property
    def images(self) -> int:
        """On how many images models are compared: those that none restores exactly."""
        return int(self.scores.compared(self.first).sum())

    @property
    def scenes(self) -> int:
        """How many independent scenes these images show."""
        compared = self.scores.compared(self.first)
        return len({scene for scene, is_compared in zip(self.scores.scenes, compared, strict=True) if is_compared})

    @property
    def tells(self) -> bool:
        """Whether there are scenes enough for a test to find any difference at all."""
        return can_tell(self.scenes, max(1, len(self.competitors) - 1))

    def standing(self, model: str, metric: str | None = None) -> Standing:
        """That of `model` by `metric`, or by the first one."""
        return self.standings[metric or self.first][model]


def compare(results: Results, dataset: str) -> Comparison:
    """Compare the models on `dataset`, by every metric of the recipe."""
    scores = image_scores(results, dataset)
    given = results.of(dataset)
    quality = {result.model: _quality(scores, results.first, result.model) for result in given}
    ordered = tuple(sorted(given, key=lambda result: quality[result.model], reverse=True))
    best = {metric: _best(ordered, scores, metric) for metric in results.recipe.metrics}
    pairs = [
        (metric, result.model, other)
        for metric in results.recipe.metrics
        for result in ordered
        for other in _rivals(result, best[metric])
    ]
    intervals = dict(zip(pairs, _intervals(scores, pairs), strict=True))
    standings = {metric: _standings(ordered, scores, metric, best[metric], intervals) for metric in results.recipe.metrics}
    return Comparison(dataset, results.label(dataset), ordered, scores, standings, results.first)


def _quality(scores: ImageScores, metric: str, model: str) -> tuple[float, int]:
    """What models are ordered by: the mean goodness where they are compared, then how many images are restored exactly.

    The mean is over the same images for all: one that is exact on easy images must not be judged by the hard ones alone.
    """
    compared = scores.goodness[metric][model][scores.compared(metric)]
    return (float(compared.mean()) if compared.size else 0.0, int(np.isinf(scores.values[metric][model]).sum()))


def _best(ordered: tuple[Result, ...], scores: ImageScores, metric: str) -> str | None:
    """The competitor of highest quality, the earlier in the table where two are equal."""
    names = [result.model for result in ordered if result.competes]
    return max(names, key=lambda name: _quality(scores, metric, name), default=None)


def _rivals(result: Result, best: str | None) -> Iterator[str]:
    """Whom a model is compared with: the input, and the best."""
    if not result.is_input:
        yield BLURRED
    if result.competes and best is not None and result.model != best:
        yield best


def _intervals(scores: ImageScores, pairs: list[tuple[str, str, str]]) -> list[tuple[float, float]]:
    """Of the mean difference of each (metric, model, other), all from the same resamples."""
    if not pairs:
        return []
    columns = np.stack([scores.gain(*pair) for pair in pairs], axis=1)
    return [(float(low), float(high)) for low, high in mean_intervals(columns, scores.scenes)]


def _standings(
    ordered: tuple[Result, ...], scores: ImageScores, metric: str, best: str | None,
    intervals: dict[tuple[str, str, str], tuple[float, float]],
) -> dict[str, Standing]:  # fmt: skip
    def differences(others: dict[str, str]) -> tuple[dict[str, Difference], dict[str, SignedRanks]]:
        columns = {model: scores.gain(metric, model, other) for model, other in others.items()}
        ranks = {model: wilcoxon(column, scores.scenes) for model, column in columns.items()}
        corrected = holm({model: found.p for model, found in ranks.items()})
        return {
            model: Difference(mean_of(column), *intervals[metric, model, others[model]], corrected[model])
            for model, column in columns.items()
        }, ranks

    gains, _ = differences({result.model: BLURRED for result in ordered if not result.is_input})
    rivals = {one.model: best for one in ordered if best is not None and one.competes and one.model != best}
    to_best, ranks = differences(rivals)
    found = {}
    for model in (result.model for result in ordered):
        mean = finite_mean(scores.values[metric][model].tolist())
        good, good_input = (scores.goodness[metric][name] for name in (model, BLURRED))
        verdict = Verdict.BEST if model == best else Verdict.NONE
        if model in to_best:
            verdict = _verdict(to_best[model], ranks[model], len(rivals))
        found[model] = Standing(
            mean.value, mean.left_out, gains.get(model), int((good > good_input).sum()), to_best.get(model), verdict
        )
    return found


def _verdict(to_best: Difference, ranks: SignedRanks, tests: int) -> Verdict:
    if np.isnan(to_best.p):
        return Verdict.NONE
    if to_best.p < ALPHA:
        return Verdict.MIXED if ranks.direction > 0 else Verdict.BEHIND
    return Verdict.UNTOLD if ranks.units and not can_tell(ranks.units, tests) else Verdict.TIED


def mean_of(differences: Scores) -> float:
    """The mean of what is known; NaN where nothing is."""
    known = differences[np.isfinite(differences)]
    return float(known.mean()) if known.size else float("nan")
