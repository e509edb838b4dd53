"""Which candidate of a sweep is best, by validation alone; and what a model's training took."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from deblurbench.benchmark.cells import Cell
from deblurbench.errors import DeblurbenchError, UsageError
from deblurbench.models.loading import spec_of_checkpoint
from deblurbench.records.checked import WITHOUT_HISTORY, read_history
from deblurbench.records.paths import HISTORY, LAST


def last_validation_psnr(folder: Path) -> float:
    """The validation PSNR of the last weights in the folder of a trained cell."""
    validations = read_history(folder / HISTORY)["validation"]
    if not validations:
        raise UsageError(f"{folder / HISTORY}: validation: is empty; {WITHOUT_HISTORY}")
    psnr: float = validations[-1]["psnr"]
    return psnr


def chosen(cell: Cell) -> tuple[Cell, dict[str, Any]]:
    """`cell` of a sweep with the spec and weights of its best candidate, and the facts of the choice for its record.

    The best has the highest validation PSNR of its last weights, the mean over the seeds.
    """
    trained = {
        label: folders
        for label, folders in cell.candidates.items()
        if all((folder / HISTORY).is_file() for folder in folders)  # the report names those that failed
    }
    if not trained:
        raise DeblurbenchError("no candidate of this sweep could be trained; their own messages say why")
    scores = {
        label: sum(last_validation_psnr(folder) for folder in folders) / len(folders) for label, folders in trained.items()
    }
    best = max(scores, key=lambda label: scores[label])
    folder = next(folder for folder in cell.candidates[best] if folder.name == cell.folder.name)
    spec = spec_of_checkpoint(folder / LAST, cell.model)
    return replace(cell, spec=spec, weights_of=folder), {"chosen": best, "validation_psnr": scores}


def training_seconds(cell: Cell) -> float:
    """What it took to train whatever `cell` restores with, each training once; all candidates of a sweep count."""
    histories = [folder / HISTORY for folder in cell.trainings if (folder / HISTORY).is_file()]
    return sum(read_history(path)["seconds"] for path in histories)
