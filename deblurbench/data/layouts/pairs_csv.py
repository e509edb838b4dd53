"""A CSV of own pairs, wherever they lie."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from deblurbench.data.layout import Layout, Origin
from deblurbench.data.table import (
    SPLITS,
    TEST,
    TRAIN,
    VALIDATION,
    Entry,
    Table,
    carve_validation,
    split_by_hash,
    split_in_blocks,
)
from deblurbench.errors import UsageError, suggestion
from deblurbench.registry import LAYOUTS

COLUMNS = ("sharp", "blurred", "split", "group")


@LAYOUTS.register("pairs-csv")
class PairsCsv(Layout):
    """A CSV with a header: `sharp`, and if you have them `blurred`, `split` and `group` (the scene or person).

    Paths are relative to the file. Without `blurred` the sharp images are to be blurred. Without `split`, groups are split by a
    hash of their name, and rows without groups in contiguous blocks by the name of the sharp file.
    """

    origin = Origin("a CSV of own pairs")

    def __init__(self, *, path: str) -> None:
        self.path = Path(path).expanduser()

    def table(self) -> Table:
        rows, problems = self._rows()
        if not rows:
            raise UsageError(f"{self.path}: holds no usable row; {problems[0] if problems else 'it is empty'}")
        keys = _keys([row["sharp"] for row in rows])
        groups = [row.get("group") or key for row, key in zip(rows, keys, strict=True)]
        if any(row.get("split") for row in rows):
            splits = [row.get("split") or TRAIN for row in rows]
        else:
            of_group = split_by_hash(groups) if any(row.get("group") for row in rows) else split_in_blocks(groups)
            splits = [of_group[group] for group in groups]
        folder = self.path.parent
        entries = tuple(
            Entry(key, split, group, folder / row["sharp"], folder / row["blurred"] if row.get("blurred") else None)
            for key, split, group, row in zip(keys, splits, groups, rows, strict=True)
        )
        present = {entry.split for entry in entries}
        if TRAIN not in present or TEST not in present:
            raise UsageError(
                f"{self.path}: split: has rows of {' and '.join(sorted(present))} only; name some train and some test"
            )
        return Table(entries if VALIDATION in present else carve_validation(entries), tuple(problems))

    def _rows(self) -> tuple[list[dict[str, str]], list[str]]:
        if not self.path.is_file():
            raise UsageError(f"{self.path}: there is no such file; give a CSV with the columns {', '.join(COLUMNS)}")
        problems: list[str] = []
        rows: list[dict[str, str]] = []
        try:
            with self.path.open(encoding="utf-8-sig", newline="") as file:
                reader = csv.DictReader(file)
                for name in reader.fieldnames or ():
                    if name not in COLUMNS:
                        raise UsageError(f"{self.path}: unknown column{suggestion(str(name), COLUMNS)}")
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
        return [{"path": str(path)}] if path.suffix.lower() == ".csv" and path.is_file() else []


def _faults(row: dict[str, Any]) -> Iterator[str]:
    if None in row or None in row.values():
        yield "has more or fewer values than the header"
    elif not row["sharp"]:
        yield "has no sharp image"
    elif row.get("split") and row["split"] not in SPLITS:
        yield f"split '{row['split']}' is none of {', '.join(SPLITS)}"


def _keys(names: list[str]) -> list[str]:
    """Unique keys that can name a picture: the file's stem, or its whole path where stems repeat."""
    stems = [Path(name).stem for name in names]
    if len(set(stems)) == len(stems):
        return stems
    return [Path(name).with_suffix("").as_posix().strip("./").replace("/", "-") for name in names]
