"""The comparison table as cells of text, for HTML and Markdown alike."""

from __future__ import annotations

import math
from dataclasses import dataclass

from deblurbench.report.results import Result, Results


@dataclass(frozen=True)
class Cell:
    """A cell of a table; `is_best` where no model has a better value."""

    text: str
    is_best: bool = False


@dataclass(frozen=True)
class Table:
    """One data set's comparison; `input_row` is the place of the untouched input."""

    dataset: str
    headings: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    input_row: int


def comparison_table(results: Results, dataset: str) -> Table:
    """Models by falling quality, the untouched input among them: who stands below it had better do nothing."""
    metrics = results.recipe.metrics
    ordered = results.of(dataset)
    first = results.recipe.metric(metrics[0])
    headings = ["model", "family / network", "restores by"]
    for metric in metrics:
        headings.append(results.recipe.metric(metric).label)
        if metric == metrics[0]:
            headings.append("gain over input")
    headings += ["parameters", "network evaluations", "MACs at 256x256", "training time", "ms / megapixel"]
    rows = []
    for result in ordered:
        cells = [
            Cell(result.model), Cell(" / ".join(filter(None, (result.family, result.network)))), Cell(result.inference)
        ]  # fmt: skip
        for metric in metrics:
            cells.append(_score(results, result, metric))
            if metric == metrics[0]:
                gain = result.scores[metric] - results.input_of(dataset).scores[metric]
                cells.append(Cell("" if result.is_input else f"{gain:+.{first.decimals}f}"))
        rows.append((*cells, *_costs(result)))
    place = next(number for number, result in enumerate(ordered) if result.is_input)
    return Table(dataset, tuple(headings), tuple(rows), place)


def _score(results: Results, result: Result, metric: str) -> Cell:
    value, decimals = result.scores[metric], results.recipe.metric(metric).decimals
    spread = f" ± {result.spreads[metric]:.{decimals}f}" if result.spreads else ""
    best = result.competes and value == results.best(result.dataset, metric)
    return Cell("infinite" if math.isinf(value) else f"{value:.{decimals}f}{spread}", best)


def _costs(result: Result) -> tuple[Cell, ...]:
    costs = result.costs
    return (
        Cell(_short(costs["params"])),
        Cell(_short(costs["evaluations"])),
        Cell(_short(costs["macs"])),
        Cell(_duration(costs["train_seconds"])),
        Cell("" if result.is_input else f"{costs['ms_per_megapixel']:.0f}"),
    )


def _short(number: float) -> str:
    """1234567 -> 1.23 M; nothing for zero."""
    for size, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return f"{number:.0f}" if number else ""


def _duration(seconds: float) -> str:
    if not seconds:
        return ""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
