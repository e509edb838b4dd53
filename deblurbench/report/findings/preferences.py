"""What people preferred, beside what the metrics say."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deblurbench.records.votes import LEFT, RIGHT, Vote
from deblurbench.report.findings.comparison import Comparison
from deblurbench.report.formatting import counted, number
from deblurbench.report.results import Results
from deblurbench.statistics.agreement import FEWEST_ROWS, rank_correlations
from deblurbench.statistics.bradley_terry import FEWEST_IMAGES, Ballot, Strength, strengths


@dataclass(frozen=True)
class Preferences:
    """Models by what people preferred."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]  # the most preferred first
    sentences: tuple[str, ...]


def preferred(results: Results, comparison: Comparison) -> Preferences | None:
    """Bradley-Terry scores with intervals beside the means of the metrics. None where nobody has voted."""
    shown = {result.model for result in comparison.results}
    votes = [vote for vote in results.votes if vote.dataset == comparison.dataset and {vote.left, vote.right} <= shown]
    found = preferences(votes, comparison.dataset)
    if not found:
        return None
    ordered = sorted(found, key=lambda model: -found[model].score)
    metrics = list(results.recipe.metrics)
    rows = [
        (
            model,
            _interval(found[model]),
            *(number(comparison.standing(model, metric).mean, results.metric(metric).decimals) for metric in metrics),
        )
        for model in ordered
    ]
    is_sure = not any(math.isnan(strength.low) for strength in found.values())
    headings = (
        "model",
        f"preference (Bradley-Terry){' [95 %]' if is_sure else ''}",
        *(results.metric(metric).label for metric in metrics),
    )
    raters = len({vote.rater for vote in votes})
    answered = sum(not vote.is_repeat for vote in votes)
    sentences = [f"{counted(answered, 'blind vote')} of {counted(raters, 'rater')}."]
    images = counted(len({vote.image for vote in votes}), "image")
    sentences.append(
        f"In brackets: 95 % bootstrap interval over {images}."
        if is_sure
        else f"They are on {images}, too few for intervals, which take {FEWEST_IMAGES}."
    )
    same, repeats = steadiness(votes)
    if repeats:
        sentences.append(f"Asked again with the sides exchanged, they answered alike {same} of {repeats} times.")
    sentences += _correlations(results, comparison, ordered, [found[model].score for model in ordered])
    return Preferences(headings, tuple(rows), tuple(sentences))


def _interval(strength: Strength) -> str:
    between = "" if math.isnan(strength.low) else f" [{strength.low:+.2f}, {strength.high:+.2f}]"
    return f"{strength.score:+.2f}{between}"


def _correlations(results: Results, comparison: Comparison, models: list[str], scores: list[float]) -> list[str]:
    """How each metric ranks the models as people did."""
    if len(models) < FEWEST_ROWS:
        return [
            f"{counted(len(models), 'model')} are too few for a rank correlation with the metrics, which takes {FEWEST_ROWS}."
        ]
    metrics = list(results.recipe.metrics)
    images = comparison.scores
    columns = [[images.over_scenes(metric, images.goodness[metric][model]) for model in models] for metric in metrics]
    found = rank_correlations(np.array([scores, *columns]).T)[0, 1:]
    named = [
        f"{results.metric(metric).label} {value:.2f}"
        for metric, value in zip(metrics, found, strict=True)
        if not math.isnan(value)
    ]
    return [f"Rank correlation over {len(models)} models: {', '.join(named)}."] if named else []


def preferences(votes: Sequence[Vote], dataset: str) -> dict[str, Strength]:
    """The Bradley-Terry strength of every model of `dataset` that was voted on; repeated questions count once."""
    return strengths(
        [
            Ballot(vote.left, vote.right, vote.share, vote.image)
            for vote in votes
            if vote.dataset == dataset and not vote.is_repeat
        ]
    )


def steadiness(votes: Sequence[Vote]) -> tuple[int, int]:
    """How many repeated questions were answered as the first time, and how many there were."""
    first = {vote.question: _preferred(vote) for vote in votes if not vote.is_repeat}
    repeats = [vote for vote in votes if vote.is_repeat and vote.question in first]
    return sum(first[vote.question] == _preferred(vote) for vote in repeats), len(repeats)


def _preferred(vote: Vote) -> str:
    return {LEFT: vote.left, RIGHT: vote.right}.get(vote.choice, "")
