"""What statistics say of a data set: how models compare with the blurred input, and with the best of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

import numpy as np

from deblurbench.report.image_scores import ImageScores, image_scores
from deblurbench.report.results import Result, Results
from deblurbench.results_folder import BLURRED
from deblurbench.statistics.bootstrap import mean_intervals
from deblurbench.statistics.significance import LEVEL, can_tell, holm, wilcoxon


class Verdict(Enum):
    """How a model stands to the best one by some metric."""

    BEST = "best"
    TIED = "not significantly different from the best"
    BEHIND = "significantly different from the best"
    UNTOLD = "too few images to tell"
    NONE = ""  # does not compete: the input, and oracles


class Difference(NamedTuple):
    """A mean difference over images, as the metric counts, its 95 % bootstrap interval, and p (Wilcoxon, Holm-corrected)."""

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
    def scenes(self) -> int:
        """How many independent scenes the test images show."""
        return len(set(self.scores.scenes))

    @property
    def tells(self) -> bool:
        """Whether there are scenes enough for a test to find any difference at all."""
        return can_tell(self.scenes, max(1, len(self.competitors) - 1))

    def standing(self, model: str, metric: str | None = None) -> Standing:
        """That of `model` by `metric`, or by the first one."""
        return self.standings[metric or self.first][model]

    @property
    def identical(self) -> Iterator[tuple[str, int]]:
        """The models of which some, and not all, scores are infinite, and how many: they are in no mean."""
        for result in self.results:
            if standing := self.standing(result.model).left_out:
                yield result.model, standing


def compare(results: Results, dataset: str) -> Comparison:
    """Compare the models on `dataset`, by every metric of the recipe."""
    scores = image_scores(results, dataset)
    ordered = tuple(results.of(dataset))
    best = {metric: _best(results, ordered, metric) for metric in results.recipe.metrics}
    pairs = [
        (metric, result.model, other)
        for metric in results.recipe.metrics
        for result in ordered
        for other in _rivals(result, best[metric])
    ]
    intervals = dict(zip(pairs, _intervals(scores, pairs), strict=True))
    standings = {
        metric: _standings(results, ordered, scores, metric, best[metric], intervals) for metric in results.recipe.metrics
    }
    return Comparison(dataset, results.label(dataset), ordered, scores, standings, results.first)


def _best(results: Results, ordered: tuple[Result, ...], metric: str) -> str | None:
    """The competitor with the best mean, the earlier in the table where two are equal."""
    names = [result.model for result in ordered if result.competes]
    values = {result.model: results.goodness(metric, result.scores[metric]) for result in ordered}
    return max(names, key=lambda name: values[name], default=None)


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
    results: Results, ordered: tuple[Result, ...], scores: ImageScores, metric: str, best: str | None,
    intervals: dict[tuple[str, str, str], tuple[float, float]],
) -> dict[str, Standing]:  # fmt: skip
    def differences(others: dict[str, str]) -> dict[str, Difference]:
        columns = {model: scores.gain(metric, model, other) for model, other in others.items()}
        corrected = holm({model: wilcoxon(column, scores.scenes) for model, column in columns.items()})
        return {
            model: Difference(_mean(column), *intervals[metric, model, others[model]], corrected[model])
            for model, column in columns.items()
        }

    gains = differences({result.model: BLURRED for result in ordered if not result.is_input})
    to_best = differences({one.model: best for one in ordered if best is not None and one.competes and one.model != best})
    tells = can_tell(len(set(scores.scenes)), max(1, len(to_best)))
    return {
        result.model: Standing(
            mean=result.scores[metric],
            left_out=scores.left_out(metric, result.model),
            gain=gains.get(result.model),
            wins=_wins(results, scores, metric, result.model),
            to_best=to_best.get(result.model),
            verdict=_verdict(result.model == best, to_best.get(result.model), tells),
        )
        for result in ordered
    }


def _verdict(is_best: bool, to_best: Difference | None, tells: bool) -> Verdict:
    if is_best:
        return Verdict.BEST
    if to_best is None:
        return Verdict.NONE
    if not tells:
        return Verdict.UNTOLD
    return Verdict.BEHIND if to_best.p < LEVEL else Verdict.TIED


def _wins(results: Results, scores: ImageScores, metric: str, model: str) -> int:
    goodness = results.metric(metric).goodness
    pairs = zip(scores.values[metric][model], scores.values[metric][BLURRED], strict=True)
    return sum(goodness(first) > goodness(second) for first, second in pairs)


def _mean(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else float("nan")
