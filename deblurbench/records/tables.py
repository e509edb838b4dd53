"""The tables of a results folder: `comparison.csv`, `per_image.csv` and `really_blurred.csv`, a dataclass a row."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from pydantic import ValidationError

from deblurbench.errors import UsageError
from deblurbench.files import read_csv, write_csv
from deblurbench.records.cells import CellName
from deblurbench.records.costs import COST_COLUMNS
from deblurbench.records.paths import COMPARISON, PER_IMAGE, REALLY_BLURRED
from deblurbench.records.scores import ImageScores, UnpairedScores
from deblurbench.records.validation import REWRITTEN, Amount, Count, FolderName, Score, WholeNumber, adapter_of
from deblurbench.registry import NO_REFERENCE

EARLIER = "as an earlier version has left it; run the experiment again with --restart, which scores anew and trains nothing"
NAME = ("dataset", "model", "seed")
LONGEST_SHOWN = 60  # characters of a cell in a message


@dataclass(frozen=True)
class ComparisonRow:
    """A model, trained with one seed, on a data set: mean scores by metric, and costs, of which some may be unmeasured."""

    dataset: FolderName
    model: FolderName
    family: str
    network: str
    seed: WholeNumber
    inference: str
    oracle: bool
    pairs: str
    costs: dict[str, Count | Amount]
    data: str
    weights: str
    scores: dict[str, Score]


@dataclass(frozen=True)
class CellRow:
    """A row of a cell."""

    dataset: FolderName
    model: FolderName
    seed: WholeNumber


@dataclass(frozen=True)
class PairedRow(CellRow):
    """A row of a cell on pairs: those of files, registered ones, or synthetic ones."""

    pairs: str


@dataclass(frozen=True)
class ImageRow(ImageScores, PairedRow):
    """The scores of one test image as one cell restored it."""


@dataclass(frozen=True)
class UnpairedRow(UnpairedScores, CellRow):
    """The no-reference scores of a photograph without a sharp counterpart, as one cell restored it."""


RowType = TypeVar("RowType", ComparisonRow, ImageRow, UnpairedRow)


def write_table(path: Path, kind: type[RowType], rows: Iterable[RowType], metrics: Sequence[str]) -> None:
    """Write `rows`, whose scores are by `metrics`, to the CSV `path`; what is None or unmeasured is left empty."""
    columns = _columns(kind, metrics)
    flat = map(_flat, rows)
    write_csv(path, columns, ({column: row.get(column, "") for column in columns} for row in flat))


def read_table(path: Path, kind: type[RowType], metrics: Sequence[str]) -> list[RowType]:
    """The rows of the CSV `path`. Raises UsageError that names line and column where one is damaged, lacking or there twice."""
    try:
        lines = read_csv(path)
        is_cut_off = not path.read_bytes().endswith(b"\n")
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path}: is no CSV in UTF-8 ({error}); {REWRITTEN}") from error
    if is_cut_off:
        raise UsageError(f"{path}: line {len(lines) + 1} has no end, the rest is missing; {REWRITTEN}")
    needed = set(_columns(kind, metrics)) - set(COST_COLUMNS)
    if lines and (missing := needed - lines[0].keys()):
        raise UsageError(f"{path}: has no column '{min(missing)}', {EARLIER}")
    rows: dict[tuple[Any, ...], RowType] = {}
    for number, line in enumerate(lines, 2):
        if None in line or None in line.values():
            raise UsageError(f"{path}: line {number} has not as many cells as the first line; {REWRITTEN}")
        row = _parsed(line, kind, metrics, f"{path}: line {number}")
        name = tuple(getattr(row, key) for key in (*NAME, "image") if hasattr(row, key))
        if name in rows:
            raise UsageError(f"{path}: line {number} is the second of {' / '.join(map(str, name))}; {REWRITTEN}")
        rows[name] = row
    return list(rows.values())


class Tables(NamedTuple):
    """The rows of `comparison.csv`, `per_image.csv` and `really_blurred.csv`."""

    comparison: list[ComparisonRow]
    images: list[ImageRow]
    unpaired: list[UnpairedRow]


def read_tables(results: Path, metrics: Sequence[str]) -> Tables:
    """The tables in the folder `results`. Raises UsageError where one is damaged or lacks a cell that another has."""
    comparison = read_table(results / COMPARISON, ComparisonRow, metrics)
    images = read_table(results / PER_IMAGE, ImageRow, metrics)
    one, other = ({CellName(row.dataset, row.model, row.seed) for row in rows} for rows in (comparison, images))
    if lone := sorted(one ^ other):
        table, lacking = (COMPARISON, PER_IMAGE) if lone[0] in one else (PER_IMAGE, COMPARISON)
        raise UsageError(f"{results / lacking}: holds nothing of {lone[0].title}, which is in {table}; {REWRITTEN}")
    path = results / REALLY_BLURRED
    return Tables(comparison, images, read_table(path, UnpairedRow, no_reference_metrics()) if path.is_file() else [])


def no_reference_metrics() -> tuple[str, ...]:
    """The metrics of `UnpairedRow`."""
    return tuple(NO_REFERENCE.names())


def _columns(kind: type[Any], metrics: Sequence[str]) -> list[str]:
    """The columns of a table of `kind`: its fields, those that are mappings in columns of their own."""
    within = {"costs": COST_COLUMNS, "scores": tuple(metrics)}
    return [column for each in fields(kind) for column in within.get(each.name, (each.name,))]


def _flat(row: Any) -> dict[str, Any]:
    cells: dict[str, Any] = {}
    for each in fields(row):
        value = getattr(row, each.name)
        cells |= value if isinstance(value, dict) else {each.name: "" if value is None else value}
    return cells


def _parsed(line: dict[str, str], kind: type[RowType], metrics: Sequence[str], where: str) -> RowType:
    """The row of `line`, read from `where`. Raises UsageError."""
    value: dict[str, Any] = {}
    for each in fields(kind):
        if each.name == "scores":
            value["scores"] = {metric: line[metric] for metric in metrics}
        elif each.name == "costs":
            value["costs"] = {column: line[column] for column in COST_COLUMNS if line.get(column)}
        elif each.name != "spread" or line["spread"]:
            value[each.name] = line[each.name]
        else:
            value["spread"] = None
    try:
        row: RowType = adapter_of(kind).validate_python(value)  # from text
    except ValidationError as error:
        column = next(str(key) for key in reversed(error.errors()[0]["loc"]) if key in line)
        raise UsageError(
            f"{where}: {column}: {line[column][:LONGEST_SHOWN]!r} {_problem(error, column)}; {REWRITTEN}"
        ) from error
    return row


def _problem(error: ValidationError, column: str) -> str:
    """The first problem of a cell in `column`."""
    first = error.errors()[0]
    if first["type"] == "value_error":
        return str(first["ctx"]["error"])
    kinds = {
        "dataset": "name of a folder",
        "model": "name of a folder",
        "spread": "number of pixels",
        "oracle": "True or False",
    }
    kinds |= dict.fromkeys(COST_COLUMNS, "amount")
    return f"is no {kinds.get(column, 'number')}"
