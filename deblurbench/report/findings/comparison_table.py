"""The comparison table as cells of text, for HTML, Markdown and LaTeX alike."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from deblurbench.metrics.base import HIGHER, LOWER, ZERO, Metric
from deblurbench.progress import format_duration
from deblurbench.records.costs import COST_EXPLANATIONS, COST_HEADINGS
from deblurbench.report.findings.answer import oracle_note
from deblurbench.report.findings.comparison import Comparison, MeanDifference, ModelStatistics, VersusBest, VersusInput
from deblurbench.report.formatting import format_count, format_score, join_names, pluralize
from deblurbench.report.results import Result, Results
from deblurbench.statistics.means import identical_note

DIRECTIONS = {HIGHER: "Higher is better.", LOWER: "Lower is better.", ZERO: "Best at 0."}
CORE_COSTS = ("params", "train_seconds", "ms_per_megapixel")
NEAR_BEST = (VersusBest.TIED, VersusBest.MIXED, VersusBest.INCONCLUSIVE)


@dataclass(frozen=True)
class TableColumn:
    """A column of a table."""

    heading: str
    explanation: str
    direction: str = ""  # which values are better: HIGHER, LOWER or ZERO
    is_text: bool = False
    is_core: bool = False  # shown at first; the others on demand

    @property
    def rises(self) -> bool:
        """Whether sorting begins with its lowest values: names, and what is better when lower."""
        return self.is_text or self.direction in (LOWER, ZERO)


@dataclass(frozen=True)
class TableCell:
    """A cell of a table."""

    text: str
    sort_key: float | str = ""  # empty for nothing
    is_best: bool = False
    is_near_best: bool = False  # not significantly behind it


@dataclass(frozen=True)
class ComparisonTable:
    """The comparison of one data set."""

    columns: tuple[TableColumn, ...]
    rows: tuple[tuple[TableCell, ...], ...]
    input_row: int  # the index of the blurred input
    marks: tuple[str, ...]  # what bold type, ≈ and brackets mean
    notes: tuple[str, ...]  # to stand below the table, the marks first

    @property
    def core(self) -> ComparisonTable:
        """The same table of its core columns alone."""
        return self.without(column.heading for column in self.columns if not column.is_core)

    def without(self, headings: Iterable[str]) -> ComparisonTable:
        """The same table without the columns of these headings."""
        dropped = set(headings)
        kept = [number for number, column in enumerate(self.columns) if column.heading not in dropped]
        rows = tuple(tuple(row[number] for number in kept) for row in self.rows)
        return replace(self, columns=tuple(self.columns[number] for number in kept), rows=rows)


def comparison_table(results: Results, comparison: Comparison) -> ComparisonTable:
    """Return the models by falling quality, with the blurred input at its own place among them."""
    rows = []
    for result in comparison.results:
        cells = [TableCell(result.model, result.model)]
        for name, metric in results.recipe.metrics.items():
            statistics = comparison.statistics_of(result.model, name)
            deviation = result.deviations.get(name, math.nan)
            cells.append(_score_cell(metric, statistics, deviation, marks_near_best=comparison.is_conclusive))
            if name == results.primary_metric:
                cells += [_gain_cell(statistics.gain), _wins_cell(result, statistics, len(comparison.scores.images))]
        method = " / ".join(filter(None, (result.family, result.network)))
        rows.append((*cells, TableCell(method, method), TableCell(result.inference, result.inference), *_cost_cells(result)))
    input_row = comparison.results.index(comparison.blurred_input)
    marks = tuple(_marks(comparison))
    return ComparisonTable(tuple(_columns(results)), tuple(rows), input_row, marks, (*marks, *_notes(comparison)))


def _columns(results: Results) -> Iterator[TableColumn]:
    yield TableColumn("model", "What restored the photographs; blurred is the input itself.", is_text=True, is_core=True)
    for name, metric in results.recipe.metrics.items():
        is_core = name in (results.primary_metric, "ssim", results.perceptual_metric)
        direction = metric.direction or (LOWER if metric.best == 0 else HIGHER)
        yield _column(metric.label, metric.explanation, direction, is_core=is_core)
        if name == results.primary_metric:
            gain = "Mean of how much PSNR rises over that of the blurred input, with its 95 % interval."
            yield _column("gain over input [95 %]", gain, HIGHER, is_core=True)
            yield _column(
                "better than input", "On how many of the photographs its PSNR is above that of the blurred input.", HIGHER
            )
    family = "How it learned to restore, and the network inside; or the classical method."
    yield TableColumn("family / network", family, is_text=True)
    yield TableColumn("restores by", "How it restores where there is a choice: sampling steps, averages.", is_text=True)
    for name, heading in COST_HEADINGS.items():
        yield _column(heading, COST_EXPLANATIONS[name], LOWER, is_core=name in CORE_COSTS)


def _column(heading: str, explanation: str, direction: str, *, is_core: bool = False) -> TableColumn:
    return TableColumn(heading, f"{explanation} {DIRECTIONS[direction]}".strip(), direction, is_core=is_core)


def _score_cell(metric: Metric, statistics: ModelStatistics, deviation: float, *, marks_near_best: bool) -> TableCell:
    over_seeds = f" ± {deviation:.{metric.decimals}f}" if math.isfinite(deviation) else ""
    text = format_score(statistics.mean, metric.decimals) + over_seeds
    value = abs(statistics.mean) if metric.best == 0 else statistics.mean
    versus_best = statistics.versus_best
    is_near = marks_near_best and versus_best in NEAR_BEST and statistics.versus_input is not VersusInput.WORSE
    return TableCell(text, value, versus_best is VersusBest.BEST, is_near)


def _gain_cell(gain: MeanDifference | None) -> TableCell:
    if gain is None or math.isnan(gain.mean):
        return TableCell("")
    interval = "" if math.isnan(gain.low) else f" [{gain.low:+.2f}, {gain.high:+.2f}]"
    return TableCell(f"{gain.mean:+.2f}{interval}", gain.mean)


def _wins_cell(result: Result, statistics: ModelStatistics, images: int) -> TableCell:
    return TableCell("") if result.is_input else TableCell(f"{statistics.wins} of {images}", statistics.wins)


def _cost_cells(result: Result) -> tuple[TableCell, ...]:
    """The cells of all costs that have a column; empty where a cost was not measured."""
    texts = {name: _cost(result, name) for name in COST_HEADINGS}
    return tuple(TableCell(text, result.costs[name] if text else "") for name, text in texts.items())


def _cost(result: Result, name: str) -> str:
    value = result.costs[name]
    if math.isnan(value):
        return ""
    if name == "train_seconds":
        return format_duration(value) if value else ""
    if name == "ms_per_megapixel":
        return "" if result.is_input else _time(value, result.costs["ms_per_megapixel_spread"])
    return format_count(value)


def _time(minimum: float, spread: float) -> str:
    """Return the minimum of all rounds and how much longer the median is."""
    return f"{minimum:.0f} (+{100 * spread:.0f} %)"


def _marks(comparison: Comparison) -> Iterator[str]:
    images, scenes = comparison.images, comparison.scenes
    units = pluralize(images, "image")
    if scenes != images:
        units = f"{pluralize(scenes, 'scene')} that {'show' if scenes > 1 else 'shows'} {units}"
    if comparison.ranked:
        yield "Bold: the best mean."
    if len(comparison.ranked) > 1:
        yield _test_note(comparison, units)
    if scenes > 1:
        yield f"In brackets: 95 % Student's t interval of the mean over {units}. {_training_note(comparison)}".rstrip()
        if len(comparison.results) > 2:
            yield "Each is of its row alone; what the text calls more than chance is corrected for all tests, and may be less."


def _notes(comparison: Comparison) -> Iterator[str]:
    images = comparison.images
    if comparison.scene_sizes_differ:
        yield "Scenes differ in their number of images: gains are means of the means of scenes, scores are means over images."
    for result in comparison.results:
        if count := comparison.statistics_of(result.model).left_out:
            yield f"{result.model}: {identical_note(count)}."
    if images < len(comparison.scores.images):
        yield f"Models are ordered and compared by the {pluralize(images, 'image')} that none of them restores exactly."
    if any(math.isfinite(result.costs["ms_per_megapixel"]) for result in comparison.results if not result.is_input):
        yield (
            "ms / megapixel: the minimum of all rounds, in each of which every model took its turn; in brackets, how much "
            "longer the median is: where that is much, the machine was busy."
        )
        if len({result.results_folder for result in comparison.results}) > 1:
            yield "Those of different results folders were measured apart, and hardly compare."
    if note := oracle_note(comparison):
        yield note


def _test_note(comparison: Comparison, units: str) -> str:
    """Return the test behind the marks of models that are not significantly behind the best."""
    if not comparison.is_conclusive:
        test = "Wilcoxon's signed-rank test with Holm's correction for all pairs of models"
        return f"Too few images to tell what is more than chance: over {units} {test} cannot reach p < 0.05."
    verdicts = {one.versus_best for by_model in comparison.statistics.values() for one in by_model.values()}
    mixed = ", or behind it on average and ahead on most images" if VersusBest.MIXED in verdicts else ""
    test = f"Wilcoxon's signed-rank test over {units}, Holm-corrected for all pairs of models, p ≥ 0.05"
    return (
        f"≈: not significantly behind the best ({test}, or a 95 % interval that holds 0){mixed}, and not worse than the input."
    )


def _training_note(comparison: Comparison) -> str:
    """Return whether the intervals include the variance of training."""
    trained = [result for result in comparison.results if result.is_trained]
    single = [result.model for result in trained if len(result.seeds) == 1]
    if len(single) == len(trained):
        return "It leaves out how much training varies, which one seed cannot tell." if single else ""
    held = "They hold the variance of training between seeds"
    return f"{held}, save that of {join_names(single)}: one seed cannot tell it." if single else f"{held} (Howe 1974)."
