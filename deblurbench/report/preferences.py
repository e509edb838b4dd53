"""What people preferred, beside what the metrics say."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from deblurbench.report.comparison import Comparison
from deblurbench.report.results import Results
from deblurbench.report.tables import number
from deblurbench.report.votes import preferences, steadiness
from deblurbench.statistics.agreement import rank_correlations


@dataclass(frozen=True)
class Preferences:
    """Models by what people preferred."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]  # the most preferred first
    sentences: tuple[str, ...]


def preferred(results: Results, comparison: Comparison) -> Preferences | None:
    """Bradley-Terry scores with intervals beside the means of the metrics. None where nobody has voted."""
    votes = [vote for vote in results.votes if vote.dataset == comparison.dataset]
    by_model = {result.model: result for result in comparison.results}
    strengths = {model: found for model, found in preferences(votes, comparison.dataset).items() if model in by_model}
    if not strengths:
        return None
    ordered = sorted(strengths, key=lambda model: -strengths[model].score)
    metrics = list(results.recipe.metrics)
    rows = [
        (
            model,
            f"{strengths[model].score:+.2f} [{strengths[model].low:+.2f}, {strengths[model].high:+.2f}]",
            *(number(by_model[model].scores[metric], results.metric(metric).decimals) for metric in metrics),
        )
        for model in ordered
    ]
    headings = ("model", "preference (Bradley-Terry) [95 %]", *(results.metric(metric).label for metric in metrics))
    raters = len({vote.rater for vote in votes})
    counted = sum(not vote.is_repeat for vote in votes)
    sentences = [f"{counted} blind votes of {raters} rater{'s' if raters > 1 else ''}."]
    same, repeats = steadiness(votes)
    if repeats:
        sentences.append(f"Asked again with the sides exchanged, they answered alike {same} of {repeats} times.")
    sentences += _correlations(results, comparison, ordered, [strengths[model].score for model in ordered])
    return Preferences(headings, tuple(rows), tuple(sentences))


def _correlations(results: Results, comparison: Comparison, models: list[str], scores: list[float]) -> list[str]:
    """How each metric ranks the models as people did."""
    metrics = list(results.recipe.metrics)
    columns = [[results.goodness(metric, comparison.standing(model, metric).mean) for model in models] for metric in metrics]
    found = rank_correlations(np.array([scores, *columns]).T)[0, 1:]
    named = [
        f"{results.metric(metric).label} {value:.2f}"
        for metric, value in zip(metrics, found, strict=True)
        if not math.isnan(value)
    ]
    return [f"Rank correlation over {len(models)} models: {', '.join(named)}."] if named else []
