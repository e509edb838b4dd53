"""The costs of the cells of a data set: a step of its own, when nothing else is left to do, alone on the device."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from deblurbench.benchmark.changes import finished
from deblurbench.benchmark.plan import Cell
from deblurbench.benchmark.weights import restorer_of, training_seconds, with_choice
from deblurbench.records.cells import CellRecord
from deblurbench.records.costs import Costs, CostsOfDataset, MeasuredCosts, read_costs, write_costs
from deblurbench.records.paths import COSTS
from deblurbench.scoring.costs import measure_costs


def measure_cells(cells: Iterable[Cell], device: torch.device, environment: dict[str, Any]) -> None:
    """Measure the costs of all finished `cells` of one data set and write them; nothing where all are known.

    Where one is missing all are measured anew: only times of one sitting can be compared.
    """
    done = [(cell, record) for cell in cells if (record := finished(cell)) and not cell.is_candidate]
    if all(stored_costs(cell, record) for cell, record in done):
        return
    restorers = [restorer_of(with_choice(cell)[0], device) for cell, _ in done]
    seconds = [round(training_seconds(cell), 3) for cell, _ in done]
    measured = {
        _key(cell): MeasuredCosts(cell.scoring_identity, _weights(record), rounds, costs)
        for (cell, record), (rounds, costs) in zip(done, measure_costs(restorers, seconds, device), strict=True)
    }
    write_costs(_path(done[0][0]), CostsOfDataset(environment, measured))


def stored_costs(cell: Cell, record: CellRecord) -> Costs | None:
    """The costs of the finished `cell` with this `record`; None where they were not measured, or it has changed since."""
    stored = read_costs(_path(cell))
    known = stored.cells.get(_key(cell)) if stored else None
    if known is None or (known.scoring_identity, known.weights) != (record.scoring_identity, _weights(record)):
        return None
    return known.costs


def _weights(record: CellRecord) -> str:
    return record.scores.weights if record.scores else ""  # a sweep may choose other weights


def _path(cell: Cell) -> Path:
    return cell.folder.parent.parent / COSTS


def _key(cell: Cell) -> str:
    return f"{cell.name.model}/{cell.folder.name}"
