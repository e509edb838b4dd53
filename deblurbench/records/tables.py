"""The files of a results folder that a report is made of, checked where they are read."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from annotated_types import MinLen

from deblurbench.errors import UsageError
from deblurbench.files import read_csv
from deblurbench.records.checked import (
    FOLDER_NAME,
    LARGEST,
    LONGEST_NAME,
    REWRITTEN,
    WIDEST,
    StoredExperiment,
    checked,
    known,
    read_checked,
)  # fmt: skip
from deblurbench.records.paths import COMPARISON, ENVIRONMENT, EXPERIMENT, PER_IMAGE, REALLY_BLURRED
from deblurbench.registry import NO_REFERENCE
from deblurbench.yaml_files import read_yaml

COUNTS, TIMES = ("params", "evaluations", "macs", "train_seconds"), ("ms_per_megapixel", "ms_per_megapixel_spread")
NUMBERS = (*COUNTS, *TIMES)
EARLIER = "as an earlier version has left it; run the experiment again with --restart, which scores anew and trains nothing"
Line = Annotated[str, MinLen(1)]
Row = dict[str, str]
Kind = Callable[[str], object]  # raises ValueError for what is none of it


class Tables(NamedTuple):
    """Rows of `comparison.csv`, `per_image.csv` and `really_blurred.csv`."""

    rows: list[Row]
    images: list[Row]
    shown: list[Row]


def read_experiment(folder: Path) -> dict[str, Any]:
    """The resolved experiment. Raises UsageError where it is damaged."""
    path = folder / EXPERIMENT
    experiment: dict[str, Any] = checked(read_yaml(path), StoredExperiment, path, REWRITTEN)
    return experiment


def read_lines(path: Path) -> dict[str, list[str]]:
    """The lines of `problems.json` or `notes.json` by data set, of those that have some."""
    lines: dict[str, list[str]] = read_checked(path, dict[str, list[Line]], REWRITTEN)
    return {dataset: found for dataset, found in lines.items() if found}


def read_environments(folder: Path) -> Any:
    """What `environment.json` says."""
    return read_checked(folder / ENVIRONMENT, list[dict[str, Any]], REWRITTEN)


def read_tables(folder: Path, metrics: Sequence[str]) -> Tables:
    """The tables of scores by `metrics`.

    Raises UsageError, naming file, line and column, where one is damaged or lacks what is needed.
    """
    names: dict[str, Kind] = {"dataset": _folder_name, "model": _folder_name, "seed": _whole}
    scores = dict.fromkeys(metrics, _score)
    method: dict[str, Kind] = dict.fromkeys(("family", "network", "inference", "pairs", "data", "weights"), str)
    costs: dict[str, Kind] = {**dict.fromkeys(COUNTS, _amount), **dict.fromkeys(TIMES, _time)}
    image: dict[str, Kind] = {"image": _image_name, "scene": str, "blur": str, "spread": _spread}
    rows = _read(folder / COMPARISON, {**names, **method, "oracle": _flag, **costs, **scores}, tuple(names))
    images = _read(folder / PER_IMAGE, {**names, **image, **scores}, (*names, "image"))
    one, other = ({tuple(row[name] for name in names) for row in table} for table in (rows, images))
    if lone := sorted(one ^ other):
        table, lacking = (COMPARISON, PER_IMAGE) if lone[0] in one else (PER_IMAGE, COMPARISON)
        raise UsageError(f"{folder / lacking}: holds nothing of {' / '.join(lone[0])}, which is in {table}; {REWRITTEN}")
    path = folder / REALLY_BLURRED
    alone = {**names, "image": _image_name, **dict.fromkeys(NO_REFERENCE.names(), _score)}
    return Tables(rows, images, _read(path, alone, (*names, "image")) if path.is_file() else [])


def _read(path: Path, columns: Mapping[str, Kind], key: Sequence[str]) -> list[Row]:
    """The rows of a table that a run has written, in which no two have the same `key`."""
    try:
        rows = read_csv(path)
        is_cut_off = not path.read_bytes().endswith(b"\n")
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path}: is no CSV in UTF-8 ({error}); {REWRITTEN}") from error
    if is_cut_off:
        raise UsageError(f"{path}: line {len(rows) + 1} has no end, the rest is missing; {REWRITTEN}")
    if rows and (missing := set(columns) - rows[0].keys()):
        raise UsageError(f"{path}: has no column '{min(missing)}', {EARLIER}")
    seen: set[tuple[str, ...]] = set()
    for line, row in enumerate(rows, 2):
        if None in row or None in row.values():
            raise UsageError(f"{path}: line {line} has not as many cells as the first line; {REWRITTEN}")
        for column, kind in columns.items():
            try:
                kind(row[column])
            except ValueError as error:
                raise UsageError(f"{path}: line {line}: {column}: {row[column][:60]!r} is {error}; {REWRITTEN}") from error
        name = tuple(row[column] for column in key)
        if name in seen:
            raise UsageError(f"{path}: line {line} is the second of {' / '.join(name)}; {REWRITTEN}")
        seen.add(name)
    return rows


def _folder_name(text: str) -> None:
    if len(text) > LONGEST_NAME or not re.search(FOLDER_NAME, text):
        raise ValueError("no name of a folder")


def _image_name(text: str) -> None:
    if not 0 < len(text.encode()) <= LONGEST_NAME or "/" in text or "\0" in text:
        raise ValueError("no name of an image")


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise ValueError("no number") from error


def _score(text: str) -> None:
    """A number; that of identical images may be infinite."""
    try:
        known(_number(text))
    except ValueError as error:
        raise ValueError("no score") from error


def _amount(text: str) -> None:
    if not 0 <= _number(text) <= LARGEST:
        raise ValueError("no amount")


def _time(text: str) -> None:
    """An amount; nothing where it was not measured."""
    if text:
        _amount(text)


def _spread(text: str) -> None:
    if text and not 0 <= _number(text) <= WIDEST:
        raise ValueError("no number of pixels")


def _whole(text: str) -> None:
    if not text.removeprefix("-").isdecimal() or str(int(text[:30])) != text:
        raise ValueError("no whole number")


def _flag(text: str) -> None:
    if text not in ("True", "False"):
        raise ValueError("neither True nor False")
