"""Human preferences: Bradley-Terry scores of blind votes, beside the metrics."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deblurbench.records.votes import LEFT, RIGHT, Vote
from deblurbench.report.findings.comparison import Comparison
from deblurbench.report.formatting import format_score, pluralize
from deblurbench.report.results import Results
from deblurbench.statistics.agreement import FEWEST_ROWS, rank_correlations
from deblurbench.statistics.bradley_terry import (
    FEWEST_IMAGES,
    FEWEST_VOTES,
    PairedVote,
    Strength,
    are_enough,
    strengths,
    votes_on,
)


@dataclass(frozen=True)
class PreferenceTable:
    """The models of a data set by human preference; only sentences while votes are too few for scores."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]  # the most preferred first
    sentences: tuple[str, ...]


def preference_table(results: Results, comparison: Comparison) -> PreferenceTable | None:
    """Return Bradley-Terry scores with intervals beside the means of the metrics, once votes are enough for them.

    Before, say how many there are and how many it takes. None without votes.
    """
    models = {result.model for result in comparison.results}
    votes = [vote for vote in results.votes if vote.dataset == comparison.dataset and {vote.left, vote.right} <= models]
    paired = paired_votes(votes)
    if not paired:
        return None
    if not are_enough(paired):
        return PreferenceTable((), (), (_votes_so_far(votes, paired),))
    found = strengths(paired)
    ordered = sorted(found, key=lambda model: -found[model].score)
    metrics = list(results.recipe.metrics)
    rows = [
        (
            model,
            _with_interval(found[model]),
            *(
                format_score(comparison.statistics_of(model, metric).mean, results.metric(metric).decimals)
                for metric in metrics
            ),
        )
        for model in ordered
    ]
    headings = ("model", "preference (Bradley-Terry) [95 %]", *(results.metric(metric).label for metric in metrics))
    sentences = [
        *_vote_sentences(votes),
        *_correlations(results, comparison, ordered, [found[model].score for model in ordered]),
    ]
    return PreferenceTable(headings, tuple(rows), tuple(sentences))


def paired_votes(votes: Sequence[Vote]) -> list[PairedVote]:
    """Return the votes that count: repeated questions only measure how steady a rater is."""
    return [PairedVote(vote.left, vote.right, vote.points, vote.image) for vote in votes if not vote.is_repeat]


def repeat_consistency(votes: Sequence[Vote]) -> tuple[int, int]:
    """Return how many repeated questions were answered as the first time, and how many there were."""
    first = {vote.question: _preferred_model(vote) for vote in votes if not vote.is_repeat}
    repeats = [vote for vote in votes if vote.is_repeat and vote.question in first]
    return sum(first[vote.question] == _preferred_model(vote) for vote in repeats), len(repeats)


def _preferred_model(vote: Vote) -> str:
    return {LEFT: vote.left, RIGHT: vote.right}.get(vote.choice, "")


def _with_interval(strength: Strength) -> str:
    return f"{strength.score:+.2f} [{strength.low:+.2f}, {strength.high:+.2f}]"


def _votes_so_far(votes: Sequence[Vote], paired: Sequence[PairedVote]) -> str:
    """Return how many votes there are, and how many scores take."""
    counts = votes_on(paired)
    model, fewest = min(counts.items(), key=lambda item: (item[1], item[0]))
    return (
        f"{_turnout(votes)} on {pluralize(len({vote.image for vote in paired}), 'image')}; no scores yet, which take at least "
        f"{FEWEST_VOTES} votes on each model ('{model}' has the fewest: {fewest}) and {FEWEST_IMAGES} images."
    )


def _turnout(votes: Sequence[Vote]) -> str:
    """Return how many votes there are, and of how many raters."""
    answered = sum(not vote.is_repeat for vote in votes)
    return f"{pluralize(answered, 'blind vote')} of {pluralize(len({vote.rater for vote in votes}), 'rater')}"


def _vote_sentences(votes: Sequence[Vote]) -> list[str]:
    """Return who voted on how much, and how consistently; and what the scores mean."""
    sentences = [
        f"{_turnout(votes)}.",
        f"In brackets: 95 % bootstrap interval over {pluralize(len({vote.image for vote in votes}), 'image')}.",
    ]
    consistent, repeats = repeat_consistency(votes)
    if repeats:
        sentences.append(f"Asked again with the sides exchanged, they answered alike {consistent} of {repeats} times.")
    sentences.append("Of two models with scores s and t, the first is preferred by a share of 1 / (1 + exp(t - s)).")
    return sentences


def _correlations(results: Results, comparison: Comparison, models: list[str], scores: list[float]) -> list[str]:
    """Return how each metric ranks the models in comparison with human preference."""
    if len(models) < FEWEST_ROWS:
        return [
            f"{pluralize(len(models), 'model')} are too few for a rank correlation with the metrics, which takes {FEWEST_ROWS}."
        ]
    metrics = list(results.recipe.metrics)
    images = comparison.scores
    columns = [[images.mean_over_scenes(metric, images.goodness[metric][model]) for model in models] for metric in metrics]
    correlations = rank_correlations(np.array([scores, *columns]).T)[0, 1:]  # (metrics,)
    texts = [
        f"{results.metric(metric).label} {value:.2f}"
        for metric, value in zip(metrics, correlations, strict=True)
        if not math.isnan(value)
    ]
    return [f"Rank correlation over {len(models)} models: {', '.join(texts)}."] if texts else []
