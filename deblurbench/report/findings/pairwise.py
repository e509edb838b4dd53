"""Every model against every other, image by image."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from deblurbench.report.findings.comparison import Comparison, Difference
from deblurbench.report.findings.image_scores import Pair
from deblurbench.report.formatting import counted
from deblurbench.report.results import Results
from deblurbench.statistics.significance import ALPHA, can_tell, holm, wilcoxon

DUEL_COLUMNS = ("dataset", "first", "second", "images", "wins", "losses", "difference", "low", "high", "p")


@dataclass(frozen=True)
class Duel:
    """Two models by PSNR: on how many images the first is better, on how many worse, and the mean difference."""

    first: str
    second: str
    wins: int
    losses: int
    difference: Difference


@dataclass(frozen=True)
class Duels:
    """All pairs of a data set, and a table of who is better than whom on what share of the images."""

    pairs: tuple[Duel, ...]
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str


def duels(results: Results, comparison: Comparison) -> Duels | None:
    """Every two of the table's rows compared by PSNR. None where there are fewer than two."""
    scores, names = comparison.scores, [result.model for result in comparison.results]
    pairs = list(combinations(names, 2))
    if not pairs:
        return None
    good = scores.goodness[results.first]
    means = scores.mean_gains([Pair(results.first, *pair) for pair in pairs])
    gains = [scores.gain(results.first, *pair) for pair in pairs]
    p_values = holm({str(place): wilcoxon(gain, scores.scenes).p for place, gain in enumerate(gains)})
    found = []
    for place, (first, second) in enumerate(pairs):
        difference = Difference(*means[place], p_values[str(place)])
        wins, losses = (int((good[one] > good[other]).sum()) for one, other in ((first, second), (second, first)))
        found.append(Duel(first, second, wins, losses, difference))
    tells = can_tell(comparison.scenes, len(pairs))
    doubt = (
        "≈: the difference is not significant (Wilcoxon, Holm-corrected for all pairs)."
        if tells
        else "Too few images to tell which of these differences are more than chance."
    )
    count = len(scores.images)
    note = f"On what share of {counted(count, 'image')} the model of the row has a higher PSNR than that of the column. {doubt}"
    return Duels(tuple(found), ("better than", *names), tuple(_rows(found, names, count, tells)), note)


def duel_rows(comparison: Comparison, found: Duels) -> Iterator[dict[str, Any]]:
    """One row a pair, with DUEL_COLUMNS."""
    for duel in found.pairs:
        mean, low, high, p = duel.difference
        named = {"first": duel.first, "second": duel.second, "wins": duel.wins, "losses": duel.losses}
        images = len(comparison.scores.images)
        yield {"dataset": comparison.dataset, **named, "images": images, "difference": mean, "low": low, "high": high, "p": p}


def _rows(found: list[Duel], names: list[str], images: int, tells: bool) -> Iterator[tuple[str, ...]]:
    shares = {}
    for duel in found:
        doubt = " ≈" if tells and duel.difference.p >= ALPHA else ""
        shares[duel.first, duel.second] = f"{duel.wins / images:.0%}{doubt}"
        shares[duel.second, duel.first] = f"{duel.losses / images:.0%}{doubt}"
    for name in names:
        yield (name, *(shares.get((name, other), "") for other in names))
