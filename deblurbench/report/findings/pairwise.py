"""Every model compared with every other, image by image."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from deblurbench.report.findings.comparison import Comparison, MeanDifference
from deblurbench.report.findings.image_scores import ModelPair
from deblurbench.report.formatting import pluralize
from deblurbench.report.results import Results
from deblurbench.statistics.significance import ALPHA, can_reach_significance, holm, wilcoxon

PAIRWISE_COLUMNS = ("dataset", "first", "second", "images", "wins", "losses", "difference", "low", "high", "p")


@dataclass(frozen=True)
class PairwiseResult:
    """Two models compared by PSNR."""

    first: str
    second: str
    wins: int  # images on which the first is better
    losses: int
    difference: MeanDifference


@dataclass(frozen=True)
class PairwiseComparison:
    """All pairs of a data set, and a table of the percentage of images on which each model is better than each other."""

    pairs: tuple[PairwiseResult, ...]
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str


def compare_pairwise(results: Results, comparison: Comparison) -> PairwiseComparison | None:
    """Compare every two rows of the table by PSNR. None if there are fewer than two."""
    scores, names = comparison.scores, [result.model for result in comparison.results]
    pairs = list(combinations(names, 2))
    if not pairs:
        return None
    goodness = scores.goodness[results.primary_metric]
    means = scores.mean_gains([ModelPair(results.primary_metric, *pair) for pair in pairs])
    gains = [scores.gain(results.primary_metric, *pair) for pair in pairs]
    p_values = holm({str(number): wilcoxon(gain, scores.scenes).p for number, gain in enumerate(gains)})
    found = []
    for number, (first, second) in enumerate(pairs):
        difference = MeanDifference(*means[number], p_values[str(number)])
        wins, losses = (int((goodness[a] > goodness[b]).sum()) for a, b in ((first, second), (second, first)))
        found.append(PairwiseResult(first, second, wins, losses, difference))
    is_conclusive = can_reach_significance(comparison.scenes, len(pairs))
    doubt = (
        "≈: the difference is not significant (Wilcoxon, Holm-corrected for all pairs)."
        if is_conclusive
        else "Too few images to tell which of these differences are more than chance."
    )
    count = len(scores.images)
    note = (
        f"On what share of {pluralize(count, 'image')} the model of the row has a higher PSNR than that of the column. {doubt}"
    )
    rows = _rows(found, names, count, marks_doubt=is_conclusive)
    return PairwiseComparison(tuple(found), ("better than", *names), tuple(rows), note)


def pairwise_rows(comparison: Comparison, found: PairwiseComparison) -> Iterator[dict[str, Any]]:
    """Yield one row per pair, with PAIRWISE_COLUMNS."""
    for pair in found.pairs:
        mean, low, high, p = pair.difference
        counts = {"first": pair.first, "second": pair.second, "wins": pair.wins, "losses": pair.losses}
        images = len(comparison.scores.images)
        yield {"dataset": comparison.dataset, **counts, "images": images, "difference": mean, "low": low, "high": high, "p": p}


def _rows(found: list[PairwiseResult], names: list[str], images: int, *, marks_doubt: bool) -> Iterator[tuple[str, ...]]:
    texts = {}
    for pair in found:
        doubt = " ≈" if marks_doubt and pair.difference.p >= ALPHA else ""
        texts[pair.first, pair.second] = f"{pair.wins / images:.0%}{doubt}"
        texts[pair.second, pair.first] = f"{pair.losses / images:.0%}{doubt}"
    for name in names:
        yield (name, *(texts.get((name, other), "") for other in names))
