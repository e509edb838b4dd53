"""Running one cell: trained, then scored, each unless that is done. It writes only into the cell's folder."""

from __future__ import annotations

import traceback
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from accelerate import Accelerator

from deblurbench.benchmark.plan import Cell
from deblurbench.benchmark.weights import (
    fill_sources,
    last_validation_psnr,
    restorer_of,
    save_composed,
    weights_hash,
    with_choice,
)
from deblurbench.benchmark.wholeness import is_trained
from deblurbench.data.prepared import PreparedDataset
from deblurbench.errors import is_full_disk, one_line
from deblurbench.files import remove_unfinished, write_whole
from deblurbench.locks import claim
from deblurbench.metrics.recipe import Recipe
from deblurbench.models.base import Model
from deblurbench.progress import MatrixPosition, progress_bar
from deblurbench.randomness import seed_torch
from deblurbench.records.cells import CellRecord, CellScores, Status, write_cell
from deblurbench.records.paths import ERROR, RESTORED
from deblurbench.registry import MODELS
from deblurbench.scoring.test_set import ScoringRun, image_count, score_images
from deblurbench.training.processes import first_process_does
from deblurbench.training.settings import TrainingSettings
from deblurbench.training.trainer import Trainer, TrainingRun


@dataclass(frozen=True)
class Equipment:
    """The data, the recipe and the machine with which cells are run."""

    datasets: dict[str, PreparedDataset]
    recipe: Recipe
    accelerator: Accelerator
    environment: dict[str, Any]
    workers: int = 0  # processes that prepare batches


def run_cell(cell: Cell, equipment: Equipment, position: MatrixPosition | None = None) -> None:
    """Train and score `cell`, and record it as done; where it fails, as failed, and the error is raised again.

    `position` is its place among the cells to be run, for people.

    Raises UsageError where another process works on the cell.
    """
    accelerator = equipment.accelerator
    with ExitStack() as held:  # of several processes the first holds it
        first_process_does(accelerator, lambda: _begin(cell, held))
        try:
            if cell.settings is not None and not is_trained(cell):
                _train(cell, cell.settings, equipment, position)
            elif cell.sources:
                first_process_does(accelerator, lambda: save_composed(cell))
            first_process_does(accelerator, lambda: _finish(cell, equipment))
        except Exception as error:
            if not is_full_disk(error) and accelerator.is_main_process:
                write_whole(cell.folder / ERROR, traceback.format_exc())
                write_cell(cell.folder, record_of(cell, "failed", error=one_line(error)))
            raise


def record_of(cell: Cell, status: Status, **facts: Any) -> CellRecord:
    """The record of `cell`, with its identities and `facts`."""
    return CellRecord(
        status, *cell.name, spec=cell.spec, training=cell.training_facts, scoring=cell.scoring_facts,
        training_identity=cell.training_identity, scoring_identity=cell.scoring_identity, **facts,
    )  # fmt: skip


def _begin(cell: Cell, held: ExitStack) -> None:
    """Hold the folder of `cell` as long as `held` is open, sweep away what a crash has left in it, and record it as running."""
    held.enter_context(claim(cell.folder))
    remove_unfinished(cell.folder)
    write_cell(cell.folder, record_of(cell, "running"))


def _train(cell: Cell, settings: TrainingSettings, equipment: Equipment, position: MatrixPosition | None) -> None:
    seed_torch(cell.name.seed, "initial weights")
    model: Model = MODELS.build(cell.spec)
    model.prepare_training()
    fill_sources(model, cell)
    training = TrainingRun(
        cell.spec,
        cell.name.seed,
        cell.folder,
        cell.training_identity,
        equipment.environment,
        equipment.workers,
        position,
    )
    Trainer(model, equipment.datasets[cell.name.dataset], settings, equipment.accelerator, training).run()


def _finish(cell: Cell, equipment: Equipment) -> None:
    write_cell(cell.folder, _done(cell, equipment))
    (cell.folder / ERROR).unlink(missing_ok=True)


def _done(cell: Cell, equipment: Equipment) -> CellRecord:
    """The record of a finished cell: scored, or, of a candidate of a sweep, validated: test images are not its business."""
    if cell.is_candidate:
        return record_of(cell, "done", validation_psnr=last_validation_psnr(cell.folder))
    cell, choice = with_choice(cell)
    images, device = equipment.datasets[cell.name.dataset], equipment.accelerator.device
    restorer = restorer_of(cell, device)
    with progress_bar(total=image_count(restorer, images), desc=f"scoring {cell.name.model}", unit="image") as bar:
        run = ScoringRun(equipment.recipe, cell.name.seed, device, cell.folder / RESTORED)
        scores = score_images(restorer, images, run, bar.update)
    found = CellScores(
        family=cell.spec["name"],
        network=restorer.method,
        inference=restorer.inference,
        oracle=restorer.is_oracle,
        pairs=images.pairs,
        data=images.fingerprint,
        weights=weights_hash(cell),
        environment=equipment.environment,
        images=tuple(scores.images),
        unpaired=tuple(scores.unpaired),
    )
    return record_of(cell, "done", choice=choice, scores=found)
