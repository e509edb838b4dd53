"""Writing the report: a page to open, a page to read as text, tables for papers and spreadsheets, and grids."""

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
from deblurbench.report.findings.comparison_table import STATISTICS, Table, comparison_table, statistics_rows
from deblurbench.report.findings.metric_agreement import Agreement, agreement
from deblurbench.report.findings.no_reference import Sharpness, sharpness
from deblurbench.report.findings.pairwise import DUEL_COLUMNS, Duels, duel_rows, duels
from deblurbench.report.findings.preferences import Preferences, preferred
from deblurbench.report.findings.setups import Differences, differences
from deblurbench.report.latex import latex_table
from deblurbench.report.pictures.gallery import Album, disputes, examples, grid, shown_photographs
from deblurbench.report.pictures.grids import comparison_grid, shown_grid
from deblurbench.report.pictures.median_image import median_image, subject_of
from deblurbench.report.results import Results


@dataclass(frozen=True)
class Section:
    """What the report shows of one data set."""

    comparison: Comparison
    table: Table
    differences: Differences | None
    duels: Duels | None
    agreement: Agreement | None
    preferences: Preferences | None
    sharpness: Sharpness | None
    grid_file: str | None
    shown_file: str | None
    pictures: dict[str, Any]  # for the page alone
    figures: dict[str, str | None]


class Written(NamedTuple):
    """The page, and what it answers: a line a data set, and one for what an oracle reaches there."""

    page: Path
    answers: list[str]


def write_report(results: Results, out: Path) -> Written:
    """Write `report.html`, `report.md`, `tables.tex`, `statistics.csv`, `duels.csv` and `grids/` into `out`.

    In another folder than that of the results the tables too. Raises UsageError where the report of several would replace the
    tables of one of them.
    """
    is_own = out.resolve() in [folder.resolve() for folder in results.folders]
    if is_own and len(results.folders) > 1:
        raise UsageError(f"--out: {out} is one of the results, whose tables would be replaced; give another folder")
    if not is_own:
        metrics = tuple(results.recipe.metrics)
        write_table(out / COMPARISON, ComparisonRow, [row for result in results.results for row in result.rows], metrics)
        write_table(out / PER_IMAGE, ImageRow, [row for result in results.results for row in result.images], metrics)
    album = Album()
    sections = [_section(results, dataset, album, out) for dataset in results.datasets]
    comparisons = [section.comparison for section in sections]
    content: dict[str, Any] = {
        "results": results,
        "answers": answers(comparisons),
        "caution": caution(results, comparisons),
        "sections": sections,
        "album": album,
        "hashes": [row for result in results.results for row in result.rows],
    }
    for name in (HTML, MARKDOWN):
        write_whole(out / name, _environment(name).get_template(f"{name}.j2").render(content))
    recipe = f"Recipe {results.recipe.title}: {results.recipe.description}."
    latex = [latex_table(one.table, f"{one.comparison.label}. {recipe}", one.comparison.dataset) for one in sections]
    write_whole(out / LATEX, "% needs \\usepackage{booktabs,graphicx}\n\n" + "\n".join(latex))
    write_csv(out / STATISTICS_TABLE, STATISTICS, [row for one in comparisons for row in statistics_rows(one)])
    write_csv(out / DUELS, DUEL_COLUMNS, [row for one in sections if one.duels for row in duel_rows(one.comparison, one.duels)])
    oracles = [note for one in comparisons if (note := oracle_note(one))]
    return Written(out / HTML, [*content["answers"], *oracles])


def _environment(name: str) -> Environment:
    return Environment(
        loader=PackageLoader("deblurbench.report"),
        autoescape=select_autoescape(["html.j2"]),
        finalize=None if name == HTML else in_markdown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def in_markdown(value: object) -> str:
    """`value` as text that Markdown takes for nothing but text, in a table too."""
    return re.sub(r"([|<*`]|(?<=\])\()", r"\\\1", " ".join(str(value).split("\n")))


def _section(results: Results, dataset: str, album: Album, out: Path) -> Section:
    comparison = compare(results, dataset)
    agreed = agreement(results, comparison)
    subject = subject_of(comparison)
    album.lacks(comparison.results, median_image(comparison), truth=comparison.untouched)
    return Section(
        comparison,
        comparison_table(results, comparison),
        differences(results, comparison),
        duels(results, comparison),
        agreed,
        preferred(results, comparison),
        sharpness(comparison),
        _write_grid(comparison_grid(subject) if subject else None, out, dataset),
        _write_grid(shown_grid(comparison), out, f"{dataset}-really-blurred"),
        pictures={
            "grid": grid(subject, comparison, album) if subject else None,
            "examples": examples(comparison, album),
            "disputes": disputes(comparison, agreed, album) if agreed else [],
            "shown": shown_photographs(comparison, album),
        },
        figures={
            "plane": perception_distortion(results, comparison),
            "cost": quality_and_cost(results, comparison),
            "robustness": robustness_curves(results, comparison),
            "training": training_curves(results, comparison),
        },
    )


def _write_grid(picture: Image.Image | None, out: Path, name: str) -> str | None:
    """Where in `out` the picture was written; None where there is none."""
    if picture is None:
        return None
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    write_whole(out / GRIDS / f"{name}.png", buffer.getvalue())
    return f"{GRIDS}/{name}.png"
