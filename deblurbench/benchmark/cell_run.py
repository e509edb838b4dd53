"""Running one cell of a planned experiment from plain data: the results folder and the name of the cell."""

from __future__ import annotations

import time
from pathlib import Path

from deblurbench.benchmark.changes import finished, refuse_changed
from deblurbench.benchmark.plan import Cell, plan_cells
from deblurbench.benchmark.preparation import Host, prepare, tell_device
from deblurbench.benchmark.result_line import result_line
from deblurbench.benchmark.wholeness import is_trained
from deblurbench.benchmark.work import run_cell
from deblurbench.errors import UsageError, suggestion
from deblurbench.experiment.experiment import load_experiment
from deblurbench.locks import require_unclaimed
from deblurbench.records.cells import CellName, read_cell
from deblurbench.records.paths import EXPERIMENT
from deblurbench.records.plan import PlannedIdentity, read_plan


def run_planned_cell(results: Path, name: CellName, host: Host) -> bool:
    """Run the cell called `name` of the experiment planned in `results`, and write only into its folder.

    Returns whether there was anything to do. Raises UsageError where no such cell was planned, a cell that it needs is not
    done, another process runs it, or this process would compute another cell than was planned.
    """
    planned = _planned(results, name)
    if host.is_main:
        require_unclaimed(name.folder(results))
    experiment = load_experiment(results / EXPERIMENT)
    equipment = prepare(experiment, [name.dataset], host)
    cells = {cell.name: cell for cell in plan_cells(experiment, equipment.datasets, results)}
    cell = cells[name]
    if (cell.training_identity, cell.scoring_identity) != (planned.training_identity, planned.scoring_identity):
        raise UsageError(
            f"{name}: is another cell here than was planned: the data, their versions or deblurbench differ; plan it again"
        )
    refuse_changed([cell])
    if finished(cell):
        return False
    for need in cell.needs:
        _require_done(cells[need], name)
    host.accelerator.wait_for_everyone()  # all have looked before one begins to write
    tell_device(equipment, host)
    start = time.perf_counter()
    run_cell(cell, equipment)
    host.tell(result_line(cell, cells.values(), time.perf_counter() - start))
    return True


def _planned(results: Path, name: CellName) -> PlannedIdentity:
    """The planned identity of the cell called `name`. Raises UsageError where it was not planned."""
    planned = {cell.name: cell for cell in read_plan(results).cells}
    if str(name) not in planned:
        raise UsageError(f"{results}: unknown cell '{name}'{suggestion(str(name), planned)}")
    return planned[str(name)]


def _require_done(need: Cell, name: CellName) -> None:
    """Raise UsageError where the cell `need` is not done, whose weights cell `name` takes.

    A candidate of a sweep may have failed: the best of the others is chosen.
    """
    record = read_cell(need.folder)
    has_failed = need.is_candidate and record is not None and record.status == "failed"
    if not (finished(need) or has_failed or (need.settings and is_trained(need))):
        raise UsageError(f"{name}: needs {need.name}, which is not done; run that first")
