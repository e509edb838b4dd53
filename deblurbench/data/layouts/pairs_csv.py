"""A CSV of own pairs, in any folders."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from deblurbench.data.layouts.base import Layout, Origin
from deblurbench.data.table import (
    SPLITS,
    TEST,
    TRAIN,
    VALIDATION,
    PairEntry,
    PairTable,
    carve_validation,
    split_by_hash,
    split_in_blocks,
)
from deblurbench.errors import UsageError, suggestion
from deblurbench.registry import LAYOUTS

MAX_FILES = 20  # of a folder that are read
COLUMNS = ("sharp", "blurred", "split", "group")


@LAYOUTS.register("pairs-csv")
class PairsCsv(Layout):
    """A CSV with a header: `sharp`, and if you have them `blurred`, `split` and `group` (the scene or person).

    Paths are relative to the file; commas or semicolons separate the values. Without `blurred` the sharp images are to be
    blurred. Without `split`, groups are split by a hash of their name, and where no row has a group, in contiguous blocks by
    the path of the sharp file. Several blurred versions of one sharp file are one group.
    """

    origin = Origin("a CSV of own pairs")

    def __init__(self, *, path: str) -> None:
        self.path = Path(path).expanduser()

    def table(self) -> PairTable:
        rows, problems = self._rows()
        if not rows:
            raise UsageError(f"{self.path}: holds no usable row; {problems[0] if problems else 'it is empty'}")
        keys = _keys(rows)
        groups = [row.get("group") or row["sharp"] for row in rows]
        if any(row.get("split") for row in rows):
            splits = [row["split"] for row in rows]
        else:
            split = split_by_hash if any(row.get("group") for row in rows) else split_in_blocks
            of_group = split(groups, str(self.path))
            splits = [of_group[group] for group in groups]
        folder = self.path.parent
        entries = tuple(
            PairEntry(key, split, group, folder / row["sharp"], folder / row["blurred"] if row.get("blurred") else None)
            for key, split, group, row in zip(keys, splits, groups, rows, strict=True)
        )
        present = {entry.split for entry in entries}
        if TRAIN not in present or TEST not in present:
            raise UsageError(
                f"{self.path}: split: has rows of {' and '.join(sorted(present))} only; name some train and some test"
            )
        return PairTable(entries if VALIDATION in present else carve_validation(entries), tuple(problems))

    def _rows(self) -> tuple[list[dict[str, str]], list[str]]:
        if not self.path.is_file():
            raise UsageError(f"{self.path}: there is no such file; give a CSV with the columns {', '.join(COLUMNS)}")
        problems: list[str] = []
        rows: list[dict[str, str]] = []
        try:
            with self.path.open(encoding="utf-8-sig", newline="") as file:
                first = file.readline()
                file.seek(0)
                reader = csv.DictReader(file, delimiter=";" if ";" in first and "," not in first else ",")
                for name in reader.fieldnames or ():
                    if name not in COLUMNS:
                        raise UsageError(f"{self.path}: unknown column '{name}'{suggestion(str(name), COLUMNS)}")
                if "sharp" not in (reader.fieldnames or ()):
                    raise UsageError(f"{self.path}: has no column 'sharp'; the first line names the columns")
                for row in reader:
                    wrong = next(_faults(row), None)
                    if wrong:
                        problems.append(f"{self.path}: line {reader.line_num}: {wrong}")
                    else:
                        rows.append(row)
        except (UnicodeDecodeError, csv.Error) as error:
            raise UsageError(f"{self.path}: is no CSV in UTF-8 ({error}); save it as one") from error
        return rows, problems

    @classmethod
    def recognise(cls, path: Path) -> list[dict[str, Any]]:
        found = [path] if path.is_file() else sorted(path.glob("*.csv"))[:MAX_FILES] if path.is_dir() else []
        files = [file for file in found if file.is_file()]  # reading a pipe would never end
        return [{"path": str(file)} for file in files if file.suffix.lower() == ".csv" and (file == path or _names_sharp(file))]


def _names_sharp(file: Path) -> bool:
    """Whether the header of a CSV in a folder has the column `sharp`."""
    with file.open(encoding="utf-8-sig", errors="replace") as opened:
        header = opened.readline(1000)
    return "sharp" in header.strip().replace(";", ",").split(",")


def _faults(row: dict[str, Any]) -> Iterator[str]:
    if None in row or None in row.values():
        yield "has more or fewer values than the header"
    elif not row["sharp"]:
        yield "has no sharp image"
    elif "split" in row and row["split"] not in SPLITS:
        yield f"split '{row['split']}' is none of {', '.join(SPLITS)}"


def _keys(rows: list[dict[str, str]]) -> list[str]:
    """Unique keys that can name a file: the sharp file's stem; where these repeat, with the row's number."""
    stems = [Path(row["sharp"]).stem for row in rows]
    if len(set(stems)) == len(stems):
        return stems
    return [f"{stem}-{number}" for number, stem in enumerate(stems, 1)]
