"""Whether the files that finished cells have left are still there, and what they were."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from deblurbench.benchmark.changes import finished, move_aside, move_scores_aside
from deblurbench.benchmark.plan import Cell
from deblurbench.checkpoint import load_checkpoint
from deblurbench.errors import UsageError
from deblurbench.files import file_hash
from deblurbench.images.whole import whole_size
from deblurbench.records.cells import CellRecord
from deblurbench.records.history import read_history
from deblurbench.records.paths import BLURRED, HISTORY, LAST, RESTORED, SHARP, STATE, picture_path


def refuse_damage(cells: list[Cell]) -> None:
    """Raise UsageError where the weights that a cell was scored with are gone or others now, or its history is damaged."""
    for cell in cells:
        if finished(cell) and (cell.folder / HISTORY).is_file():
            read_history(cell.folder / HISTORY)
    for path, users in _other_weights(cells):
        what = "is not the file" if path.is_file() else "is missing, the file"
        raise UsageError(
            f"{path}: {what} that '{users[0].title}' was scored with; put that back, or run with --restart to make it anew"
        )


def move_damaged_aside(cells: list[Cell]) -> list[Path]:
    """Rename damaged weights and histories, with all scores of them, and damaged states of trainings to resume.

    Returns where they went. Whatever was whole beside them is kept: from a whole state no training is repeated.
    """
    moved = []
    for cell in cells:
        if _has_damaged_history(cell):
            moved += [move_aside(cell.folder / HISTORY), *move_scores_aside(cell)]
    for path, users in list(_other_weights(cells)):
        moved += [move_aside(path)] if path.is_file() else []
        for cell in cells:
            if cell in users or cell.folder == path.parent:
                moved += move_scores_aside(cell)
    for cell in cells:
        state = cell.folder / STATE
        if cell.settings and state.is_file() and not finished(cell) and _identity(state) != cell.training_identity:
            moved.append(move_aside(state))
    return moved


def is_trained(cell: Cell) -> bool:
    """Whether the training of `cell` has come to its end, and its weights are whole."""
    return (cell.folder / HISTORY).is_file() and _identity(cell.folder / LAST) == cell.training_identity


def has_all_pictures(cell: Cell) -> bool:
    """Whether every picture of a finished cell is there and whole; for the unprocessed input, the sharp ones too."""
    record = finished(cell)
    if record is None or record.scores is None:
        return True
    tested = [row.image for row in record.scores.images]
    unpaired = [row.image for row in record.scores.unpaired]
    paths = [picture_path(cell.folder / RESTORED, key) for key in (*tested, *unpaired)]
    if cell.name.model == BLURRED:
        paths += [picture_path(cell.folder.parent.parent / SHARP, key) for key in tested]
    return all(whole_size(path) for path in paths)


def _has_damaged_history(cell: Cell) -> bool:
    try:
        return (cell.folder / HISTORY).is_file() and not read_history(cell.folder / HISTORY)
    except UsageError:
        return True


def _other_weights(cells: list[Cell]) -> Iterator[tuple[Path, list[Cell]]]:
    """Files of weights that are not those of the records, each with the cells that were scored with it."""
    users: dict[Path, list[tuple[Cell, str]]] = {}
    for cell in cells:
        record = finished(cell)
        path = None if record is None else _weights_file(cell, record)
        if record is not None and record.scores is not None and path is not None:
            users.setdefault(path, []).append((cell, record.scores.weights))
    for path, scored in users.items():
        found = file_hash(path) if path.is_file() else ""
        others = [cell for cell, wanted in scored if wanted != found]
        if others:
            yield path, others


def _weights_file(cell: Cell, record: CellRecord) -> Path | None:
    """The file in the results folder that a finished cell was scored with; None where it needs none."""
    if record.choice is not None:
        return cell.folder.parent.parent / record.choice.best / cell.folder.name / LAST
    return cell.weights_of / LAST if cell.weights_of else None


def _identity(path: Path) -> str | None:
    """The training that a checkpoint belongs to; None where it cannot be read."""
    try:
        found: str | None = load_checkpoint(path)[1].get("identity")
    except UsageError:
        return None
    return found
