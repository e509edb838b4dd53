"""Writing the report: an HTML page, the same as Markdown, tables for papers and spreadsheets, and image grids."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from PIL import Image

from deblurbench.errors import UsageError
from deblurbench.files import write_csv, write_whole
from deblurbench.records.paths import COMPARISON, DUELS, GRIDS, HTML, LATEX, MARKDOWN, PER_IMAGE, STATISTICS_TABLE
from deblurbench.records.tables import ComparisonRow, ImageRow, write_table
from deblurbench.report.figures.robustness import robustness_curves
from deblurbench.report.figures.scatter_plots import perception_distortion, quality_and_cost
from deblurbench.report.figures.training_curves import training_curves
from deblurbench.report.findings.answer import answers, caution, oracle_note
from deblurbench.report.findings.comparison import Comparison, compare
from deblurbench.report.findings.comparison_table import ComparisonTable, comparison_table
from deblurbench.report.findings.headline import headlines
from deblurbench.report.findings.metric_agreement import MetricAgreement, metric_agreement
from deblurbench.report.findings.no_reference import NoReferenceTable, no_reference_table
from deblurbench.report.findings.pairwise import PAIRWISE_COLUMNS, PairwiseComparison, compare_pairwise, pairwise_rows
from deblurbench.report.findings.preferences import PreferenceTable, preference_table
from deblurbench.report.findings.setups import SetupDifferences, setup_differences
from deblurbench.report.findings.statistics_table import STATISTICS_COLUMNS, statistics_rows
from deblurbench.report.latex import latex_tables
from deblurbench.report.pictures.embedding import EmbeddedPictures
from deblurbench.report.pictures.gallery import disagreement_examples, examples, gallery, really_blurred_photographs
from deblurbench.report.pictures.grids import comparison_grid, really_blurred_grid
from deblurbench.report.pictures.median_image import median_image_name, read_median_image
from deblurbench.report.results import Results


@dataclass(frozen=True)
class Section:
    """The part of a report on one data set."""

    comparison: Comparison
    table: ComparisonTable
    setups: SetupDifferences | None
    pairwise: PairwiseComparison | None
    agreement: MetricAgreement | None
    preferences: PreferenceTable | None
    no_reference: NoReferenceTable | None
    grid_file: str | None
    really_blurred_file: str | None
    pictures: dict[str, Any]  # for the page alone
    figures: dict[str, list[str]]  # panels of SVG


class WrittenReport(NamedTuple):
    """The page, and what it says first: one short line per data set, and the sentences with the numbers behind them."""

    page: Path
    answers: list[str]  # the headlines, and a line for the best oracle of each data set
    details: list[str]


def write_report(results: Results, out: Path) -> WrittenReport:
    """Write `report.html`, `report.md`, `tables.tex`, `statistics.csv`, `duels.csv` and `grids/` into `out`.

    In another folder than that of the results, write their merged tables too. Raises UsageError where the report of several
    would replace the tables of one of them.
    """
    is_own = out.resolve() in [folder.resolve() for folder in results.folders]
    if is_own and len(results.folders) > 1:
        raise UsageError(f"--out: {out} is one of the results, whose tables would be replaced; give another folder")
    comparison_rows = [row for result in results.results for row in result.comparison_rows]
    if not is_own:
        metrics = tuple(results.recipe.metrics)
        write_table(out / COMPARISON, ComparisonRow, comparison_rows, metrics)
        write_table(out / PER_IMAGE, ImageRow, [row for result in results.results for row in result.image_rows], metrics)
    embedded = EmbeddedPictures()
    sections = [_section(results, dataset, embedded, out) for dataset in results.datasets]
    comparisons = [section.comparison for section in sections]
    content: dict[str, Any] = {
        "results": results,
        "headlines": headlines(comparisons),
        "answers": answers(comparisons),
        "first_slider": next((one for one in sections if one.pictures["gallery"]), None),
        "caution": caution(results, comparisons),
        "sections": sections,
        "embedded": embedded,
        "hashes": comparison_rows,
    }
    for name in (HTML, MARKDOWN):
        write_whole(out / name, _environment(name).get_template(f"{name}.j2").render(content))
    recipe = f"Recipe {results.recipe.title}: {results.recipe.description}."
    latex = [latex_tables(one.table, f"{one.comparison.label}. {recipe}", one.comparison.dataset) for one in sections]
    write_whole(out / LATEX, "% needs \\usepackage{booktabs,graphicx}\n\n" + "\n".join(latex))
    write_csv(out / STATISTICS_TABLE, STATISTICS_COLUMNS, [row for one in comparisons for row in statistics_rows(one)])
    pairs = [row for one in sections if one.pairwise for row in pairwise_rows(one.comparison, one.pairwise)]
    write_csv(out / DUELS, PAIRWISE_COLUMNS, pairs)
    oracles = [note for one in comparisons if (note := oracle_note(one))]
    return WrittenReport(out / HTML, [*content["headlines"], *oracles], content["answers"])


def _environment(name: str) -> Environment:
    return Environment(
        loader=PackageLoader("deblurbench.report"),
        autoescape=select_autoescape(["html.j2"]),
        finalize=None if name == HTML else escape_markdown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def escape_markdown(value: object) -> str:
    """Return `value` as one line of text with the special characters of Markdown and its tables escaped."""
    return re.sub(r"([|<*`]|(?<=\])\()", r"\\\1", " ".join(str(value).split("\n")))


def _section(results: Results, dataset: str, embedded: EmbeddedPictures, out: Path) -> Section:
    comparison = compare(results, dataset)
    agreement = metric_agreement(results, comparison)
    median = read_median_image(comparison)
    if (name := median_image_name(comparison)) is not None:
        embedded.note_missing(comparison.results, name, blurred_input=comparison.blurred_input)
    return Section(
        comparison=comparison,
        table=comparison_table(results, comparison),
        setups=setup_differences(results, comparison),
        pairwise=compare_pairwise(results, comparison),
        agreement=agreement,
        preferences=preference_table(results, comparison),
        no_reference=no_reference_table(comparison),
        grid_file=_write_grid(comparison_grid(median) if median else None, out, dataset),
        really_blurred_file=_write_grid(really_blurred_grid(comparison), out, f"{dataset}-really-blurred"),
        pictures={
            "gallery": gallery(median, comparison, embedded) if median else None,
            "examples": examples(comparison, embedded),
            "disagreements": disagreement_examples(comparison, agreement, embedded) if agreement else [],
            "really_blurred": really_blurred_photographs(comparison, embedded),
        },
        figures={
            "perception": perception_distortion(results, comparison),
            "cost": quality_and_cost(results, comparison),
            "robustness": robustness_curves(results, comparison),
            "training": training_curves(results, comparison),
        },
    )


def _write_grid(picture: Image.Image | None, out: Path, name: str) -> str | None:
    """Write the picture, and return its path in `out`; None without a picture, and an earlier one is removed."""
    path = out / GRIDS / f"{name}.png"
    if picture is None:
        path.unlink(missing_ok=True)
        return None
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    write_whole(path, buffer.getvalue())
    return f"{GRIDS}/{path.name}"
