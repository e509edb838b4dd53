"""The weights that a cell restores with, from files to a model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from deblurbench.benchmark.plan import Cell
from deblurbench.errors import DeblurbenchError, UsageError
from deblurbench.files import digest, file_hash
from deblurbench.models.base import Model, Restorer, family
from deblurbench.models.loading import fill_trained, load, save_model, spec_of_checkpoint, warm_start
from deblurbench.records.cells import SweepChoice
from deblurbench.records.history import REMEDY, read_history
from deblurbench.records.paths import HISTORY, LAST
from deblurbench.registry import MODELS

GONE = "is missing: the training that writes it failed, or it was removed since"


def restorer_of(cell: Cell, device: torch.device) -> Restorer:
    """The restorer of `cell`, with its weights; of a sweep `cell` is what `with_choice` gives. Raises DeblurbenchError."""
    if cell.weights_of is None:
        restorer: Restorer = MODELS.build(cell.spec)
        return restorer.to(device).eval()
    path = cell.weights_of / LAST
    if not path.is_file():
        raise DeblurbenchError(f"{path}: {GONE}")
    allowed = family(cell.spec["name"]).restoring_parameters
    return load(path, device=device, **{key: cell.spec[key] for key in allowed})


def fill_sources(restorer: Restorer, cell: Cell) -> None:
    """Give `restorer`, and the restorers within it, the weights that others were trained to. Raises DeblurbenchError."""
    for path in (*cell.sources.values(), cell.start):
        if path is not None and not path.is_file():
            raise DeblurbenchError(f"{path}: {GONE}")
    if cell.start is not None:
        assert isinstance(restorer, Model)  # what is not trained has no use for a start
        warm_start(restorer, cell.start)
    for place, path in cell.sources.items():
        fill_trained(restorer, place, path)


def save_composed(cell: Cell) -> None:
    """Write the checkpoint of a model that is composed of trained ones and needs no training itself."""
    restorer: Restorer = MODELS.build(cell.spec)
    fill_sources(restorer, cell)
    facts = {"dataset": cell.name.dataset, "seed": cell.name.seed, "identity": cell.training_identity}
    save_model(cell.folder / LAST, restorer, cell.spec, **facts)


def weights_hash(cell: Cell) -> str:
    """The SHA-256 of the file of weights of `cell`; of several files that it brings itself, a hash of theirs; else empty."""
    if cell.weights_of:
        return file_hash(cell.weights_of / LAST)
    hashes = [file_hash(path) for path in cell.weight_files]
    return hashes[0] if len(hashes) == 1 else digest(hashes) if hashes else ""


def with_choice(cell: Cell) -> tuple[Cell, SweepChoice | None]:
    """`cell` with the spec and weights of its best candidate where it is a sweep, and the choice; else itself and None.

    The best has the highest validation PSNR of its last weights, the mean over the seeds. Raises DeblurbenchError where no
    candidate was trained.
    """
    if not cell.candidates:
        return cell, None
    trained = {  # the report names those that failed
        label: folders for label, folders in cell.candidates.items() if all((folder / HISTORY).is_file() for folder in folders)
    }
    if not trained:
        raise DeblurbenchError("no candidate of this sweep could be trained; their own messages say why")
    psnr = {label: sum(last_validation_psnr(folder) for folder in folders) / len(folders) for label, folders in trained.items()}
    best = max(psnr, key=lambda label: psnr[label])
    folder = next(folder for folder in cell.candidates[best] if folder.name == cell.folder.name)
    spec = spec_of_checkpoint(folder / LAST, cell.name.model)
    return replace(cell, spec=spec, weights_of=folder), SweepChoice(best, cell.candidate_settings, psnr)


def last_validation_psnr(folder: Path) -> float:
    """The validation PSNR of the last weights in the folder of a trained cell."""
    validations = read_history(folder / HISTORY).validation
    if not validations:
        raise UsageError(f"{folder / HISTORY}: validation: is empty; {REMEDY}")
    return validations[-1].psnr


def training_seconds(cell: Cell) -> float:
    """The seconds of all trainings that the weights of `cell` took, each once; of a sweep, all candidates."""
    histories = [folder / HISTORY for folder in cell.trainings if (folder / HISTORY).is_file()]
    return sum(read_history(path).seconds for path in histories)
