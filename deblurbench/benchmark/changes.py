"""Cells whose folder holds another result than theirs: they are named, and moved aside when that is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from deblurbench.benchmark.plan import Cell, Facts
from deblurbench.errors import UsageError
from deblurbench.records.cells import FORMAT, CellRecord, read_cell, require_scores
from deblurbench.records.paths import RECORD, RESTORED
from deblurbench.records.tables import no_reference_metrics

MOST_NAMED = 3  # differences in a message
EARLIER = "by an earlier version of deblurbench"


def finished(cell: Cell) -> CellRecord | None:
    """The record of `cell` where it was finished with its very identities; None where it was not.

    Raises UsageError where that is damaged.
    """
    record = read_cell(cell.folder)
    if record is None or record.status != "done" or change_of(cell, record):
        return None
    if not cell.is_candidate:
        require_scores(record, cell.metrics, no_reference_metrics(), cell.folder / RECORD)
    return record


def is_damaged(cell: Cell) -> bool:
    """Whether the record of `cell` cannot be read."""
    with suppress(UsageError):
        finished(cell)
        return False
    return True


def change_of(cell: Cell, record: CellRecord) -> str:
    """Why `record`, found in the folder of `cell`, is of another result; empty where it is of this one."""
    if record.training_identity != cell.training_identity:
        return f"was {'trained' if cell.settings else 'run'} {_difference(record, record.training, cell.training_facts)}"
    if record.status == "done" and record.scoring_identity != cell.scoring_identity:
        return f"was scored {_difference(record, record.scoring, cell.scoring_facts)}"
    return ""


def refuse_changed(cells: list[Cell]) -> None:
    """Raise UsageError where a folder holds another result: results are never mixed, nor silently replaced."""
    changed = [(cell, why) for cell in cells if (record := read_cell(cell.folder)) and (why := change_of(cell, record))]
    if changed:
        (cell, why), more = changed[0], f" (and {len(changed) - 1} more)" if len(changed) > 1 else ""
        raise UsageError(
            f"{cell.folder}: {why}{more}; run with --restart to move it aside and do it anew, or give another --out"
        )


def move_changed_aside(cells: list[Cell]) -> list[Path]:
    """Rename the folders of other trainings; of cells only scored otherwise, or whose record is damaged, the scores.

    Returns where they went.
    """
    moved: list[Path] = []
    for cell in cells:
        if is_damaged(cell):
            moved += move_scores_aside(cell)
            continue
        record = read_cell(cell.folder)
        if record is not None and record.training_identity != cell.training_identity:
            moved.append(move_aside(cell.folder))
        elif record is not None and change_of(cell, record):
            moved += move_scores_aside(cell)
    return moved


def move_scores_aside(cell: Cell) -> list[Path]:
    """Rename what scoring has left of `cell`, which will then be scored again. Returns where it went."""
    return [move_aside(path) for path in (cell.folder / RECORD, cell.folder / RESTORED) if path.exists()]


def move_aside(path: Path) -> Path:
    """Rename `path` to a name that is free, and return that."""
    number = 1
    while (aside := path.with_name(f"{path.name}.old-{number}")).exists():
        number += 1
    return path.rename(aside)


def _difference(record: CellRecord, old: Facts, new: Facts) -> str:
    """How the facts of a record differ from those of today, in words."""
    if record.format < FORMAT or old.get("version") != new["version"]:
        return EARLIER
    found = list(_changes(old, new, ""))
    more = f" and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else ""
    return f"with {', '.join(found[:MOST_NAMED])}{more}"


def _changes(old: Facts, new: Facts, place: str) -> Iterator[str]:
    """A text for each value that differs between two nested mappings."""
    for key in dict.fromkeys((*new, *old)):
        before, now, where = old.get(key), new.get(key), f"{place}.{key}".removeprefix(".")
        if isinstance(before, dict) and isinstance(now, dict):
            yield from _changes(before, now, where)
        elif before != now:
            is_hash = where in ("data.files", "weights")
            yield f"other {'files of data' if where == 'data.files' else where}" if is_hash else f"{where} {before}, not {now}"
