"""The times that the models of a data set take: measured in one sitting, and kept in one file beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch

from deblurbench.benchmark.cells import Cell
from deblurbench.files import write_json
from deblurbench.models.base import Restorer
from deblurbench.records.checked import WITHOUT_TIMES, Times, read_checked
from deblurbench.records.paths import TIMES
from deblurbench.scoring.costs import TimeCost, time_cost, time_in_turn


def time_cells(
    cells: Iterable[Cell], model_of: Callable[[Cell], Restorer], device: torch.device, environment: dict[str, Any]
) -> None:
    """Time the models of all finished `cells` of one data set in turn, and write it; nothing where all are known.

    Where one is missing all are measured anew: only times of one sitting can be compared.
    """
    finished = [(cell, record) for cell in cells if (record := cell.finished()) and not cell.is_candidate]
    if all(stored_time(cell, record) for cell, record in finished):
        return
    times = time_in_turn([model_of(cell) for cell, _ in finished], device)
    measured = {
        _name(cell): {**_what_was_timed(record), "rounds": len(own), **time_cost(own)._asdict()}
        for (cell, record), own in zip(finished, times, strict=True)
    }
    write_json(_path(finished[0][0]), {"environment": environment, "cells": measured})


def stored_time(cell: Cell, record: dict[str, Any]) -> TimeCost | None:
    """What the finished `cell` with this `record` was measured to take; None where it was not, or has changed since."""
    path = _path(cell)
    known = read_checked(path, Times, WITHOUT_TIMES)["cells"].get(_name(cell)) if path.is_file() else None
    if known is None or any(known[key] != value for key, value in _what_was_timed(record).items()):
        return None
    return TimeCost(*(known[key] for key in TimeCost._fields))


def _what_was_timed(record: dict[str, Any]) -> dict[str, Any]:
    return {key: record[key] for key in ("scoring_identity", "weights")}  # a sweep may choose other weights


def _path(cell: Cell) -> Path:
    return cell.folder.parent.parent / TIMES


def _name(cell: Cell) -> str:
    return f"{cell.model} / seed {cell.seed}"
