"""Which trainings of an experiment are tried before any of them begins."""

from __future__ import annotations

from collections.abc import Iterable

from accelerate import Accelerator

from deblurbench.benchmark.changes import finished, is_damaged
from deblurbench.benchmark.plan import Cell
from deblurbench.memo import Memo
from deblurbench.registry import MODELS
from deblurbench.training.trial import Training, require_memory, try_out


def try_trainings(cells: Iterable[Cell], accelerator: Accelerator, memo: Memo) -> None:
    """Fetch the weights that training the unfinished `cells` needs, and find whatever would fail in the midst of it.

    What `memo` knows to have worked is not tried again.
    """
    trainings = {  # by name: data sets and seeds do not change what a step is made of
        cell.name.model: Training(cell.name.model, cell.spec, tuple(cell.sources), cell.settings)
        for cell in cells
        if cell.settings and (is_damaged(cell) or not finished(cell))  # a run says so, or makes it anew
    }
    for training in trainings.values():
        require_memory(training, accelerator.device, accelerator.num_processes)
    with accelerator.main_process_first():
        for training in trainings.values():
            MODELS.build(training.spec).prepare_training()
    try_out(list(trainings.values()), accelerator.device, accelerator.num_processes, memo)
