"""What statistics say of a data set: how models compare with the blurred input, and with the best of them."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

import numpy as np

from deblurbench.records.paths import BLURRED
from deblurbench.report.findings.image_scores import ImageScores, Pair, image_scores
from deblurbench.report.results import Result, Results
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


class Order(Enum):
    """How a model stands to the blurred input by some metric, as far as its interval and its test carry."""

    BETTER = "better than the input"
    WORSE = "worse than the input"
    UNTOLD = "cannot be told apart from the input"


class Difference(NamedTuple):
    """A mean difference over scenes, above zero for better, its 95 % interval by Student's t, and p.

    p is Wilcoxon's, corrected by Holm; of a gain over the input, Student's where scenes are too few for Wilcoxon's test.
    """

    mean: float
    low: float
    high: float
    p: float


@dataclass(frozen=True)
class Standing:
    """What is known of one model by one metric."""

    mean: float  # over images
    left_out: int  # images whose score is infinite, which are in no mean
    over_scenes: float  # the mean over scenes, of the images on which models are compared
    gain: Difference | None  # over the blurred input; None for itself
    order: Order | None  # what can be said of the gain
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
        return len(set(self.scores.scenes_compared(self.first)))

    @property
    def images_differ(self) -> bool:
        """Whether scenes differ in their number of images, so that a mean over scenes is none over images."""
        return len(set(Counter(self.scores.scenes_compared(self.first)).values())) > 1

    @property
    def tells(self) -> bool:
        """Whether there are scenes enough for a test to find any difference between models at all."""
        return can_tell(self.scenes, max(1, _pairs_of(len(self.competitors))))

    @property
    def tells_input(self) -> bool:
        """The same of the differences to the input."""
        return can_tell(self.scenes, max(1, len(self.results) - 1))

    def standing(self, model: str, metric: str | None = None) -> Standing:
        """That of `model` by `metric`, or by the first one."""
        return self.standings[metric or self.first][model]


def compare(results: Results, dataset: str) -> Comparison:
    """Compare the models on `dataset`, by every metric of the recipe."""
    scores = image_scores(results, dataset)
    given = results.of(dataset)
    quality = {result.model: _quality(scores, results.first, result.model) for result in given}
    ordered = tuple(sorted(given, key=lambda result: quality[result.model], reverse=True))
    standings = {metric: _standings(ordered, scores, metric) for metric in results.recipe.metrics}
    return Comparison(dataset, results.label(dataset), ordered, scores, standings, results.first)


def _quality(scores: ImageScores, metric: str, model: str) -> tuple[float, int]:
    """What models are ordered by: the mean goodness where they are compared, then how many images are restored exactly.

    The mean is over the same images for all: one that is exact on easy images must not be judged by the hard ones alone.
    """
    mean = scores.over_scenes(metric, scores.goodness[metric][model])
    return (0.0 if math.isnan(mean) else mean, int(np.isinf(scores.values[metric][model]).sum()))


def _best(ordered: tuple[Result, ...], scores: ImageScores, metric: str) -> str | None:
    """The competitor of highest quality, the earlier in the table where two are equal."""
    names = [result.model for result in ordered if result.competes]
    return max(names, key=lambda name: _quality(scores, metric, name), default=None)


def _standings(ordered: tuple[Result, ...], scores: ImageScores, metric: str) -> dict[str, Standing]:
    best = _best(ordered, scores, metric)
    gains, orders = _to_input(scores, [Pair(metric, result.model, BLURRED) for result in ordered if not result.is_input])
    rivals = [result.model for result in ordered if result.competes and result.model != best]
    to_best, verdicts = _to_best(scores, [Pair(metric, model, best) for model in rivals if best is not None])
    found = {}
    for model in (result.model for result in ordered):
        values = scores.values[metric][model]
        mean = finite_mean(values.tolist())
        good, good_input = (scores.goodness[metric][name] for name in (model, BLURRED))
        found[model] = Standing(
            mean.value, mean.left_out, scores.over_scenes(metric, values), gains.get(model), orders.get(model),
            int((good > good_input).sum()), to_best.get(model),
            Verdict.BEST if model == best else verdicts.get(model, Verdict.NONE),
        )  # fmt: skip
    return found


def _to_input(scores: ImageScores, pairs: list[Pair]) -> tuple[dict[str, Difference], dict[str, Order]]:
    """By model the gain over the input, and what can be said of it.

    Better or worse is what Wilcoxon's test and the interval agree on; where scenes are too few for the test, Student's t
    decides, corrected as the test would be.
    """
    gains, ranks = _differences(scores, pairs)
    if pairs and not can_tell(len(set(scores.scenes_compared(pairs[0].metric))), len(pairs)):
        student = holm(scores.student(pairs))
        gains = {model: gain._replace(p=student[model]) for model, gain in gains.items()}
        return gains, {model: _order(gain, gain.mean) for model, gain in gains.items()}
    return gains, {model: _order(gain, ranks[model].direction) for model, gain in gains.items()}


def _order(gain: Difference, direction: float) -> Order:
    if gain.p < ALPHA and direction > 0 and gain.low > 0:
        return Order.BETTER
    return Order.WORSE if gain.p < ALPHA and direction < 0 and gain.high < 0 else Order.UNTOLD


def _to_best(scores: ImageScores, pairs: list[Pair]) -> tuple[dict[str, Difference], dict[str, Verdict]]:
    """By model the difference to the best, and the verdict.

    Tests are corrected for all pairs of models, not only for those with the best: these scores have chosen it.
    """
    tests = _pairs_of(len(pairs) + 1)
    differences, ranks = _differences(scores, pairs, untold=tests - len(pairs))
    return differences, {model: _verdict(differences[model], ranks[model], tests) for model in differences}


def _verdict(to_best: Difference, ranks: SignedRanks, tests: int) -> Verdict:
    if np.isnan(to_best.p):
        return Verdict.NONE
    if to_best.p < ALPHA and ranks.direction > 0:
        return Verdict.MIXED
    if to_best.p < ALPHA and to_best.high < 0:
        return Verdict.BEHIND
    return Verdict.UNTOLD if ranks.units and not can_tell(ranks.units, tests) else Verdict.TIED


def _differences(
    scores: ImageScores, pairs: list[Pair], *, untold: int = 0
) -> tuple[dict[str, Difference], dict[str, SignedRanks]]:
    """By model the difference of each pair, and what Wilcoxon's test found."""
    ranks = {pair.model: wilcoxon(scores.gain(*pair), scores.scenes) for pair in pairs}
    corrected = holm({model: found.p for model, found in ranks.items()}, untold=untold)
    means = scores.mean_gains(pairs)
    return {
        pair.model: Difference(*interval, corrected[pair.model]) for pair, interval in zip(pairs, means, strict=True)
    }, ranks


def _pairs_of(models: int) -> int:
    return models * (models - 1) // 2
