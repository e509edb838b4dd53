"""Which candidate of a sweep is best, by validation alone; and what a model's training took."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from deblurbench.benchmark.cells import Cell
from deblurbench.errors import DeblurbenchError
from deblurbench.files import read_json
from deblurbench.models.loading import spec_of_checkpoint
from deblurbench.results_folder import HISTORY, LAST, RECORD


def last_validation_psnr(folder: Path) -> float:
    """The validation PSNR of the last weights in the folder of a trained cell. Raises DeblurbenchError without any."""
    if not (folder / HISTORY).is_file():
        raise DeblurbenchError(f"{folder / HISTORY}: is missing: the training that writes it failed, or it was removed since")
    psnr: float = read_json(folder / HISTORY)["validation"][-1]["psnr"]
    return psnr


def chosen(cell: Cell) -> tuple[Cell, dict[str, Any]]:
    """`cell` of a sweep with the spec and weights of its best candidate, and the facts of the choice for its record.

    The best has the highest validation PSNR of its last weights, the mean over the seeds.
    """
    scores = {
        label: sum(last_validation_psnr(folder) for folder in folders) / len(folders)
        for label, folders in cell.candidates.items()
    }
    best = max(scores, key=lambda label: scores[label])
    folder = next(folder for folder in cell.candidates[best] if folder.name == cell.folder.name)
    spec = spec_of_checkpoint(folder / LAST, cell.model)
    return replace(cell, spec=spec, weights_of=folder), {"chosen": best, "validation_psnr": scores}


def training_seconds(cell: Cell) -> float:
    """What the weights of `cell` took to train, those of the models that it is made of or started from included."""
    own = 0.0
    if cell.weights_of is not None and (cell.weights_of / HISTORY).is_file():
        own = read_json(cell.weights_of / HISTORY)["seconds"]
    before = [path.parent / RECORD for path in (*cell.sources.values(), cell.start) if path is not None]
    return own + sum(read_json(path).get("train_seconds", 0.0) for path in before if path.is_file())
