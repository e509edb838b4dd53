"""The comparison table as cells of text, for HTML, Markdown and LaTeX alike; and every number of it as rows of a CSV."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from deblurbench.report.answer import oracle_note
from deblurbench.report.comparison import Comparison, Difference, Standing, Verdict
from deblurbench.report.results import Result, Results
from deblurbench.statistics.means import identical_note

STATISTICS = (
    "dataset", "model", "metric", "images", "scenes", "mean", "left_out", "gain", "gain_low", "gain_high", "gain_p",
    "better_than_input", "to_best", "to_best_low", "to_best_high", "to_best_p", "verdict",
)  # fmt: skip


@dataclass(frozen=True)
class Cell:
    """A cell of a table: what it says, what it is sorted by, and what a test says of it."""

    text: str
    value: float | str
    verdict: Verdict = Verdict.NONE

    @property
    def is_best(self) -> bool:
        """Whether no model has a better mean."""
        return self.verdict is Verdict.BEST

    @property
    def is_tied(self) -> bool:
        """Whether it is not significantly different from the best."""
        return self.verdict is Verdict.TIED


@dataclass(frozen=True)
class Table:
    """One data set's comparison; `input_row` is the place of the untouched input, `notes` stand below."""

    headings: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    input_row: int
    notes: tuple[str, ...]

    @property
    def is_text(self) -> tuple[bool, ...]:
        """Of each column whether it holds words, not numbers."""
        return tuple(isinstance(cell.value, str) for cell in self.rows[0])


def comparison_table(results: Results, comparison: Comparison) -> Table:
    """Models by falling quality, the untouched input among them: who stands below it had better do nothing."""
    headings = ["model"]
    for metric in results.recipe.metrics:
        headings.append(results.metric(metric).label)
        if metric == results.first:
            headings += ["gain over input [95 %]", "better than input"]
    headings += [
        "family / network",
        "restores by",
        "parameters",
        "network evaluations",
        "MACs at 256x256",
        "training time",
        "ms / megapixel",
    ]
    rows = []
    for result in comparison.results:
        cells = [Cell(result.model, result.model)]
        for metric in results.recipe.metrics:
            standing = comparison.standing(result.model, metric)
            cells.append(_score(results, result, metric, standing))
            if metric == results.first:
                cells += [_gain(standing.gain), _wins(result, standing, len(comparison.scores.images))]
        method = " / ".join(filter(None, (result.family, result.network)))
        rows.append((*cells, Cell(method, method), Cell(result.inference, result.inference), *_costs(result)))
    place = next(number for number, result in enumerate(comparison.results) if result.is_input)
    return Table(tuple(headings), tuple(rows), place, tuple(_notes(comparison)))


def statistics_rows(comparison: Comparison) -> Iterator[dict[str, Any]]:
    """One row a model and metric, with the columns STATISTICS; differences are of the metric's own values."""

    def named(name: str, difference: Difference | None) -> dict[str, Any]:
        mean, low, high, p = difference or ("",) * 4
        return {name: mean, f"{name}_low": low, f"{name}_high": high, f"{name}_p": p}

    for metric, standings in comparison.standings.items():
        for model, standing in standings.items():
            yield {
                "dataset": comparison.dataset,
                "model": model,
                "metric": metric,
                "images": len(comparison.scores.images),
                "scenes": comparison.scenes,
                "mean": standing.mean,
                "left_out": standing.left_out,
                **named("gain", standing.gain),
                "better_than_input": standing.wins if standing.gain else "",
                **named("to_best", standing.to_best),
                "verdict": standing.verdict.value,
            }


def _score(results: Results, result: Result, metric: str, standing: Standing) -> Cell:
    value, decimals = result.scores[metric], results.metric(metric).decimals
    spread = result.spreads.get(metric, math.nan)
    text = number(value, decimals) + (f" ± {spread:.{decimals}f}" if math.isfinite(spread) else "")
    return Cell(text, value, standing.verdict)


def _gain(gain: Difference | None) -> Cell:
    if gain is None or math.isnan(gain.mean):
        return Cell("", -math.inf)
    interval = "" if math.isnan(gain.low) else f" [{gain.low:+.2f}, {gain.high:+.2f}]"
    return Cell(f"{gain.mean:+.2f}{interval}", gain.mean)


def _wins(result: Result, standing: Standing, images: int) -> Cell:
    return Cell("", -1.0) if result.is_input else Cell(f"{standing.wins} of {images}", standing.wins)


def _notes(comparison: Comparison) -> Iterator[str]:
    images, scenes = len(comparison.scores.images), comparison.scenes
    units = f"{images} images" if scenes == images else f"{scenes} scenes, which show {images} images"
    yield "Bold: the best mean."
    if len(comparison.competitors) > 1:
        if comparison.tells:
            test = f"Wilcoxon's signed-rank test over {units}, Holm-corrected, p ≥ 0.05"
            yield f"≈: not significantly different from the best ({test})."
        else:
            test = "Wilcoxon's signed-rank test with Holm's correction"
            yield f"Too few images to tell what is more than chance: over {units} {test} cannot reach p < 0.05."
    if scenes > 1:
        yield f"In brackets: 95 % bootstrap interval of the mean over {units}."
    for model, count in comparison.identical:
        yield f"{model}: {identical_note(count)}."
    if note := oracle_note(comparison):
        yield note


def _costs(result: Result) -> tuple[Cell, ...]:
    costs = result.costs
    texts = {
        "params": short(costs["params"]),
        "evaluations": short(costs["evaluations"]),
        "macs": short(costs["macs"]),
        "train_seconds": duration(costs["train_seconds"]),
        "ms_per_megapixel": "" if result.is_input else f"{costs['ms_per_megapixel']:.0f}",
    }
    return tuple(Cell(text, costs[name]) for name, text in texts.items())


def number(value: float, decimals: int) -> str:
    """A score for people."""
    return "infinite" if math.isinf(value) else f"{value:.{decimals}f}"


def short(count: float) -> str:
    """1234567 -> 1.23 M; nothing for zero."""
    for size, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count:.0f}" if count else ""


def duration(seconds: float) -> str:
    """Seconds, minutes or hours; nothing for zero."""
    if not seconds:
        return ""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
