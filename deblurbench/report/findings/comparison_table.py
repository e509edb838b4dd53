"""The comparison table as cells of text, for HTML, Markdown and LaTeX alike; and every number of it as rows of a CSV."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from deblurbench.metrics.base import Metric
from deblurbench.report.findings.answer import oracle_note
from deblurbench.report.findings.comparison import Comparison, Difference, Standing, Verdict
from deblurbench.report.formatting import counted, duration, listed, number, short
from deblurbench.report.results import Result, Results
from deblurbench.statistics.means import identical_note

NEAR = (Verdict.TIED, Verdict.MIXED, Verdict.UNTOLD)
STATISTICS = (
    "dataset", "model", "metric", "images", "scenes", "mean", "left_out", "mean_over_scenes", "gain", "gain_low", "gain_high",
    "gain_p", "order", "better_than_input", "to_best", "to_best_low", "to_best_high", "to_best_p", "verdict",
)  # fmt: skip


@dataclass(frozen=True)
class Column:
    """A column of a table: its heading, whether it holds words, and whether its best values are the lowest."""

    heading: str
    is_text: bool = False
    lowest_first: bool = False


@dataclass(frozen=True)
class Cell:
    """A cell of a table: what it says, what it is sorted by ("" for nothing), and how it stands to the best."""

    text: str
    value: float | str = ""
    is_best: bool = False
    is_near: bool = False  # not significantly behind the best


@dataclass(frozen=True)
class Table:
    """One data set's comparison; `input_row` is the place of the untouched input, `notes` stand below."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    input_row: int
    notes: tuple[str, ...]


def comparison_table(results: Results, comparison: Comparison) -> Table:
    """Models by falling quality, the untouched input among them: who stands below it had better do nothing."""
    columns = [Column("model", is_text=True)]
    for name, metric in results.recipe.metrics.items():
        columns.append(Column(metric.label, lowest_first=metric.best == 0))
        if name == results.first:
            columns += [Column("gain over input [95 %]"), Column("better than input")]
    columns += [Column("family / network", is_text=True), Column("restores by", is_text=True)]
    costs = ("parameters", "network evaluations", "MACs at 256x256", "training time", "ms / megapixel")
    columns += [Column(cost, lowest_first=True) for cost in costs]
    rows = []
    for result in comparison.results:
        cells = [Cell(result.model, result.model)]
        for name, metric in results.recipe.metrics.items():
            standing = comparison.standing(result.model, name)
            cells.append(_score(metric, standing, result.spreads.get(name, math.nan), marks=comparison.tells))
            if name == results.first:
                cells += [_gain(standing.gain), _wins(result, standing, len(comparison.scores.images))]
        method = " / ".join(filter(None, (result.family, result.network)))
        rows.append((*cells, Cell(method, method), Cell(result.inference, result.inference), *_costs(result)))
    place = comparison.results.index(comparison.untouched)
    return Table(tuple(columns), tuple(rows), place, tuple(_notes(comparison)))


def statistics_rows(comparison: Comparison) -> Iterator[dict[str, Any]]:
    """One row a model and metric, with the columns STATISTICS; differences are above zero for better, whatever the metric."""

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
                "mean_over_scenes": standing.over_scenes,
                **named("gain", standing.gain),
                "order": standing.order.value if standing.order else "",
                "better_than_input": standing.wins if standing.gain else "",
                **named("to_best", standing.to_best),
                "verdict": standing.verdict.value,
            }


def _score(metric: Metric, standing: Standing, spread: float, *, marks: bool) -> Cell:
    text = number(standing.mean, metric.decimals) + (f" ± {spread:.{metric.decimals}f}" if math.isfinite(spread) else "")
    value = abs(standing.mean) if metric.best == 0 else standing.mean
    return Cell(text, value, standing.verdict is Verdict.BEST, marks and standing.verdict in NEAR)


def _gain(gain: Difference | None) -> Cell:
    if gain is None or math.isnan(gain.mean):
        return Cell("")
    interval = "" if math.isnan(gain.low) else f" [{gain.low:+.2f}, {gain.high:+.2f}]"
    return Cell(f"{gain.mean:+.2f}{interval}", gain.mean)


def _wins(result: Result, standing: Standing, images: int) -> Cell:
    return Cell("") if result.is_input else Cell(f"{standing.wins} of {images}", standing.wins)


def _notes(comparison: Comparison) -> Iterator[str]:
    images, scenes = comparison.images, comparison.scenes
    units = counted(images, "image")
    if scenes != images:
        units = f"{counted(scenes, 'scene')} that {'show' if scenes > 1 else 'shows'} {units}"
    if comparison.competitors:
        yield "Bold: the best, image by image."
    if len(comparison.competitors) > 1:
        if comparison.tells:
            verdicts = {standing.verdict for standings in comparison.standings.values() for standing in standings.values()}
            mixed = ", or behind it on average and ahead on most images" if Verdict.MIXED in verdicts else ""
            test = f"Wilcoxon's signed-rank test over {units}, Holm-corrected for all pairs of models, p ≥ 0.05"
            yield f"≈: not significantly behind the best ({test}, or a 95 % interval that holds 0){mixed}."
        else:
            test = "Wilcoxon's signed-rank test with Holm's correction for all pairs of models"
            yield f"Too few images to tell what is more than chance: over {units} {test} cannot reach p < 0.05."
    if scenes > 1:
        yield f"In brackets: 95 % Student's t interval of the mean over {units}. {_training_note(comparison)}".rstrip()
    if comparison.images_differ:
        yield "Scenes differ in their number of images: gains are means of the means of scenes, scores are means over images."
    exact = {result.model: comparison.standing(result.model).left_out for result in comparison.results}
    for model, count in exact.items():
        if count:
            yield f"{model}: {identical_note(count)}."
    if images < len(comparison.scores.images):
        yield f"Models are ordered and compared by the {counted(images, 'image')} that none of them restores exactly."
    if any(math.isfinite(result.costs["ms_per_megapixel"]) for result in comparison.results if not result.is_input):
        yield (
            "ms / megapixel: the minimum of all rounds, in each of which every model took its turn; in brackets, how much "
            "longer the median is: where that is much, the machine was busy."
        )
        if len({result.folder.parents[2] for result in comparison.results}) > 1:
            yield "Those of different results folders were measured apart, and hardly compare."
    if note := oracle_note(comparison):
        yield note


def _training_note(comparison: Comparison) -> str:
    """Whether the intervals hold the variance of training."""
    trained = [result for result in comparison.results if result.is_trained]
    single = [result.model for result in trained if len(result.seeds) == 1]
    if len(single) == len(trained):
        return "With one seed nobody knows how much training varies: the intervals do not hold it." if single else ""
    held = "They hold the variance of training between seeds"
    return f"{held}, save that of {listed(single)}: one seed cannot tell it." if single else f"{held} (Howe 1974)."


def _costs(result: Result) -> tuple[Cell, ...]:
    costs = result.costs
    texts = {
        "params": short(costs["params"]),
        "evaluations": short(costs["evaluations"]),
        "macs": short(costs["macs"]),
        "train_seconds": duration(costs["train_seconds"]),
        "ms_per_megapixel": "" if result.is_input else _time(costs["ms_per_megapixel"], costs["ms_per_megapixel_spread"]),
    }
    return tuple(Cell(text, costs[name] if text else "") for name, text in texts.items())


def _time(least: float, spread: float) -> str:
    """The minimum of all rounds and how much longer the median is; empty where time was not measured."""
    return "" if math.isnan(least) else f"{least:.0f} (+{100 * spread:.0f} %)"
